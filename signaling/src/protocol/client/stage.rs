//! What a client asks about the stage.

use serde::{Deserialize, Serialize};

use super::required;
use crate::conference::{Place, StageCommand};
use crate::ids::{ParticipantId, RequestId};

/// About the stage.
#[derive(
    Clone, Deserialize, Eq, PartialEq, Serialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[strum(serialize_all = "camelCase")]
pub enum StageMessage {
    /// Put somebody on a place of the stage.
    SetStage {
        /// Request id.
        id: RequestId,
        /// Which place.
        place: Place,
        /// Whom; `null` returns the place to its rule.
        #[serde(deserialize_with = "required")]
        participant: Option<ParticipantId>,
    },
}

impl StageMessage {
    /// The request id.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::SetStage { id, .. } => Some(*id),
        }
    }
}

impl From<StageMessage> for StageCommand {
    fn from(message: StageMessage) -> Self {
        match message {
            StageMessage::SetStage {
                place, participant, ..
            } => Self::Set { place, participant },
        }
    }
}
