//! What a segment of a message is, for a way out that must leave something out.

/// What one segment carries. Sealed, it does not show this any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SegmentKind {
    /// STUN, DTLS or RTCP.
    Control,
    /// A packet of sound.
    Sound,
    /// The first packet of a keyframe.
    Keyframe,
    /// Any other packet of a picture.
    Picture,
    /// A packet that was sent before.
    Repair,
}
