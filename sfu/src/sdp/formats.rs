//! What an m-line says of its formats, read in one pass over its attributes.

use super::codec::Feedback;
use super::offer::Media;
use crate::id::Pt;

/// What carries Opus with what came before it. Pictures are redundant in another way.
pub(super) const RED: &str = "red/48000/2";

/// Payload types are numbers of 7 bits.
const PAYLOAD_TYPES: usize = 128;

/// What is said of one payload type; of several lines of a kind, the first counts.
#[derive(Clone, Copy, Default)]
pub(super) struct Format<'a> {
    /// `a=rtpmap`, without the payload type.
    pub(super) rtpmap: Option<&'a str>,
    /// `a=fmtp`, without the payload type.
    pub(super) fmtp: Option<&'a str>,
    /// `a=rtcp-fb` of the kinds we know, one bit each in the order of [`Feedback::ALL`].
    feedback: u8,
    /// The payload type that repairs it (RFC 4588 §8.1).
    pub(super) rtx: Option<Pt>,
    /// The payload type under which sound carries what came before it (RFC 2198 §5).
    pub(super) red: Option<Pt>,
}

impl Format<'_> {
    /// The feedback that the offerer understands.
    pub(super) fn feedback(&self) -> Vec<Feedback> {
        let kinds = (0u8..).zip(Feedback::ALL);
        let named = kinds.filter(|(bit, _)| self.feedback >> bit & 1 == 1);
        named.map(|(_, kind)| kind).collect()
    }
}

/// The formats of one m-line, by payload type.
pub(super) struct Formats<'a>([Format<'a>; PAYLOAD_TYPES]);

impl<'a> Formats<'a> {
    /// Reads what an m-line says.
    pub(super) fn read(media: &'a Media) -> Self {
        let mut formats = Self([Format::default(); PAYLOAD_TYPES]);
        let mut of_all = 0;
        for (key, value) in media.attributes() {
            let Some((number, rest)) = value.split_once(' ') else {
                continue;
            };
            let rest = rest.trim();
            match (key, formats.of_mut(number)) {
                ("rtpmap", Some(format)) => format.rtpmap = format.rtpmap.or(Some(rest)),
                ("fmtp", Some(format)) => format.fmtp = format.fmtp.or(Some(rest)),
                ("rtcp-fb", Some(format)) => format.feedback |= bit(rest),
                ("rtcp-fb", None) if number == "*" => of_all |= bit(rest),
                _ => {}
            }
        }
        for format in &mut formats.0 {
            format.feedback |= of_all;
        }
        formats.find_repairs(media);
        formats.find_redundancy(media);
        formats
    }

    /// What is said of a payload type.
    pub(super) fn of(&self, pt: Pt) -> Format<'a> {
        self.0.get(usize::from(pt.0)).copied().unwrap_or_default()
    }

    fn of_mut(&mut self, number: &str) -> Option<&mut Format<'a>> {
        self.0.get_mut(number.parse::<usize>().ok()?)
    }

    /// Pairs every payload type with the first that repairs it.
    fn find_repairs(&mut self, media: &Media) {
        for pt in media.payload_types() {
            let format = self.of(pt);
            let is_rtx = format
                .rtpmap
                .and_then(|rtpmap| rtpmap.get(..4))
                .is_some_and(|name| name.eq_ignore_ascii_case("rtx/"));
            let repaired = format
                .fmtp
                .filter(|_| is_rtx)
                .and_then(|fmtp| parameter(fmtp, "apt"))
                .and_then(|apt| self.of_mut(apt));
            if let Some(repaired) = repaired {
                repaired.rtx = repaired.rtx.or(Some(pt));
            }
        }
    }

    /// Pairs every payload type with the first that carries it alone.
    fn find_redundancy(&mut self, media: &Media) {
        for pt in media.payload_types() {
            let format = self.of(pt);
            let is_red = format
                .rtpmap
                .is_some_and(|rtpmap| rtpmap.eq_ignore_ascii_case(RED));
            let mut carried = format.fmtp.unwrap_or_default().split('/').map(str::trim);
            let Some(first) = carried.next().filter(|_| is_red) else {
                continue;
            };
            if carried.all(|next| next == first)
                && let Some(carried) = self.of_mut(first)
            {
                carried.red = carried.red.or(Some(pt));
            }
        }
    }
}

fn bit(offered: &str) -> u8 {
    let known = Feedback::ALL.iter().position(|kind| kind.text() == offered);
    known.map_or(0, |bit| 1 << bit)
}

/// A `name=value` of a `;`-separated list.
pub(super) fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
