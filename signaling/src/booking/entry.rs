//! Whether somebody is let into a conference that is booked.

use jiff::Timestamp;

use super::doors::{Door, come_back_in};
use super::occurrence::{Occurrence, OccurrenceState};
use crate::conference::Phase;
use crate::refusal::{ErrorCode, Refusal};

impl Occurrence {
    /// Whether somebody is let into the conference that it becomes: by its own rules once it has begun.
    /// `phase` is how it stands with that conference, if it was made.
    ///
    /// # Errors
    /// When it is cancelled, or the door is not open: says when it is, and when to come back.
    pub fn let_in(&self, door: Door, phase: Option<Phase>, now: Timestamp) -> Result<(), Refusal> {
        match (self.state, phase) {
            (_, Some(Phase::Running | Phase::Ended)) => return Ok(()),
            (OccurrenceState::Cancelled, _) => return Err(self.cancelled()),
            (OccurrenceState::Draft | OccurrenceState::Published, _) => {}
        }
        let is_made = phase.is_some();
        // Whoever runs it is the first to be in, also where it was opened before its time.
        if is_made && door == Door::Operator {
            return Ok(());
        }
        let opens_at = self.door_opens_at(door);
        if now < opens_at || !is_made {
            return Err(self.not_open(opens_at, now));
        }
        Ok(())
    }

    /// When a door opens.
    #[must_use]
    pub fn door_opens_at(&self, door: Door) -> Timestamp {
        self.doors.opens_at(door, self.starts_at, self.opens_at)
    }

    /// It does not take place.
    #[must_use]
    pub fn cancelled(&self) -> Refusal {
        Refusal::new(
            ErrorCode::ConferenceCancelled,
            format!("the conference {} was cancelled", self.conference),
        )
    }

    /// The door is not open, or is about to be.
    #[must_use]
    pub fn not_open(&self, opens_at: Timestamp, now: Timestamp) -> Refusal {
        Refusal::new(
            ErrorCode::ConferenceNotOpen,
            format!("the conference {} opens at {opens_at}", self.conference),
        )
        .come_back_in(come_back_in(opens_at.duration_since(now)))
    }
}
