//! The grant that a login makes, beside that of a token.

use jiff::Timestamp;

use super::grant::Grant;
use crate::accounts::{KeptLogin, LoginTimes};
use crate::ids::TokenId;

/// Why somebody is logged in no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("you are logged in no more: log in again")]
pub struct LoginEnded;

impl Grant {
    /// What a login allows at this moment. The store has found it by the secret that was shown.
    ///
    /// # Errors
    /// When it has ended, or nobody may log in with its account for now.
    pub fn of_login(
        login: &KeptLogin,
        now: Timestamp,
        times: LoginTimes,
    ) -> Result<Self, LoginEnded> {
        if !login.is_good(now, times) {
            return Err(LoginEnded);
        }
        let account = &login.account;
        Ok(Self {
            token: TokenId::of_login(login.id),
            subject: account.subject(),
            conference: None,
            site: None,
            role: account.role.role(),
            name: Some(account.name.clone()),
            expires_at: login.end(times),
            account: Some(account.id),
            scope: None,
            province: account.province.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::accounts::{Account, AccountRole};
    use crate::auth::Role;
    use crate::ids::{AccountId, LoginId};

    const TIMES: LoginTimes = LoginTimes {
        idle: SignedDuration::from_hours(12),
        whole: SignedDuration::from_hours(168),
    };

    fn hour(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    fn login(seen_at: Timestamp) -> KeptLogin {
        KeptLogin {
            id: LoginId::new(1, 2),
            account: Account {
                id: AccountId::new(3, 4),
                login: "an".parse().unwrap(),
                name: "Nguyễn Thị An".to_owned(),
                email: None,
                role: AccountRole::Provincial,
                province: Some("01".parse().unwrap()),
                is_disabled: false,
                provider: None,
                created_at: hour(0),
                last_login_at: None,
            },
            begun_at: hour(0),
            seen_at,
            ends_at: hour(168),
            address: "192.0.2.7".to_owned(),
            agent: None,
        }
    }

    #[test]
    fn a_login_grants_what_its_account_may_and_names_its_person() {
        let grant = Grant::of_login(&login(hour(0)), hour(1), TIMES).unwrap();
        assert_eq!(grant.role(), Role::Provincial);
        assert_eq!(grant.subject(), format!("account:{}", AccountId::new(3, 4)));
        assert_eq!(grant.account(), Some(AccountId::new(3, 4)));
        assert_eq!(grant.province().map(|code| code.as_str()), Some("01"));
        assert_eq!(grant.name(), Some("Nguyễn Thị An"));
        assert!(!grant.is_for(&"weekly".parse().unwrap()));
    }

    #[test]
    fn a_login_ends_when_it_is_not_used_when_its_time_is_over_and_with_its_account() {
        let is_good = |seen, now| Grant::of_login(&login(hour(seen)), hour(now), TIMES).is_ok();
        assert!(is_good(0, 11) && !is_good(0, 12));
        assert!(is_good(160, 167) && !is_good(160, 168));
        let mut disabled = login(hour(0));
        disabled.account.is_disabled = true;
        assert_eq!(Grant::of_login(&disabled, hour(1), TIMES), Err(LoginEnded));
    }
}
