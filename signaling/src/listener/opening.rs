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
}

/// The content type of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;

/// The first byte of the version in a TLS record, whatever the version.
const TLS_MAJOR: u8 = 0x03;

/// What begins with `first`; `None` while more than one thing may.
pub(super) const fn classify(first: &[u8]) -> Option<Opening> {
    match first {
        [] | [HANDSHAKE] => None,
        [HANDSHAKE, TLS_MAJOR, ..] => Some(Opening::Tls),
        _ => Some(Opening::Http),
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
    fn no_opening_needs_more_bytes_than_are_kept() {
        for first in 0..=u8::MAX {
            assert!(classify(&[first; MOST_BYTES]).is_some(), "{first:#x}");
        }
    }
}
