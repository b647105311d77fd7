//! How far the run is: written by members and the collector, read by the run and the progress bar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use signaling::ids::ParticipantId;
use tokio::sync::watch;

use super::plan::Cause;
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
    /// Since when all watch.
    begin: watch::Sender<Option<Instant>>,
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
    participants: FxHashMap<u32, ParticipantId>,
    /// Members that are to come back, on which connection, and why they went.
    returning: FxHashMap<u32, (EndpointId, Cause)>,
    /// How many have come back.
    back: BTreeMap<Cause, u32>,
    /// The restart of the server that came last, and when.
    restart: Option<(usize, Instant)>,
    /// When sites learnt that they have the floor, in order.
    told: Vec<(u32, Instant)>,
    put_off: u32,
}

/// Endpoint number of the publisher; sites have their own number.
pub(super) const PUBLISHER: EndpointId = EndpointId::first(u32::MAX);

/// Whether this is a connection of the publisher's.
pub(super) const fn is_publisher(id: EndpointId) -> bool {
    id.member == PUBLISHER.member
}

impl Board {
    pub(super) fn new(asked: u32, progress: watch::Sender<Progress>) -> Self {
        progress.send_modify(|progress| progress.asked = asked);
        Self {
            state: Mutex::default(),
            progress,
            begin: watch::Sender::new(None),
        }
    }

    /// A site has its answer; those that come back are not counted twice.
    pub(super) fn answered(&self, id: EndpointId) {
        if id.life == 0 {
            self.progress.send_modify(|progress| progress.answered += 1);
        }
    }

    /// The server has told a site who it is.
    pub(super) fn welcomed(&self, member: u32, participant: ParticipantId) {
        self.state().participants.insert(member, participant);
    }

    /// Who a site is at the server.
    pub(super) fn participant(&self, member: u32) -> Option<ParticipantId> {
        self.state().participants.get(&member).copied()
    }

    /// A site has learnt that it has the floor.
    pub(super) fn told(&self, member: u32, at: Instant) {
        self.state().told.push((member, at));
    }

    /// When sites learnt that they have the floor.
    pub(super) fn all_told(&self) -> Vec<(u32, Instant)> {
        self.state().told.clone()
    }

    /// The server asked a site to come later.
    pub(super) fn put_off(&self) {
        self.state().put_off += 1;
    }

    /// How often the server asked a site to come later.
    pub(super) fn times_put_off(&self) -> u32 {
        self.state().put_off
    }

    /// This connection is to bring a member back.
    pub(super) fn returning(&self, id: EndpointId, cause: Cause) {
        self.state().returning.insert(id.member, (id, cause));
    }

    /// The server is restarted: sessions that end from now on end because of that.
    pub(super) fn restarts(&self, number: usize, at: Instant) {
        self.state().restart = Some((number, at));
    }

    /// The restart that came last, and when.
    pub(super) fn restart(&self) -> Option<(usize, Instant)> {
        self.state().restart
    }

    /// Waits until so many are back, or the time is over.
    pub(super) async fn all_back(&self, cause: Cause, sites: u32, timeout: Duration) {
        let back = |state: &State| state.back.get(&cause).is_some_and(|back| *back >= sites);
        self.until(timeout, back).await;
    }

    /// Waits until nobody is away for this cause, or the time is over.
    pub(super) async fn nobody_away(&self, cause: Cause, timeout: Duration) {
        let nobody = |state: &State| state.returning.values().all(|(_, away)| *away != cause);
        self.until(timeout, nobody).await;
    }

    async fn until(&self, timeout: Duration, is_so: impl Fn(&State) -> bool) {
        let mut changes = self.progress.subscribe();
        let back = async {
            loop {
                changes.borrow_and_update();
                if is_so(&self.state()) || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Those that are still missing then are told by the report.
        let _ = tokio::time::timeout(timeout, back).await;
    }

    fn came_back(&self, id: EndpointId) {
        let mut state = self.state();
        let awaited = state.returning.get(&id.member).copied();
        if let Some((_, cause)) = awaited.filter(|(awaited, _)| *awaited == id) {
            state.returning.remove(&id.member);
            *state.back.entry(cause).or_default() += 1;
            drop(state);
            self.progress.send_modify(|_| {});
        }
    }

    /// All watch together since then.
    pub(super) fn begins(&self, at: Instant) {
        self.begin.send_replace(Some(at));
    }

    /// Waits until all watch together; since when.
    pub(super) async fn beginning(&self) -> Instant {
        let mut begin = self.begin.subscribe();
        let found = begin.wait_for(Option::is_some).await.map(|begin| *begin);
        match found {
            Ok(Some(begin)) => begin,
            // The board cannot go while somebody waits at it.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Media may flow to or from an endpoint.
    pub(super) fn connected(&self, id: EndpointId, at: Instant) {
        if is_publisher(id) {
            self.state().publishers.insert(id);
            self.came_back(id);
        } else if !self.is_on_air() {
            self.join(id.member, at);
            self.came_back(id);
        }
        self.progress.send_modify(|progress| {
            if !is_publisher(id) && id.life == 0 {
                progress.connected += 1;
            }
        });
    }

    /// An endpoint has a picture.
    pub(super) fn playing(&self, id: EndpointId, at: Instant) {
        let is_site = !is_publisher(id);
        if is_site {
            self.join(id.member, at);
            self.came_back(id);
        }
        if is_site && id.life == 0 {
            self.progress.send_modify(|progress| progress.playing += 1);
        }
    }

    /// A member is out, before or after it had joined.
    pub(super) fn failed(&self, id: EndpointId, reason: &str) {
        let mut state = self.state();
        state.returning.remove(&id.member);
        if is_publisher(id) {
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
