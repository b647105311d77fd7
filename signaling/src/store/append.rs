//! Appending to the event log.
//!
//! What is written of an event is prepared where it was decided, so that the writer, for which
//! everybody waits, has only to link it to the one before.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Store;
use super::chain::{Hash, Head, canonical};
use super::error::StoreError;
use super::events::stored_head;
use crate::conference::{Event, PhaseEvent, Record};
use crate::ids::ConferenceId;

/// Rows of one INSERT. SQLite allows 32,766 values in a statement; 7 make a row.
const ROWS_PER_INSERT: usize = 500;

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
        let is_end = addition.row.state == Some("ended");
        self.writer
            .write(|connection| Box::pin(addition.write(connection)))
            .await?;
        if is_end {
            self.ended.notify_one();
        }
        Ok(())
    }
}

/// What is to be written of some events of one conference.
struct Addition {
    conference: ConferenceId,
    /// How the conference is listed, if the first event creates it.
    created: Option<Listed>,
    entries: Vec<Entry>,
    row: RowChanges,
}

struct Listed {
    title: String,
    starts_at: Option<Timestamp>,
}

/// One event, but for the hashes.
struct Entry {
    seq: u64,
    at: String,
    kind: &'static str,
    body: String,
}

/// What events change in the list of conferences. The last change of state in a batch is the one that
/// counts, each time is kept.
#[derive(Default)]
struct RowChanges {
    state: Option<&'static str>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    amended: Option<Listed>,
}

impl Addition {
    fn new(conference: &ConferenceId, records: &[Record]) -> Result<Self, StoreError> {
        let entry = |record: &Record| {
            let value = serde_json::to_value(&record.event)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?;
            Ok(Entry {
                seq: record.seq,
                at: record.at.to_string(),
                kind: record.event.kind(),
                body: canonical(&value),
            })
        };
        let created = match records.first().map(|record| &record.event) {
            Some(Event::Phase(PhaseEvent::Created {
                title, starts_at, ..
            })) => Some(Listed {
                title: title.clone(),
                starts_at: *starts_at,
            }),
            _ => None,
        };
        Ok(Self {
            conference: conference.clone(),
            created,
            entries: records
                .iter()
                .map(entry)
                .collect::<Result<_, StoreError>>()?,
            row: RowChanges::of(records),
        })
    }

    async fn write(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let head = match stored_head(connection, &self.conference).await? {
            Some(head) => head,
            None => {
                self.insert_conference(connection).await?;
                Head::EMPTY
            }
        };
        let head = self.insert_events(connection, head).await?;
        self.update_conference(connection, head).await
    }

    /// These events do not follow what is stored.
    fn conflict(&self, head: u64, seq: u64) -> StoreError {
        StoreError::Conflict {
            conference: self.conference.clone(),
            head,
            seq,
        }
    }

    async fn insert_conference(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let (Some(created), Some(first)) = (&self.created, self.entries.first()) else {
            let seq = self.entries.first().map_or(0, |entry| entry.seq);
            return Err(self.conflict(0, seq));
        };
        sqlx::query(
            "INSERT INTO conferences (id, title, state, created_at, starts_at, head_seq, head_hash) \
             VALUES ($1, $2, 'scheduled', $3, $4, 0, $5)",
        )
        .bind(self.conference.as_str())
        .bind(&created.title)
        .bind(&first.at)
        .bind(created.starts_at.map(|at| at.to_string()))
        .bind(Hash::GENESIS.to_string())
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn insert_events(
        &self,
        connection: &mut SqliteConnection,
        mut head: Head,
    ) -> Result<Head, StoreError> {
        for chunk in self.entries.chunks(ROWS_PER_INSERT) {
            let mut rows = Vec::with_capacity(chunk.len());
            for entry in chunk {
                if entry.seq != head.seq + 1 {
                    return Err(self.conflict(head.seq, entry.seq));
                }
                let hash = head
                    .hash
                    .next(&self.conference, entry.seq, &entry.at, &entry.body);
                rows.push((entry, head.hash, hash));
                head = Head {
                    seq: entry.seq,
                    hash,
                };
            }
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO events (conference, seq, at, kind, body, prev, hash) ",
            );
            insert.push_values(rows, |mut row, (entry, prev, hash)| {
                row.push_bind(self.conference.as_str())
                    .push_bind(entry.seq.cast_signed())
                    .push_bind(&entry.at)
                    .push_bind(entry.kind)
                    .push_bind(&entry.body)
                    .push_bind(prev.to_string())
                    .push_bind(hash.to_string());
            });
            // A statement of each length would be kept, and one of many rows takes 100 KiB.
            let is_kept = chunk.len() == 1;
            let insert = insert.build().persistent(is_kept);
            insert.execute(&mut *connection).await?;
        }
        Ok(head)
    }

    async fn update_conference(
        &self,
        connection: &mut SqliteConnection,
        head: Head,
    ) -> Result<(), StoreError> {
        let mut update = QueryBuilder::<Sqlite>::new("UPDATE conferences SET head_seq = ");
        update.push_bind(head.seq.cast_signed());
        update
            .push(", head_hash = ")
            .push_bind(head.hash.to_string());
        let row = &self.row;
        if let Some(amended) = &row.amended {
            update.push(", title = ").push_bind(&amended.title);
            update
                .push(", starts_at = ")
                .push_bind(amended.starts_at.map(|at| at.to_string()));
        }
        for (column, time) in [
            (", started_at = ", row.started_at),
            (", ended_at = ", row.ended_at),
            (", deleted_at = ", row.deleted_at),
        ] {
            if let Some(time) = time {
                update.push(column).push_bind(time.to_string());
            }
        }
        if let Some(state) = row.state {
            update.push(", state = ").push_bind(state);
        }
        update
            .push(" WHERE id = ")
            .push_bind(self.conference.as_str());
        update.build().execute(connection).await?;
        Ok(())
    }
}

impl RowChanges {
    fn of(records: &[Record]) -> Self {
        let mut row = Self::default();
        for record in records {
            row.note(record);
        }
        row
    }

    fn note(&mut self, record: &Record) {
        match &record.event {
            Event::Phase(event) => self.note_phase(record.at, event),
            Event::Roster(_)
            | Event::People(_)
            | Event::Sources(_)
            | Event::Floor(_)
            | Event::Stage(_)
            | Event::Clock(_) => {}
        }
    }

    fn note_phase(&mut self, at: Timestamp, event: &PhaseEvent) {
        match event {
            PhaseEvent::Created { .. } => {}
            PhaseEvent::Started { .. } => {
                self.state = Some("running");
                self.started_at = Some(at);
            }
            PhaseEvent::Ended { .. } => {
                self.state = Some("ended");
                self.ended_at = Some(at);
            }
            PhaseEvent::Amended {
                title, starts_at, ..
            } => {
                self.amended = Some(Listed {
                    title: title.clone(),
                    starts_at: *starts_at,
                });
            }
            PhaseEvent::Deleted { .. } => {
                self.state = Some("ended");
                self.deleted_at = Some(at);
            }
        }
    }
}
