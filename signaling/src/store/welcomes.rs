//! Codes that are good once, with which somebody sets a password.

use jiff::Timestamp;

use super::Store;
use super::accounts::{Secrets, find, insert, others_manage, time};
use super::backend::{Connection, query};
use super::error::StoreError;
use super::rows::parse;
use crate::accounts::Account;
use crate::auth::CodeHash;
use crate::ids::{AccountId, LoginId};

/// What a code is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WelcomeFor {
    /// The first administrator, of whom nothing is known.
    First,
    /// The person of this account.
    Account(Box<Account>),
}

/// What came of using a code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Welcomed {
    /// The person can log in now.
    Done(Box<Account>),
    /// There is no such code any more.
    Unknown,
    /// There is another account with this login.
    Taken,
}

impl Store {
    /// Keeps a code in place of any other one for the same.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_welcome(
        &self,
        code: CodeHash,
        account: Option<AccountId>,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| Box::pin(add(connection, code, account, expires_at)))
            .await
    }

    /// What a code is for; `None` if it is not good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn welcome(
        &self,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<Option<WelcomeFor>, StoreError> {
        let row = query("SELECT account, expires_at FROM welcomes WHERE code = $1")
            .bind(code.as_str())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        if time(row.try_get("expires_at")?)? <= now {
            return Ok(None);
        }
        let account: Option<&str> = row.try_get("account")?;
        let Some(account) = account else {
            return Ok(Some(WelcomeFor::First));
        };
        let account = self.account(parse(account)?).await?;
        Ok(account.map(|account| WelcomeFor::Account(Box::new(account))))
    }

    /// Uses a code: from now on its account has this password, and nobody is logged in with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_welcome(
        &self,
        code: CodeHash,
        password: String,
    ) -> Result<Welcomed, StoreError> {
        self.writer
            .write(move |connection| Box::pin(welcome(connection, code, password)))
            .await
    }

    /// Uses the code for the first administrator, who gets this account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_first_welcome(
        &self,
        code: CodeHash,
        first: Account,
        password: String,
    ) -> Result<Welcomed, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let used = take(connection, &code).await?;
                    if used != Some(None) || others_manage(connection, None).await? {
                        return Ok(Welcomed::Unknown);
                    }
                    let secrets = Secrets {
                        password: Some(&password),
                        ..Secrets::default()
                    };
                    if insert(connection, &first, secrets).await? {
                        return Ok(Welcomed::Done(Box::new(first)));
                    }
                    Ok(Welcomed::Taken)
                })
            })
            .await
    }

    /// Sets the password of an account. Whoever else is logged in with it is so no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password(
        &self,
        id: AccountId,
        password: String,
        but: LoginId,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move { set(connection, id, &password, Some(but)).await })
            })
            .await
    }

    /// Forgets codes whose time is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_welcomes(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let pruned = query("DELETE FROM welcomes WHERE expires_at <= $1")
                        .bind(now.as_millisecond())
                        .execute(connection)
                        .await?;
                    Ok(pruned)
                })
            })
            .await
    }
}

async fn add(
    connection: &mut Connection,
    code: CodeHash,
    account: Option<AccountId>,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let account = account.map(|id| id.to_string());
    let before = match &account {
        Some(account) => query("DELETE FROM welcomes WHERE account = $1").bind(account),
        None => query("DELETE FROM welcomes WHERE account IS NULL"),
    };
    before.execute(&mut *connection).await?;
    query("INSERT INTO welcomes (code, account, expires_at) VALUES ($1, $2, $3)")
        .bind(code.as_str())
        .bind(account.as_deref())
        .bind(expires_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a code away, and says what it was for, if there was one.
async fn take(
    connection: &mut Connection,
    code: &CodeHash,
) -> Result<Option<Option<AccountId>>, StoreError> {
    let row = query("SELECT account FROM welcomes WHERE code = $1")
        .bind(code.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let account: Option<&str> = row.try_get("account")?;
    let account = account.map(parse).transpose()?;
    query("DELETE FROM welcomes WHERE code = $1")
        .bind(code.as_str())
        .execute(connection)
        .await?;
    Ok(Some(account))
}

async fn welcome(
    connection: &mut Connection,
    code: CodeHash,
    password: String,
) -> Result<Welcomed, StoreError> {
    let Some(Some(id)) = take(connection, &code).await? else {
        return Ok(Welcomed::Unknown);
    };
    let Some(account) = find(connection, id).await? else {
        return Ok(Welcomed::Unknown);
    };
    set(connection, id, &password, None).await?;
    Ok(Welcomed::Done(Box::new(account)))
}

async fn set(
    connection: &mut Connection,
    id: AccountId,
    password: &str,
    but: Option<LoginId>,
) -> Result<(), StoreError> {
    query("UPDATE accounts SET password = $1 WHERE id = $2")
        .bind(password)
        .bind(id.to_string())
        .execute(&mut *connection)
        .await?;
    query("DELETE FROM logins WHERE account = $1 AND id <> $2")
        .bind(id.to_string())
        .bind(but.map(|but| but.to_string()).unwrap_or_default())
        .execute(connection)
        .await?;
    Ok(())
}
