//! A certificate with its chain and its key.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use instant_acme::CertificateIdentifier;
use jiff::Timestamp;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::provider;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is none.
    #[error("holds no certificate: it must have a part -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// What there is is none.
    #[error("holds a certificate that cannot be read: {0}")]
    Unreadable(String),
    /// There is no key.
    #[error(
        "holds no private key that can be read: it must have a part -----BEGIN PRIVATE KEY----- \
         (or EC or RSA PRIVATE KEY) without a passphrase"
    )]
    NoKey,
    /// They do not belong together, or their kind is not known.
    #[error("cannot be used with its certificate: {0}")]
    Pair(rustls::Error),
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Certificate {
    key: Arc<CertifiedKey>,
    not_before: Timestamp,
    not_after: Timestamp,
    /// What it is for: names in small letters, and addresses.
    names: Vec<String>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Certificate");
        shown
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads a chain, the server's own first, and its key.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        Self::new(chain, key)
    }

    /// A chain, the server's own first, and its key.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let own = chain.first().ok_or(CertificateError::NoCertificate)?;
        let (_, parsed) = X509Certificate::from_der(own)
            .map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let validity = parsed.validity();
        let [not_before, not_after] = [validity.not_before, validity.not_after]
            .map(|time| Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX));
        let names = names(&parsed);
        let key =
            CertifiedKey::from_der(chain, key, &provider()).map_err(CertificateError::Pair)?;
        Ok(Self {
            key: Arc::new(key),
            not_before,
            not_after,
            names,
        })
    }

    /// What handshakes need.
    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// How an ACME server calls it (RFC 9773 §4.1), if it is of an authority that can be named.
    pub(super) fn identifier(&self) -> Option<CertificateIdentifier<'static>> {
        CertificateIdentifier::try_from(self.key.cert.first()?).ok()
    }

    /// Until when it is good.
    pub(crate) const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether it is for all of these names and addresses.
    pub(super) fn is_for(&self, names: &[String]) -> bool {
        let has = |name: &String| self.names.contains(&canonical(name));
        names.iter().all(has)
    }

    /// When a third of its time is left: another should then take its place.
    pub(super) fn renew_at(&self) -> Timestamp {
        let life = self.not_after.duration_since(self.not_before);
        self.not_after
            .checked_sub(life / 3)
            .unwrap_or(self.not_after)
    }
}

/// A name or an address as it is compared.
fn canonical(name: &str) -> String {
    let address = name.parse::<IpAddr>().map(|address| address.to_string());
    address.unwrap_or_else(|_| name.to_ascii_lowercase())
}

/// What a certificate is for.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        // No browser looks at another kind.
        _ => None,
    };
    names.unwrap_or_default().iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| v6()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_certificate_and_its_key_are_read_with_the_day_they_end() {
        let (chain, key) = made("localhost");
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        assert!(certificate.not_after() > Timestamp::from_second(4_000_000_000).unwrap());
    }

    #[test]
    fn it_knows_what_it_is_for_and_when_to_renew_it() {
        let made = rcgen::generate_simple_self_signed(
            ["Hop.Example.vn", "10.1.2.3", "fd00::1"].map(str::to_owned),
        );
        let made = made.unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        let is_for = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            certificate.is_for(&names)
        };
        assert!(is_for(&["hop.example.VN", "fd00:0::1"]) && is_for(&[]));
        assert!(!is_for(&["hop.example.vn", "10.1.2.4"]));
        assert!(certificate.renew_at() < certificate.not_after());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (chain, key) = made("one");
        let (_, other) = made("other");
        let read = |chain: &str, key: &str| {
            let error = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
            error.to_string()
        };
        assert!(read("", &key).contains("BEGIN CERTIFICATE"));
        assert!(read(&chain, "").contains("BEGIN PRIVATE KEY"));
        assert!(read(&chain, &chain).contains("no private key"));
        let cut: String = chain.chars().take(200).collect();
        assert!(read(&cut, &key).contains("certificate"));
        assert!(read(&chain, &other).contains("cannot be used with its certificate"));
    }
}
