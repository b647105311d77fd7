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

mod arrivals;
mod at_hand;
mod batch;
mod bucket;
mod budget;
mod conditions;
mod demand;
mod doubts;
mod encoders;
mod handle;
mod lines;
mod links;
mod news;
mod outage;
mod pace;
mod peers;
mod request;
mod settings;
mod storing;
mod troubles;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sfu::Media;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::auth::Revoked;
use crate::clock::{Clock, Now, Reckoning};
use crate::conference::{Actor, State};
use crate::conference::{ClockCommand, Phase};
use crate::ids::ConferenceId;
use crate::metrics::Metrics;
use crate::running::{Place, Running};
use crate::store::Store;
use crate::telemetry::Telemetry;
use batch::Batch;
use budget::Budgets;
use doubts::Doubts;
use encoders::Awaited;
use lines::Unrecorded;
use links::Links;
use news::News;
use outage::Outage;
use peers::Peers;
use request::Inbound;
use troubles::Troubles;

pub use at_hand::AtHand;
pub use handle::{AskError, ConferenceHandle, WeakHandle};
pub(crate) use peers::{PROGRAMME, stage_number};
pub use request::{Admission, Answer, Arrival, Entry, Negotiated, NewPeer, OwnPeer, Query};
pub(crate) use request::{Endings, refusal_message};
pub use settings::SettingsInForce;

/// Room for what is asked of one conference. When it is full, askers are told `overloaded`.
///
/// Higher: a rush of thousands waits longer instead of being sent away. Lower: less memory, and
/// people learn sooner that they must wait.
const INBOX: usize = 8_192;

/// Most requests whose events are stored together. Higher: fewer disk writes in a rush. Lower: the
/// first of them is answered sooner.
const BATCH: usize = 256;

/// How long an ended conference is kept at hand after somebody asked about it. Higher: who asks
/// again need not wait until it is read from the store. Lower: less memory where one follows the
/// other.
const ENDED_IDLE: Duration = Duration::from_secs(10);

/// How long a conference that has not begun, and in which nobody is, is kept at hand after somebody
/// asked about it. Higher: whoever makes one and corrects it at once need not wait. Lower: less memory
/// while a calendar of thousands is made.
const SCHEDULED_IDLE: Duration = Duration::from_secs(1);

/// What every conference of a server shares.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where events are kept.
    pub store: Store,
    /// Where media is commanded.
    pub media: Arc<dyn Media>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Traces of joins, if somebody wants them.
    pub telemetry: Option<Arc<Telemetry>>,
    /// Room for conferences that run.
    pub running: Running,
    /// What the operator of the server decides about conferences.
    pub settings: SettingsInForce,
    /// Tokens that were taken back.
    pub revoked: Revoked,
    /// What sessions are told about resuming and pinging.
    pub welcome: WelcomeTimes,
    /// Where the time comes from.
    pub clock: Clock,
    /// Until when the server that ran before this one is known to have been up.
    pub up_until: Option<Timestamp>,
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
    at_hand: Arc<AtHand>,
    media_id: sfu::id::ConferenceId,
    state: State,
    links: Links,
    peers: Peers,
    news: News,
    troubles: Troubles,
    budgets: Budgets,
    unrecorded: Unrecorded,
    /// What participants may say of themselves.
    reports: Budgets,
    reckoning: Reckoning,
    outage: Outage,
    /// What has become of connections and peers is not in the state yet.
    is_behind: bool,
    /// That the server has stopped is not in the state yet.
    is_interrupted: bool,
    doubts: Doubts,
    awaited: Awaited,
    /// Its place among the conferences that run, if it is one of them.
    place: Option<Place>,
    /// Read by [`ConferenceHandle::sites`].
    sites: Arc<AtomicU32>,
    draining: bool,
    asked_at: Instant,
}

/// Starts the task of a conference in this state. It ends when it was told to drain, or when nobody
/// has asked for some time about a conference that has ended, or has not begun, and nobody is about
/// to.
pub fn spawn(
    state: State,
    media_id: sfu::id::ConferenceId,
    around: Surroundings,
    at_hand: Arc<AtHand>,
    tasks: &tokio_util::task::TaskTracker,
) -> ConferenceHandle {
    let (sender, receiver) = mpsc::channel(INBOX);
    let sites = Arc::new(AtomicU32::new(0));
    let handle = ConferenceHandle::new(state.id().clone(), media_id, sender, Arc::clone(&sites));
    let mut task = ConferenceTask {
        around,
        at_hand,
        media_id,
        state,
        links: Links::default(),
        peers: Peers::default(),
        news: News::default(),
        troubles: Troubles::default(),
        budgets: Budgets::default(),
        unrecorded: Unrecorded::default(),
        reports: Budgets::default(),
        reckoning: Reckoning::default(),
        outage: Outage::default(),
        // Whoever was here when the server stopped has lost its connection and its peer.
        is_behind: true,
        is_interrupted: true,
        doubts: Doubts::default(),
        awaited: Awaited::default(),
        place: None,
        sites,
        draining: false,
        asked_at: Instant::now(),
    };
    task.measure();
    task.keep_place();
    tasks.spawn(task.run(receiver));
    handle
}

impl ConferenceTask {
    async fn run(mut self, mut inbox: mpsc::Receiver<Inbound>) {
        let mut waiting = Vec::with_capacity(BATCH);
        self.turn(&mut inbox, &mut waiting).await;
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
            if self.draining && waiting.is_empty() {
                self.close(inbox, waiting).await;
                break;
            }
            if waiting.is_empty() && self.is_idle() {
                if self.at_hand.let_go(self.id(), self.media_id, &inbox) {
                    break;
                }
                // Somebody is about to ask.
                self.asked_at = Instant::now();
            }
        }
        self.around.metrics.put_away(self.id());
        info!(conference = %self.id(), "conference put away");
        // Nobody waits for it.
        tokio::task::spawn_blocking(crate::memory::give_back);
    }

    /// Answers what was asked before the server stopped taking anything.
    async fn close(&mut self, mut inbox: mpsc::Receiver<Inbound>, mut waiting: Vec<Inbound>) {
        inbox.close();
        while let Ok(request) = inbox.try_recv() {
            waiting.push(request);
            self.turn(&mut inbox, &mut waiting).await;
        }
    }

    /// Carries out everything that is waiting, stores it in one go, and tells.
    async fn turn(&mut self, inbox: &mut mpsc::Receiver<Inbound>, waiting: &mut Vec<Inbound>) {
        if self.outage.retry_at().is_some()
            && (self.outage.lasts(Instant::now()) || !self.recover().await)
        {
            self.without_store(waiting);
            return;
        }
        self.state.set_settings(self.around.settings.now());
        let mut batch = Batch::default();
        let now = self.notice_time(&mut batch);
        self.catch_up(&mut batch, now);
        if self
            .state
            .next_deadline()
            .is_some_and(|deadline| deadline <= self.state.time_of(now))
        {
            self.carry_out(&mut batch, now, &Actor::SYSTEM, ClockCommand::Tick);
        }
        let metrics = Arc::clone(&self.around.metrics);
        for Inbound { request, queued_at } in waiting.drain(..) {
            metrics.queue_wait(queued_at.elapsed());
            self.take(&mut batch, now, request);
        }
        // After the answers to its questions, which may have waited as long.
        self.end_doubts(&mut batch, now);
        self.await_media(&mut batch, now);
        self.note_arrivals(&mut batch, now);
        self.record_lines(&mut batch, now);
        self.commit(batch, inbox, waiting).await;
        self.keep_place();
    }

    /// What runs has its place, and nothing else has: also after what was decided was not stored.
    fn keep_place(&mut self) {
        let runs = self.state.phase() == Phase::Running;
        self.place = self.place.take().filter(|_| runs);
        if runs && self.place.is_none() {
            self.place = Some(self.around.running.go_on());
        }
    }

    /// What the wall clock says. If it was set since the last look, that is an event before anything
    /// else that happens; what is not stored of it is noticed again.
    fn notice_time(&mut self, batch: &mut Batch) -> Timestamp {
        let Now { wall, mono } = self.around.clock.now();
        if self.state.version() > 0 && self.state.phase() != Phase::Ended {
            let (time, known) = (self.state.time_of(wall), self.state.time());
            let set_by = self.reckoning.look(time.reckoned(), mono, known.reckoned());
            if let Some(set_by) = set_by {
                warn!(conference = %self.id(), %set_by, "the clock was set");
                let command = ClockCommand::NoteStep { set_by };
                self.carry_out(batch, wall, &Actor::SYSTEM, command);
            }
        }
        wall
    }

    /// When something is to be done even if nobody asks.
    fn wake_at(&self) -> Option<Instant> {
        let deadline = self.state.next_deadline().map(|deadline| {
            let when = self.reckoning.when(deadline.reckoned());
            when.unwrap_or_else(Instant::now)
        });
        let idle = self.kept_for().map(|kept| self.asked_at + kept);
        let own = if let Some(retry_at) = self.outage.retry_at() {
            Some(retry_at)
        } else if self.is_behind {
            Some(Instant::now())
        } else {
            let (doubts, awaited) = (self.doubts.due(), self.awaited.due());
            let own = [deadline, idle, doubts, awaited, self.unrecorded.due()];
            own.into_iter().flatten().min()
        };
        if !self.outage.is_state_known() {
            return own;
        }
        [own, self.news.due(), self.troubles.due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_idle(&self) -> bool {
        let kept_for = self.kept_for();
        self.outage.is_state_known() && kept_for.is_some_and(|kept| self.asked_at.elapsed() >= kept)
    }

    /// How long it is kept at hand when nobody asks; nothing if it is not to be put away.
    fn kept_for(&self) -> Option<Duration> {
        // Not made yet, or never.
        if self.state.version() == 0 {
            return Some(SCHEDULED_IDLE);
        }
        match self.state.phase() {
            Phase::Ended => Some(ENDED_IDLE),
            Phase::Scheduled => {
                let is_empty = self.state.participant_count() == 0 && self.doubts.due().is_none();
                is_empty.then_some(SCHEDULED_IDLE)
            }
            Phase::Running => None,
        }
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
