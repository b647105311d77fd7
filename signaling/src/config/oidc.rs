//! A provider by which people log in (OpenID Connect), and what its groups may do here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Invalid, Secret};
use crate::accounts::AccountRole;
use crate::ids::SiteCode;
use crate::oidc::address;

/// Longest id: it stands in addresses.
const MAX_ID_BYTES: usize = 32;

/// Most characters of a name: it stands on a button.
const MAX_NAME_CHARS: usize = 60;

/// A provider, and who may come by it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// Stands on the button: "Log in with …".
    pub name: String,
    /// Where the provider describes itself, as it calls itself.
    pub issuer: String,
    /// As whom it knows this server.
    pub client_id: String,
    /// The secret of that.
    pub client_secret: Secret,
    /// What it is asked for, `openid` apart.
    pub scopes: Vec<String>,
    /// The claim that has a person's groups; dots lead into what it holds.
    pub groups_claim: String,
    /// Group → what its people may do.
    pub roles: BTreeMap<String, AccountRole>,
    /// Group → the province whose operators its people are.
    pub provinces: BTreeMap<String, SiteCode>,
    /// The authority (PEM) of its certificate. Empty: one of those that this system trusts.
    pub authority: PathBuf,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            scopes: ["profile", "email"].map(str::to_owned).to_vec(),
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::new(),
            provinces: BTreeMap::new(),
            authority: PathBuf::new(),
        }
    }
}

impl Oidc {
    pub(super) fn check(&self, id: &str, found: &mut Vec<Invalid>) {
        let mut refuse = |key: &str, problem: String| {
            let dot = if key.is_empty() { "" } else { "." };
            found.push(Invalid {
                key: format!("accounts.oidc.{id}{dot}{key}"),
                problem,
            });
        };
        if !is_id(id) {
            refuse(
                "",
                format!(
                    "is no name of a provider: use 1 to {MAX_ID_BYTES} small letters (a-z), digits, '_' \
                     or '-', the first a letter"
                ),
            );
        }
        let chars = self.name.chars().count();
        if self.name.trim().is_empty() || chars > MAX_NAME_CHARS {
            let problem = format!(
                "has {chars} characters, must have 1 to {MAX_NAME_CHARS}: it stands on the button"
            );
            refuse("name", problem);
        }
        if let Err(problem) = address::issuer(&self.issuer) {
            refuse("issuer", format!("is `{}`: {problem}", self.issuer));
        }
        if self.client_id.is_empty() {
            refuse(
                "client_id",
                "is empty: the provider gives one to this server".to_owned(),
            );
        }
        if self.client_secret.expose().is_empty() {
            refuse(
                "client_secret",
                format!(
                    "is empty: write it here, or name the file that holds it in \
                     DINH_ACCOUNTS__OIDC__{}__CLIENT_SECRET_FILE",
                    id.to_uppercase()
                ),
            );
        }
        let is_scope = |scope: &String| {
            let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            !scope.is_empty() && scope.bytes().all(is_allowed)
        };
        if let Some(wrong) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            let problem = format!("has `{wrong}`, must have one word for each scope");
            refuse("scopes", problem);
        }
        if self.groups_claim.is_empty() {
            refuse(
                "groups_claim",
                "is empty, must name a claim such as groups".to_owned(),
            );
        }
        self.check_groups(&mut refuse);
    }

    fn check_groups(&self, refuse: &mut impl FnMut(&str, String)) {
        if self.roles.is_empty() && self.provinces.is_empty() {
            refuse(
                "roles",
                "names no group, and `provinces` does not either: nobody could come in".to_owned(),
            );
        }
        let is_provincial = |role: &AccountRole| *role == AccountRole::Provincial;
        if self.provinces.is_empty()
            && let Some((group, _)) = self.roles.iter().find(|(_, role)| is_provincial(role))
        {
            let problem = format!(
                "makes {group:?} provincial, and `provinces` has no group: name there which group is of \
                 which province"
            );
            refuse("roles", problem);
        }
    }
}

/// Whether it can stand in an address, and in the name of a variable of the environment.
fn is_id(id: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=MAX_ID_BYTES).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Oidc {
        Oidc {
            name: "Bộ Nội vụ".to_owned(),
            issuer: "https://id.example.vn/realms/bo".to_owned(),
            client_id: "dinh".to_owned(),
            client_secret: Secret::new("secret"),
            roles: BTreeMap::from([("hop-dieu-hanh".to_owned(), AccountRole::National)]),
            ..Oidc::default()
        }
    }

    fn problems(id: &str, change: impl FnOnce(&mut Oidc)) -> Vec<String> {
        let mut provider = good();
        change(&mut provider);
        let mut found = Vec::new();
        provider.check(id, &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_mistake_is_named_with_its_key() {
        assert_eq!(problems("bo", |_| {}), [""; 0]);
        let empty = problems("bo", |provider| *provider = Oidc::default());
        for key in ["name", "issuer", "client_id", "client_secret", "roles"] {
            let begins = format!("`accounts.oidc.bo.{key}` ");
            let is_named = empty.iter().any(|problem| problem.starts_with(&begins));
            assert!(is_named, "{key}: {empty:?}");
        }
        let scopes = problems("bo", |provider| {
            provider.scopes = vec!["profile email".to_owned()];
        });
        assert!(scopes[0].starts_with("`accounts.oidc.bo.scopes` has"));
        let claim = problems("bo", |provider| provider.groups_claim.clear());
        assert!(claim[0].starts_with("`accounts.oidc.bo.groups_claim` "));
    }

    #[test]
    fn an_id_can_stand_in_an_address_and_in_a_variable() {
        for id in ["bo", "bo-noi_vu2"] {
            assert_eq!(problems(id, |_| {}), [""; 0], "{id}");
        }
        for id in ["", "Bo", "2bo", "bo/x", "bộ", &"b".repeat(33)] {
            let found = problems(id, |_| {});
            let begins = format!("`accounts.oidc.{id}` is no name");
            assert!(found[0].starts_with(&begins), "{found:?}");
        }
    }

    #[test]
    fn provincial_operators_need_groups_of_provinces() {
        let role = |provider: &mut Oidc| {
            let group = ("hop-tinh".to_owned(), AccountRole::Provincial);
            provider.roles.extend([group]);
        };
        assert!(problems("bo", role)[0].contains("\"hop-tinh\""));
        let both = |provider: &mut Oidc| {
            role(provider);
            let hanoi = ("hop-hanoi".to_owned(), "01".parse().unwrap());
            provider.provinces.extend([hanoi]);
        };
        assert_eq!(problems("bo", both), [""; 0]);
    }
}
