//! Reading the event log piece by piece, with its hashes, for whoever keeps a copy of it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::Row as _;

use super::Store;
use super::chain::Hash;
use super::error::StoreError;
use super::events::parse;
use crate::conference::Event;
use crate::ids::ConferenceId;

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

fn as_text<S: serde::Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(hash)
}

/// An event without the hash of a session's secret, which is nobody's but the server's.
fn without_secret(body: &str) -> Result<Value, serde_json::Error> {
    let mut event: Value = serde_json::from_str(body)?;
    if let Value::Object(fields) = &mut event {
        fields.remove("secret");
    }
    Ok(event)
}

impl Store {
    /// At most `limit` events that come after number `after`, in order. Of a log that is known to be
    /// damaged only those before the damage.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when none is left before the damage, or the database fails.
    pub async fn events_after(
        &self,
        conference: &ConferenceId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let damage = self.damages.of(conference);
        let end = match damage {
            Some(fault) if after.saturating_add(1) >= fault.seq => return Err(fault.into()),
            Some(fault) => i64::try_from(fault.seq).unwrap_or(i64::MAX),
            None => i64::MAX,
        };
        let rows = sqlx::query(
            "SELECT seq, at, body, prev, hash FROM events \
             WHERE conference = $1 AND seq > $2 AND seq < $4 ORDER BY seq LIMIT $3",
        )
        .bind(conference.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .bind(end)
        .fetch_all(&self.reader)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let (seq, body): (i64, &str) = (row.try_get("seq")?, row.try_get("body")?);
            let unreadable = |error: String| StoreError::Unreadable(error);
            events.push(StoredEvent {
                seq: u64::try_from(seq).map_err(|error| unreadable(error.to_string()))?,
                at: parse(row.try_get("at")?)?,
                event: without_secret(body).map_err(|error| unreadable(error.to_string()))?,
                prev: parse(row.try_get("prev")?)?,
                hash: parse(row.try_get("hash")?)?,
            });
        }
        Ok(events)
    }
}
