//! What stands in a row of the log: made from a record, and read back as one.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::chain::{ChainFault, Fault, Hash, Head, canonical};
use super::error::StoreError;
use crate::conference::{Event, Record};
use crate::ids::ConferenceId;

/// What is written of a record, but for the hashes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Entry {
    pub(super) fn new(record: &Record) -> Result<Self, StoreError> {
        let value = serde_json::to_value(&record.event)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        Ok(Self {
            seq: record.seq,
            at: record.at.to_string(),
            kind: record.event.kind(),
            body: canonical(&value),
        })
    }

    /// The hash that it has behind `before`.
    pub(super) fn hash_after(&self, before: Hash, conference: &ConferenceId) -> Hash {
        before.next(conference, self.seq, &self.at, &self.body)
    }
}

/// A row as it was found.
#[derive(Debug)]
pub(super) struct Found<'r> {
    pub(super) seq: i64,
    pub(super) at: &'r str,
    pub(super) kind: &'r str,
    pub(super) body: &'r str,
    pub(super) prev: &'r str,
    pub(super) hash: &'r str,
}

impl Found<'_> {
    /// The record that it is if it follows `head`, or why it cannot be the row that was written.
    pub(super) fn follow(
        &self,
        conference: &ConferenceId,
        head: Head,
    ) -> Result<(Record, Head), StoreError> {
        let expected = head.seq + 1;
        let broken = |fault| ChainFault {
            conference: conference.clone(),
            seq: expected,
            fault,
        };
        let seq = unsigned(self.seq)?;
        if seq != expected {
            // A number below the first cannot be missing: somebody has put it there.
            let fault = if seq < expected {
                Fault::Unlinked
            } else {
                Fault::Missing
            };
            return Err(broken(fault).into());
        }
        if self.prev != head.hash.to_string() {
            return Err(broken(Fault::Unlinked).into());
        }
        let computed = head.hash.next(conference, seq, self.at, self.body);
        if self.hash != computed.to_string() {
            return Err(broken(Fault::Altered).into());
        }
        let event: Event =
            serde_json::from_str(self.body).map_err(|_| broken(Fault::Unreadable))?;
        if self.kind != event.kind() {
            return Err(broken(Fault::Altered).into());
        }
        let at = self.at.parse().map_err(|_| broken(Fault::Unreadable))?;
        let head = Head {
            seq,
            hash: computed,
        };
        Ok((Record { seq, at, event }, head))
    }
}

/// An event as it is stored, with the hash of the one before it and its own.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StoredEvent {
    /// From 1, without gaps.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What. The hash of a session's secret, in `joined` and `takenOver`, is left out.
    #[schema(value_type = Event)]
    pub event: Value,
    /// Hash of the event before it, hexadecimal; 64 zeros before the first.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    #[serde(serialize_with = "as_text")]
    pub prev: Hash,
    /// SHA-256 over `prev` and this event, hexadecimal.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    #[serde(serialize_with = "as_text")]
    pub hash: Hash,
}

impl TryFrom<Found<'_>> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: Found<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: unsigned(row.seq)?,
            at: parse(row.at)?,
            event: without_secret(row.body)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?,
            prev: parse(row.prev)?,
            hash: parse(row.hash)?,
        })
    }
}

fn as_text<S: serde::Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(hash)
}

/// An event without the hash of a session's secret, which is nobody's but the server's.
pub(super) fn without_secret(body: &str) -> Result<Value, serde_json::Error> {
    let mut event: Value = serde_json::from_str(body)?;
    if let Value::Object(fields) = &mut event {
        fields.remove("secret");
    }
    Ok(event)
}

/// A number that this program wrote from an unsigned one.
pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// A text that this program wrote.
pub(super) fn parse<T>(text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| StoreError::Unreadable(error.to_string()))
}
