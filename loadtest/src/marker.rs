//! The send-time mark: 14 bytes at the tail of a payload that tell who sent it and when.
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
    /// When it was sent, from the start of the run; to the microsecond.
    pub sent: Duration,
}

impl Mark {
    /// The mark as it stands in a payload.
    pub fn to_bytes(self) -> [u8; LEN] {
        let micros = u64::try_from(self.sent.as_micros()).unwrap_or(u64::MAX);
        let mut bytes = [0; LEN];
        let (magic, rest) = bytes.split_at_mut(4);
        let (sender, sent) = rest.split_at_mut(2);
        magic.copy_from_slice(&MAGIC);
        sender.copy_from_slice(&self.sender.to_be_bytes());
        sent.copy_from_slice(&micros.to_be_bytes());
        bytes
    }

    /// The mark at the tail of a payload, if there is one.
    pub fn find(payload: &[u8]) -> Option<Self> {
        let tail: &[u8; LEN] = payload.last_chunk()?;
        let rest = tail.strip_prefix(&MAGIC)?;
        let (sender, sent) = rest.split_at_checked(2)?;
        Some(Self {
            sender: u16::from_be_bytes(sender.try_into().ok()?),
            sent: Duration::from_micros(u64::from_be_bytes(sent.try_into().ok()?)),
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
