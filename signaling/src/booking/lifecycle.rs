//! A booking from its draft to its end: what may be done to it, and what comes of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audience::{Audience, AudienceHash};
use super::check;
use super::details::Details;
use super::error::BookingError;
use super::exception::Exception;
use super::occurrence::{Occurrence, OccurrenceState, Update, renew};
use crate::ids::BookingId;

/// Most characters of why a booking is cancelled.
const MAX_REASON_CHARS: usize = 500;

/// How it stands with a booking, as it is kept.
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
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum BookingState {
    /// Nobody is told of it yet.
    Draft,
    /// It takes place.
    Published,
    /// It was to take place and does not.
    Cancelled,
}

/// How it stands with a booking at a time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = BookingStanding)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nobody is told of it yet.
    Draft,
    /// It takes place as it was published.
    Published,
    /// It takes place, and another way than was published: publish it again when all are told.
    Changed,
    /// It was to take place and does not.
    Cancelled,
    /// It is over.
    Past,
}

/// A conference that is planned, or a series of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// From 1; each change makes it one more.
    pub version: u32,
    /// How it stands with it.
    pub state: BookingState,
    /// What is said of it.
    pub details: Details,
    /// What is another on single days of the series.
    pub exceptions: BTreeMap<Date, Exception>,
    /// The sites that it invites.
    pub audience: AudienceHash,
    /// How many they are.
    pub invited: u32,
    /// The version with which that last changed of which those who are invited are told.
    pub notice: u32,
    /// The version that was published last.
    pub published: Option<u32>,
    /// When its last day should be over.
    pub ends_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// Who changed it last.
    pub changed_by: String,
    /// Why it is cancelled.
    pub reason: Option<String>,
}

/// Who asks for a change, at which time, of the booking as it was at which version.
#[derive(Clone, Copy, Debug)]
pub struct Change<'c> {
    /// The version that whoever asks has seen.
    pub version: u32,
    /// Who.
    pub by: &'c str,
    /// When.
    pub now: Timestamp,
    /// The days of the booking as they are kept.
    pub former: &'c [Occurrence],
}

impl BookingState {
    pub(super) const fn of_days(self) -> OccurrenceState {
        match self {
            Self::Draft => OccurrenceState::Draft,
            Self::Published => OccurrenceState::Published,
            Self::Cancelled => OccurrenceState::Cancelled,
        }
    }
}

impl Booking {
    /// A draft.
    ///
    /// # Errors
    /// When what is said of it cannot be.
    pub fn draft(
        id: BookingId,
        details: Details,
        audience: &Audience,
        (by, now): (&str, Timestamp),
    ) -> Result<Update, BookingError> {
        details.check()?;
        let booking = Self {
            id,
            version: 1,
            state: BookingState::Draft,
            details,
            exceptions: BTreeMap::new(),
            audience: audience.hash().clone(),
            invited: audience.count(),
            notice: 1,
            published: None,
            ends_at: None,
            created_at: now,
            created_by: by.to_owned(),
            changed_at: now,
            changed_by: by.to_owned(),
            reason: None,
        };
        booking.kept(None, &[], false)
    }

    /// How it stands with it at this time.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.state {
            BookingState::Draft => Standing::Draft,
            BookingState::Cancelled => Standing::Cancelled,
            BookingState::Published if self.ends_at.is_some_and(|end| end <= now) => Standing::Past,
            BookingState::Published if self.published.is_some_and(|at| at < self.notice) => {
                Standing::Changed
            }
            BookingState::Published => Standing::Published,
        }
    }

    /// With other details.
    ///
    /// # Errors
    /// When it is at another version, over or cancelled, or they cannot be.
    pub fn revise(
        &self,
        change: Change<'_>,
        details: Details,
        audience: &Audience,
    ) -> Result<Update, BookingError> {
        self.require_open(change)?;
        details.check()?;
        let is_published = self.state == BookingState::Published;
        if is_published && self.details.rule.is_some() != details.rule.is_some() {
            return Err(BookingError::closed(
                "what is published once stays once, and a series a series: copy it instead",
            ));
        }
        if is_published && audience.count() == 0 {
            return Err(nobody());
        }
        let days = details.days()?;
        let mut next = self.next(change);
        let is_told = self.details.tells_otherwise(&details);
        let all_are_told = self.details.agenda != details.agenda;
        next.details = details;
        next.exceptions.retain(|date, _| days.contains(date));
        next.invite(audience);
        if is_told {
            next.notice = next.version;
        }
        next.kept(Some(change), change.former, all_are_told)
    }

    /// Published: from now on it takes place. Once more after it was changed: all are told.
    ///
    /// # Errors
    /// When it is at another version, over or cancelled, or invites nobody.
    pub fn publish(&self, change: Change<'_>, audience: &Audience) -> Result<Update, BookingError> {
        self.require_open(change)?;
        if audience.count() == 0 {
            return Err(nobody());
        }
        let mut next = self.next(change);
        next.invite(audience);
        if self.state == BookingState::Draft {
            next.state = BookingState::Published;
            next.notice = next.version;
        }
        next.published = Some(next.version);
        let update = next.kept(Some(change), change.former, false)?;
        if update.occurrences.is_empty() && self.state == BookingState::Draft {
            return Err(BookingError::closed(
                "its time is over: give it another one",
            ));
        }
        Ok(update)
    }

    /// Cancelled: what has not begun does not take place.
    ///
    /// # Errors
    /// When it is at another version, a draft, over or cancelled.
    pub fn cancel(
        &self,
        change: Change<'_>,
        reason: Option<String>,
    ) -> Result<Update, BookingError> {
        self.require_open(change)?;
        if self.state == BookingState::Draft {
            return Err(BookingError::closed(
                "nobody was told of this draft: delete it instead",
            ));
        }
        if let Some(reason) = &reason {
            check::line("reason", reason, MAX_REASON_CHARS)?;
        }
        let mut next = self.next(change);
        next.state = BookingState::Cancelled;
        next.notice = next.version;
        next.reason = reason;
        let occurrences = renew(change.former, Vec::new(), (next.version, true), change.now);
        Ok(Update {
            booking: next,
            replaces: Some(self.version),
            occurrences,
        })
    }

    /// With an exception on one day of its series, or none any more.
    ///
    /// # Errors
    /// When it is at another version, over, cancelled or no series, the series has no such day, or the
    /// exception cannot be.
    pub fn except(
        &self,
        change: Change<'_>,
        date: Date,
        exception: Option<Exception>,
    ) -> Result<Update, BookingError> {
        self.require_open(change)?;
        if self.details.rule.is_none() {
            return Err(BookingError::closed(
                "it takes place once: change it itself",
            ));
        }
        if !self.details.days()?.contains(&date) {
            return Err(BookingError::NoDay(date));
        }
        let kept = change.former.iter().find(|day| day.date == date);
        if kept.is_some_and(|day| {
            day.state == OccurrenceState::Published && day.starts_at <= change.now
        }) {
            return Err(BookingError::closed(format!(
                "what was to be on {date} has begun"
            )));
        }
        let mut next = self.next(change);
        match exception {
            Some(exception) => {
                exception.check()?;
                next.exceptions.insert(date, exception);
            }
            None => drop(next.exceptions.remove(&date)),
        }
        if self.exceptions != next.exceptions {
            next.notice = next.version;
        }
        next.kept(Some(change), change.former, false)
    }

    /// What is said of another one like it, at another time if one is given: then it takes place once.
    #[must_use]
    pub fn copied(&self, starts_at_local: Option<DateTime>, title: Option<String>) -> Details {
        let mut details = self.details.clone();
        if let Some(start) = starts_at_local {
            details.starts_at_local = start;
            details.rule = None;
        }
        if let Some(title) = title {
            details.title = title;
        }
        details
    }

    /// Passes a draft that may be deleted.
    ///
    /// # Errors
    /// When it was published.
    pub fn require_draft(&self) -> Result<(), BookingError> {
        match self.state {
            BookingState::Draft => Ok(()),
            BookingState::Published | BookingState::Cancelled => Err(BookingError::closed(
                "it was published, and its record is kept: cancel it instead",
            )),
        }
    }

    fn require_open(&self, change: Change<'_>) -> Result<(), BookingError> {
        if self.version != change.version {
            return Err(BookingError::Stale {
                found: self.version,
                given: change.version,
            });
        }
        match self.standing(change.now) {
            Standing::Draft | Standing::Published | Standing::Changed => Ok(()),
            Standing::Cancelled => Err(BookingError::closed("it is cancelled: copy it instead")),
            Standing::Past => Err(BookingError::closed("it is over: copy it instead")),
        }
    }

    fn next(&self, change: Change<'_>) -> Self {
        Self {
            version: self.version.saturating_add(1),
            changed_at: change.now,
            changed_by: change.by.to_owned(),
            ..self.clone()
        }
    }

    fn invite(&mut self, audience: &Audience) {
        self.audience = audience.hash().clone();
        self.invited = audience.count();
    }

    fn kept(
        mut self,
        change: Option<Change<'_>>,
        former: &[Occurrence],
        all_are_told: bool,
    ) -> Result<Update, BookingError> {
        let days = self.occurrences()?;
        if days.is_empty() {
            return Err(BookingError::invalid("no day is left: cancel it instead"));
        }
        self.ends_at = days.iter().map(|day| day.ends_at).max();
        let occurrences = match (self.state, change) {
            (BookingState::Published, Some(change)) => {
                renew(former, days, (self.version, all_are_told), change.now)
            }
            _ => days,
        };
        Ok(Update {
            booking: self,
            replaces: change.map(|change| change.version),
            occurrences,
        })
    }
}

pub(super) fn nobody() -> BookingError {
    BookingError::invalid("audience comes to no site: whoever is published for must be somebody")
}
