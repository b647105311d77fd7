//! What can be asked about the stage.

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::conference::words::Place;
use crate::ids::ParticipantId;

/// Asked about the stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StageCommand {
    /// Put somebody on a place of the stage, or return it to its rule.
    Set {
        /// Which place.
        place: Place,
        /// Whom.
        participant: Option<ParticipantId>,
    },
}

impl StageCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Set { participant, .. } => match participant {
                Some(participant) => Needs::RightOver(Verb::SetStage, *participant),
                None => Needs::Right(Verb::SetStage),
            },
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Set { .. } => true,
        }
    }
}
