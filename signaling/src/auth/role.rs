//! Roles: what a token, or an account, makes of whoever has it. What each of them may do is in `rights`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token, or an account, makes of whoever has it.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the conference and publishes nothing.
    Operator,
    /// Leads the conference: moderates and speaks.
    Chair,
    /// The central hall: on the stage unless somebody decides otherwise.
    Hall,
    /// A place that attends and may be given the floor.
    Site,
    /// Only watches.
    Observer,
    /// A program or person that manages conferences over REST and joins none.
    Admin,
    /// A person who runs all conferences. A role of accounts, as the following ones: there are no
    /// tokens for it.
    National,
    /// A person who sees and does what is of one province.
    Provincial,
    /// A person who reads records.
    Auditor,
    /// A person who looks after checks and lines.
    Technician,
}

impl Role {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Operator,
        Self::Chair,
        Self::Hall,
        Self::Site,
        Self::Observer,
        Self::Admin,
        Self::National,
        Self::Provincial,
        Self::Auditor,
        Self::Technician,
    ];

    /// Whether there are tokens for it. The others are roles of accounts alone.
    pub const fn is_of_tokens(self) -> bool {
        match self {
            Self::Operator
            | Self::Chair
            | Self::Hall
            | Self::Site
            | Self::Observer
            | Self::Admin => true,
            Self::National | Self::Provincial | Self::Auditor | Self::Technician => false,
        }
    }

    /// Whether a conference cannot do without it: it comes in although a limit is reached.
    pub const fn is_indispensable(self) -> bool {
        matches!(self, Self::Operator | Self::Chair | Self::Hall)
    }

    /// The name in tokens and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Chair => "chair",
            Self::Hall => "hall",
            Self::Site => "site",
            Self::Observer => "observer",
            Self::Admin => "admin",
            Self::National => "national",
            Self::Provincial => "provincial",
            Self::Auditor => "auditor",
            Self::Technician => "technician",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a role: use operator, chair, hall, site, observer or admin; for an account, admin, \
     national, provincial, chair, auditor or technician"
)]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_same_name_in_json_and_on_the_command_line() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("Admin".parse::<Role>().is_err());
    }
}
