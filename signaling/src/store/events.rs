//! The event log: reading it, and checking that it is whole.

use super::Store;
use super::backend::{On, Row, is_damage, query};
use super::chain::Head;
use super::error::StoreError;
use super::log::Reading;
use super::rows::{Found, StoredEvent, parse, unsigned};
use crate::conference::{Record, Settings, State};
use crate::ids::ConferenceId;

impl Store {
    /// Every event of a conference, in order, checked against the chain. Empty if there is none.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the log is not as it was written.
    pub async fn load(&self, conference: &ConferenceId) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        self.walk(conference, |record| records.push(record)).await?;
        Ok(records)
    }

    /// A conference as its events left it; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the log is not as it was written.
    pub async fn load_state(
        &self,
        conference: &ConferenceId,
        settings: Settings,
    ) -> Result<Option<State>, StoreError> {
        if let Some(fault) = self.damages.of(conference) {
            return Err(fault.into());
        }
        let mut state = State::new(conference.clone(), settings);
        let head = self.walk(conference, |record| state.apply(&record)).await?;
        Ok((head.seq > 0).then_some(state))
    }

    /// Checks the log of a conference: an event altered, removed, inserted, moved or cut off is
    /// found, and so is a chain that was made anew since it was signed. The first event that cannot
    /// be trusted is named.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the log is not as it was written.
    pub async fn verify(&self, conference: &ConferenceId) -> Result<Head, StoreError> {
        self.walk(conference, drop).await
    }

    /// As [`verify`](Self::verify), for the events that are not signed yet.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when they do not continue what was signed.
    pub async fn verify_unsigned(&self, conference: &ConferenceId) -> Result<Head, StoreError> {
        let from = self.signed_head(conference).unwrap_or(Head::EMPTY);
        self.note(Box::pin(self.walk_from(conference, from, drop)).await)
    }

    pub(super) async fn walk(
        &self,
        conference: &ConferenceId,
        visit: impl FnMut(Record),
    ) -> Result<Head, StoreError> {
        self.note(Box::pin(self.walk_from(conference, Head::EMPTY, visit)).await)
    }

    /// Remembers what is damaged.
    fn note<T>(&self, walked: Result<T, StoreError>) -> Result<T, StoreError> {
        walked.inspect_err(|error| {
            if let StoreError::Broken(fault) = error {
                self.damages.note(fault);
            }
        })
    }

    /// Reads a log to its end, following the chain. One read transaction, so that an append in
    /// between is seen whole or not at all.
    async fn walk_from(
        &self,
        conference: &ConferenceId,
        from: Head,
        mut visit: impl FnMut(Record),
    ) -> Result<Head, StoreError> {
        let mut snapshot = self.reader.snapshot().await?;
        let mut reading = Reading {
            conference,
            at: Head::EMPTY,
            signed: self.signed_head(conference),
            acknowledged: None,
        };
        if from != Head::EMPTY && is_stored(&mut snapshot, &reading, from).await? {
            reading.at = from;
        }
        reading.acknowledged = stored_head(&mut snapshot, conference)
            .await
            .map_err(|error| damaged(&reading, error))?;
        let mut rows = query(
            "SELECT seq, at, kind, body, prev, hash FROM events \
             WHERE conference = $1 AND seq > $2 ORDER BY seq",
        )
        .bind(conference.as_str())
        .bind(if reading.at == Head::EMPTY {
            // Also those that somebody has put before the first.
            i64::MIN
        } else {
            reading.at.seq.cast_signed()
        })
        .fetch(&mut snapshot);
        loop {
            let row = rows.next().await;
            let Some(row) = row.map_err(|error| damaged(&reading, error.into()))? else {
                break;
            };
            let found = found(&row).map_err(|error| damaged(&reading, error.into()))?;
            let record = reading.follow(&found);
            visit(record.map_err(|error| damaged(&reading, error))?);
        }
        Ok(reading.end()?)
    }

    /// At most `limit` events that come after number `after`, in order, for whoever keeps a copy of the
    /// log. Of one that is known to be damaged only those before the damage.
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
        let rows = query(
            "SELECT seq, at, kind, body, prev, hash FROM events \
             WHERE conference = $1 AND seq > $2 AND seq < $4 ORDER BY seq LIMIT $3",
        )
        .bind(conference.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .bind(end)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| found(row)?.try_into()).collect()
    }
}

pub(super) async fn stored_head(
    on: impl Into<On<'_>>,
    conference: &ConferenceId,
) -> Result<Option<Head>, StoreError> {
    let row = query("SELECT head_seq, head_hash FROM conferences WHERE id = $1")
        .bind(conference.as_str())
        .fetch_optional(on)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let seq = unsigned(row.try_get("head_seq")?)?;
    let hash = parse(row.try_get("head_hash")?)?;
    Ok(Some(Head { seq, hash }))
}

/// Whether the event that was signed is there. If it is not, a walk begins with the first one.
async fn is_stored(
    on: impl Into<On<'_>>,
    reading: &Reading<'_>,
    head: Head,
) -> Result<bool, StoreError> {
    let row = query("SELECT hash FROM events WHERE conference = $1 AND seq = $2")
        .bind(reading.conference.as_str())
        .bind(head.seq.cast_signed())
        .fetch_optional(on)
        .await
        .map_err(|error| damaged(reading, error.into()))?;
    let Some(row) = row else { return Ok(false) };
    let hash: &str = row
        .try_get("hash")
        .map_err(|error| damaged(reading, error.into()))?;
    Ok(hash == head.hash.to_string())
}

fn found(row: &Row) -> Result<Found<'_>, sqlx::Error> {
    Ok(Found {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        body: row.try_get("body")?,
        prev: row.try_get("prev")?,
        hash: row.try_get("hash")?,
    })
}

/// Pages that a database has not written, and values that this program does not write, are events that
/// cannot be read; any other error says nothing about the log.
fn damaged(reading: &Reading<'_>, error: StoreError) -> StoreError {
    let is_damage = match &error {
        StoreError::Unreadable(_) => true,
        StoreError::Database(cause) => {
            is_damage(cause)
                || matches!(
                    cause.as_ref(),
                    sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)
                )
        }
        _ => false,
    };
    if is_damage {
        reading.unreadable().into()
    } else {
        error
    }
}

#[cfg(test)]
mod tests;
