//! What a client asks about a participant's media.

use serde::{Deserialize, Serialize};

use crate::conference::{Source, SourcesCommand};
use crate::ids::{ParticipantId, RequestId};

/// About a participant's media.
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
pub enum SourcesMessage {
    /// A source begins or ceases to carry something.
    Publish {
        /// Request id.
        id: RequestId,
        /// Which source.
        source: Source,
        /// Begins if true.
        active: bool,
    },
    /// Refuse or accept again the media of a participant.
    Mute {
        /// Request id.
        id: RequestId,
        /// Whose.
        participant: ParticipantId,
        /// Refuse if true.
        muted: bool,
        /// Only its sound; left out: its picture too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sound_only: bool,
    },
}

impl SourcesMessage {
    /// The request id.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Publish { id, .. } | Self::Mute { id, .. } => Some(*id),
        }
    }
}

impl From<SourcesMessage> for SourcesCommand {
    fn from(message: SourcesMessage) -> Self {
        match message {
            SourcesMessage::Publish { source, active, .. } => Self::Publish { source, active },
            SourcesMessage::Mute {
                participant,
                muted: true,
                sound_only: true,
                ..
            } => Self::MuteSound { participant },
            SourcesMessage::Mute {
                participant, muted, ..
            } => Self::Mute { participant, muted },
        }
    }
}
