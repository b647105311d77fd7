//! What the operator of the server decides about conferences, at this moment: one value for all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::conference::Settings;

/// Cheap to clone; all clones are the same. Each conference reads it before it decides.
#[derive(Clone, Debug, Default)]
pub struct SettingsInForce(Arc<Mutex<Settings>>);

impl SettingsInForce {
    /// What is in force at the start.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Mutex::new(settings)))
    }

    /// What is in force now.
    #[must_use]
    pub fn now(&self) -> Settings {
        *self.lock()
    }

    /// Puts others in force. Whoever is in stays.
    pub fn set(&self, settings: Settings) {
        *self.lock() = settings;
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
