//! Conferences that are planned: a booking and its days are written together.

use serde_json::{Value, json};

use super::Store;
use super::audiences::{forget, keep};
use super::backend::{Connection, ROWS_PER_INSERT, query};
use super::error::StoreError;
use super::invitations::withdraw;
use super::journal;
use crate::booking::{Audience, AudienceHash, Booking, BookingState, Occurrence, Update};
use crate::ids::{BookingId, SiteCode};

/// What came of keeping a booking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// It is kept.
    Done,
    /// It is at another version, or gone.
    Stale,
}

impl Store {
    /// Keeps a booking with its days, all of it or nothing, unless somebody has changed it meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_booking(
        &self,
        update: Update,
        audience: Audience,
    ) -> Result<Kept, StoreError> {
        let kept = self
            .writer
            .write(move |connection| Box::pin(write(connection, update, audience)))
            .await?;
        self.bookings_changed.notify_one();
        self.note_growth();
        Ok(kept)
    }

    /// Keeps several bookings with their days, all of them or nothing, unless somebody has changed one of
    /// them meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_bookings(
        &self,
        updates: Vec<(Update, Audience)>,
    ) -> Result<Kept, StoreError> {
        let kept = self
            .writer
            .write(move |connection| Box::pin(write_all(connection, updates)))
            .await?;
        self.bookings_changed.notify_one();
        self.note_growth();
        Ok(kept)
    }

    /// Every booking, by id.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn bookings(&self) -> Result<Vec<Booking>, StoreError> {
        let rows = query("SELECT id, body FROM bookings ORDER BY id")
            .fetch_all(&self.reader)
            .await?;
        let booking = |row: &super::backend::Row| {
            let id: &str = row.try_get("id")?;
            let booking = serde_json::from_str(row.try_get("body")?);
            booking.map_err(|error| StoreError::Unreadable(format!("the booking {id}: {error}")))
        };
        rows.iter().map(booking).collect()
    }

    /// Waits until a booking is changed.
    pub async fn booking_changed(&self) {
        self.bookings_changed.notified().await;
    }

    /// A booking.
    ///
    /// # Errors
    /// When the database fails, or it cannot be read.
    pub async fn booking(&self, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let row = query("SELECT body FROM bookings WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let booking = serde_json::from_str(row.try_get("body")?);
        let unreadable = |error| StoreError::Unreadable(format!("the booking {id}: {error}"));
        booking.map(Some).map_err(unreadable)
    }

    /// Deletes a booking of this version with its days.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_booking(&self, booking: &Booking) -> Result<Kept, StoreError> {
        let (id, version) = (booking.id.clone(), booking.version);
        let audience = booking.audience.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let deleted = query("DELETE FROM bookings WHERE id = $1 AND version = $2")
                        .bind(id.as_str())
                        .bind(i64::from(version))
                        .execute(connection)
                        .await?;
                    if deleted == 0 {
                        return Ok(Kept::Stale);
                    }
                    forget(connection, &audience).await?;
                    Ok(Kept::Done)
                })
            })
            .await
    }
}

async fn write_all(
    connection: &mut Connection,
    updates: Vec<(Update, Audience)>,
) -> Result<Kept, StoreError> {
    // Nothing of it is written before all of it is known to be.
    for (update, _) in &updates {
        let row = query("SELECT version FROM bookings WHERE id = $1")
            .bind(update.booking.id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let version: Option<i64> = row.map(|row| row.try_get("version")).transpose()?;
        if version != update.replaces.map(i64::from) {
            return Ok(Kept::Stale);
        }
    }
    for (update, audience) in updates {
        write(connection, update, audience).await?;
    }
    Ok(Kept::Done)
}

async fn write(
    connection: &mut Connection,
    update: Update,
    audience: Audience,
) -> Result<Kept, StoreError> {
    let Update {
        booking,
        replaces,
        occurrences,
    } = update;
    let former = former(connection, &booking.id).await?;
    let removed = match &former {
        Some(former) => removed(connection, &booking, former, &audience).await?,
        None => Vec::new(),
    };
    keep(connection, &audience).await?;
    if !write_booking(connection, &booking, replaces).await? {
        return Ok(Kept::Stale);
    }
    query("DELETE FROM occurrences WHERE booking = $1 AND state = 'draft'")
        .bind(booking.id.as_str())
        .execute(connection)
        .await?;
    for chunk in occurrences.chunks(ROWS_PER_INSERT) {
        write_occurrences(connection, chunk).await?;
    }
    withdraw(connection, &booking, &removed).await?;
    let former = former.map(|former| former.audience);
    for hash in former.iter().chain([audience.hash()]) {
        forget(connection, hash).await?;
    }
    if let Some(event) = told(&booking) {
        journal::note(connection, booking.changed_at, &event).await?;
    }
    Ok(Kept::Done)
}

/// What those are told of a change who follow what happens; nothing of a draft, of which nobody is told.
fn told(booking: &Booking) -> Option<Value> {
    let kind = match booking.state {
        BookingState::Draft => return None,
        BookingState::Cancelled => "bookingCancelled",
        BookingState::Published if booking.published == Some(booking.version) => "bookingPublished",
        BookingState::Published => "bookingChanged",
    };
    Some(json!({
        "kind": kind,
        "booking": booking.id,
        "version": booking.version,
        "title": booking.details.title,
        "invited": booking.invited,
        // Whoever was told of an earlier one than this must be told again.
        "notice": booking.notice,
        "by": booking.changed_by,
        "reason": booking.reason,
    }))
}

/// A booking as it is kept, as far as that matters to what it becomes.
struct Former {
    audience: AudienceHash,
    was_published: bool,
}

async fn former(connection: &mut Connection, id: &BookingId) -> Result<Option<Former>, StoreError> {
    let row = query("SELECT audience, published FROM bookings WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Former {
        audience: super::rows::parse(row.try_get("audience")?)?,
        was_published: row.try_get::<Option<i64>>("published")?.is_some(),
    }))
}

/// The sites that a booking which takes place invites no more.
async fn removed(
    connection: &mut Connection,
    booking: &Booking,
    former: &Former,
    audience: &Audience,
) -> Result<Vec<SiteCode>, StoreError> {
    // Nobody was invited by a draft, and what is cancelled says so itself.
    let takes_place = former.was_published && booking.state == BookingState::Published;
    if !takes_place || former.audience == *audience.hash() {
        return Ok(Vec::new());
    }
    let row = query("SELECT codes FROM audiences WHERE hash = $1")
        .bind(former.audience.as_str())
        .fetch_one(connection)
        .await?;
    let former = Audience::read(row.try_get("codes")?);
    let former = former.map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let is_removed = |code: &&SiteCode| audience.codes().binary_search(code).is_err();
    Ok(former.codes().iter().filter(is_removed).cloned().collect())
}

/// False if it is at another version than the one that is replaced.
async fn write_booking(
    connection: &mut Connection,
    booking: &Booking,
    replaces: Option<u32>,
) -> Result<bool, StoreError> {
    let body = serde_json::to_string(booking)
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let write = match replaces {
        None => query(
            "INSERT INTO bookings (id, version, published, audience, body) \
             VALUES ($1, $2, $3, $4, $5)",
        ),
        Some(_) => query(
            "UPDATE bookings SET version = $2, published = $3, audience = $4, body = $5 \
             WHERE id = $1 AND version = $6",
        ),
    };
    let mut write = write
        .bind(booking.id.as_str())
        .bind(i64::from(booking.version))
        .bind(booking.published.map(i64::from))
        .bind(booking.audience.as_str())
        .bind(body);
    if let Some(version) = replaces {
        write = write.bind(i64::from(version));
    }
    Ok(write.execute(connection).await? > 0)
}

async fn write_occurrences(
    connection: &mut Connection,
    occurrences: &[Occurrence],
) -> Result<(), StoreError> {
    let mut doors = Vec::with_capacity(occurrences.len());
    for day in occurrences {
        let text = serde_json::to_string(&day.doors);
        doors.push(text.map_err(|error| StoreError::Unreadable(error.to_string()))?);
    }
    let mut insert = query(
        "INSERT INTO occurrences (conference, booking, day, state, title, kind, zone, starts_at, \
         ends_at, opens_at, doors, hall, chair, audience, notice)",
    );
    insert.push_rows(occurrences.iter().zip(&doors).map(|(day, doors)| {
        [
            day.conference.as_str().into(),
            day.booking.as_str().into(),
            day.date.to_string().into(),
            day.state.to_string().into(),
            (&day.title).into(),
            day.kind.to_string().into(),
            (&day.zone).into(),
            day.starts_at.as_second().into(),
            day.ends_at.as_second().into(),
            day.opens_at.as_second().into(),
            doors.into(),
            day.hall.as_ref().map(SiteCode::as_str).into(),
            day.chair.as_deref().into(),
            day.audience.as_str().into(),
            i64::from(day.notice).into(),
        ]
    }));
    insert.push(
        " ON CONFLICT (conference) DO UPDATE SET day = excluded.day, state = excluded.state, \
         title = excluded.title, kind = excluded.kind, zone = excluded.zone, \
         starts_at = excluded.starts_at, ends_at = excluded.ends_at, \
         opens_at = excluded.opens_at, doors = excluded.doors, hall = excluded.hall, \
         chair = excluded.chair, audience = excluded.audience, notice = excluded.notice",
    );
    insert.execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
