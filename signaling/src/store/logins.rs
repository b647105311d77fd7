//! Logins: who is in.

use jiff::Timestamp;

use super::Store;
use super::accounts::{account, account_columns, find, of_account, time};
use super::backend::{Connection, Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::accounts::{Account, KeptLogin, LoginTimes, NewLogin};
use crate::auth::SecretHash;
use crate::ids::{AccountId, LoginId};

/// Most logins of one account at once; the oldest ends when there is one more. Higher: one that was
/// forgotten somewhere lives longer. Lower: people with many devices are asked again.
const MOST_OF_ACCOUNT: i64 = 20;

/// All of a login that is read back.
macro_rules! select {
    () => {
        concat!(
            "SELECT logins.id AS login_id, begun_at, seen_at, ends_at, address, agent, ",
            account_columns!(),
            " FROM logins JOIN accounts ON accounts.id = logins.account"
        )
    };
}

/// Which logins to list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Those that began before this one.
    pub after: Option<LoginId>,
    /// Most of the answer.
    pub limit: u32,
}

impl Store {
    /// Begins a login of an account; `None` if there is none, or nobody may log in with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_login(&self, new: NewLogin) -> Result<Option<Account>, StoreError> {
        self.writer
            .write(move |connection| Box::pin(begin(connection, new)))
            .await
    }

    /// The login with this secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn login(&self, secret: &SecretHash) -> Result<Option<KeptLogin>, StoreError> {
        let row = query(concat!(select!(), " WHERE secret = $1"))
            .bind(secret.to_hex())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(login).transpose()
    }

    /// Those who are in, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn logins(
        &self,
        filter: &LoginFilter,
        now: Timestamp,
        times: LoginTimes,
    ) -> Result<Vec<KeptLogin>, StoreError> {
        let idle_since = now.saturating_sub(times.idle).unwrap_or(Timestamp::MIN);
        let mut query = query(concat!(select!(), " WHERE ends_at > "));
        query.push_bind(now.as_millisecond());
        query
            .push(" AND seen_at > ")
            .push_bind(idle_since.as_millisecond());
        of_account(&mut query, filter.account);
        if let Some(after) = filter.after {
            query.push(" AND logins.id < ").push_bind(after.to_string());
        }
        query
            .push(" ORDER BY logins.id DESC LIMIT ")
            .push_bind(i64::from(filter.limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(login).collect()
    }

    /// Notes that a login is used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_login(&self, id: LoginId, at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query("UPDATE logins SET seen_at = $1 WHERE id = $2 AND seen_at < $1")
                        .bind(at.as_millisecond())
                        .bind(id.to_string())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Ends a login, of this account only if one is named; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_login(&self, id: LoginId, of: Option<AccountId>) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let mut end = query("DELETE FROM logins WHERE id = ");
                    end.push_bind(id.to_string());
                    of_account(&mut end, of);
                    Ok(end.execute(connection).await? > 0)
                })
            })
            .await
    }

    /// Forgets logins that have ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_logins(&self, now: Timestamp, times: LoginTimes) -> Result<u64, StoreError> {
        let idle_since = now.saturating_sub(times.idle).unwrap_or(Timestamp::MIN);
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let ended = query("DELETE FROM logins WHERE ends_at <= $1 OR seen_at <= $2")
                        .bind(now.as_millisecond())
                        .bind(idle_since.as_millisecond())
                        .execute(connection)
                        .await?;
                    Ok(ended)
                })
            })
            .await
    }
}

pub(super) async fn begin(
    connection: &mut Connection,
    new: NewLogin,
) -> Result<Option<Account>, StoreError> {
    let Some(account) = find(connection, new.account).await? else {
        return Ok(None);
    };
    if account.is_disabled {
        return Ok(None);
    }
    let (id, of, at) = (
        new.id.to_string(),
        new.account.to_string(),
        new.at.as_millisecond(),
    );
    query(
        "INSERT INTO logins (id, secret, account, begun_at, seen_at, ends_at, address, agent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(new.secret.to_hex())
    .bind(of.as_str())
    .bind(at)
    .bind(at)
    .bind(new.ends_at.as_millisecond())
    .bind(&new.address)
    .bind(new.agent.as_deref())
    .execute(&mut *connection)
    .await?;
    query(
        "DELETE FROM logins WHERE account = $1 AND id <= \
         (SELECT id FROM logins WHERE account = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(of.as_str())
    .bind(MOST_OF_ACCOUNT)
    .execute(&mut *connection)
    .await?;
    query("UPDATE accounts SET last_login_at = $1 WHERE id = $2")
        .bind(at)
        .bind(of.as_str())
        .execute(connection)
        .await?;
    Ok(Some(Account {
        last_login_at: Some(new.at),
        ..account
    }))
}

fn login(row: &Row) -> Result<KeptLogin, StoreError> {
    Ok(KeptLogin {
        id: parse(row.try_get("login_id")?)?,
        account: account(row)?,
        begun_at: time(row.try_get("begun_at")?)?,
        seen_at: time(row.try_get("seen_at")?)?,
        ends_at: time(row.try_get("ends_at")?)?,
        address: row.try_get("address")?,
        agent: row.try_get("agent")?,
    })
}
