//! Losing the connection, leaving, being sent away, and being lost for too long.

use jiff::{SignedDuration, Timestamp};

use crate::auth::Verb;
use crate::conference::command::{Actor, Refusal};
use crate::conference::decide::by;
use crate::conference::event::{By, Event, LeaveReason, ReleaseReason};
use crate::conference::state::State;
use crate::conference::time::ConferenceTime;
use crate::ids::ParticipantId;
use crate::protocol::server::Phase;

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

    /// The server was up when it stored the last event, and not after this moment, whatever else
    /// it has written down.
    pub(super) fn decide_interrupt(
        &self,
        now: Timestamp,
        actor: &Actor,
        up_until: Option<Timestamp>,
    ) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        if self.people.len() == 0 {
            return Ok(Vec::new());
        }
        let up_until = up_until
            .filter(|up_until| *up_until <= now)
            .map_or(self.at, |up_until| up_until.max(self.at));
        let up_until = Some(up_until);
        Ok(vec![Event::Interrupted { up_until }])
    }

    /// That a conference was over before the clock was set is all that matters.
    pub(super) fn decide_clock(
        &self,
        actor: &Actor,
        set_by: SignedDuration,
    ) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        if self.phase == Phase::Ended {
            return Ok(Vec::new());
        }
        let by_milliseconds = i64::try_from(set_by.as_millis()).unwrap_or_default();
        Ok(vec![Event::ClockSet { by_milliseconds }])
    }

    pub(super) fn decide_tick(&self, now: Timestamp, actor: &Actor) -> Result<Vec<Event>, Refusal> {
        Self::permit_system(actor)?;
        let (now, window) = (self.time_of(now), self.settings.resume_window);
        Ok(self
            .people
            .lost()
            .take_while(|(since, _)| now.since(*since) >= window)
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

    pub(super) fn apply_interrupted(&mut self, at: ConferenceTime) {
        let everybody: Vec<_> = self.people.iter().map(|(id, _)| id).collect();
        for participant in everybody {
            self.people.set_lost(participant, at);
        }
    }
}
