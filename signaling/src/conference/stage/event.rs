//! What was put on the stage.

use serde::{Deserialize, Serialize};

use crate::conference::event::By;
use crate::conference::words::Place;
use crate::ids::ParticipantId;

/// The stage was set.
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
pub enum StageEvent {
    /// A place of the stage shows somebody whatever its rule says, or its rule again.
    StageSet {
        /// Which place.
        place: Place,
        /// Whom; nobody returns to the rule.
        participant: Option<ParticipantId>,
        /// Its picture alone: its sound needs the floor.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "pictureOnly")]
        picture_only: bool,
        /// Who said so.
        by: By,
    },
}
