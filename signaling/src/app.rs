//! What every request handler and session has at hand.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::AccessLog;
use crate::admission::Admission;
use crate::auth::{Grant, Keys, SessionSecret, TokenError};
use crate::clock::Clock;
use crate::conference::Refusal;
use crate::conference_task::{ConferenceHandle, Endings};
use crate::config::Config;
use crate::directory::Directory;
use crate::health::StoreCheck;
use crate::ids::{ConferenceId, ParticipantId, SessionId, TokenId};
use crate::media::MediaPlane;
use crate::metrics::{Metrics, WANT_OF_ROOM};
use crate::outbox::Ending;
use crate::protocol::endings::RETRY_SECONDS;
use crate::protocol::{CloseReason, ErrorCode};
use crate::store::Store;
use crate::whip::Resources;

/// Shared by everything that serves requests. Cheap to clone.
pub type App = Arc<Inner>;

/// See [`App`].
#[derive(Debug)]
pub struct Inner {
    /// What the operator set.
    pub config: Config,
    /// Who signs tokens.
    pub keys: Keys,
    /// What is kept.
    pub store: Store,
    /// Whether it can be written to.
    pub store_check: StoreCheck,
    /// The conferences.
    pub directory: Directory,
    /// Where offers are answered.
    pub media: MediaPlane,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where the time comes from.
    pub clock: Clock,
    /// WHIP and WHEP peers.
    pub resources: Resources,
    /// Cancelled when the server is about to stop, and still does everything.
    pub announced: CancellationToken,
    /// Cancelled when the server begins to stop.
    pub draining: CancellationToken,
    /// Sessions and resources that are under way.
    pub tasks: TaskTracker,
    /// It shows somebody at this machine what it does, and may be alone there.
    pub is_demo: AtomicBool,
    /// Who came in and who was refused.
    pub access: AccessLog,
    /// Who may come in.
    pub admission: Admission,
}

impl Inner {
    /// What a token allows at this moment.
    ///
    /// # Errors
    /// When it is not valid, with the code that clients are told.
    pub fn verify(&self, token: &str) -> Result<Grant, TokenError> {
        self.keys.verify(token, self.clock.moment())
    }

    /// Counts a join that was refused for want of room, and tells its operators.
    pub fn note_refused(&self, conference: &ConferenceHandle, refusal: &Refusal) {
        if is_want_of_room(refusal.code) {
            self.metrics.join_refused(refusal.code);
            conference.refused(refusal.code);
        }
    }

    /// A refusal while the server stops.
    ///
    /// # Errors
    /// When it does.
    pub fn check_not_draining(&self) -> Result<(), Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::new(
                ErrorCode::Overloaded,
                "the server restarts: try again in some seconds",
            ));
        }
        Ok(())
    }

    /// How a session ends because the server stops: each is told another time to come back.
    pub fn restarting(&self) -> Ending {
        let shutdown = &self.config.shutdown;
        let spread = rand::random_range(0..=shutdown.retry_spread_seconds);
        let seconds = shutdown.retry_after_seconds.saturating_add(spread);
        Ending::Closing {
            reason: CloseReason::Restarting,
            retry_after_seconds: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
        }
    }

    /// The longest a stop may take.
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_secs(self.config.shutdown.deadline_seconds)
    }
}

/// The jittered endings of one conference's sessions.
#[derive(Debug)]
pub(crate) struct Restarting(pub(crate) App);

impl Endings for Restarting {
    fn next(&mut self) -> Ending {
        self.0.restarting()
    }
}

/// Whether a join was refused because there was no room, not because of who asked.
fn is_want_of_room(code: ErrorCode) -> bool {
    WANT_OF_ROOM.contains(&code)
}

/// When a client that was sent away may come back, in seconds: for each another time, so that a
/// crowd does not return as one.
pub(crate) fn spread_retry() -> u32 {
    rand::random_range(RETRY_SECONDS..=RETRY_SECONDS + RETRY_SPREAD_SECONDS)
}

/// Over how long the return of those is spread who were refused. Higher: a gentler crowd. Lower:
/// the last of them is in sooner.
const RETRY_SPREAD_SECONDS: u32 = 10;

fn unix_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// Where this process counts its participants from.
static FIRST_PARTICIPANT: LazyLock<(u64, u128)> = LazyLock::new(|| {
    let random: u64 = rand::random();
    (unix_ms(), u128::from(random >> 16) << 32)
});

/// How many participants this process has named.
static PARTICIPANTS: AtomicU32 = AtomicU32::new(0);

/// A fresh participant id: a random beginning that the participants of this process share, and a
/// number. They are no secrets, and a list of thousands that begin alike is short.
#[must_use]
pub fn new_participant() -> ParticipantId {
    let (started_ms, random) = *FIRST_PARTICIPANT;
    let number = PARTICIPANTS.fetch_add(1, Ordering::Relaxed);
    ParticipantId::new(started_ms, random | u128::from(number))
}

/// A fresh session id.
#[must_use]
pub fn new_session() -> SessionId {
    SessionId::new(unix_ms(), rand::random())
}

/// A fresh session secret.
#[must_use]
pub fn new_secret() -> SessionSecret {
    SessionSecret::new(rand::random())
}

/// A fresh token id.
#[must_use]
pub fn new_token_id() -> TokenId {
    TokenId::generate(unix_ms(), rand::random())
}

/// A fresh conference id.
#[must_use]
pub fn new_conference_id() -> ConferenceId {
    ConferenceId::generate(unix_ms(), rand::random())
}
