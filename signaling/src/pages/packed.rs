//! The files of the web client as they go over the wire: packed once, at the first request.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{LazyLock, PoisonError, RwLock};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller files are sent as they are.
const MIN_BYTES: usize = 1024;

/// What was packed, by path: at most the files that are embedded.
static PACKED: LazyLock<RwLock<HashMap<String, Bytes>>> = LazyLock::new(RwLock::default);

/// Whether the client reads gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            is_gzip
                && !parts.any(|part| {
                    part.starts_with("q=0") && !part.contains(|c| matches!(c, '1'..='9'))
                })
        })
}

/// The file of this path, packed; `None` if that would save nothing.
pub(super) fn packed(path: &str, kind: &str, data: &[u8]) -> Option<Bytes> {
    if data.len() < MIN_BYTES || !is_text(kind) {
        return None;
    }
    let known = PACKED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(packed) = known.get(path) {
        return Some(packed.clone());
    }
    drop(known);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).ok()?;
    let packed = Bytes::from(encoder.finish().ok()?);
    let mut known = PACKED.write().unwrap_or_else(PoisonError::into_inner);
    known.insert(path.to_owned(), packed.clone());
    Some(packed)
}

/// Fonts and pictures are packed already.
fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("json")
        || kind.ends_with("xml")
        || matches!(kind, "application/javascript" | "application/wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())])
    }

    #[test]
    fn gzip_is_sent_to_whoever_accepts_it() {
        for yes in ["gzip", "br, GZIP;q=0.8", "gzip;q=1.0, *;q=0"] {
            assert!(is_accepted(&asks(yes)), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.0, br"] {
            assert!(!is_accepted(&asks(no)), "{no}");
        }
    }

    #[test]
    fn texts_are_packed_and_pictures_are_not() {
        let data = b"let it be = 1;\n".repeat(200);
        let script = packed("test.js", "text/javascript", &data).unwrap();
        assert!(script.len() < data.len() / 10);
        assert_eq!(packed("test.js", "text/javascript", &data).unwrap(), script);
        assert!(packed("a.png", "image/png", &data).is_none());
        assert!(packed("a.js", "text/javascript", b"1").is_none());
    }
}
