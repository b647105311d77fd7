//! How far the run is: written by members and the collector, read by the run and the progress bar.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use tokio::sync::watch;

use crate::fleet::EndpointId;

/// How far the run is, for a progress bar.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Sites that are to come.
    pub asked: u32,
    /// Sites that the server has welcomed and answered.
    pub answered: u32,
    /// Sites to which media may flow.
    pub connected: u32,
    /// Sites that have a picture.
    pub playing: u32,
    /// Sites that could not join, or dropped out.
    pub failed: u32,
    /// How long all will watch together; `None` until then.
    pub watching: Option<Duration>,
    /// Watching is over.
    pub done: bool,
}

/// Shared by everybody in a run.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct State {
    on_air: bool,
    publisher_failure: Option<String>,
    publishers: BTreeSet<EndpointId>,
    joined: FxHashSet<u32>,
    failed: FxHashSet<u32>,
    /// Sites that have joined or failed, or first the one and then the other.
    settled: FxHashSet<u32>,
    last_joined: Option<Instant>,
}

/// Endpoint number of the publisher; sites have their own number.
pub(super) const PUBLISHER: EndpointId = EndpointId::first(u32::MAX);

impl Board {
    pub(super) fn new(asked: u32, progress: watch::Sender<Progress>) -> Self {
        progress.send_modify(|progress| progress.asked = asked);
        Self {
            state: Mutex::default(),
            progress,
        }
    }

    /// A site has its answer.
    pub(super) fn answered(&self) {
        self.progress.send_modify(|progress| progress.answered += 1);
    }

    /// Media may flow to or from an endpoint.
    pub(super) fn connected(&self, id: EndpointId, at: Instant) {
        if id == PUBLISHER {
            self.state().publishers.insert(id);
        } else if !self.is_on_air() {
            self.join(id.member, at);
        }
        self.progress.send_modify(|progress| {
            if id != PUBLISHER {
                progress.connected += 1;
            }
        });
    }

    /// An endpoint has a picture.
    pub(super) fn playing(&self, id: EndpointId, at: Instant) {
        if id != PUBLISHER {
            self.join(id.member, at);
            self.progress.send_modify(|progress| progress.playing += 1);
        }
    }

    /// A member is out, before or after it had joined.
    pub(super) fn failed(&self, id: EndpointId, reason: &str) {
        let mut state = self.state();
        if id == PUBLISHER {
            state
                .publisher_failure
                .get_or_insert_with(|| reason.to_owned());
            drop(state);
            self.progress.send_modify(|_| {});
            return;
        }
        let new = state.failed.insert(id.member);
        state.settled.insert(id.member);
        drop(state);
        self.progress
            .send_modify(|progress| progress.failed += u32::from(new));
    }

    /// Waits until the publisher is connected, and tells why when it fails.
    pub(super) async fn publisher_on_air(&self) -> Result<(), String> {
        let mut changes = self.progress.subscribe();
        loop {
            {
                let mut state = self.state();
                if let Some(reason) = &state.publisher_failure {
                    return Err(reason.clone());
                }
                if !state.publishers.is_empty() {
                    state.on_air = true;
                    return Ok(());
                }
            }
            if changes.changed().await.is_err() {
                return Err("the run was given up".to_owned());
            }
        }
    }

    /// Waits until every site has joined or failed, or the time is over.
    pub(super) async fn all_settled(&self, timeout: Duration) {
        let mut changes = self.progress.subscribe();
        let settled = async {
            loop {
                let asked = changes.borrow_and_update().asked;
                if self.settled() >= asked || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // The sites that are still missing then are told by the report.
        let _ = tokio::time::timeout(timeout, settled).await;
    }

    /// All watch together from now on.
    pub(super) fn watching(&self, duration: Duration) {
        self.progress
            .send_modify(|progress| progress.watching = Some(duration));
    }

    /// Watching is over.
    pub(super) fn done(&self) {
        self.progress.send_modify(|progress| progress.done = true);
    }

    /// When the last site that joined did so.
    pub(super) fn last_joined(&self) -> Option<Instant> {
        self.state().last_joined
    }

    /// Endpoints that publish.
    pub(super) fn publishers(&self) -> Vec<EndpointId> {
        self.state().publishers.iter().copied().collect()
    }

    /// There is a picture to wait for.
    pub(super) fn is_on_air(&self) -> bool {
        self.state().on_air
    }

    fn settled(&self) -> u32 {
        u32::try_from(self.state().settled.len()).unwrap_or(u32::MAX)
    }

    fn join(&self, number: u32, at: Instant) {
        let mut state = self.state();
        if state.joined.insert(number) {
            state.last_joined = state.last_joined.max(Some(at));
            state.settled.insert(number);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
