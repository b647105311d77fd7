//! What can go wrong with the store.

use std::sync::Arc;

use super::backend::{advice, is_nothing_written};
use super::chain::ChainFault;
use super::location::Location;
use crate::ids::ConferenceId;

/// Why something was not read or written. Everybody whose work was in a transaction that failed gets
/// the same reason.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be used.
    #[error("cannot open the database {place}: {source}{}", advice(source.as_ref()))]
    Open {
        /// Where it is.
        place: String,
        /// The reason.
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
        "the server that uses {0} is of another version: use the `dinh` of that version, or stop it"
    )]
    OtherVersion(String),
    /// Another server has the database.
    #[error(
        "the database {place} is in use by another dinh ({holder}): stop that one first, or give this \
         one a database of its own"
    )]
    InUse {
        /// Where it is.
        place: String,
        /// Who has it, as it has said.
        holder: String,
    },
    /// Another server has taken the database while this one could not reach it.
    #[error("another dinh ({0}) has taken the database: this one writes nothing any more")]
    TakenOver(String),
    /// It is on a server, which has ways of its own to be copied.
    #[error("the database is on a PostgreSQL server: copy it with `pg_dump`")]
    NoFile,
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
    pub(super) fn open(location: &Location, source: sqlx::Error) -> Self {
        Self::Open {
            place: location.to_string(),
            source: Arc::new(source),
        }
    }

    /// For a COMMIT that failed.
    pub(super) fn of_commit(cause: sqlx::Error) -> Self {
        if is_nothing_written(&cause) {
            cause.into()
        } else {
            Self::OutcomeUnknown(Arc::new(cause))
        }
    }

    /// Whether it may have been stored nevertheless.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }

    /// Whether the disk or the database is to blame, not what was asked.
    pub(super) const fn is_of_the_database(&self) -> bool {
        match self {
            Self::Open { .. }
            | Self::Migrate(_)
            | Self::TakenOver(_)
            | Self::Database(_)
            | Self::OutcomeUnknown(_) => true,
            Self::OtherVersion(_)
            | Self::InUse { .. }
            | Self::NoFile
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::internal;
    use crate::refusal::ErrorCode;

    #[test]
    fn of_a_commit_that_may_have_happened_nobody_is_told_that_it_has_not() {
        let lost = StoreError::of_commit(sqlx::Error::PoolClosed);
        assert_eq!(internal(&lost).code, ErrorCode::OutcomeUnknown);
        let failed = StoreError::from(sqlx::Error::PoolClosed);
        assert_eq!(internal(&failed).code, ErrorCode::Internal);
    }
}
