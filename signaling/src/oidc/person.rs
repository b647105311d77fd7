//! What a person may do here who comes by a provider, by the groups that the provider names.

use sha2::{Digest as _, Sha256};

use super::claims::Claims;
use super::trouble::Trouble;
use crate::accounts::{AccountRole, Details, LoginName};
use crate::config::Oidc;
use crate::ids::SiteCode;
use crate::text;

/// Most characters of a name (see `Details::check`).
const MAX_NAME_CHARS: usize = 100;

/// Most groups that the log names of somebody who may not come in.
const MAX_SAID_GROUPS: usize = 20;

/// Who somebody is, and what that person may do.
///
/// # Errors
/// When it is nothing: with what is to be changed, for the log.
pub(crate) fn person(id: &str, config: &Oidc, claims: &Claims) -> Result<Details, Trouble> {
    let groups = claims.groups.as_deref().unwrap_or_default();
    let (role, province) = rights(id, config, groups).map_err(|why| {
        let who = claims.login.as_ref().unwrap_or(&claims.subject);
        let said = groups.iter().take(MAX_SAID_GROUPS).collect::<Vec<_>>();
        Trouble::NotPermitted(format!("{id} knows {who:?} in the groups {said:?}: {why}"))
    })?;
    let fits = |details: &Details| details.check().is_ok();
    let details = Details {
        name: name(claims),
        email: claims.email.clone(),
        role,
        province,
        is_disabled: false,
    };
    if fits(&details) {
        return Ok(details);
    }
    // What is no mail address is none.
    Ok(Details {
        email: None,
        ..details
    })
}

/// The role of whoever is in these groups: that which may most. A group of a province makes its people
/// operators of that province.
fn rights(
    id: &str,
    config: &Oidc,
    groups: &[String],
) -> Result<(AccountRole, Option<SiteCode>), String> {
    let mut provinces: Vec<&SiteCode> = groups
        .iter()
        .filter_map(|group| config.provinces.get(group))
        .collect();
    provinces.sort();
    provinces.dedup();
    let of_province = (!provinces.is_empty()).then_some(AccountRole::Provincial);
    let named = groups.iter().filter_map(|group| config.roles.get(group));
    let role = named.copied().chain(of_province).min();
    match (role, provinces.as_slice()) {
        (None, _) => Err(format!(
            "none of them is in `accounts.oidc.{id}.roles` or `accounts.oidc.{id}.provinces`"
        )),
        (Some(AccountRole::Provincial), [province]) => {
            Ok((AccountRole::Provincial, Some((*province).clone())))
        }
        (Some(AccountRole::Provincial), []) => Err(format!(
            "an operator of a province needs a group of `accounts.oidc.{id}.provinces`"
        )),
        (Some(AccountRole::Provincial), several) => Err(format!(
            "an operator is of one province, and these are of {several:?}"
        )),
        (Some(role), _) => Ok((role, None)),
    }
}

/// A name that can stand in a line.
fn name(claims: &Claims) -> String {
    let candidates = [&claims.name, &claims.login, &claims.email];
    let shown = candidates.into_iter().flatten().map(|name| {
        let kept = name.chars().filter(|letter| !text::misleads(*letter));
        kept.take(MAX_NAME_CHARS).collect::<String>()
    });
    let mut shown = shown.map(|name| name.trim().to_owned());
    shown
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| hashed("nguoi", &claims.subject))
}

/// Names for an account that did not exist before, the best first. No name that somebody has is taken.
pub(crate) fn logins(provider: &str, claims: &Claims) -> Vec<LoginName> {
    let own = claims.login.as_ref().or(claims.email.as_ref());
    let own = own.and_then(|own| own.parse::<LoginName>().ok());
    let mut names: Vec<String> = Vec::new();
    if let Some(own) = own {
        names.push(own.to_string());
        names.push(format!("{own}@{provider}"));
    }
    names.push(hashed(provider, &claims.subject));
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// A name for somebody of whom nothing else is known.
fn hashed(begins: &str, subject: &str) -> String {
    let hash = hex::encode(Sha256::digest(subject));
    format!("{begins}-{}", hash.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config() -> Oidc {
        let role = |group: &str, role| (group.to_owned(), role);
        let province = |group: &str, code: &str| (group.to_owned(), code.parse().unwrap());
        Oidc {
            roles: BTreeMap::from([
                role("quan-tri", AccountRole::Admin),
                role("dieu-hanh", AccountRole::National),
                role("tinh", AccountRole::Provincial),
                role("kiem-toan", AccountRole::Auditor),
            ]),
            provinces: BTreeMap::from([
                province("ha-noi", "01"),
                province("ha-noi-2", "01"),
                province("hcm", "79"),
            ]),
            ..Oidc::default()
        }
    }

    fn claims(groups: &[&str]) -> Claims {
        Claims {
            subject: "f:7".to_owned(),
            name: Some("Nguyễn Thị An".to_owned()),
            login: Some("an.nguyen".to_owned()),
            email: Some("an@example.vn".to_owned()),
            groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
        }
    }

    fn comes_as(groups: &[&str]) -> Result<(AccountRole, Option<String>), String> {
        let details =
            person("bo", &config(), &claims(groups)).map_err(|error| error.to_string())?;
        Ok((details.role, details.province.map(|code| code.to_string())))
    }

    #[test]
    fn of_several_groups_that_counts_which_may_most() {
        let all = ["kiem-toan", "dieu-hanh", "ha-noi", "x"];
        assert_eq!(comes_as(&all), Ok((AccountRole::National, None)));
        let both = comes_as(&["dieu-hanh", "quan-tri"]);
        assert_eq!(both, Ok((AccountRole::Admin, None)));
    }

    #[test]
    fn an_operator_of_a_province_is_of_exactly_one() {
        let hanoi = Ok((AccountRole::Provincial, Some("01".to_owned())));
        assert_eq!(comes_as(&["ha-noi"]), hanoi);
        assert_eq!(comes_as(&["tinh", "ha-noi", "ha-noi-2"]), hanoi);
        let none = comes_as(&["tinh"]).unwrap_err();
        assert!(none.contains("accounts.oidc.bo.provinces"), "{none}");
        let two = comes_as(&["ha-noi", "hcm"]).unwrap_err();
        assert!(two.contains("[01, 79]"), "{two}");
    }

    #[test]
    fn who_is_in_no_group_does_not_come_in_and_the_log_says_what_to_change() {
        for groups in [&[][..], &["x"], &["Dieu-Hanh"]] {
            let why = comes_as(groups).unwrap_err();
            assert!(why.contains("accounts.oidc.bo.roles"), "{why}");
            assert!(why.contains("an.nguyen"), "{why}");
        }
        let silent = Claims {
            groups: None,
            ..claims(&[])
        };
        assert!(person("bo", &config(), &silent).is_err());
    }

    #[test]
    fn whatever_a_provider_says_makes_a_person_that_can_be_shown() {
        let named = |name: Option<&str>, email: Option<&str>| {
            let claims = Claims {
                name: name.map(str::to_owned),
                email: email.map(str::to_owned),
                ..claims(&["quan-tri"])
            };
            person("bo", &config(), &claims).unwrap()
        };
        let long = "x".repeat(300);
        for (name, email) in [
            (Some("a\u{202e}b\n"), Some("an")),
            (Some(&*long), None),
            (Some("  "), Some(&*long)),
            (None, Some("an@example.vn")),
        ] {
            assert_eq!(named(name, email).check(), Ok(()), "{name:?} {email:?}");
        }
        assert_eq!(named(Some("An"), Some("an")).email, None);
        assert_eq!(named(None, None).name, "an.nguyen");
    }

    #[test]
    fn a_new_account_is_called_as_its_person_is_there_or_so_that_nobody_else_is() {
        let names = |claims: &Claims| {
            let names = logins("bo", claims);
            names.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let known = names(&claims(&[]));
        assert_eq!(known[..2], ["an.nguyen", "an.nguyen@bo"]);
        assert!(known[2].starts_with("bo-"), "{known:?}");
        let nameless = Claims {
            login: Some("ân nguyễn".to_owned()),
            ..claims(&[])
        };
        assert_eq!(names(&nameless).len(), 1);
    }
}
