//! What has happened to a conference as a whole.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conference::event::By;

/// What has happened to the conference as a whole.
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
pub enum PhaseEvent {
    /// The conference exists.
    Created {
        /// What people call it.
        title: String,
        /// When it should begin.
        #[schema(rename = "startsAt", value_type = Option<String>, format = DateTime)]
        starts_at: Option<Timestamp>,
        /// Who made it.
        by: By,
    },
    /// Its title or the time at which it should begin was corrected.
    Amended {
        /// What people call it from now on.
        title: String,
        /// When it should begin.
        #[schema(rename = "startsAt", value_type = Option<String>, format = DateTime)]
        starts_at: Option<Timestamp>,
        /// Who said so.
        by: By,
    },
    /// It will not take place, and did not begin. Everybody has left; only its log is kept.
    Deleted {
        /// Who said so.
        by: By,
    },
    /// It runs.
    Started {
        /// Who said so.
        by: By,
    },
    /// It is over; everybody has left, the floor is free and the stage is empty.
    Ended {
        /// Who said so.
        by: By,
    },
}
