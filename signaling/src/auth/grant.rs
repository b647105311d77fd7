//! `Grant`: what a verified token, or a login, allows.

use jiff::Timestamp;

use crate::auth::narrowing::{Rights, in_a_province};
use crate::auth::rights::{Scope, Verb};
use crate::auth::role::Role;
use crate::auth::verbs::Verbs;
use crate::ids::{AccountId, ConferenceId, SiteCode, TokenId};
use crate::refusal::Refusal;

/// What a verified token, or a login, allows.
///
/// Only [`Keys::verify`](crate::auth::Keys::verify) makes one of a token, and
/// [`Grant::of_login`] of a login that the store has found by its secret: a function which takes a
/// `Grant` cannot be reached without either.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    pub(super) token: TokenId,
    pub(super) subject: String,
    pub(super) conference: Option<ConferenceId>,
    pub(super) site: Option<SiteCode>,
    pub(super) role: Role,
    pub(super) name: Option<String>,
    pub(super) expires_at: Timestamp,
    pub(super) account: Option<AccountId>,
    pub(super) scope: Option<Verbs>,
    pub(super) province: Option<SiteCode>,
}

impl Grant {
    /// The token's `jti`, or the id of the login.
    pub const fn token(&self) -> &TokenId {
        &self.token
    }

    /// The token's `sub`: whom it was made for; `account:` and an id for somebody who has logged in.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether its subject was made up for it, because nobody was named.
    pub fn is_for_nobody_in_particular(&self) -> bool {
        self.subject == made_up_subject(self.role, &self.token)
    }

    /// The one conference it is for; `None` for an administrator, and for an account.
    pub const fn conference(&self) -> Option<&ConferenceId> {
        self.conference.as_ref()
    }

    /// The site it speaks for, if any.
    pub const fn site(&self) -> Option<&SiteCode> {
        self.site.as_ref()
    }

    /// Its role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The name to show, if the token gives one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The account of somebody who has logged in.
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// What its role and scope allow, wherever that is.
    pub const fn rights(&self) -> Rights {
        Rights {
            role: self.role,
            scope: self.scope,
        }
    }

    /// The province of a provincial operator, or the one to which a token is narrowed.
    pub const fn province(&self) -> Option<&SiteCode> {
        self.province.as_ref()
    }

    /// Passes whoever may do that, and says how far it reaches.
    ///
    /// # Errors
    /// When it may not.
    pub fn permit(&self, verb: Verb) -> Result<Scope, Refusal> {
        let reach = self.rights().permit(verb)?;
        if self.account.is_none() && self.province.is_some() {
            return in_a_province(verb);
        }
        Ok(reach)
    }

    /// Passes whoever may do that, and says within which province alone; everywhere if `None`.
    ///
    /// # Errors
    /// When it may not.
    pub fn within(&self, verb: Verb) -> Result<Option<&SiteCode>, Refusal> {
        match self.permit(verb)? {
            Scope::Province => {
                let own = self.province.as_ref();
                own.map(Some).ok_or_else(|| self.role.out_of_reach(verb))
            }
            Scope::Itself | Scope::Conference | Scope::Server => Ok(None),
        }
    }

    /// When the token ceases to be valid, or the login if it is not used again.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether it is good for this conference: its own, or any for an administrator.
    pub fn is_for(&self, conference: &ConferenceId) -> bool {
        self.conference
            .as_ref()
            .map_or_else(|| self.role.is_for_all(), |own| own == conference)
    }
}

/// The subject of a token that is made for nobody in particular: another one for each token, so that
/// two links are two people.
pub(super) fn made_up_subject(role: Role, token: &TokenId) -> String {
    format!("{role}-{token}")
}

#[cfg(test)]
impl Grant {
    /// A grant without a token, for tests of what follows from grants.
    pub(crate) fn for_tests(
        role: Role,
        conference: Option<&ConferenceId>,
        subject: &str,
        site: Option<&str>,
    ) -> Self {
        Self {
            token: TokenId::generate(0, 0),
            subject: subject.to_owned(),
            conference: conference.cloned(),
            site: site.map(|code| code.parse().unwrap()),
            role,
            name: None,
            expires_at: Timestamp::MAX,
            account: None,
            scope: None,
            province: None,
        }
    }

    /// The same, narrowed.
    pub(crate) fn narrowed_for_tests(self, to: crate::auth::Narrowing) -> Self {
        Self {
            scope: to.scope,
            province: to.province,
            ..self
        }
    }

    /// The same, until then.
    pub(crate) fn expiring_for_tests(self, expires_at: Timestamp) -> Self {
        Self { expires_at, ..self }
    }
}
