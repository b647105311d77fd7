//! TLS for `https://`: whom a run trusts, and one configuration for all its connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Trust {
    /// Those of the authorities that this system knows.
    #[default]
    System,
    /// Those of the authorities in a PEM file, and no others.
    File(PathBuf),
    /// Everybody's: whoever sits on the line can read and change all.
    Anybody,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities is of no use.
    #[error("cannot read certificates from {path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The cryptography has none of the protocol's versions.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// Not a name that a certificate can be for.
    #[error("{0:?} is neither a host name nor an address")]
    Name(String),
    /// The handshake failed.
    #[error(
        "the TLS handshake failed: {0}; --ca-file names the authority of a private certificate"
    )]
    Handshake(std::io::Error),
}

/// Makes connections secure. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// With this trust.
    ///
    /// # Errors
    /// When the file of authorities cannot be read, or has none.
    pub fn new(trust: &Trust) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = match trust {
            Trust::System => builder.with_root_certificates(of_the_system()),
            Trust::File(path) => builder.with_root_certificates(of_file(path)?),
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        }
        .with_no_client_auth();
        // Every site is a stranger to the server: none may resume what another began.
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    /// Makes one connection secure, with a server of this name or address.
    ///
    /// # Errors
    /// When it is no name, or the server is not who it should be.
    pub async fn connect(
        &self,
        name: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let server =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector
            .connect(server, stream)
            .await
            .map_err(TlsError::Handshake)
    }

    /// How it makes them.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    /// A client for HTTP with connections of its own.
    ///
    /// # Errors
    /// When the system gives it no resolver.
    pub fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let config = ClientConfig::clone(&self.0);
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .build()
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new(&Trust::System).expect("ring has both versions of the protocol")
    }
}

/// Authorities that this system knows. Where it knows none, handshakes fail and say so.
fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let wrong = |reason: String| TlsError::File {
        path: path.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it has none in PEM".to_owned()));
    }
    Ok(roots)
}

/// Believes every certificate; signatures must still be made with its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
