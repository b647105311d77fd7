//! What is told of who is expected.

use serde::Serialize;

use crate::conference::{RosterSite, State};
use crate::ids::SiteCode;
use crate::protocol::ServerMessage;
use crate::sites::Level;

/// The sites that a conference expects.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RosterView {
    /// As in the message `roster`.
    pub version: u64,
    /// By code.
    pub sites: Vec<RosterEntry>,
}

/// An expected site.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RosterEntry {
    /// Its code.
    pub code: SiteCode,
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// The province it belongs to; a province belongs to itself, the centre to none.
    pub province: Option<SiteCode>,
}

impl State {
    /// The sites that it expects.
    pub fn roster_view(&self) -> RosterView {
        let entry = |(code, site): (&SiteCode, &RosterSite)| RosterEntry {
            code: code.clone(),
            name: site.name.clone(),
            level: site.level,
            province: site.province.clone(),
        };
        RosterView {
            version: self.versions().roster,
            sites: self.roster().sites().map(entry).collect(),
        }
    }

    /// The message `roster`.
    pub fn roster_message(&self) -> ServerMessage {
        ServerMessage::Roster {
            version: self.versions().roster,
            sites: u32::try_from(self.roster().len()).unwrap_or(u32::MAX),
        }
    }
}
