//! The send-time mark: 14 bytes at the tail of a payload that tell who sent it, in which layer and
//! when.
//!
//! The media stay a real clip. In Opus the mark is padding, which decoders skip (RFC 6716 §3.2.5).
//! In VP8 it follows the last bit of the last partition, which decoders never reach, because the
//! length of that partition is "what is left" (RFC 6386 §9.5). A forwarder cannot see it, and it
//! survives anything that leaves payloads alone, a server of somebody else's included.

use std::time::Duration;

/// Bytes of a mark.
pub const LEN: usize = 14;
const MAGIC: [u8; 4] = [0xd1, b'n', b'h', 0x1c];

/// What a mark says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Number of the sender within the run.
    pub sender: u16,
    /// Which of its layers, from the lowest; 0 for sound.
    pub layer: u8,
    /// When it was sent, from the start of the run; to the microsecond.
    pub sent: Duration,
}

impl Mark {
    /// The mark as it stands in a payload.
    pub fn to_bytes(self) -> [u8; LEN] {
        // 56 bits of microseconds are two thousand years.
        let [_, micros @ ..] = (self.sent.as_micros() as u64).to_be_bytes();
        let mut bytes = [0; LEN];
        let (magic, rest) = bytes.split_at_mut(4);
        let (sender, rest) = rest.split_at_mut(2);
        let (layer, sent) = rest.split_at_mut(1);
        magic.copy_from_slice(&MAGIC);
        sender.copy_from_slice(&self.sender.to_be_bytes());
        layer.copy_from_slice(&[self.layer]);
        sent.copy_from_slice(&micros);
        bytes
    }

    /// The mark at the tail of a payload, if there is one.
    pub fn find(payload: &[u8]) -> Option<Self> {
        let tail: &[u8; LEN] = payload.last_chunk()?;
        let rest = tail.strip_prefix(&MAGIC)?;
        let &[s0, s1, layer, m1, m2, m3, m4, m5, m6, m7] = rest else {
            return None;
        };
        let micros = u64::from_be_bytes([0, m1, m2, m3, m4, m5, m6, m7]);
        Some(Self {
            sender: u16::from_be_bytes([s0, s1]),
            layer,
            sent: Duration::from_micros(micros),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_at_the_tail_only() {
        let mark = Mark {
            sender: 3,
            layer: 2,
            sent: Duration::from_micros(1_234_567),
        };
        let mut payload = b"media".to_vec();
        assert_eq!(Mark::find(&payload), None);
        payload.extend(mark.to_bytes());
        assert_eq!(Mark::find(&payload), Some(mark));
        payload.push(0);
        assert_eq!(Mark::find(&payload), None);
    }
}
