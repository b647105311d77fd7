//! The account at an ACME server and the certificate that it gave, in one file.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data_dir::write_private;

/// See the module.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Kept {
    /// Of which server.
    pub(super) directory: String,
    /// Its credentials, as `instant-acme` writes them.
    pub(super) account: Option<serde_json::Value>,
    pub(super) certificate: Option<Pair>,
}

/// A chain and its key, PEM.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Pair {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Kept {
    /// What is kept of this server; nothing if there is none, or it is of another one.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub(super) fn load(path: &Path, directory: &str) -> io::Result<Self> {
        let new = || Self {
            directory: directory.to_owned(),
            ..Self::default()
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new()),
            Err(error) => return Err(error),
        };
        let kept: Self = serde_json::from_slice(&bytes)?;
        Ok(if kept.directory == directory {
            kept
        } else {
            new()
        })
    }

    /// Writes it down, for the owner alone.
    ///
    /// # Errors
    /// When that is not possible.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        write_private(path, &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_another_server_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme.json");
        let (one, other) = ("https://one.example/", "https://other.example/");
        let mut kept = Kept::load(&path, one).unwrap();
        kept.certificate = Some(Pair {
            chain: "chain".to_owned(),
            key: "key".to_owned(),
        });
        kept.save(&path).unwrap();
        assert!(Kept::load(&path, one).unwrap().certificate.is_some());
        assert!(Kept::load(&path, other).unwrap().certificate.is_none());
        std::fs::write(&path, "nonsense").unwrap();
        assert!(Kept::load(&path, one).is_err());
    }
}
