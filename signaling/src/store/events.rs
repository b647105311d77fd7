//! The event log: appending to it, reading it, and checking that it is whole.

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::Store;
use super::chain::{ChainFault, Fault, Hash, Head, canonical};
use super::error::{StoreError, is_damage};
use crate::conference::{Event, Record, Settings, State};
use crate::ids::ConferenceId;
use crate::protocol::server::Phase;

/// Rows of one INSERT. SQLite allows 32,766 values in a statement; 7 make a row.
const ROWS_PER_INSERT: usize = 500;

/// A conference in the list of all.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceRow {
    /// Its id.
    pub id: ConferenceId,
    /// What people call it.
    pub title: String,
    /// Whether it runs.
    pub state: Phase,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Where a log ends, as the list of conferences says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedHead {
    /// Whose log.
    pub conference: ConferenceId,
    /// Number of the last event.
    pub seq: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

impl Store {
    /// Appends events in one transaction: all are on the disk when it returns, or none is.
    ///
    /// Nobody may be told of them before. A batch costs one fsync, so events that come in quick
    /// succession are best appended together.
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
        let Some(first) = records.first() else {
            return Ok(());
        };
        if let Some(fault) = self.damages.of(conference) {
            return Err(fault.into());
        }
        self.writer
            .write(|mut connection| async move {
                let head = match head(&mut connection, conference).await? {
                    Some(head) => head,
                    None => {
                        insert_conference(&mut connection, conference, first).await?;
                        Head::EMPTY
                    }
                };
                let head = insert_events(&mut connection, conference, head, records).await?;
                update_conference(&mut connection, conference, head, records).await?;
                Ok((connection, ()))
            })
            .await?;
        if records
            .iter()
            .any(|record| matches!(record.event, Event::Ended { .. } | Event::Deleted { .. }))
        {
            self.ended.notify_one();
        }
        Ok(())
    }

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
        self.note(self.walk_from(conference, from, drop).await)
    }

    pub(super) async fn walk(
        &self,
        conference: &ConferenceId,
        visit: impl FnMut(Record),
    ) -> Result<Head, StoreError> {
        self.note(self.walk_from(conference, Head::EMPTY, visit).await)
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
        let signed = self.signed_head(conference);
        let mut connection = self.reader.acquire().await?;
        // The transaction ends with its connection, whatever becomes of this walk.
        connection.close_on_drop();
        sqlx::query("BEGIN").execute(&mut *connection).await?;
        let from = checked_start(&mut connection, conference, from).await?;
        let mut at = from;
        let broken = |at: Head, error| damaged(conference, at, error);
        let acknowledged = head(&mut connection, conference)
            .await
            .map_err(|error| broken(at, error))?;
        {
            let mut rows = sqlx::query(
                "SELECT seq, at, kind, body, prev, hash FROM events \
                 WHERE conference = $1 AND seq > $2 ORDER BY seq",
            )
            .bind(conference.as_str())
            .bind(if from == Head::EMPTY {
                // Also those that somebody has put before the first.
                i64::MIN
            } else {
                from.seq.cast_signed()
            })
            .fetch(&mut *connection);
            while let Some(row) = rows
                .try_next()
                .await
                .map_err(|error| broken(at, error.into()))?
            {
                let (record, next) =
                    follow(conference, at, &row).map_err(|error| broken(at, error))?;
                at = next;
                check_signed(conference, at, signed)?;
                visit(record);
            }
        }
        check_end(conference, at, acknowledged)?;
        if signed.is_some_and(|signed| at.seq < signed.seq) {
            return Err(ChainFault {
                conference: conference.clone(),
                seq: at.seq + 1,
                fault: Fault::Missing,
            }
            .into());
        }
        Ok(at)
    }

    /// Every conference that was not taken back, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conferences(&self) -> Result<Vec<ConferenceRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, title, state, created_at, starts_at, started_at, ended_at \
             FROM conferences WHERE deleted_at IS NULL ORDER BY created_at DESC, id",
        )
        .fetch_all(&self.reader)
        .await?;
        Ok(rows
            .iter()
            .filter_map(|row| self.readable_row(row))
            .collect())
    }

    /// One row that is not as this program writes it must not hide all the others.
    fn readable_row(&self, row: &SqliteRow) -> Option<ConferenceRow> {
        conference_row(row)
            .inspect_err(|cause| {
                let Some(conference) = row.try_get("id").ok().and_then(|id| parse(id).ok()) else {
                    tracing::error!(%cause, "a conference without a readable id is left out");
                    return;
                };
                self.damages.note(&ChainFault {
                    conference,
                    seq: 1,
                    fault: Fault::Unreadable,
                });
            })
            .ok()
    }

    /// Where each log ends, as the list of conferences says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self) -> Result<Vec<ListedHead>, StoreError> {
        let rows = sqlx::query("SELECT id, head_seq, head_hash FROM conferences ORDER BY id")
            .fetch_all(&self.reader)
            .await?;
        let mut heads = Vec::with_capacity(rows.len());
        for row in &rows {
            let (id, seq): (&str, i64) = (row.try_get("id")?, row.try_get("head_seq")?);
            if let (Ok(conference), Ok(seq)) = (parse(id), unsigned(seq)) {
                heads.push(ListedHead {
                    conference,
                    seq,
                    hash: row.try_get("head_hash")?,
                });
            }
        }
        Ok(heads)
    }

    /// One conference.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conference(
        &self,
        conference: &ConferenceId,
    ) -> Result<Option<ConferenceRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, title, state, created_at, starts_at, started_at, ended_at \
             FROM conferences WHERE id = $1",
        )
        .bind(conference.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(conference_row).transpose()
    }
}

async fn head(
    connection: &mut SqliteConnection,
    conference: &ConferenceId,
) -> Result<Option<Head>, StoreError> {
    let row = sqlx::query("SELECT head_seq, head_hash FROM conferences WHERE id = $1")
        .bind(conference.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let seq = unsigned(row.try_get("head_seq")?)?;
    let hash = parse(row.try_get("head_hash")?)?;
    Ok(Some(Head { seq, hash }))
}

/// Where a walk may begin: the event that was signed must be there, or all of them are to be read.
async fn checked_start(
    connection: &mut SqliteConnection,
    conference: &ConferenceId,
    from: Head,
) -> Result<Head, StoreError> {
    if from == Head::EMPTY {
        return Ok(from);
    }
    let hash: Option<String> =
        sqlx::query_scalar("SELECT hash FROM events WHERE conference = $1 AND seq = $2")
            .bind(conference.as_str())
            .bind(from.seq.cast_signed())
            .fetch_optional(connection)
            .await
            .map_err(|error| damaged(conference, Head::EMPTY, error.into()))?;
    if hash.is_some_and(|hash| hash == from.hash.to_string()) {
        Ok(from)
    } else {
        Ok(Head::EMPTY)
    }
}

async fn insert_conference(
    connection: &mut SqliteConnection,
    conference: &ConferenceId,
    first: &Record,
) -> Result<(), StoreError> {
    let Event::Created {
        title, starts_at, ..
    } = &first.event
    else {
        let (conference, seq) = (conference.clone(), first.seq);
        return Err(StoreError::Conflict {
            conference,
            head: 0,
            seq,
        });
    };
    sqlx::query(
        "INSERT INTO conferences (id, title, state, created_at, starts_at, head_seq, head_hash) \
         VALUES ($1, $2, 'scheduled', $3, $4, 0, $5)",
    )
    .bind(conference.as_str())
    .bind(title)
    .bind(first.at.to_string())
    .bind(starts_at.map(|at| at.to_string()))
    .bind(Hash::GENESIS.to_string())
    .execute(&mut *connection)
    .await?;
    Ok(())
}

async fn insert_events(
    connection: &mut SqliteConnection,
    conference: &ConferenceId,
    mut head: Head,
    records: &[Record],
) -> Result<Head, StoreError> {
    for chunk in records.chunks(ROWS_PER_INSERT) {
        let mut rows = Vec::with_capacity(chunk.len());
        for record in chunk {
            if record.seq != head.seq + 1 {
                let (conference, seq) = (conference.clone(), record.seq);
                return Err(StoreError::Conflict {
                    conference,
                    head: head.seq,
                    seq,
                });
            }
            let value = serde_json::to_value(&record.event)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?;
            let (at, body) = (record.at.to_string(), canonical(&value));
            let hash = head.hash.next(conference, record.seq, &at, &body);
            rows.push((record.seq, at, record.event.kind(), body, head.hash, hash));
            head = Head {
                seq: record.seq,
                hash,
            };
        }
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (conference, seq, at, kind, body, prev, hash) ",
        );
        insert.push_values(rows, |mut row, (seq, at, kind, body, prev, hash)| {
            row.push_bind(conference.as_str())
                .push_bind(seq.cast_signed())
                .push_bind(at)
                .push_bind(kind)
                .push_bind(body)
                .push_bind(prev.to_string())
                .push_bind(hash.to_string());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(head)
}

async fn update_conference(
    connection: &mut SqliteConnection,
    conference: &ConferenceId,
    head: Head,
    records: &[Record],
) -> Result<(), StoreError> {
    let mut update = QueryBuilder::<Sqlite>::new("UPDATE conferences SET head_seq = ");
    update.push_bind(head.seq.cast_signed());
    update
        .push(", head_hash = ")
        .push_bind(head.hash.to_string());
    // The last change of state in a batch is the one that counts, each time is kept.
    let mut state = None;
    for record in records {
        match &record.event {
            Event::Started { .. } => {
                state = Some("running");
                update
                    .push(", started_at = ")
                    .push_bind(record.at.to_string());
            }
            Event::Ended { .. } => {
                state = Some("ended");
                update
                    .push(", ended_at = ")
                    .push_bind(record.at.to_string());
            }
            Event::Amended {
                title, starts_at, ..
            } => {
                update.push(", title = ").push_bind(title);
                update
                    .push(", starts_at = ")
                    .push_bind(starts_at.map(|at| at.to_string()));
            }
            Event::Deleted { .. } => {
                state = Some("ended");
                update
                    .push(", deleted_at = ")
                    .push_bind(record.at.to_string());
            }
            Event::Created { .. }
            | Event::RosterSet { .. }
            | Event::Joined { .. }
            | Event::Lost { .. }
            | Event::Regained { .. }
            | Event::TakenOver { .. }
            | Event::Left { .. }
            | Event::Barred { .. }
            | Event::Readmitted { .. }
            | Event::SourceChanged { .. }
            | Event::MuteChanged { .. }
            | Event::FloorRequested { .. }
            | Event::FloorWithdrawn { .. }
            | Event::FloorGranted { .. }
            | Event::FloorReleased { .. }
            | Event::StageSet { .. }
            | Event::Interrupted { .. }
            | Event::ClockSet { .. } => {}
        }
    }
    if let Some(state) = state {
        update.push(", state = ").push_bind(state);
    }
    update.push(" WHERE id = ").push_bind(conference.as_str());
    update.build().execute(&mut *connection).await?;
    Ok(())
}

/// Reads the row that follows `at`, or says why it cannot be the one that was written.
fn follow(
    conference: &ConferenceId,
    at: Head,
    row: &SqliteRow,
) -> Result<(Record, Head), StoreError> {
    let expected = at.seq + 1;
    let broken = |fault| ChainFault {
        conference: conference.clone(),
        seq: expected,
        fault,
    };
    let seq = unsigned(row.try_get("seq")?)?;
    if seq != expected {
        // A number below the first cannot be missing: somebody has put it there.
        let fault = if seq < expected {
            Fault::Unlinked
        } else {
            Fault::Missing
        };
        return Err(broken(fault).into());
    }
    let (time, body): (&str, &str) = (row.try_get("at")?, row.try_get("body")?);
    let (prev, hash): (&str, &str) = (row.try_get("prev")?, row.try_get("hash")?);
    if prev != at.hash.to_string() {
        return Err(broken(Fault::Unlinked).into());
    }
    let computed = at.hash.next(conference, seq, time, body);
    if hash != computed.to_string() {
        return Err(broken(Fault::Altered).into());
    }
    let event: Event = serde_json::from_str(body).map_err(|_| broken(Fault::Unreadable))?;
    let kind: &str = row.try_get("kind")?;
    if kind != event.kind() {
        return Err(broken(Fault::Altered).into());
    }
    let at = time.parse().map_err(|_| broken(Fault::Unreadable))?;
    Ok((
        Record { seq, at, event },
        Head {
            seq,
            hash: computed,
        },
    ))
}

/// Pages that cannot be SQLite's own, and values that this program does not write, are events that
/// cannot be read; any other error says nothing about the log.
fn damaged(conference: &ConferenceId, at: Head, error: StoreError) -> StoreError {
    let is_damage = match &error {
        StoreError::Unreadable(_) => true,
        StoreError::Database(cause) => {
            is_damage(cause)
                || matches!(
                    cause,
                    sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)
                )
        }
        _ => false,
    };
    if !is_damage {
        return error;
    }
    ChainFault {
        conference: conference.clone(),
        seq: at.seq + 1,
        fault: Fault::Unreadable,
    }
    .into()
}

/// The event that was signed must be the one that was signed. If it is not, the chain up to it was
/// made anew, and none of its events can be trusted.
fn check_signed(
    conference: &ConferenceId,
    at: Head,
    signed: Option<Head>,
) -> Result<(), ChainFault> {
    match signed {
        Some(signed) if signed.seq == at.seq && signed.hash != at.hash => Err(ChainFault {
            conference: conference.clone(),
            seq: 1,
            fault: Fault::NotSigned,
        }),
        Some(_) | None => Ok(()),
    }
}

/// The last event must be the one that was acknowledged last.
fn check_end(
    conference: &ConferenceId,
    at: Head,
    acknowledged: Option<Head>,
) -> Result<(), ChainFault> {
    let Some(end) = acknowledged else {
        return Ok(());
    };
    let (seq, fault) = match at.seq.cmp(&end.seq) {
        std::cmp::Ordering::Less => (at.seq + 1, Fault::Missing),
        std::cmp::Ordering::Greater => (end.seq + 1, Fault::Unacknowledged),
        std::cmp::Ordering::Equal if at.hash != end.hash => (at.seq, Fault::Altered),
        std::cmp::Ordering::Equal => return Ok(()),
    };
    Err(ChainFault {
        conference: conference.clone(),
        seq,
        fault,
    })
}

fn conference_row(row: &SqliteRow) -> Result<ConferenceRow, StoreError> {
    let state: &str = row.try_get("state")?;
    let state = serde_json::from_value(state.into())
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        let text: Option<&str> = row.try_get(column)?;
        text.map(parse).transpose()
    };
    Ok(ConferenceRow {
        id: parse(row.try_get("id")?)?,
        title: row.try_get("title")?,
        state,
        created_at: parse(row.try_get("created_at")?)?,
        starts_at: time("starts_at")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
    })
}

/// A number that this program wrote from an unsigned one.
fn unsigned(number: i64) -> Result<u64, StoreError> {
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

#[cfg(test)]
mod tests;
