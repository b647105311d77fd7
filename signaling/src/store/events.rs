//! The event log: reading it, and checking that it is whole.

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::Store;
use super::chain::{ChainFault, Fault, Head};
use super::error::{StoreError, is_damage};
use crate::conference::Phase;
use crate::conference::{Event, Record, Settings, State};
use crate::ids::{ConferenceId, SiteCode};

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
        let acknowledged = stored_head(&mut connection, conference)
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

    /// Every conference that runs, or in which somebody was before it has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conferences_in_use(&self) -> Result<Vec<ConferenceId>, StoreError> {
        self.ids(sqlx::query(
            "SELECT id FROM conferences WHERE state = 'running' OR (state = 'scheduled' AND EXISTS \
             (SELECT 1 FROM events WHERE conference = conferences.id AND kind = 'joined')) \
             ORDER BY id",
        ))
        .await
    }

    /// Every conference that has not begun and has named this site as expected, now or before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scheduled_naming(&self, site: &SiteCode) -> Result<Vec<ConferenceId>, StoreError> {
        // As it stands in a roster: a key.
        let key = format!("\"{}\":", site.as_str());
        let named = sqlx::query(
            "SELECT id FROM conferences WHERE state = 'scheduled' AND EXISTS (SELECT 1 FROM events \
             WHERE conference = conferences.id AND kind = 'rosterSet' AND instr(body, $1) > 0) \
             ORDER BY id",
        );
        self.ids(named.bind(key)).await
    }

    async fn ids(
        &self,
        query: sqlx::query::Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<ConferenceId>, StoreError> {
        let rows = query.fetch_all(&self.reader).await?;
        // What cannot be an id is no conference that anybody could find.
        let id = |row: &SqliteRow| parse(row.try_get("id").ok()?).ok();
        Ok(rows.iter().filter_map(id).collect())
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

pub(super) async fn stored_head(
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
                    cause.as_ref(),
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
