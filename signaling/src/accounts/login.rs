//! A login: that somebody has shown who they are, for a while.

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use crate::auth::SecretHash;
use crate::ids::{AccountId, LoginId};

/// How long a login lasts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginTimes {
    /// Without being used.
    pub idle: SignedDuration,
    /// At most.
    pub whole: SignedDuration,
}

/// A login that begins.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// By which it is named.
    pub id: LoginId,
    /// What is kept of the secret in its cookie.
    pub secret: SecretHash,
    /// Whose it is.
    pub account: AccountId,
    /// When it begins.
    pub at: Timestamp,
    /// When it ends whatever is done with it.
    pub ends_at: Timestamp,
    /// From which address.
    pub address: String,
    /// With which browser, as that says.
    pub agent: Option<String>,
}

/// A login as it is kept, with whose it is. The store gives one to whoever has its secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptLogin {
    /// By which it is named.
    pub id: LoginId,
    /// Whose it is.
    pub account: Account,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it was used last, within some minutes.
    pub seen_at: Timestamp,
    /// When it ends whatever is done with it.
    pub ends_at: Timestamp,
    /// From which address it began.
    pub address: String,
    /// With which browser, as that says.
    pub agent: Option<String>,
}

impl KeptLogin {
    /// When it ends if it is not used again.
    #[must_use]
    pub fn end(&self, times: LoginTimes) -> Timestamp {
        let idle = self.seen_at.checked_add(times.idle);
        idle.unwrap_or(self.ends_at).min(self.ends_at)
    }

    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_good(&self, now: Timestamp, times: LoginTimes) -> bool {
        !self.account.is_disabled && now < self.end(times)
    }
}
