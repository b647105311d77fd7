//! The cloneable end of a conference's task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sfu::command::Event;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::request::{Admission, Answer, Endings, Entry, Inbound, Negotiated, NewPeer, OwnPeer};
use super::request::{Query, Request};
use crate::conference::{Actor, Command};
use crate::ids::{ConferenceId, ParticipantId, RequestId, SessionId, SiteCode};
use crate::outbox::Outbox;
use crate::protocol::Condition;
use crate::protocol::line::Heard;
use crate::protocol::server::{BarredEntry, ParticipantEntry};
use crate::protocol::{RosterView, Snapshot};
use crate::refusal::{ErrorCode, Refusal};

/// Why nothing was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    /// Its inbox is full.
    #[error("the conference has too much to do: try again in some seconds")]
    Overloaded,
    /// The task has ended, with the server.
    #[error("the server stops: try again in some seconds")]
    Closed,
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        Self::new(ErrorCode::Overloaded, error.to_string())
    }
}

/// How long a program or an operator waits for room behind a rush of others before it is refused.
///
/// Higher: its request outlives its patience. Lower: a conference of thousands that is just ending
/// refuses whoever manages it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks a conference's task. Cheap to clone; what sessions and media ask never waits for room.
#[derive(Clone, Debug)]
pub struct ConferenceHandle {
    id: ConferenceId,
    media_id: sfu::id::ConferenceId,
    inbox: mpsc::Sender<Inbound>,
    sites: Arc<AtomicU32>,
}

/// A [`ConferenceHandle`] for whoever keeps it without meaning to ask: the task may end meanwhile.
#[derive(Clone, Debug)]
pub struct WeakHandle {
    id: ConferenceId,
    media_id: sfu::id::ConferenceId,
    inbox: mpsc::WeakSender<Inbound>,
    sites: Arc<AtomicU32>,
}

impl WeakHandle {
    /// To ask with; nothing once the task has ended.
    pub fn upgrade(&self) -> Option<ConferenceHandle> {
        let inbox = self.inbox.upgrade()?;
        Some(ConferenceHandle {
            id: self.id.clone(),
            media_id: self.media_id,
            inbox,
            sites: Arc::clone(&self.sites),
        })
    }

    /// Whether the task has ended.
    pub fn is_closed(&self) -> bool {
        self.upgrade().is_none_or(|handle| handle.is_closed())
    }
}

impl ConferenceHandle {
    pub(super) const fn new(
        id: ConferenceId,
        media_id: sfu::id::ConferenceId,
        inbox: mpsc::Sender<Inbound>,
        sites: Arc<AtomicU32>,
    ) -> Self {
        Self {
            id,
            media_id,
            inbox,
            sites,
        }
    }

    /// Which conference.
    pub const fn id(&self) -> &ConferenceId {
        &self.id
    }

    /// Its number at the media plane.
    pub const fn media_id(&self) -> sfu::id::ConferenceId {
        self.media_id
    }

    /// How large it is: sites expected or participants here, whichever are more. As of the last
    /// change that the task has stored.
    pub fn sites(&self) -> u32 {
        self.sites.load(Ordering::Relaxed)
    }

    /// Whether the task has ended.
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// One that does not keep the task at work.
    pub fn downgrade(&self) -> WeakHandle {
        WeakHandle {
            id: self.id.clone(),
            media_id: self.media_id,
            inbox: self.inbox.downgrade(),
            sites: Arc::clone(&self.sites),
        }
    }

    fn ask(&self, request: Request) -> Result<(), AskError> {
        let inbound = Inbound {
            request,
            queued_at: Instant::now(),
        };
        self.inbox.try_send(inbound).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AskError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AskError::Closed,
        })
    }

    /// As [`ask`](Self::ask), for whoever can wait a while for room.
    async fn ask_patiently(&self, request: Request) -> Result<(), AskError> {
        let inbound = Inbound {
            request,
            queued_at: Instant::now(),
        };
        let sent = self.inbox.send_timeout(inbound, PATIENCE).await;
        sent.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => AskError::Overloaded,
            mpsc::error::SendTimeoutError::Closed(_) => AskError::Closed,
        })
    }

    /// Changes the conference; what came of it goes to the session.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn request(
        &self,
        participant: ParticipantId,
        command: Command,
        outbox: &Outbox,
        id: Option<RequestId>,
    ) -> Result<(), AskError> {
        let answer = id.map_or(Answer::Nobody, |id| Answer::Session(outbox.clone(), id));
        self.ask(Request::Change {
            actor: Actor::participant(participant),
            command: Box::new(command),
            answer,
        })
    }

    /// Changes the conference and waits until that is stored.
    ///
    /// # Errors
    /// When the conference refuses, or its task takes nothing.
    pub async fn change(&self, actor: Actor, command: impl Into<Command>) -> Result<(), Refusal> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Change {
            actor,
            command: Box::new(command.into()),
            answer: Answer::Changed(sender),
        })
        .await?;
        receiver
            .await
            .map_err(|_| Refusal::from(AskError::Closed))?
    }

    /// Lets somebody in, or back.
    ///
    /// # Errors
    /// When the conference refuses, or its task takes nothing.
    pub async fn enter(
        &self,
        command: impl Into<Command>,
        arrival: super::Arrival,
    ) -> Result<Admission, Refusal> {
        let (answer, receiver) = oneshot::channel();
        self.ask(Request::Enter(Box::new(Entry {
            command: command.into(),
            arrival,
            answer,
        })))?;
        receiver
            .await
            .map_err(|_| Refusal::from(AskError::Closed))?
    }

    /// A connection has ended. Waits for room: forgetting it would leave a ghost.
    pub async fn gone(&self, participant: ParticipantId, outbox: Outbox) {
        let request = Request::Gone {
            participant,
            outbox,
        };
        let inbound = Inbound {
            request,
            queued_at: Instant::now(),
        };
        // A task that has ended has no ghosts.
        let _ = self.inbox.send(inbound).await;
    }

    /// A connection that was asked for a sign of life has given one. When the inbox is full it is
    /// not told, and may lose its place.
    pub fn alive(&self, participant: ParticipantId, outbox: Outbox) {
        let _ = self.ask(Request::Alive {
            participant,
            outbox,
        });
    }

    /// Tokens were taken back: whoever came with one of them has to go. Waits for room.
    pub async fn tokens_revoked(&self) {
        let inbound = Inbound {
            request: Request::TokensRevoked,
            queued_at: Instant::now(),
        };
        // A task that has ended has nobody.
        let _ = self.inbox.send(inbound).await;
    }

    /// Gives a peer its owner; what came of it goes where `peer.answer` says.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn offer(&self, peer: NewPeer) -> Result<(), AskError> {
        self.ask(Request::NewPeer(Box::new(peer)))
    }

    /// Gives a peer its owner and waits for it.
    ///
    /// # Errors
    /// When the conference refuses, or its task takes nothing.
    pub async fn negotiate(&self, mut peer: NewPeer) -> Result<Negotiated, Refusal> {
        let (sender, receiver) = oneshot::channel();
        peer.answer = Answer::Negotiated(sender);
        self.offer(peer)?;
        receiver
            .await
            .map_err(|_| Refusal::from(AskError::Closed))?
    }

    /// Which peer is a participant's, once everything that it asked for before is done.
    ///
    /// # Errors
    /// When it has none, or the task takes nothing.
    pub async fn own_peer(&self, participant: ParticipantId) -> Result<OwnPeer, Refusal> {
        let (answer, receiver) = oneshot::channel();
        self.ask(Request::OwnPeer {
            participant,
            answer,
        })?;
        receiver
            .await
            .map_err(|_| Refusal::from(AskError::Closed))?
    }

    /// Points a slot at somebody's camera; what came of it goes to the session.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn watch(
        &self,
        participant: ParticipantId,
        mid: String,
        target: Option<ParticipantId>,
        outbox: &Outbox,
        id: RequestId,
    ) -> Result<(), AskError> {
        self.ask(Request::Watch {
            participant,
            mid,
            target,
            outbox: outbox.clone(),
            id,
        })
    }

    /// Passes on what a page has seen and heard.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn quality(
        &self,
        participant: ParticipantId,
        heard: Heard,
        outbox: &Outbox,
    ) -> Result<(), AskError> {
        self.ask(Request::Quality {
            participant,
            outbox: outbox.clone(),
            heard,
        })
    }

    /// Says how it stands with a participant's devices and line; what came of it goes to the session.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn note_condition(
        &self,
        participant: ParticipantId,
        condition: Condition,
        outbox: &Outbox,
        id: RequestId,
    ) -> Result<(), AskError> {
        self.ask(Request::Condition {
            participant,
            condition,
            outbox: outbox.clone(),
            id,
        })
    }

    /// Limits how many layers somebody's slots show; what came of it goes to the session.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub fn limit(
        &self,
        participant: ParticipantId,
        layers: BTreeMap<String, u8>,
        outbox: &Outbox,
        id: RequestId,
    ) -> Result<(), AskError> {
        self.ask(Request::Limit {
            participant,
            layers,
            outbox: outbox.clone(),
            id,
        })
    }

    /// A join was refused for want of room. Under a crowd that fills the inbox some are not told of.
    pub fn refused(&self, code: ErrorCode) {
        let _ = self.ask(Request::Refused(code));
    }

    /// Something happened at the media plane. Waits for room.
    pub async fn media_event(&self, event: Event) {
        let inbound = Inbound {
            request: Request::Media(event),
            queued_at: Instant::now(),
        };
        // A task that has ended has no peers.
        let _ = self.inbox.send(inbound).await;
    }

    /// The conference as a whole.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub async fn snapshot(&self) -> Result<Snapshot, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Query(Query::Snapshot(sender)))
            .await?;
        receiver.await.map_err(|_| AskError::Closed)
    }

    /// The sites that it expects.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub async fn roster(&self) -> Result<RosterView, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Query(Query::Roster(sender)))
            .await?;
        receiver.await.map_err(|_| AskError::Closed)
    }

    /// Whether it has not ended and expects this site.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub async fn expects(&self, site: SiteCode) -> Result<bool, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Query(Query::Expects(site, sender)))
            .await?;
        receiver.await.map_err(|_| AskError::Closed)
    }

    /// Everybody who is present or lost.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub async fn participants(&self) -> Result<Vec<ParticipantEntry>, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Query(Query::Participants(sender)))
            .await?;
        receiver.await.map_err(|_| AskError::Closed)
    }

    /// Everybody who was sent away and may not come in.
    ///
    /// # Errors
    /// When the task takes nothing.
    pub async fn barred(&self) -> Result<Vec<BarredEntry>, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.ask_patiently(Request::Query(Query::Barred(sender)))
            .await?;
        receiver.await.map_err(|_| AskError::Closed)
    }

    /// Whether anything is known of this session here.
    pub async fn has_session(&self, session: SessionId) -> bool {
        let (sender, receiver) = oneshot::channel();
        // A task that takes nothing has nobody to resume for now.
        self.ask_patiently(Request::Query(Query::HasSession(session, sender)))
            .await
            .is_ok()
            && receiver.await.unwrap_or(false)
    }

    /// Closes every connection and ends the task.
    pub(crate) async fn drain(&self, endings: Box<dyn Endings>) {
        let request = Request::Drain { endings };
        let _ = self
            .inbox
            .send(Inbound {
                request,
                queued_at: Instant::now(),
            })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_manages_a_conference_waits_behind_a_rush_instead_of_being_refused() {
        let (sender, mut inbox) = mpsc::channel(1);
        let id = "c".parse().unwrap();
        let media = sfu::id::ConferenceId(1);
        let handle = ConferenceHandle::new(id, media, sender, Arc::default());
        let (rush, _) = oneshot::channel();
        handle.ask(Request::Query(Query::Barred(rush))).unwrap();
        let (late, _) = oneshot::channel();
        let refused = handle.ask(Request::Query(Query::Barred(late)));
        assert_eq!(refused, Err(AskError::Overloaded));
        let serve = async {
            tokio::time::sleep(PATIENCE / 2).await;
            let _rush = inbox.recv().await;
            let asked = inbox.recv().await.map(|inbound| inbound.request);
            let Some(Request::Query(Query::Expects(_, asked))) = asked else {
                panic!("another request")
            };
            asked.send(true).unwrap();
        };
        let asked = handle.expects("00004".parse().unwrap());
        assert_eq!(tokio::join!(asked, serve).0, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_conference_without_end() {
        let (sender, _inbox) = mpsc::channel(1);
        let id = "c".parse().unwrap();
        let media = sfu::id::ConferenceId(1);
        let handle = ConferenceHandle::new(id, media, sender, Arc::default());
        let (rush, _) = oneshot::channel();
        handle.ask(Request::Query(Query::Barred(rush))).unwrap();
        let asked = handle.expects("00004".parse().unwrap()).await;
        assert_eq!(asked, Err(AskError::Overloaded));
    }
}
