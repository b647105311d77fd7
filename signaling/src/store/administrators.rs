//! Whether there is anybody who can manage accounts.

use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use super::backend::{Connection, On, query};
use super::error::StoreError;
use crate::ids::AccountId;

/// Who can manage accounts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Administrators {
    /// How many can log in: with a password, or by a provider.
    pub can_log_in: u32,
    /// How many of them have a password here, and so come in where a provider is away or makes others of them.
    pub with_password: u32,
}

/// Whether somebody can.
const ANYBODY: &str = "SELECT 1 AS known FROM accounts WHERE role = 'admin' AND disabled = 0 \
     AND (password IS NOT NULL OR provider IS NOT NULL) LIMIT 1";

impl Store {
    /// Who can manage accounts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn administrators(&self) -> Result<Administrators, StoreError> {
        let row = query(
            "SELECT COUNT(*) AS everybody, COUNT(password) AS local FROM accounts \
             WHERE role = 'admin' AND disabled = 0 \
             AND (password IS NOT NULL OR provider IS NOT NULL)",
        )
        .fetch_one(&self.reader)
        .await?;
        let count = |column| {
            let count: i64 = row.try_get(column)?;
            Ok::<_, StoreError>(u32::try_from(count).unwrap_or(u32::MAX))
        };
        Ok(Administrators {
            can_log_in: count("everybody")?,
            with_password: count("local")?,
        })
    }

    /// Whether there are accounts, and none with which somebody could manage them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lacks_administrator(&self) -> Result<bool, StoreError> {
        if anybody(&self.reader).await? {
            return Ok(false);
        }
        let account = query("SELECT 1 AS known FROM accounts LIMIT 1");
        Ok(account.fetch_optional(&self.reader).await?.is_some())
    }
}

/// Whether somebody can manage accounts.
pub(super) async fn anybody(on: impl Into<On<'_>>) -> Result<bool, StoreError> {
    Ok(query(ANYBODY).fetch_optional(on).await?.is_some())
}

/// The event that nobody can any more, since this one may not.
pub(super) async fn note_lost(
    connection: &mut Connection,
    (account, login, provider): (AccountId, &str, &str),
    at: jiff::Timestamp,
) -> Result<(), StoreError> {
    let event = serde_json::json!({
        "kind": "lastAdministratorLost",
        "account": account,
        "login": login,
        "provider": provider,
    });
    super::journal::note(connection, at, &event).await
}
