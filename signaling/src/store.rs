//! What is kept on disk: the event log, the sites, what is booked, and which tokens were made and taken back.
//!
//! In a file, by SQLite, or on a PostgreSQL server. Each statement has one text, which does for both;
//! what they do not share is in `backend`.

mod accounts;
mod acts;
mod administrators;
mod append;
mod attendance;
mod audiences;
mod backend;
pub mod backup;
mod booked;
mod bookings;
mod chain;
mod checks;
mod conferences;
mod damages;
mod error;
mod events;
mod expected;
mod followed;
mod glance;
mod heartbeat;
mod invitations;
mod journal;
mod letters;
mod links;
mod location;
mod log;
mod logins;
mod mail;
mod occurrences;
mod projection;
mod provided;
mod remove_site;
mod rows;
mod sites;
mod tokens;
mod webhooks;
mod welcomes;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Notify, watch};
use writer::Writer;

use crate::ids::ConferenceId;
use backend::{Backend, Connection, Pool, query};
use damages::Damages;

pub use accounts::{AccountFilter, Changed, Credentials};
pub use acts::ActFilter;
pub use administrators::Administrators;
pub use booked::Booked;
pub use bookings::Kept;
pub use chain::{ChainFault, Fault, Hash, Head, canonical};
pub use conferences::{ConferenceRow, ListedHead};
pub use error::StoreError;
pub use followed::{Followed, Outdated};
pub use glance::{DayCount, FormerBooking};
pub use invitations::{
    AT_ONCE, Addressed, Addressee, Entered, EnteredBy, InvitationFilter, InvitationRow, Invited,
    Newest, Reissued, Sending, Sent, Tally,
};
pub use journal::{JournalEntry, JournalPage};
pub use letters::{EditedLetter, LetterChanged};
pub use links::{LinkRow, Opened};
pub use location::Location;
pub use logins::LoginFilter;
pub use mail::{MailFinished, MailRow, MailState, NewMail, Queued, QueuedMail};
pub use occurrences::{OccurrenceFilter, OccurrenceRow};
pub use provided::Provided;
pub use remove_site::SiteRemoval;
pub use rows::StoredEvent;
pub use sites::{Consent, ImportFailure, SiteGroup};
pub use tokens::{TokenFilter, TokenRow};
pub use webhooks::{
    Attempted, Delivery, DeliveryState, NewDelivery, Webhook, WebhookAdded, WebhookFilter,
};
pub use welcomes::{WelcomeFor, Welcomed};

/// Connections that read at the same time. Writers take turns on one of their own.
const READERS: u32 = 4;

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    reader: Pool,
    writer: Writer,
    damages: Damages,
    /// Where each log ended when it was signed last.
    signed: Arc<RwLock<BTreeMap<ConferenceId, Head>>>,
    /// A conference has ended.
    ended: Arc<Notify>,
    /// A booking has changed.
    bookings_changed: Arc<Notify>,
    /// Something was written into the journal.
    journal: watch::Sender<()>,
}

impl Store {
    /// Opens a database, makes it if it is a file that is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be used, or was written by a newer version.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let backend = Backend::at(location);
        Box::pin(backend.migrate(location)).await?;
        let store = Self::connect(location, backend, None).await?;
        store.check_version(location).await?;
        Ok(store)
    }

    /// As [`open`](Self::open), for the one server that has it from now on. Others are told `holder` when
    /// they want it too.
    ///
    /// # Errors
    /// Also when another server has it, as far as that is for the database to say: whoever serves what is
    /// in a file has locked its directory.
    pub async fn serve(location: &Location, holder: &str) -> Result<Self, StoreError> {
        let mut backend = Backend::at(location);
        let first = Box::pin(backend.claim(location, holder)).await?;
        Self::connect(location, backend, first).await
    }

    /// Opens a database that another process uses: its schema is left alone, and it is waited for while it
    /// writes something long.
    ///
    /// # Errors
    /// When it cannot be used, or the other process is of another version.
    pub async fn open_beside(location: &Location) -> Result<Self, StoreError> {
        let store = Self::connect(location, Backend::beside(location), None).await?;
        store.check_version(location).await?;
        Ok(store)
    }

    /// Opens a copy that nobody uses, to read it: nothing in it or beside it changes.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let backend = Backend::Sqlite(backend::sqlite::copy_options(path));
        Self::connect(&Location::File(path.to_owned()), backend, None).await
    }

    async fn connect(
        location: &Location,
        backend: Backend,
        first: Option<Connection>,
    ) -> Result<Self, StoreError> {
        let reader = Box::pin(backend.readers()).await;
        Ok(Self {
            reader: reader.map_err(|error| StoreError::open(location, error))?,
            writer: Writer::new(backend, first),
            damages: Damages::default(),
            signed: Arc::default(),
            ended: Arc::default(),
            bookings_changed: Arc::default(),
            journal: watch::Sender::new(()),
        })
    }

    async fn check_version(&self, location: &Location) -> Result<(), StoreError> {
        if self.reader.version().await? == self.writer.version() {
            Ok(())
        } else {
            Err(StoreError::OtherVersion(location.to_string()))
        }
    }

    /// Says where logs ended when they were signed: from now on they are compared with it.
    pub fn compare_with(&self, signed: BTreeMap<ConferenceId, Head>) {
        *self.signed.write().unwrap_or_else(PoisonError::into_inner) = signed;
    }

    fn signed_head(&self, conference: &ConferenceId) -> Option<Head> {
        let signed = self.signed.read().unwrap_or_else(PoisonError::into_inner);
        signed.get(conference).copied()
    }

    /// The first event of a conference that is known not to be trusted.
    pub fn damage(&self, conference: &ConferenceId) -> Option<ChainFault> {
        self.damages.of(conference)
    }

    /// How many conferences are known to be damaged.
    pub fn damaged(&self) -> usize {
        self.damages.count()
    }

    /// Waits until a conference ends.
    pub async fn conference_ended(&self) {
        self.ended.notified().await;
    }

    /// Stores something that means nothing. When that goes well anything can be stored, and it is
    /// certain what the last commit that failed has come to: from now on a reader sees it, or it has
    /// not happened and never will, because its place in SQLite's write-ahead log is taken, or
    /// PostgreSQL has ended its session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fence(&self) -> Result<(), StoreError> {
        self.writer
            .write(|connection| {
                Box::pin(async {
                    query("UPDATE fence SET number = number + 1 WHERE id = 1")
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Waits until another server has taken the database: then nothing is written here any more.
    pub async fn taken_over(&self) {
        self.writer.taken_over().await;
    }

    /// How many transactions the database has failed.
    pub fn failures(&self) -> u64 {
        self.writer.failures()
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
