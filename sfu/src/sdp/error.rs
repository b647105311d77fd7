//! Why an offer cannot be answered, in sentences for whoever made it.

use super::{MAX_ATTRIBUTES, MAX_FORMATS, MAX_MEDIA, MAX_OFFER_BYTES};
use crate::kind::MediaKind;

/// Why an offer cannot be answered. The text goes to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Longer than [`MAX_OFFER_BYTES`].
    #[error("the offer has {0} bytes, more than {MAX_OFFER_BYTES}: offer fewer m-lines or codecs")]
    TooLong(usize),
    /// Nothing was sent.
    #[error(
        "the offer is empty: send the client's own offer (createOffer) as application/sdp; this \
         server answers offers and makes none"
    )]
    Empty,
    /// Not SDP at all.
    #[error("the offer is not SDP: {0}")]
    Malformed(String),
    /// No m-line.
    #[error("the offer has no m-line: add a transceiver before creating it")]
    NoMedia,
    /// More than [`MAX_MEDIA`] m-lines.
    #[error("the offer has {0} m-lines, more than {MAX_MEDIA}")]
    TooManyMedia(usize),
    /// More than [`MAX_FORMATS`] formats.
    #[error("m-line {mline} has {count} formats, more than {MAX_FORMATS}: offer fewer codecs")]
    TooManyFormats {
        /// Which, from 0.
        mline: usize,
        /// How many.
        count: usize,
    },
    /// A format that stands in its m-line twice.
    #[error("m-line {mline} names the format {format:?} twice: name each once")]
    FormatTwice {
        /// Which, from 0.
        mline: usize,
        /// The format.
        format: String,
    },
    /// More lines of one kind than anybody needs.
    #[error("{place} has {count} `a={kind}` lines, more than {most}: leave out what is not used")]
    TooManyLines {
        /// The session or an m-line.
        place: Place,
        /// The attribute.
        kind: &'static str,
        /// How many.
        count: usize,
        /// How many it may be.
        most: usize,
    },
    /// More attributes than anybody needs.
    #[error(
        "{place} has {count} attributes, more than {MAX_ATTRIBUTES}: leave out what is not used"
    )]
    TooManyAttributes {
        /// The session or an m-line.
        place: Place,
        /// How many.
        count: usize,
    },
    /// A MID that does not fit into a header extension.
    #[error("the `a=mid` of m-line {mline} has more than 16 bytes: use a shorter one, such as 0")]
    BadMid {
        /// Which, from 0.
        mline: usize,
    },
    /// Two m-lines with one MID.
    #[error("two m-lines have the mid {0:?}")]
    DuplicateMid(String),
    /// Several m-lines and no BUNDLE group, or one that is to be sent outside of it.
    #[error(
        "the m-lines are not in one `a=group:BUNDLE`: set bundlePolicy to \"max-bundle\" \
         (GStreamer: bundle-policy=max-bundle)"
    )]
    NotBundled,
    /// Media that would be sent in the clear.
    #[error("m-line {mline} is {protocol}: media must be encrypted, UDP/TLS/RTP/SAVPF")]
    NotSecure {
        /// Which, from 0.
        mline: usize,
        /// What it says.
        protocol: String,
    },
    /// Media that would be sent in codecs that are not forwarded.
    #[error(
        "m-line {mline} sends {}, which this server does not forward: {}",
        list(.offered), advice(*.kind)
    )]
    NoCodec {
        /// Which, from 0.
        mline: usize,
        /// Sound or picture.
        kind: MediaKind,
        /// Names of what it offers.
        offered: Vec<String>,
    },
    /// RTCP on a port of its own.
    #[error("m-line {mid:?} has no `a=rtcp-mux`: set rtcpMuxPolicy to \"require\"")]
    NoRtcpMux {
        /// Which.
        mid: String,
    },
    /// No ICE credentials.
    #[error("the offer has no `a=ice-ufrag` and `a=ice-pwd`")]
    NoIce,
    /// The offerer does no connectivity checks either.
    #[error("the offer is `a=ice-lite`, and so is this server: nobody would check connectivity")]
    IceLite,
    /// No SHA-256 fingerprint.
    #[error("the offer has no `a=fingerprint:sha-256` of 32 bytes in hexadecimal")]
    NoFingerprint,
    /// No DTLS at all, for now.
    #[error("the offer has `a=setup:{0}`: use actpass, active or passive")]
    BadSetup(String),
    /// Nothing left after refusing.
    #[error(
        "no m-line can be accepted; offered: {}. Offer Opus, VP8 or H.264 (Baseline, Main or High)",
        list(.0)
    )]
    NothingUsable(Vec<String>),
}

/// What would be forwarded, and how common encoders are told to make it.
const fn advice(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "send Opus (FFmpeg: -c:a libopus -ar 48000; GStreamer: opusenc)",
        MediaKind::Video => {
            "send H.264 (Baseline, Main or High with 8 bits and 4:2:0, packetization-mode 0 or 1; \
             OBS: an H.264 encoder; FFmpeg: -c:v libx264 -pix_fmt yuv420p; GStreamer: x264enc) or VP8"
        }
    }
}

/// Names in a sentence.
fn list(names: &[String]) -> String {
    match names {
        [] => "nothing that is known".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Where in an offer something is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Before the first m-line.
    Session,
    /// In an m-line, counted from 0.
    Mline(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session => f.write_str("the session"),
            Self::Mline(mline) => write!(f, "m-line {mline}"),
        }
    }
}
