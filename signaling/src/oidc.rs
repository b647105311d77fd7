//! People who log in by a provider that knows them (OpenID Connect, authorization code with PKCE).
//!
//! ```text
//! browser ──▶ depart ──▶ the provider ──▶ arrive: code ──▶ token ──▶ claims ──▶ person, role, province
//!                └── an attempt, kept here and bound to the browser ──┘
//! ```
//!
//! Nothing here makes accounts or logins: see `rest/by_provider.rs`.

pub(crate) mod address;
mod attempts;
mod claims;
mod client;
mod cookie;
mod fetch;
mod look;
mod person;
mod provider;
mod then;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::auth::{SecretHash, SessionSecret};
use crate::clock::Now;
use crate::config::Oidc;
use attempts::{Attempt, Attempts};
use provider::{Departure, Provider};

pub(crate) use claims::Claims;
pub(crate) use cookie::BrowserCookie;
pub(crate) use look::{Fault, look};
pub(crate) use person::{logins, person};
pub(crate) use then::page;
pub(crate) use trouble::Trouble;

/// For how long it is believed what a provider says of itself, when somebody comes back from there. Higher: it
/// is asked less often. Lower: what it changes is known sooner; new keys are asked for when they are met.
const BELIEVED_FOR: Duration = Duration::from_secs(3_600);

/// The same before somebody is sent there. Higher: more people are sent to a provider that is away, where no
/// page says so.
const THERE_FOR: Duration = Duration::from_secs(30);

/// How often a provider is asked for new keys because one is unknown. Lower: whoever invents keys has it
/// asked more often.
const RENEWED_EVERY: Duration = Duration::from_secs(30);

/// How long a provider that does not answer is not asked again. Higher: it is back later for people here.
/// Lower: more of them wait for it one after the other.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// How long all of an arrival may take: exchange, keys and person. Less than a request may take by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// All providers, and who has gone to them.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    attempts: Attempts,
    /// By id. One is asked by one person at a time; others wait for what comes of it.
    known: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Found>>>>,
}

/// What came of asking a provider for itself.
#[derive(Debug, Default)]
enum Found {
    #[default]
    NotAsked,
    Known {
        provider: Arc<Provider>,
        /// When it was asked last because a key was unknown.
        renewed: Option<Instant>,
    },
    Failed {
        config: Box<Oidc>,
        at: Instant,
        trouble: Trouble,
    },
}

/// For what a provider is wanted.
#[derive(Clone, Copy, Debug)]
enum Wanted<'p> {
    /// Somebody is sent there.
    ToDepart,
    /// Somebody has come back.
    ToArrive,
    /// A key is not among those that it had.
    ForKeys(&'p Arc<Provider>),
}

/// With what somebody comes back.
#[derive(Debug)]
pub(crate) struct Return {
    /// What the provider repeats.
    pub(crate) state: Option<String>,
    /// For what it gives a token.
    pub(crate) code: Option<String>,
    /// Why it gives none.
    pub(crate) error: Option<String>,
    /// Who it is (RFC 9207).
    pub(crate) issuer: Option<String>,
}

/// Somebody who has come back.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// What the provider says of the person.
    pub(crate) claims: Claims,
    /// Which page is shown then.
    pub(crate) then: String,
}

impl Providers {
    /// Where somebody is sent who wants to log in, to come back to `redirect` in this browser.
    ///
    /// # Errors
    /// When the provider does not say where.
    pub(crate) async fn depart(
        &self,
        (id, config): (&str, &Oidc),
        now: Now,
        browser: &SessionSecret,
        (redirect, then): (String, String),
    ) -> Result<String, Trouble> {
        let provider = self
            .provider(id, config, now.mono, Wanted::ToDepart)
            .await?;
        let Departure {
            url,
            state,
            nonce,
            verifier,
        } = provider.depart(&redirect)?;
        let attempt = Attempt {
            provider: id.to_owned(),
            nonce,
            verifier,
            redirect,
            then,
            browser: browser.hash(),
        };
        self.attempts.begin(now.mono, &state, attempt);
        Ok(url)
    }

    /// Who has come back.
    ///
    /// # Errors
    /// When nobody has who can be believed.
    pub(crate) async fn arrive(
        &self,
        (id, config): (&str, &Oidc),
        now: Now,
        browser: Option<&SecretHash>,
        came: Return,
    ) -> Result<Arrival, Trouble> {
        let late = || {
            Trouble::Late("nobody waits for this answer, not in this browser or not now".to_owned())
        };
        let state = came.state.as_deref().ok_or_else(late)?;
        let attempt = self.attempts.take(now.mono, state, browser);
        let attempt = attempt.filter(|attempt| attempt.provider == id);
        let attempt = attempt.ok_or_else(late)?;
        let claims = timeout(PATIENCE, self.ask((id, config), now, &attempt, came)).await;
        let silent = || {
            let said = format!("it was silent for {} s", PATIENCE.as_secs());
            Err(Trouble::Away(said))
        };
        let claims = claims.unwrap_or_else(|_| silent());
        let claims = claims.inspect_err(|trouble| {
            warn!(provider = id, cause = trouble.said(), "nobody comes in");
        })?;
        Ok(Arrival {
            claims,
            then: attempt.then,
        })
    }

    async fn ask(
        &self,
        (id, config): (&str, &Oidc),
        now: Now,
        attempt: &Attempt,
        came: Return,
    ) -> Result<Claims, Trouble> {
        if let Some(error) = came.error {
            return Err(refused(&error));
        }
        if came.issuer.is_some_and(|issuer| issuer != config.issuer) {
            let said = "the answer is of another provider (`iss`)";
            return Err(Trouble::Nonsense(said.to_owned()));
        }
        let code = came.code.filter(|code| !code.is_empty());
        let code =
            code.ok_or_else(|| Trouble::Nonsense("there is no code in its answer".to_owned()))?;
        let provider = self
            .provider(id, config, now.mono, Wanted::ToArrive)
            .await?;
        let tokens = provider.exchange(code, attempt).await?;
        if let Some(token) = provider.read(&tokens, &attempt.nonce, now.wall)? {
            return provider.person(&tokens, token).await;
        }
        // It has other keys by now, perhaps.
        let newer = Wanted::ForKeys(&provider);
        let provider = self.provider(id, config, now.mono, newer).await?;
        match provider.read(&tokens, &attempt.nonce, now.wall)? {
            Some(token) => provider.person(&tokens, token).await,
            None => Err(Trouble::Nonsense(
                "its ID token: it is signed with a key that it does not publish".to_owned(),
            )),
        }
    }

    /// A provider as it has described itself a while ago at most, with the settings of now.
    async fn provider(
        &self,
        id: &str,
        config: &Oidc,
        now: Instant,
        wanted: Wanted<'_>,
    ) -> Result<Arc<Provider>, Trouble> {
        let found = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(id.to_owned()).or_default())
        };
        let mut found = found.lock().await;
        if let Some(answer) = found.answer(config, now, wanted) {
            return answer;
        }
        match Provider::discover(config.clone(), now).await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                *found = Found::Known {
                    provider: Arc::clone(&provider),
                    renewed: matches!(wanted, Wanted::ForKeys(_)).then_some(now),
                };
                Ok(provider)
            }
            Err(trouble) => {
                warn!(
                    provider = id,
                    cause = trouble.said(),
                    "a provider cannot be used"
                );
                *found = Found::Failed {
                    config: Box::new(config.clone()),
                    at: Instant::now(),
                    trouble: trouble.clone(),
                };
                Err(trouble)
            }
        }
    }
}

impl Found {
    /// What is answered without asking the provider; `None` if it is to be asked.
    fn answer(
        &self,
        config: &Oidc,
        now: Instant,
        wanted: Wanted<'_>,
    ) -> Option<Result<Arc<Provider>, Trouble>> {
        match self {
            Self::Known { provider, renewed } if provider.config == *config => {
                let is_within = |since, most| now.saturating_duration_since(since) < most;
                let is_good = match wanted {
                    Wanted::ToDepart => is_within(provider.since, THERE_FOR),
                    Wanted::ToArrive => is_within(provider.since, BELIEVED_FOR),
                    Wanted::ForKeys(outdated) => {
                        let was_asked = renewed.is_some_and(|at| is_within(at, RENEWED_EVERY));
                        was_asked || !Arc::ptr_eq(outdated, provider)
                    }
                };
                is_good.then(|| Ok(Arc::clone(provider)))
            }
            Self::Failed {
                config: of,
                at,
                trouble,
            } if **of == *config && at.elapsed() < LEFT_ALONE => Some(Err(trouble.clone())),
            Self::NotAsked | Self::Known { .. } | Self::Failed { .. } => None,
        }
    }
}

/// Where a provider sends people back to, at a server with this address.
pub(crate) fn callback(base: &str, id: &str) -> String {
    format!("{base}/api/v1/login/oidc/{id}/callback")
}

/// What a provider says when it lets nobody in (RFC 6749 §4.1.2.1).
fn refused(error: &str) -> Trouble {
    let said = format!("it says {:?}", error.chars().take(64).collect::<String>());
    match error {
        "temporarily_unavailable" | "server_error" => Trouble::Away(said),
        "access_denied"
        | "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => Trouble::Denied(said),
        _ => Trouble::Nonsense(said),
    }
}
