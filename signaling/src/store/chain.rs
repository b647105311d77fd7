//! The chain of hashes that makes a changed log tell on itself.
//!
//! It shows that the log is the one whose last hash is known. Whoever can rewrite the whole database
//! can make a new chain; that one has not the hash that was signed, see [`crate::signed_heads`].

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::ids::ConferenceId;

/// SHA-256 of an event and everything before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first event.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of the event that follows `self`. `body` is the event's canonical JSON.
    pub(super) fn next(self, conference: &ConferenceId, seq: u64, at: &str, body: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(r#"{"at":"#);
        hasher.update(Value::from(at).to_string());
        hasher.update(r#","conference":"#);
        hasher.update(Value::from(conference.as_str()).to_string());
        hasher.update(r#","event":"#);
        hasher.update(body);
        hasher.update(format!(r#","seq":{seq}}}"#));
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Hash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}

/// Where a log ends, or ended when it was signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The last event; 0 of an empty log.
    pub seq: u64,
    /// Its hash, which stands for everything before it too.
    pub hash: Hash,
}

impl Head {
    /// Of an empty log.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: Hash::GENESIS,
    };
}

/// The first place where a log is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the log of conference {conference} is broken at event {seq}: {fault}")]
pub struct ChainFault {
    /// Whose log.
    pub conference: ConferenceId,
    /// The first event that cannot be trusted.
    pub seq: u64,
    /// Why not.
    pub fault: Fault,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// Its content is not what was hashed.
    Altered,
    /// It does not follow the event before it.
    Unlinked,
    /// It cannot be read as an event.
    Unreadable,
    /// It is beyond the last event that was acknowledged.
    Unacknowledged,
    /// The chain is whole and another one than was signed.
    NotSigned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it is missing",
            Self::Altered => "its content has been altered",
            Self::Unlinked => "it does not follow the event before it",
            Self::Unreadable => "it cannot be read as an event",
            Self::Unacknowledged => "it was added behind the last event",
            Self::NotSigned => "the log is another one than the server has signed",
        })
    }
}

/// JSON with sorted keys and no spaces (as RFC 8785 for the values that events have: no floats).
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
