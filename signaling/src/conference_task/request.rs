//! What is asked of a conference's task, and how it answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sfu::command::{Event, IceCredentials};
use sfu::id::PeerId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::auth::{Rights, Role};
use crate::conference::{Actor, Command};
use crate::ids::{ParticipantId, RequestId, SessionId, SiteCode};
use crate::outbox::{Ending, Outbox};
use crate::protocol::endings::RETRY_SECONDS;
use crate::protocol::line::Heard;
use crate::protocol::server::{
    BarredEntry, IceServer, ParticipantEntry, PublicationEntry, SlotEntry,
};
use crate::protocol::{Condition, ServerMessage, Source};
use crate::protocol::{RosterView, Snapshot};
use crate::refusal::{ErrorCode, Refusal};
use crate::unclaimed::Unclaimed;

/// A request with the time since when it waits.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(super) request: Request,
    pub(super) queued_at: Instant,
}

/// Something asked of a conference's task.
#[derive(Debug)]
pub(super) enum Request {
    /// Change the conference.
    Change {
        actor: Actor,
        command: Box<Command>,
        answer: Answer,
    },
    /// Somebody comes in, or back.
    Enter(Box<Entry>),
    /// A connection has ended.
    Gone {
        participant: ParticipantId,
        outbox: Outbox,
    },
    /// A connection that was asked for a sign of life has given one.
    Alive {
        participant: ParticipantId,
        outbox: Outbox,
    },
    /// Tokens were taken back.
    TokensRevoked,
    /// A peer was answered for a participant.
    NewPeer(Box<NewPeer>),
    /// Which peer is the participant's.
    OwnPeer {
        participant: ParticipantId,
        answer: oneshot::Sender<Result<OwnPeer, Refusal>>,
    },
    /// Point a slot at somebody's camera.
    Watch {
        participant: ParticipantId,
        mid: String,
        target: Option<ParticipantId>,
        outbox: Outbox,
        id: RequestId,
    },
    /// What a page has seen and heard.
    Quality {
        participant: ParticipantId,
        outbox: Outbox,
        heard: Heard,
    },
    /// A participant says how it stands with its devices and its line.
    Condition {
        participant: ParticipantId,
        condition: Condition,
        outbox: Outbox,
        id: RequestId,
    },
    /// Limit how many layers somebody's slots show.
    Limit {
        participant: ParticipantId,
        layers: BTreeMap<String, u8>,
        outbox: Outbox,
        id: RequestId,
    },
    /// Somebody was refused for want of room.
    Refused(ErrorCode),
    /// The media plane has something to say.
    Media(Event),
    /// Somebody wants to know.
    Query(Query),
    /// The server stops: close every connection, each with its own word.
    Drain { endings: Box<dyn Endings> },
}

impl Request {
    /// Whose request it is, where order among a participant's own matters.
    pub(super) const fn participant(&self) -> Option<ParticipantId> {
        match self {
            Self::Change { actor, .. } => actor.session_of(),
            Self::Gone { participant, .. }
            | Self::OwnPeer { participant, .. }
            | Self::Watch { participant, .. }
            | Self::Condition { participant, .. }
            | Self::Limit { participant, .. } => Some(*participant),
            Self::NewPeer(new) => Some(new.participant),
            Self::Enter(_)
            | Self::Alive { .. }
            | Self::TokensRevoked
            | Self::Quality { .. }
            | Self::Refused(_)
            | Self::Media(_)
            | Self::Query(_)
            | Self::Drain { .. } => None,
        }
    }
}

/// Chooses how each connection ends when the server stops.
pub(crate) trait Endings: std::fmt::Debug + Send {
    /// For the next connection, of somebody in this role.
    fn next(&mut self, role: Role) -> Ending;
}

/// How somebody comes in: with a token, or with the session it had.
#[derive(Debug)]
pub struct Entry {
    /// Join or resume.
    pub command: Command,
    /// Where messages to it go.
    pub arrival: Arrival,
    /// Told once it is stored.
    pub answer: oneshot::Sender<Result<Admission, Refusal>>,
}

/// What kind of connection arrives.
#[derive(Debug)]
pub enum Arrival {
    /// A WebSocket.
    Session {
        /// Its queue.
        outbox: Outbox,
        /// What `welcome` reveals.
        secret: String,
        /// From where it comes.
        address: IpAddr,
        /// What its peer connection may use.
        ice_servers: Vec<IceServer>,
    },
    /// A WHIP or WHEP resource, to which nothing is told and which exists as long as its peer.
    Resource {
        /// Ends when the participant is no longer here.
        outbox: Outbox,
    },
}

/// Somebody is in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// As whom.
    pub participant: ParticipantId,
    /// What it may do.
    pub rights: Rights,
}

/// A peer that was answered and wants an owner.
#[derive(Debug)]
pub struct NewPeer {
    /// Whose.
    pub participant: ParticipantId,
    /// The connection that asked.
    pub outbox: Outbox,
    /// What was negotiated.
    pub peer: Unclaimed,
    /// What each sending MID is.
    pub sources: BTreeMap<String, Source>,
    /// Whether the sources carry something from the start: WHIP has no other way to say so.
    pub active: bool,
    /// Who wants to know.
    pub answer: Answer,
}

/// What came of an offer.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// The answer.
    pub sdp: String,
    /// Our ICE credentials in it.
    pub ice: IceCredentials,
    /// The peer.
    pub peer: PeerId,
    /// What may be sent.
    pub publications: Vec<PublicationEntry>,
    /// Where something can be received.
    pub slots: Vec<SlotEntry>,
}

/// The peer that a participant has.
#[derive(Clone, Debug)]
pub struct OwnPeer {
    /// The peer.
    pub peer: PeerId,
    /// What may be sent.
    pub publications: Vec<PublicationEntry>,
    /// Where something can be received.
    pub slots: Vec<SlotEntry>,
}

/// Who wants to know what came of a request.
#[derive(Debug)]
pub enum Answer {
    /// Nobody.
    Nobody,
    /// A session, by its request id.
    Session(Outbox, RequestId),
    /// Whoever waits for a change.
    Changed(oneshot::Sender<Result<(), Refusal>>),
    /// Whoever waits for a peer.
    Negotiated(oneshot::Sender<Result<Negotiated, Refusal>>),
}

impl Answer {
    /// Says that it was done.
    pub(super) fn done(self) {
        match self {
            Self::Nobody | Self::Negotiated(_) => {}
            Self::Session(outbox, id) => outbox.send(&ServerMessage::Ok { id }),
            Self::Changed(waiting) => drop(waiting.send(Ok(()))),
        }
    }

    /// Says that a peer has its owner.
    pub(super) fn negotiated(self, negotiated: Negotiated) {
        match self {
            Self::Nobody => {}
            Self::Session(outbox, id) => {
                let Negotiated {
                    sdp,
                    publications,
                    slots,
                    ..
                } = negotiated;
                outbox.send(&ServerMessage::Answer {
                    id,
                    sdp,
                    publications,
                    slots,
                });
            }
            Self::Changed(waiting) => drop(waiting.send(Ok(()))),
            Self::Negotiated(waiting) => drop(waiting.send(Ok(negotiated))),
        }
    }

    /// Says that it was refused.
    pub(super) fn refused(self, refusal: Refusal) {
        match self {
            Self::Nobody => {}
            Self::Session(outbox, id) => outbox.send(&refusal_message(Some(id), &refusal)),
            Self::Changed(waiting) => drop(waiting.send(Err(refusal))),
            Self::Negotiated(waiting) => drop(waiting.send(Err(refusal))),
        }
    }
}

/// A question about a conference.
#[derive(Debug)]
pub enum Query {
    /// The conference as a whole.
    Snapshot(oneshot::Sender<Snapshot>),
    /// Everybody who is present or lost.
    Participants(oneshot::Sender<Vec<ParticipantEntry>>),
    /// The sites that it expects.
    Roster(oneshot::Sender<RosterView>),
    /// Whether it has not ended and expects this site.
    Expects(SiteCode, oneshot::Sender<bool>),
    /// Everybody who was sent away and may not come in.
    Barred(oneshot::Sender<Vec<BarredEntry>>),
    /// Whether anything is known of this session here.
    HasSession(SessionId, oneshot::Sender<bool>),
}

/// `error` for a refusal.
pub(crate) fn refusal_message(id: Option<RequestId>, refusal: &Refusal) -> ServerMessage {
    let retry_after_seconds = match refusal.code {
        ErrorCode::Overloaded | ErrorCode::Internal => Some(RETRY_SECONDS),
        ErrorCode::RateLimited => Some(BUDGET_RETRY_SECONDS),
        _ => None,
    };
    ServerMessage::Error {
        id,
        code: refusal.code,
        message: refusal.message.to_string(),
        retry_after_seconds,
    }
}

/// When a participant may change the conference again that has just changed it too often: no budget
/// makes it wait for longer.
const BUDGET_RETRY_SECONDS: u32 = 1;

/// The refusal for what could not be stored.
pub(super) fn not_stored() -> Refusal {
    Refusal::new(
        ErrorCode::Internal,
        "it could not be stored; it has not happened",
    )
}

/// The refusal for what may have been stored nevertheless.
pub(super) fn unknown_outcome() -> Refusal {
    Refusal::new(
        ErrorCode::OutcomeUnknown,
        "the server cannot tell whether it was stored: look whether it has happened before you \
         ask again",
    )
}
