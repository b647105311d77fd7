//! What one letter after the other says of the same conference, read once for those of a moment.
//!
//! The letters of a country leave within seconds, and but for the site each says the same. What is here was
//! read after the mail was asked for, and lately: what changes after that the mail might have missed as well
//! had it left a moment before, and the site must be told again, as the notice that it was told is read
//! before what it tells.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::booking::Language;
use crate::ids::{BookingId, SiteCode};
use crate::letters::{Contact, LetterKind, Template};
use crate::occasion::Occasion;
use crate::store::{Store, StoreError};

/// How long what was read is good. Higher: fewer questions to the store. Lower: a letter tells what is newer.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Most places whose contacts are kept: more than a country has provinces.
const MOST_CONTACTS: usize = 500;

/// Where a lane writes its letters.
#[derive(Debug, Default)]
pub(super) struct Desk {
    lying: Option<Lying>,
}

/// What is known of a booking.
#[derive(Debug)]
pub(super) struct Lying {
    booking: BookingId,
    /// When it was read, by the clock by which mails are asked for, and by one that only goes on.
    at: Timestamp,
    since: Instant,
    /// The notice that is told; nothing if it is over.
    pub(super) newest: Option<u32>,
    /// Nothing if there is no such booking any more.
    pub(super) occasion: Option<Occasion>,
    edited: Vec<(LetterKind, Option<Template>)>,
    contacts: HashMap<SiteCode, Option<Contact>>,
}

impl Desk {
    /// What is known of a booking, for a mail that was asked for at `made_at`.
    pub(super) async fn of(
        &mut self,
        store: &Store,
        booking: &BookingId,
        (made_at, now): (Timestamp, Timestamp),
    ) -> Result<&mut Lying, StoreError> {
        let is_good = |lying: &Lying| {
            // Mails are kept by the millisecond.
            let is_later = lying.at.as_millisecond() > made_at.as_millisecond();
            lying.booking == *booking && is_later && lying.since.elapsed() < GOOD_FOR
        };
        let lying = match self.lying.take().filter(is_good) {
            Some(lying) => lying,
            None => Lying::read(store, booking, now).await?,
        };
        Ok(self.lying.insert(lying))
    }
}

impl Lying {
    async fn read(store: &Store, booking: &BookingId, now: Timestamp) -> Result<Self, StoreError> {
        let since = Instant::now();
        let newest = store.newest_notice(booking, now).await?;
        Ok(Self {
            booking: booking.clone(),
            at: now,
            since,
            newest: newest.map(|newest| newest.notice),
            occasion: Occasion::of(store, booking, now).await?,
            edited: Vec::new(),
            contacts: HashMap::new(),
        })
    }

    /// What the office has written for letters of this kind, in the language of the booking.
    pub(super) async fn edited(
        &mut self,
        store: &Store,
        kind: LetterKind,
        language: Language,
    ) -> Result<Option<Template>, StoreError> {
        if let Some((_, known)) = self.edited.iter().find(|(of, _)| *of == kind) {
            return Ok(known.clone());
        }
        let edited = store.letter(kind, language).await?;
        self.edited.push((kind, edited.clone()));
        Ok(edited)
    }

    /// Whom those below a place ask: there, or above it.
    pub(super) async fn contact(
        &mut self,
        store: &Store,
        place: &SiteCode,
    ) -> Result<Option<Contact>, StoreError> {
        if let Some(known) = self.contacts.get(place) {
            return Ok(known.clone());
        }
        let above = store.contact_from(place.clone()).await?;
        let contact = above.map(|above| Contact {
            name: above.contact_name.unwrap_or(above.name),
            phone: above.contact_phone.unwrap_or_default(),
            email: above.contact_email.unwrap_or_default(),
        });
        if self.contacts.len() < MOST_CONTACTS {
            self.contacts.insert(place.clone(), contact.clone());
        }
        Ok(contact)
    }
}
