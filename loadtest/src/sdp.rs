//! What a simulated browser offers, and what it reads out of the answer.

mod answer;
mod offer;

pub use answer::{Answer, AnswerError, AnswerMedia, Setup};
pub use offer::{Offer, SendTrack};

/// Payload types and extension ids of the offer; the answer may only choose among them.
pub mod ids {
    /// Opus.
    pub const OPUS: u8 = 111;
    /// Opus with what came before it (RFC 2198).
    pub const OPUS_RED: u8 = 63;
    /// VP8.
    pub const VP8: u8 = 96;
    /// Retransmissions of VP8.
    pub const VP8_RTX: u8 = 97;
    /// H.264; nothing here repairs it on streams of its own.
    pub const H264: u8 = 102;
    /// RFC 6464.
    pub const AUDIO_LEVEL: u8 = 1;
    /// Transport-wide sequence number.
    pub const TWCC: u8 = 3;
    /// RFC 9143.
    pub const MID: u8 = 4;
    /// RFC 8852.
    pub const RID: u8 = 10;
    /// RFC 8852, of a repair stream.
    pub const RRID: u8 = 11;
}
