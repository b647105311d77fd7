//! What forwarding must see in a payload: where a keyframe begins, and the numbers to keep going.

pub mod h264;
pub mod opus;
pub mod vp8;

use crate::kind::Codec;

/// Width and height of a picture, in pixels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    /// Width.
    pub width: u16,
    /// Height.
    pub height: u16,
}

impl Size {
    /// `None` for what has no area.
    pub const fn new(width: u16, height: u16) -> Option<Self> {
        if width == 0 || height == 0 {
            return None;
        }
        Some(Self { width, height })
    }

    /// Pixels.
    pub const fn area(self) -> u32 {
        self.width as u32 * self.height as u32
    }
}

/// What a payload told us.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The first packet of a keyframe (always true for audio, which can be joined anywhere).
    pub keyframe: bool,
    /// Size of the pictures from here on.
    pub size: Option<Size>,
    /// VP8's running numbers, which must continue across a switch.
    pub vp8: Option<vp8::Running>,
}

impl Seen {
    /// Whether no picture of the base temporal layer depends on it, so that it can be left out.
    #[inline]
    pub fn is_above_base(&self) -> bool {
        let temporal = self.vp8.and_then(|vp8| vp8.temporal);
        temporal.is_some_and(|temporal| temporal.id > 0)
    }
}

/// Looks at one payload. A malformed payload is nothing special: it is forwarded and never a
/// keyframe.
pub fn inspect(codec: Codec, payload: &[u8]) -> Seen {
    match codec {
        Codec::Opus => Seen {
            keyframe: true,
            ..Seen::default()
        },
        Codec::Vp8 => vp8::inspect(payload),
        Codec::H264 => h264::inspect(payload),
    }
}
