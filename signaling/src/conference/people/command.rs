//! What can be asked about who is here.

use jiff::Timestamp;

use crate::auth::{Grant, SecretHash, Verb, Withdrawn};
use crate::conference::rights::Needs;
use crate::ids::{ParticipantId, SessionId};
use crate::refusal::Refusal;

/// Asked about who is here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PeopleCommand {
    /// Somebody comes in with a token.
    Join(Box<Join>),
    /// Somebody comes back with the session and its secret.
    Resume {
        /// Which.
        session: SessionId,
        /// Hash of the secret that was presented.
        secret: SecretHash,
    },
    /// A participant's connection broke. From the system.
    ///
    /// Only for the connection that currently belongs to the participant: whoever holds the
    /// sockets ignores the end of one that was replaced.
    Lost {
        /// Whose.
        participant: ParticipantId,
    },
    /// The acting participant leaves.
    Leave,
    /// A moderator sends somebody away, with every device of its place, and for good.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// A moderator lets somebody in again who was sent away.
    Readmit {
        /// Whom.
        participant: ParticipantId,
    },
    /// The token of a participant was taken back. From the system.
    Expel {
        /// Whose.
        participant: ParticipantId,
        /// Why.
        why: Withdrawn,
    },
    /// The same encoder was started again and sends: what it was before has ended. From the system.
    Supersede {
        /// What it was before.
        participant: ParticipantId,
    },
    /// The server has just started: whoever was present has lost its connection.
    Interrupt {
        /// Until when the server is known to have been up.
        up_until: Option<Timestamp>,
    },
}

impl PeopleCommand {
    /// What it needs to be carried out. Who comes in is let in by the server, for what its token or
    /// its secret says.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Leave => Needs::Own(Verb::Leave),
            Self::Remove { participant } => Needs::RightOver(Verb::Remove, *participant),
            Self::Readmit { .. } => Needs::Right(Verb::Readmit),
            Self::Join(_)
            | Self::Resume { .. }
            | Self::Lost { .. }
            | Self::Expel { .. }
            | Self::Supersede { .. }
            | Self::Interrupt { .. } => Needs::Server,
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Remove { .. } | Self::Readmit { .. } => true,
            Self::Join(_)
            | Self::Resume { .. }
            | Self::Lost { .. }
            | Self::Leave
            | Self::Expel { .. }
            | Self::Supersede { .. }
            | Self::Interrupt { .. } => false,
        }
    }
}

/// Coming in with a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Join {
    /// What the token allows.
    pub grant: Grant,
    /// Id for the participant if it is a new one.
    pub participant: ParticipantId,
    /// Id of the new session.
    pub session: SessionId,
    /// Hash of the new session's secret.
    pub secret: SecretHash,
    /// Why the server as a whole has no room for one more, if so.
    pub no_room: Option<Refusal>,
    /// A device of the same place that was asked for a sign of life and gave none. Without one
    /// nobody's place is taken who may still come back.
    pub over: Option<ParticipantId>,
}
