//! What forwarding must see in a payload: where a keyframe begins, and the numbers to keep going.

pub mod h264;
pub mod vp8;

use crate::kind::Codec;

/// What a payload told us.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The first packet of a keyframe (always true for audio, which can be joined anywhere).
    pub keyframe: bool,
    /// VP8's running numbers, which must continue across a switch.
    pub vp8: Option<vp8::Running>,
}

/// Looks at one payload. A malformed payload is nothing special: it is forwarded and never a
/// keyframe.
pub fn inspect(codec: Codec, payload: &[u8]) -> Seen {
    match codec {
        Codec::Opus => Seen {
            keyframe: true,
            vp8: None,
        },
        Codec::Vp8 => vp8::inspect(payload),
        Codec::H264 => Seen {
            keyframe: h264::starts_keyframe(payload),
            vp8: None,
        },
    }
}
