//! What a client says about its peer connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::required;
use crate::conference::Source;
use crate::ids::{ParticipantId, RequestId};

/// About the peer connection.
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
pub enum PeerMessage {
    /// The one offer of a peer connection.
    Offer {
        /// Request id.
        id: RequestId,
        /// The SDP.
        sdp: String,
        /// What each sending MID is.
        sources: BTreeMap<String, Source>,
    },
    /// New ICE credentials for the same peer connection.
    RestartIce {
        /// Request id.
        id: RequestId,
        /// The offer, which differs from the first in its ICE credentials only.
        sdp: String,
    },
    /// Point a video slot at one participant's camera.
    Watch {
        /// Request id.
        id: RequestId,
        /// MID of the slot.
        mid: String,
        /// Whom to show; `null` empties the slot.
        #[serde(deserialize_with = "required")]
        participant: Option<ParticipantId>,
    },
    /// What the receiver's machine can do with.
    Limit {
        /// Request id.
        id: RequestId,
        /// By MID of a video slot, how many layers at most, the lowest first; none: no picture.
        /// Slots that are not named have no limit.
        layers: BTreeMap<String, u8>,
    },
}

impl PeerMessage {
    /// The request id.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Offer { id, .. }
            | Self::RestartIce { id, .. }
            | Self::Watch { id, .. }
            | Self::Limit { id, .. } => Some(*id),
        }
    }
}
