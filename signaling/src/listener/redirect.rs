//! Leads from `http://` to `https://`.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Request, Response, StatusCode};

use crate::config::HTTPS_PORT;

/// Where `https://` is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Secure {
    /// What people type, without a slash at the end.
    Url(String),
    /// The host that was asked for, at this port.
    Port(u16),
}

/// Answers a request in the clear: the same address, by TLS. Nobody is to remember it, so that a
/// server which is set to plain HTTP again is found.
pub(crate) fn to_https<B>(request: &Request<B>, secure: &Secure) -> Response<Body> {
    let location = location(request, secure).and_then(|url| HeaderValue::from_str(&url).ok());
    let (status, text) = match location {
        Some(_) => (
            StatusCode::PERMANENT_REDIRECT,
            "this is at https:// alone\n",
        ),
        None => (
            StatusCode::BAD_REQUEST,
            "this is at https:// alone, and the header Host does not say of which name\n",
        ),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(location.map(|location| (LOCATION, location)));
    response
}

fn location<B>(request: &Request<B>, secure: &Secure) -> Option<String> {
    let base = match secure {
        Secure::Url(url) => url.clone(),
        Secure::Port(port) => {
            let host = host(request)?;
            match *port {
                HTTPS_PORT => format!("https://{host}"),
                port => format!("https://{host}:{port}"),
            }
        }
    };
    let path = request.uri().path_and_query();
    Some(base + path.map_or("/", |path| path.as_str()))
}

/// The name that was asked for, without its port.
fn host<B>(request: &Request<B>) -> Option<String> {
    let header = request.headers().get(HOST);
    let header = header.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let named = header.or_else(|| request.uri().authority().cloned())?;
    let is_plain = !named.as_str().contains('@') && !named.host().is_empty();
    is_plain.then(|| named.host().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(host: &str, target: &str, secure: &Secure) -> (StatusCode, String) {
        let request = Request::builder().uri(target).header(HOST, host);
        let response = to_https(&request.body(()).unwrap(), secure);
        let location = response.headers().get(LOCATION);
        let location = location.map_or("", |location| location.to_str().unwrap());
        (response.status(), location.to_owned())
    }

    #[test]
    fn the_same_address_is_named_at_the_port_of_tls() {
        let moved = StatusCode::PERMANENT_REDIRECT;
        for (host, port, expected) in [
            ("hop.example.vn", 443, "https://hop.example.vn/site?x=1"),
            ("hop.example.vn:80", 443, "https://hop.example.vn/site?x=1"),
            (
                "hop.example.vn:7900",
                7900,
                "https://hop.example.vn:7900/site?x=1",
            ),
            ("[2001:db8::1]:80", 443, "https://[2001:db8::1]/site?x=1"),
        ] {
            let found = led(host, "/site?x=1", &Secure::Port(port));
            assert_eq!(found, (moved, expected.to_owned()));
        }
    }

    #[test]
    fn the_name_that_people_type_comes_before_the_one_that_was_asked_for() {
        let secure = Secure::Url("https://hop.example.vn".to_owned());
        let (_, location) = led("10.0.0.1", "//evil.example/x", &secure);
        assert_eq!(location, "https://hop.example.vn//evil.example/x");
    }

    #[test]
    fn a_host_that_is_none_leads_nowhere() {
        for host in ["", "a b", "an@evil.example", "]["] {
            let (status, location) = led(host, "/", &Secure::Port(443));
            assert_eq!(
                (status, &*location),
                (StatusCode::BAD_REQUEST, ""),
                "{host}"
            );
        }
    }
}
