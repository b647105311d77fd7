//! The edge to the databases: one text of a statement does for each of them, and nothing above it knows
//! which one is there.

mod in_turn;
pub(super) mod postgres;
mod query;
pub(super) mod sqlite;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Connection as _, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

pub(super) use query::{On, Query, ROWS_PER_INSERT, Row, query};

use super::error::StoreError;
use super::location::Location;

/// What is run in each database once, to make it what this version expects.
const VERSION: &str = "SELECT MAX(version) AS version FROM _sqlx_migrations";

/// A kind of database, and how one of them is opened.
#[derive(Clone, Debug)]
pub(super) enum Backend {
    Sqlite(SqliteConnectOptions),
    Postgres(postgres::Server),
}

/// Where one transaction after the other writes.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Connections that only read.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The database as it is at one moment, for as long as this lives.
#[derive(Debug)]
pub(super) enum Snapshot {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Backend {
    pub(super) fn at(location: &Location) -> Self {
        match location {
            Location::File(path) => Self::Sqlite(sqlite::options(path)),
            Location::Server(options) => Self::Postgres(postgres::Server::new(options)),
        }
    }

    /// For a command beside a server: nobody waits for it, so it waits for the server.
    pub(super) fn beside(location: &Location) -> Self {
        match location {
            Location::File(path) => Self::Sqlite(sqlite::options_beside(path)),
            Location::Server(options) => Self::Postgres(postgres::Server::beside(options)),
        }
    }

    /// Makes a database that is not there, as far as it can be made, and brings its schema up to date,
    /// unless a server is known to use it.
    pub(super) async fn migrate(&self, location: &Location) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::migrate(options, location).await,
            Self::Postgres(server) => server.migrate(location).await,
        }
    }

    /// Keeps other servers out of a database that has nothing else to keep them out, and brings its
    /// schema up to date. The connection, if there is one, is that of the writer.
    pub(super) async fn claim(
        &mut self,
        location: &Location,
        holder: &str,
    ) -> Result<Option<Connection>, StoreError> {
        match self {
            // Whoever serves has locked the directory in which it is.
            Self::Sqlite(options) => sqlite::migrate(options, location).await.map(|()| None),
            Self::Postgres(server) => {
                let connection = server.claim(location, holder).await?;
                Ok(Some(Connection::Postgres(connection)))
            }
        }
    }

    /// The last migration that this version knows.
    pub(super) fn version(&self) -> Option<i64> {
        let migrations = match self {
            Self::Sqlite(_) => &sqlite::MIGRATIONS,
            Self::Postgres(_) => &postgres::MIGRATIONS,
        };
        migrations.iter().map(|migration| migration.version).max()
    }

    /// A connection to write.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(options) => {
                let connection = SqliteConnection::connect_with(options).await?;
                Ok(Connection::Sqlite(connection))
            }
            Self::Postgres(server) => server.connect().await.map(Connection::Postgres),
        }
    }

    /// Connections to read.
    pub(super) async fn readers(&self) -> Result<Pool, sqlx::Error> {
        match self {
            Self::Sqlite(options) => sqlite::readers(options).await.map(Pool::Sqlite),
            Self::Postgres(server) => server.readers().await.map(Pool::Postgres),
        }
    }
}

impl Connection {
    /// Begins a transaction beside which nobody else writes.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        // Not `begin_with`: the driver would count transactions of its own.
        self.run(match self {
            Self::Sqlite(_) => sqlite::BEGIN,
            Self::Postgres(_) => postgres::BEGIN,
        })
        .await
    }

    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        let statement = match self {
            Self::Sqlite(_) => "COMMIT",
            Self::Postgres(_) => postgres::COMMIT,
        };
        self.run(statement).await.map_err(StoreError::of_commit)
    }

    /// Statements without values.
    pub(super) async fn run(&mut self, statements: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                sqlx::raw_sql(statements).execute(connection).await?;
            }
            Self::Postgres(connection) => {
                let done = sqlx::raw_sql(statements).execute(connection);
                postgres::patiently(done).await?;
            }
        }
        Ok(())
    }

    /// Whether a transaction may follow one of which a job was undone for this reason: what SQLite or its
    /// driver has kept of it is not known.
    pub(super) fn is_sound_after(&self, cause: &StoreError) -> bool {
        match self {
            Self::Sqlite(_) => !cause.is_of_the_database(),
            Self::Postgres(_) => postgres::is_answer(cause),
        }
    }

    /// Whether the database is elsewhere: then it may have been lost long before anybody notices.
    pub(super) const fn is_remote(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => postgres::patiently(connection.close()).await,
        }
    }
}

impl Pool {
    pub(super) async fn snapshot(&self) -> Result<Snapshot, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => sqlite::snapshot(pool).await.map(Snapshot::Sqlite),
            Self::Postgres(pool) => postgres::snapshot(pool).await.map(Snapshot::Postgres),
        }
    }

    /// The last migration that the database has seen.
    pub(super) async fn version(&self) -> Result<Option<i64>, sqlx::Error> {
        let row = query(VERSION).fetch_one(self).await?;
        row.try_get("version")
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Whether a database has found something in itself that it has not written.
pub(super) fn is_damage(cause: &sqlx::Error) -> bool {
    sqlite::is_damage(cause) || postgres::is_damage(cause)
}

/// Whether a commit that has failed so has certainly written nothing.
pub(super) fn is_nothing_written(cause: &sqlx::Error) -> bool {
    sqlite::is_nothing_written(cause)
}

/// What to do about an error that is of damage, behind its words; nothing about another one.
pub(super) fn advice(cause: &(dyn std::error::Error + 'static)) -> &'static str {
    let causes = std::iter::successors(Some(cause), |cause| cause.source());
    let mut of_databases = causes.filter_map(|cause| cause.downcast_ref::<sqlx::Error>());
    of_databases
        .find_map(|cause| match cause {
            cause if sqlite::is_damage(cause) => Some(
                "; the file is damaged: `dinh restore FILE --replace` puts it aside and a backup \
                 in its place",
            ),
            cause if postgres::is_damage(cause) => Some(
                "; the database is damaged: restore what `pg_dump` has made of it into a new one",
            ),
            _ => None,
        })
        .unwrap_or_default()
}
