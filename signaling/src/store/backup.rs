//! A copy of a database that is a file, with the files beside it, so that a backup is one file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::Store;
use super::backend::Pool;
use super::error::StoreError;
use super::location::Location;

/// A file that lies beside the database: its name and what is in it.
pub type FileBeside = (String, Vec<u8>);

impl Store {
    /// Copies the whole database, as it is at this moment, into a file that is empty or not there.
    /// Meanwhile it is read and written to as ever.
    ///
    /// # Errors
    /// When it is not a file, or it or the disk fails.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let Pool::Sqlite(reader) = &self.reader else {
            return Err(StoreError::NoFile);
        };
        let path = path
            .to_str()
            .ok_or_else(|| StoreError::Unreadable(format!("{} is not UTF-8", path.display())))?;
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(reader)
            .await?;
        Ok(())
    }
}

/// Puts files into a copy.
///
/// # Errors
/// When it cannot be written to.
pub async fn pack(copy: &Path, files: &[FileBeside]) -> Result<(), StoreError> {
    let mut connection = open(copy).await?;
    sqlx::raw_sql(
        "CREATE TABLE backup_files (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL)",
    )
    .execute(&mut connection)
    .await?;
    for (name, content) in files {
        sqlx::query("INSERT INTO backup_files (name, content) VALUES ($1, $2)")
            .bind(name)
            .bind(content)
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    Ok(())
}

/// Takes the files out of a copy, in which nothing of them is left.
///
/// # Errors
/// When it is no copy that was packed.
pub async fn unpack(copy: &Path) -> Result<Vec<FileBeside>, StoreError> {
    let mut connection = open(copy).await?;
    let rows = sqlx::query("SELECT name, content FROM backup_files ORDER BY name")
        .fetch_all(&mut connection)
        .await?;
    let files = rows
        .iter()
        .map(|row| Ok((row.try_get("name")?, row.try_get("content")?)))
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    sqlx::raw_sql("DROP TABLE backup_files")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(files)
}

async fn open(copy: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(copy)
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full)
        // A key must not stay behind in pages that are free.
        .pragma("secure_delete", "on");
    SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| StoreError::open(&Location::File(copy.to_owned()), error))
}
