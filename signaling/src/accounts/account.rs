//! An account: who somebody is, and what that lets them do.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::auth::Role;
use crate::ids::{AccountId, SiteCode};
use crate::text;

/// Most characters of a name.
const MAX_NAME_CHARS: usize = 100;

/// Most characters of a mail address (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL_CHARS: usize = 254;

/// A person who may log in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// By which it is named.
    pub id: AccountId,
    /// What its person writes to log in.
    pub login: LoginName,
    /// The person's name.
    #[schema(example = "Nguyễn Thị An")]
    pub name: String,
    /// The person's mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the person may do.
    pub role: AccountRole,
    /// The province in which a provincial operator does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub province: Option<SiteCode>,
    /// Whether nobody logs in with it for now.
    pub is_disabled: bool,
    /// The provider by which its person logs in; without one, with a password of this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its person logged in last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_login_at: Option<Timestamp>,
}

/// What may be said of a person, and changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Details {
    /// The person's name.
    pub name: String,
    /// The person's mail address.
    pub email: Option<String>,
    /// What the person may do.
    pub role: AccountRole,
    /// Where, for a provincial operator.
    pub province: Option<SiteCode>,
    /// Whether nobody logs in for now.
    pub is_disabled: bool,
}

/// What an account lets its person do. Each is a role of the table of rights.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AccountRole {
    /// Everything that is not inside a conference, accounts too.
    Admin,
    /// Runs all conferences.
    National,
    /// Sees and does what is of one province.
    Provincial,
    /// Leads the conferences that it is the chair of.
    Chair,
    /// Looks after checks and lines.
    Technician,
    /// Reads records.
    Auditor,
}

/// What somebody writes to log in: small and capital letters are alike.
#[derive(Clone, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(
    value_type = String,
    pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
    min_length = 1,
    max_length = 64,
    example = "an.nguyen"
)]
pub struct LoginName(String);

/// Why an account is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AccountError {
    /// The name to log in with.
    #[error(
        "{0:?} is no name to log in with: it has 1 to 64 letters (A-Z, a-z), digits, '.', '_', '-' or \
         '@', and begins with a letter or digit"
    )]
    Login(String),
    /// The person's name.
    #[error(
        "the name is not one line of 1 to {MAX_NAME_CHARS} characters {}",
        text::NO_CONTROLS
    )]
    Name,
    /// The mail address.
    #[error(
        "{0:?} is no mail address: it is like an@example.vn, in at most {MAX_EMAIL_CHARS} characters"
    )]
    Email(String),
    /// A provincial operator of no province.
    #[error("a provincial operator needs a `province`: the code of a site of that level")]
    NoProvince,
    /// A province for somebody who is of none.
    #[error("{0} is of no province: leave `province` out, or make the role provincial")]
    NeedlessProvince(AccountRole),
    /// There is no such role of accounts.
    #[error(
        "{0:?} is not a role of accounts: use admin, national, provincial, chair, technician or auditor"
    )]
    Role(String),
}

impl Account {
    /// What may be changed of it.
    #[must_use]
    pub fn details(&self) -> Details {
        Details {
            name: self.name.clone(),
            email: self.email.clone(),
            role: self.role,
            province: self.province.clone(),
            is_disabled: self.is_disabled,
        }
    }

    /// Whom tokens and events name.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(self.id)
    }
}

/// Whom tokens and events name.
pub(crate) fn subject(id: AccountId) -> String {
    format!("account:{id}")
}

impl Details {
    /// Checks what can be told without asking whether there is such a province.
    ///
    /// # Errors
    /// When something is not as it should be.
    pub fn check(&self) -> Result<(), AccountError> {
        let chars = self.name.chars().count();
        if self.name.trim().is_empty()
            || chars > MAX_NAME_CHARS
            || self.name.contains(text::misleads)
        {
            return Err(AccountError::Name);
        }
        if let Some(email) = self.email.as_ref().filter(|email| !is_email(email)) {
            let shown = email.chars().take(64).collect();
            return Err(AccountError::Email(shown));
        }
        match (self.role, &self.province) {
            (AccountRole::Provincial, None) => Err(AccountError::NoProvince),
            (AccountRole::Provincial, Some(_)) | (_, None) => Ok(()),
            (role, Some(_)) => Err(AccountError::NeedlessProvince(role)),
        }
    }
}

/// Whether it could be one. Whether it is, a letter tells.
fn is_email(text: &str) -> bool {
    let is_allowed = |letter: char| !letter.is_whitespace() && !text::misleads(letter);
    text.chars().count() <= MAX_EMAIL_CHARS
        && text.chars().all(is_allowed)
        && text.rsplit_once('@').is_some_and(|(who, host)| {
            !who.is_empty() && !host.is_empty() && !host.starts_with('.') && !host.ends_with('.')
        })
}

impl AccountRole {
    /// All of them, whoever may most first.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::National,
        Self::Provincial,
        Self::Chair,
        Self::Technician,
        Self::Auditor,
    ];

    /// Its row of the table of rights.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Admin => Role::Admin,
            Self::National => Role::National,
            Self::Provincial => Role::Provincial,
            Self::Chair => Role::Chair,
            Self::Technician => Role::Technician,
            Self::Auditor => Role::Auditor,
        }
    }

    /// As whom it enters a conference in person.
    #[must_use]
    pub const fn enters_as(self) -> Role {
        match self {
            Self::Admin | Self::National => Role::Operator,
            Self::Chair => Role::Chair,
            Self::Provincial | Self::Technician | Self::Auditor => Role::Observer,
        }
    }
}

impl fmt::Display for AccountRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.role().fmt(f)
    }
}

impl FromStr for AccountRole {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        Self::ALL
            .into_iter()
            .find(|role| role.role().as_str() == text)
            .ok_or_else(|| AccountError::Role(text.chars().take(64).collect()))
    }
}

impl LoginName {
    /// As it was chosen.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is found: in small letters.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LoginName {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
        let begins = text.bytes().next();
        if (1..=64).contains(&text.len())
            && text.bytes().all(allowed)
            && begins.is_some_and(|byte| byte.is_ascii_alphanumeric())
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(AccountError::Login(text.chars().take(64).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for LoginName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(role: AccountRole, province: Option<&str>) -> Details {
        Details {
            name: "Nguyễn Thị An".to_owned(),
            email: None,
            role,
            province: province.map(|code| code.parse().unwrap()),
            is_disabled: false,
        }
    }

    #[test]
    fn what_is_no_name_to_log_in_with_is_named_and_capitals_make_no_other_one() {
        for bad in ["", " an", "an nguyen", ".an", "ân", "a/b", &"a".repeat(65)] {
            let error = bad.parse::<LoginName>().unwrap_err().to_string();
            assert!(error.contains("is no name to log in with"), "{error}");
        }
        let login: LoginName = "An.Nguyen@example.vn".parse().unwrap();
        assert_eq!(login.as_str(), "An.Nguyen@example.vn");
        assert_eq!(login.key(), "an.nguyen@example.vn");
    }

    #[test]
    fn provincial_operators_and_nobody_else_are_of_a_province() {
        for role in AccountRole::ALL {
            let is_provincial = role == AccountRole::Provincial;
            assert_eq!(details(role, Some("01")).check().is_ok(), is_provincial);
            assert_eq!(details(role, None).check().is_ok(), !is_provincial);
        }
    }

    #[test]
    fn names_are_one_line_and_mail_addresses_could_be_some() {
        for name in ["", " ", "a\nb", "\u{202e}gnad", &"x".repeat(101)] {
            let mut wrong = details(AccountRole::Admin, None);
            name.clone_into(&mut wrong.name);
            assert_eq!(wrong.check(), Err(AccountError::Name), "{name:?}");
        }
        for (email, is_good) in [
            ("an@example.vn", true),
            ("an", false),
            ("@example.vn", false),
            ("an@", false),
            ("an@.vn", false),
            ("a n@example.vn", false),
        ] {
            let mut asked = details(AccountRole::Admin, None);
            asked.email = Some(email.to_owned());
            assert_eq!(asked.check().is_ok(), is_good, "{email}");
        }
    }

    #[test]
    fn roles_of_accounts_are_called_as_in_the_table() {
        for role in AccountRole::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.role().as_str());
        }
        let error = "site".parse::<AccountRole>().unwrap_err().to_string();
        assert!(error.contains("provincial"), "{error}");
    }
}
