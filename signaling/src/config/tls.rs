//! Where the certificate of the server comes from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// TLS of the public listener; off unless a certificate comes from somewhere.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those between it and its root (PEM). Empty: none.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// How long browsers that came once are to come by TLS alone; 0 does not bind them.
    pub hsts_seconds: u64,
}

impl Tls {
    /// Whether the public listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        let mut refuse = |key: &str, problem: &str| {
            found.push(Invalid {
                key: key.to_owned(),
                problem: problem.to_owned(),
            });
        };
        match [&self.certificate, &self.key].map(|path| path.as_os_str().is_empty()) {
            [false, true] => refuse(
                "tls.key",
                "is empty, must name the key of `tls.certificate`",
            ),
            [true, false] => refuse(
                "tls.certificate",
                "is empty, must name the one of `tls.key`",
            ),
            [true, true] | [false, false] => {}
        }
    }
}
