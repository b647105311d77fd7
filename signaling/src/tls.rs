//! TLS of the listeners: which certificate is shown, where it comes from, and how it is renewed
//! while connections live on.
//!
//! It comes from two files, from an authority of the server's own, or from an ACME server.

mod acme;
mod authority;
mod certificate;
mod client;
mod files;
mod reload;
mod renewal;
mod self_made;
mod shown;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::server::{WantsServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, ConfigBuilder, RootCertStore, ServerConfig};

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::vault;
use acme::Acme;
use files::Files;
use renewal::Renewal;
use self_made::SelfMade;
use shown::Shown;

pub use acme::AcmeError;
pub(crate) use authority::is_private;
pub use authority::{AuthorityError, Root};
pub use certificate::CertificateError;
pub(crate) use client::trusting;
pub use files::FilesError;
pub use reload::Reloaded;
pub(crate) use reload::{Watched, watch};
pub(crate) use shown::ACME_TLS;

/// What is spoken inside TLS.
const HTTP: &[u8] = b"http/1.1";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The server's own authority cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What was obtained before cannot be used.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// Whose certificates clients must have is not known.
    #[error("{} (`admin.client_authority`): {reason}", path.display())]
    ClientAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library does not want to.
    #[error("cannot set TLS up: {0}")]
    Setup(#[from] rustls::Error),
}

/// TLS of one server.
#[derive(Debug)]
pub struct Tls {
    shown: Arc<Shown>,
    source: Source,
    public: Arc<ServerConfig>,
    private: Option<Arc<ServerConfig>>,
    /// How often a new certificate could not be used or had.
    failures: AtomicU64,
}

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    Files {
        files: Files,
        renewal: Mutex<Renewal>,
    },
    SelfMade(Box<SelfMade>),
    Acme(Box<Acme>),
}

impl Tls {
    /// TLS as it is configured, with what is kept in the data directory; `None` if it is off. Only an
    /// ACME server may leave it without a certificate, until it has given one.
    ///
    /// # Errors
    /// When there is no certificate that can be used.
    pub fn open(
        config: &Config,
        directory: &DataDir,
        now: Timestamp,
    ) -> Result<Option<Self>, TlsError> {
        if !config.tls.is_on() {
            return Ok(None);
        }
        let (source, certificate) = Source::open(&config.tls, directory, now)?;
        let shown = Arc::new(Shown::new(certificate));
        let mut public = finish(builder()?.with_no_client_auth(), &shown)?;
        if let Source::Acme(_) = source {
            public.alpn_protocols.push(ACME_TLS.to_vec());
        }
        let authority = &config.admin.client_authority;
        let private = match authority.as_os_str().is_empty() {
            true => None,
            false => Some(Arc::new(for_clients_of(authority, &shown)?)),
        };
        Ok(Some(Self {
            shown,
            source,
            public: Arc::new(public),
            private,
            failures: AtomicU64::default(),
        }))
    }

    /// Until when a certificate is good that is there without a server: in files, or obtained before.
    /// Makes nothing.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn look_beside(config: &Config) -> Result<Option<Timestamp>, TlsError> {
        let tls = &config.tls;
        if !tls.certificate.as_os_str().is_empty() {
            let (_, certificate) = Files::new(&tls.certificate, &tls.key).read();
            return Ok(Some(certificate?.not_after()));
        }
        match vault::existing(config) {
            Ok(directory) if !tls.acme.directory.is_empty() => {
                let acme = Acme::open(&directory, &tls.acme, &tls.names)?;
                Ok(acme.certificate().map(|kept| kept.not_after()))
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// What handshakes of the public listener are made with.
    pub(crate) fn public(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.public)
    }

    /// What handshakes of the private listener are made with, if it is to speak TLS.
    pub(crate) fn private(&self) -> Option<Arc<ServerConfig>> {
        self.private.clone()
    }

    /// What an ACME server is answered that asks by HTTP for this token.
    #[must_use]
    pub fn http_answer(&self, token: &str) -> Option<String> {
        self.shown.http_answer(token)
    }

    /// The root of the server's own authority, if that makes the certificate.
    #[must_use]
    pub const fn root(&self) -> Option<&Root> {
        match &self.source {
            Source::SelfMade(made) => Some(made.root()),
            Source::Files { .. } | Source::Acme(_) => None,
        }
    }

    /// Until when the certificate that is shown is good, if there is one.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        self.shown.certificate().map(|shown| shown.not_after())
    }

    /// How often a new certificate could not be used or had.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

impl Source {
    /// The source that is configured, and what it gives at once.
    fn open(
        config: &crate::config::Tls,
        directory: &DataDir,
        now: Timestamp,
    ) -> Result<(Self, Option<certificate::Certificate>), TlsError> {
        if config.self_made {
            let made = SelfMade::open(directory, &config.names, now)?;
            let certificate = made.renewed(None, now)?;
            return Ok((Self::SelfMade(Box::new(made)), certificate));
        }
        if !config.acme.directory.is_empty() {
            let acme = Acme::open(directory, &config.acme, &config.names)?;
            let certificate = acme.certificate();
            return Ok((Self::Acme(Box::new(acme)), certificate));
        }
        let files = Files::new(&config.certificate, &config.key);
        let (content, certificate) = files.read();
        let certificate = certificate?;
        let renewal = Mutex::new(Renewal::new(content, certificate.not_after()));
        Ok((Self::Files { files, renewal }, Some(certificate)))
    }
}

/// The one implementation of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

type Builder = ConfigBuilder<ServerConfig, rustls::WantsVerifier>;

fn builder() -> Result<Builder, rustls::Error> {
    ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

fn finish(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    shown: &Arc<Shown>,
) -> Result<ServerConfig, rustls::Error> {
    let shown: Arc<Shown> = Arc::clone(shown);
    let mut config = builder.with_cert_resolver(shown);
    config.alpn_protocols = vec![HTTP.to_vec()];
    // A country that comes back at once resumes its sessions, and nothing is kept of them here.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// As [`finish`], for clients that have a certificate of the authority in a file.
fn for_clients_of(path: &Path, shown: &Arc<Shown>) -> Result<ServerConfig, TlsError> {
    let unusable = |reason: String| TlsError::ClientAuthority {
        path: path.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    for certificate in found {
        let added = certificate.map(|certificate| roots.add(certificate));
        let added = added.map_err(|error| unusable(error.to_string()))?;
        added.map_err(|error| unusable(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(finish(
        builder()?.with_client_cert_verifier(verifier),
        shown,
    )?)
}

/// An error with everything that has led to it: libraries say "connection failed" and keep why.
pub(crate) fn source_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
