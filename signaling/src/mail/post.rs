//! What the rest of the server knows of the sending: that something waits, and how it goes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

/// Wakes those who send, and knows whether the mail server takes anything.
#[derive(Debug)]
pub struct Post {
    waiting: watch::Sender<()>,
    trouble: Mutex<Option<Trouble>>,
}

/// Why no mail leaves.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// What went wrong last, in the mail server's or the system's words.
    pub said: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            waiting: watch::Sender::new(()),
            trouble: Mutex::default(),
        }
    }
}

impl Post {
    /// There is something to be sent.
    pub fn wake(&self) {
        self.waiting.send_replace(());
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.waiting.subscribe()
    }

    /// Why no mail leaves, if none does.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().clone()
    }

    /// Notes that no mail leaves; says whether that is new.
    pub(super) fn note_trouble(&self, said: &str, now: Timestamp) -> bool {
        let mut trouble = self.lock();
        let since = trouble.as_ref().map(|trouble| trouble.since);
        *trouble = Some(Trouble {
            said: said.to_owned(),
            since: since.unwrap_or(now),
        });
        since.is_none()
    }

    /// Notes that mail leaves again; says whether that is new.
    pub(super) fn note_success(&self) -> bool {
        self.lock().take().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
