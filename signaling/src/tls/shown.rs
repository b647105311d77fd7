//! The certificate that is shown at this moment.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// See the module. Changing it changes what the next handshake sees.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Certificate>);

impl Shown {
    pub(super) const fn new(certificate: Certificate) -> Self {
        Self(RwLock::new(certificate))
    }

    pub(super) fn show(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    pub(super) fn not_after(&self) -> Timestamp {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.not_after()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(shown.key())
    }
}
