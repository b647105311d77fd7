//! A database in a file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection};

use crate::store::READERS;
use crate::store::error::StoreError;
use crate::store::location::Location;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Takes the one place in which something can be written.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// Rows that the thread of a reader fetches ahead. A log is read from end to end, and with fewer the
/// two threads would mostly wait for each other; an event has about 500 bytes.
const ROWS_AHEAD: usize = 1024;

/// How long a writer of another process (`dinh sites import` beside a running server) may keep us
/// waiting before it is an error. Higher: fewer requests are refused beside a slow neighbour. Lower:
/// they learn sooner that it is not their fault, and a conference stands still for less.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a command waits for the server beside it. Higher: it stands longer beside one that hangs.
/// Lower: it fails while a large directory is imported.
const BUSY_TIMEOUT_BESIDE: Duration = Duration::from_secs(30);

/// What each connection keeps in memory of the file, in KiB, which the system keeps as well. Higher:
/// fewer calls to the system. Lower: less memory that grows until all connections have filled it.
const PAGE_CACHE: u32 = 512;

/// Primary result codes (<https://sqlite.org/rescode.html>).
mod code {
    /// Another process holds the database: a commit that ends so has written nothing.
    pub(super) const BUSY: u32 = 5;
    /// The disk is full: a commit that ends so has not written its last page.
    pub(super) const FULL: u32 = 13;
    /// A page that cannot be one of SQLite's own.
    pub(super) const CORRUPT: u32 = 11;
    /// A file that is no database.
    pub(super) const NOT_A_DATABASE: u32 = 26;
}

/// How the database of a server is opened.
pub(in crate::store) fn options(path: &Path) -> SqliteConnectOptions {
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

/// How it is opened beside that server.
pub(in crate::store) fn options_beside(path: &Path) -> SqliteConnectOptions {
    options(path).busy_timeout(BUSY_TIMEOUT_BESIDE)
}

/// How a copy that nobody uses is opened, to read it: nothing in it or beside it changes.
pub(in crate::store) fn copy_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .immutable(true)
        .read_only(true)
}

/// Makes the file if there is none, and brings its schema up to date.
pub(super) async fn migrate(
    options: &SqliteConnectOptions,
    location: &Location,
) -> Result<(), StoreError> {
    let options = options.clone().create_if_missing(true);
    let opened = |error| StoreError::open(location, error);
    let mut first = SqliteConnection::connect_with(&options)
        .await
        .map_err(opened)?;
    let migrated = MIGRATIONS.run(&mut first).await;
    migrated.map_err(|error| StoreError::Migrate(Arc::new(error)))?;
    Ok(first.close().await?)
}

pub(super) async fn readers(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let options = options.clone().read_only(true).row_buffer_size(ROWS_AHEAD);
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options)
        .await
}

pub(super) async fn snapshot(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    // The transaction ends with its connection, whatever becomes of whoever reads.
    connection.close_on_drop();
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    Ok(connection)
}

pub(super) fn is_damage(cause: &sqlx::Error) -> bool {
    matches!(
        primary_code(cause),
        Some(code::CORRUPT | code::NOT_A_DATABASE)
    )
}

pub(super) fn is_nothing_written(cause: &sqlx::Error) -> bool {
    matches!(primary_code(cause), Some(code::FULL | code::BUSY))
}

/// The low byte of a result code says what kind of error it is.
fn primary_code(cause: &sqlx::Error) -> Option<u32> {
    let error = cause.as_database_error()?;
    error.try_downcast_ref::<SqliteError>()?;
    Some(error.code()?.parse::<u32>().ok()? & 0xff)
}
