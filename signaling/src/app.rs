//! What every request handler and session has at hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::AccessLog;
use crate::accounts::Hasher;
use crate::admission::Admission;
use crate::auth::{Grant, Keys, Role, TokenError};
use crate::check::Checks;
use crate::clock::Clock;
use crate::conference_task::{ConferenceHandle, Endings};
use crate::config::Config;
use crate::directory::Directory;
use crate::live::LiveConfig;
use crate::mail::Post;
use crate::media::MediaPlane;
use crate::metrics::{Metrics, WANT_OF_ROOM};
use crate::oidc::Providers;
use crate::outbox::Ending;
use crate::refusal::{ErrorCode, Refusal};
use crate::returns::Returns;
use crate::store::Store;
use crate::store_check::StoreCheck;
use crate::telemetry::Telemetry;
use crate::tls::Tls;
use crate::webhooks::Webhooks;
use crate::whip::Resources;

/// Shared by everything that serves requests. Cheap to clone.
pub type App = Arc<Inner>;

/// See [`App`].
#[derive(Debug)]
pub struct Inner {
    /// What the operator set, as far as it is in force.
    pub(crate) live: LiveConfig,
    /// Where the public is served.
    pub http: SocketAddr,
    /// Who signs tokens.
    pub keys: Keys,
    /// What is kept.
    pub store: Store,
    /// Whether it can be written to.
    pub store_check: StoreCheck,
    /// TLS of the public port, if it is on.
    pub tls: Option<Arc<Tls>>,
    /// Traces of joins, if somebody wants them.
    pub telemetry: Option<Arc<Telemetry>>,
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
    /// Checks under way.
    pub(crate) checks: Checks,
    /// Mail that is sent.
    pub post: Post,
    /// Programs that are told what happens.
    pub webhooks: Webhooks,
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
    /// Where passwords are hashed.
    pub(crate) hasher: Hasher,
    /// Who else knows people, and who has gone there to log in.
    pub(crate) providers: Providers,
}

impl Inner {
    /// The configuration that is in force at this moment.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.live.now()
    }

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

    /// How a connection ends because the server stops, if nobody was in yet.
    pub fn restarting(&self) -> Ending {
        Returns::new(&self.config().shutdown, 0).ending(false)
    }

    /// The longest a stop may take.
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_secs(self.config().shutdown.deadline_seconds)
    }
}

/// The jittered endings of one conference's sessions.
#[derive(Debug)]
pub(crate) struct Restarting(pub(crate) Returns);

impl Endings for Restarting {
    fn next(&mut self, role: Role) -> Ending {
        self.0.ending(role.is_indispensable())
    }
}

/// Whether a join was refused because there was no room, not because of who asked.
fn is_want_of_room(code: ErrorCode) -> bool {
    WANT_OF_ROOM.contains(&code)
}
