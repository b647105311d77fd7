//! The server's own signing key, kept as a PEM file in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest, Sha256};

use crate::ids::KeyId;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "token-key.pem";

/// PKCS#8 version 1 up to the seed of an Ed25519 key (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// An Ed25519 key (RFC 8032) that signs tokens.
pub struct SigningKey {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("cannot use the token key {path}: {source}")]
    Io {
        /// Of the file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{0} is not an Ed25519 private key in PEM (PKCS#8): put the right file back, or delete it \
         to have a new key made, after which every token must be made anew"
    )]
    NotAKey(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a token key")]
    NoRandomness,
}

impl SigningKey {
    /// From 32 random bytes.
    ///
    /// # Panics
    /// Never: every seed of 32 bytes is a key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .expect("every seed of 32 bytes is an Ed25519 key");
        let pkcs8 = [PKCS8_PREFIX.as_slice(), seed].concat();
        Self {
            pkcs8,
            public: pair.public_key().as_ref().to_vec(),
        }
    }

    /// Reads the key from `directory`, or makes one there on the first start.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(
        directory: &Path,
        random: &dyn SecureRandom,
    ) -> Result<Self, KeyFileError> {
        let path = directory.join(FILE_NAME);
        match fs::read_to_string(&path) {
            Ok(pem) => parse_pem(&pem).ok_or(KeyFileError::NotAKey(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut seed = [0; 32];
                random
                    .fill(&mut seed)
                    .map_err(|_| KeyFileError::NoRandomness)?;
                let key = Self::from_seed(&seed);
                write_private(&path, &key.to_pem())
                    .map_err(|source| KeyFileError::Io { path, source })?;
                Ok(key)
            }
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                Err(KeyFileError::NotAKey(path))
            }
            Err(source) => Err(KeyFileError::Io { path, source }),
        }
    }

    /// The key's id: the first 64 bits of the SHA-256 of its public half.
    ///
    /// # Panics
    /// Never: hexadecimal digits make a key id.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(&self.public);
        let text: String = hex::encode(digest).chars().take(16).collect();
        text.parse().expect("hexadecimal digits make a key id")
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    fn to_pem(&self) -> String {
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(&self.pkcs8))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

fn parse_pem(pem: &str) -> Option<SigningKey> {
    let body = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let base64: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(base64).ok()?;
    let seed: &[u8; 32] = der.strip_prefix(&PKCS8_PREFIX)?.try_into().ok()?;
    Some(SigningKey::from_seed(seed))
}

/// Readable by nobody else from its first byte on, and on the disk before it is used. It appears
/// whole or not at all: a half-written key would lock everybody out after a crash.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("pem.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn the_key_made_at_the_first_start_is_found_at_the_second() {
        let directory = tempfile::tempdir().unwrap();
        let first = SigningKey::load_or_create(directory.path(), &SystemRandom::new()).unwrap();
        let second = SigningKey::load_or_create(directory.path(), &SystemRandom::new()).unwrap();
        assert_eq!(first.pkcs8(), second.pkcs8());
        assert_eq!(first.id(), second.id());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        SigningKey::load_or_create(directory.path(), &SystemRandom::new()).unwrap();
        let mode = fs::metadata(directory.path().join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        for content in [
            "",
            "hello",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            fs::write(&path, content).unwrap();
            let error =
                SigningKey::load_or_create(directory.path(), &SystemRandom::new()).unwrap_err();
            assert!(matches!(error, KeyFileError::NotAKey(_)), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let error = SigningKey::load_or_create(Path::new("/nonexistent/x"), &SystemRandom::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nonexistent/x/token-key.pem"), "{error}");
    }
}
