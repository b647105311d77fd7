//! Which codecs of an m-line are accepted, and how the answer describes them.

use super::formats::{Format, Formats, parameter};
use super::offer::Media;
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

/// Every codec of ours that the m-line offers, each once, in the order of the offer.
pub(super) fn supported(media: &Media, kind: MediaKind) -> Vec<Chosen> {
    let mut found: Vec<Chosen> = Vec::new();
    let formats = Formats::read(media);
    for pt in media.payload_types() {
        let Some(chosen) = read(&formats.of(pt), kind, pt) else {
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

fn read(format: &Format<'_>, kind: MediaKind, pt: Pt) -> Option<Chosen> {
    let rtpmap = format.rtpmap?;
    let offered = format.fmtp.unwrap_or_default();
    let (codec, fmtp) = match (kind, rtpmap.to_ascii_lowercase().as_str()) {
        (MediaKind::Audio, "opus/48000/2") => {
            (Codec::Opus, "minptime=10;useinbandfec=1".to_owned())
        }
        (MediaKind::Video, "vp8/90000") => (Codec::Vp8, String::new()),
        (MediaKind::Video, "h264/90000") => (Codec::H264, h264_fmtp(offered)?),
        _ => return None,
    };
    Some(Chosen {
        spec: CodecSpec {
            codec,
            pt,
            rtx_pt: format.rtx,
        },
        rtpmap: rtpmap.to_owned(),
        fmtp,
        feedback: format.feedback(),
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
