//! What an entry of a document makes of a booking: a new one, another one, or nothing.

use jiff::Timestamp;

use super::audience::Audience;
use super::document::{Entry, EntryState};
use super::error::BookingError;
use super::lifecycle::{Booking, BookingState, Change, nobody};
use super::occurrence::{OccurrenceState, Update, renew};

impl Booking {
    /// The booking that an entry says, of which none is known.
    ///
    /// # Errors
    /// When what is said of it cannot be, or it is published for nobody or when it is over.
    pub fn of_entry(
        entry: &Entry,
        audience: &Audience,
        (by, now): (&str, Timestamp),
    ) -> Result<Update, BookingError> {
        let draft = Self::draft(entry.id.clone(), entry.details.clone(), audience, (by, now))?;
        let mut booking = draft.booking;
        booking.exceptions = entry.dated()?;
        if entry.state == EntryState::Published {
            if audience.count() == 0 {
                return Err(nobody());
            }
            booking.state = BookingState::Published;
            booking.published = Some(booking.version);
        }
        let days = booking.occurrences()?;
        booking.ends_at = days.iter().map(|day| day.ends_at).max();
        let occurrences = match entry.state {
            EntryState::Draft => days,
            EntryState::Published => renew(&[], days, (booking.version, true), now),
        };
        if occurrences.is_empty() {
            return Err(BookingError::Invalid(
                "startsAtLocal is over, or no day is left: what is published is still to come"
                    .to_owned(),
            ));
        }
        Ok(Update {
            booking,
            replaces: None,
            occurrences,
        })
    }

    /// The booking as an entry says it is to be; `None` if it is so already.
    ///
    /// # Errors
    /// When it is over or cancelled, was published and is to be a draft, or cannot be so.
    pub fn as_entry(
        &self,
        change: Change<'_>,
        entry: &Entry,
        audience: &Audience,
    ) -> Result<Option<Update>, BookingError> {
        let exceptions = entry.dated()?;
        let is_published = self.state == BookingState::Published;
        let publishes = entry.state == EntryState::Published && !is_published;
        let is_same = self.details == entry.details
            && self.exceptions == exceptions
            && self.audience == *audience.hash();
        if is_same && !publishes && (entry.state == EntryState::Published) == is_published {
            return Ok(None);
        }
        if is_published && entry.state == EntryState::Draft {
            return Err(BookingError::Closed(
                "state is draft, and it is published here: cancel it instead".to_owned(),
            ));
        }
        let has_begun = |date| {
            let mut former = change.former.iter();
            former.any(|day| {
                let takes_place = day.state == OccurrenceState::Published;
                day.date == date && takes_place && day.starts_at <= change.now
            })
        };
        let dates = self.exceptions.keys().chain(exceptions.keys());
        let mut changed = dates.filter(|date| self.exceptions.get(*date) != exceptions.get(*date));
        if let Some(date) = changed.find(|date| has_begun(**date)) {
            return Err(BookingError::Closed(format!(
                "exceptions name {date}: what was to be on that day has begun"
            )));
        }
        let mut revised = Self::clone(self);
        revised.exceptions = exceptions;
        let is_told = revised.exceptions != self.exceptions;
        let mut update = revised.revise(change, entry.details.clone(), audience)?;
        if is_told {
            update.booking.notice = update.booking.version;
        }
        if !publishes {
            return Ok(Some(update));
        }
        let mut booking = update.booking;
        if audience.count() == 0 {
            return Err(nobody());
        }
        booking.state = BookingState::Published;
        booking.notice = booking.version;
        booking.published = Some(booking.version);
        let occurrences = renew(
            &[],
            booking.occurrences()?,
            (booking.version, true),
            change.now,
        );
        if occurrences.is_empty() {
            return Err(BookingError::Invalid(
                "startsAtLocal is over: what is published is still to come".to_owned(),
            ));
        }
        Ok(Some(Update {
            booking,
            replaces: update.replaces,
            occurrences,
        }))
    }
}
