//! Judging the providers by which people log in. Pure.
//!
//! Without them a conference works, and whoever has a password logs in: nothing of it is worse than a warning.

use openidconnect::url::{Host, Url};

use super::{Finding, journey};
use crate::check::Cause;
use crate::config::Oidc;
use crate::oidc::Fault;

/// The step by which programs know it.
const STEP: &str = "provider";

/// Where people are sent back to who log in by the providers of these issuers.
#[must_use]
pub(crate) fn way_back(base: &str, issuers: &[&str]) -> Finding {
    let measured = format!("people who log in by a provider are sent back to {base}");
    let is_local = |text: &str| {
        Url::parse(text).is_ok_and(|url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
            None => true,
        })
    };
    let advice = if issuers.iter().all(|issuer| is_local(issuer)) {
        // It is all on this machine: a trial.
        None
    } else if is_local(base) {
        Some(
            "there no other computer finds this server: set http.public_url to where people come, like \
             https://hop.example.vn",
        )
    } else if !base.starts_with("https://") {
        Some(
            "providers send nobody to http://, and a log-in there can be read on the way: have people come by \
             https:// ([tls], or a proxy before this server) and set http.public_url to that",
        )
    } else {
        None
    };
    match advice {
        Some(advice) => Finding::new(STEP, Cause::ProviderUnusable, measured, advice),
        None => Finding::good(STEP, measured),
    }
}

/// A provider that was looked at: how many keys it publishes, or what is amiss.
#[must_use]
pub(crate) fn provider(
    (id, config): (&str, &Oidc),
    redirect: &str,
    looked: &Result<usize, Fault>,
) -> Finding {
    let key = format!("accounts.oidc.{id}");
    let (cause, measured, advice) = match looked {
        Ok(keys) => {
            let measured = format!(
                "{id}: {} lets people log in, keys that it publishes: {keys}",
                config.issuer
            );
            return Finding::good(STEP, measured);
        }
        Err(Fault::Authority(said)) => (
            Cause::ProviderNotTrusted,
            said.clone(),
            format!(
                "{key}.authority must name a file with the certificate (PEM) of the authority, which the \
                 server's user may read"
            ),
        ),
        Err(Fault::Away { at, said }) => {
            let (cause, advice) = away(&key, config, said);
            (cause, format!("{at}: {said}"), advice)
        }
        Err(fault) => {
            let (measured, advice) = unusable(&key, config, redirect, fault);
            (Cause::ProviderUnusable, measured, advice)
        }
    };
    Finding::new(STEP, cause, format!("{id}: {measured}"), advice)
}

/// Nothing answers, or nothing that is trusted.
fn away(key: &str, config: &Oidc, said: &str) -> (Cause, String) {
    let advice = match journey::untrusted(said) {
        None => {
            return (
                Cause::ProviderAway,
                format!(
                    "is {} right, and is the provider up? Does a firewall let this machine go there, and does \
                     its resolver know the name? Passwords work meanwhile",
                    config.issuer
                ),
            );
        }
        Some(Cause::CertificateExpired) => {
            "its certificate has ended: whoever runs the provider renews it. If that says it has not, this \
             machine's clock is wrong"
                .to_owned()
        }
        Some(Cause::CertificateNotYetValid) => {
            "this machine's clock is behind: set it (timedatectl set-ntp true)".to_owned()
        }
        Some(Cause::CertificateWrongName) => format!(
            "its certificate is for another name: write {key}.issuer by that name, or have one made for this"
        ),
        Some(Cause::NoTls) => format!(
            "what answers there does not speak TLS: is the port of {key}.issuer right, or is a proxy on the way?"
        ),
        Some(_) if config.authority.as_os_str().is_empty() => format!(
            "nobody here trusts who made its certificate: if that is an authority of your own, name its \
             certificate (PEM) in {key}.authority; else the provider does not show its whole chain, or a \
             firewall looks into TLS"
        ),
        Some(_) => format!(
            "its certificate was not made by the authority in {key}.authority, {}: name the one that made it",
            config.authority.display()
        ),
    };
    (Cause::ProviderNotTrusted, advice)
}

/// It answers, and nobody could log in.
fn unusable(key: &str, config: &Oidc, redirect: &str, fault: &Fault) -> (String, String) {
    match fault {
        Fault::OtherIssuer(said) => (
            said.clone(),
            format!("write {key}.issuer as the provider calls itself, letter by letter"),
        ),
        Fault::NoKeys { at } => (
            format!("there is no key at {at}"),
            "the provider must publish the keys with which it signs".to_owned(),
        ),
        Fault::Algorithms(names) => (
            format!("it signs with {names} alone"),
            "have it sign ID tokens with a key of its own, such as RS256 or ES256".to_owned(),
        ),
        Fault::WayBack(status) => (
            format!("it answers {status} to whoever wants to log in"),
            format!(
                "enter {redirect} at the provider, as the address to which `{}` has people sent back, letter by \
                 letter; and is {key}.client_id what it is called there?",
                config.client_id
            ),
        ),
        Fault::Client(said) => (
            said.clone(),
            format!(
                "{key}.client_id or {key}.client_secret is not what the provider gave: it must be a \
                 confidential client with a secret"
            ),
        ),
        Fault::Unusable { at, said } => (
            format!("{at}: {said}"),
            format!(
                "is {key}.issuer whole? The provider describes itself at that address with \
                 /.well-known/openid-configuration behind it"
            ),
        ),
        Fault::Authority(said) | Fault::Away { said, .. } => (said.clone(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::super::Verdict;
    use super::*;

    fn judged(authority: &str, looked: &Result<usize, Fault>) -> Finding {
        let config = Oidc {
            issuer: "https://id.example.vn".to_owned(),
            client_id: "dinh".to_owned(),
            authority: authority.into(),
            ..Oidc::default()
        };
        let redirect = "https://hop.example.vn/api/v1/login/oidc/bo/callback";
        provider(("bo", &config), redirect, looked)
    }

    fn away(said: &str) -> Result<usize, Fault> {
        let at = "https://id.example.vn/.well-known/openid-configuration".to_owned();
        let said = said.to_owned();
        Err(Fault::Away { at, said })
    }

    #[test]
    fn a_provider_that_lets_people_in_has_nothing_to_be_told() {
        let finding = judged("", &Ok(2));
        assert_eq!(finding.verdict, Verdict::Good, "{finding}");
        assert_eq!(finding.advice, "");
    }

    #[test]
    fn each_fault_is_a_warning_that_says_what_to_do() {
        let text = || "x".to_owned();
        let untrusted = "client error (Connect): invalid peer certificate: ";
        let untrusted = |why: &str| away(&format!("{untrusted}{why}"));
        for (authority, looked, cause, advice) in [
            ("", away("connection refused"), "E1", "firewall"),
            ("", untrusted("UnknownIssuer"), "E2", "name its certificate"),
            (
                "/etc/ca",
                untrusted("UnknownIssuer"),
                "E2",
                "in accounts.oidc.bo.authority, /etc/ca",
            ),
            ("", untrusted("certificate expired: …"), "E2", "has ended"),
            (
                "",
                untrusted("certificate not valid yet"),
                "E2",
                "clock is behind",
            ),
            (
                "",
                untrusted("certificate not valid for name"),
                "E2",
                "another name",
            ),
            (
                "",
                away("received corrupt message of type InvalidContentType"),
                "E2",
                "speak TLS",
            ),
            (
                "/etc/ca",
                Err(Fault::Authority(text())),
                "E2",
                "accounts.oidc.bo.authority must",
            ),
            ("", Err(Fault::OtherIssuer(text())), "E3", "calls itself"),
            ("", Err(Fault::NoKeys { at: text() }), "E3", "publish"),
            ("", Err(Fault::Algorithms(text())), "E3", "RS256"),
            (
                "",
                Err(Fault::WayBack(StatusCode::BAD_REQUEST)),
                "E3",
                "/oidc/bo/callback",
            ),
            (
                "",
                Err(Fault::Client(text())),
                "E3",
                "accounts.oidc.bo.client_secret",
            ),
            (
                "",
                Err(Fault::Unusable {
                    at: text(),
                    said: text(),
                }),
                "E3",
                "well-known",
            ),
        ] {
            let finding = judged(authority, &looked);
            assert_eq!(finding.verdict, Verdict::Warning, "{finding}");
            assert_eq!(finding.cause.map(Cause::code), Some(cause), "{finding}");
            assert!(finding.measured.starts_with("bo: "), "{finding}");
            assert!(finding.advice.contains(advice), "{finding}");
        }
    }

    #[test]
    fn people_are_sent_back_by_tls_to_where_other_computers_find_this_server() {
        let far = ["https://id.example.vn"];
        for (base, issuers, advice) in [
            ("https://hop.example.vn", &far, ""),
            ("http://127.0.0.1:7900", &far, "no other computer"),
            ("https://[::]:7900", &far, "no other computer"),
            ("http://hop.example.vn", &far, "https:// ([tls]"),
            ("http://127.0.0.1:7900", &["http://127.0.0.1:9000"], ""),
        ] {
            let finding = way_back(base, issuers);
            assert_eq!(finding.advice.is_empty(), advice.is_empty(), "{finding}");
            assert!(finding.advice.contains(advice), "{finding}");
        }
    }
}
