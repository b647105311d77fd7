//! The server's own signing keys, each kept as a PEM file in the data directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::data_dir::write_private;
use crate::ids::KeyId;

/// PKCS#8 version 1 up to the seed of an Ed25519 key (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// An Ed25519 key (RFC 8032) that signs tokens, or the record.
pub struct SigningKey {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("cannot use the key {}: {source}", path.display())]
    Io {
        /// Of the file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{} is not an Ed25519 private key in PEM (PKCS#8): put the right file back, or delete it \
         to have a new key made, after which every token must be made anew",
        .0.display()
    )]
    NotAKey(PathBuf),
    /// There is no such file.
    #[error("there is no key {}: the server makes one when it starts", .0.display())]
    Missing(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a key")]
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

    /// Reads the content of a key's file.
    pub fn from_pem(pem: &str) -> Option<Self> {
        parse_pem(pem)
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    /// When there is no file, it cannot be read, or holds something else.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        match fs::read_to_string(path) {
            Ok(pem) => parse_pem(&pem).ok_or_else(|| KeyFileError::NotAKey(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(KeyFileError::Missing(path.to_owned()))
            }
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                Err(KeyFileError::NotAKey(path.to_owned()))
            }
            Err(source) => Err(KeyFileError::Io {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Reads the key from its file, or makes both on the first start.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(path: &Path, random: &dyn SecureRandom) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Missing(_)) => {
                let mut seed = [0; 32];
                random
                    .fill(&mut seed)
                    .map_err(|_| KeyFileError::NoRandomness)?;
                let key = Self::from_seed(&seed);
                // A half-written key would lock everybody out after a crash.
                write_private(path, key.to_pem().as_bytes()).map_err(|source| {
                    KeyFileError::Io {
                        path: path.to_owned(),
                        source,
                    }
                })?;
                Ok(key)
            }
            loaded => loaded,
        }
    }

    /// Signs a message.
    ///
    /// # Panics
    /// Never: the key was made from a seed.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pkcs8)
            .expect("a key made from a seed can be read back");
        let signature = pair.sign(message);
        signature
            .as_ref()
            .try_into()
            .expect("an Ed25519 signature has 64 bytes")
    }

    /// Whether it has signed this message so.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .is_ok()
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

    /// Its public half.
    pub fn public(&self) -> &[u8] {
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

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;
    use crate::data_dir::TOKEN_KEY;

    #[test]
    fn the_key_made_at_the_first_start_is_found_at_the_second() {
        let directory = tempfile::tempdir().unwrap();
        let first =
            SigningKey::load_or_create(&directory.path().join(TOKEN_KEY), &SystemRandom::new())
                .unwrap();
        let second =
            SigningKey::load_or_create(&directory.path().join(TOKEN_KEY), &SystemRandom::new())
                .unwrap();
        assert_eq!(first.pkcs8(), second.pkcs8());
        assert_eq!(first.id(), second.id());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        SigningKey::load_or_create(&directory.path().join(TOKEN_KEY), &SystemRandom::new())
            .unwrap();
        let mode = fs::metadata(directory.path().join(TOKEN_KEY))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(TOKEN_KEY);
        for content in [
            "",
            "hello",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            fs::write(&path, content).unwrap();
            let error =
                SigningKey::load_or_create(&directory.path().join(TOKEN_KEY), &SystemRandom::new())
                    .unwrap_err();
            assert!(matches!(error, KeyFileError::NotAKey(_)), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let error = SigningKey::load_or_create(
            Path::new("/nonexistent/x/token-key.pem"),
            &SystemRandom::new(),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains("/nonexistent/x/token-key.pem"), "{error}");
    }

    #[test]
    fn a_key_knows_its_own_signatures() {
        let (key, other) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let signature = key.sign(b"hello");
        assert!(key.has_signed(b"hello", &signature));
        assert!(!key.has_signed(b"hullo", &signature));
        assert!(!other.has_signed(b"hello", &signature));
    }
}
