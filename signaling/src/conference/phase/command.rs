//! What can be asked about a conference as a whole.

use jiff::Timestamp;

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::conference::roster::Roster;

/// Asked about the conference as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PhaseCommand {
    /// Make the conference. The first command, and only that.
    Create {
        /// What people call it.
        title: String,
        /// When it should begin, if that is known.
        starts_at: Option<Timestamp>,
        /// The sites that should be here.
        roster: Roster,
    },
    /// Correct the title or the time at which it should begin.
    Amend {
        /// What people should call it, if that changes.
        title: Option<String>,
        /// When it should begin, or that this is not known, if that changes.
        starts_at: Option<Option<Timestamp>>,
    },
    /// Take it back before it has begun.
    Delete,
    /// Begin.
    Start,
    /// End, for good. Everybody has left after it.
    End,
}

impl PhaseCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Create { .. } => Needs::Right(Verb::CreateConference),
            Self::Amend { .. } => Needs::Right(Verb::AmendConference),
            Self::Delete => Needs::Right(Verb::DeleteConference),
            Self::Start => Needs::Right(Verb::StartConference),
            Self::End => Needs::Right(Verb::EndConference),
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Amend { .. } | Self::Delete | Self::Start | Self::End => true,
            Self::Create { .. } => false,
        }
    }
}
