//! A bounds-checked look at DTLS records (RFC 6347 §4.1), and their renumbering.

/// Bytes of a record header.
const HEADER: usize = 13;
/// Bytes of a handshake message header (RFC 6347 §4.2.2).
const HANDSHAKE_HEADER: usize = 12;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const SERVER_HELLO_DONE: u8 = 14;

/// What a datagram consists of, as far as can be seen without keys.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Summary {
    /// Number of records.
    pub(super) records: usize,
    /// Some record is not encrypted.
    pub(super) plain: bool,
    /// Some handshake message is not encrypted.
    pub(super) plain_handshake: bool,
    /// It ends a flight that the other side answers: the last fragment of a ClientHello or a
    /// ServerHelloDone.
    pub(super) ends_flight: bool,
}

/// Looks at every record; `None` if one is cut off, or is none that a peer would send.
pub(super) fn summarize(datagram: &[u8]) -> Option<Summary> {
    let mut summary = Summary::default();
    let mut rest = datagram;
    while !rest.is_empty() {
        let (record, tail) = split(rest)?;
        summary.records += 1;
        if record.epoch == 0 {
            summary.plain = true;
            match record.kind {
                HANDSHAKE => {
                    summary.plain_handshake = true;
                    summary.ends_flight |= ends_flight(record.body);
                }
                CHANGE_CIPHER_SPEC | ALERT => {}
                // Application data is never sent in the clear.
                _ => return None,
            }
        }
        rest = tail;
    }
    (summary.records > 0).then_some(summary)
}

/// Whether there is nothing but alerts in a datagram that [`summarize`] took.
pub(super) fn has_only_alerts(mut datagram: &[u8]) -> bool {
    while let Some((record, tail)) = split(datagram) {
        if record.kind != ALERT {
            return false;
        }
        datagram = tail;
    }
    true
}

/// Whether a datagram of ours is a HelloVerifyRequest, which must not be repeated by a timer: the
/// client repeats its ClientHello instead (RFC 6347 §4.2.1).
pub(super) fn is_hello_verify(datagram: &[u8]) -> bool {
    split(datagram).is_some_and(|(record, _)| {
        record.kind == HANDSHAKE
            && record.epoch == 0
            && record.body.first() == Some(&HELLO_VERIFY_REQUEST)
    })
}

/// Whether a datagram of ours begins with an alert.
pub(super) fn is_alert(datagram: &[u8]) -> bool {
    datagram.first() == Some(&ALERT)
}

/// Numbers the records of ours that are not encrypted.
///
/// A peer drops a record whose number it has seen (RFC 6347 §4.1.2.6), and only a record that it
/// does not drop makes it repeat its own last flight. So a repeated flight needs new numbers.
/// Encrypted records keep theirs, which are part of the encryption.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    next: u64,
}

impl Numbering {
    /// Gives every plain record of `datagram` the next number.
    pub(super) fn stamp(&mut self, datagram: &mut [u8]) {
        let mut rest = datagram;
        while let Some((header, body)) = rest.split_at_mut_checked(HEADER) {
            let &mut [_, _, _, e0, e1, ref mut number @ .., l0, l1] = header else {
                return;
            };
            if u16::from_be_bytes([e0, e1]) == 0 {
                let [_, _, next @ ..] = self.next.to_be_bytes();
                number.copy_from_slice(&next);
                self.next += 1;
            }
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let Some((_, tail)) = body.split_at_mut_checked(length) else {
                return;
            };
            rest = tail;
        }
    }
}

struct Record<'a> {
    kind: u8,
    epoch: u16,
    body: &'a [u8],
}

fn split(datagram: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = datagram.split_at_checked(HEADER)?;
    let &[kind, _, _, e0, e1, .., l0, l1] = header else {
        return None;
    };
    let (body, tail) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
    Some((
        Record {
            kind,
            epoch: u16::from_be_bytes([e0, e1]),
            body,
        },
        tail,
    ))
}

/// A piece of a handshake message (RFC 6347 §4.2.2), as far as can be seen without keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fragment {
    /// Not encrypted.
    Plain {
        /// HandshakeType.
        kind: u8,
        /// Number of the message.
        message: u16,
        /// Length of the message.
        length: u32,
        /// Where in the message the piece begins.
        offset: u32,
        /// Length of the piece.
        size: u32,
    },
    /// Encrypted, with whatever is in the record.
    Sealed {
        /// Length of the record.
        length: usize,
    },
    /// Its record ends before it does.
    Cut,
}

/// The pieces of handshake messages in a datagram, up to the first that is cut off.
pub(super) fn fragments(datagram: &[u8]) -> impl Iterator<Item = Fragment> {
    let mut rest = datagram;
    let records = std::iter::from_fn(move || {
        let (record, tail) = split(rest)?;
        rest = tail;
        Some(record)
    });
    records
        .filter(|record| record.kind == HANDSHAKE)
        .flat_map(|record| {
            let length = record.body.len();
            let sealed = (record.epoch > 0).then_some(Fragment::Sealed { length });
            let plain = if record.epoch == 0 { record.body } else { &[] };
            sealed.into_iter().chain(pieces(plain))
        })
}

/// The pieces in the body of a plain handshake record.
fn pieces(mut body: &[u8]) -> impl Iterator<Item = Fragment> {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let piece = piece(body);
        let (fragment, tail) = piece.unwrap_or((Fragment::Cut, &[]));
        body = tail;
        Some(fragment)
    })
}

fn piece(body: &[u8]) -> Option<(Fragment, &[u8])> {
    let (header, rest) = body.split_at_checked(HANDSHAKE_HEADER)?;
    let &[kind, a0, a1, a2, m0, m1, b0, b1, b2, c0, c1, c2] = header else {
        return None;
    };
    let [length, offset, size] = [[a0, a1, a2], [b0, b1, b2], [c0, c1, c2]]
        .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]));
    let fragment = Fragment::Plain {
        kind,
        message: u16::from_be_bytes([m0, m1]),
        length,
        offset,
        size,
    };
    Some((fragment, rest.get(usize::try_from(size).ok()?..)?))
}

/// Whether a plain handshake record holds the last fragment of a message that ends a flight.
fn ends_flight(body: &[u8]) -> bool {
    pieces(body).any(|fragment| match fragment {
        Fragment::Plain {
            kind,
            length,
            offset,
            size,
            ..
        } => matches!(kind, CLIENT_HELLO | SERVER_HELLO_DONE) && offset + size == length,
        Fragment::Sealed { .. } | Fragment::Cut => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u8, epoch: u8, number: u8, body: &[u8]) -> Vec<u8> {
        let mut made = vec![
            kind,
            0xfe,
            0xfd,
            0,
            epoch,
            0,
            0,
            0,
            0,
            0,
            number,
            0,
            body.len() as u8,
        ];
        made.extend_from_slice(body);
        made
    }

    #[test]
    fn only_plain_records_get_new_numbers() {
        let mut datagram = record(HANDSHAKE, 0, 7, b"ab");
        datagram.extend(record(CHANGE_CIPHER_SPEC, 0, 8, b"\x01"));
        datagram.extend(record(HANDSHAKE, 1, 9, b"cd"));
        let mut numbering = Numbering { next: 300 };
        numbering.stamp(&mut datagram);

        let mut wanted = record(HANDSHAKE, 0, 44, b"ab");
        wanted[9] = 1;
        wanted.extend(record(CHANGE_CIPHER_SPEC, 0, 45, b"\x01"));
        wanted[13 + 2 + 9] = 1;
        wanted.extend(record(HANDSHAKE, 1, 9, b"cd"));
        assert_eq!(datagram, wanted);
        assert_eq!(numbering.next, 302);
    }

    #[test]
    fn the_last_fragment_of_a_client_hello_ends_a_flight() {
        let first = [1, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
        let last = [1, 0, 0, 10, 0, 0, 0, 0, 4, 0, 0, 6, 5, 6, 7, 8, 9, 10];
        let of = |body: &[u8]| summarize(&record(HANDSHAKE, 0, 0, body)).unwrap();
        assert!(of(&first).plain_handshake);
        assert!(!of(&first).ends_flight);
        assert!(of(&last).ends_flight);
    }

    #[test]
    fn application_data_in_the_clear_is_refused() {
        assert_eq!(summarize(&record(23, 0, 0, b"x")), None);
        assert!(!summarize(&record(23, 1, 0, b"x")).unwrap().plain);
    }

    proptest! {
        #[test]
        fn garbage_is_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = summarize(&bytes);
            let _ = fragments(&bytes).count();
            let _ = is_hello_verify(&bytes);
            Numbering::default().stamp(&mut bytes);
        }
    }
}
