//! Roles: what a token makes of its bearer. What each of them may do is in `rights`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token makes of its bearer.
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
}

impl Role {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Chair,
        Self::Hall,
        Self::Site,
        Self::Observer,
        Self::Admin,
    ];

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
#[error("{0:?} is not a role: use operator, chair, hall, site, observer or admin")]
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
