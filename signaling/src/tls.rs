//! TLS of the listeners: which certificate is shown, where it comes from, and how it is renewed
//! while connections live on.

mod certificate;
mod files;
mod reload;
mod renewal;
mod shown;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config;
use files::Files;
use renewal::Renewal;
use shown::Shown;

pub use certificate::CertificateError;
pub use files::FilesError;
pub use reload::Reloaded;
pub(crate) use reload::{Watched, watch};

/// What is spoken inside TLS.
const HTTP: &[u8] = b"http/1.1";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The library does not want to.
    #[error("cannot set TLS up: {0}")]
    Setup(#[from] rustls::Error),
}

/// TLS of one server.
#[derive(Debug)]
pub struct Tls {
    shown: Arc<Shown>,
    files: Files,
    renewal: Mutex<Renewal>,
    public: Arc<ServerConfig>,
    /// How often a new certificate could not be used.
    failures: AtomicU64,
}

impl Tls {
    /// TLS as it is configured, with a certificate to show; `None` if it is off.
    ///
    /// # Errors
    /// When there is no certificate that can be used.
    pub fn open(config: &config::Tls) -> Result<Option<Self>, TlsError> {
        if !config.is_on() {
            return Ok(None);
        }
        let files = Files::new(&config.certificate, &config.key);
        let (content, certificate) = files.read();
        let certificate = certificate?;
        let renewal = Renewal::new(content, certificate.not_after());
        let shown = Arc::new(Shown::new(certificate));
        let public = Arc::new(server_config(Arc::clone(&shown))?);
        Ok(Some(Self {
            shown,
            files,
            renewal: Mutex::new(renewal),
            public,
            failures: AtomicU64::default(),
        }))
    }

    /// What handshakes of the public listener are made with.
    pub(crate) fn public(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.public)
    }

    /// Until when the certificate that is shown is good.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.shown.not_after()
    }

    /// How often a new certificate could not be used.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// The one implementation of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server_config(shown: Arc<Shown>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![HTTP.to_vec()];
    // A country that comes back at once resumes its sessions, and nothing is kept of them here.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
