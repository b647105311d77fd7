//! What a client asks about who is here.

use serde::{Deserialize, Serialize};

use crate::conference::PeopleCommand;
use crate::ids::{ParticipantId, RequestId};

/// About who is here.
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
pub enum PeopleMessage {
    /// Send a participant away.
    Remove {
        /// Request id.
        id: RequestId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Let somebody in again who was sent away.
    Readmit {
        /// Request id.
        id: RequestId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Leaves the conference for good.
    Leave {},
}

impl PeopleMessage {
    /// The request id, for those that are answered with one.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Remove { id, .. } | Self::Readmit { id, .. } => Some(*id),
            Self::Leave {} => None,
        }
    }
}

impl From<PeopleMessage> for PeopleCommand {
    fn from(message: PeopleMessage) -> Self {
        match message {
            PeopleMessage::Remove { participant, .. } => Self::Remove { participant },
            PeopleMessage::Readmit { participant, .. } => Self::Readmit { participant },
            PeopleMessage::Leave {} => Self::Leave,
        }
    }
}
