//! What participants say of their own devices and lines: for the operators' lists only, and only as
//! long as they are connected. It is no event: nothing follows from it.

use std::collections::HashMap;

use tokio::time::Instant;

use super::ConferenceTask;
use super::batch::Batch;
use super::links::Class;
use crate::conference::Effect;
use crate::ids::ParticipantId;
use crate::outbox::Outbox;
use crate::protocol::Condition;
use crate::refusal::{ErrorCode, Refusal};

/// What was said, by those who said something: never more than there are connections.
#[derive(Debug, Default)]
pub(super) struct Conditions(HashMap<ParticipantId, Condition>);

impl Conditions {
    /// The last that a participant said.
    pub(super) fn of(&self, participant: ParticipantId) -> Condition {
        self.0.get(&participant).copied().unwrap_or_default()
    }

    fn set(&mut self, participant: ParticipantId, condition: Condition) {
        if condition.is_untold() {
            self.0.remove(&participant);
        } else {
            self.0.insert(participant, condition);
        }
    }

    /// Its connection has ended.
    pub(super) fn forget(&mut self, participant: ParticipantId) {
        self.0.remove(&participant);
    }
}

impl ConferenceTask {
    /// A participant says how it stands with it. It pays as for a change of the conference, out of a
    /// budget of its own: a loose plug takes nobody's turn to speak.
    pub(super) fn note_condition(
        &mut self,
        batch: &mut Batch,
        participant: ParticipantId,
        outbox: &Outbox,
        condition: Condition,
    ) -> Result<(), Refusal> {
        let Some(person) = self
            .state
            .participant(participant)
            .filter(|_| self.links.is_current(participant, outbox))
        else {
            return Err(Refusal::new(
                ErrorCode::ParticipantUnknown,
                "this connection has ended",
            ));
        };
        if self.peers.conditions.of(participant) == condition {
            return Ok(());
        }
        let class = Class::of(person.rights());
        self.reports.pay(Instant::now(), participant, class)?;
        self.peers.conditions.set(participant, condition);
        batch.effect(Effect::ParticipantChanged(participant));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Capture;

    #[test]
    fn what_was_said_holds_until_something_else_is() {
        let mut conditions = Conditions::default();
        let participant = ParticipantId::new(1, 1);
        let silent = Condition {
            microphone: Some(Capture::Silent),
            ..Condition::default()
        };
        conditions.set(participant, silent);
        assert_eq!(conditions.of(participant), silent);
        conditions.set(participant, Condition::default());
        assert!(conditions.0.is_empty(), "who says nothing takes no room");
    }
}
