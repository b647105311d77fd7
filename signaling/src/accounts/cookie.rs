//! The cookie in which a browser keeps the secret of its login.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::auth::SessionSecret;

/// Its name where people come by `https://`: the prefix has browsers take it from this host alone, by
/// TLS alone, and for every path (RFC 6265bis §4.1.3.2).
const SECURE: &str = "__Host-dinh";

/// Its name in the clear, at a trial on this machine.
const CLEAR: &str = "dinh";

/// How it is called and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginCookie {
    is_https: bool,
}

impl LoginCookie {
    pub(crate) const fn new(is_https: bool) -> Self {
        Self { is_https }
    }

    const fn name(self) -> &'static str {
        if self.is_https { SECURE } else { CLEAR }
    }

    /// The secret that a request shows, if it is one.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<SessionSecret> {
        cookies(headers, self.name()).find_map(|value| value.parse().ok())
    }

    /// Whether a request shows something as its secret.
    pub(crate) fn is_shown(self, headers: &HeaderMap) -> bool {
        cookies(headers, self.name()).next().is_some()
    }

    /// Has a browser keep a secret for so long.
    pub(crate) fn keep(self, secret: &SessionSecret, seconds: i64) -> HeaderValue {
        self.value(&secret.reveal(), seconds)
    }

    /// Has a browser forget it.
    pub(crate) fn forget(self) -> HeaderValue {
        self.value("", 0)
    }

    fn value(self, secret: &str, seconds: i64) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let cookie = format!(
            "{}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
            self.name()
        );
        let mut value = HeaderValue::from_str(&cookie).expect("base 64 and words make a header");
        value.set_sensitive(true);
        value
    }
}

/// The values of the cookies of this name.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let cookies = headers.get_all(COOKIE).iter();
    cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_under_the_name_for_how_people_come() {
        let secret = SessionSecret::new([7; 16]);
        for (is_https, name) in [(true, "__Host-dinh"), (false, "dinh")] {
            let kept = LoginCookie::new(is_https);
            let set = kept.keep(&secret, 60);
            let set = set.to_str().unwrap();
            assert!(set.starts_with(&format!("{name}={}; Path=/;", secret.reveal())));
            assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
            assert_eq!(set.ends_with("; Secure"), is_https, "{set}");
            let shown = format!("other=1; {name}={}", secret.reveal());
            let headers = HeaderMap::from_iter([(COOKIE, shown.parse().unwrap())]);
            assert_eq!(kept.read(&headers), Some(secret));
            assert!(LoginCookie::new(!is_https).read(&headers).is_none());
        }
    }

    #[test]
    fn what_is_no_secret_is_shown_and_not_read() {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("dinh=x"))]);
        let cookie = LoginCookie::new(false);
        assert!(cookie.is_shown(&headers) && cookie.read(&headers).is_none());
        assert!(!cookie.is_shown(&HeaderMap::new()));
    }
}
