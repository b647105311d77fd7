//! Obtains a certificate from an ACME server (RFC 8555) and renews it.
//!
//! `instant-acme` speaks the protocol. When to order is decided in `plan`, what outlives a restart is
//! in `kept`, and what the server asks back is answered by `Shown`.

mod kept;
mod numbers;
mod plan;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AccountBuilder, AuthorizationStatus, ChallengeHandle, ChallengeType,
    ExternalAccountKey, Identifier, NewAccount, NewOrder, Order, OrderStatus, RenewalInfo,
    RetryPolicy,
};
use jiff::Timestamp;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::sign::CertifiedKey;
use tracing::{debug, error, info};

use super::certificate::{Certificate, CertificateError};
use super::shown::{Answering, Shown};
use super::{provider, source_of};
use crate::config::tls::{Acme as Settings, Challenge};
use crate::data_dir::{ACME, DataDir};
use kept::{Kept, Pair};
use numbers::with_good_number;
use plan::Plan;

/// How long the server is waited for to look at the answers, and then to sign.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest that an order may take in all: whatever hangs then has failed.
const DEADLINE: Duration = Duration::from_secs(600);

/// What an ACME server says of an account that it does not know (any longer).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// What is kept cannot be read.
    #[error("cannot use {}: {source}; without the file a new account is made", path.display())]
    Kept {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The secret of the account is none.
    #[error("`tls.acme.key` is not in base 64 for URLs: {0}")]
    Key(base64::DecodeError),
    /// The server refuses, or cannot be reached.
    #[error("{}", source_of(.0))]
    Server(#[from] instant_acme::Error),
    /// It does not want what we can do.
    #[error("the server does not offer the challenge `tls.acme.challenge` for {0}")]
    NotOffered(String),
    /// It has looked, and was not convinced.
    #[error("the server does not believe that a name is ours: {0}")]
    NotBelieved(String),
    /// An answer cannot be made.
    #[error("cannot answer its question: {0}")]
    Answer(String),
    /// What it gave cannot be used.
    #[error("the certificate that the server gave {0}")]
    Certificate(#[from] CertificateError),
    /// It took too long.
    #[error("the server took more than {} s", DEADLINE.as_secs())]
    Late,
}

/// See the module.
pub(super) struct Acme {
    settings: Settings,
    names: Vec<String>,
    path: PathBuf,
    kept: Mutex<Kept>,
    plan: Mutex<Plan>,
}

impl std::fmt::Debug for Acme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Acme");
        shown.field("names", &self.names).finish_non_exhaustive()
    }
}

impl Acme {
    /// What was obtained before is used again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(
        directory: &DataDir,
        settings: &Settings,
        names: &[String],
    ) -> Result<Self, AcmeError> {
        let path = directory.file(ACME);
        let kept = Kept::load(&path, &settings.directory).map_err(|source| AcmeError::Kept {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            settings: settings.clone(),
            names: names.to_vec(),
            path,
            kept: Mutex::new(kept),
            plan: Mutex::default(),
        })
    }

    /// The certificate of before, if there is one.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        let kept = self.kept();
        let pair = kept.certificate.as_ref()?;
        Certificate::from_pem(pair.chain.as_bytes(), pair.key.as_bytes()).ok()
    }

    /// Whether to order now.
    pub(super) fn is_due(&self, now: Timestamp, shown: Option<&Certificate>) -> bool {
        let good = shown.filter(|shown| shown.is_for(&self.names));
        self.plan().is_due(now, good.map(Certificate::renew_at))
    }

    /// Asks the server when it wants the certificate that is shown renewed (RFC 9773), if it is time to.
    /// One that does not say lets a third of its time decide.
    pub(super) async fn ask(&self, shown: &Shown, now: Timestamp) {
        let identifier = shown.certificate().and_then(|shown| shown.identifier());
        let Some(identifier) = identifier.filter(|_| self.plan().is_to_ask(now)) else {
            return;
        };
        // Before the answer: whatever becomes of this, it is not asked at each look.
        self.plan().not_advised(now);
        let asking = async {
            let account = self.account().await?;
            Ok::<_, AcmeError>(account.renewal_info(&identifier).await?)
        };
        let asking = Box::pin(tokio::time::timeout(PATIENCE, asking));
        match asking.await.unwrap_or(Err(AcmeError::Late)) {
            Ok((info, again)) => self.take_advice(now, &info, again),
            Err(cause) => debug!(%cause, "the ACME server does not say when to renew"),
        }
    }

    fn take_advice(&self, now: Timestamp, info: &RenewalInfo, again: Duration) {
        let window = &info.suggested_window;
        let at = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let start = at(window.start.unix_timestamp());
        let end = at(window.end.unix_timestamp());
        let reason = info.explanation_url.as_deref().unwrap_or_default();
        info!(%start, %end, reason, "the ACME server says when to renew the certificate");
        let random = rand::random();
        self.plan().advise(now, (start, end), again, random);
    }

    /// Orders one and shows it. What goes wrong is said.
    pub(super) async fn renew(&self, shown: &Shown, now: impl Fn() -> Timestamp) -> bool {
        // Boxed: its state is large, and is there for seconds only.
        let ordering = Box::pin(tokio::time::timeout(DEADLINE, self.order(shown)));
        let ordered = ordering.await.unwrap_or(Err(AcmeError::Late));
        let mut plan = self.plan();
        match ordered {
            Ok(certificate) => {
                plan.succeeded(now());
                info!(not_after = %certificate.not_after(), names = ?self.names, "shows a new certificate");
                shown.show(certificate);
                true
            }
            Err(cause) => {
                let again_in = plan.failed(now());
                error!(%cause, ?again_in, directory = self.settings.directory, "obtains no certificate");
                false
            }
        }
    }

    async fn order(&self, shown: &Shown) -> Result<Certificate, AcmeError> {
        let account = self.account().await?;
        let ordered = self.new_order(&account, shown).await;
        let mut order = ordered.inspect_err(|error| self.forget_account_if_unknown(error))?;
        let answering = shown.answering();
        self.answer(&mut order, &answering).await?;
        let patience = RetryPolicy::default().timeout(PATIENCE);
        let status = with_good_number!(order.poll_ready(&patience))?;
        if status != OrderStatus::Ready {
            return Err(AcmeError::NotBelieved(doubts(&mut order).await));
        }
        drop(answering);
        let key = with_good_number!(order.finalize())?;
        let chain = with_good_number!(order.poll_certificate(&patience))?;
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())?;
        self.keep(|kept| kept.certificate = Some(Pair { chain, key }));
        Ok(certificate)
    }

    /// Says which certificate another is to take the place of, where that is understood: such an order
    /// may go before others.
    async fn new_order(
        &self,
        account: &Account,
        shown: &Shown,
    ) -> Result<Order, instant_acme::Error> {
        let identifiers: Vec<_> = self.names.iter().map(|name| identifier(name)).collect();
        let replaced = shown.certificate().and_then(|shown| shown.identifier());
        if let Some(replaced) = replaced.filter(|_| self.plan().is_advised()) {
            let order = NewOrder::new(&identifiers).replaces(replaced);
            match with_good_number!(account.new_order(&order)) {
                // It may have been replaced already, or be of another account.
                Err(instant_acme::Error::Api(problem)) => {
                    debug!(%problem, "the ACME server does not want to replace the certificate");
                }
                ordered => return ordered,
            }
        }
        let order = NewOrder::new(&identifiers);
        with_good_number!(account.new_order(&order))
    }

    /// Prepares the answers, and has the server look at them.
    async fn answer(&self, order: &mut Order, answering: &Answering<'_>) -> Result<(), AcmeError> {
        let kind = match self.settings.challenge {
            Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
            Challenge::Http => ChallengeType::Http01,
        };
        with_good_number!(fetch_authorizations(order))?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let challenge = authorization.challenge(kind.clone());
            let mut challenge = challenge.ok_or_else(|| AcmeError::NotOffered(name.clone()))?;
            match self.settings.challenge {
                Challenge::TlsAlpn => answering.by_tls(&name, tls_answer(&name, &challenge)?),
                Challenge::Http => {
                    let answer = challenge.key_authorization().as_str().to_owned();
                    answering.by_http(challenge.token.clone(), answer);
                }
            }
            with_good_number!(challenge.set_ready())?;
        }
        Ok(())
    }

    /// The account of before, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let settings = &self.settings;
        let known = self.kept().account.clone();
        // One that is not what was written is made anew.
        if let Some(credentials) = known.and_then(|known| serde_json::from_value(known).ok()) {
            return Ok(self
                .account_builder()?
                .from_credentials(credentials)
                .await?);
        }
        let contact = format!("mailto:{}", settings.contact);
        let contact = [contact.as_str()];
        let new = NewAccount {
            contact: if settings.contact.is_empty() {
                &[]
            } else {
                &contact
            },
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let external = self.external_account()?;
        let (account, credentials) = with_good_number!({
            let directory = settings.directory.clone();
            let builder = self.account_builder()?;
            builder.create(&new, directory, external.as_ref())
        })?;
        let credentials = serde_json::to_value(credentials);
        self.keep(|kept| kept.account = credentials.ok());
        Ok(account)
    }

    fn account_builder(&self) -> Result<AccountBuilder, instant_acme::Error> {
        let authority = &self.settings.authority;
        if authority.as_os_str().is_empty() {
            Account::builder()
        } else {
            Account::builder_with_root(authority)
        }
    }

    fn external_account(&self) -> Result<Option<ExternalAccountKey>, AcmeError> {
        let settings = &self.settings;
        if settings.key_id.is_empty() {
            return Ok(None);
        }
        let key = settings.key.expose().trim_end_matches('=');
        let key = BASE64_URL_SAFE_NO_PAD.decode(key).map_err(AcmeError::Key)?;
        Ok(Some(ExternalAccountKey::new(settings.key_id.clone(), &key)))
    }

    /// A server that has lost its accounts gets a new one at the next attempt.
    fn forget_account_if_unknown(&self, error: &instant_acme::Error) {
        if is_problem(error, NO_ACCOUNT) {
            self.keep(|kept| kept.account = None);
        }
    }

    /// Changes what outlives a restart. If it cannot be written, it is used all the same.
    fn keep(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        change(&mut kept);
        if let Err(cause) = kept.save(&self.path) {
            error!(%cause, file = %self.path.display(), "cannot keep the certificate and its account: the next start asks for new ones");
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether that is what the server answered.
fn is_problem(error: &instant_acme::Error, kind: &str) -> bool {
    matches!(error, instant_acme::Error::Api(problem) if problem.r#type.as_deref() == Some(kind))
}

fn identifier(name: &str) -> Identifier {
    let address = name.parse::<IpAddr>().map(Identifier::Ip);
    address.unwrap_or_else(|_| Identifier::Dns(name.to_owned()))
}

/// The certificate that shows that a name is ours (RFC 8737 §3).
fn tls_answer(name: &str, challenge: &ChallengeHandle<'_>) -> Result<Arc<CertifiedKey>, AcmeError> {
    let failed = |error: &dyn std::fmt::Display| AcmeError::Answer(error.to_string());
    let digest = challenge.key_authorization().digest();
    let params = CertificateParams::new([name.to_owned()]);
    let mut params = params.map_err(|error| failed(&error))?;
    let proof = CustomExtension::new_acme_identifier(digest.as_ref());
    params.custom_extensions.push(proof);
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let made = params.self_signed(&key).map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| failed(&error))?;
    let key = provider().key_provider.load_private_key(key);
    let key = key.map_err(|error| failed(&error))?;
    // Not compared with its key: the proof in it is critical, and no reader of certificates knows it.
    Ok(Arc::new(CertifiedKey::new(vec![made.der().clone()], key)))
}

/// Has the order know what it is to prove: asking it for that afterwards asks nobody.
async fn fetch_authorizations(order: &mut Order) -> Result<(), instant_acme::Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

/// What the server says of the answers that it did not believe.
async fn doubts(order: &mut Order) -> String {
    let mut found = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let name = state.identifier().to_string();
        let errors = state
            .challenges
            .iter()
            .filter_map(|asked| asked.error.as_ref());
        found.extend(errors.map(|error| format!("{name}: {error}")));
    }
    found.join("; ")
}
