//! Whom bookings invite: each set of sites once, however many invite it.

use super::Store;
use super::backend::{Connection, query};
use super::error::StoreError;
use crate::booking::{Audience, AudienceHash};
use crate::ids::SiteCode;

impl Store {
    /// An audience.
    ///
    /// # Errors
    /// When the database fails, or there is none of this hash.
    pub async fn audience(&self, hash: &AudienceHash) -> Result<Audience, StoreError> {
        let audience = Audience::read(&self.audience_text(hash).await?);
        audience.map_err(|error| StoreError::Unreadable(error.to_string()))
    }

    /// The sites of an audience, by code, a line each.
    ///
    /// # Errors
    /// When the database fails, or there is none of this hash.
    pub async fn audience_text(&self, hash: &AudienceHash) -> Result<String, StoreError> {
        let row = query("SELECT codes FROM audiences WHERE hash = $1")
            .bind(hash.as_str())
            .fetch_one(&self.reader)
            .await?;
        Ok(row.try_get("codes")?)
    }

    /// The sites of an audience, by code.
    ///
    /// # Errors
    /// When the database fails, or there is none of this hash.
    pub async fn audience_codes(&self, hash: &AudienceHash) -> Result<Vec<SiteCode>, StoreError> {
        Ok(self.audience(hash).await?.codes().to_vec())
    }
}

/// Keeps an audience, unless it is kept already.
pub(super) async fn keep(
    connection: &mut Connection,
    audience: &Audience,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO audiences (hash, sites, codes) VALUES ($1, $2, $3) \
         ON CONFLICT (hash) DO NOTHING",
    )
    .bind(audience.hash().as_str())
    .bind(i64::from(audience.count()))
    .bind(audience.text())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets an audience if nobody is invited by it any more.
pub(super) async fn forget(
    connection: &mut Connection,
    hash: &AudienceHash,
) -> Result<(), StoreError> {
    query(
        "DELETE FROM audiences WHERE hash = $1 \
         AND NOT EXISTS (SELECT 1 FROM bookings WHERE audience = $1) \
         AND NOT EXISTS (SELECT 1 FROM occurrences WHERE audience = $1) \
         AND NOT EXISTS (SELECT 1 FROM occurrences WHERE followed = $1)",
    )
    .bind(hash.as_str())
    .execute(connection)
    .await?;
    Ok(())
}
