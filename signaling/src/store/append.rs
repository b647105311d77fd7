//! Appending to the event log.

use super::Store;
use super::backend::{Connection, ROWS_PER_INSERT, query};
use super::chain::{Hash, Head};
use super::error::StoreError;
use super::events::stored_head;
use super::journal;
use super::log::{Addition, Linked};
use crate::conference::Record;
use crate::ids::ConferenceId;

impl Store {
    /// Appends events in one transaction: all are on the disk when it returns, or none is.
    ///
    /// Nobody may be told of them before. A transaction costs one fsync, so events that come in
    /// quick succession are best appended together; the writer does so with those of several
    /// conferences.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the first does not follow the last stored one;
    /// [`StoreError::OutcomeUnknown`] when they may be stored nevertheless; [`StoreError::Broken`]
    /// when the log is known to be damaged: it is kept for whoever will look into it.
    pub async fn append(
        &self,
        conference: &ConferenceId,
        records: &[Record],
    ) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(fault) = self.damages.of(conference) {
            return Err(fault.into());
        }
        let addition = Addition::new(conference, records)?;
        let is_end = addition.changes.is_end();
        self.writer
            .write(|connection| Box::pin(write(connection, addition)))
            .await?;
        self.note_growth();
        if is_end {
            self.ended.notify_one();
        }
        Ok(())
    }
}

async fn write(connection: &mut Connection, addition: Addition) -> Result<(), StoreError> {
    let head = match stored_head(&mut *connection, &addition.conference).await? {
        Some(head) => head,
        None => {
            insert_conference(connection, &addition).await?;
            Head::EMPTY
        }
    };
    let (linked, head) = addition.link(head)?;
    for rows in linked.chunks(ROWS_PER_INSERT) {
        insert_events(connection, &addition.conference, rows).await?;
    }
    let seqs = addition.entries.iter().map(|entry| entry.seq);
    journal::note_events(connection, &addition.conference, seqs).await?;
    update_conference(connection, &addition, head).await
}

async fn insert_conference(
    connection: &mut Connection,
    addition: &Addition,
) -> Result<(), StoreError> {
    let first = addition.entries.first();
    let (Some(created), Some(first)) = (&addition.changes.created, first) else {
        return Err(addition.conflict(0, first.map_or(0, |entry| entry.seq)));
    };
    query(
        "INSERT INTO conferences (id, title, state, created_at, starts_at, head_seq, head_hash) \
         VALUES ($1, $2, 'scheduled', $3, $4, 0, $5)",
    )
    .bind(addition.conference.as_str())
    .bind(&created.title)
    .bind(&first.at)
    .bind(created.starts_at.map(|at| at.to_string()))
    .bind(Hash::GENESIS.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_events(
    connection: &mut Connection,
    conference: &ConferenceId,
    rows: &[Linked<'_>],
) -> Result<(), StoreError> {
    let mut insert = query("INSERT INTO events (conference, seq, at, kind, body, prev, hash)");
    insert.push_rows(rows.iter().map(|Linked { entry, prev, hash }| {
        [
            conference.as_str().into(),
            entry.seq.cast_signed().into(),
            (&entry.at).into(),
            entry.kind.into(),
            (&entry.body).into(),
            prev.to_string().into(),
            hash.to_string().into(),
        ]
    }));
    insert.execute(connection).await?;
    Ok(())
}

/// A column of which nothing has changed is written as it is.
async fn update_conference(
    connection: &mut Connection,
    addition: &Addition,
    head: Head,
) -> Result<(), StoreError> {
    let changes = &addition.changes;
    let amended = changes.amended.as_ref();
    let starts_at = amended.and_then(|listed| listed.starts_at);
    query(
        "UPDATE conferences SET head_seq = $2, head_hash = $3, \
         title = COALESCE($4, title), \
         starts_at = CASE WHEN $4 IS NULL THEN starts_at ELSE $5 END, \
         state = COALESCE($6, state), started_at = COALESCE($7, started_at), \
         ended_at = COALESCE($8, ended_at), deleted_at = COALESCE($9, deleted_at) \
         WHERE id = $1",
    )
    .bind(addition.conference.as_str())
    .bind(head.seq.cast_signed())
    .bind(head.hash.to_string())
    .bind(amended.map(|listed| listed.title.as_str()))
    .bind(starts_at.map(|at| at.to_string()))
    .bind(changes.state)
    .bind(changes.started_at.map(|at| at.to_string()))
    .bind(changes.ended_at.map(|at| at.to_string()))
    .bind(changes.deleted_at.map(|at| at.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}
