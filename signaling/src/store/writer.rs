//! The one way to write.
//!
//! A transaction owns its connection and gives it back only when it was committed. After anything
//! else, an error as well as a caller that stopped waiting, the connection is closed and the next
//! transaction opens another one: what a failed one has left in a connection, in the driver's idea
//! of it or in SQLite, harms nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::Mutex;
use tracing::{error, info};

use super::error::StoreError;

/// Where transactions take turns. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteConnectOptions,
    /// Waiting for it is waiting for one's turn; the order is that of asking.
    turn: Mutex<Turn>,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Turn {
    /// The connection of the last transaction that went well.
    idle: Option<SqliteConnection>,
    /// How many have failed since.
    failed: u64,
    is_closed: bool,
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            turn: Mutex::default(),
            failures: AtomicU64::new(0),
        }))
    }

    /// Carries out `work` in a transaction, all of it or nothing. `work` gets the connection and
    /// gives it back.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when it may have happened nevertheless; otherwise it has not.
    pub(super) async fn write<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        W: FnOnce(SqliteConnection) -> F,
        F: Future<Output = Result<(SqliteConnection, T), StoreError>>,
    {
        let mut turn = self.0.turn.lock().await;
        let idle = turn.idle.take();
        if turn.is_closed {
            return Err(sqlx::Error::PoolClosed.into());
        }
        let done = self.transact(idle, work).await;
        turn.failed = self.judge(turn.failed, done.as_ref().err());
        let (connection, value) = done?;
        turn.idle = Some(connection);
        Ok(value)
    }

    /// Counts failures, and says once that they begin and that they are over. Returns how many there
    /// are now in a row.
    fn judge(&self, failed: u64, error: Option<&StoreError>) -> u64 {
        match error {
            None if failed > 0 => {
                info!(failed, "the database stores again");
                0
            }
            Some(cause) if cause.is_of_the_database() => {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
                if failed == 0 {
                    error!(%cause, "the database does not store");
                }
                failed + 1
            }
            None | Some(_) => failed,
        }
    }

    async fn transact<T, W, F>(
        &self,
        idle: Option<SqliteConnection>,
        work: W,
    ) -> Result<(SqliteConnection, T), StoreError>
    where
        W: FnOnce(SqliteConnection) -> F,
        F: Future<Output = Result<(SqliteConnection, T), StoreError>>,
    {
        let mut connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.0.options).await?,
        };
        // Not `begin_with`: the driver would count transactions of its own.
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await?;
        let (mut connection, value) = work(connection).await?;
        sqlx::query("COMMIT")
            .execute(&mut connection)
            .await
            .map_err(StoreError::of_commit)?;
        Ok((connection, value))
    }

    /// How many transactions the database has failed.
    pub(super) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Waits for what is under way; from then on everything is an error.
    pub(super) async fn close(&self) {
        let mut turn = self.0.turn.lock().await;
        turn.is_closed = true;
        if let Some(connection) = turn.idle.take()
            && let Err(cause) = connection.close().await
        {
            error!(%cause, "the database was not closed well");
        }
    }
}
