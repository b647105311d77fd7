//! Losing the connection, leaving, being sent away, and being lost for too long.

use jiff::Timestamp;

use crate::auth::Verb;
use crate::conference::command::{Actor, Refusal};
use crate::conference::decide::by;
use crate::conference::event::{By, Event, LeaveReason, ReleaseReason};
use crate::conference::state::State;
use crate::ids::ParticipantId;

impl State {
    pub(super) fn decide_lost(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        if !self.person(participant)?.is_present() {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Lost { participant }])
    }

    pub(super) fn decide_leave(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.permit_self(actor, participant)?;
        Ok(self.departure(participant, LeaveReason::Left, &by(actor)))
    }

    pub(super) fn decide_remove(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let by = self.permit(
            actor,
            Verb::Moderate,
            "only an operator or a chair may send a participant away",
        )?;
        self.person(participant)?;
        Ok(self.departure(participant, LeaveReason::Removed, &by))
    }

    pub(super) fn decide_interrupt(&self, actor: &Actor) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        let nobody = self.people.len() == 0;
        Ok(if nobody {
            Vec::new()
        } else {
            vec![Event::Interrupted {}]
        })
    }

    pub(super) fn decide_tick(&self, now: Timestamp, actor: &Actor) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        let window = self.settings.resume_window;
        Ok(self
            .people
            .lost()
            .take_while(|(since, _)| now.duration_since(*since) >= window)
            .flat_map(|(_, id)| self.departure(id, LeaveReason::TimedOut, &By::System))
            .collect())
    }

    /// Everything that ends when somebody goes, in the order in which it ends.
    fn departure(&self, participant: ParticipantId, reason: LeaveReason, by: &By) -> Vec<Event> {
        let mut events = Vec::new();
        if self.floor.holder() == Some(participant) {
            events.push(Event::FloorReleased {
                participant,
                reason: ReleaseReason::Left,
                by: by.clone(),
            });
        }
        if self.floor.is_waiting(participant) {
            let by = Some(by.clone());
            events.push(Event::FloorWithdrawn { participant, by });
        }
        for place in self.overrides.places_of(participant) {
            events.push(Event::StageSet {
                place,
                participant: None,
                by: by.clone(),
            });
        }
        events.push(Event::Left {
            participant,
            reason,
            by: by.clone(),
        });
        events
    }

    pub(super) fn apply_interrupted(&mut self, at: Timestamp) {
        let everybody: Vec<_> = self.people.iter().map(|(id, _)| id).collect();
        for participant in everybody {
            self.people.set_lost(participant, at);
        }
    }
}
