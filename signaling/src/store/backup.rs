//! Files that travel in a copy of the database, so that a backup is one file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::error::StoreError;

/// A file that lies beside the database: its name and what is in it.
pub type FileBeside = (String, Vec<u8>);

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
        .map_err(|error| StoreError::open(copy, error))
}
