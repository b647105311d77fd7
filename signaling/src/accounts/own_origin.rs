//! Whether a request comes from a page of this server: another site's page must not have a browser do
//! something with the cookie that it keeps for us.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};

/// Whether the origin that a request names is the server's own: where clients are told to come to, or
/// where this one has come to. A request that names none is not.
pub(crate) fn is_own_origin(headers: &HeaderMap, uri: &Uri, base_url: &str) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return false;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let (scheme, _) = base_url.split_once("://").unwrap_or(("http", ""));
    let host = headers.get(HOST).map(HeaderValue::to_str);
    let host = host
        .and_then(Result::ok)
        .or_else(|| uri.authority().map(|host| host.as_str()));
    let reached = host.map(|host| format!("{scheme}://{host}"));
    let is = |own: &str| origin.eq_ignore_ascii_case(origin_of(own));
    is(base_url) || reached.as_deref().is_some_and(is)
}

/// Scheme, host and port of an address, without the path.
fn origin_of(url: &str) -> &str {
    let begins = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(begins..).and_then(|rest| rest.find('/'));
    path.and_then(|at| url.get(..begins + at)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(origin: Option<&'static str>, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        is_own_origin(
            &headers,
            &Uri::from_static("/api/v1/login"),
            "https://hop.example.vn/dinh",
        )
    }

    #[test]
    fn only_pages_of_this_server_are_its_own() {
        assert!(is_own(Some("https://hop.example.vn"), "10.0.0.1:7900"));
        assert!(is_own(Some("https://10.0.0.1:7900"), "10.0.0.1:7900"));
        for foreign in [
            None,
            Some("null"),
            Some("https://evil.example"),
            Some("https://hop.example.vn.evil.example"),
            Some("http://hop.example.vn"),
            Some("https://10.0.0.1"),
        ] {
            assert!(!is_own(foreign, "10.0.0.1:7900"), "{foreign:?}");
        }
    }
}
