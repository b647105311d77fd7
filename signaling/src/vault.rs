//! What is kept and who signs: the data directory opened, for a server or for a command beside one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ring::rand::SystemRandom;

use crate::auth::{ApiKey, CLOCK_LEEWAY, KeyError, KeyFileError, Keys, SigningKey};
use crate::config::Config;
use crate::data_dir::{DATABASE, DataDir, DataDirError, Lock, RECORD_KEY, SIGNED_HEADS, TOKEN_KEY};
use crate::ids::ConferenceId;
use crate::sealer::Sealer;
use crate::signed_heads::{NotVouched, SignedHeads};
use crate::store::{Location, Store, StoreError};

/// The store and the keys.
#[derive(Debug)]
pub struct Vault {
    /// What is kept.
    pub store: Store,
    /// Who signs tokens.
    pub keys: Keys,
}

/// A vault that one server has to itself.
#[derive(Debug)]
pub struct Served {
    /// What it holds.
    pub vault: Vault,
    /// Who signs the record.
    pub sealer: Sealer,
    /// Keeps others out.
    pub lock: Lock,
}

/// A record to be looked at, with what the server has signed of it.
#[derive(Debug)]
pub struct Archive {
    /// What is kept.
    pub store: Store,
    /// What was signed, or why that is not known.
    pub signed: Result<SignedHeads, NotVouched>,
}

/// Why the vault stays closed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be written.
    #[error("nothing can be stored in {place}: {cause}")]
    ReadOnly {
        /// Where the database is.
        place: String,
        /// Why not.
        cause: StoreError,
    },
    /// A key of the server's own cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// An API key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The id of an API key is none.
    #[error("`auth.api_keys.{0}`: {1}")]
    KeyId(String, String),
}

impl Vault {
    /// For a server: makes what is missing, keeps other servers out, and tries whether something can
    /// be stored.
    ///
    /// # Errors
    /// When it cannot be used, or another server uses it.
    pub async fn serve(config: &Config) -> Result<Served, VaultError> {
        let directory = DataDir::create(&config.data_dir)?;
        let lock = directory.lock()?;
        let random = SystemRandom::new();
        let token_key = SigningKey::load_or_create(&directory.file(TOKEN_KEY), &random)?;
        let keys = keys(config, &token_key)?;
        let location = prepare(config, &directory)?;
        let store = Store::serve(&location, &holder(&directory)).await?;
        store.fence().await.map_err(|cause| VaultError::ReadOnly {
            place: location.to_string(),
            cause,
        })?;
        let sealer = Sealer::open(&directory, &random, &store)?;
        let vault = Self { store, keys };
        vault.load_revoked().await?;
        Ok(Served {
            vault,
            sealer,
            lock,
        })
    }

    /// For a command that uses what a server has made, beside it or without it. Makes nothing.
    ///
    /// # Errors
    /// When there are no data, or they cannot be used.
    pub async fn existing(config: &Config) -> Result<Self, VaultError> {
        let directory = existing(config)?;
        let token_key = SigningKey::load(&directory.file(TOKEN_KEY))?;
        let keys = keys(config, &token_key)?;
        let store = open_store(config, &directory).await?;
        let vault = Self { store, keys };
        vault.load_revoked().await?;
        Ok(vault)
    }

    async fn load_revoked(&self) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let still_good = now.checked_sub(CLOCK_LEEWAY).unwrap_or(now);
        let revoked = self.store.revoked_tokens(still_good).await?;
        self.keys.revoked().extend(revoked);
        Ok(())
    }
}

impl Archive {
    /// The record of a data directory.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn open(config: &Config) -> Result<Self, VaultError> {
        let directory = existing(config)?;
        let key = SigningKey::load(&directory.file(RECORD_KEY))?;
        // Before the database is read: beside a running server that is ahead of what is signed.
        let signed = SignedHeads::load(&directory.file(SIGNED_HEADS), &key);
        let store = open_store(config, &directory).await?;
        if let Ok(signed) = &signed {
            store.compare_with(signed.to_compare());
        }
        Ok(Self { store, signed })
    }

    /// Every conference that is, or was, in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conferences(&self) -> Result<Vec<ConferenceId>, StoreError> {
        let heads = self.store.heads().await?;
        let mut all: BTreeSet<_> = heads.into_iter().map(|head| head.conference).collect();
        if let Ok(signed) = &self.signed {
            all.extend(signed.heads.keys().cloned());
        }
        Ok(all.into_iter().collect())
    }

    /// What a signature covers of a conference, in words.
    #[must_use]
    pub fn covered(&self, conference: &ConferenceId) -> String {
        let signed = self.signed.as_ref().ok();
        signed
            .and_then(|signed| signed.heads.get(conference))
            .map_or_else(
                || "not signed".to_owned(),
                |head| format!("signed up to event {} at {}", head.seq, head.at),
            )
    }
}

/// The database, to put something into it: made if there is none, and only the database.
///
/// # Errors
/// When it cannot be used.
pub async fn store_to_fill(config: &Config) -> Result<Store, VaultError> {
    let directory = DataDir::create(&config.data_dir)?;
    prepare(config, &directory)?;
    Ok(open_store(config, &directory).await?)
}

/// The directory of a server that was started before. What shows that is its database, or where that is
/// elsewhere its key.
///
/// # Errors
/// When there are no data.
pub fn existing(config: &Config) -> Result<DataDir, DataDirError> {
    let proof = if config.store.is_on_server() {
        TOKEN_KEY
    } else {
        DATABASE
    };
    DataDir::with(&config.data_dir, proof)
}

/// The database of a data directory, beside the server that uses it or without one.
///
/// # Errors
/// When it cannot be used.
pub(crate) async fn open_store(config: &Config, directory: &DataDir) -> Result<Store, StoreError> {
    let location = config.store.location(directory.path());
    if directory.is_in_use() {
        Store::open_beside(&location).await
    } else {
        Store::open(&location).await
    }
}

/// Where the database is. One that is a file is its owner's alone before anything is in it.
fn prepare(config: &Config, directory: &DataDir) -> Result<Location, DataDirError> {
    let location = config.store.location(directory.path());
    if let Location::File(_) = location {
        directory.make_private(DATABASE)?;
    }
    Ok(location)
}

/// What others are told of this process.
fn holder(directory: &DataDir) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let path = directory.path().display();
    format!(
        "process {} on {}, with the data directory {path}",
        std::process::id(),
        machine.trim()
    )
}

fn keys(config: &Config, own: &SigningKey) -> Result<Keys, VaultError> {
    Ok(Keys::new(own, &api_keys(config)?)?)
}

/// The keys of other programs that a configuration names.
///
/// # Errors
/// When the id of one is none.
pub(crate) fn api_keys(config: &Config) -> Result<Vec<ApiKey>, VaultError> {
    let mut api_keys = Vec::new();
    for (id, secret) in &config.auth.api_keys {
        let parsed = id
            .parse()
            .map_err(|error| VaultError::KeyId(id.clone(), format!("{error}")))?;
        api_keys.push(ApiKey {
            id: parsed,
            secret: secret.expose().to_owned(),
            limits: config
                .auth
                .api_key_limits
                .get(id)
                .cloned()
                .unwrap_or_default(),
        });
    }
    Ok(api_keys)
}
