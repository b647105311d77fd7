//! Losing the connection, leaving, being sent away, and being lost for too long.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::auth::CLOCK_LEEWAY;
use crate::conference::event::{By, Event, LeaveReason, ReleaseReason};
use crate::conference::phase::Phase;
use crate::conference::state::State;
use crate::conference::time::ConferenceTime;
use crate::ids::ParticipantId;
use crate::refusal::Refusal;

/// How long whoever waits for the floor is waited for.
///
/// Higher: the queue holds sites that will not come back. Lower: a site whose router starts again
/// loses its turn.
const TURN_IS_KEPT: SignedDuration = SignedDuration::from_mins(5);

impl State {
    pub(super) fn decide_lost(&self, participant: ParticipantId) -> Result<Vec<Event>, Refusal> {
        if !self.person(participant)?.is_present() {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Lost { participant }])
    }

    pub(super) fn decide_leave(&self, participant: ParticipantId, by: &By) -> Vec<Event> {
        self.departure(participant, LeaveReason::Left, by)
    }

    pub(super) fn decide_remove(
        &self,
        by: &By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.person(participant)?;
        let mut events = vec![Event::Barred {
            participant,
            by: by.clone(),
        }];
        // It is the place that is sent away, not one of its machines.
        for device in self.devices_beside(participant) {
            events.extend(self.departure(*device, LeaveReason::Removed, by));
        }
        Ok(events)
    }

    /// Its token was taken back.
    pub(super) fn decide_expel(&self, participant: ParticipantId) -> Result<Vec<Event>, Refusal> {
        self.person(participant)?;
        Ok(self.departure(participant, LeaveReason::TokenRevoked, &By::System))
    }

    /// The same encoder was started again.
    pub(super) fn decide_supersede(
        &self,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.person(participant)?;
        Ok(self.departure(participant, LeaveReason::TakenOver, &By::System))
    }

    /// The server was up when it stored the last event, and not after this moment, whatever else
    /// it has written down.
    pub(super) fn decide_interrupt(
        &self,
        now: Timestamp,
        up_until: Option<Timestamp>,
    ) -> Vec<Event> {
        if self.people.len() == 0 {
            return Vec::new();
        }
        let up_until = up_until
            .filter(|up_until| *up_until <= now)
            .map_or(self.at, |up_until| up_until.max(self.at));
        let up_until = Some(up_until);
        vec![Event::Interrupted { up_until }]
    }

    /// That a conference was over before the clock was set is all that matters.
    pub(super) fn decide_clock(&self, set_by: SignedDuration) -> Vec<Event> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        let by_milliseconds = i64::try_from(set_by.as_millis()).unwrap_or_default();
        vec![Event::ClockSet { by_milliseconds }]
    }

    pub(super) fn decide_tick(&self, now: Timestamp) -> Vec<Event> {
        let expired: BTreeSet<_> = self.expired(now).collect();
        let (now, window) = (self.time_of(now), self.settings.resume_window);
        let timed_out = self
            .people
            .lost()
            .take_while(|(since, _)| now.since(*since) >= window)
            .filter(|(since, id)| now.since(*since) >= self.window_of(*id))
            .map(|(_, id)| id)
            .filter(|id| !expired.contains(id));
        timed_out
            .map(|id| (id, LeaveReason::TimedOut))
            .chain(expired.iter().map(|id| (*id, LeaveReason::TokenExpired)))
            .flat_map(|(id, reason)| self.departure(id, reason, &By::System))
            .collect()
    }

    /// How long a participant that is lost may come back as itself: whoever waits for the floor keeps
    /// its turn through an outage that others would not wait for.
    pub(super) fn window_of(&self, participant: ParticipantId) -> SignedDuration {
        if self.floor.is_waiting(participant) {
            self.settings.resume_window.max(TURN_IS_KEPT)
        } else {
            self.settings.resume_window
        }
    }

    /// Those whose token has ceased to be valid, where that ends their stay.
    fn expired(&self, now: Timestamp) -> impl Iterator<Item = ParticipantId> {
        let enforced = self.settings.enforce_expiry;
        self.people
            .expiring()
            .take_while(move |(expires_at, _)| {
                enforced && now.duration_since(*expires_at) >= CLOCK_LEEWAY
            })
            .map(|(_, id)| id)
    }

    /// Everything that ends when somebody goes, in the order in which it ends.
    pub(super) fn departure(
        &self,
        participant: ParticipantId,
        reason: LeaveReason,
        by: &By,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if self.floor.is_waiting(participant) {
            let by = Some(by.clone());
            events.push(Event::FloorWithdrawn { participant, by });
        }
        events.extend(self.stepping_down(participant, ReleaseReason::Left, by));
        events.push(Event::Left {
            participant,
            reason,
            by: by.clone(),
        });
        events
    }

    /// What ends when somebody is no longer seen and heard by everybody.
    pub(super) fn stepping_down(
        &self,
        participant: ParticipantId,
        reason: ReleaseReason,
        by: &By,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if self.floor.holder() == Some(participant) {
            events.push(Event::FloorReleased {
                participant,
                reason,
                requeued: false,
                by: by.clone(),
            });
        }
        for place in self.overrides.places_of(participant) {
            events.push(Event::StageSet {
                place,
                participant: None,
                picture_only: false,
                by: by.clone(),
            });
        }
        events
    }

    pub(super) fn apply_left(&mut self, participant: ParticipantId, reason: LeaveReason) {
        if reason == LeaveReason::TakenOver
            && let Some(person) = self.people.get(participant)
        {
            self.remembered.taken_over(person);
        }
        self.people.remove(participant);
    }

    pub(super) fn apply_interrupted(&mut self, at: ConferenceTime) {
        let everybody: Vec<_> = self.people.iter().map(|(id, _)| id).collect();
        for participant in everybody {
            self.people.set_lost(participant, at);
        }
        self.people.forget_arrivals();
    }
}
