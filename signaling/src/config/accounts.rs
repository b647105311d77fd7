//! People who log in.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Invalid, Oidc};
use crate::accounts::LoginTimes;

/// Accounts, and how long people stay logged in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Whether people log in with a password of this server.
    pub local: bool,
    /// How long a login lasts without being used.
    pub login_idle_minutes: u32,
    /// How long a login lasts at most.
    pub login_hours: u32,
    /// For how many days it is kept who has changed what over REST.
    pub acts_kept_days: u32,
    /// Id → a provider by which people log in.
    pub oidc: BTreeMap<String, Oidc>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            local: true,
            login_idle_minutes: 720,
            login_hours: 168,
            acts_kept_days: 730,
            oidc: BTreeMap::new(),
        }
    }
}

impl Accounts {
    /// How long a login lasts.
    #[must_use]
    pub fn login_times(&self) -> LoginTimes {
        LoginTimes {
            idle: SignedDuration::from_mins(self.login_idle_minutes.into()),
            whole: SignedDuration::from_hours(self.login_hours.into()),
        }
    }

    /// For how long acts are kept.
    #[must_use]
    pub fn acts_kept(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.acts_kept_days).saturating_mul(24))
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        for (key, value, most) in [
            (
                "accounts.login_idle_minutes",
                self.login_idle_minutes,
                525_600,
            ),
            ("accounts.login_hours", self.login_hours, 8_760),
            ("accounts.acts_kept_days", self.acts_kept_days, 36_500),
        ] {
            if !(1..=most).contains(&value) {
                found.push(Invalid {
                    key: key.to_owned(),
                    problem: format!("is {value}, must be 1 to {most}"),
                });
            }
        }
        for (id, provider) in &self.oidc {
            provider.check(id, found);
        }
    }
}
