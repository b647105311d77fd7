//! Kinds of media, and the codecs that are forwarded.

use crate::id::Pt;

/// What kind of media an m-line carries.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Picture: camera or screen.
    Video,
}

/// The codecs that are forwarded. Whoever would send in others alone is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184, Baseline, Main or High, packetization mode 0 or 1. Whoever takes one of them is sent
    /// any: decoders go by the parameter sets in the stream.
    H264,
}

impl Codec {
    /// RTP clock rate in Hz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::H264 => 90_000,
        }
    }
}

/// A payload type and the one that repairs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodecSpec {
    /// What is encoded.
    pub codec: Codec,
    /// Payload type of the media.
    pub pt: Pt,
    /// Payload type of its retransmissions (RFC 4588), if negotiated.
    pub rtx_pt: Option<Pt>,
    /// Payload type under which it carries what came before it (RFC 2198), if negotiated.
    pub red_pt: Option<Pt>,
    /// Whether lost packets may be asked for (generic NACK, RFC 4585 §6.2.1). Without
    /// retransmissions of their own they come again as they were.
    pub nack: bool,
}
