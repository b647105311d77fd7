//! A certificate and a key in two files that others write.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::certificate::{Certificate, CertificateError};

/// Largest file that is read. A chain of certificates is some KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// One cannot be read.
    #[error("cannot read {} (`{key}`): {source}", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Where that was configured.
        key: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// What they hold is of no use.
    #[error("{} (`{key}`) {cause}", path.display())]
    Content {
        /// The file that is to blame.
        path: PathBuf,
        /// Where it was configured.
        key: &'static str,
        /// What is wrong.
        cause: CertificateError,
    },
    /// It is good no longer, and the one that is shown is.
    #[error("the certificate (`tls.certificate`) has ended at {not_after}")]
    Expired {
        /// When.
        not_after: Timestamp,
    },
}

/// What two files held, to be compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Content([u8; 32]);

#[cfg(test)]
impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }
    }

    /// What they hold now. Looked at by content: who copies a file may keep its time.
    pub(super) fn read(&self) -> (Content, Result<Certificate, FilesError>) {
        let chain = read("tls.certificate", &self.certificate);
        let key = read("tls.key", &self.key);
        let mut hash = Sha256::new();
        for file in [&chain, &key] {
            match file {
                Ok(bytes) => {
                    hash.update((bytes.len() as u64).to_be_bytes());
                    hash.update(bytes);
                }
                Err(error) => hash.update(error.to_string()),
            }
        }
        let certificate = chain.and_then(|chain| {
            let key = key?;
            Certificate::from_pem(&chain, &key).map_err(|cause| self.blame(cause))
        });
        (Content(hash.finalize().into()), certificate)
    }

    fn blame(&self, cause: CertificateError) -> FilesError {
        let (key, path) = match cause {
            CertificateError::NoCertificate | CertificateError::Unreadable(_) => {
                ("tls.certificate", &self.certificate)
            }
            CertificateError::NoKey | CertificateError::Pair(_) => ("tls.key", &self.key),
        };
        FilesError::Content {
            path: path.clone(),
            key,
            cause,
        }
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, FilesError> {
    use io::Read as _;
    let mut bytes = Vec::new();
    let reading =
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    match reading {
        Ok(_) => Ok(bytes),
        Err(source) => Err(FilesError::Read {
            path: path.to_owned(),
            key,
            source,
        }),
    }
}
