//! Names and passwords of TURN's users. A password follows from its name and a secret, so that nothing
//! has to be kept of those that were given out: coturn's `use-auth-secret` does the same.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use rtc_crypto::HashAlgorithm;

use super::REALM;
use crate::peer::crypto;

/// Bytes of a key that messages are signed with.
pub type Key = [u8; 16];

/// A name and its password.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// Until when they are good, in seconds, and for whom: `timestamp:id`.
    pub username: String,
    /// What follows from it.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What passwords follow from.
#[derive(Debug)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Of what nobody else knows.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bytes))
    }

    /// Credentials of somebody, good until then.
    pub fn issue(&self, id: &str, until: u64) -> Credentials {
        let username = format!("{until}:{id}");
        let password = self.password(&username);
        Credentials { username, password }
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, username.as_bytes()))
    }

    /// What a user of this name signs with.
    pub fn key(&self, username: &str) -> Option<Key> {
        key_of(username, REALM, &self.password(username))
    }
}

/// What messages are signed with by whoever knows a password (RFC 8489 §9.2.2).
pub fn key_of(username: &str, realm: &str, password: &str) -> Option<Key> {
    let text = format!("{username}:{realm}:{password}");
    let hashed = crypto::algorithms().hash(HashAlgorithm::Md5, text.as_bytes());
    hashed.ok()?.try_into().ok()
}

/// Until when a name is good, in seconds.
pub fn good_until(username: &str) -> Option<u64> {
    username.split_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_that_of_coturn() {
        // printf %s 1700000000:site | openssl dgst -sha1 -hmac 01234567890123456789 -binary | base64
        let secret = Secret::new(b"01234567890123456789");
        let made = secret.issue("site", 1_700_000_000);
        assert_eq!(made.username, "1700000000:site");
        assert_eq!(made.password, "sgnIrS8u1/O02jCeLe1EAbcB/M0=");
        assert_eq!(good_until(&made.username), Some(1_700_000_000));
    }

    #[test]
    fn a_name_without_a_time_is_good_for_nothing() {
        for name in ["", "site", ":site", "soon:site", "-1:site"] {
            assert_eq!(good_until(name), None, "{name}");
        }
    }

    #[test]
    fn a_password_is_not_in_any_log() {
        let made = Secret::new(&[7; 20]).issue("site", 1);
        assert!(!format!("{made:?}").contains(&made.password));
    }
}
