//! The configuration that is in force: one owner, whoever reads it and whenever.
//!
//! What is read when it is needed follows a reload by itself. What keeps something that was made of
//! settings is given them by `reload`.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;

/// The configuration that is in force.
#[derive(Debug)]
pub(crate) struct LiveConfig(watch::Sender<Arc<Config>>);

impl LiveConfig {
    /// What the server starts with.
    pub(crate) fn new(config: Config) -> Self {
        Self(watch::Sender::new(Arc::new(config)))
    }

    /// As it is at this moment; a reload does not change what was given out.
    pub(crate) fn now(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Puts another one in force.
    pub(crate) fn set(&self, config: Config) {
        self.0.send_replace(Arc::new(config));
    }
}
