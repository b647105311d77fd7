//! What a connection speaks, told by its first bytes.

/// Most bytes that are looked at before it is known.
pub(super) const MOST_BYTES: usize = 16;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opening {
    /// A TLS handshake (RFC 8446 §5.1).
    Tls,
    /// HTTP, or something that the reader of HTTP refuses with a sentence.
    Http,
    /// ICE-TCP: a STUN message behind its length (RFC 4571 §2).
    IceTcp,
    /// TURN over TCP: a STUN message.
    Turn,
}

/// The content type of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;

/// The first byte of the version in a TLS record, whatever the version.
const TLS_MAJOR: u8 = 0x03;

/// What every STUN message has behind its type and its length (RFC 8489 §5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Where it stands in one, and where behind the length of a frame.
const IN_MESSAGE: usize = 4;
const IN_FRAME: usize = 6;

/// What begins with `first`; `None` while more than one thing may.
pub(super) fn classify(first: &[u8]) -> Option<Opening> {
    match first {
        [] | [HANDSHAKE] => None,
        [HANDSHAKE, TLS_MAJOR, ..] => Some(Opening::Tls),
        // No text begins with these, as types of requests or high bytes of lengths do.
        [0..=7, ..] => classify_media(first),
        _ => Some(Opening::Http),
    }
}

fn classify_media(first: &[u8]) -> Option<Opening> {
    let may_be = |at| {
        first
            .iter()
            .skip(at)
            .zip(COOKIE)
            .all(|(byte, it)| *byte == it)
    };
    let [turn, ice_tcp] = [IN_MESSAGE, IN_FRAME].map(may_be);
    match (turn, ice_tcp) {
        (true, _) if first.len() >= IN_MESSAGE + COOKIE.len() => Some(Opening::Turn),
        (_, true) if first.len() >= IN_FRAME + COOKIE.len() => Some(Opening::IceTcp),
        (false, false) => Some(Opening::Http),
        (true, _) | (_, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_tls_once_its_version_is_there() {
        assert_eq!(
            classify(&[0x16, 0x03, 0x01, 0x02, 0x00]),
            Some(Opening::Tls)
        );
        assert_eq!(classify(&[0x16, 0x03]), Some(Opening::Tls));
        assert_eq!(classify(&[0x16]), None);
        assert_eq!(classify(&[]), None);
    }

    #[test]
    fn every_other_opening_is_left_to_the_reader_of_http() {
        for first in [
            b"G".as_slice(),
            b"GET / HTTP/1.1",
            b"PRI * HTTP/2.0",
            &[0x16, 0x47],
            b"\r\n",
        ] {
            assert_eq!(classify(first), Some(Opening::Http), "{first:?}");
        }
    }

    #[test]
    fn media_is_told_by_the_cookie_and_its_place() {
        let message = [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 0, 0];
        let frame = [0, 108, 0, 1, 0, 88, 0x21, 0x12, 0xa4, 0x42];
        assert_eq!(classify(&message[..8]), Some(Opening::Turn));
        assert_eq!(classify(&frame), Some(Opening::IceTcp));
        for length in 1..8 {
            assert_eq!(classify(&message[..length]), None, "{length}");
        }
        for length in 1..10 {
            assert_eq!(classify(&frame[..length]), None, "{length}");
        }
        let neither = [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x43, 0, 0, 0];
        assert_eq!(classify(&neither), Some(Opening::Http));
    }

    #[test]
    fn no_opening_needs_more_bytes_than_are_kept() {
        for first in 0..=u8::MAX {
            assert!(classify(&[first; MOST_BYTES]).is_some(), "{first:#x}");
        }
    }
}
