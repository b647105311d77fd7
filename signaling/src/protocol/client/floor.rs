//! What a client asks about the floor.

use serde::{Deserialize, Serialize};

use super::given;
use crate::conference::FloorCommand;
use crate::ids::{ParticipantId, RequestId};

/// About the floor.
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
pub enum FloorMessage {
    /// Ask for the floor.
    RequestFloor {
        /// Request id.
        id: RequestId,
    },
    /// Take the request back.
    WithdrawFloor {
        /// Request id.
        id: RequestId,
    },
    /// Give the floor back.
    YieldFloor {
        /// Request id.
        id: RequestId,
    },
    /// This device speaks for its site from now on, instead of the one that does.
    SpeakHere {
        /// Request id.
        id: RequestId,
    },
    /// Give the floor to somebody.
    GrantFloor {
        /// Request id.
        id: RequestId,
        /// To whom.
        participant: ParticipantId,
        /// Who has it as far as the sender knows, `null` for nobody: refused if somebody else has.
        /// Left out: whoever has it.
        #[serde(
            default,
            deserialize_with = "given",
            skip_serializing_if = "Option::is_none"
        )]
        instead: Option<Option<ParticipantId>>,
    },
    /// Take the floor from its holder.
    RevokeFloor {
        /// Request id.
        id: RequestId,
        /// From whom; refused if it is somebody else's by now.
        participant: ParticipantId,
    },
}

impl FloorMessage {
    /// The request id.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::RequestFloor { id }
            | Self::WithdrawFloor { id }
            | Self::YieldFloor { id }
            | Self::SpeakHere { id }
            | Self::GrantFloor { id, .. }
            | Self::RevokeFloor { id, .. } => Some(*id),
        }
    }
}

impl From<FloorMessage> for FloorCommand {
    fn from(message: FloorMessage) -> Self {
        match message {
            FloorMessage::RequestFloor { .. } => Self::Request,
            FloorMessage::WithdrawFloor { .. } => Self::Withdraw,
            FloorMessage::YieldFloor { .. } => Self::Yield,
            FloorMessage::SpeakHere { .. } => Self::SpeakHere,
            FloorMessage::GrantFloor {
                participant,
                instead: Some(instead),
                ..
            } => Self::Pass {
                participant,
                instead,
            },
            FloorMessage::GrantFloor { participant, .. } => Self::Grant { participant },
            FloorMessage::RevokeFloor { participant, .. } => Self::Revoke { participant },
        }
    }
}
