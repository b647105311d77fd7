//! An authority of the server's own, for a trial on a LAN.
//!
//! Whoever installs its root trusts whoever holds its key. So it is good for private addresses and
//! the names of this server alone: a key that is stolen makes no bank's certificate.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{Certificate, CertificateError};
use crate::data_dir::{DataDir, TLS_ROOT, TLS_ROOT_KEY, write_private};

/// How long the root is good. Longer: what is left of a trial is trusted longer.
const ROOT_DAYS: i64 = 730;

/// How long a certificate is good.
const CERTIFICATE_DAYS: i64 = 90;

/// By how much clocks of others may be behind.
const CLOCKS_BEHIND_DAYS: i64 = 1;

/// Networks whose addresses the root is good for: those that are nobody's on the internet, with the
/// lengths of their prefixes (RFC 1122, 1918, 3927, 4193, 4291, 6598).
const PRIVATE: [(IpAddr, u8); 9] = {
    use std::net::{Ipv4Addr as V4, Ipv6Addr as V6};
    [
        (IpAddr::V4(V4::new(10, 0, 0, 0)), 8),
        (IpAddr::V4(V4::new(172, 16, 0, 0)), 12),
        (IpAddr::V4(V4::new(192, 168, 0, 0)), 16),
        (IpAddr::V4(V4::new(169, 254, 0, 0)), 16),
        (IpAddr::V4(V4::new(100, 64, 0, 0)), 10),
        (IpAddr::V4(V4::new(127, 0, 0, 0)), 8),
        (IpAddr::V6(V6::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
        (IpAddr::V6(V6::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
        (IpAddr::V6(V6::LOCALHOST), 128),
    ]
};

/// Why there is no certificate of the authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no authority.
    #[error("there is no {}: it is made when a server starts with `tls.self_made = true`", .0.display())]
    Missing(PathBuf),
    /// What is kept is no authority.
    #[error("{} holds no certificate or key that can be used: {reason}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Its time is over.
    #[error(
        "the root in {} has ended: remove that file and {}, start the server, and install the new \
         root wherever the old one is",
        .0.display(), TLS_ROOT_KEY
    )]
    Ended(PathBuf),
    /// It was made for other names.
    #[error(
        "`tls.names` has {name}, for which the root in {} is not good: remove that file and {}, \
         start the server, and install the new root wherever the old one is",
        root.display(), TLS_ROOT_KEY
    )]
    NotFor {
        /// Which.
        name: String,
        /// The root.
        root: PathBuf,
    },
    /// The library cannot make one.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// What it has made cannot be used.
    #[error("the certificate that was made {0}")]
    Made(#[from] CertificateError),
}

/// The root, as others install it.
#[derive(Clone, Debug)]
pub struct Root {
    pem: String,
    der: CertificateDer<'static>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Authority {
    root: Root,
    path: PathBuf,
    not_after: Timestamp,
    /// Host names that it may vouch for, in small letters.
    hosts: Vec<String>,
    issuer: Issuer<'static, KeyPair>,
}

impl Root {
    /// The root of a data directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn load(directory: &DataDir) -> Result<Self, AuthorityError> {
        let path = directory.file(TLS_ROOT);
        let pem = match std::fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(AuthorityError::Missing(path));
            }
            Err(source) => return Err(AuthorityError::Io { path, source }),
        };
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| {
            AuthorityError::Content {
                path,
                reason: error.to_string(),
            }
        })?;
        Ok(Self { pem, der })
    }

    /// As a text.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// As bytes, which is what most systems install.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of it, as systems show it when it is installed.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes = Sha256::digest(&self.der);
        let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

impl Authority {
    /// The authority of a data directory, which is made if there is none.
    ///
    /// # Errors
    /// When that cannot be read or written.
    pub(super) fn load_or_make(
        directory: &DataDir,
        hosts: &[String],
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        if !directory.file(TLS_ROOT).exists() {
            make(directory, hosts, now)?;
        }
        let root = Root::load(directory)?;
        let path = directory.file(TLS_ROOT_KEY);
        let key = std::fs::read_to_string(&path).map_err(|source| AuthorityError::Io {
            path: path.clone(),
            source,
        })?;
        let unusable = |reason: String| AuthorityError::Content {
            path: path.clone(),
            reason,
        };
        let key = KeyPair::from_pem(&key).map_err(|error| unusable(error.to_string()))?;
        // Also tells whether root and key belong together.
        let pair = PrivateKeyDer::try_from(key.serialize_der());
        let pair = pair.map_err(|reason| unusable(reason.to_owned()))?;
        let certificate = Certificate::new(vec![root.der.clone()], pair)
            .map_err(|error| unusable(error.to_string()))?;
        let hosts = permitted_hosts(&root.der);
        let issuer = Issuer::from_ca_cert_der(&root.der, key)?;
        Ok(Self {
            root,
            path: directory.file(TLS_ROOT),
            not_after: certificate.not_after(),
            hosts,
            issuer,
        })
    }

    pub(super) const fn root(&self) -> &Root {
        &self.root
    }

    /// Until when it is good: no certificate of it lasts longer.
    pub(super) const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether the root is good for a name or an address.
    pub(super) fn vouches_for(&self, name: &str) -> bool {
        match name.parse::<IpAddr>() {
            Ok(address) => is_private(address),
            Err(_) => self.hosts.contains(&name.to_ascii_lowercase()),
        }
    }

    /// A certificate for these names, with a key of its own.
    ///
    /// # Errors
    /// When the root is not good for one of them.
    pub(super) fn issue(
        &self,
        names: &[String],
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        if now >= self.not_after {
            return Err(AuthorityError::Ended(self.path.clone()));
        }
        if let Some(name) = names.iter().find(|name| !self.vouches_for(name)) {
            return Err(AuthorityError::NotFor {
                name: name.clone(),
                root: self.path.clone(),
            });
        }
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named("Dinh");
        let end = now + (CERTIFICATE_DAYS * 24).hours();
        set_span(&mut params, now, end.min(self.not_after));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let own = params.signed_by(&key, &self.issuer)?;
        let chain = vec![own.der().clone(), self.root.der.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der());
        let key = key.map_err(|_| CertificateError::NoKey)?;
        Ok(Certificate::new(chain, key)?)
    }
}

/// Makes a root and its key, the key first: a root without one would be in use for ever.
fn make(directory: &DataDir, hosts: &[String], now: Timestamp) -> Result<(), AuthorityError> {
    let subnets = PRIVATE.map(|(address, length)| {
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, length))
    });
    let hosts = hosts
        .iter()
        .map(|host| GeneralSubtree::DnsName(host.to_ascii_lowercase()));
    let mut params = CertificateParams::default();
    // The day tells roots apart that a browser was given one after the other.
    params.distinguished_name = named(&format!("Dinh, {}", now.strftime("%Y-%m-%d %H:%M")));
    set_span(&mut params, now, now + (ROOT_DAYS * 24).hours());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: subnets.into_iter().chain(hosts).collect(),
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?;
    for (name, content) in [(TLS_ROOT_KEY, key.serialize_pem()), (TLS_ROOT, root.pem())] {
        let path = directory.file(name);
        write_private(&path, content.as_bytes())
            .map_err(|source| AuthorityError::Io { path, source })?;
    }
    Ok(())
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Makes it good from a little before `now` to the day of `end`.
fn set_span(params: &mut CertificateParams, now: Timestamp, end: Timestamp) {
    let of = |at: Timestamp| {
        let day = at.to_zoned(TimeZone::UTC).date();
        let [month, number] = [day.month(), day.day()].map(|part| u8::try_from(part).unwrap_or(1));
        rcgen::date_time_ymd(day.year().into(), month, number)
    };
    params.not_before = of(now - (CLOCKS_BEHIND_DAYS * 24).hours());
    params.not_after = of(end);
}

pub(crate) fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|(network, length)| {
        ipnet::IpNet::new(*network, *length).is_ok_and(|network| network.contains(&address))
    })
}

/// The host names that a root is good for.
fn permitted_hosts(root: &CertificateDer<'_>) -> Vec<String> {
    use x509_parser::extensions::{GeneralName, ParsedExtension};
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let Ok((_, root)) = X509Certificate::from_der(root) else {
        return Vec::new();
    };
    let constraints =
        root.extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::NameConstraints(constraints) => Some(constraints),
                _ => None,
            });
    let permitted = constraints.and_then(|constraints| constraints.permitted_subtrees.as_ref());
    let host = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(host) => Some((*host).to_owned()),
        _ => None,
    };
    permitted.map_or_else(Vec::new, |subtrees| {
        subtrees
            .iter()
            .filter_map(|subtree| host(&subtree.base))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, DataDir) {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDir::create(parent.path()).unwrap();
        (parent, directory)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn it_is_the_same_at_the_next_start_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_parent, directory) = directory();
        let now = Timestamp::now();
        let load = || Authority::load_or_make(&directory, &names(&["Hop.lan"]), now).unwrap();
        let (first, second) = (load(), load());
        assert_eq!(first.root().pem(), second.root().pem());
        assert_eq!(first.root().fingerprint().len(), 32 * 3 - 1);
        for name in [TLS_ROOT, TLS_ROOT_KEY] {
            let metadata = std::fs::metadata(directory.file(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn it_vouches_for_private_addresses_and_its_names_alone() {
        let (_parent, directory) = directory();
        let now = Timestamp::now();
        let hosts = names(&["hop.lan"]);
        let authority = Authority::load_or_make(&directory, &hosts, now).unwrap();
        let wanted = names(&["hop.lan", "10.1.2.3", "fd00::1", "127.0.0.1"]);
        let made = authority.issue(&wanted, now).unwrap();
        assert!(made.is_for(&wanted));
        for other in [
            "bank.example",
            "www.hop.lan.example",
            "8.8.8.8",
            "2001:db8::1",
        ] {
            let error = authority.issue(&names(&[other]), now).unwrap_err();
            assert!(error.to_string().contains(other), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_not_the_roots_is_named() {
        let (_parent, directory) = directory();
        Authority::load_or_make(&directory, &[], Timestamp::now()).unwrap();
        let other = KeyPair::generate().unwrap().serialize_pem();
        std::fs::write(directory.file(TLS_ROOT_KEY), other).unwrap();
        let error = Authority::load_or_make(&directory, &[], Timestamp::now()).unwrap_err();
        assert!(error.to_string().contains(TLS_ROOT_KEY), "{error}");
    }
}
