//! What can be asked about who is expected.

use std::collections::BTreeSet;

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::conference::roster::Roster;
use crate::ids::SiteCode;

/// Asked about who is expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RosterCommand {
    /// Expect other sites.
    Set {
        /// The sites that should be here.
        roster: Roster,
    },
    /// Others are invited: these are expected besides, and those no more. From the system.
    Follow {
        /// Besides, with all that is told about them. Whoever is expected already stays as known.
        added: Roster,
        /// No more: whoever speaks for one of these has to go.
        removed: BTreeSet<SiteCode>,
    },
}

impl RosterCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Set { .. } => Needs::Right(Verb::SetRoster),
            Self::Follow { .. } => Needs::Server,
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Set { .. } => true,
            Self::Follow { .. } => false,
        }
    }
}
