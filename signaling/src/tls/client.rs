//! TLS of connections that this program makes itself: whom it trusts.

use std::path::Path;

use anyhow::Context as _;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::provider;

/// Trusts whom this machine trusts, and an authority of the operator's own.
///
/// # Errors
/// When that authority cannot be read.
pub(crate) fn trusting(ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is one whom nobody here trusts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let context = || format!("cannot read a certificate from {}", path.display());
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).with_context(context)? {
            roots
                .add(certificate.with_context(context)?)
                .with_context(context)?;
        }
        // A file of something else would be one that changes nothing, without a word.
        anyhow::ensure!(
            roots.len() > before,
            "there is no certificate (PEM) in {}",
            path.display()
        );
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .context("cannot set TLS up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
