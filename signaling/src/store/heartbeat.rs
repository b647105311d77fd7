//! Until when the server is known to have been up.

use jiff::Timestamp;

use super::Store;
use super::backend::query;
use super::error::StoreError;
use super::rows::parse;

impl Store {
    /// The server is up now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query(
                        "INSERT INTO heartbeat (id, up_until) VALUES (1, $1) \
                         ON CONFLICT (id) DO UPDATE SET up_until = excluded.up_until",
                    )
                    .bind(now.to_string())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// When it was up last, if that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn up_until(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = query("SELECT up_until FROM heartbeat WHERE id = 1")
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        parse(row.try_get("up_until")?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::location;

    #[tokio::test]
    async fn the_last_beat_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let place = location(dir.path());
        let store = Store::open(&place).await.unwrap();
        assert_eq!(store.up_until().await.unwrap(), None);
        let at = |second| Timestamp::from_second(second).unwrap();
        store.beat(at(100)).await.unwrap();
        store.beat(at(105)).await.unwrap();
        store.close().await;
        let store = Store::open(&place).await.unwrap();
        assert_eq!(store.up_until().await.unwrap(), Some(at(105)));
    }
}
