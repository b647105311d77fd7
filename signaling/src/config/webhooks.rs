//! Which addresses webhooks may have.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Network;

/// Programs that are told what happens.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Networks that are not of the internet and may be called all the same, also by `http://`.
    pub allowed_networks: Vec<Network>,
    /// The authority (PEM) of their certificates. Empty: one of those that this system trusts.
    pub authority: PathBuf,
}
