//! Which conferences have a task, so that none ends while somebody is about to ask it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::ConferenceHandle;
use super::request::Inbound;
use crate::ids::ConferenceId;

/// The conferences at hand. A handle is given away under the same lock under which a task ends, so
/// that whoever has got one is answered.
#[derive(Debug, Default)]
pub struct AtHand {
    handles: Mutex<BTreeMap<ConferenceId, ConferenceHandle>>,
}

impl AtHand {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConferenceId, ConferenceHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The conference of this id, if it has a task.
    pub fn get(&self, id: &ConferenceId) -> Option<ConferenceHandle> {
        let handles = self.lock();
        handles
            .get(id)
            .filter(|handle| !handle.is_closed())
            .cloned()
    }

    /// All that have a task.
    pub fn all(&self) -> Vec<ConferenceHandle> {
        let mut handles = self.lock();
        handles.retain(|_, handle| !handle.is_closed());
        handles.values().cloned().collect()
    }

    /// The conference of this id; `start` gives it a task if it has none.
    pub fn get_or_start(
        &self,
        id: &ConferenceId,
        start: impl FnOnce() -> ConferenceHandle,
    ) -> ConferenceHandle {
        let mut handles = self.lock();
        if let Some(handle) = handles.get(id).filter(|handle| !handle.is_closed()) {
            return handle.clone();
        }
        let handle = start();
        handles.insert(id.clone(), handle.clone());
        handle
    }

    /// Nobody finds it from now on. Its task ends by itself.
    pub fn remove(&self, id: &ConferenceId) {
        self.lock().remove(id);
    }

    /// Takes out the conference whose inbox this is, unless something waits in it or somebody else
    /// holds a handle and may yet ask. Says whether its task may end.
    pub(super) fn let_go(
        &self,
        id: &ConferenceId,
        media_id: sfu::id::ConferenceId,
        inbox: &mpsc::Receiver<Inbound>,
    ) -> bool {
        let mut handles = self.lock();
        // Another of the same id may have been made since this one was taken back.
        let listed = handles.get(id).map(ConferenceHandle::media_id);
        let is_listed = listed == Some(media_id);
        if inbox.sender_strong_count() > usize::from(is_listed) || !inbox.is_empty() {
            return false;
        }
        if is_listed {
            handles.remove(id);
        }
        true
    }
}
