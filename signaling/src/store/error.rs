//! What can go wrong with the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::ConferenceId;
use crate::store::chain::ChainFault;

/// Primary result codes of SQLite (<https://sqlite.org/rescode.html>).
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

/// Why something was not read or written. Everybody whose work was in a transaction that failed gets
/// the same reason.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be used.
    #[error("cannot open the database {}: {source}{}", path.display(), advice(source.as_ref()))]
    Open {
        /// Of the database.
        path: PathBuf,
        /// SQLite's reason.
        source: Arc<sqlx::Error>,
    },
    /// The schema cannot be brought up to date.
    #[error(
        "cannot bring the database up to date (a newer dinh may have written it): {0}{advice}",
        advice = advice(.0.as_ref())
    )]
    Migrate(#[source] Arc<sqlx::migrate::MigrateError>),
    /// The database is in use by a server of another version.
    #[error(
        "the server that uses {} is of another version: use the `dinh` of that version, or stop it",
        .0.display()
    )]
    OtherVersion(PathBuf),
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
    /// The database failed; nothing has changed.
    #[error("the database failed: {0}{advice}", advice = advice(.0.as_ref()))]
    Database(#[source] Arc<sqlx::Error>),
    /// The database failed at the last moment: a restart may find it done, or not.
    #[error("the database failed while it committed, and may have done so: {0}")]
    OutcomeUnknown(#[source] Arc<sqlx::Error>),
}

impl StoreError {
    pub(super) fn open(path: &Path, source: sqlx::Error) -> Self {
        Self::Open {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    /// For a COMMIT that failed.
    pub(super) fn of_commit(cause: sqlx::Error) -> Self {
        match primary_code(&cause) {
            Some(code::FULL | code::BUSY) => cause.into(),
            _ => Self::OutcomeUnknown(Arc::new(cause)),
        }
    }

    /// Whether it may have been stored nevertheless.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }

    /// Whether the disk or SQLite is to blame, not what was asked.
    pub(super) const fn is_of_the_database(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Migrate(_) | Self::Database(_) | Self::OutcomeUnknown(_) => {
                true
            }
            Self::OtherVersion(_)
            | Self::Conflict { .. }
            | Self::Broken(_)
            | Self::Unreadable(_) => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(cause: sqlx::Error) -> Self {
        Self::Database(Arc::new(cause))
    }
}

/// Whether SQLite found something that it has not written.
pub(super) fn is_damage(cause: &sqlx::Error) -> bool {
    matches!(
        primary_code(cause),
        Some(code::CORRUPT | code::NOT_A_DATABASE)
    )
}

/// What to do about an error that is of damage, behind its words; nothing about another one.
fn advice(cause: &(dyn std::error::Error + 'static)) -> &'static str {
    let causes = std::iter::successors(Some(cause), |cause| cause.source());
    let is_of_damage = causes
        .filter_map(|cause| cause.downcast_ref::<sqlx::Error>())
        .any(is_damage);
    if is_of_damage {
        "; the file is damaged: `dinh restore FILE --replace` puts it aside and a backup in its place"
    } else {
        ""
    }
}

/// The low byte of a result code says what kind of error it is.
fn primary_code(cause: &sqlx::Error) -> Option<u32> {
    let code = cause.as_database_error()?.code()?;
    Some(code.parse::<u32>().ok()? & 0xff)
}
