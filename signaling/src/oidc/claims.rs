//! What a provider says of a person.

use openidconnect::{EndUserName, LocalizedClaim};
use serde_json::{Map, Value};

use super::client::{IdClaims, PersonClaims};

/// See the module.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Claims {
    /// By which the provider knows the person, for ever.
    pub(crate) subject: String,
    /// The person's name.
    pub(crate) name: Option<String>,
    /// What the person writes to log in there.
    pub(crate) login: Option<String>,
    /// The mail address, unless the provider says that it is not known to be the person's.
    pub(crate) email: Option<String>,
    /// The groups, if anything is said of them.
    pub(crate) groups: Option<Vec<String>>,
}

impl Claims {
    /// What stands in an ID token.
    pub(super) fn of_token(claims: &IdClaims, groups: &str) -> Self {
        let email = claims
            .email()
            .filter(|_| claims.email_verified() != Some(false));
        Self {
            subject: claims.subject().to_string(),
            name: claims.name().and_then(one),
            login: claims.preferred_username().map(|login| login.to_string()),
            email: email.map(|email| email.to_string()),
            groups: groups_in(&claims.additional_claims().claims, groups),
        }
    }

    /// What the provider says of the person when it is asked.
    pub(super) fn of_person(claims: &PersonClaims, groups: &str) -> Self {
        let said = claims.standard_claims();
        let email = said
            .email()
            .filter(|_| said.email_verified() != Some(false));
        Self {
            subject: said.subject().to_string(),
            name: said.name().and_then(one),
            login: said.preferred_username().map(|login| login.to_string()),
            email: email.map(|email| email.to_string()),
            groups: groups_in(&claims.additional_claims().claims, groups),
        }
    }

    /// Whether the provider has to be asked for the rest.
    pub(super) const fn lacks(&self) -> bool {
        self.groups.is_none() || self.name.is_none()
    }

    /// With what was said elsewhere of the same person, where nothing was said here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            subject: self.subject,
            name: self.name.or(other.name),
            login: self.login.or(other.login),
            email: self.email.or(other.email),
            groups: self.groups.or(other.groups),
        }
    }
}

/// One of the languages in which a name is said.
fn one(name: &LocalizedClaim<EndUserName>) -> Option<String> {
    name.iter().next().map(|(_, name)| name.to_string())
}

/// The groups of a claim: a list of texts or one text, under its name or where dots lead.
fn groups_in(claims: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let found = claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.')
            .try_fold(claims.get(first)?, |value, part| value.get(part))
    });
    match found? {
        Value::String(group) => Some(vec![group.clone()]),
        Value::Array(groups) => {
            let texts = groups.iter().filter_map(Value::as_str);
            Some(texts.map(str::to_owned).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn groups(claims: &Value, name: &str) -> Option<Vec<String>> {
        groups_in(claims.as_object().unwrap(), name)
    }

    #[test]
    fn groups_are_a_list_or_a_text_and_may_stand_deeper() {
        let claims = json!({
            "groups": ["/hop", 7, "dieu-hanh"],
            "role": "hop",
            "realm_access": { "roles": ["hop"] },
            "https://id.example.vn/groups": ["hop"],
            "number": 1,
        });
        let hop = || Some(vec!["hop".to_owned()]);
        let both = ["/hop", "dieu-hanh"].map(str::to_owned).to_vec();
        assert_eq!(groups(&claims, "groups"), Some(both));
        assert_eq!(groups(&claims, "role"), hop());
        assert_eq!(groups(&claims, "realm_access.roles"), hop());
        assert_eq!(groups(&claims, "https://id.example.vn/groups"), hop());
        for none in ["number", "realm_access.x", "groups.x", "nothing", ""] {
            assert_eq!(groups(&claims, none), None, "{none}");
        }
    }

    #[test]
    fn what_the_token_says_stands_and_the_rest_is_asked_for() {
        let token = Claims {
            subject: "1".to_owned(),
            name: Some("An".to_owned()),
            ..Claims::default()
        };
        assert!(token.lacks());
        let asked = Claims {
            subject: "1".to_owned(),
            name: Some("Another".to_owned()),
            groups: Some(Vec::new()),
            ..Claims::default()
        };
        let all = token.or(asked);
        assert!(!all.lacks());
        assert_eq!(all.name.as_deref(), Some("An"));
    }
}
