//! Which codecs of an m-line are accepted, and how the answer describes them.

use super::offer::Media;
use crate::command::{Codec, CodecSpec, MediaKind};
use crate::id::Pt;

/// A codec of the offer that we accept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chosen {
    /// Codec and payload types.
    pub(super) spec: CodecSpec,
    /// `a=rtpmap` as offered, without the payload type.
    pub(super) rtpmap: String,
    /// `a=fmtp` of the answer, without the payload type; empty if it needs none.
    pub(super) fmtp: String,
    /// Feedback that the offerer understands, of the kinds below.
    pub(super) feedback: Vec<Feedback>,
}

/// RTCP feedback (RFC 4585 §4.2, RFC 5104 §7.1) as named in SDP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Feedback {
    /// Generic NACK.
    Nack,
    /// Picture loss indication.
    NackPli,
    /// Full intra request.
    CcmFir,
    /// Transport-wide congestion control.
    TransportCc,
}

impl Feedback {
    const ALL: [Self; 4] = [Self::Nack, Self::NackPli, Self::CcmFir, Self::TransportCc];

    /// As written after `a=rtcp-fb:PT `.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Nack => "nack",
            Self::NackPli => "nack pli",
            Self::CcmFir => "ccm fir",
            Self::TransportCc => "transport-cc",
        }
    }
}

/// Every codec of ours that the m-line offers, each once, in the order of the offer.
pub(super) fn supported(media: &Media, kind: MediaKind) -> Vec<Chosen> {
    let mut found: Vec<Chosen> = Vec::new();
    for pt in media.payload_types() {
        let Some(chosen) = read(media, kind, pt) else {
            continue;
        };
        match found
            .iter_mut()
            .find(|other| other.spec.codec == chosen.spec.codec)
        {
            None => found.push(chosen),
            // Chromium lists plain before constrained baseline; the latter is what every decoder has.
            Some(other) if is_constrained(&chosen.fmtp) && !is_constrained(&other.fmtp) => {
                *other = chosen;
            }
            Some(_) => {}
        }
    }
    found
}

fn read(media: &Media, kind: MediaKind, pt: Pt) -> Option<Chosen> {
    let rtpmap = media.of_pt("rtpmap", pt).next()?;
    let offered = media.of_pt("fmtp", pt).next().unwrap_or_default();
    let (codec, fmtp) = match (kind, rtpmap.to_ascii_lowercase().as_str()) {
        (MediaKind::Audio, "opus/48000/2") => {
            (Codec::Opus, "minptime=10;useinbandfec=1".to_owned())
        }
        (MediaKind::Video, "vp8/90000") => (Codec::Vp8, String::new()),
        (MediaKind::Video, "h264/90000") => (Codec::H264, h264_fmtp(offered)?),
        _ => return None,
    };
    let feedback = Feedback::ALL
        .into_iter()
        .filter(|kind| {
            media
                .of_pt("rtcp-fb", pt)
                .any(|offered| offered == kind.text())
        })
        .collect();
    let spec = CodecSpec {
        codec,
        pt,
        rtx_pt: rtx_of(media, pt),
    };
    Some(Chosen {
        spec,
        rtpmap: rtpmap.to_owned(),
        fmtp,
        feedback,
    })
}

/// The answer's parameters for an H.264 payload type (RFC 6184 §8.1); `None` unless it is baseline
/// or constrained baseline in packetization mode 1.
fn h264_fmtp(offered: &str) -> Option<String> {
    let level = parameter(offered, "profile-level-id").unwrap_or("42e01f");
    let baseline = level.len() == 6
        && level.starts_with("42")
        && level.bytes().all(|digit| digit.is_ascii_hexdigit());
    (baseline && parameter(offered, "packetization-mode") == Some("1"))
        .then(|| format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={level}"))
}

/// Whether `profile-level-id` has constraint_set1_flag, the constrained baseline profile.
fn is_constrained(fmtp: &str) -> bool {
    parameter(fmtp, "profile-level-id")
        .and_then(|level| u8::from_str_radix(level.get(2..4)?, 16).ok())
        .is_some_and(|constraints| constraints & 0x40 != 0)
}

/// The payload type that repairs `pt` (RFC 4588 §8.1).
fn rtx_of(media: &Media, pt: Pt) -> Option<Pt> {
    media.payload_types().find(|candidate| {
        let is_rtx = media
            .of_pt("rtpmap", *candidate)
            .any(|rtpmap| rtpmap.to_ascii_lowercase().starts_with("rtx/"));
        is_rtx
            && media
                .of_pt("fmtp", *candidate)
                .filter_map(|fmtp| parameter(fmtp, "apt"))
                .any(|apt| apt.parse() == Ok(pt.0))
    })
}

/// A `name=value` of a `;`-separated list.
fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
