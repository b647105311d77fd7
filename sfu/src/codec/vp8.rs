//! The VP8 payload descriptor (RFC 7741 §4.2): keyframes, picture id, TL0PICIDX.

use super::{Seen, Size};

/// The running numbers of a VP8 stream, and where they lie in the payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Running {
    /// Picture id and its offset in the payload.
    pub picture: Option<PictureId>,
    /// TL0PICIDX and its offset in the payload.
    pub tl0: Option<(u8, u8)>,
    /// Which temporal layer.
    pub temporal: Option<Temporal>,
}

/// Where a picture stands among temporal layers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Temporal {
    /// Number of the layer (TID), 0 the base.
    pub id: u8,
    /// It depends on the base only, so that this layer can be joined here (Y).
    pub joins: bool,
}

/// A picture id as found in a payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PictureId {
    /// Its value, 7 or 15 bits.
    pub value: u16,
    /// Where it lies, in bytes from the start of the payload.
    pub offset: u8,
    /// 15 bits in two bytes rather than 7 in one.
    pub wide: bool,
}

/// Reads a descriptor; what cannot be read is left out.
pub fn inspect(payload: &[u8]) -> Seen {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<Seen> {
    let first = *payload.first()?;
    let mut at = 1usize;
    let mut running = Running {
        picture: None,
        tl0: None,
        temporal: None,
    };
    if first & 0x80 != 0 {
        let extended = *payload.get(1)?;
        at = 2;
        if extended & 0x80 != 0 {
            let high = *payload.get(at)?;
            let offset = u8::try_from(at).ok()?;
            if high & 0x80 != 0 {
                let low = *payload.get(at + 1)?;
                let value = u16::from(high & 0x7f) << 8 | u16::from(low);
                running.picture = Some(PictureId {
                    value,
                    offset,
                    wide: true,
                });
                at += 2;
            } else {
                running.picture = Some(PictureId {
                    value: high.into(),
                    offset,
                    wide: false,
                });
                at += 1;
            }
        }
        if extended & 0x40 != 0 {
            running.tl0 = Some((u8::try_from(at).ok()?, *payload.get(at)?));
            at += 1;
        }
        if extended & 0x30 != 0 {
            let byte = *payload.get(at)?;
            running.temporal = (extended & 0x20 != 0).then_some(Temporal {
                id: byte >> 6,
                joins: byte & 0x20 != 0,
            });
            at += 1;
        }
    }
    let starts_partition_zero = first & 0x10 != 0 && first & 0x07 == 0;
    // RFC 7741 §4.3: the inverse key frame flag is the lowest bit of the first payload byte.
    let keyframe = starts_partition_zero && payload.get(at)? & 1 == 0;
    let is_empty = running.picture.is_none() && running.tl0.is_none() && running.temporal.is_none();
    // RFC 6386 §9.1: tag, start code, then twice 14 bits of size and 2 of scale.
    let size = payload.get(at + 3..at + 10).filter(|_| keyframe);
    Some(Seen {
        keyframe,
        size: size.and_then(size_of),
        vp8: (!is_empty).then_some(running),
    })
}

fn size_of(header: &[u8]) -> Option<Size> {
    let [0x9d, 0x01, 0x2a, low, high, below, above] = *header else {
        return None;
    };
    Size::new(
        u16::from_le_bytes([low, high]) & 0x3fff,
        u16::from_le_bytes([below, above]) & 0x3fff,
    )
}

/// Writes a picture id back where it was found, keeping its width.
pub fn write_picture_id(payload: &mut [u8], at: PictureId, value: u16) {
    let offset = usize::from(at.offset);
    if at.wide {
        if let Some(bytes) = payload.get_mut(offset..offset + 2) {
            bytes.copy_from_slice(&(value & 0x7fff | 0x8000).to_be_bytes());
        }
    } else if let Some(byte) = payload.get_mut(offset) {
        *byte = (value & 0x7f) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keyframes_and_numbers_are_seen() {
        // X=1 S=1, I and L and T present, 15-bit picture id 0x1234, TL0PICIDX 9, key frame.
        let key = [0x90, 0xe0, 0x92, 0x34, 9, 0x00, 0x00, 1, 2];
        let seen = inspect(&key);
        assert!(seen.keyframe);
        let running = seen.vp8.expect("present");
        assert_eq!(
            running.picture,
            Some(PictureId {
                value: 0x1234,
                offset: 2,
                wide: true
            })
        );
        assert_eq!(running.tl0, Some((4, 9)));
        let temporal = Temporal {
            id: 0,
            joins: false,
        };
        assert_eq!(running.temporal, Some(temporal));
        let delta = [0x90, 0x80, 0x05, 0x01];
        assert!(!inspect(&delta).keyframe);
        let continuation = [0x80, 0x80, 0x05, 0x00];
        assert!(!inspect(&continuation).keyframe, "S is not set");
        let bare = [0x10, 0x00];
        assert_eq!(
            inspect(&bare),
            Seen {
                keyframe: true,
                ..Seen::default()
            }
        );
    }

    #[test]
    fn a_keyframe_tells_its_size_and_a_picture_its_temporal_layer() {
        let key = [
            0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xd0, 0x02,
        ];
        assert_eq!(inspect(&key).size, Size::new(640, 720));
        let cut = inspect(&key[..10]);
        assert_eq!((cut.keyframe, cut.size), (true, None));
        // X=1, T only, TID 2 with Y.
        let layered = [0x90, 0x20, 0xa0, 0x01];
        let temporal = inspect(&layered).vp8.and_then(|vp8| vp8.temporal);
        assert_eq!(temporal, Some(Temporal { id: 2, joins: true }));
        let only_key_index = [0x90, 0x10, 0x05, 0x01];
        assert_eq!(inspect(&only_key_index).vp8, None);
    }

    #[test]
    fn a_picture_id_is_written_in_its_width() {
        let mut wide = [0x90, 0x80, 0xff, 0xff, 0];
        write_picture_id(
            &mut wide,
            PictureId {
                value: 0,
                offset: 2,
                wide: true,
            },
            0x8001,
        );
        assert_eq!(wide[2..4], [0x80, 0x01]);
        let mut narrow = [0x90, 0x80, 0x7f, 0];
        write_picture_id(
            &mut narrow,
            PictureId {
                value: 0,
                offset: 2,
                wide: false,
            },
            0x81,
        );
        assert_eq!(narrow[2], 0x01);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = inspect(&bytes);
        }
    }
}
