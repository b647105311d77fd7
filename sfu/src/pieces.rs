//! A stream cut into the pieces that were put into it. What is not whole yet is kept, and that is never
//! more than one piece.

use crate::shard::MAX_DATAGRAM;

/// How the length of a piece is read from its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Bytes from which it can be read.
    header: usize,
    /// Length of the whole piece that begins with such a header.
    length: fn(&[u8]) -> Result<usize, Senseless>,
}

/// The stream is not what it should be, and where the next piece begins nobody knows any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Senseless;

/// Frames of RFC 4571 §2: a length of two bytes, and that many. One longer than any datagram that is
/// looked at makes no sense: whoever sends it means something else.
pub const FRAMES: Cut = Cut {
    header: 2,
    length: |header| {
        let length = usize::from(word(header, 0).ok_or(Senseless)?);
        within(length, MAX_DATAGRAM)?;
        Ok(2 + length)
    },
};

/// What a TURN client sends over TCP (RFC 8656 §12.5, RFC 8489 §6.2.2): STUN messages, and channel data
/// padded to four bytes.
pub const TURN: Cut = Cut {
    header: 4,
    length: |header| {
        let (kind, length) = (word(header, 0), word(header, 2));
        let (kind, length) = kind.zip(length).ok_or(Senseless)?;
        let length = usize::from(length);
        match kind >> 14 {
            0 if length.is_multiple_of(4) => {
                within(length, MAX_DATAGRAM + MAX_ATTRIBUTES)?;
                Ok(STUN_HEADER + length)
            }
            1 => {
                within(length, MAX_DATAGRAM)?;
                Ok(4 + length.next_multiple_of(4))
            }
            _ => Err(Senseless),
        }
    },
};

/// Bytes of a STUN message's header.
const STUN_HEADER: usize = 20;

/// Bytes of a STUN message beside the datagram in it: names, a nonce, signatures.
const MAX_ATTRIBUTES: usize = 1_024;

/// The part of a piece that has come.
#[derive(Debug, Default)]
pub struct Pieces {
    begun: Vec<u8>,
}

impl Pieces {
    /// Hands on every piece that is whole with what was read now, its header in front.
    ///
    /// # Errors
    /// When the stream makes no sense.
    pub fn take(
        &mut self,
        cut: Cut,
        mut read: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), Senseless> {
        while !self.begun.is_empty() && !read.is_empty() {
            let wanted = cut.size(&self.begun)?.unwrap_or(cut.header);
            let missing = wanted.saturating_sub(self.begun.len()).min(read.len());
            let (head, tail) = read.split_at_checked(missing).unwrap_or((read, &[]));
            self.begun.extend_from_slice(head);
            read = tail;
            if cut.size(&self.begun)? == Some(self.begun.len()) {
                each(&self.begun);
                self.begun.clear();
            }
        }
        while let Some(whole) = cut.size(read)?.and_then(|size| read.get(..size)) {
            each(whole);
            read = read.get(whole.len()..).unwrap_or_default();
        }
        self.begun.extend_from_slice(read);
        Ok(())
    }
}

impl Cut {
    /// Length of the piece that begins here, once its header has come.
    fn size(&self, bytes: &[u8]) -> Result<Option<usize>, Senseless> {
        let header = bytes.get(..self.header);
        header.map(self.length).transpose()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*pair))
}

const fn within(length: usize, most: usize) -> Result<(), Senseless> {
    if length > most {
        return Err(Senseless);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_that_no_datagram_fills_makes_no_sense() {
        let mut pieces = Pieces::default();
        let taken = pieces.take(FRAMES, &[0xff, 0xff, 1, 2], |_| ());
        assert_eq!(taken, Err(Senseless));
        let mut pieces = Pieces::default();
        assert_eq!(pieces.take(FRAMES, &[0x10], |_| ()), Ok(()));
        assert_eq!(pieces.take(FRAMES, &[0], |_| ()), Err(Senseless));
    }

    #[test]
    fn what_is_neither_a_message_nor_channel_data_makes_no_sense() {
        for begin in [
            [0x80, 0, 0, 0],
            [0xff; 4],
            [0, 1, 0, 2],
            [0, 1, 0xff, 0xfc],
            [0x40, 0, 0xff, 0xff],
        ] {
            let mut pieces = Pieces::default();
            assert_eq!(
                pieces.take(TURN, &begin, |_| ()),
                Err(Senseless),
                "{begin:?}"
            );
        }
    }

    #[test]
    fn no_more_is_kept_than_one_piece() {
        let mut pieces = Pieces::default();
        let mut stream = vec![8, 0];
        stream.resize(2 + MAX_DATAGRAM - 1, 7);
        let whole = |_: &[u8]| panic!("not whole");
        for byte in stream {
            pieces.take(FRAMES, &[byte], whole).unwrap();
        }
        assert_eq!(pieces.begun.len(), 2 + MAX_DATAGRAM - 1);
        let mut whole = 0;
        let each = |piece: &[u8]| whole += piece.len();
        pieces.take(FRAMES, &[7, 0, 0], each).unwrap();
        assert_eq!((whole, pieces.begun.len()), (2 + MAX_DATAGRAM + 2, 0));
    }

    /// Each piece as it is put into a stream.
    fn framed(content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16).to_be_bytes();
        [length.as_slice(), content].concat()
    }

    fn for_turn(content: &[u8]) -> Vec<u8> {
        let (mut piece, header) = match content.first() {
            // A STUN message of whole attributes.
            Some(first) if first % 2 == 0 => (vec![0, 1], vec![0; STUN_HEADER - 4]),
            _ => (vec![0x40, 1], Vec::new()),
        };
        let is_message = !header.is_empty();
        let length = if is_message {
            content.len().next_multiple_of(4)
        } else {
            content.len()
        };
        piece.extend((length as u16).to_be_bytes());
        piece.extend(header);
        piece.extend(content);
        piece.resize(piece.len().next_multiple_of(4), 0);
        piece
    }

    proptest! {
        #[test]
        fn pieces_are_the_same_however_the_stream_is_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in prop::collection::vec(1_usize..30, 1..20),
        ) {
            for (cut, put) in [(FRAMES, framed as fn(&[u8]) -> _), (TURN, for_turn)] {
                let sent: Vec<Vec<u8>> = sent.iter().map(|it| put(it)).collect();
                let stream = sent.concat();
                let (mut pieces, mut got, mut rest) = (Pieces::default(), Vec::new(), &stream[..]);
                for length in cuts.iter().cycle().take(2_000) {
                    let (head, tail) = rest.split_at((*length).min(rest.len()));
                    pieces.take(cut, head, |piece| got.push(piece.to_vec())).unwrap();
                    rest = tail;
                }
                prop_assert_eq!(got, sent);
            }
        }
    }
}
