//! What became of people's media.

use serde::{Deserialize, Serialize};

use crate::conference::event::By;
use crate::conference::words::Source;
use crate::ids::ParticipantId;

/// Something has become of a participant's media.
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
pub enum SourcesEvent {
    /// A source began or ceased to carry something.
    SourceChanged {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// Began if true.
        active: bool,
    },
    /// What an active source sends began to arrive, from somebody who is or may be on the stage, or
    /// has ceased to for seconds. Of others it is not written down.
    MediaChanged {
        /// Whose.
        participant: ParticipantId,
        /// Which; never the screen, which may stand still.
        source: Source,
        /// It arrives if true.
        arriving: bool,
    },
    /// The line to it has carried no picture for some seconds, or has carried one again.
    LineChanged {
        /// Whose.
        participant: ParticipantId,
        /// It carries sound alone if true.
        #[schema(rename = "soundOnly")]
        sound_only: bool,
    },
    /// Its media is refused, or accepted again.
    MuteChanged {
        /// Whose.
        participant: ParticipantId,
        /// Refused if true.
        muted: bool,
        /// Only its sound is; its picture is not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "soundOnly")]
        sound_only: bool,
        /// Who said so.
        by: By,
    },
}
