//! How the floor went round.

use serde::{Deserialize, Serialize};

use crate::conference::event::By;
use crate::ids::ParticipantId;

/// The floor was asked for, or went from one to another.
#[derive(
    Clone,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantNames,
    utoipa::ToSchema,
)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[strum(serialize_all = "camelCase")]
pub enum FloorEvent {
    /// It asks for the floor.
    FloorRequested {
        /// Who.
        participant: ParticipantId,
        /// Who asked for it; the first servers did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// It no longer asks for the floor.
    FloorWithdrawn {
        /// Who.
        participant: ParticipantId,
        /// Who took the request back; the first servers did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// It has the floor.
    FloorGranted {
        /// Who.
        participant: ParticipantId,
        /// Who gave it.
        by: By,
    },
    /// It no longer has the floor.
    FloorReleased {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: ReleaseReason,
        /// It had asked for the floor and had it for moments only: it waits first in the queue
        /// again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        requeued: bool,
        /// Who caused it.
        by: By,
    },
}

/// Why somebody no longer has the floor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseReason {
    /// It gave the floor back.
    Yielded,
    /// A moderator took it.
    Revoked,
    /// A moderator gave it to somebody else.
    PassedOn,
    /// It left.
    Left,
    /// It gave no sign of life, and another device goes on in its place.
    TakenOver,
}
