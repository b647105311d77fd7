//! The secret with which a client proves that a session is its own.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 128 random bits, given to a client once and kept by us only as a hash.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SessionSecret([u8; 16]);

/// SHA-256 of a session secret. Enough to recognise the secret, useless to whoever reads the
/// event log: 128 random bits cannot be searched for.
#[derive(Clone, Copy, Eq, PartialEq, utoipa::ToSchema)]
#[schema(value_type = String)]
pub struct SecretHash([u8; 32]);

/// A text that is not a session secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a session secret has 22 characters of URL-safe base 64")]
pub struct SecretError;

impl SessionSecret {
    /// From 128 random bits.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The text that the client gets.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }
}

impl SecretHash {
    /// The hash as text.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for SessionSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SecretError)?;
        bytes.try_into().map(Self).map_err(|_| SecretError)
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(serde::de::Error::custom)?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revealed_secret_is_recognised_by_its_hash() {
        let secret = SessionSecret::new([7; 16]);
        let presented: SessionSecret = secret.reveal().parse().unwrap();
        assert_eq!(presented.hash(), secret.hash());
        assert_ne!(presented.hash(), SessionSecret::new([8; 16]).hash());
    }

    #[test]
    fn secrets_and_hashes_do_not_show_in_debug_output() {
        let secret = SessionSecret::new([7; 16]);
        assert_eq!(
            format!("{secret:?} {:?}", secret.hash()),
            "SessionSecret(…) SecretHash(…)"
        );
    }

    #[test]
    fn anything_else_is_not_a_secret() {
        for bad in [
            "",
            "x",
            "mEwZ0Qx3m0yQ2w8hG6bq9wAA",
            "mEwZ0Qx3m0yQ2w8hG6bq+w",
        ] {
            assert_eq!(bad.parse::<SessionSecret>(), Err(SecretError), "{bad:?}");
        }
    }

    #[test]
    fn a_hash_reads_what_it_writes() {
        let hash = SessionSecret::new([7; 16]).hash();
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<SecretHash>(&json).unwrap(), hash);
    }
}
