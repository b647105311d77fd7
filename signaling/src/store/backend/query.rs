//! A statement with its values, whatever database it goes to, and what comes back.

use std::borrow::Cow;

use futures_util::stream::BoxStream;
use futures_util::{TryFutureExt as _, TryStreamExt as _};
use sqlx::database::HasStatementCache;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{
    AssertSqlSafe, Database, Decode, Encode, PgConnection, Postgres, Row as _, SqlSafeStr as _,
    SqlStr, Sqlite, SqliteConnection, Type,
};

use super::in_turn::in_turn;
use super::postgres::patiently;
use super::{Connection, Pool, Snapshot};

/// Rows of one INSERT. SQLite allows 32,766 values in a statement and PostgreSQL 65,535; the widest
/// table has fewer than 20 columns.
pub(in crate::store) const ROWS_PER_INSERT: usize = 500;

/// A value that a statement is given. The databases know its type also where it is NULL.
#[derive(Debug)]
pub(in crate::store) enum Value<'q> {
    Integer(Option<i64>),
    Text(Option<Cow<'q, str>>),
}

/// A statement.
#[derive(Debug)]
#[must_use = "it does nothing before it is executed"]
pub(in crate::store) struct Query<'q> {
    text: Cow<'static, str>,
    values: Vec<Value<'q>>,
    is_kept: bool,
}

/// Where a statement is carried out.
#[derive(Debug)]
pub(in crate::store) enum On<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PostgresPool(&'c PgPool),
    Postgres(&'c mut PgConnection),
}

/// What was found.
#[derive(Debug)]
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What is found, row by row.
pub(in crate::store) enum Rows<'c> {
    Sqlite(BoxStream<'c, Result<SqliteRow, sqlx::Error>>),
    Postgres(BoxStream<'c, Result<PgRow, sqlx::Error>>),
}

/// A statement whose text is known when the program is built.
pub(in crate::store) const fn query<'q>(text: &'static str) -> Query<'q> {
    Query {
        text: Cow::Borrowed(text),
        values: Vec::new(),
        is_kept: true,
    }
}

impl<'q> Query<'q> {
    /// The value of the next `$1`, `$2`, …
    pub(in crate::store) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Goes on with a text.
    pub(in crate::store) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Goes on with a value.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.text.to_mut().push_str(&format!("${number}"));
        self
    }

    /// Goes on with values in brackets, of which there may be more or fewer the next time.
    pub(in crate::store) fn push_list(
        &mut self,
        values: impl IntoIterator<Item = Value<'q>>,
    ) -> &mut Self {
        self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" })
                .push_bind(value);
        }
        self.is_kept = false;
        self.push(")")
    }

    /// Goes on with the rows of an INSERT, at most [`ROWS_PER_INSERT`].
    pub(in crate::store) fn push_rows<const COLUMNS: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value<'q>; COLUMNS]>,
    ) -> &mut Self {
        let mut count = 0_usize;
        for row in rows {
            self.push(if count > 0 { ", " } else { " VALUES " })
                .push_list(row);
            count += 1;
        }
        // A statement of each length would be kept, and one of many rows takes 100 KiB.
        self.is_kept = count == 1;
        self
    }

    /// Says how many rows it has changed.
    pub(in crate::store) async fn execute(self, on: &mut Connection) -> Result<u64, sqlx::Error> {
        match on {
            Connection::Sqlite(connection) => {
                let done = self.in_turn().bound::<Sqlite>().execute(connection).await?;
                Ok(done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let done = patiently(self.bound::<Postgres>().execute(connection)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    pub(in crate::store) async fn fetch_all(
        self,
        on: impl Into<On<'_>>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match on.into() {
            On::SqlitePool(pool) => {
                let rows = self.in_turn().bound::<Sqlite>().fetch(pool);
                rows.map_ok(Row::Sqlite).try_collect().await
            }
            On::Sqlite(connection) => {
                let rows = self.in_turn().bound::<Sqlite>().fetch(connection);
                rows.map_ok(Row::Sqlite).try_collect().await
            }
            On::PostgresPool(pool) => {
                let rows = self.bound::<Postgres>().fetch(pool);
                patiently(rows.map_ok(Row::Postgres).try_collect()).await
            }
            On::Postgres(connection) => {
                let rows = self.bound::<Postgres>().fetch(connection);
                patiently(rows.map_ok(Row::Postgres).try_collect()).await
            }
        }
    }

    pub(in crate::store) async fn fetch_optional(
        self,
        on: impl Into<On<'_>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        match on.into() {
            On::SqlitePool(pool) => {
                let row = self.in_turn().bound::<Sqlite>().fetch_optional(pool);
                row.map_ok(|row| row.map(Row::Sqlite)).await
            }
            On::Sqlite(connection) => {
                let row = self.in_turn().bound::<Sqlite>().fetch_optional(connection);
                row.map_ok(|row| row.map(Row::Sqlite)).await
            }
            On::PostgresPool(pool) => {
                let row = self.bound::<Postgres>().fetch_optional(pool);
                patiently(row.map_ok(|row| row.map(Row::Postgres))).await
            }
            On::Postgres(connection) => {
                let row = self.bound::<Postgres>().fetch_optional(connection);
                patiently(row.map_ok(|row| row.map(Row::Postgres))).await
            }
        }
    }

    pub(in crate::store) async fn fetch_one(
        self,
        on: impl Into<On<'_>>,
    ) -> Result<Row, sqlx::Error> {
        let row = self.fetch_optional(on).await?;
        row.ok_or(sqlx::Error::RowNotFound)
    }

    /// One row after the other, for more of them than should be in memory.
    pub(in crate::store) fn fetch<'c>(self, snapshot: &'c mut Snapshot) -> Rows<'c> {
        match snapshot {
            Snapshot::Sqlite(connection) => {
                Rows::Sqlite(self.in_turn().bound::<Sqlite>().fetch(&mut **connection))
            }
            Snapshot::Postgres(transaction) => {
                Rows::Postgres(self.bound::<Postgres>().fetch(&mut **transaction))
            }
        }
    }

    /// As SQLite takes many values.
    fn in_turn(mut self) -> Self {
        if let Some(text) = in_turn(&self.text, self.values.len()) {
            self.text = Cow::Owned(text);
        }
        self
    }

    fn bound<DB>(self) -> sqlx::query::Query<'static, DB, DB::Arguments>
    where
        DB: Database + HasStatementCache,
        Option<i64>: Encode<'q, DB> + Type<DB>,
        Option<Cow<'q, str>>: Encode<'q, DB> + Type<DB>,
    {
        let text: SqlStr = match self.text {
            Cow::Borrowed(text) => text.into_sql_str(),
            // Made of texts that are known when the program is built, and of numbers.
            Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
        };
        let mut bound = sqlx::query(text).persistent(self.is_kept);
        for value in self.values {
            bound = match value {
                Value::Integer(value) => bound.bind(value),
                Value::Text(value) => bound.bind(value),
            };
        }
        bound
    }
}

/// What a column may be read as.
pub(in crate::store) trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T> Column<'r> for T where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    pub(in crate::store) fn try_get<'r, T: Column<'r>>(
        &'r self,
        column: &str,
    ) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

impl Rows<'_> {
    pub(in crate::store) async fn next(&mut self) -> Result<Option<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(rows) => Ok(rows.try_next().await?.map(Row::Sqlite)),
            Self::Postgres(rows) => Ok(patiently(rows.try_next()).await?.map(Row::Postgres)),
        }
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Connection> for On<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        match connection {
            Connection::Sqlite(connection) => Self::Sqlite(connection),
            Connection::Postgres(connection) => Self::Postgres(connection),
        }
    }
}

impl<'c> From<&'c mut Snapshot> for On<'c> {
    fn from(snapshot: &'c mut Snapshot) -> Self {
        match snapshot {
            Snapshot::Sqlite(connection) => Self::Sqlite(connection),
            Snapshot::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

macro_rules! values {
    ($($from:ty => |$value:ident| $made:expr),* $(,)?) => {
        $(impl<'q> From<$from> for Value<'q> {
            fn from($value: $from) -> Self {
                $made
            }
        })*
    };
}

values! {
    i64 => |value| Self::Integer(Some(value)),
    Option<i64> => |value| Self::Integer(value),
    &'q str => |value| Self::Text(Some(Cow::Borrowed(value))),
    &'q String => |value| Self::Text(Some(Cow::Borrowed(value))),
    String => |value| Self::Text(Some(Cow::Owned(value))),
    Option<&'q str> => |value| Self::Text(value.map(Cow::Borrowed)),
    Option<String> => |value| Self::Text(value.map(Cow::Owned)),
}
