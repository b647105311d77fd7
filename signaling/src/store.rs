//! What is kept on disk: the event log, the sites and the revoked tokens.
//!
//! SQLite. The statements use `$1` and portable types, so that their texts would do for PostgreSQL;
//! the types around them are those of SQLite.

mod chain;
mod error;
mod events;
mod heartbeat;
mod log;
mod sites;
mod tokens;
mod writer;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};
use writer::Writer;

pub use chain::{ChainFault, Fault, Hash};
pub use error::StoreError;
pub use events::{ConferenceRow, Verified};
pub use log::StoredEvent;
pub use sites::ImportFailure;

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

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    reader: SqlitePool,
    writer: Writer,
}

impl Store {
    /// Opens the database file, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit is on the disk before it is acknowledged, so that neither kill -9 nor
            // a power cut takes back what participants were already told. NORMAL would survive the
            // former only. The price is one fsync per batch of events, not per event.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let opened = |error| StoreError::Open {
            path: path.to_owned(),
            source: error,
        };
        let mut first = SqliteConnection::connect_with(&options)
            .await
            .map_err(opened)?;
        let migrated = MIGRATIONS.run(&mut first).await;
        migrated.map_err(StoreError::Migrate)?;
        first.close().await?;
        let writer = Writer::new(options.clone());
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).row_buffer_size(ROWS_AHEAD))
            .await
            .map_err(opened)?;
        Ok(Self { reader, writer })
    }

    /// Stores something that means nothing. When that goes well anything can be stored, and it is
    /// certain what the last commit that failed has come to: from now on a reader sees it, or it has
    /// not happened and never will, because its place in SQLite's write-ahead log is taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fence(&self) -> Result<(), StoreError> {
        self.writer
            .write(|mut connection| async move {
                sqlx::query("UPDATE fence SET number = number + 1 WHERE id = 1")
                    .execute(&mut connection)
                    .await?;
                Ok((connection, ()))
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
