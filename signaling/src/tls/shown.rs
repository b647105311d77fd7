//! The certificate that is shown at this moment, and what an ACME server is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// What an ACME server offers to speak when it wants to know whether a name is ours (RFC 8737).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// See the module. Changing it changes what the next handshake sees.
#[derive(Debug, Default)]
pub(super) struct Shown {
    certificate: RwLock<Option<Certificate>>,
    answers: Mutex<Answers>,
}

/// What proves that names are ours; bounded by the names of the one order that is under way.
#[derive(Debug, Default)]
struct Answers {
    /// By the token in the path (RFC 8555 §8.3).
    http: HashMap<String, String>,
    /// By the name that is asked for.
    tls: HashMap<String, Arc<CertifiedKey>>,
}

/// While it lives, answers are given.
#[derive(Debug)]
pub(super) struct Answering<'a>(&'a Shown);

impl Shown {
    pub(super) fn new(certificate: Option<Certificate>) -> Self {
        Self {
            certificate: RwLock::new(certificate),
            answers: Mutex::default(),
        }
    }

    pub(super) fn show(&self, certificate: Certificate) {
        let mut shown = self
            .certificate
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *shown = Some(certificate);
    }

    /// What is shown, if anything.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        let shown = self
            .certificate
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }

    /// Begins to answer.
    pub(super) const fn answering(&self) -> Answering<'_> {
        Answering(self)
    }

    /// What is answered to a question by HTTP.
    pub(super) fn http_answer(&self, token: &str) -> Option<String> {
        self.answers().http.get(token).cloned()
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answering<'_> {
    pub(super) fn by_http(&self, token: String, answer: String) {
        self.0.answers().http.insert(token, answer);
    }

    pub(super) fn by_tls(&self, name: &str, answer: Arc<CertifiedKey>) {
        self.0
            .answers()
            .tls
            .insert(name.to_ascii_lowercase(), answer);
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        *self.0.answers() = Answers::default();
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asks = hello
            .alpn()
            .is_some_and(|mut alpn| alpn.any(|name| name == ACME_TLS));
        if asks {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.answers().tls.get(&name).cloned();
        }
        let shown = self
            .certificate
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(Certificate::key)
    }
}
