//! What can be asked about who is expected.

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::conference::roster::Roster;

/// Asked about who is expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RosterCommand {
    /// Expect other sites.
    Set {
        /// The sites that should be here.
        roster: Roster,
    },
}

impl RosterCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Set { .. } => Needs::Right(Verb::SetRoster),
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Set { .. } => true,
        }
    }
}
