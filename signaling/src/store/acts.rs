//! The log of acts: who asked for which change, and what came of it.

use jiff::Timestamp;

use super::Store;
use super::accounts::{of_account, time};
use super::backend::{Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::accounts::Act;
use crate::ids::{AccountId, ActId, TokenId};

/// Most acts that are kept, however young they are: some 300 MB. Higher: more of the disk is theirs.
const MOST: u32 = 1_000_000;

/// Which acts to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ActFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Those that came before this one.
    pub after: Option<ActId>,
    /// Most of the answer.
    pub limit: u32,
}

impl Store {
    /// Writes an act down.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_act(&self, act: Act) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query(
                        "INSERT INTO acts (id, at, subject, name, account, role, token, method, \
                         route, about, status, code, address) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                    )
                    .bind(act.id.to_string())
                    .bind(act.at.as_millisecond())
                    .bind(&act.subject)
                    .bind(act.name.as_deref())
                    .bind(act.account.map(|id| id.to_string()))
                    .bind(act.role.as_str())
                    .bind(act.token.as_str())
                    .bind(&act.method)
                    .bind(&act.route)
                    .bind(&act.about)
                    .bind(i64::from(act.status))
                    .bind(act.code.as_deref())
                    .bind(&act.address)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Acts, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acts(&self, filter: &ActFilter) -> Result<Vec<Act>, StoreError> {
        let mut query = query(
            "SELECT id, at, subject, name, account, role, token, method, route, about, status, \
             code, address FROM acts WHERE at >= ",
        );
        query.push_bind(i64::MIN);
        of_account(&mut query, filter.account);
        if let Some(after) = filter.after {
            query.push(" AND id < ").push_bind(after.to_string());
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(i64::from(filter.limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(act).collect()
    }

    /// Forgets acts from before that moment, and the oldest of more than there may be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_acts(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.prune_acts_beyond(before, MOST).await
    }

    pub(super) async fn prune_acts_beyond(
        &self,
        before: Timestamp,
        most: u32,
    ) -> Result<u64, StoreError> {
        // Ids sort by time.
        let oldest = u64::try_from(before.as_millisecond()).unwrap_or_default();
        let oldest = ActId::new(oldest, 0);
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let pruned = query(
                        "DELETE FROM acts WHERE id < $1 OR id <= \
                         (SELECT id FROM acts ORDER BY id DESC LIMIT 1 OFFSET $2)",
                    )
                    .bind(oldest.to_string())
                    .bind(i64::from(most))
                    .execute(connection)
                    .await?;
                    Ok(pruned)
                })
            })
            .await
    }
}

fn act(row: &Row) -> Result<Act, StoreError> {
    let role: &str = row.try_get("role")?;
    let account: Option<&str> = row.try_get("account")?;
    let token: TokenId = parse(row.try_get("token")?)?;
    let status: i64 = row.try_get("status")?;
    Ok(Act {
        id: parse(row.try_get("id")?)?,
        at: time(row.try_get("at")?)?,
        subject: row.try_get("subject")?,
        name: row.try_get("name")?,
        account: account.map(parse).transpose()?,
        role: role
            .parse()
            .map_err(|error| StoreError::Unreadable(format!("{error}")))?,
        token,
        method: row.try_get("method")?,
        route: row.try_get("route")?,
        about: row.try_get("about")?,
        status: u16::try_from(status).unwrap_or_default(),
        code: row.try_get("code")?,
        address: row.try_get("address")?,
    })
}
