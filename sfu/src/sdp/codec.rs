//! Which codecs of an m-line are accepted, and how the answer describes them.

use super::formats::{Format, Formats};
use super::offer::Media;
use super::{h264, opus};
use crate::id::Pt;
use crate::kind::{Codec, CodecSpec, MediaKind};

/// A codec of the offer that we accept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chosen {
    /// Codec and payload types.
    pub(super) spec: CodecSpec,
    /// `a=rtpmap` as offered, without the payload type.
    pub(super) rtpmap: String,
    /// `a=fmtp` of the answer, without the payload type; empty if it needs none.
    pub(super) fmtp: String,
    /// What a publisher is given back behind it.
    pub(super) mirrored: String,
    /// Feedback that the offerer understands, of the kinds below.
    pub(super) feedback: Vec<Feedback>,
}

impl Chosen {
    /// Without what sound may carry of what came before: whoever sends it to us sends it once.
    pub(super) fn plain(&self) -> Self {
        let spec = CodecSpec {
            red_pt: None,
            ..self.spec
        };
        Self {
            spec,
            ..self.clone()
        }
    }
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
    pub(super) const ALL: [Self; 4] = [Self::Nack, Self::NackPli, Self::CcmFir, Self::TransportCc];

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

/// Most codecs that a sentence names.
const MAX_NAMED: usize = 6;

/// Every codec of ours that the m-line offers, each once, in the order of the offer.
pub(super) fn supported(media: &Media, kind: MediaKind) -> Vec<Chosen> {
    let mut found: Vec<(Chosen, u8)> = Vec::new();
    let formats = Formats::read(media);
    for pt in media.payload_types() {
        let Some((chosen, rank)) = read(&formats.of(pt), kind, pt) else {
            continue;
        };
        match found
            .iter_mut()
            .find(|(other, _)| other.spec.codec == chosen.spec.codec)
        {
            None => found.push((chosen, rank)),
            Some(other) if rank > other.1 => *other = (chosen, rank),
            Some(_) => {}
        }
    }
    found.into_iter().map(|(chosen, _)| chosen).collect()
}

/// What an m-line offers, by the names that people know.
pub(super) fn names(media: &Media) -> Vec<String> {
    let formats = Formats::read(media);
    let mut names: Vec<String> = Vec::new();
    for pt in media.payload_types() {
        let format = formats.of(pt);
        let name = format.rtpmap.map_or_else(
            || Some(format!("payload type {}", pt.0)),
            |rtpmap| name(rtpmap, format.fmtp.unwrap_or_default()),
        );
        if let Some(name) = name
            && names.len() < MAX_NAMED
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// A codec in a sentence; nothing for what only accompanies one.
fn name(rtpmap: &str, fmtp: &str) -> Option<String> {
    let encoding = rtpmap.split('/').next().unwrap_or_default();
    Some(match encoding.to_ascii_lowercase().as_str() {
        "rtx" | "red" | "ulpfec" | "flexfec" | "flexfec-03" | "telephone-event" | "cn" => {
            return None;
        }
        "h264" => h264::Parameters::read(fmtp).describe(),
        "h265" | "hevc" => "H.265 (HEVC)".to_owned(),
        "mpeg4-generic" | "mp4a-latm" => "AAC".to_owned(),
        _ => {
            let plain = |letter: &char| letter.is_ascii_graphic();
            encoding.chars().filter(plain).take(24).collect()
        }
    })
}

/// A codec of ours, and which of several payload types of it is chosen, the highest first.
fn read(format: &Format<'_>, kind: MediaKind, pt: Pt) -> Option<(Chosen, u8)> {
    let rtpmap = format.rtpmap?;
    let offered = format.fmtp.unwrap_or_default();
    let (codec, fmtp, rank) = match (kind, rtpmap.to_ascii_lowercase().as_str()) {
        (MediaKind::Audio, lower) if opus::is_opus(lower) => {
            (Codec::Opus, opus::FMTP.to_owned(), 0)
        }
        (MediaKind::Video, "vp8/90000") => (Codec::Vp8, String::new(), 0),
        (MediaKind::Video, "h264/90000") => {
            let parameters = h264::Parameters::read(offered);
            parameters.are_taken().then_some(())?;
            (Codec::H264, parameters.answer(), parameters.rank())
        }
        _ => return None,
    };
    let feedback = format.feedback();
    let chosen = Chosen {
        spec: CodecSpec {
            codec,
            pt,
            rtx_pt: format.rtx,
            red_pt: format.red,
            nack: feedback.contains(&Feedback::Nack),
        },
        rtpmap: rtpmap.to_owned(),
        fmtp,
        mirrored: match kind {
            MediaKind::Audio => opus::mirrored(offered),
            MediaKind::Video => String::new(),
        },
        feedback,
    };
    Some((chosen, rank))
}
