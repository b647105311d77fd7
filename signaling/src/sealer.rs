//! Signs what the record holds: when a conference ends, once in a while, and when the server stops.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::rand::SecureRandom;
use tracing::{error, info, warn};

use crate::auth::{KeyFileError, SigningKey};
use crate::data_dir::{DataDir, RECORD_KEY, SIGNED_HEADS};
use crate::ids::ConferenceId;
use crate::signed_heads::{NotVouched, SignedHeads};
use crate::store::{Head, ListedHead, Store, StoreError};

/// How often what is new is signed. Higher: less writing. Lower: whoever can write to the database
/// has less of a running conference that could be changed unseen.
const SIGN_EVERY: Duration = Duration::from_secs(30);

/// Who signs, and what was signed last.
#[derive(Debug)]
pub struct Sealer {
    key: SigningKey,
    path: PathBuf,
    signed: Mutex<SignedHeads>,
    /// Whether the last attempt failed: one line for a run of failures.
    has_failed: Mutex<bool>,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path}: {source}")]
    Io {
        path: String,
        source: std::io::Error,
    },
}

impl Sealer {
    /// With the key and the file in the data directory, which are made on the first start. From now on
    /// the store compares its logs with what was signed.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn open(
        directory: &DataDir,
        random: &dyn SecureRandom,
        store: &Store,
    ) -> Result<Self, KeyFileError> {
        let (key_path, path) = (directory.file(RECORD_KEY), directory.file(SIGNED_HEADS));
        let is_first = !key_path.exists() && !path.exists();
        let key = SigningKey::load_or_create(&key_path, random)?;
        let signed = SignedHeads::load(&path, &key).or_else(|cause| {
            if !is_first {
                error!(%cause, "whether the record was changed before now cannot be told any more");
            }
            if matches!(cause, NotVouched::Io(..)) {
                return Err(cause);
            }
            put_aside(&path);
            Ok(SignedHeads::new(Timestamp::now(), &key))
        });
        let signed = match signed {
            Ok(signed) => signed,
            Err(cause) => {
                return Err(KeyFileError::Io {
                    path,
                    source: std::io::Error::other(cause),
                });
            }
        };
        store.compare_with(signed.to_compare());
        // The file is there from the first start on, so that it can be missed.
        signed.save(&path).map_err(|source| KeyFileError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            key,
            path,
            signed: Mutex::new(signed),
            has_failed: Mutex::new(false),
        })
    }

    /// Checks all logs that nobody has read since the start, then signs whatever is new, for ever.
    pub async fn keep_signing(&self, store: &Store) {
        self.check_all(store).await;
        loop {
            self.sign(store).await;
            tokio::select! {
                () = store.conference_ended() => {}
                () = tokio::time::sleep(SIGN_EVERY) => {}
            }
        }
    }

    /// Every log, those too whose conference has ended or is no longer in the database. What is wrong
    /// the store remembers, and says.
    async fn check_all(&self, store: &Store) {
        if let Err(cause) = self.try_check_all(store).await {
            warn!(%cause, "not all records could be checked");
        }
    }

    async fn try_check_all(&self, store: &Store) -> Result<(), StoreError> {
        let listed = store.heads().await?;
        let mut all: BTreeSet<_> = self.signed().heads.into_keys().collect();
        all.extend(listed.into_iter().map(|head| head.conference));
        for conference in all {
            match store.verify(&conference).await {
                Ok(_) | Err(StoreError::Broken(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Signs what is new.
    pub async fn sign(&self, store: &Store) {
        let signed = self.try_sign(store).await;
        let mut has_failed = self
            .has_failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match signed {
            Ok(()) if *has_failed => info!("the record is signed again"),
            Err(ref cause) if !*has_failed => warn!(%cause, "the record cannot be signed"),
            Ok(()) | Err(_) => {}
        }
        *has_failed = signed.is_err();
    }

    async fn try_sign(&self, store: &Store) -> Result<(), SealError> {
        let mut signed = self.signed();
        let mut new: Vec<(ConferenceId, Head)> = Vec::new();
        for listed in store.heads().await? {
            let ListedHead {
                conference,
                seq,
                hash,
            } = listed;
            let before = signed.heads.get(&conference);
            let is_the_same = before.is_some_and(|head| head.seq == seq && head.hash == hash);
            if is_the_same || store.damage(&conference).is_some() {
                continue;
            }
            match store.verify_unsigned(&conference).await {
                Ok(head) if head.seq > 0 => new.push((conference, head)),
                // The store remembers what is damaged: that is not signed.
                Ok(_) | Err(StoreError::Broken(_)) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        signed.sign(new, Timestamp::now(), &self.key);
        signed.save(&self.path).map_err(|source| SealError::Io {
            path: self.path.display().to_string(),
            source,
        })?;
        store.compare_with(signed.to_compare());
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner) = signed;
        Ok(())
    }

    fn signed(&self) -> SignedHeads {
        self.signed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A file that says nothing is kept for whoever will look into it.
fn put_aside(path: &Path) {
    if !path.exists() {
        return;
    }
    let aside = path.with_extension(format!("{}.untrusted", Timestamp::now().as_second()));
    match fs::rename(path, &aside) {
        Ok(()) => warn!(file = %aside.display(), "kept under another name"),
        Err(cause) => warn!(file = %path.display(), %cause, "cannot be put aside"),
    }
}
