//! The database of a server, as another program gets at it, and ways in which it fails.

use std::path::Path;

use signaling::store::Location;
use signaling::testing;
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Postgres, Sqlite, Transaction};

pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Nobody else can write until it is dropped.
#[expect(dead_code, reason = "it is held, and nothing is done with it")]
pub(crate) enum Held {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What fails.
#[derive(Clone, Copy)]
pub(crate) enum Failing {
    /// Storing events. SQLite has rolled back before the driver hears of it, as it does when the disk is
    /// full.
    Events,
    /// The commit, not what comes before it.
    Commits,
    /// Everything.
    Everything,
}

impl Failing {
    const fn in_sqlite(self) -> [&'static str; 2] {
        match self {
            Self::Events => [
                "CREATE TRIGGER events_fail BEFORE INSERT ON events \
                 BEGIN SELECT RAISE(ROLLBACK, 'the disk is broken'); END",
                "DROP TRIGGER events_fail",
            ],
            Self::Commits => [
                "CREATE TRIGGER commits_fail AFTER INSERT ON events \
                 BEGIN INSERT INTO sites (code, name, folded, level, parent_code) \
                 VALUES ('lost', 'lost', 'lost', 'commune', 'nobody'); END",
                "DROP TRIGGER commits_fail",
            ],
            Self::Everything => [
                "CREATE TRIGGER all_fails BEFORE UPDATE ON fence \
                 BEGIN SELECT RAISE(ROLLBACK, 'the disk is broken'); END",
                "DROP TRIGGER all_fails",
            ],
        }
    }

    const fn in_postgres(self) -> [&'static str; 2] {
        match self {
            Self::Events => [
                "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE EXCEPTION 'the disk is broken'; END$$; CREATE TRIGGER events_fail \
                 BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION fail()",
                "DROP TRIGGER events_fail ON events",
            ],
            Self::Commits => [
                "CREATE OR REPLACE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN INSERT INTO sites (code, name, folded, level, parent_code) \
                 VALUES ('lost', 'lost', 'lost', 'commune', 'nobody'); RETURN NEW; END$$; \
                 CREATE TRIGGER commits_fail AFTER INSERT ON events \
                 FOR EACH ROW EXECUTE FUNCTION lose()",
                "DROP TRIGGER commits_fail ON events",
            ],
            Self::Everything => [
                "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \
                 $$BEGIN RAISE EXCEPTION 'the disk is broken'; END$$; CREATE TRIGGER all_fails \
                 BEFORE UPDATE ON fence FOR EACH ROW EXECUTE FUNCTION fail()",
                "DROP TRIGGER all_fails ON fence",
            ],
        }
    }
}

impl Database {
    pub(crate) async fn of(data: &Path) -> Self {
        match testing::location(data) {
            Location::File(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                Self::Sqlite(SqlitePool::connect_with(options).await.unwrap())
            }
            Location::Server(options) => {
                Self::Postgres(PgPool::connect_with(*options).await.unwrap())
            }
        }
    }

    /// Says how many rows have changed.
    pub(crate) async fn alter(&self, sql: &'static str) -> u64 {
        match self {
            Self::Sqlite(pool) => {
                let done = sqlx::raw_sql(sql).execute(pool).await;
                done.unwrap().rows_affected()
            }
            Self::Postgres(pool) => {
                let done = sqlx::raw_sql(sql).execute(pool).await;
                done.unwrap().rows_affected()
            }
        }
    }

    pub(crate) async fn fail(&self, what: Failing) {
        let [begin, _] = self.statements(what);
        self.alter(begin).await;
    }

    pub(crate) async fn mend(&self, what: Failing) {
        let [_, end] = self.statements(what);
        self.alter(end).await;
    }

    const fn statements(&self, what: Failing) -> [&'static str; 2] {
        match self {
            Self::Sqlite(_) => what.in_sqlite(),
            Self::Postgres(_) => what.in_postgres(),
        }
    }

    pub(crate) async fn hold(&self) -> Held {
        match self {
            Self::Sqlite(pool) => {
                let held = pool.begin_with("BEGIN IMMEDIATE").await;
                Held::Sqlite(held.unwrap())
            }
            Self::Postgres(pool) => {
                let mut held = pool.begin().await.unwrap();
                let lock = sqlx::raw_sql("LOCK TABLE fence IN EXCLUSIVE MODE");
                lock.execute(&mut *held).await.unwrap();
                Held::Postgres(held)
            }
        }
    }

    /// How often the server has written to see whether it can.
    pub(crate) async fn fences(&self) -> i64 {
        let number = "SELECT number FROM fence";
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(number).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(number).fetch_one(pool).await.unwrap(),
        }
    }

    /// As if it had never been there.
    pub(crate) async fn remove(data: &Path) {
        match testing::location(data) {
            Location::File(path) => std::fs::remove_file(path).unwrap(),
            Location::Server(_) => {
                let database = Self::of(data).await;
                let sql = "DO $$DECLARE own text := quote_ident(current_schema()); \
                     BEGIN EXECUTE 'DROP SCHEMA ' || own || ' CASCADE'; \
                     EXECUTE 'CREATE SCHEMA ' || own; END$$";
                database.alter(sql).await;
            }
        }
    }
}
