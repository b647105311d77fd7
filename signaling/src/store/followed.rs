//! Whom open conferences expect, as far as that follows from their bookings.

use super::Store;
use super::audiences::forget;
use super::backend::{Row, query};
use super::error::StoreError;
use super::occurrences::{columns, occurrence};
use super::rows::parse;
use crate::booking::{AudienceHash, Occurrence, OccurrenceState};
use crate::conference::Phase;
use crate::ids::{ConferenceId, SiteCode};

/// Whom a conference that was made of a day expects for that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Followed {
    /// Whom the day invited.
    pub audience: AudienceHash,
    /// From where it was to be held.
    pub hall: Option<SiteCode>,
}

impl Followed {
    /// That of a day as it is.
    #[must_use]
    pub fn of(day: &Occurrence) -> Self {
        Self {
            audience: day.audience.clone(),
            hall: day.hall.clone(),
        }
    }
}

/// A day whose conference is open and is not as the day says by now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outdated {
    /// The day.
    pub day: Occurrence,
    /// Whether it has begun: its title and its time are its own from then on.
    pub has_begun: bool,
    /// Whether title and time are the day's.
    pub is_titled: bool,
    /// Whom it expects; `None` where that was not noted when it was made.
    pub followed: Option<Followed>,
}

impl Outdated {
    /// Whether it expects whom the day says.
    #[must_use]
    pub fn expects_them(&self) -> bool {
        self.followed.as_ref() == Some(&Followed::of(&self.day))
    }
}

impl Store {
    /// Days whose conference was made and has not ended, where it is not as they say by now.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn outdated(&self) -> Result<Vec<Outdated>, StoreError> {
        let rows = query(concat!(
            "SELECT ",
            columns!(),
            ", occurrences.followed, occurrences.followed_hall, conferences.state AS phase, \
             conferences.title AS made_title, conferences.starts_at AS made_start \
             FROM conferences JOIN occurrences ON occurrences.conference = conferences.id \
             WHERE conferences.state <> 'ended' AND conferences.deleted_at IS NULL"
        ))
        .fetch_all(&self.reader)
        .await?;
        let mut outdated = Vec::new();
        for row in &rows {
            let one = read(row)?;
            let is_cancelled = one.day.state == OccurrenceState::Cancelled;
            let is_news = if one.has_begun {
                !is_cancelled && !one.expects_them()
            } else {
                is_cancelled || !one.is_titled || !one.expects_them()
            };
            if is_news {
                outdated.push(one);
            }
        }
        Ok(outdated)
    }

    /// Notes whom a conference expects as far as that follows from its booking.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_followed(
        &self,
        conference: &ConferenceId,
        followed: Followed,
    ) -> Result<(), StoreError> {
        let conference = conference.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let row = query("SELECT followed FROM occurrences WHERE conference = $1")
                        .bind(conference.as_str())
                        .fetch_optional(&mut *connection)
                        .await?;
                    let Some(row) = row else { return Ok(()) };
                    let before: Option<&str> = row.try_get("followed")?;
                    let before: Option<AudienceHash> = before.map(parse).transpose()?;
                    query(
                        "UPDATE occurrences SET followed = $2, followed_hall = $3 \
                         WHERE conference = $1",
                    )
                    .bind(conference.as_str())
                    .bind(followed.audience.as_str())
                    .bind(followed.hall.as_ref().map(SiteCode::as_str))
                    .execute(&mut *connection)
                    .await?;
                    match before {
                        Some(before) => forget(connection, &before).await,
                        None => Ok(()),
                    }
                })
            })
            .await
    }
}

fn read(row: &Row) -> Result<Outdated, StoreError> {
    let day = occurrence(row)?;
    let phase: &str = row.try_get("phase")?;
    let phase: Phase = serde_json::from_value(phase.into())
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let title: &str = row.try_get("made_title")?;
    let start: Option<&str> = row.try_get("made_start")?;
    let start: Option<jiff::Timestamp> = start.map(parse).transpose()?;
    let followed: Option<&str> = row.try_get("followed")?;
    let hall: Option<&str> = row.try_get("followed_hall")?;
    let hall = hall.map(parse).transpose()?;
    let followed = followed.map(parse).transpose()?;
    Ok(Outdated {
        has_begun: phase != Phase::Scheduled,
        is_titled: title == day.title && start == Some(day.starts_at),
        followed: followed.map(|audience| Followed { audience, hall }),
        day,
    })
}
