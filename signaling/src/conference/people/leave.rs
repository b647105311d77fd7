//! Losing the connection, leaving, being sent away, and being lost for too long.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{LeaveReason, PeopleEvent};
use crate::auth::{CLOCK_LEEWAY, Withdrawn};
use crate::conference::event::{By, Event};
use crate::conference::floor::{FloorEvent, ReleaseReason};
use crate::conference::stage::StageEvent;
use crate::conference::state::State;
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
        Ok(vec![Event::People(PeopleEvent::Lost { participant })])
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
        let mut events = vec![Event::People(PeopleEvent::Barred {
            participant,
            by: by.clone(),
        })];
        // It is the place that is sent away, not one of its machines.
        for device in self.devices_beside(participant) {
            events.extend(self.departure(*device, LeaveReason::Removed, by));
        }
        Ok(events)
    }

    /// Its token was taken back.
    pub(super) fn decide_expel(
        &self,
        participant: ParticipantId,
        why: Withdrawn,
    ) -> Result<Vec<Event>, Refusal> {
        self.person(participant)?;
        Ok(self.departure(participant, why.into(), &By::System))
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
        vec![Event::People(PeopleEvent::Interrupted { up_until })]
    }

    /// Those who were lost for too long, or whose token has ceased to be valid, go.
    pub(in crate::conference) fn depart_overdue(&self, now: Timestamp) -> Vec<Event> {
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

    /// How long a participant that is lost may come back as itself: whoever waits for the floor
    /// keeps its turn through an outage that others would not wait for.
    pub(in crate::conference) fn window_of(&self, participant: ParticipantId) -> SignedDuration {
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
    pub(in crate::conference) fn departure(
        &self,
        participant: ParticipantId,
        reason: LeaveReason,
        by: &By,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if self.floor.is_waiting(participant) {
            let by = Some(by.clone());
            events.push(Event::Floor(FloorEvent::FloorWithdrawn { participant, by }));
        }
        events.extend(self.stepping_down(participant, ReleaseReason::Left, by));
        events.push(Event::People(PeopleEvent::Left {
            participant,
            reason,
            by: by.clone(),
        }));
        events
    }

    /// What ends when somebody is no longer seen and heard by everybody.
    pub(in crate::conference) fn stepping_down(
        &self,
        participant: ParticipantId,
        reason: ReleaseReason,
        by: &By,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if self.floor.holder() == Some(participant) {
            events.push(Event::Floor(FloorEvent::FloorReleased {
                participant,
                reason,
                requeued: false,
                by: by.clone(),
            }));
        }
        for place in self.stage.overrides().places_of(participant) {
            events.push(Event::Stage(StageEvent::StageSet {
                place,
                participant: None,
                picture_only: false,
                by: by.clone(),
            }));
        }
        events
    }
}
