//! Accounts.

use jiff::Timestamp;

use super::Store;
use super::backend::{Connection, Query, Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::accounts::{Account, AccountRole, Details, LoginName};
use crate::ids::{AccountId, SiteCode};
use crate::sites::fold::fold;

/// All of an account that is read back, from a table or a join that calls it so.
macro_rules! account_columns {
    () => {
        "accounts.id AS account_id, login, name, email, role, province, disabled, provider, \
         created_at, last_login_at"
    };
}
pub(super) use account_columns;

/// Whether there is somebody else who can log in and manage accounts.
const OTHER_ADMINISTRATORS: &str = "SELECT count(*) AS others FROM accounts \
     WHERE role = 'admin' AND disabled = 0 AND id <> $1 \
     AND (password IS NOT NULL OR provider IS NOT NULL)";

/// Which accounts to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccountFilter {
    /// Whose login, name or mail address contains this, whatever its case and diacritics.
    pub query: Option<String>,
    /// Of this role.
    pub role: Option<AccountRole>,
    /// Those that come after this login in the list.
    pub after: Option<LoginName>,
    /// Most of the answer.
    pub limit: u32,
}

/// What came of changing an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Changed {
    /// It is so now; or it was, if it is gone.
    Done(Box<Account>),
    /// There is none.
    Unknown,
    /// Nobody could manage accounts any more.
    LastAdministrator,
}

/// An account by its login, with what is kept of its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// What is kept of its password, if it has one.
    pub password: Option<String>,
}

impl Store {
    /// Adds an account; false if there is another one with its login.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_account(&self, new: Account) -> Result<bool, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move { insert(connection, &new, Secrets::default()).await })
            })
            .await
    }

    /// One account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts WHERE id = $1"
        ))
        .bind(id.to_string())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(account).transpose()
    }

    /// The account with a login, and what is kept of its password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credentials(&self, login: &LoginName) -> Result<Option<Credentials>, StoreError> {
        let row = query(concat!(
            "SELECT ",
            account_columns!(),
            ", password FROM accounts WHERE login_key = $1"
        ))
        .bind(login.key())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Credentials {
            account: account(&row)?,
            password: row.try_get("password")?,
        }))
    }

    /// Accounts that pass a filter, by login.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts(&self, filter: &AccountFilter) -> Result<Vec<Account>, StoreError> {
        let mut query = query(concat!(
            "SELECT ",
            account_columns!(),
            // Found in an index that has all that is asked for: the table is ten times as large, and
            // who searches for somebody who is not there reads all of it.
            " FROM accounts WHERE login_key IN (SELECT login_key FROM accounts WHERE login_key > "
        ));
        let after = filter.after.as_ref().map(LoginName::key);
        query.push_bind(after.unwrap_or_default());
        if let Some(role) = filter.role {
            query.push(" AND role = ").push_bind(role.role().as_str());
        }
        for word in words(filter.query.as_deref()) {
            query.push(" AND folded LIKE ").push_bind(word);
            query.push(r" ESCAPE '\'");
        }
        query
            .push(" ORDER BY login_key LIMIT ")
            .push_bind(i64::from(filter.limit));
        query.push(") ORDER BY login_key");
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(account).collect()
    }

    /// Whether somebody can log in who manages accounts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_administrator(&self) -> Result<bool, StoreError> {
        let row = query(OTHER_ADMINISTRATORS)
            .bind("")
            .fetch_one(&self.reader)
            .await?;
        Ok(row.try_get::<i64>("others")? > 0)
    }

    /// Changes what is said of a person. Whoever is disabled is logged in no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_account(
        &self,
        id: AccountId,
        details: Details,
    ) -> Result<Changed, StoreError> {
        self.writer
            .write(move |connection| Box::pin(change(connection, id, details)))
            .await
    }

    /// Removes an account, with its logins and codes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_account(&self, id: AccountId) -> Result<Changed, StoreError> {
        self.writer
            .write(move |connection| Box::pin(remove(connection, id)))
            .await
    }
}

/// What is kept of an account and never read back with it.
#[derive(Debug, Default)]
pub(super) struct Secrets<'s> {
    pub(super) password: Option<&'s str>,
    pub(super) provider_subject: Option<&'s str>,
}

/// Adds an account; false if there is another one with its login.
pub(super) async fn insert(
    connection: &mut Connection,
    new: &Account,
    secrets: Secrets<'_>,
) -> Result<bool, StoreError> {
    let added = query(
        "INSERT INTO accounts (id, login, login_key, name, email, folded, role, province, disabled, \
         password, provider, provider_subject, created_at, last_login_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (login_key) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(new.login.as_str())
    .bind(new.login.key())
    .bind(&new.name)
    .bind(new.email.as_deref())
    .bind(folded(&new.login, &new.details()))
    .bind(new.role.role().as_str())
    .bind(new.province.as_ref().map(SiteCode::as_str))
    .bind(i64::from(new.is_disabled))
    .bind(secrets.password)
    .bind(new.provider.as_deref())
    .bind(secrets.provider_subject)
    .bind(new.created_at.as_millisecond())
    .bind(new.last_login_at.map(Timestamp::as_millisecond))
    .execute(connection)
    .await?;
    Ok(added > 0)
}

async fn change(
    connection: &mut Connection,
    id: AccountId,
    details: Details,
) -> Result<Changed, StoreError> {
    let Some(before) = find(connection, id).await? else {
        return Ok(Changed::Unknown);
    };
    let stays = details.role == AccountRole::Admin && !details.is_disabled;
    if !stays && is_needed(connection, &before).await? {
        return Ok(Changed::LastAdministrator);
    }
    write_details(connection, &before, &details).await?;
    let Details {
        name,
        email,
        role,
        province,
        is_disabled,
    } = details;
    Ok(Changed::Done(Box::new(Account {
        name,
        email,
        role,
        province,
        is_disabled,
        ..before
    })))
}

/// Writes what is said of a person. Whoever is disabled is logged in no more.
pub(super) async fn write_details(
    connection: &mut Connection,
    before: &Account,
    details: &Details,
) -> Result<(), StoreError> {
    query(
        "UPDATE accounts SET name = $1, email = $2, folded = $3, role = $4, province = $5, \
         disabled = $6 WHERE id = $7",
    )
    .bind(&details.name)
    .bind(details.email.as_deref())
    .bind(folded(&before.login, details))
    .bind(details.role.role().as_str())
    .bind(details.province.as_ref().map(SiteCode::as_str))
    .bind(i64::from(details.is_disabled))
    .bind(before.id.to_string())
    .execute(&mut *connection)
    .await?;
    if details.is_disabled {
        query("DELETE FROM logins WHERE account = $1")
            .bind(before.id.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn remove(connection: &mut Connection, id: AccountId) -> Result<Changed, StoreError> {
    let Some(before) = find(connection, id).await? else {
        return Ok(Changed::Unknown);
    };
    if is_needed(connection, &before).await? {
        return Ok(Changed::LastAdministrator);
    }
    query("DELETE FROM accounts WHERE id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(Changed::Done(Box::new(before)))
}

pub(super) async fn find(
    connection: &mut Connection,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    let row = query(concat!(
        "SELECT ",
        account_columns!(),
        " FROM accounts WHERE id = $1"
    ))
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(account).transpose()
}

/// Whether this is the one administrator who can log in.
async fn is_needed(connection: &mut Connection, account: &Account) -> Result<bool, StoreError> {
    let manages = account.role == AccountRole::Admin && !account.is_disabled;
    Ok(manages && !others_manage(connection, Some(account.id)).await?)
}

/// Whether somebody who is not this one can log in and manage accounts.
pub(super) async fn others_manage(
    connection: &mut Connection,
    but: Option<AccountId>,
) -> Result<bool, StoreError> {
    let others = query(OTHER_ADMINISTRATORS)
        .bind(but.map(|id| id.to_string()).unwrap_or_default())
        .fetch_one(connection)
        .await?;
    Ok(others.try_get::<i64>("others")? > 0)
}

/// In which everything that is searched for stands.
fn folded(login: &LoginName, details: &Details) -> String {
    let email = details.email.as_deref().unwrap_or_default();
    fold(&format!("{login} {} {email}", details.name))
}

/// The patterns of the words that are searched for: each must be somewhere.
fn words(search: Option<&str>) -> Vec<String> {
    let folded = fold(search.unwrap_or_default());
    let words = folded.split_whitespace().take(MOST_WORDS);
    words
        .map(|word| format!("%{}%", super::sites::escape_like(word)))
        .collect()
}

/// Most words that are searched for. Higher: a search costs more.
const MOST_WORDS: usize = 8;

pub(super) fn account(row: &Row) -> Result<Account, StoreError> {
    let role: &str = row.try_get("role")?;
    let unreadable =
        |error: crate::accounts::AccountError| StoreError::Unreadable(error.to_string());
    let login: &str = row.try_get("login")?;
    let province: Option<&str> = row.try_get("province")?;
    let disabled: i64 = row.try_get("disabled")?;
    Ok(Account {
        id: parse(row.try_get("account_id")?)?,
        login: login.parse().map_err(unreadable)?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        role: role.parse().map_err(unreadable)?,
        province: province.map(parse).transpose()?,
        is_disabled: disabled != 0,
        provider: row.try_get("provider")?,
        created_at: time(row.try_get("created_at")?)?,
        last_login_at: row
            .try_get::<Option<i64>>("last_login_at")?
            .map(time)
            .transpose()?,
    })
}

/// A time in milliseconds.
pub(super) fn time(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// A statement of which there are two: with a filter by account, and without.
pub(super) fn of_account(query: &mut Query<'_>, account: Option<AccountId>) {
    if let Some(account) = account {
        query.push(" AND account = ").push_bind(account.to_string());
    }
}

#[cfg(test)]
mod tests;
