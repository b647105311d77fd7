//! Who asks, and on whose behalf.

use crate::auth::Grant;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

/// Who asks, and on whose behalf.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    who: Who,
    on_behalf_of: Option<ParticipantId>,
}

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// A participant, over its session.
    Participant(ParticipantId),
    /// The bearer of a verified token, over REST.
    Bearer(Grant),
    /// The server itself.
    System,
}

impl Actor {
    /// The server itself.
    pub const SYSTEM: Self = Self {
        who: Who::System,
        on_behalf_of: None,
    };

    /// A participant, over its session.
    pub const fn participant(id: ParticipantId) -> Self {
        Self {
            who: Who::Participant(id),
            on_behalf_of: None,
        }
    }

    /// The bearer of a verified token, over REST.
    pub const fn bearer(grant: Grant) -> Self {
        Self {
            who: Who::Bearer(grant),
            on_behalf_of: None,
        }
    }

    /// The same, for what is this participant's own to do.
    #[must_use]
    pub fn on_behalf_of(self, participant: ParticipantId) -> Self {
        Self {
            on_behalf_of: Some(participant),
            ..self
        }
    }

    /// Who asks.
    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// Over whose session it is asked, if over one.
    pub const fn session_of(&self) -> Option<ParticipantId> {
        match self.who {
            Who::Participant(id) => Some(id),
            Who::Bearer(_) | Who::System => None,
        }
    }

    /// Whose deed it is, where it is somebody's own: the participant's itself or of the one on
    /// whose behalf it is asked.
    ///
    /// # Errors
    /// When that was not said.
    pub fn whose(&self) -> Result<ParticipantId, Refusal> {
        self.on_behalf_of
            .or_else(|| self.session_of())
            .ok_or_else(|| {
                let message = "this is a participant's own to do: say on whose behalf it is asked";
                Refusal::new(ErrorCode::BadMessage, message)
            })
    }
}
