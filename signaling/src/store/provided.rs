//! Accounts of people whom a provider knows.

use super::Store;
use super::accounts::{Secrets, account, account_columns, insert, write_details};
use super::administrators::{anybody, note_lost};
use super::backend::{Connection, query};
use super::error::StoreError;
use crate::accounts::{Account, Details, LoginName};
use crate::ids::AccountId;

/// Somebody whom a provider knows.
#[derive(Clone, Debug)]
pub struct Provided {
    /// The provider.
    pub provider: String,
    /// By which it knows the person.
    pub subject: String,
    /// The account, if there was none; otherwise what it says of its person from now on.
    pub account: Account,
    /// What it is called if there was none: the first of these that is free.
    pub logins: Vec<LoginName>,
}

impl Store {
    /// The account of somebody whom a provider knows, as the provider says now who that is: made if there was
    /// none. Nobody else's is taken, and one that is disabled stays so. `None` if every name is taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn provide_account(&self, who: Provided) -> Result<Option<Account>, StoreError> {
        let provided = self
            .writer
            .write(move |connection| Box::pin(provide(connection, who)));
        let account = provided.await?;
        self.note_growth();
        Ok(account)
    }

    /// Ends every login of somebody whom a provider knows; whose they were, if there is such an account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_provided_logins(
        &self,
        provider: String,
        subject: String,
    ) -> Result<Option<AccountId>, StoreError> {
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let Some(account) = find(connection, &provider, &subject).await? else {
                        return Ok(None);
                    };
                    query("DELETE FROM logins WHERE account = $1")
                        .bind(account.id.to_string())
                        .execute(connection)
                        .await?;
                    Ok(Some(account.id))
                })
            })
            .await
    }
}

async fn find(
    connection: &mut Connection,
    provider: &str,
    subject: &str,
) -> Result<Option<Account>, StoreError> {
    let row = query(concat!(
        "SELECT ",
        account_columns!(),
        " FROM accounts WHERE provider = $1 AND provider_subject = $2"
    ))
    .bind(provider)
    .bind(subject)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(account).transpose()
}

async fn provide(
    connection: &mut Connection,
    who: Provided,
) -> Result<Option<Account>, StoreError> {
    let Provided {
        provider,
        subject,
        account,
        logins,
    } = who;
    if let Some(before) = find(connection, &provider, &subject).await? {
        let details = Details {
            is_disabled: before.is_disabled,
            ..account.details()
        };
        if details != before.details() {
            let was_sure = anybody(&mut *connection).await?;
            write_details(connection, &before, &details).await?;
            // What the provider says holds. That nobody is left who could manage accounts is not kept quiet.
            if was_sure && !anybody(&mut *connection).await? {
                let who = (before.id, before.login.as_str(), &*provider);
                note_lost(connection, who, account.created_at).await?;
                tracing::error!(
                    account = %before.login, provider,
                    "nobody can manage accounts any more: the provider makes no administrator of the last \
                     one; `dinh admin create` makes another"
                );
            }
        }
        let Details {
            name,
            email,
            role,
            province,
            is_disabled,
        } = details;
        return Ok(Some(Account {
            name,
            email,
            role,
            province,
            is_disabled,
            ..before
        }));
    }
    let mut new = Account {
        provider: Some(provider),
        ..account
    };
    for login in logins {
        new.login = login;
        let secrets = Secrets {
            provider_subject: Some(&subject),
            ..Secrets::default()
        };
        if insert(connection, &new, secrets).await? {
            return Ok(Some(new));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::accounts::AccountRole;
    use crate::fresh;
    use crate::testing::location;

    fn account(name: &str, role: AccountRole) -> Account {
        let details = Details {
            name: name.to_owned(),
            email: None,
            role,
            province: None,
            is_disabled: false,
        };
        fresh::account("x".parse().unwrap(), details, Timestamp::UNIX_EPOCH)
    }

    fn who(provider: &str, subject: &str, role: AccountRole) -> Provided {
        let logins = ["an", "an@bo", "bo-1"].map(|login| login.parse().unwrap());
        Provided {
            provider: provider.to_owned(),
            subject: subject.to_owned(),
            account: account("An", role),
            logins: logins.to_vec(),
        }
    }

    #[tokio::test]
    async fn who_comes_by_a_provider_takes_nobody_elses_account_and_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let local = Account {
            login: "AN".parse().unwrap(),
            ..account("Somebody else", AccountRole::Admin)
        };
        assert!(store.add_account(local.clone()).await.unwrap());
        let provide = async |provider, subject, role| {
            let who = who(provider, subject, role);
            store.provide_account(who).await.unwrap()
        };
        let first = provide("bo", "1", AccountRole::National).await.unwrap();
        assert_eq!(first.login.as_str(), "an@bo");
        assert_eq!(first.provider.as_deref(), Some("bo"));
        let again = provide("bo", "1", AccountRole::Auditor).await.unwrap();
        assert_eq!((again.id, again.role), (first.id, AccountRole::Auditor));
        assert_eq!(store.account(first.id).await.unwrap(), Some(again));
        // The same subject of another provider is somebody else.
        let other = provide("so", "1", AccountRole::National).await.unwrap();
        assert_ne!(other.id, first.id);
        assert_eq!(provide("bo", "2", AccountRole::National).await, None);
        assert_eq!(store.account(local.id).await.unwrap(), Some(local));
    }

    #[tokio::test]
    async fn that_a_provider_takes_the_last_administrator_away_is_an_event_and_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let provide = async |subject: &str, role| {
            let who = Provided {
                logins: vec![format!("login-{subject}").parse().unwrap()],
                ..who("bo", subject, role)
            };
            store.provide_account(who).await.unwrap().unwrap()
        };
        let told = async || {
            let journal = store.journal_after(0, 100).await.unwrap();
            let entries = journal.entries.into_iter();
            let own = entries.filter(|entry| entry.kind() == "lastAdministratorLost");
            own.map(|entry| entry.event["login"].clone())
                .collect::<Vec<_>>()
        };
        assert!(
            !store.lacks_administrator().await.unwrap(),
            "nobody is here"
        );
        provide("1", AccountRole::Admin).await;
        provide("2", AccountRole::Admin).await;
        let both = store.administrators().await.unwrap();
        assert_eq!((both.can_log_in, both.with_password), (2, 0));
        provide("1", AccountRole::National).await;
        assert!(told().await.is_empty());
        provide("2", AccountRole::Auditor).await;
        assert_eq!(told().await, ["login-2"]);
        assert!(store.lacks_administrator().await.unwrap());
        provide("2", AccountRole::National).await;
        assert_eq!(told().await.len(), 1, "said once");
        provide("1", AccountRole::Admin).await;
        assert!(!store.lacks_administrator().await.unwrap());
    }

    #[tokio::test]
    async fn what_is_disabled_here_stays_so_whatever_a_provider_says() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let provide = async |role| {
            let who = who("bo", "1", role);
            store.provide_account(who).await.unwrap().unwrap()
        };
        let first = provide(AccountRole::National).await;
        let disabled = Details {
            is_disabled: true,
            ..first.details()
        };
        store.change_account(first.id, disabled).await.unwrap();
        assert!(provide(AccountRole::Admin).await.is_disabled);
        let ended = store.end_provided_logins("bo".to_owned(), "1".to_owned());
        assert_eq!(ended.await.unwrap(), Some(first.id));
        let nobody = store.end_provided_logins("bo".to_owned(), "2".to_owned());
        assert_eq!(nobody.await.unwrap(), None);
    }
}
