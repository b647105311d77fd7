//! `dinh admin`: accounts of administrators, also beside a running server.

use clap::Subcommand;
use jiff::Timestamp;

use super::{complain, print};
use crate::accounts::{Account, AccountRole, Details, LoginName, WELCOME, welcome_url};
use crate::auth::LinkCode;
use crate::config::Config;
use crate::fresh;
use crate::ids::AccountId;
use crate::vault::Vault;

#[derive(Debug, Subcommand)]
pub(super) enum AdminVerb {
    /// Make an account for an administrator, and print the link with which its person sets a password.
    Create {
        /// What the person writes to log in.
        login: LoginName,
        /// The person's name; the login if left out.
        #[arg(long)]
        name: Option<String>,
    },
    /// Print a new link for an account: with it its person sets another password.
    Welcome {
        /// What the person writes to log in.
        login: LoginName,
    },
}

/// Does what the command line says.
pub(super) async fn run(config: &Config, verb: AdminVerb) -> anyhow::Result<()> {
    let vault = Vault::existing(config).await?;
    match verb {
        AdminVerb::Create { login, name } => create(config, &vault, login, name).await,
        AdminVerb::Welcome { login } => {
            let known = vault.store.credentials(&login).await?;
            let Some(known) = known else {
                anyhow::bail!("there is no account {login}: `dinh admin create {login}` makes one");
            };
            let Account {
                id,
                is_disabled,
                provider,
                ..
            } = known.account;
            anyhow::ensure!(
                !is_disabled,
                "the account {login} is disabled: an administrator must enable it first"
            );
            if let Some(provider) = provider {
                anyhow::bail!("{login} logs in by {provider}: there is no password here");
            }
            welcome(config, &vault, id, &login).await
        }
    }
}

async fn create(
    config: &Config,
    vault: &Vault,
    login: LoginName,
    name: Option<String>,
) -> anyhow::Result<()> {
    let details = Details {
        name: name.unwrap_or_else(|| login.to_string()),
        email: None,
        role: AccountRole::Admin,
        province: None,
        is_disabled: false,
    };
    details.check()?;
    let account = fresh::account(login.clone(), details, Timestamp::now());
    let id = account.id;
    anyhow::ensure!(
        vault.store.add_account(account).await?,
        "there is an account {login} already: `dinh admin welcome {login}` prints a new link for it"
    );
    welcome(config, vault, id, &login).await
}

async fn welcome(
    config: &Config,
    vault: &Vault,
    id: AccountId,
    login: &LoginName,
) -> anyhow::Result<()> {
    let code = LinkCode::new(rand::random());
    let until = Timestamp::now() + WELCOME;
    let kept = vault.store.add_welcome(code.hash(), Some(id), until);
    kept.await?;
    let base = config.base_url(config.http.listen);
    print(&welcome_url(&base, &code, Some(login)))?;
    complain(&format!(
        "a link that is good once, until {until:.0}: whoever opens it sets the password"
    ));
    Ok(())
}
