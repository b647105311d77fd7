//! Which datagrams of a handshake are worth handing in: rtc-dtls keeps every fragment that it is
//! given (RFC 6347 §4.2.3) and searches all of a message for each, so their number is bounded here.

use super::record::{self, Fragment};

/// Fragments of one message that are handed in, repeated ones among them. A ClientHello of a browser
/// comes in two.
///
/// Higher: a message whose same part is always lost gets through later. Lower: less is searched.
const MAX_FRAGMENTS: u8 = 64;

/// Messages of one side of a handshake; the longest has eight.
const MAX_MESSAGES: usize = 16;

/// Longest message, in bytes: a chain of a few certificates.
const MAX_MESSAGE: u32 = 16 * 1_024;

/// Longest encrypted handshake record, in bytes: only Finished comes in one, of 24 bytes and at most
/// 40 for the cipher.
const MAX_SEALED: usize = 80;

/// Encrypted handshake records that are handed in.
const MAX_SEALED_RECORDS: u8 = 64;

const HELLO_REQUEST: u8 = 0;
const SERVER_HELLO_DONE: u8 = 14;

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Hand it in.
    Useful,
    /// So much of this message has come that nothing new can be in it.
    Repeated,
    /// No peer would send it.
    Senseless,
}

/// How much of a handshake's messages was handed in.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    taken: [u8; MAX_MESSAGES],
    sealed: u8,
}

impl Fragments {
    /// Judges a datagram that [`record::summarize`] took, and counts it if it is useful.
    pub(super) fn judge(&mut self, datagram: &[u8]) -> Verdict {
        let (mut taken, mut sealed) = (self.taken, self.sealed);
        for fragment in record::fragments(datagram) {
            let counter = match fragment {
                Fragment::Cut => return Verdict::Senseless,
                Fragment::Sealed { length } if length > MAX_SEALED => return Verdict::Senseless,
                Fragment::Sealed { .. } => &mut sealed,
                Fragment::Plain {
                    kind,
                    message,
                    length,
                    offset,
                    size,
                } => {
                    let is_empty = matches!(kind, HELLO_REQUEST | SERVER_HELLO_DONE);
                    let has_sense = length <= MAX_MESSAGE
                        && offset + size <= length
                        && (size > 0 || (length == 0 && is_empty));
                    let counter = taken.get_mut(usize::from(message));
                    let Some(counter) = counter.filter(|_| has_sense) else {
                        return Verdict::Senseless;
                    };
                    counter
                }
            };
            *counter = counter.saturating_add(1);
        }
        let is_full = taken.iter().any(|count| *count > MAX_FRAGMENTS);
        if is_full || sealed > MAX_SEALED_RECORDS {
            return Verdict::Repeated;
        }
        (self.taken, self.sealed) = (taken, sealed);
        Verdict::Useful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handshake record of epoch 0 with these fragments: kind, message, length, offset, size.
    fn datagram(fragments: &[(u8, u16, u32, u32, u32)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, message, length, offset, size) in fragments {
            body.push(*kind);
            body.extend(&length.to_be_bytes()[1..]);
            body.extend(message.to_be_bytes());
            body.extend(&offset.to_be_bytes()[1..]);
            body.extend(&size.to_be_bytes()[1..]);
            body.extend(vec![7; *size as usize]);
        }
        record(0, &body)
    }

    fn record(epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut made = vec![22, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 0];
        made.extend((body.len() as u16).to_be_bytes());
        made.extend(body);
        made
    }

    fn judge(fragments: &[(u8, u16, u32, u32, u32)]) -> Verdict {
        Fragments::default().judge(&datagram(fragments))
    }

    #[test]
    fn what_handshakes_consist_of_is_useful() {
        assert_eq!(judge(&[(1, 0, 1_400, 0, 1_200)]), Verdict::Useful);
        assert_eq!(judge(&[(1, 0, 1_400, 1_200, 200)]), Verdict::Useful);
        assert_eq!(
            judge(&[(2, 1, 80, 0, 80), (11, 2, 300, 0, 300), (14, 5, 0, 0, 0)]),
            Verdict::Useful
        );
        assert_eq!(
            Fragments::default().judge(&record(1, &[0; 48])),
            Verdict::Useful
        );
    }

    #[test]
    fn what_nobody_would_send_is_senseless() {
        let cases = [
            [(1, 0, 0, 0, 0)],
            [(1, 0, 0, 17, 0)],
            [(1, 0, 100, 17, 0)],
            [(1, 0, 100, 90, 11)],
            [(1, 0, 16_385, 0, 100)],
            [(1, 16, 100, 0, 100)],
            [(14, 0, 0, 1, 0)],
        ];
        for case in cases {
            assert_eq!(judge(&case), Verdict::Senseless, "{case:?}");
        }
        let mut cut = datagram(&[(1, 0, 100, 0, 100)]);
        cut.truncate(13 + 50);
        cut[11..13].copy_from_slice(&50_u16.to_be_bytes());
        assert_eq!(Fragments::default().judge(&cut), Verdict::Senseless);
        let long = record(1, &[0; 81]);
        assert_eq!(Fragments::default().judge(&long), Verdict::Senseless);
    }

    #[test]
    fn of_each_message_only_so_much_is_handed_in() {
        let mut fragments = Fragments::default();
        for offset in 0..64 {
            let piece = datagram(&[(1, 0, 1_000, offset, 1)]);
            assert_eq!(fragments.judge(&piece), Verdict::Useful);
        }
        let next = datagram(&[(1, 0, 1_000, 64, 1)]);
        assert_eq!(fragments.judge(&next), Verdict::Repeated);
        let other = datagram(&[(11, 1, 500, 0, 500)]);
        assert_eq!(fragments.judge(&other), Verdict::Useful, "another message");
        for _ in 0..64 {
            assert_eq!(fragments.judge(&record(1, &[0; 48])), Verdict::Useful);
        }
        assert_eq!(fragments.judge(&record(1, &[0; 48])), Verdict::Repeated);
    }
}
