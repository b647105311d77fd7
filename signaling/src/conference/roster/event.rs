//! That other sites are expected.

use serde::{Deserialize, Serialize};

use crate::conference::event::By;
use crate::conference::roster::Roster;

/// Who is expected.
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
pub enum RosterEvent {
    /// These sites are expected, and no others.
    RosterSet {
        /// With names, so that the log can be read without any other list.
        roster: Roster,
        /// Who said so.
        by: By,
    },
}
