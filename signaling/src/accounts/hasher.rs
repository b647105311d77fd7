//! Hashing passwords: Argon2id, on threads of its own, few at a time.
//!
//! A hash costs 20 MB and some 30 ms of a core, which is what keeps a stolen database from being
//! guessed. So that a flood of wrong passwords does not cost that of the machine on which a conference
//! runs, only so many are worked on at a time, and only so many wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::password::Password;
use crate::refusal::{ErrorCode, Refusal};

/// Most that wait for their turn; further ones are refused. Higher: a flood makes whoever comes after it
/// wait longer. Lower: fewer people can log in at the same moment.
const MOST_WAITING: usize = 64;

/// Of the machine's cores, one of so many hashes passwords.
const CORES_FOR_ONE: usize = 4;

/// The cost of one hash, as OWASP has it for Argon2id: KiB, passes, lanes. Higher: a stolen database
/// withstands longer, and logging in costs more.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What is compared with when there is no such login, so that this takes as long: of the cost above, and
/// of no password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// See the module.
#[derive(Clone, Debug)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// One that waits or is worked on, until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with(cores.div_ceil(CORES_FOR_ONE))
    }
}

impl Hasher {
    fn with(at_once: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::default(),
        }
    }

    /// What is kept of a password.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn hash(&self, password: Password) -> Result<String, Refusal> {
        self.work(move || {
            let hashed = argon2()?.hash_password(password.as_bytes());
            hashed.ok().map(|hash| hash.to_string())
        })
        .await?
        .ok_or_else(|| Refusal::new(ErrorCode::Internal, "the password cannot be hashed"))
    }

    /// Whether this is the password of which that was kept. Where there is none the answer is no, and
    /// takes as long.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn verify(&self, password: Password, kept: Option<String>) -> Result<bool, Refusal> {
        if password.is_beyond() {
            return Ok(false);
        }
        self.work(move || {
            let is_known = kept.is_some();
            let kept = kept.unwrap_or_else(|| NOBODY.to_owned());
            let is_right =
                argon2()
                    .zip(PasswordHash::new(&kept).ok())
                    .is_some_and(|(argon2, kept)| {
                        argon2.verify_password(password.as_bytes(), &kept).is_ok()
                    });
            is_right && is_known
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let waiting = self.wait()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let done = spawn_blocking(move || {
            // Also when nobody waits for the answer any more: the work is what is bounded.
            let _held = (turn, waiting);
            work()
        });
        done.await
            .map_err(|_| Refusal::new(ErrorCode::Internal, "the password cannot be hashed"))
    }

    fn wait(&self) -> Result<Waiting, Refusal> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(Arc::clone(&self.waiting));
        if before >= MOST_WAITING {
            let message = "too many people log in at this moment: try again in some seconds";
            return Err(Refusal::new(ErrorCode::Overloaded, message));
        }
        Ok(waiting)
    }
}

fn argon2() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn password(text: &str) -> Password {
        Password::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_by_what_is_kept_of_it_and_by_nothing_else() {
        let hasher = Hasher::default();
        let kept = hasher.hash(password("con trâu đi trước")).await.unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let verify = async |text: &str, kept: Option<String>| {
            hasher.verify(password(text), kept).await.unwrap()
        };
        assert!(verify("con trâu đi trước", Some(kept.clone())).await);
        assert!(!verify("con trâu đi sau", Some(kept.clone())).await);
        assert!(!verify("con trâu đi trước", None).await);
        assert!(!verify(&"x".repeat(5_000), Some(kept)).await);
    }

    #[tokio::test]
    async fn a_login_that_nobody_has_takes_as_long_as_a_wrong_password() {
        let hasher = Hasher::default();
        let kept = hasher.hash(password("con trâu đi trước")).await.unwrap();
        let shortest = async |kept: Option<String>| {
            let mut shortest = Duration::MAX;
            for _ in 0..5 {
                let began = Instant::now();
                hasher
                    .verify(password("wrong"), kept.clone())
                    .await
                    .unwrap();
                shortest = shortest.min(began.elapsed());
            }
            shortest
        };
        let (known, unknown) = (shortest(Some(kept)).await, shortest(None).await);
        assert!(unknown > known / 4, "{unknown:?} {known:?}");
        assert!(known > unknown / 4, "{unknown:?} {known:?}");
    }

    #[tokio::test]
    async fn however_many_come_few_are_worked_on_and_few_wait() {
        let hasher = Hasher::with(1);
        // Nobody gets a turn for now.
        let turn = Arc::clone(&hasher.turns).acquire_owned().await.unwrap();
        let flood: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.verify(password("wrong"), None).await })
            })
            .collect();
        while hasher.waiting.load(Ordering::Relaxed) < MOST_WAITING {
            tokio::task::yield_now().await;
        }
        let refused = hasher.verify(password("wrong"), None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        for one in flood {
            one.abort();
            let _ = one.await;
        }
        drop(turn);
        // Those who left have given their places back.
        assert!(!hasher.verify(password("wrong"), None).await.unwrap());
    }
}
