//! Mail that waits to be sent, and what has become of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Store;
use super::backend::{Connection, ROWS_PER_INSERT, Row, query};
use super::error::StoreError;
use super::journal;
use super::rows::parse;
use crate::ids::MailId;

/// Most mails that wait. When there are as many, no more are taken. Higher: more than one mail to each
/// of 100,000 sites. Lower: a smaller database.
const MOST_WAITING: i64 = 200_000;

/// How often the server may have ended while it sent a mail, before that is for a person to look at.
const MOST_DOUBTS: i64 = 1;

/// How long it is kept what became of a mail, in milliseconds.
const KEPT_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// A mail to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewMail {
    /// Its id.
    pub id: MailId,
    /// What it is about: of each thing there is one mail.
    pub about: String,
    /// The address.
    pub recipient: String,
    /// What it is to say, as JSON.
    pub content: String,
    /// From then on it is not worth sending.
    pub useless_at: Timestamp,
}

/// A mail whose turn has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueuedMail {
    /// Its id.
    pub id: MailId,
    /// The address.
    pub recipient: String,
    /// What it is to say, as JSON.
    pub content: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was asked for.
    pub made_at: Timestamp,
    /// From then on it is not worth sending.
    pub useless_at: Timestamp,
}

/// What has become of a mail that had its turn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailFinished {
    /// Which.
    pub id: MailId,
    /// What it is now.
    pub state: MailState,
    /// When it is tried again, if it waits.
    pub due_at: Timestamp,
    /// Whether it was its own attempt: not where the mail server takes nothing at all.
    pub is_attempt: bool,
    /// What was said when it was not taken.
    pub said: Option<String>,
}

impl MailFinished {
    /// Whether it will not arrive, unless somebody sees to it.
    const fn is_failure(&self) -> bool {
        matches!(self.state, MailState::Refused | MailState::GivenUp)
    }
}

/// How it stands with a mail.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "snake_case")]
pub enum MailState {
    /// It waits for its turn, the first or another.
    Waiting,
    /// It is being sent.
    Sending,
    /// The mail server has taken it.
    Sent,
    /// The mail server has said that it will never take it: there is no such address, for example.
    Refused,
    /// It was tried in vain for too long.
    GivenUp,
    /// When its turn came, there was nothing to say any more.
    Dropped,
}

/// A mail in the list of all.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailRow {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub about: String,
    /// The address.
    pub recipient: String,
    /// How it stands.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it is tried next, if it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// When its state changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// What was said when it was not taken.
    pub said: Option<String>,
}

/// What came of queueing mails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Queued {
    /// So many are new, or wait again; of the others there was a mail already.
    Done(u64),
    /// There are too many that wait: none was taken.
    Full,
}

impl Store {
    /// Queues mails, all or none. Of what there is a mail about already nothing changes, unless `again`
    /// wants one that was sent or not taken to be sent once more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_mail(
        &self,
        mails: Vec<NewMail>,
        again: bool,
        now: Timestamp,
    ) -> Result<Queued, StoreError> {
        self.writer
            .write(move |connection| Box::pin(queue(connection, mails, again, now)))
            .await
    }

    /// When the first mail is due that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = query("SELECT MIN(due_at) AS due FROM mails WHERE state = 'waiting'")
            .fetch_one(&self.reader)
            .await?;
        row.try_get::<Option<i64>>("due")?.map(time).transpose()
    }

    /// Writes down what became of a lane's mail and gives it the next one, in one transaction. A mail
    /// that it was given before in a transaction of which it has never heard is given to it again.
    ///
    /// # Errors
    /// When the database fails: then neither has happened, or both.
    pub async fn next_mail(
        &self,
        lane: u8,
        finished: Option<MailFinished>,
        more: bool,
        now: Timestamp,
    ) -> Result<Option<QueuedMail>, StoreError> {
        let is_failure = finished.as_ref().is_some_and(MailFinished::is_failure);
        let next = self.writer.write(move |connection| {
            Box::pin(async move {
                if let Some(finished) = finished {
                    finish(connection, lane, finished, now).await?;
                }
                match more {
                    true => take(connection, lane, now).await,
                    false => Ok(None),
                }
            })
        });
        let next = next.await?;
        if is_failure {
            self.note_growth();
        }
        Ok(next)
    }

    /// Has mails sent again that were under way when the server ended, but for those with which that has
    /// happened before. Says how many they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recover_mail(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query(
                        "UPDATE mails SET state = 'given_up', lane = NULL, changed_at = $1, said = $2 \
                         WHERE state = 'sending' AND doubts >= $3",
                    )
                    .bind(now.as_millisecond())
                    .bind("the server ended twice while it was sent: it may have arrived")
                    .bind(MOST_DOUBTS)
                    .execute(connection)
                    .await?;
                    let doubtful = query(
                        "UPDATE mails SET state = 'waiting', lane = NULL, doubts = doubts + 1, \
                         changed_at = $1 WHERE state = 'sending'",
                    )
                    .bind(now.as_millisecond())
                    .execute(connection)
                    .await?;
                    Ok(doubtful)
                })
            })
            .await
    }

    /// Has a mail that was not taken tried again now. False if it does not wait for that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_mail_again(&self, id: MailId, now: Timestamp) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let changed = query(
                        "UPDATE mails SET state = 'waiting', attempts = 0, doubts = 0, made_at = $2, \
                         due_at = $2, changed_at = $2 WHERE id = $1 \
                         AND state IN ('waiting', 'refused', 'given_up')",
                    )
                    .bind(id.to_string())
                    .bind(now.as_millisecond())
                    .execute(connection)
                    .await?;
                    Ok(changed > 0)
                })
            })
            .await
    }

    /// Mails, the first that was asked for first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mails(
        &self,
        state: Option<MailState>,
        after: Option<MailId>,
        limit: u32,
    ) -> Result<Vec<MailRow>, StoreError> {
        let mut query = query("SELECT * FROM mails WHERE 1 = 1");
        if let Some(state) = state {
            query.push(" AND state = ").push_bind(state.to_string());
        }
        if let Some(after) = after {
            query.push(" AND id > ").push_bind(after.to_string());
        }
        query
            .push(" ORDER BY id LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(mail_row).collect()
    }

    /// One mail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail(&self, id: MailId) -> Result<Option<MailRow>, StoreError> {
        let row = query("SELECT * FROM mails WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(mail_row).transpose()
    }

    /// How many mails there are in each state in which there are any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_counts(&self) -> Result<Vec<(MailState, u64)>, StoreError> {
        let rows = query("SELECT state, COUNT(*) AS count FROM mails GROUP BY state")
            .fetch_all(&self.reader)
            .await?;
        let count = |row: &Row| {
            let count: i64 = row.try_get("count")?;
            Ok((parse(row.try_get("state")?)?, count.unsigned_abs()))
        };
        rows.iter().map(count).collect()
    }

    /// Forgets mails of which it has long been known what became of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_mails(&self, now: Timestamp) -> Result<u64, StoreError> {
        let long_ago = now.as_millisecond().saturating_sub(KEPT_MS);
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let pruned = query(
                        "DELETE FROM mails WHERE changed_at <= $1 \
                         AND state NOT IN ('waiting', 'sending')",
                    )
                    .bind(long_ago)
                    .execute(connection)
                    .await?;
                    Ok(pruned)
                })
            })
            .await
    }
}

pub(super) async fn queue(
    connection: &mut Connection,
    mails: Vec<NewMail>,
    again: bool,
    now: Timestamp,
) -> Result<Queued, StoreError> {
    let row = query("SELECT COUNT(*) AS count FROM mails WHERE state = 'waiting'")
        .fetch_one(&mut *connection)
        .await?;
    let waiting: i64 = row.try_get("count")?;
    let wanted = i64::try_from(mails.len()).unwrap_or(i64::MAX);
    if waiting.saturating_add(wanted) > MOST_WAITING {
        return Ok(Queued::Full);
    }
    let now = now.as_millisecond();
    let mut taken = 0;
    for mails in mails.chunks(ROWS_PER_INSERT) {
        let mut insert = query(
            "INSERT INTO mails (id, about, recipient, content, state, made_at, due_at, useless_at, \
             changed_at)",
        );
        insert.push_rows(mails.iter().map(|mail| {
            [
                mail.id.to_string().into(),
                (&mail.about).into(),
                (&mail.recipient).into(),
                (&mail.content).into(),
                "waiting".into(),
                now.into(),
                now.into(),
                mail.useless_at.as_millisecond().into(),
                now.into(),
            ]
        }));
        insert.push(match again {
            true => {
                " ON CONFLICT (about) DO UPDATE SET state = 'waiting', attempts = 0, doubts = 0, \
                 recipient = excluded.recipient, content = excluded.content, said = NULL, \
                 made_at = excluded.made_at, due_at = excluded.due_at, \
                 useless_at = excluded.useless_at, changed_at = excluded.changed_at \
                 WHERE mails.state NOT IN ('waiting', 'sending')"
            }
            false => " ON CONFLICT (about) DO NOTHING",
        });
        taken += insert.execute(connection).await?;
    }
    Ok(Queued::Done(taken))
}

async fn finish(
    connection: &mut Connection,
    lane: u8,
    finished: MailFinished,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = finished.is_failure().then(|| {
        json!({
            "kind": "mailNotDelivered",
            "mail": finished.id,
            "state": finished.state,
            "said": finished.said,
        })
    });
    let row = query(
        "UPDATE mails SET state = $3, lane = NULL, attempts = attempts + $4, due_at = $5, \
         changed_at = $6, said = $7 WHERE id = $1 AND state = 'sending' AND lane = $2 \
         RETURNING about",
    )
    .bind(finished.id.to_string())
    .bind(i64::from(lane))
    .bind(finished.state.to_string())
    .bind(i64::from(finished.is_attempt))
    .bind(finished.due_at.as_millisecond())
    .bind(now.as_millisecond())
    .bind(finished.said)
    .fetch_optional(&mut *connection)
    .await?;
    if let (Some(row), Some(mut event)) = (row, event) {
        if let Some(fields) = event.as_object_mut() {
            fields.insert("about".to_owned(), row.try_get::<String>("about")?.into());
        }
        journal::note(connection, now, &event).await?;
    }
    Ok(())
}

async fn take(
    connection: &mut Connection,
    lane: u8,
    now: Timestamp,
) -> Result<Option<QueuedMail>, StoreError> {
    let given = query("SELECT * FROM mails WHERE state = 'sending' AND lane = $1 LIMIT 1")
        .bind(i64::from(lane))
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(given) = given {
        return queued(&given).map(Some);
    }
    let next = query(
        "SELECT * FROM mails WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT 1",
    )
    .bind(now.as_millisecond())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(next) = next else { return Ok(None) };
    let mail = queued(&next)?;
    query("UPDATE mails SET state = 'sending', lane = $2, changed_at = $3 WHERE id = $1")
        .bind(mail.id.to_string())
        .bind(i64::from(lane))
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(Some(mail))
}

fn queued(row: &Row) -> Result<QueuedMail, StoreError> {
    Ok(QueuedMail {
        id: parse(row.try_get("id")?)?,
        recipient: row.try_get("recipient")?,
        content: row.try_get("content")?,
        attempts: attempts(row)?,
        made_at: time(row.try_get("made_at")?)?,
        useless_at: time(row.try_get("useless_at")?)?,
    })
}

fn mail_row(row: &Row) -> Result<MailRow, StoreError> {
    let state = parse(row.try_get("state")?)?;
    let due_at = time(row.try_get("due_at")?)?;
    Ok(MailRow {
        id: parse(row.try_get("id")?)?,
        about: row.try_get("about")?,
        recipient: row.try_get("recipient")?,
        state,
        attempts: attempts(row)?,
        made_at: time(row.try_get("made_at")?)?,
        due_at: (state == MailState::Waiting).then_some(due_at),
        changed_at: time(row.try_get("changed_at")?)?,
        said: row.try_get("said")?,
    })
}

fn attempts(row: &Row) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.try_get::<i64>("attempts")?).unwrap_or(u32::MAX))
}

fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
