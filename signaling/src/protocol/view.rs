//! What is told of a conference, by subject: its state as values on the wire and over REST.

mod floor;
mod own;
mod people;
mod phase;
mod roster;
mod stage;

use jiff::Timestamp;
use serde::Serialize;

pub(crate) use people::departed_entry;
pub use roster::{RosterEntry, RosterView};

use super::server::{ConferenceEntry, Floor, ProvinceEntry, Stage};
use crate::conference::{Counts, State, Times};

/// A conference in full, for REST.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Id, title and whether it runs.
    #[serde(flatten)]
    pub conference: ConferenceEntry,
    /// Sequence number of the last event.
    pub version: u64,
    /// When it was created.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Expected, present and lost sites.
    pub presence: Counts,
    /// The same by province.
    pub provinces: Vec<ProvinceEntry>,
    /// Who has the floor and who asks for it.
    pub floor: Floor,
    /// What everybody sees and hears.
    pub stage: Stage,
}

impl State {
    /// The conference as a whole.
    pub fn snapshot(&self) -> Snapshot {
        let Times {
            created_at,
            starts_at,
            started_at,
            ended_at,
        } = *self.times();
        Snapshot {
            conference: self.conference_entry(),
            version: self.version(),
            created_at,
            starts_at,
            started_at,
            ended_at,
            presence: self.counts(),
            provinces: self.province_entries(),
            floor: self.floor_value(Floor::SHOWN),
            stage: self.stage_value(),
        }
    }
}
