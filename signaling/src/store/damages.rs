//! Which conferences' logs are not as they were written: found once, said once, never written to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::error;

use super::chain::ChainFault;
use crate::ids::ConferenceId;

/// The first event of each that cannot be trusted. As many as there are damaged conferences.
#[derive(Clone, Debug, Default)]
pub(super) struct Damages(Arc<Mutex<BTreeMap<ConferenceId, ChainFault>>>);

impl Damages {
    /// A log was found to be damaged.
    pub(super) fn note(&self, fault: &ChainFault) {
        let before = self.lock().insert(fault.conference.clone(), fault.clone());
        if before.as_ref() != Some(fault) {
            error!(
                conference = %fault.conference,
                event = fault.seq,
                fault = %fault.fault,
                "this record is damaged: it is kept as it is and not continued, and what comes before \
                 the damage can be read"
            );
        }
    }

    /// What is wrong with a conference's log, as far as is known.
    pub(super) fn of(&self, conference: &ConferenceId) -> Option<ChainFault> {
        self.lock().get(conference).cloned()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConferenceId, ChainFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
