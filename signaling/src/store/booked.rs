//! Which booked conferences are to open, to begin, or to be another, and how it stands with one.

use jiff::{SignedDuration, Timestamp};

use super::Store;
use super::backend::{Query, Row, query};
use super::error::StoreError;
use super::occurrences::{columns, occurrence, second};
use super::rows::parse;
use crate::booking::{AudienceHash, Door, Occurrence, OccurrenceState};
use crate::conference::Phase;
use crate::ids::{BookingId, ConferenceId, SiteCode};
use crate::refusal::Refusal;

/// What opened earlier cannot be due any more: it opens a day before its beginning at most, and takes a
/// day at most.
const LONGEST_AGO: SignedDuration = SignedDuration::from_hours(48);

/// A day of a booking, and how it stands with the conference that it becomes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Booked {
    /// The day.
    pub day: Occurrence,
    /// Whether its conference runs, if it was made.
    pub phase: Option<Phase>,
    /// Whether its conference was taken back.
    pub is_deleted: bool,
}

impl Booked {
    /// Whether it takes place, or did: it is published and was not taken back.
    #[must_use]
    pub fn takes_place(&self) -> bool {
        self.day.state == OccurrenceState::Published && !self.is_deleted
    }

    /// Whether somebody is let in.
    ///
    /// # Errors
    /// When it is cancelled or taken back, or the door is not open.
    pub fn let_in(&self, door: Door, now: Timestamp) -> Result<(), Refusal> {
        if self.is_deleted {
            return Err(self.day.cancelled());
        }
        if self.day.state == OccurrenceState::Draft {
            return Ok(());
        }
        self.day.let_in(door, self.phase, now)
    }
}

/// A day and its conference.
macro_rules! select {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", conferences.state AS phase, conferences.deleted_at FROM occurrences \
             LEFT JOIN conferences ON conferences.id = occurrences.conference "
        )
    };
}

fn booked(row: &Row) -> Result<Booked, StoreError> {
    let phase: Option<&str> = row.try_get("phase")?;
    let phase = phase.map(|text| serde_json::from_value(text.into()));
    let phase = phase.transpose();
    let deleted_at: Option<&str> = row.try_get("deleted_at")?;
    Ok(Booked {
        day: occurrence(row)?,
        phase: phase.map_err(|error| StoreError::Unreadable(error.to_string()))?,
        is_deleted: deleted_at.is_some(),
    })
}

impl Store {
    /// The day that becomes this conference, and how it stands with that.
    ///
    /// # Errors
    /// When the database fails, or it cannot be read.
    pub async fn booked(&self, conference: &ConferenceId) -> Result<Option<Booked>, StoreError> {
        let row = query(concat!(select!(), "WHERE occurrences.conference = $1"))
            .bind(conference.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(booked).transpose()
    }

    /// The days of a booking, the first first, and how it stands with each.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn booked_days(&self, booking: &BookingId) -> Result<Vec<Booked>, StoreError> {
        let days = query(concat!(
            select!(),
            "WHERE occurrences.booking = $1 ORDER BY occurrences.starts_at, occurrences.conference"
        ));
        let days = days.bind(booking.as_str()).fetch_all(&self.reader).await?;
        days.iter().map(booked).collect()
    }

    /// Published days whose time to open has come, which are not over, and have no conference yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_to_open(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<ConferenceId>, StoreError> {
        let due = query(
            "SELECT conference AS id FROM occurrences WHERE state = 'published' \
             AND opens_at <= $1 AND opens_at > $1 - $2 AND ends_at > $1 AND NOT EXISTS \
             (SELECT 1 FROM conferences WHERE id = occurrences.conference) \
             ORDER BY opens_at, conference LIMIT $3",
        );
        self.due(due, now, most).await
    }

    /// Published days that should have begun, are not over, and whose conference has not begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_to_begin(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<ConferenceId>, StoreError> {
        let due = query(
            "SELECT conference AS id FROM occurrences WHERE state = 'published' \
             AND starts_at <= $1 AND starts_at > $1 - $2 AND ends_at > $1 AND EXISTS \
             (SELECT 1 FROM conferences WHERE id = occurrences.conference \
              AND state = 'scheduled' AND deleted_at IS NULL) \
             ORDER BY starts_at, conference LIMIT $3",
        );
        self.due(due, now, most).await
    }

    async fn due(
        &self,
        due: Query<'_>,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<ConferenceId>, StoreError> {
        let due = due
            .bind(now.as_second())
            .bind(LONGEST_AGO.as_secs())
            .bind(i64::from(most));
        self.ids(due).await
    }

    /// When the next published day opens or begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_opening(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mut next = None;
        for text in [
            "SELECT opens_at AS at FROM occurrences WHERE state = 'published' AND opens_at > $1 \
             ORDER BY opens_at LIMIT 1",
            "SELECT starts_at AS at FROM occurrences WHERE state = 'published' AND starts_at > $1 \
             ORDER BY starts_at LIMIT 1",
        ] {
            let row = query(text)
                .bind(now.as_second())
                .fetch_optional(&self.reader)
                .await?;
            let at = row.map(|row| second(&row, "at")).transpose()?;
            next = next.into_iter().chain(at).min();
        }
        Ok(next)
    }

    /// A conference that is booked, is not over and invites this site, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn booked_inviting(
        &self,
        site: &SiteCode,
        now: Timestamp,
    ) -> Result<Option<ConferenceId>, StoreError> {
        for (hash, conference) in self.audiences_to_come(now).await? {
            if self
                .audience(&hash)
                .await?
                .codes()
                .binary_search(site)
                .is_ok()
            {
                return Ok(Some(conference));
            }
        }
        Ok(None)
    }

    /// Each audience of a published day that is not over, with one such day's conference.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn audiences_to_come(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(AudienceHash, ConferenceId)>, StoreError> {
        let rows = query(
            "SELECT audience, MIN(conference) AS conference FROM occurrences \
             WHERE state = 'published' AND starts_at > $1 - $2 AND ends_at > $1 \
             GROUP BY audience ORDER BY audience",
        )
        .bind(now.as_second())
        .bind(LONGEST_AGO.as_secs())
        .fetch_all(&self.reader)
        .await?;
        let audience = |row: &Row| {
            let hash = parse(row.try_get("audience")?)?;
            Ok((hash, parse(row.try_get("conference")?)?))
        };
        rows.iter().map(audience).collect()
    }
}
