//! What can be asked about the floor.

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::ids::ParticipantId;

/// Asked about the floor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FloorCommand {
    /// The acting participant asks for the floor.
    Request,
    /// It takes its request back.
    Withdraw,
    /// It gives the floor back.
    Yield,
    /// The acting device, which stands by, speaks for its site from now on.
    SpeakHere,
    /// Give the floor to somebody, whoever has it.
    Grant {
        /// To whom.
        participant: ParticipantId,
    },
    /// Give the floor to somebody if it is whose it is said to be.
    Pass {
        /// To whom.
        participant: ParticipantId,
        /// Who must have it; nobody, if nobody.
        instead: Option<ParticipantId>,
    },
    /// Take the floor from its holder, which must be the one that is meant: two moderators who
    /// act at once do not hit whoever came in between.
    Revoke {
        /// Whose.
        participant: ParticipantId,
    },
}

impl FloorCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Request => Needs::Own(Verb::RequestFloor),
            Self::Withdraw => Needs::Own(Verb::WithdrawFloor),
            Self::Yield => Needs::Own(Verb::YieldFloor),
            Self::SpeakHere => Needs::Own(Verb::SpeakHere),
            Self::Grant { participant } | Self::Pass { participant, .. } => {
                Needs::RightOver(Verb::GrantFloor, *participant)
            }
            Self::Revoke { participant } => Needs::RightOver(Verb::RevokeFloor, *participant),
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Request
            | Self::Withdraw
            | Self::Yield
            | Self::SpeakHere
            | Self::Grant { .. }
            | Self::Pass { .. }
            | Self::Revoke { .. } => true,
        }
    }
}
