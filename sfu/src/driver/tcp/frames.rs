//! Frames of a stream (RFC 4571 §2): a length of two bytes, and that many. What is not whole yet is
//! kept, and that is never more than one datagram.

use crate::shard::MAX_DATAGRAM;

/// Bytes of a frame's length.
const HEADER: usize = 2;

/// A frame longer than any datagram that is looked at: whoever sends it means something else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooLong;

/// The part of a frame that has come.
#[derive(Debug, Default)]
pub(super) struct Frames {
    begun: Vec<u8>,
}

impl Frames {
    /// Hands on every frame that is whole with what was read now.
    pub(super) fn take(
        &mut self,
        mut read: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        while !self.begun.is_empty() && !read.is_empty() {
            let wanted = size(&self.begun)?.unwrap_or(HEADER);
            let missing = wanted.saturating_sub(self.begun.len()).min(read.len());
            let (head, tail) = read.split_at_checked(missing).unwrap_or((read, &[]));
            self.begun.extend_from_slice(head);
            read = tail;
            if size(&self.begun)? == Some(self.begun.len()) {
                each(self.begun.get(HEADER..).unwrap_or_default());
                self.begun.clear();
            }
        }
        while let Some(whole) = size(read)?.and_then(|size| read.get(HEADER..size)) {
            each(whole);
            read = read.get(HEADER + whole.len()..).unwrap_or_default();
        }
        self.begun.extend_from_slice(read);
        Ok(())
    }
}

/// Length of the frame that begins here with its header, once that has come.
fn size(bytes: &[u8]) -> Result<Option<usize>, TooLong> {
    let Some(header) = bytes.first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*header));
    if length > MAX_DATAGRAM {
        return Err(TooLong);
    }
    Ok(Some(HEADER + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_that_no_datagram_fills_is_too_long() {
        let mut frames = Frames::default();
        assert_eq!(frames.take(&[0xff, 0xff, 1, 2], |_| ()), Err(TooLong));
        let mut frames = Frames::default();
        assert_eq!(frames.take(&[0x10], |_| ()), Ok(()));
        assert_eq!(frames.take(&[0], |_| ()), Err(TooLong));
    }

    #[test]
    fn no_more_is_kept_than_one_datagram() {
        let mut frames = Frames::default();
        let mut stream = vec![8, 0];
        stream.resize(HEADER + MAX_DATAGRAM - 1, 7);
        for byte in stream {
            frames.take(&[byte], |_| panic!("not whole")).unwrap();
        }
        assert_eq!(frames.begun.len(), HEADER + MAX_DATAGRAM - 1);
        let mut whole = 0;
        frames
            .take(&[7, 0, 0], |frame| whole += frame.len())
            .unwrap();
        assert_eq!((whole, frames.begun.len()), (MAX_DATAGRAM, 0));
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_the_stream_is_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in prop::collection::vec(1_usize..30, 1..20),
        ) {
            let mut stream = Vec::new();
            for frame in &sent {
                stream.extend((frame.len() as u16).to_be_bytes());
                stream.extend(frame);
            }
            let (mut frames, mut got, mut rest) = (Frames::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle().take(2_000) {
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                frames.take(head, |frame| got.push(frame.to_vec())).unwrap();
                rest = tail;
            }
            prop_assert_eq!(got, sent);
        }
    }
}
