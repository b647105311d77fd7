//! What can go wrong with the store.

use std::path::PathBuf;

use crate::ids::ConferenceId;
use crate::store::chain::ChainFault;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be used.
    #[error("cannot open the database {path}: {source}")]
    Open {
        /// Of the database.
        path: PathBuf,
        /// SQLite's reason.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database up to date (a newer dinh may have written it): {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Somebody else has appended to the same conference.
    #[error("conference {conference} is at event {head}, so event {seq} cannot follow")]
    Conflict {
        /// Which.
        conference: ConferenceId,
        /// Where the log is.
        head: u64,
        /// What should have been appended.
        seq: u64,
    },
    /// The log was tampered with, or the disk has lost something.
    #[error(transparent)]
    Broken(#[from] ChainFault),
    /// A row that this program did not write.
    #[error("the database holds something unreadable: {0}")]
    Unreadable(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}
