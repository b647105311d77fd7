//! Why somebody does not come in by a provider.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{DiscoveryError, RequestTokenError, StandardErrorResponse, UserInfoError};

use super::fetch::FetchError;
use crate::text;
use crate::tls::source_of;

/// Why not, and what the log says of it. Pages have a sentence for each kind.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Trouble {
    /// The provider does not answer: it may later.
    #[error("{0}")]
    Away(String),
    /// What it answers cannot be believed or understood.
    #[error("{0}")]
    Nonsense(String),
    /// It has let nobody in.
    #[error("{0}")]
    Denied(String),
    /// Nobody waits for this answer, or not any more.
    #[error("{0}")]
    Late(String),
    /// Too many have gone there from one address.
    #[error("{0}")]
    TooOften(String),
    /// It is known who comes, and that person may not.
    #[error("{0}")]
    NotPermitted(String),
}

/// Most characters that the log says of it: a provider may say anything.
const MAX_SAID_CHARS: usize = 800;

impl Trouble {
    /// What logs say of it, in one line.
    pub(crate) fn said(&self) -> String {
        let said = self.to_string();
        let line = said.chars().filter(|letter| !text::misleads(*letter));
        line.take(MAX_SAID_CHARS).collect()
    }

    /// By which pages know it.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Away(_) => "provider_away",
            Self::Nonsense(_) => "provider_nonsense",
            Self::Denied(_) => "provider_denied",
            Self::Late(_) => "login_late",
            Self::TooOften(_) => "rate_limited",
            Self::NotPermitted(_) => "not_permitted",
        }
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Away(said) => Self::Away(said),
            FetchError::Nonsense(said) => Self::Nonsense(said),
        }
    }
}

impl From<DiscoveryError<FetchError>> for Trouble {
    fn from(error: DiscoveryError<FetchError>) -> Self {
        match error {
            DiscoveryError::Request(error) => error.into(),
            error => Self::Nonsense(format!("what it says of itself: {}", source_of(&error))),
        }
    }
}

/// What the token endpoint refuses.
pub(super) type TokenError =
    RequestTokenError<FetchError, StandardErrorResponse<CoreErrorResponseType>>;

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        match error {
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::ServerResponse(refusal) => {
                let said = format!("it refuses the code: {refusal}");
                match refusal.error() {
                    CoreErrorResponseType::InvalidGrant => Self::Late(said),
                    _ => Self::Nonsense(said),
                }
            }
            error => Self::Nonsense(format!("its token: {}", source_of(&error))),
        }
    }
}

impl From<UserInfoError<FetchError>> for Trouble {
    fn from(error: UserInfoError<FetchError>) -> Self {
        match error {
            UserInfoError::Request(error) => error.into(),
            error => Self::Nonsense(format!("what it says of a person: {}", source_of(&error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_provider_says_is_one_line_of_the_log() {
        let long = "x".repeat(2_000);
        let said =
            Trouble::Nonsense(format!("it says\n2026 INFO all is well \u{202e}{long}")).said();
        assert!(said.starts_with("it says2026"), "{said}");
        assert_eq!(said.chars().count(), MAX_SAID_CHARS);
        assert!(!said.contains(text::misleads));
    }
}
