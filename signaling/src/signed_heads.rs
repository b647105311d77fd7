//! What the record held when the server signed it last: the head of every conference's log, in a file
//! beside the database.
//!
//! A head is a hash over all events of a conference. Whoever can write to the database, but has not
//! the key, can neither change what was signed nor put an older database back without being noticed:
//! the signed head is no longer in the log. Each head is signed by itself, so that it can go with a
//! copy of one log, and all together, so that none can be left out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::SigningKey;
use crate::data_dir::write_private;
use crate::ids::ConferenceId;
use crate::store::{Hash, Head, canonical};

/// Begins what is signed for one head, so that the signature means nothing else.
const HEAD: &str = "dinh signed head 1\n";

/// As [`HEAD`], for all of them.
const HEADS: &str = "dinh signed heads 1\n";

/// The head of one log, signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignedHead {
    /// The last event that the signature covers.
    pub seq: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
    /// When it was signed.
    pub at: Timestamp,
    /// Ed25519 (RFC 8032), hexadecimal.
    pub signature: String,
}

/// All of them, as they stand in the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedHeads {
    /// Since when this file is kept: older events were first signed then.
    pub begun: Timestamp,
    /// By conference.
    pub heads: BTreeMap<ConferenceId, SignedHead>,
    /// The public half of the key, hexadecimal.
    pub public_key: String,
    /// Of everything else in the file, hexadecimal.
    signature: String,
}

/// Why the file vouches for nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotVouched {
    /// It is not there.
    #[error("{0} is missing, so nothing says what the record held")]
    Missing(String),
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Io(String, io::Error),
    /// Somebody has changed it, or the key is another one.
    #[error("{0} is not what the server's record key has signed, so it says nothing")]
    Untrusted(String),
}

impl SignedHeads {
    /// Without any head yet.
    #[must_use]
    pub fn new(begun: Timestamp, key: &SigningKey) -> Self {
        let mut heads = Self {
            begun,
            heads: BTreeMap::new(),
            public_key: hex::encode(key.public()),
            signature: String::new(),
        };
        heads.seal(key);
        heads
    }

    /// Reads the file, and believes it only if `key` has signed it.
    ///
    /// # Errors
    /// When it says nothing that can be trusted.
    pub fn load(path: &Path, key: &SigningKey) -> Result<Self, NotVouched> {
        let name = || path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, key).ok_or_else(|| NotVouched::Untrusted(name())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(NotVouched::Missing(name()))
            }
            Err(error) => Err(NotVouched::Io(name(), error)),
        }
    }

    /// Reads what was in the file, and believes it only if `key` has signed it.
    #[must_use]
    pub fn parse(text: &str, key: &SigningKey) -> Option<Self> {
        let heads: Self = serde_json::from_str(text).ok()?;
        let signature = hex::decode(&heads.signature).ok()?;
        key.has_signed(heads.message().as_bytes(), &signature)
            .then_some(heads)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When the system cannot; then the former one is still there.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        write_private(path, text.as_bytes())
    }

    /// Signs new heads.
    pub fn sign(
        &mut self,
        new: impl IntoIterator<Item = (ConferenceId, Head)>,
        at: Timestamp,
        key: &SigningKey,
    ) {
        for (conference, Head { seq, hash }) in new {
            let hash = hash.to_string();
            let message = head_message(&conference, seq, &hash, at);
            let signature = hex::encode(key.sign(message.as_bytes()));
            let head = SignedHead {
                seq,
                hash,
                at,
                signature,
            };
            self.heads.insert(conference, head);
        }
        self.seal(key);
    }

    /// What the store compares logs with. A head that cannot be read is none: the file was signed, so
    /// there is none.
    #[must_use]
    pub fn to_compare(&self) -> BTreeMap<ConferenceId, Head> {
        self.heads
            .iter()
            .filter_map(|(conference, head)| {
                let hash: Hash = head.hash.parse().ok()?;
                Some((
                    conference.clone(),
                    Head {
                        seq: head.seq,
                        hash,
                    },
                ))
            })
            .collect()
    }

    fn seal(&mut self, key: &SigningKey) {
        self.signature = hex::encode(key.sign(self.message().as_bytes()));
    }

    fn message(&self) -> String {
        let all = json!({
            "begun": self.begun,
            "heads": self.heads,
            "publicKey": self.public_key,
        });
        format!("{HEADS}{}", canonical(&all))
    }
}

/// What is signed for one head: everything that is needed to check it elsewhere.
fn head_message(conference: &ConferenceId, seq: u64, hash: &str, at: Timestamp) -> String {
    let value: Value = json!({
        "at": at,
        "conference": conference,
        "hash": hash,
        "seq": seq,
    });
    format!("{HEAD}{}", canonical(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(key: &SigningKey) -> SignedHeads {
        let at = Timestamp::from_second(1).unwrap();
        let mut heads = SignedHeads::new(at, key);
        let head = Head {
            seq: 7,
            hash: Hash::GENESIS,
        };
        heads.sign([("weekly".parse().unwrap(), head)], at, key);
        heads
    }

    #[test]
    fn what_was_signed_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads.json");
        let key = SigningKey::from_seed(&[1; 32]);
        let heads = heads(&key);
        heads.save(&path).unwrap();
        assert_eq!(SignedHeads::load(&path, &key).unwrap(), heads);
        assert_eq!(heads.to_compare().len(), 1);
    }

    #[test]
    fn a_file_that_was_changed_or_signed_by_another_key_says_nothing() {
        let key = SigningKey::from_seed(&[1; 32]);
        let text = serde_json::to_string(&heads(&key)).unwrap();
        assert!(SignedHeads::parse(&text, &key).is_some());
        let other = SigningKey::from_seed(&[2; 32]);
        assert!(SignedHeads::parse(&text, &other).is_none());
        let older = text.replace(r#""seq":7"#, r#""seq":6"#);
        assert_ne!(older, text);
        assert!(SignedHeads::parse(&older, &key).is_none());
        let without = serde_json::to_string(&SignedHeads {
            heads: BTreeMap::new(),
            ..heads(&key)
        });
        assert!(SignedHeads::parse(&without.unwrap(), &key).is_none());
    }

    #[test]
    fn one_head_can_be_checked_by_itself() {
        let key = SigningKey::from_seed(&[1; 32]);
        let heads = heads(&key);
        let (conference, head) = heads.heads.first_key_value().unwrap();
        let message = head_message(conference, head.seq, &head.hash, head.at);
        let signature = hex::decode(&head.signature).unwrap();
        assert!(key.has_signed(message.as_bytes(), &signature));
    }
}
