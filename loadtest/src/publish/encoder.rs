//! How a picture is encoded, as far as the other side notices.

use sfu::kind::Codec;

/// An encoder's habits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Encoder {
    /// Of the picture.
    pub codec: Codec,
    /// Makes a keyframe when asked.
    pub answers: bool,
}

impl Default for Encoder {
    /// A browser's.
    fn default() -> Self {
        Self {
            codec: Codec::Vp8,
            answers: true,
        }
    }
}

impl Encoder {
    /// Whether it repairs on SSRCs of their own (RFC 4588). Encoders of H.264 send the very same
    /// packet again.
    pub const fn has_rtx(self) -> bool {
        !matches!(self.codec, Codec::H264)
    }

    /// Whether it numbers its packets across the transport. Encoders of H.264 do not.
    pub const fn numbers_packets(self) -> bool {
        self.has_rtx()
    }
}
