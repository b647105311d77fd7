//! VP8 in RTP (RFC 7741): the payload descriptor with a 15-bit picture id, and splitting frames.

/// Bytes of the descriptor that [`packets`] writes.
pub const DESCRIPTOR: usize = 4;

/// Is this VP8 frame a keyframe (RFC 6386 §9.1)?
pub fn is_key_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

/// The pieces of a frame, of about equal size, none over `max_bytes` (at least 1).
///
/// Sizes differ by at most one byte and the longer ones come last: what browsers send, and the
/// harder case for a forwarder that wants equal segments.
pub fn split(frame: &[u8], max_bytes: usize) -> impl ExactSizeIterator<Item = &[u8]> {
    let count = frame.len().div_ceil(max_bytes.max(1)).max(1);
    let (size, longer) = (frame.len() / count, frame.len() % count);
    let mut rest = frame;
    (0..count).map(move |n| {
        let (piece, after) = rest.split_at(size + usize::from(n >= count - longer));
        rest = after;
        piece
    })
}

/// The descriptor of a frame's first or further packet.
pub const fn descriptor(first: bool, picture_id: u16) -> [u8; DESCRIPTOR] {
    const EXTENDED: u8 = 0x80;
    const START: u8 = 0x10;
    const HAS_PICTURE_ID: u8 = 0x80;
    const LONG: u8 = 0x80;
    let [high, low] = picture_id.to_be_bytes();
    [
        if first { EXTENDED | START } else { EXTENDED },
        HAS_PICTURE_ID,
        LONG | high,
        low,
    ]
}

/// What a receiver needs of a payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Payload {
    /// It begins a frame.
    pub starts_frame: bool,
    /// It begins a keyframe.
    pub starts_key_frame: bool,
    /// The picture id, if there is one, and whether it has 15 bits.
    pub picture_id: Option<(u16, bool)>,
    /// Bytes before the VP8 data.
    pub header_bytes: usize,
}

/// Reads a payload. `None`: it is not VP8 in RTP.
pub fn parse(payload: &[u8]) -> Option<Payload> {
    let first = *payload.first()?;
    let mut at = 1;
    let mut picture_id = None;
    if first & 0x80 != 0 {
        let extensions = *payload.get(at)?;
        at += 1;
        if extensions & 0x80 != 0 {
            let high = *payload.get(at)?;
            at += 1;
            picture_id = Some((u16::from(high & 0x7f), false));
            if high & 0x80 != 0 {
                let low = *payload.get(at)?;
                at += 1;
                picture_id = Some((u16::from_be_bytes([high & 0x7f, low]), true));
            }
        }
        // TL0PICIDX, then one byte shared by TID, Y and KEYIDX.
        at += usize::from(extensions & 0x40 != 0) + usize::from(extensions & 0x30 != 0);
    }
    let starts_frame = first & 0x10 != 0 && first & 0x0f == 0;
    let data = payload.get(at..).filter(|data| !data.is_empty())?;
    Some(Payload {
        starts_frame,
        starts_key_frame: starts_frame && is_key_frame(data),
        picture_id,
        header_bytes: at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_splits_into_about_equal_pieces_longer_ones_last() {
        for len in 1..4_000_usize {
            let frame: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let pieces: Vec<&[u8]> = split(&frame, 1_100).collect();
            assert_eq!(pieces.concat(), frame);
            assert_eq!(pieces.len(), len.div_ceil(1_100));
            assert!(pieces.is_sorted_by(|a, b| a.len() <= b.len()), "{len}");
            assert!(
                pieces[pieces.len() - 1].len() - pieces[0].len() <= 1,
                "{len}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for picture_id in [0, 127, 128, 0x7fff] {
            for (first, data) in [(true, 0x10_u8), (true, 0x11), (false, 0x10)] {
                let mut payload = descriptor(first, picture_id).to_vec();
                payload.push(data);
                assert_eq!(
                    parse(&payload),
                    Some(Payload {
                        starts_frame: first,
                        starts_key_frame: first && data == 0x10,
                        picture_id: Some((picture_id, true)),
                        header_bytes: DESCRIPTOR,
                    })
                );
            }
        }
    }

    #[test]
    fn other_descriptors_are_understood_and_truncated_ones_refused() {
        let all = [0x90, 0xf0, 0x81, 0x02, 7, 0x60, 0x00];
        let read = parse(&all).unwrap();
        assert_eq!(
            (read.header_bytes, read.picture_id),
            (6, Some((0x102, true)))
        );
        assert!(read.starts_key_frame);
        assert_eq!(parse(&[0x10, 0x01]).unwrap().header_bytes, 1);
        assert!(
            !parse(&[0x11, 0x00]).unwrap().starts_frame,
            "second partition"
        );
        for len in 0..all.len() {
            assert_eq!(parse(&all[..len]), None, "{len}");
        }
    }
}
