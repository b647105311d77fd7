//! What an API key may sign.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::auth::role::Role;
use crate::ids::ConferenceId;

/// Which tokens of an API key are accepted. What is not said is not limited.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyLimits {
    /// The conferences that they may be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conferences: Option<Vec<Conferences>>,
    /// The roles that they may be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
}

/// One conference, or all whose ids begin in one way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Conferences {
    /// This one.
    One(ConferenceId),
    /// Those that begin so: written with `*` at the end.
    Beginning(String),
}

/// What names no conferences.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is neither the id of a conference nor the beginning of one with `*` at the end")]
pub struct NoConferences(String);

impl KeyLimits {
    /// Why a token for this role and conference is beyond them; `None` if it is not.
    pub(super) fn refusal(
        &self,
        role: Role,
        conference: Option<&ConferenceId>,
    ) -> Option<&'static str> {
        if let Some(roles) = &self.roles
            && !roles.contains(&role)
        {
            return Some("role");
        }
        if let Some(conferences) = &self.conferences {
            let is_meant = |id| conferences.iter().any(|these| these.contain(id));
            // An administrator's token is for all conferences.
            if !conference.is_some_and(is_meant) {
                return Some("conf");
            }
        }
        None
    }
}

impl Conferences {
    pub(crate) fn contain(&self, id: &ConferenceId) -> bool {
        match self {
            Self::One(one) => one == id,
            Self::Beginning(beginning) => id.as_str().starts_with(beginning),
        }
    }
}

impl FromStr for Conferences {
    type Err = NoConferences;

    fn from_str(text: &str) -> Result<Self, NoConferences> {
        let wrong = |_| NoConferences(text.to_owned());
        match text.strip_suffix('*') {
            // Whatever follows, it could be an id.
            Some(beginning) => format!("{beginning}0")
                .parse::<ConferenceId>()
                .map(|_| Self::Beginning(beginning.to_owned()))
                .map_err(wrong),
            None => text.parse().map(Self::One).map_err(wrong),
        }
    }
}

impl TryFrom<String> for Conferences {
    type Error = NoConferences;

    fn try_from(text: String) -> Result<Self, NoConferences> {
        text.parse()
    }
}

impl From<Conferences> for String {
    fn from(conferences: Conferences) -> Self {
        conferences.to_string()
    }
}

impl fmt::Display for Conferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(id) => id.fmt(f),
            Self::Beginning(beginning) => write!(f, "{beginning}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(limits: &KeyLimits, role: Role, conference: Option<&str>) -> Option<&'static str> {
        let conference = conference.map(|id| id.parse().unwrap());
        limits.refusal(role, conference.as_ref())
    }

    #[test]
    fn a_key_without_limits_signs_anything() {
        let any = KeyLimits::default();
        assert_eq!(refusal(&any, Role::Admin, None), None);
        assert_eq!(refusal(&any, Role::Site, Some("weekly")), None);
    }

    #[test]
    fn a_key_of_some_conferences_signs_for_them_alone_and_for_no_administrator() {
        let some = KeyLimits {
            conferences: Some(vec!["weekly".parse().unwrap(), "course-*".parse().unwrap()]),
            roles: None,
        };
        for allowed in ["weekly", "course-1", "course-"] {
            let refused = refusal(&some, Role::Operator, Some(allowed));
            assert_eq!(refused, None, "{allowed}");
        }
        for refused in [Some("weekly-2"), Some("course"), None] {
            let role = refused.map_or(Role::Admin, |_| Role::Site);
            assert_eq!(refusal(&some, role, refused), Some("conf"), "{refused:?}");
        }
    }

    #[test]
    fn a_key_of_some_roles_signs_for_no_other() {
        let sites = KeyLimits {
            conferences: None,
            roles: Some(vec![Role::Site, Role::Observer]),
        };
        assert_eq!(refusal(&sites, Role::Site, Some("weekly")), None);
        assert_eq!(
            refusal(&sites, Role::Operator, Some("weekly")),
            Some("role")
        );
        assert_eq!(refusal(&sites, Role::Admin, None), Some("role"));
    }

    #[test]
    fn what_cannot_be_an_id_names_no_conferences() {
        for wrong in ["", "a b", "*a", "**"] {
            assert!(wrong.parse::<Conferences>().is_err(), "{wrong}");
        }
        assert_eq!("a*".parse::<Conferences>().unwrap().to_string(), "a*");
    }
}
