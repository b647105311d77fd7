//! Where the database is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Invalid, Secret};
use crate::data_dir::DATABASE;
use crate::store::Location;

/// The database.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// A database on a PostgreSQL server, such as `postgres://dinh:secret@db.example.vn/dinh`. Empty: a
    /// file in `data_dir`.
    pub url: Secret,
}

impl Store {
    /// Whether it is on a server.
    #[must_use]
    pub fn is_on_server(&self) -> bool {
        !self.url.expose().is_empty()
    }

    /// Where it is; the file if the address is none, which the check of the configuration has refused.
    #[must_use]
    pub fn location(&self, data_dir: &Path) -> Location {
        Location::server(self.url.expose())
            .unwrap_or_else(|_| Location::File(data_dir.join(DATABASE)))
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        if !self.is_on_server() {
            return;
        }
        if let Err(problem) = Location::server(self.url.expose()) {
            found.push(Invalid {
                key: "store.url".to_owned(),
                problem,
            });
        }
    }
}
