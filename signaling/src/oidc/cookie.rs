//! The cookie that says which browser has gone to a provider: somebody else's answer does not log it in.

use axum::http::{HeaderMap, HeaderValue};

use super::attempts::GOOD_FOR;
use crate::accounts::cookies;
use crate::auth::SessionSecret;

/// Its name where people come by `https://` (see `LoginCookie`).
const SECURE: &str = "__Host-dinh-oidc";

/// Its name in the clear.
const CLEAR: &str = "dinh-oidc";

/// How it is called and kept. Unlike that of a login it comes with requests to which another site has led.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BrowserCookie {
    is_https: bool,
}

impl BrowserCookie {
    pub(crate) const fn new(is_https: bool) -> Self {
        Self { is_https }
    }

    const fn name(self) -> &'static str {
        if self.is_https { SECURE } else { CLEAR }
    }

    /// What a request shows, if it is one.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<SessionSecret> {
        cookies(headers, self.name()).find_map(|value| value.parse().ok())
    }

    /// Has a browser keep it as long as an attempt may take.
    pub(crate) fn keep(self, secret: &SessionSecret) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let cookie = format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            self.name(),
            secret.reveal(),
            GOOD_FOR.as_secs()
        );
        let mut value = HeaderValue::from_str(&cookie).expect("base 64 and words make a header");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;

    #[test]
    fn a_browser_shows_it_also_when_the_provider_leads_it_here() {
        let secret = SessionSecret::new([7; 16]);
        for is_https in [true, false] {
            let cookie = BrowserCookie::new(is_https);
            let kept = cookie.keep(&secret);
            let kept = kept.to_str().unwrap();
            assert!(kept.contains("; Max-Age=600; HttpOnly; SameSite=Lax"));
            assert_eq!(kept.ends_with("; Secure"), is_https, "{kept}");
            assert_eq!(kept.starts_with("__Host-"), is_https, "{kept}");
            let shown = kept.split(';').next().unwrap().parse().unwrap();
            let headers = HeaderMap::from_iter([(COOKIE, shown)]);
            assert_eq!(cookie.read(&headers), Some(secret));
        }
    }
}
