//! What a datagram is put into, so that it is told from the next in a stream.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rtc_stun::attributes::{ATTR_DATA, ATTR_XOR_PEER_ADDRESS};
use rtc_stun::message::{ATTRIBUTE_HEADER_SIZE, MAGIC_COOKIE, MESSAGE_HEADER_SIZE};

use super::message::{MASKED, Transaction, mask};

/// Type of a Data indication (RFC 8656 §11.6).
const DATA_INDICATION: u16 = 0x0017;

/// An indication is answered by nobody, so nothing has to tell one from another.
const NO_TRANSACTION: Transaction = [0; 12];

/// What goes around a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Envelope {
    /// Nothing: it says itself how long it is.
    Bare,
    /// Its length (RFC 4571 §2).
    Frame,
    /// The number of a channel, and its length (RFC 8656 §12.4).
    Channel(u16),
    /// A Data indication, as if it had come from there (RFC 8656 §11.6).
    Indication(SocketAddr),
}

impl Envelope {
    /// Puts a datagram into a stream. Returns how many bytes were added; `None` if it is too long for
    /// one.
    pub fn put(self, datagram: &[u8], stream: &mut VecDeque<u8>) -> Option<usize> {
        let length = u16::try_from(datagram.len()).ok()?.to_be_bytes();
        let before = stream.len();
        match self {
            Self::Bare => {}
            Self::Frame => stream.extend(length),
            Self::Channel(number) => {
                stream.extend(number.to_be_bytes());
                stream.extend(length);
            }
            Self::Indication(from) => {
                let mut masked = [0; MASKED];
                let address = mask(from, &NO_TRANSACTION, &mut masked);
                let padded = datagram.len().next_multiple_of(4);
                let attributes = 2 * ATTRIBUTE_HEADER_SIZE + address + padded;
                stream.extend(DATA_INDICATION.to_be_bytes());
                stream.extend(u16::try_from(attributes).ok()?.to_be_bytes());
                stream.extend(MAGIC_COOKIE.to_be_bytes());
                stream.extend(NO_TRANSACTION);
                stream.extend(ATTR_XOR_PEER_ADDRESS.value().to_be_bytes());
                stream.extend(u16::try_from(address).ok()?.to_be_bytes());
                stream.extend(masked.get(..address)?);
                stream.extend(ATTR_DATA.value().to_be_bytes());
                stream.extend(length);
            }
        }
        stream.extend(datagram);
        if matches!(self, Self::Channel(_) | Self::Indication(_)) {
            let padding = datagram.len().next_multiple_of(4) - datagram.len();
            stream.extend(std::iter::repeat_n(0, padding));
        }
        Some(stream.len() - before)
    }

    /// Bytes that [`put`](Self::put) adds for a datagram of this length, at most.
    pub const fn room_for(self, datagram: usize) -> usize {
        let around = match self {
            Self::Bare => 0,
            Self::Frame => 2,
            Self::Channel(_) => 4 + 3,
            Self::Indication(_) => MESSAGE_HEADER_SIZE + 2 * ATTRIBUTE_HEADER_SIZE + MASKED + 3,
        };
        datagram + around
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pieces::{FRAMES, Pieces, TURN};
    use crate::turn::message::{Class, Message};

    fn put(envelope: Envelope, datagram: &[u8]) -> Vec<u8> {
        let mut stream = VecDeque::new();
        let added = envelope.put(datagram, &mut stream).unwrap();
        assert_eq!(added, stream.len());
        assert!(added <= envelope.room_for(datagram.len()));
        stream.into()
    }

    #[test]
    fn whoever_cuts_the_stream_finds_each_datagram_again() {
        let from: SocketAddr = "[2001:db8::1]:7910".parse().unwrap();
        for length in 0..9 {
            let datagram = vec![9; length];
            let framed = put(Envelope::Frame, &datagram);
            let twice = [framed.clone(), framed.clone()].concat();
            let mut pieces = Vec::new();
            let each = |piece: &[u8]| pieces.push(piece.to_vec());
            Pieces::default().take(FRAMES, &twice, each).unwrap();
            assert_eq!(pieces, [framed.clone(), framed]);

            let channel = put(Envelope::Channel(0x4001), &datagram);
            let indication = put(Envelope::Indication(from), &datagram);
            let mut pieces = Vec::new();
            let both = [channel.clone(), indication.clone()].concat();
            let each = |piece: &[u8]| pieces.push(piece.to_vec());
            Pieces::default().take(TURN, &both, each).unwrap();
            assert_eq!(pieces, [channel, indication.clone()]);
            let message = Message::read(&indication).unwrap();
            assert_eq!(message.class(), Class::Indication);
            assert_eq!(message.get(ATTR_DATA), Some(&*datagram));
            assert_eq!(message.address(ATTR_XOR_PEER_ADDRESS), Some(from));
        }
    }

    #[test]
    fn a_datagram_longer_than_any_is_not_put() {
        let mut stream = VecDeque::new();
        let long = vec![0; 65_536];
        assert_eq!(Envelope::Frame.put(&long, &mut stream), None);
        assert!(stream.is_empty());
    }
}
