//! Where a webhook may be.

use axum::http::Uri;

/// Longest address. Higher: it holds longer secrets of its own.
const MAX_BYTES: usize = 2_000;

/// An address of a webhook.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target(Uri);

/// A text that is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// It is no address, or not of the web.
    #[error("url is `{0}`, must be like https://program.example.vn/dinh")]
    NotOfTheWeb(String),
    /// Browsers and programs show it to everybody.
    #[error("url has a name or a password before `@`: a signature says who calls")]
    HasPassword,
    /// It is too long.
    #[error("url has {0} bytes, must have at most {MAX_BYTES}")]
    TooLong(usize),
}

impl Target {
    /// From a text.
    ///
    /// # Errors
    /// When it is no address that can be called.
    pub fn new(url: &str) -> Result<Self, TargetError> {
        if url.len() > MAX_BYTES {
            return Err(TargetError::TooLong(url.len()));
        }
        let wrong = || TargetError::NotOfTheWeb(url.chars().take(100).collect());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().unwrap_or_default();
        if !is_web || host.is_empty() || url.contains('#') {
            return Err(wrong());
        }
        let authority = uri.authority().map(axum::http::uri::Authority::as_str);
        if authority.is_some_and(|authority| authority.contains('@')) {
            return Err(TargetError::HasPassword);
        }
        Ok(Self(uri))
    }

    /// The address.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is called by TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_the_web_and_holds_no_password() {
        for good in ["https://a.example.vn/x?y=1", "http://10.0.0.1:8080/"] {
            assert!(Target::new(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "a.example.vn",
            "ftp://a/",
            "https:///x",
            "/x",
            "https://a/#b",
        ] {
            assert!(
                matches!(Target::new(wrong), Err(TargetError::NotOfTheWeb(_))),
                "{wrong}"
            );
        }
        let named = Target::new("https://me:secret@a.example.vn/");
        assert_eq!(named, Err(TargetError::HasPassword));
        let long = format!("https://a/{}", "x".repeat(2_000));
        assert_eq!(Target::new(&long), Err(TargetError::TooLong(2_010)));
    }
}
