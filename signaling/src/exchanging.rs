//! Bookings that come and go as documents: what one would change is looked at before anything is, and then
//! all of it is done or nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::booking::document::{
    BookingsDocument, DocumentError, Entry, EntryError, EntryState, of_booking, read,
};
use crate::booking::{
    Audience, Booking, BookingError, BookingState, Change, Selection, Standing, Update,
};
use crate::directory::internal;
use crate::ids::BookingId;
use crate::refusal::{ErrorCode, Refusal};
use crate::schedule::Schedule;
use crate::sites::{Site, SiteFilter};
use crate::store::{Kept, StoreError};

/// Most entries, and most mistakes, that are told of. Higher: a larger answer that nobody reads.
const TOLD: usize = 250;

/// Most mistakes that a refusal repeats.
const NAMED: usize = 5;

/// What an entry would do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryDoes {
    /// There is none of its id.
    Added,
    /// Something of it is another thing.
    Changed,
}

/// An entry that would do something.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedEntry {
    /// Which one of the document, from 1.
    pub entry: u32,
    /// The booking.
    pub id: BookingId,
    /// What people call it.
    pub title: String,
    /// What would be done.
    pub does: EntryDoes,
    /// Whether it would be published by that.
    pub publishes: bool,
    /// Of one that is changed: what of it. `audience` also where the same choice comes to other sites.
    pub fields: Vec<String>,
    /// How many sites it would invite.
    pub invited: u32,
}

/// What a document would change, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingsPreview {
    /// How many bookings would be made.
    pub added: u32,
    /// How many would be changed.
    pub changed: u32,
    /// How many are so already.
    pub unchanged: u32,
    /// Those that would be made or changed; the first 250.
    pub entries: Vec<PlannedEntry>,
    /// How many mistakes there are. With one, nothing is imported.
    pub wrong: u32,
    /// What is wrong; the first 250.
    pub errors: Vec<EntryError>,
    /// For an import that does just that, or nothing.
    pub digest: String,
}

/// What an import has done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingsImported {
    /// How many bookings were made.
    pub added: u32,
    /// How many were changed.
    pub changed: u32,
    /// How many were so already.
    pub unchanged: u32,
}

/// What a document comes to.
#[derive(Debug)]
pub struct Exchange {
    /// What it would change.
    pub preview: BookingsPreview,
    /// Whether something of it needs the right to publish.
    pub publishes: bool,
    updates: Vec<(Update, Audience)>,
}

impl From<DocumentError> for Refusal {
    fn from(error: DocumentError) -> Self {
        Self::new(ErrorCode::BadMessage, error.to_string())
    }
}

/// The bookings that a document may name in `sameAs`, its own among them, and whom each invites.
struct Audiences<'d> {
    sites: Vec<Site>,
    said: BTreeMap<&'d BookingId, &'d Selection>,
    known: BTreeMap<BookingId, Audience>,
}

impl Audiences<'_> {
    /// Whom a choice comes to.
    fn of(
        &self,
        selection: &Selection,
        within: &mut BTreeSet<BookingId>,
    ) -> Result<Audience, BookingError> {
        let Some(id) = &selection.same_as else {
            return selection.resolve(&self.sites, None);
        };
        if !within.insert(id.clone()) {
            return Err(BookingError::Invalid(format!(
                "audience.sameAs leads back to {id}: somebody must be named"
            )));
        }
        let same = match (self.said.get(id), self.known.get(id)) {
            (Some(said), _) => self.of(said, within)?,
            (None, Some(known)) => known.clone(),
            (None, None) => {
                return Err(BookingError::Invalid(format!(
                    "audience.sameAs names the booking {id}, which is neither here nor in the document"
                )));
            }
        };
        selection.resolve(&self.sites, Some(&same))
    }
}

impl Schedule<'_> {
    /// What is planned, as a document: whatever is neither over nor cancelled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document(&self) -> Result<BookingsDocument, Refusal> {
        let failed = |cause: StoreError| internal(&cause);
        let mut bookings = self.store.bookings().await.map_err(failed)?;
        bookings.retain(|booking| match booking.standing(self.now) {
            Standing::Draft | Standing::Published | Standing::Changed => true,
            Standing::Cancelled | Standing::Past => false,
        });
        let told: BTreeSet<_> = bookings.iter().map(|booking| booking.id.clone()).collect();
        let mut entries = Vec::with_capacity(bookings.len());
        for booking in &bookings {
            let Some(mut entry) = Entry::of(booking) else {
                continue;
            };
            // Of one that is not in the document there is what it comes to.
            let same = &mut entry.details.audience;
            if same.same_as.as_ref().is_some_and(|id| !told.contains(id)) {
                let codes = self.store.audience_codes(&booking.audience).await;
                *same = Selection {
                    codes: codes.map_err(failed)?.into_iter().collect(),
                    ..Selection::default()
                };
            }
            entries.push(entry);
        }
        Ok(BookingsDocument::of(entries))
    }

    /// What a document would change.
    ///
    /// # Errors
    /// When it is none, or the store fails. What is wrong with its entries is in the preview.
    pub async fn exchange(&self, document: &[u8]) -> Result<Exchange, Refusal> {
        let failed = |cause: StoreError| internal(&cause);
        let read = read(document)?;
        let sites = self.store.sites(&SiteFilter::default()).await;
        let mut audiences = Audiences {
            sites: sites.map_err(failed)?,
            said: BTreeMap::new(),
            known: BTreeMap::new(),
        };
        for (_, entry) in &read.entries {
            audiences.said.insert(&entry.id, &entry.details.audience);
        }
        for (_, entry) in &read.entries {
            let Some(id) = &entry.details.audience.same_as else {
                continue;
            };
            if !audiences.said.contains_key(id)
                && let Some(booking) = self.store.booking(id).await.map_err(failed)?
            {
                let audience = self.store.audience(&booking.audience).await;
                audiences
                    .known
                    .insert(id.clone(), audience.map_err(failed)?);
            }
        }
        let mut gathered = Gathered::new(read.errors);
        for (number, entry) in &read.entries {
            let audience = audiences.of(
                &entry.details.audience,
                &mut BTreeSet::from([entry.id.clone()]),
            );
            let known = self.store.booking(&entry.id).await.map_err(failed)?;
            let former = match &known {
                Some(_) => self.store.occurrences_of(&entry.id).await.map_err(failed)?,
                None => Vec::new(),
            };
            let change = known.as_ref().map(|known| Change {
                version: known.version,
                by: self.by,
                now: self.now,
                former: &former,
            });
            let planned = audience.and_then(|audience| {
                let update = match known.as_ref().zip(change) {
                    Some((known, change)) => known.as_entry(change, entry, &audience)?,
                    None => Some(Booking::of_entry(entry, &audience, (self.by, self.now))?),
                };
                Ok(update.map(|update| (update, audience)))
            });
            match planned {
                Ok(update) => gathered.take(*number, entry, known.as_ref(), update),
                Err(error) => gathered.errors.push(of_booking(*number, &entry.id, &error)),
            }
        }
        Ok(gathered.into())
    }

    /// Does what a document says, all of it or nothing: with a digest what the preview has shown.
    ///
    /// # Errors
    /// When something is wrong with it, it would do something else than was shown, somebody has changed one
    /// of the bookings meanwhile, or the store fails.
    pub async fn import(
        &self,
        exchange: Exchange,
        digest: Option<&str>,
    ) -> Result<(BookingsImported, Vec<Booking>), Refusal> {
        let Exchange {
            preview, updates, ..
        } = exchange;
        if let Some(refusal) = refusal(&preview.errors, preview.wrong) {
            return Err(refusal);
        }
        if digest.is_some_and(|digest| digest != preview.digest) {
            return Err(stale());
        }
        let bookings = updates.iter().map(|(update, _)| update.booking.clone());
        let bookings = bookings.collect();
        let kept = self.store.keep_bookings(updates).await;
        match kept.map_err(|cause| internal(&cause))? {
            Kept::Done => {}
            Kept::Stale => return Err(stale()),
        }
        let imported = BookingsImported {
            added: preview.added,
            changed: preview.changed,
            unchanged: preview.unchanged,
        };
        Ok((imported, bookings))
    }
}

fn stale() -> Refusal {
    Refusal::new(
        ErrorCode::PreviewStale,
        "the document, or what is booked, is not what the preview was made of: look at a new preview",
    )
}

/// Why nothing of a document is imported.
fn refusal(errors: &[EntryError], wrong: u32) -> Option<Refusal> {
    if errors.is_empty() {
        return None;
    }
    let named = errors.iter().take(NAMED).map(|error| {
        let id = error.id.as_ref();
        let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
        let field = error.field.as_ref();
        let field = field.map(|field| format!(", {field}")).unwrap_or_default();
        format!("entry {}{id}{field}: {}", error.entry, error.message)
    });
    let named: Vec<_> = named.collect();
    let more = wrong as usize - named.len().min(wrong as usize);
    let more = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!("nothing is imported: {}{more}", named.join("; "));
    Some(Refusal::new(ErrorCode::BadMessage, message))
}

/// What the entries come to so far.
struct Gathered {
    added: u32,
    changed: u32,
    unchanged: u32,
    publishes: bool,
    entries: Vec<PlannedEntry>,
    errors: Vec<EntryError>,
    updates: Vec<(Update, Audience)>,
    digest: Sha256,
}

impl Gathered {
    fn new(errors: Vec<EntryError>) -> Self {
        Self {
            added: 0,
            changed: 0,
            unchanged: 0,
            publishes: false,
            entries: Vec::new(),
            errors,
            updates: Vec::new(),
            digest: Sha256::new(),
        }
    }

    fn take(
        &mut self,
        number: u32,
        entry: &Entry,
        known: Option<&Booking>,
        update: Option<(Update, Audience)>,
    ) {
        let Some((update, audience)) = update else {
            self.unchanged += 1;
            return;
        };
        let was_published = known.is_some_and(|known| known.state == BookingState::Published);
        let publishes = entry.state == EntryState::Published && !was_published;
        // What is published goes on as it is changed: that needs no other right than any change of it.
        self.publishes |= publishes;
        let before = known.and_then(Entry::of);
        let mut fields = before.map_or_else(Vec::new, |before| entry.differs_in(&before));
        let invites_others = known.is_some_and(|known| known.audience != *audience.hash());
        if invites_others && !fields.iter().any(|field| field == "audience") {
            fields.push("audience".to_owned());
        }
        let does = if known.is_some() {
            self.changed += 1;
            EntryDoes::Changed
        } else {
            self.added += 1;
            EntryDoes::Added
        };
        // The times of a change are those of the import.
        let version = known.map_or(0, |known| known.version);
        let said = serde_json::to_vec(&(version, entry, audience.hash())).unwrap_or_default();
        self.digest.update(said);
        if self.entries.len() < TOLD {
            self.entries.push(PlannedEntry {
                entry: number,
                id: entry.id.clone(),
                title: entry.details.title.clone(),
                does,
                publishes,
                fields,
                invited: audience.count(),
            });
        }
        self.updates.push((update, audience));
    }
}

impl From<Gathered> for Exchange {
    fn from(gathered: Gathered) -> Self {
        let mut errors = gathered.errors;
        errors.sort_by_key(|error| error.entry);
        let wrong = u32::try_from(errors.len()).unwrap_or(u32::MAX);
        errors.truncate(TOLD);
        Self {
            preview: BookingsPreview {
                added: gathered.added,
                changed: gathered.changed,
                unchanged: gathered.unchanged,
                entries: gathered.entries,
                wrong,
                errors,
                digest: hex::encode(gathered.digest.finalize()),
            },
            publishes: gathered.publishes,
            updates: gathered.updates,
        }
    }
}
