//! Programs that are told what happens, and what came of telling them.

use jiff::Timestamp;
use serde::Serialize;

use super::Store;
use super::backend::{Connection, Row, query};
use super::error::StoreError;
use super::rows::{parse, unsigned};
use crate::auth::Conferences;
use crate::ids::WebhookId;

/// Most webhooks. Each costs a look at what happens, and a request of its own. Higher: more programs.
const MOST: i64 = 32;

/// Most deliveries of a webhook that are kept when they were taken, to be looked at.
const KEPT_DELIVERED: i64 = 200;

/// Most that are kept when they were not, to be sent again by hand. When there are more, the oldest are
/// forgotten: what they told stands in the journal.
const KEPT_DEAD: i64 = 1_000;

/// Of what a webhook is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WebhookFilter {
    /// Of these kinds of event; of all if there are none.
    pub kinds: Option<Vec<String>>,
    /// Of these conferences; of everything if there are none.
    pub conferences: Option<Vec<Conferences>>,
}

/// A program that is told what happens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// Of what.
    pub filter: WebhookFilter,
    /// Whether it is told anything.
    pub is_on: bool,
    /// The last number of the journal that was looked at for it.
    pub seen: u64,
    /// How many deliveries were made for it.
    pub sequence: u64,
    /// Who has made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// Since when it takes nothing.
    pub failing_since: Option<Timestamp>,
    /// How often it was tried since.
    pub failures: u32,
}

/// What came of making one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WebhookAdded {
    /// It is there.
    Done,
    /// There are as many as there may be.
    Full,
}

/// What a webhook is told at one time.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its number among those of the webhook, from 1, without gaps.
    pub sequence: u64,
    /// It tells what comes after this number of the journal,
    pub after_number: u64,
    /// up to this one.
    pub last_number: u64,
    /// How many events that is.
    pub events: u32,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made, or wanted again.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it is tried next, if it waits.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// When it was tried last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub tried_at: Option<Timestamp>,
    /// The HTTP status that came back last.
    pub status: Option<u16>,
    /// What went wrong last.
    pub said: Option<String>,
}

/// How it stands with a delivery.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    Serialize,
    serde::Deserialize,
    strum::Display,
    strum::EnumString,
    utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be taken yet.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was tried in vain for too long, and is sent again by hand only.
    Dead,
}

/// Something that a webhook is to be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NewDelivery {
    /// After this number of the journal,
    pub after: u64,
    /// up to this one,
    pub last: u64,
    /// so many events; none if nothing between is of interest to it.
    pub events: u32,
}

/// What came of telling it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attempted {
    /// Which delivery.
    pub sequence: u64,
    /// How it stands now.
    pub state: DeliveryState,
    /// When it is tried again, if it is.
    pub due_at: Timestamp,
    /// The HTTP status that came back.
    pub status: Option<u16>,
    /// What went wrong.
    pub said: Option<String>,
}

impl Store {
    /// Makes a webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_webhook(&self, webhook: Webhook) -> Result<WebhookAdded, StoreError> {
        self.writer
            .write(move |connection| Box::pin(add(connection, webhook)))
            .await
    }

    /// All webhooks, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let rows = query("SELECT * FROM webhooks ORDER BY id")
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(webhook).collect()
    }

    /// One webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let row = query("SELECT * FROM webhooks WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(webhook).transpose()
    }

    /// Changes where a webhook is told, of what, and whether. False if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_webhook(&self, changed: Webhook) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let (kinds, conferences) = filter_texts(&changed.filter);
                    let done = query(
                        "UPDATE webhooks SET url = $2, kinds = $3, conferences = $4, is_on = $5 \
                         WHERE id = $1",
                    )
                    .bind(changed.id.to_string())
                    .bind(changed.url)
                    .bind(kinds)
                    .bind(conferences)
                    .bind(i64::from(changed.is_on))
                    .execute(connection)
                    .await?;
                    Ok(done > 0)
                })
            })
            .await
    }

    /// Takes a webhook away, with its deliveries. False if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let removed = query("DELETE FROM webhooks WHERE id = $1")
                        .bind(id.to_string())
                        .execute(connection)
                        .await?;
                    Ok(removed > 0)
                })
            })
            .await
    }

    /// The first delivery of a webhook that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_delivery(&self, id: WebhookId) -> Result<Option<Delivery>, StoreError> {
        let row = query(
            "SELECT * FROM deliveries WHERE webhook = $1 AND state = 'waiting' \
             ORDER BY sequence LIMIT 1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Deliveries of a webhook, the latest first: those before number `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut query = query("SELECT * FROM deliveries WHERE webhook = ");
        query.push_bind(id.to_string());
        if let Some(state) = state {
            query.push(" AND state = ").push_bind(state.to_string());
        }
        if let Some(before) = before {
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            query.push(" AND sequence < ").push_bind(before);
        }
        query
            .push(" ORDER BY sequence DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(delivery).collect()
    }

    /// Notes how far the journal was looked through for a webhook, and what it is to be told of that.
    /// Nothing changes if somebody has done so meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_delivery(
        &self,
        id: WebhookId,
        new: NewDelivery,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| Box::pin(deliver(connection, id, new, now)))
            .await
    }

    /// Writes down what came of telling a webhook.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_attempt(
        &self,
        id: WebhookId,
        attempted: Attempted,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| Box::pin(attempt(connection, id, attempted, now)))
            .await
    }

    /// Has a delivery tried again now. False if there is no such delivery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliver_again(
        &self,
        id: WebhookId,
        sequence: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let changed = query(
                        "UPDATE deliveries SET state = 'waiting', attempts = 0, made_at = $3, \
                         due_at = $3 WHERE webhook = $1 AND sequence = $2",
                    )
                    .bind(id.to_string())
                    .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
                    .bind(now.as_millisecond())
                    .execute(connection)
                    .await?;
                    Ok(changed > 0)
                })
            })
            .await
    }
}

async fn add(connection: &mut Connection, new: Webhook) -> Result<WebhookAdded, StoreError> {
    let row = query("SELECT COUNT(*) AS count FROM webhooks")
        .fetch_one(&mut *connection)
        .await?;
    if row.try_get::<i64>("count")? >= MOST {
        return Ok(WebhookAdded::Full);
    }
    let (kinds, conferences) = filter_texts(&new.filter);
    query(
        "INSERT INTO webhooks (id, url, kinds, conferences, is_on, seen, sequence, made_by, made_at, \
         failures) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, 0)",
    )
    .bind(new.id.to_string())
    .bind(new.url)
    .bind(kinds)
    .bind(conferences)
    .bind(i64::from(new.is_on))
    .bind(new.seen.cast_signed())
    .bind(new.made_by)
    .bind(new.made_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(WebhookAdded::Done)
}

async fn deliver(
    connection: &mut Connection,
    id: WebhookId,
    new: NewDelivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let has_events = new.events > 0;
    let row = query(
        "UPDATE webhooks SET seen = $3, sequence = sequence + $4 WHERE id = $1 AND seen = $2 \
         RETURNING sequence",
    )
    .bind(id.to_string())
    .bind(new.after.cast_signed())
    .bind(new.last.cast_signed())
    .bind(i64::from(has_events))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row.filter(|_| has_events) else {
        return Ok(());
    };
    query(
        "INSERT INTO deliveries (webhook, sequence, after_number, last_number, events, state, \
         attempts, made_at, due_at) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $6)",
    )
    .bind(id.to_string())
    .bind(row.try_get::<i64>("sequence")?)
    .bind(new.after.cast_signed())
    .bind(new.last.cast_signed())
    .bind(i64::from(new.events))
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

async fn attempt(
    connection: &mut Connection,
    id: WebhookId,
    attempted: Attempted,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sequence = attempted.sequence.cast_signed();
    query(
        "UPDATE deliveries SET state = $3, attempts = attempts + 1, due_at = $4, tried_at = $5, \
         status = $6, said = $7 WHERE webhook = $1 AND sequence = $2",
    )
    .bind(id.to_string())
    .bind(sequence)
    .bind(attempted.state.to_string())
    .bind(attempted.due_at.as_millisecond())
    .bind(now.as_millisecond())
    .bind(attempted.status.map(i64::from))
    .bind(attempted.said)
    .execute(connection)
    .await?;
    let is_taken = attempted.state == DeliveryState::Delivered;
    query(match is_taken {
        true => "UPDATE webhooks SET failing_since = NULL, failures = 0 WHERE id = $1 AND $2 > 0",
        false => {
            "UPDATE webhooks SET failing_since = COALESCE(failing_since, $2), \
             failures = failures + 1 WHERE id = $1"
        }
    })
    .bind(id.to_string())
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    query(
        "DELETE FROM deliveries WHERE webhook = $1 AND state = 'delivered' AND sequence <= $2 - $3",
    )
    .bind(id.to_string())
    .bind(sequence)
    .bind(KEPT_DELIVERED)
    .execute(connection)
    .await?;
    query(
        "DELETE FROM deliveries WHERE webhook = $1 AND state = 'dead' AND sequence NOT IN \
         (SELECT sequence FROM deliveries WHERE webhook = $1 AND state = 'dead' \
         ORDER BY sequence DESC LIMIT $2)",
    )
    .bind(id.to_string())
    .bind(KEPT_DEAD)
    .execute(connection)
    .await?;
    Ok(())
}

fn filter_texts(filter: &WebhookFilter) -> (Option<String>, Option<String>) {
    let kinds = filter.kinds.as_ref();
    let kinds = kinds.map(|kinds| serde_json::to_string(kinds).unwrap_or_default());
    let conferences = filter.conferences.as_ref();
    let conferences = conferences.map(|these| serde_json::to_string(these).unwrap_or_default());
    (kinds, conferences)
}

fn listed<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, StoreError> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
    };
    text.map(read).transpose()
}

fn webhook(row: &Row) -> Result<Webhook, StoreError> {
    let failing_since: Option<i64> = row.try_get("failing_since")?;
    Ok(Webhook {
        id: parse(row.try_get("id")?)?,
        url: row.try_get("url")?,
        filter: WebhookFilter {
            kinds: listed(row.try_get("kinds")?)?,
            conferences: listed(row.try_get("conferences")?)?,
        },
        is_on: row.try_get::<i64>("is_on")? != 0,
        seen: unsigned(row.try_get("seen")?)?,
        sequence: unsigned(row.try_get("sequence")?)?,
        made_by: row.try_get("made_by")?,
        made_at: time(row.try_get("made_at")?)?,
        failing_since: failing_since.map(time).transpose()?,
        failures: u32::try_from(row.try_get::<i64>("failures")?).unwrap_or(u32::MAX),
    })
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let tried_at: Option<i64> = row.try_get("tried_at")?;
    let status: Option<i64> = row.try_get("status")?;
    Ok(Delivery {
        sequence: unsigned(row.try_get("sequence")?)?,
        after_number: unsigned(row.try_get("after_number")?)?,
        last_number: unsigned(row.try_get("last_number")?)?,
        events: u32::try_from(row.try_get::<i64>("events")?).unwrap_or(u32::MAX),
        state: parse(row.try_get("state")?)?,
        attempts: u32::try_from(row.try_get::<i64>("attempts")?).unwrap_or(u32::MAX),
        made_at: time(row.try_get("made_at")?)?,
        due_at: time(row.try_get("due_at")?)?,
        tried_at: tried_at.map(time).transpose()?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        said: row.try_get("said")?,
    })
}

fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}
