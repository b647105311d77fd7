//! One task owns one conference. Everything that may change it comes through one queue.
//!
//! ```text
//! sessions ─┐                                   ┌─▶ store (one append for all that is waiting)
//! REST ─────┼─▶ inbox ─▶ decide ─▶ advance ─────┤
//! WHIP ─────┤                                   └─▶ then: answers, state messages, media commands
//! sfu ──────┘
//! ```
//!
//! The rules of the conference are in [`crate::conference`]; here stands only who may watch whom,
//! which changes no state. Nobody hears of anything before it is stored.

mod batch;
mod bucket;
mod budget;
mod handle;
mod links;
mod news;
mod pace;
mod peers;
mod request;
mod troubles;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info};

use crate::access::AccessLog;
use crate::conference::{Actor, Command, Record, Settings, State};
use crate::ids::ConferenceId;
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::protocol::server::Phase;
use crate::store::{Store, StoreError};
use batch::Batch;
use budget::Budgets;
use links::Links;
use news::News;
use peers::Peers;
use request::Inbound;
use troubles::Troubles;

pub use handle::{AskError, ConferenceHandle};
pub(crate) use peers::stage_number;
pub use request::{Admission, Answer, Arrival, Entry, Negotiated, NewPeer, OwnPeer, Query};
pub(crate) use request::{Endings, refusal_message};

/// Room for what is asked of one conference. When it is full, askers are told `overloaded`.
///
/// Higher: a rush of thousands waits longer instead of being sent away. Lower: less memory, and
/// people learn sooner that they must wait.
const INBOX: usize = 8_192;

/// Most requests whose events are stored together. Higher: fewer disk writes in a rush. Lower: the
/// first of them is answered sooner.
const BATCH: usize = 256;

/// How long an ended conference is kept at hand after somebody asked about it.
const ENDED_IDLE: Duration = Duration::from_secs(60);

/// What every conference of a server shares.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where events are kept.
    pub store: Store,
    /// Where media is commanded.
    pub media: MediaPlane,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the operator of the server decided about conferences.
    pub settings: Settings,
    /// What sessions are told about resuming and pinging.
    pub welcome: WelcomeTimes,
}

/// The times that `welcome` names.
#[derive(Clone, Copy, Debug)]
pub struct WelcomeTimes {
    /// How long a lost session can be resumed.
    pub resume_seconds: u32,
    /// How often the server pings.
    pub ping_seconds: u32,
}

/// One conference with everything around it.
struct ConferenceTask {
    around: Surroundings,
    media_id: sfu::id::ConferenceId,
    state: State,
    links: Links,
    peers: Peers,
    news: News,
    troubles: Troubles,
    budgets: Budgets,
    /// Read by [`ConferenceHandle::sites`].
    sites: Arc<AtomicU32>,
    draining: bool,
    asked_at: Instant,
}

/// Starts the task of a conference in this state. It ends when it was told to drain, or some time
/// after the conference has ended.
pub fn spawn(
    state: State,
    media_id: sfu::id::ConferenceId,
    around: Surroundings,
    tasks: &tokio_util::task::TaskTracker,
) -> ConferenceHandle {
    let (sender, receiver) = mpsc::channel(INBOX);
    let sites = Arc::new(AtomicU32::new(0));
    let handle = ConferenceHandle::new(state.id().clone(), media_id, sender, Arc::clone(&sites));
    let task = ConferenceTask {
        around,
        media_id,
        state,
        links: Links::default(),
        peers: Peers::default(),
        news: News::default(),
        troubles: Troubles::default(),
        budgets: Budgets::default(),
        sites,
        draining: false,
        asked_at: Instant::now(),
    };
    task.measure();
    tasks.spawn(task.run(receiver));
    handle
}

impl ConferenceTask {
    async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>) {
        let mut waiting = Vec::with_capacity(BATCH);
        self.interrupt(&mut inbox, &mut waiting).await;
        loop {
            let wake = self.wake_at();
            tokio::select! {
                // Both are cancel safe.
                count = inbox.recv_many(&mut waiting, BATCH), if waiting.is_empty() => {
                    if count == 0 {
                        break;
                    }
                    self.asked_at = Instant::now();
                }
                () = sleep_until(wake), if waiting.is_empty() => {}
                // Some came while the former turn was being stored.
                () = std::future::ready(()), if !waiting.is_empty() => {}
            }
            self.turn(&mut inbox, &mut waiting).await;
            if waiting.is_empty() && self.is_over(&inbox) {
                // Whoever asks from now on gets the conference from the store.
                inbox.close();
                while let Ok(request) = inbox.try_recv() {
                    waiting.push(request);
                    self.turn(&mut inbox, &mut waiting).await;
                }
                break;
            }
        }
        self.around.metrics.put_away(self.id());
        info!(conference = %self.id(), "conference put away");
    }

    /// Whoever was here when the server stopped has lost its connection and its peer.
    async fn interrupt(&mut self, inbox: &mut mpsc::Receiver<Inbound>, waiting: &mut Vec<Inbound>) {
        let mut batch = Batch::default();
        let now = Timestamp::now();
        self.carry_out(&mut batch, now, &Actor::System, Command::Interrupt);
        let everybody: Vec<_> = self.state.participants().map(|(id, _)| id).collect();
        for participant in everybody {
            self.carry_out(
                &mut batch,
                now,
                &Actor::System,
                Command::Unpublish { participant },
            );
        }
        self.commit(batch, inbox, waiting).await;
    }

    /// Carries out everything that is waiting, stores it in one go, and tells.
    async fn turn(&mut self, inbox: &mut mpsc::Receiver<Inbound>, waiting: &mut Vec<Inbound>) {
        let mut batch = Batch::default();
        let now = Timestamp::now();
        if self
            .state
            .next_deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.carry_out(&mut batch, now, &Actor::System, Command::Tick);
        }
        let metrics = Arc::clone(&self.around.metrics);
        for Inbound { request, queued_at } in waiting.drain(..) {
            metrics.queue_wait(queued_at.elapsed());
            self.take(&mut batch, now, request);
        }
        self.commit(batch, inbox, waiting).await;
    }

    /// Stores what was decided and lets it be known; if it cannot be stored it has not happened.
    async fn commit(
        &mut self,
        batch: Batch,
        inbox: &mut mpsc::Receiver<Inbound>,
        waiting: &mut Vec<Inbound>,
    ) {
        if !batch.records.is_empty()
            && let Err(cause) = self.store(&batch.records, inbox, waiting).await
        {
            self.fail(batch, &cause).await;
            return;
        }
        AccessLog::happened(self.id(), &batch.records);
        self.release(batch);
    }

    /// Stores events. Meanwhile whatever needs no store is answered, and the rest gathers in
    /// `waiting`.
    async fn store(
        &mut self,
        records: &[Record],
        inbox: &mut mpsc::Receiver<Inbound>,
        waiting: &mut Vec<Inbound>,
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        let (store, id) = (self.around.store.clone(), self.state.id().clone());
        let mut storing = std::pin::pin!(store.append(&id, records));
        let stored = loop {
            tokio::select! {
                biased;
                stored = &mut storing => break stored,
                // Cancel safe.
                Some(inbound) = inbox.recv(), if waiting.len() < BATCH => {
                    self.set_aside(inbound, waiting);
                }
            }
        };
        self.around.metrics.stored(records.len(), started.elapsed());
        stored
    }

    /// Answers what needs no store, unless something of the same participant waits before it.
    fn set_aside(&mut self, inbound: Inbound, waiting: &mut Vec<Inbound>) {
        let Inbound { request, queued_at } = inbound;
        let participant = request.participant();
        let is_behind = waiting
            .iter()
            .any(|earlier| earlier.request.participant() == participant);
        let request = if is_behind {
            Some(request)
        } else {
            self.meanwhile(request)
        };
        if let Some(request) = request {
            waiting.push(Inbound { request, queued_at });
        } else {
            self.around.metrics.queue_wait(queued_at.elapsed());
        }
    }

    /// The events could not be stored: go back to what is stored.
    async fn fail(&mut self, batch: Batch, cause: &StoreError) {
        error!(conference = %self.state.id(), %cause, "events could not be stored");
        batch.refuse();
        let id = self.state.id().clone();
        match self
            .around
            .store
            .load_state(&id, self.around.settings)
            .await
        {
            Ok(Some(state)) => self.state = state,
            Ok(None) => self.state = State::new(id, self.around.settings),
            // The records in memory were refused by the store for good: keep nobody in a
            // conference of which nothing is known.
            Err(cause) => {
                error!(conference = %id, %cause, "events could not be read back");
                self.state = State::new(id, self.around.settings);
            }
        }
        self.reconnect_to_state();
    }

    /// When something is to be done even if nobody asks.
    fn wake_at(&self) -> Option<Instant> {
        let deadline = self.state.next_deadline().map(|deadline| {
            let wait = deadline.duration_since(Timestamp::now());
            Instant::now() + Duration::try_from(wait).unwrap_or_default()
        });
        let idle = (self.state.phase() == Phase::Ended).then(|| self.asked_at + ENDED_IDLE);
        [deadline, self.news.due(), self.troubles.due(), idle]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_over(&self, inbox: &mpsc::Receiver<Inbound>) -> bool {
        let never_was = self.state.version() == 0;
        let ended = self.state.phase() == Phase::Ended || never_was;
        let idle = never_was || self.asked_at.elapsed() >= ENDED_IDLE;
        self.draining || (ended && idle && inbox.is_empty())
    }

    /// Lets its handles know how large it is.
    fn measure(&self) {
        let sites = self
            .state
            .roster()
            .len()
            .max(self.state.participant_count());
        self.sites
            .store(u32::try_from(sites).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn id(&self) -> &ConferenceId {
        self.state.id()
    }
}

/// Never, if there is no deadline.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
