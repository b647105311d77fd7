//! What is kept on disk: the event log, the sites, and which tokens were made and taken back.
//!
//! SQLite. The statements use `$1` and portable types, so that their texts would do for PostgreSQL;
//! the types around them are those of SQLite.

mod append;
mod attendance;
pub mod backup;
mod chain;
mod checks;
mod conferences;
mod damages;
mod error;
mod events;
mod expected;
mod heartbeat;
mod links;
mod log;
mod projection;
mod remove_site;
mod rows;
mod sites;
mod tokens;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::Notify;
use writer::Writer;

use crate::ids::ConferenceId;
use damages::Damages;

pub use chain::{ChainFault, Fault, Hash, Head, canonical};
pub use conferences::{ConferenceRow, ListedHead};
pub use error::StoreError;
pub use links::{LinkRow, Opened};
pub use remove_site::SiteRemoval;
pub use rows::StoredEvent;
pub use sites::{Consent, ImportFailure};
pub use tokens::{TokenFilter, TokenRow};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read at the same time. Writers take turns on one of their own.
const READERS: u32 = 4;

/// Rows that the thread of a reader fetches ahead. A log is read from end to end, and with fewer the
/// two threads would mostly wait for each other; an event has about 500 bytes.
const ROWS_AHEAD: usize = 1024;

/// How long a writer of another process (`dinh sites import` beside a running server) may keep us
/// waiting before it is an error. Higher: fewer requests are refused beside a slow neighbour. Lower:
/// they learn sooner that it is not their fault, and a conference stands still for less.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// What each connection keeps in memory of the file, in KiB, which the system keeps as well. Higher:
/// fewer calls to the system. Lower: less memory that grows until all connections have filled it.
const PAGE_CACHE: u32 = 512;

/// How the database of a server is opened.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // Negative: a size instead of a number of pages.
        .pragma("cache_size", format!("-{PAGE_CACHE}"))
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit is on the disk before it is acknowledged, so that neither kill -9 nor a
        // power cut takes back what participants were already told. NORMAL would survive the former
        // only. The price is one fsync per batch of events, not per event.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    reader: SqlitePool,
    writer: Writer,
    damages: Damages,
    /// Where each log ended when it was signed last.
    signed: Arc<RwLock<BTreeMap<ConferenceId, Head>>>,
    /// A conference has ended.
    ended: Arc<Notify>,
}

impl Store {
    /// Opens the database file, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = options(path).create_if_missing(true);
        let opened = |error| StoreError::open(path, error);
        let mut first = SqliteConnection::connect_with(&options)
            .await
            .map_err(opened)?;
        let migrated = MIGRATIONS.run(&mut first).await;
        migrated.map_err(|error| StoreError::Migrate(Arc::new(error)))?;
        first.close().await?;
        Self::connect(path, options).await
    }

    /// Opens a database that another process uses: its schema is left alone.
    ///
    /// # Errors
    /// When the file cannot be used, or the other process is of another version.
    pub async fn open_beside(path: &Path) -> Result<Self, StoreError> {
        let store = Self::connect(path, options(path)).await?;
        let version: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&store.reader)
            .await?;
        if version == MIGRATIONS.iter().map(|migration| migration.version).max() {
            Ok(store)
        } else {
            Err(StoreError::OtherVersion(path.to_owned()))
        }
    }

    /// Opens a copy that nobody uses, to read it: nothing in it or beside it changes.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .immutable(true)
            .read_only(true);
        Self::connect(path, options).await
    }

    async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let writer = Writer::new(options.clone());
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).row_buffer_size(ROWS_AHEAD))
            .await
            .map_err(|error| StoreError::open(path, error))?;
        Ok(Self {
            reader,
            writer,
            damages: Damages::default(),
            signed: Arc::default(),
            ended: Arc::default(),
        })
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

    /// Copies the whole database, as it is at this moment, into a file that is empty or not there.
    /// Meanwhile it is read and written to as ever.
    ///
    /// # Errors
    /// When the database, or the disk, fails.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let path = path
            .to_str()
            .ok_or_else(|| StoreError::Unreadable(format!("{} is not UTF-8", path.display())))?;
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&self.reader)
            .await?;
        Ok(())
    }

    /// Stores something that means nothing. When that goes well anything can be stored, and it is
    /// certain what the last commit that failed has come to: from now on a reader sees it, or it has
    /// not happened and never will, because its place in SQLite's write-ahead log is taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fence(&self) -> Result<(), StoreError> {
        self.writer
            .write(|connection| {
                Box::pin(async {
                    sqlx::query("UPDATE fence SET number = number + 1 WHERE id = 1")
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// How many transactions the database has failed.
    pub fn failures(&self) -> u64 {
        self.writer.failures()
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
