//! What is done with bookings: each change is decided by the booking itself, with the sites that it
//! invites as they are known at this moment, and kept.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::booking::{
    Audience, Audiences, Booking, BookingError, Change, Conflict, Details, Exception, Occurrence,
    Selection, Update, find_conflicts,
};
use crate::directory::internal;
use crate::fresh;
use crate::ids::BookingId;
use crate::refusal::{ErrorCode, Refusal};
use crate::sites::SiteFilter;
use crate::store::{Kept, Store};

/// Most conflicts of a booking that are found. Higher: a calendar in which everything meets everything
/// takes longer to answer.
pub const MAX_CONFLICTS: u32 = 200;

/// Where bookings are kept, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'s> {
    /// Where they are kept.
    pub store: &'s Store,
    /// Who.
    pub by: &'s str,
    /// When.
    pub now: Timestamp,
}

/// A booking as it is, with its days.
struct Known {
    booking: Booking,
    days: Vec<Occurrence>,
}

impl Schedule<'_> {
    /// The booking of this id.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find(&self, id: &BookingId) -> Result<Booking, Refusal> {
        let booking = self.store.booking(id).await;
        booking
            .map_err(|cause| internal(&cause))?
            .ok_or_else(|| Refusal::new(ErrorCode::NotFound, format!("there is no booking {id}")))
    }

    /// Makes a draft.
    ///
    /// # Errors
    /// When what is said of it cannot be, or the store fails.
    pub async fn draft(&self, details: Details) -> Result<Booking, Refusal> {
        let audience = self.resolve(&details.audience, None).await?;
        let id = fresh::booking_id();
        let update = Booking::draft(id, details, &audience, (self.by, self.now))?;
        self.keep(update, audience).await
    }

    /// Makes a draft of another one: at another time if one is given, then it takes place once.
    ///
    /// # Errors
    /// When there is none, what is said of it cannot be, or the store fails.
    pub async fn copy(
        &self,
        id: &BookingId,
        starts_at_local: Option<jiff::civil::DateTime>,
        title: Option<String>,
    ) -> Result<Booking, Refusal> {
        let details = self.find(id).await?.copied(starts_at_local, title);
        self.draft(details).await
    }

    /// Changes what is said of a booking.
    ///
    /// # Errors
    /// When there is none, it is at another version, does not allow it, or the store fails.
    pub async fn revise(
        &self,
        id: &BookingId,
        version: u32,
        details: impl FnOnce(Details) -> Details,
    ) -> Result<Booking, Refusal> {
        let known = self.known(id).await?;
        let details = details(known.booking.details.clone());
        let audience = self.resolve(&details.audience, Some(id)).await?;
        let change = self.change(version, &known);
        let update = known.booking.revise(change, details, &audience)?;
        self.keep(update, audience).await
    }

    /// Publishes a booking, or says that all were told of its changes.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub async fn publish(&self, id: &BookingId, version: u32) -> Result<Booking, Refusal> {
        let known = self.known(id).await?;
        let selection = &known.booking.details.audience;
        let audience = self.resolve(selection, Some(id)).await?;
        let update = known
            .booking
            .publish(self.change(version, &known), &audience)?;
        self.keep(update, audience).await
    }

    /// Cancels a booking.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub async fn cancel(
        &self,
        id: &BookingId,
        version: u32,
        reason: Option<String>,
    ) -> Result<Booking, Refusal> {
        let known = self.known(id).await?;
        let update = known.booking.cancel(self.change(version, &known), reason)?;
        self.keep_as_invited(update).await
    }

    /// Makes an exception on one day of a series, or takes it back.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub async fn except(
        &self,
        id: &BookingId,
        version: u32,
        date: Date,
        exception: Option<Exception>,
    ) -> Result<Booking, Refusal> {
        let known = self.known(id).await?;
        let change = self.change(version, &known);
        let update = known.booking.except(change, date, exception)?;
        self.keep_as_invited(update).await
    }

    /// Deletes a draft.
    ///
    /// # Errors
    /// When there is none, it was published, or the store fails.
    pub async fn delete(&self, id: &BookingId) -> Result<(), Refusal> {
        let booking = self.find(id).await?;
        booking.require_draft()?;
        let kept = self.store.delete_booking(&booking).await;
        match kept.map_err(|cause| internal(&cause))? {
            Kept::Done => Ok(()),
            Kept::Stale => Err(meanwhile()),
        }
    }

    /// What stands in the way of a booking.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn conflicts(&self, id: &BookingId) -> Result<Vec<Conflict>, Refusal> {
        self.find(id).await?;
        let meetings = self.store.meetings(id, self.now, MAX_CONFLICTS).await;
        let meetings = meetings.map_err(|cause| internal(&cause))?;
        let mut audiences = Audiences::new();
        for slot in meetings.iter().flat_map(|(own, other)| [own, other]) {
            if !audiences.contains_key(&slot.audience) {
                let audience = self.store.audience(&slot.audience).await;
                let audience = audience.map_err(|cause| internal(&cause))?;
                audiences.insert(slot.audience.clone(), audience);
            }
        }
        Ok(find_conflicts(&meetings, &audiences))
    }

    async fn known(&self, id: &BookingId) -> Result<Known, Refusal> {
        let booking = self.find(id).await?;
        let days = self.store.occurrences_of(id).await;
        let days = days.map_err(|cause| internal(&cause))?;
        Ok(Known { booking, days })
    }

    const fn change<'c>(&'c self, version: u32, known: &'c Known) -> Change<'c> {
        Change {
            version,
            by: self.by,
            now: self.now,
            former: known.days.as_slice(),
        }
    }

    /// The sites that a choice comes to at this moment.
    async fn resolve(
        &self,
        selection: &Selection,
        own: Option<&BookingId>,
    ) -> Result<Audience, Refusal> {
        let sites = self.store.sites(&SiteFilter::default()).await;
        let sites = sites.map_err(|cause| internal(&cause))?;
        let same = match &selection.same_as {
            Some(id) if Some(id) == own => {
                let message = "audience.sameAs is the booking itself: name another one";
                return Err(BookingError::Invalid(message.to_owned()).into());
            }
            Some(id) => {
                let audience = self.find(id).await?.audience;
                let audience = self.store.audience(&audience).await;
                Some(audience.map_err(|cause| internal(&cause))?)
            }
            None => None,
        };
        Ok(selection.resolve(&sites, same.as_ref())?)
    }

    async fn keep_as_invited(&self, update: Update) -> Result<Booking, Refusal> {
        let audience = self.store.audience(&update.booking.audience).await;
        let audience = audience.map_err(|cause| internal(&cause))?;
        self.keep(update, audience).await
    }

    async fn keep(&self, update: Update, audience: Audience) -> Result<Booking, Refusal> {
        let booking = update.booking.clone();
        let kept = self.store.keep_booking(update, audience).await;
        match kept.map_err(|cause| internal(&cause))? {
            Kept::Done => Ok(booking),
            Kept::Stale => Err(meanwhile()),
        }
    }
}

fn meanwhile() -> Refusal {
    Refusal::new(
        ErrorCode::BookingStale,
        "somebody has changed the booking at this very moment: look at it again",
    )
}
