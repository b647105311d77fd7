//! A database on a PostgreSQL server, which may be elsewhere, and may be away for a while.
//!
//! The server that has it holds a lock of its session for as long as its connection for writing lives
//! (an advisory lock, which PostgreSQL gives back when the session ends), and has a number that each
//! server raises when it takes the lock. A connection that is opened anew takes the lock first, and
//! writes only if the number is still that of its server: so whoever has lost the lock to somebody else
//! writes nothing any more, whatever it believes and whatever its clock says.

use std::future::Future;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, Postgres, Row as _, Transaction};
use tokio::time::{Instant, sleep, timeout};

use crate::store::READERS;
use crate::store::error::StoreError;
use crate::store::location::Location;

/// Whoever runs them has the lock of the schema; that of the driver would be one for the whole database.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("migrations/postgres");
    migrations.set_locking(false);
    migrations
});

/// One writes at a time, as in a file. Whoever was cut off while it committed is waited for as well, so
/// that what follows knows what has come of it.
pub(super) const BEGIN: &str = "BEGIN; LOCK TABLE fence IN EXCLUSIVE MODE";

/// In a transaction that has failed unnoticed, COMMIT would be a ROLLBACK that goes well; nothing else
/// does.
pub(super) const COMMIT: &str = "SELECT 1; COMMIT";

/// Nothing that is written meanwhile is seen.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Longest that PostgreSQL may think about one statement, or be silent within its answer. Higher: a
/// slower one is still used. Lower: one that does not answer at all is given up sooner.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long PostgreSQL may be away, or somebody else may write, before it is an error. The same as for
/// a file, and for the same reasons.
const AWAY: Duration = Duration::from_secs(3);

/// How often it is tried meanwhile.
const RETRY: Duration = Duration::from_millis(100);

/// How long a server that starts waits for the one before it.
const HANDOVER: Duration = Duration::from_secs(2);

/// What each session is asked for: an end to waiting for others, and to sessions whose other side has
/// gone without a word, because they hold locks. In milliseconds, and for TCP in seconds.
const SESSION: [(&str, &str); 6] = [
    ("lock_timeout", "3000"),
    ("idle_in_transaction_session_timeout", "15000"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "2"),
    ("tcp_user_timeout", "15000"),
];

/// How long a command waits for the server beside it, a little less than [`PATIENCE`]: in milliseconds.
const LOCK_TIMEOUT_BESIDE: (&str, &str) = ("lock_timeout", "9000");

/// A commit is on the disk before it is acknowledged, whatever the server is set to.
const FLUSH: &str = "SELECT set_config('synchronous_commit', 'on', false) \
                     WHERE current_setting('synchronous_commit') = 'off'";

/// The lock of the server that has a database: one for each schema.
const TRY_LOCK: &str =
    "SELECT pg_try_advisory_lock(hashtext('dinh'), hashtext(current_schema())) AS is_locked";

/// The same, for whoever has it and has lost its connection.
const LOCK: &str = "SELECT pg_advisory_lock(hashtext('dinh'), hashtext(current_schema()))";

/// How one is reached, and the number of the server that has the database, if this process is one.
#[derive(Clone, Debug)]
pub(in crate::store) struct Server {
    options: PgConnectOptions,
    lease: Option<i64>,
}

impl Server {
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let options = options.clone().application_name("dinh").options(SESSION);
        Self {
            options,
            lease: None,
        }
    }

    /// For a command beside a server.
    pub(super) fn beside(options: &PgConnectOptions) -> Self {
        let server = Self::new(options);
        let options = server.options.options([LOCK_TIMEOUT_BESIDE]);
        Self {
            options,
            lease: None,
        }
    }

    /// Brings the schema up to date, unless a server uses it.
    pub(super) async fn migrate(&self, location: &Location) -> Result<(), StoreError> {
        let opened = |cause| StoreError::open(location, cause);
        let mut session = self.session().await.map_err(opened)?;
        if try_lock(&mut session).await? {
            migrate(&mut session).await?;
        }
        Ok(patiently(session.close()).await?)
    }

    /// Takes the database for this process. Everybody else's connection is worth nothing from now on.
    pub(super) async fn claim(
        &mut self,
        location: &Location,
        holder: &str,
    ) -> Result<PgConnection, StoreError> {
        let opened = |cause| StoreError::open(location, cause);
        let mut session = self.session().await.map_err(opened)?;
        let begun = Instant::now();
        while !try_lock(&mut session).await? {
            if begun.elapsed() > HANDOVER {
                return Err(StoreError::InUse {
                    place: location.to_string(),
                    holder: holder_of(&mut session).await,
                });
            }
            sleep(RETRY).await;
        }
        migrate(&mut session).await?;
        let taken = sqlx::query(
            "UPDATE lease SET number = number + 1, holder = $1 WHERE id = 1 RETURNING number",
        )
        .bind(holder)
        .fetch_one(&mut session);
        self.lease = Some(patiently(taken).await?.try_get("number")?);
        Ok(session)
    }

    /// A connection to write; for whoever has the database, with its lock.
    pub(super) async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut session = self.session().await?;
        let Some(lease) = self.lease else {
            return Ok(session);
        };
        // Whoever has replaced this one keeps the lock: it would be waited for in vain, again and again.
        require(&mut session, lease).await?;
        patiently(sqlx::query(LOCK).execute(&mut session)).await?;
        require(&mut session, lease).await?;
        Ok(session)
    }

    pub(super) async fn readers(&self) -> Result<PgPool, sqlx::Error> {
        let options = self.options.clone();
        PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_with(options.options([("default_transaction_read_only", "on")]))
            .await
    }

    /// A new session. One that is refused because PostgreSQL is just not there is asked for again.
    async fn session(&self) -> Result<PgConnection, sqlx::Error> {
        let begun = Instant::now();
        let mut session = loop {
            match patiently(PgConnection::connect_with(&self.options)).await {
                Err(cause) if is_away(&cause) && begun.elapsed() < AWAY => sleep(RETRY).await,
                done => break done?,
            }
        };
        patiently(sqlx::query(FLUSH).execute(&mut session)).await?;
        Ok(session)
    }
}

/// Passes the server that took the database last.
async fn require(session: &mut PgConnection, lease: i64) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT number, holder FROM lease WHERE id = 1");
    let row = patiently(row.fetch_one(session)).await?;
    if row.try_get::<i64, _>("number")? == lease {
        return Ok(());
    }
    Err(StoreError::TakenOver(row.try_get("holder")?))
}

async fn try_lock(session: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let row = patiently(sqlx::query(TRY_LOCK).fetch_one(session)).await?;
    row.try_get("is_locked")
}

async fn migrate(session: &mut PgConnection) -> Result<(), StoreError> {
    let migrated = MIGRATIONS.run(session).await;
    migrated.map_err(|error| StoreError::Migrate(Arc::new(error)))
}

/// Who has the database, as far as it has said.
async fn holder_of(session: &mut PgConnection) -> String {
    let row = sqlx::query("SELECT holder FROM lease WHERE id = 1").fetch_one(session);
    let holder = patiently(row).await.and_then(|row| row.try_get("holder"));
    holder.unwrap_or_else(|_| "which does not say what it is".to_owned())
}

pub(super) async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    patiently(pool.begin_with(SNAPSHOT)).await
}

/// Waits for PostgreSQL, but not for ever: the network between may swallow everything.
pub(super) async fn patiently<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
        let silent = format!("PostgreSQL was silent for {} s", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, silent).into())
    })
}

/// Whether PostgreSQL has answered: then its session is as good as before.
pub(super) fn is_answer(cause: &StoreError) -> bool {
    match cause {
        StoreError::Database(cause) => cause
            .as_database_error()
            .is_some_and(|error| !error.code().is_some_and(|code| code.starts_with("57P"))),
        StoreError::Conflict { .. } | StoreError::Broken(_) | StoreError::Unreadable(_) => true,
        StoreError::Open { .. }
        | StoreError::Migrate(_)
        | StoreError::OtherVersion(_)
        | StoreError::InUse { .. }
        | StoreError::NoFile
        | StoreError::TakenOver(_)
        | StoreError::OutcomeUnknown(_) => false,
    }
}

/// Whether it may be there again in a moment: it does not listen, starts, stops, or has no room.
fn is_away(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotFound
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::BrokenPipe
        ),
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["57P01", "57P02", "57P03", "53300"].contains(&&*code)),
        _ => false,
    }
}

/// Whether it has found pages or indices that it has not written.
pub(super) fn is_damage(cause: &sqlx::Error) -> bool {
    let code = cause.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["XX001", "XX002"].contains(&&*code))
}

#[cfg(test)]
mod tests;
