//! Tokens that were taken back.

use jiff::Timestamp;
use sqlx::Row as _;

use super::Store;
use super::error::StoreError;
use super::events::parse;
use crate::ids::TokenId;

impl Store {
    /// Remembers that a token was taken back; once is enough. `expires_at` is when it may be
    /// forgotten, if that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_token(
        &self,
        token: &TokenId,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .write(|mut connection| async move {
                sqlx::query(
                    "INSERT INTO revoked_tokens (id, revoked_at, expires_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (id) DO NOTHING",
                )
                .bind(token.as_str())
                .bind(now.as_second())
                .bind(expires_at.map(Timestamp::as_second))
                .execute(&mut connection)
                .await?;
                Ok((connection, ()))
            })
            .await
    }

    /// Every token that was taken back and would otherwise still be good at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoked_tokens(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(TokenId, Option<Timestamp>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, expires_at FROM revoked_tokens \
             WHERE expires_at IS NULL OR expires_at > $1 ORDER BY id",
        )
        .bind(now.as_second())
        .fetch_all(&self.reader)
        .await?;
        let mut tokens = Vec::with_capacity(rows.len());
        for row in rows {
            let expires_at: Option<i64> = row.try_get("expires_at")?;
            let expires_at = expires_at
                .map(Timestamp::from_second)
                .transpose()
                .map_err(|error| StoreError::Unreadable(error.to_string()))?;
            tokens.push((parse(row.try_get("id")?)?, expires_at));
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_revoked_token_is_remembered_until_it_expires() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dinh.db");
        let second = |second| Timestamp::from_second(second).unwrap();
        let [short, long, forever] = ["a", "b", "c"].map(|id| id.parse::<TokenId>().unwrap());
        let store = Store::open(&path).await.unwrap();
        store
            .revoke_token(&short, Some(second(100)), second(1))
            .await
            .unwrap();
        store
            .revoke_token(&long, Some(second(200)), second(1))
            .await
            .unwrap();
        store.revoke_token(&forever, None, second(1)).await.unwrap();
        store.revoke_token(&forever, None, second(2)).await.unwrap();
        store.close().await;
        let store = Store::open(&path).await.unwrap();
        let remembered = store.revoked_tokens(second(100)).await.unwrap();
        assert_eq!(remembered, [(long, Some(second(200))), (forever, None)]);
    }
}
