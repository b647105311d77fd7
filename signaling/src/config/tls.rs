//! Where the certificate of the server comes from.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Invalid, Secret};

/// Most names and addresses of one certificate: what Let's Encrypt takes.
const MAX_NAMES: usize = 100;

/// TLS of the public listener; off unless a certificate comes from one of three places.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those between it and its root (PEM). Empty: none.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// Whether an authority of the server's own makes it, for a trial on a LAN.
    pub self_made: bool,
    /// What it is to be for: names, or addresses. The first is in links.
    pub names: Vec<String>,
    /// How long browsers that came once are to come by TLS alone; 0 does not bind them.
    pub hsts_seconds: u64,
    /// The ACME server that gives it.
    pub acme: Acme,
}

/// An ACME server (RFC 8555), of the internet or of a closed network.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// URL of its directory; who writes it agrees to its terms of service. Empty: none.
    pub directory: String,
    /// The authority (PEM) that its own certificate is of. Empty: one of those that this system trusts.
    pub authority: PathBuf,
    /// Whom it writes to, as a mail address. Empty: nobody.
    pub contact: String,
    /// How it finds out that the names are ours.
    pub challenge: Challenge,
    /// Id of an account that was made there before, where it demands one.
    pub key_id: String,
    /// Secret of that account, in base 64 for URLs.
    pub key: Secret,
}

/// How an ACME server finds out that a name is ours.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Challenge {
    /// It shakes hands at port 443 (RFC 8737).
    #[default]
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
    /// It asks at port 80 (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http,
}

/// A problem of one key.
type Problem = (&'static str, String);

impl Tls {
    /// Whether the public listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        is_set(&self.certificate) || self.self_made || !self.acme.directory.is_empty()
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        let problems = self.check_source().into_iter();
        let problems = problems.chain(self.check_names()).chain(self.acme.check());
        found.extend(problems.map(|(key, problem)| Invalid {
            key: key.to_owned(),
            problem,
        }));
    }

    fn check_source(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        match [&self.certificate, &self.key].map(|path| is_set(path)) {
            [true, false] => found.push((
                "tls.key",
                "is empty, must name the key of `tls.certificate`".to_owned(),
            )),
            [false, true] => found.push((
                "tls.certificate",
                "is empty, must name the one of `tls.key`".to_owned(),
            )),
            [true, true] | [false, false] => {}
        }
        let sources = [
            (is_set(&self.certificate), "`tls.certificate`"),
            (self.self_made, "`tls.self_made`"),
            (!self.acme.directory.is_empty(), "`tls.acme.directory`"),
        ];
        let set: Vec<_> = sources.iter().filter(|(is_set, _)| *is_set).collect();
        if let [_, _, ..] = *set {
            let names: Vec<_> = set.iter().map(|(_, name)| *name).collect();
            let problem = format!("comes from {}: must come from one", names.join(" and "));
            found.push(("tls", problem));
        }
        found
    }

    fn check_names(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.names.len() > MAX_NAMES {
            let problem = format!("has {}, must have at most {MAX_NAMES}", self.names.len());
            found.push(("tls.names", problem));
        }
        for name in &self.names {
            if !is_name(name) {
                let problem = format!("has `{name}`, must be like hop.example.vn or 10.1.2.3");
                found.push(("tls.names", problem));
            }
        }
        if self.acme.directory.is_empty() {
            return found;
        }
        if self.names.is_empty() {
            let problem = "is empty, must say for what `tls.acme` is asked for a certificate";
            found.push(("tls.names", problem.to_owned()));
        }
        let address = self
            .names
            .iter()
            .find(|name| name.parse::<IpAddr>().is_ok());
        if let (Some(address), Challenge::TlsAlpn) = (address, self.acme.challenge) {
            let problem = format!(
                "has the address {address}, for which `tls.acme.challenge` must be \"http-01\""
            );
            found.push(("tls.names", problem));
        }
        found
    }
}

impl Acme {
    fn check(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let directory = &self.directory;
        if !(directory.is_empty() || directory.starts_with("https://")) {
            let problem = format!("is `{directory}`, must begin with https://");
            found.push(("tls.acme.directory", problem));
        }
        if self.key_id.is_empty() != self.key.expose().is_empty() {
            let problem = "and `tls.acme.key` go together: set both or neither";
            found.push(("tls.acme.key_id", problem.to_owned()));
        }
        if self.contact.starts_with("mailto:") {
            let problem = format!("is `{}`, must be the address alone", self.contact);
            found.push(("tls.acme.contact", problem));
        }
        found
    }
}

pub(super) fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// A host name without a dot at its end, or an address without a port.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(tls: &Tls) -> Vec<String> {
        let mut found = Vec::new();
        tls.check(&mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_certificate_comes_from_one_place() {
        let mut tls = Tls {
            self_made: true,
            ..Tls::default()
        };
        assert_eq!(problems(&tls), [""; 0]);
        tls.acme.directory = "https://acme.example/directory".to_owned();
        tls.names = vec!["hop.example.vn".to_owned()];
        let found = problems(&tls);
        let expected =
            "`tls` comes from `tls.self_made` and `tls.acme.directory`: must come from one";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_acme_needs_is_named() {
        let mut tls = Tls::default();
        tls.acme.directory = "http://acme.example".to_owned();
        tls.acme.key_id = "an".to_owned();
        let found = problems(&tls);
        for (problem, key) in found.iter().zip(["names", "acme.directory", "acme.key_id"]) {
            assert!(problem.starts_with(&format!("`tls.{key}`")), "{problem}");
        }
        assert_eq!(found.len(), 3, "{found:?}");
        tls.names = vec!["10.1.2.3".to_owned()];
        assert!(problems(&tls)[0].contains("http-01"));
    }

    #[test]
    fn names_are_hosts_or_addresses() {
        for good in [
            "localhost",
            "hop.example.vn",
            "10.1.2.3",
            "fd00::1",
            "xn--bnh-7na.vn",
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "https://a", "a:80", "a.", "*.a", "[fd00::1]"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
