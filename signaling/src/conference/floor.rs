//! The floor: one holder, a queue, and who may move them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::auth::Verb;
use crate::conference::event::{By, Event, LeaveReason, ReleaseReason};
use crate::conference::mute::Muting;
use crate::conference::participants::Participant;
use crate::conference::state::State;
use crate::conference::time::ConferenceTime;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

/// Whoever loses the floor to a moderator sooner than this after it was given waits first in the
/// queue again.
///
/// Higher: a short answer that was cut off asks again by itself. Lower: a slip of the hand that is
/// noticed late costs a site its turn.
const SECOND_THOUGHTS: SignedDuration = SignedDuration::from_secs(10);

/// How a turn, or the wait for one, ended that somebody else ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LastTurn {
    /// A moderator took the floor back.
    Revoked,
    /// A moderator gave the floor to somebody else.
    PassedOn,
    /// Another device of the same site was given the floor.
    Moved,
    /// A program did so on its behalf.
    Withdrawn,
}

/// Who has the floor and who asks for it.
///
/// A lost holder keeps it, and a lost one keeps its place in the queue, for as long as they may
/// come back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Floor {
    holder: Option<Held>,
    /// By the sequence number of the request: first come, first served. Whoever was put back to the
    /// head has a number below all others.
    queue: BTreeMap<i64, (ParticipantId, Timestamp)>,
    waiting: BTreeMap<ParticipantId, i64>,
}

/// Somebody has the floor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) participant: ParticipantId,
    pub(crate) since: Timestamp,
    /// The same moment in the conference's own time.
    given: ConferenceTime,
    /// When it had asked for it, if it had.
    asked: Option<Timestamp>,
    /// When the first of its picture or sound arrived; until then it is only invited.
    pub(crate) began: Option<Timestamp>,
}

impl Floor {
    pub(crate) fn holder(&self) -> Option<ParticipantId> {
        self.holder.map(|held| held.participant)
    }

    /// Who has it, with everything that is known of that.
    pub(crate) const fn held(&self) -> Option<Held> {
        self.holder
    }

    pub(crate) fn is_waiting(&self, id: ParticipantId) -> bool {
        self.waiting.contains_key(&id)
    }

    pub(crate) fn queue(&self) -> impl Iterator<Item = ParticipantId> {
        self.queue.values().map(|(id, _)| *id)
    }

    /// Who waits and since when, first come first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = (ParticipantId, Timestamp)> {
        self.queue.values().copied()
    }

    /// Place in the queue, from 1.
    pub(crate) fn position(&self, id: ParticipantId) -> Option<u32> {
        let seq = self.waiting.get(&id)?;
        u32::try_from(self.queue.range(..=seq).count()).ok()
    }

    fn push(&mut self, number: i64, id: ParticipantId, at: Timestamp) {
        self.queue.insert(number, (id, at));
        self.waiting.insert(id, number);
    }

    fn push_first(&mut self, id: ParticipantId, at: Timestamp) {
        let first = self.queue.keys().next().copied().unwrap_or_default();
        self.push(first.saturating_sub(1), id, at);
    }

    /// Since when it has waited.
    fn forget(&mut self, id: ParticipantId) -> Option<Timestamp> {
        let number = self.waiting.remove(&id)?;
        self.queue.remove(&number).map(|(_, since)| since)
    }

    /// Whether whoever has it now had asked for it, and has had it for moments only.
    fn has_just_begun(&self, now: ConferenceTime) -> bool {
        self.holder
            .is_some_and(|held| held.asked.is_some() && now.since(held.given) < SECOND_THOUGHTS)
    }
}

impl State {
    pub(super) fn decide_request(
        &self,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_running()?;
        if self.stands_by(participant) {
            return Err(Refusal::new(
                ErrorCode::StandBy,
                "this device stands by: another one of the same site speaks for it",
            ));
        }
        if self.floor.holder() == Some(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorAlreadyRequested,
                "this participant already has the floor",
            ));
        }
        if self.floor.is_waiting(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorAlreadyRequested,
                "this participant already waits for the floor",
            ));
        }
        let by = Some(by);
        Ok(vec![Event::FloorRequested { participant, by }])
    }

    pub(super) fn decide_withdraw(
        &self,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        if !self.floor.is_waiting(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorNotRequested,
                "this participant does not wait for the floor",
            ));
        }
        let by = Some(by);
        Ok(vec![Event::FloorWithdrawn { participant, by }])
    }

    /// Whoever has had enough is neither seen nor heard any more, however it came to be.
    pub(super) fn decide_yield(
        &self,
        by: &By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let events = self.stepping_down(participant, ReleaseReason::Yielded, by);
        if events.is_empty() {
            return Err(Refusal::new(
                ErrorCode::FloorNotHeld,
                "this participant does not have the floor, and nobody has put it on the stage",
            ));
        }
        Ok(events)
    }

    /// Gives the floor to somebody if it is whose it is said to be: of two moderators who act at
    /// once neither takes it from somebody of whom it does not know.
    pub(super) fn decide_pass(
        &self,
        now: Timestamp,
        by: By,
        participant: ParticipantId,
        instead: Option<ParticipantId>,
    ) -> Result<Vec<Event>, Refusal> {
        let holder = self.floor.holder();
        if holder == instead || holder == Some(participant) {
            return self.decide_grant(now, by, participant);
        }
        let message = match (holder, instead) {
            (Some(holder), _) => format!("{holder} has the floor by now, which nobody has named"),
            (None, Some(instead)) => format!("{instead} does not have the floor any more"),
            (None, None) => "nobody has the floor".to_owned(),
        };
        Err(Refusal::new(ErrorCode::FloorNotHeld, message))
    }

    /// Whoever gets the floor is to be heard: it is unmuted too, and if it stood by it is its site's
    /// first device from now on.
    pub(super) fn decide_grant(
        &self,
        now: Timestamp,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_running()?;
        let person = self.person(participant)?;
        person.role.permit(Verb::HoldFloor)?;
        if self.floor.holder() == Some(participant) {
            return Ok(Vec::new());
        }
        if !person.is_present() {
            return Err(Refusal::unknown(participant));
        }
        let mut events = Vec::new();
        if let Some(holder) = self.floor.holder() {
            let reason = ReleaseReason::PassedOn;
            // A site whose other device speaks now has lost no turn, and a device that stands by
            // does not wait.
            let stays = self.devices_beside(participant).contains(&holder);
            events.push(Event::FloorReleased {
                participant: holder,
                reason,
                requeued: !stays && self.floor.has_just_begun(self.time_of(now)),
                by: by.clone(),
            });
        }
        events.extend(self.mute_events(participant, Muting::None, &by));
        if self.stands_by(participant) {
            events.extend(self.standing_aside(participant, &by));
        }
        events.push(Event::FloorGranted { participant, by });
        Ok(events)
    }

    /// The device that speaks for a site goes, and the acting one is the first: somebody sits there
    /// now. Its wait for the floor is taken up again, at the end of the queue. Not while it is on
    /// air: whoever speaks is not cut off by a second click elsewhere.
    pub(super) fn decide_speak_here(
        &self,
        by: &By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let first = self.devices_beside(participant).first().copied();
        let Some(first) = first.filter(|_| self.stands_by(participant)) else {
            return Ok(Vec::new());
        };
        if self.floor.holder() == Some(first) || self.scene.shows(first) {
            return Err(Refusal::new(
                ErrorCode::StandBy,
                "another device of the same site is on air: it can be replaced when it has ended",
            ));
        }
        let mut events = self.departure(first, LeaveReason::TakenOver, by);
        let is_second = self.devices_beside(participant).get(1) == Some(&participant);
        if self.floor.is_waiting(first) && is_second {
            events.push(Event::FloorRequested {
                participant,
                by: Some(by.clone()),
            });
        }
        Ok(events)
    }

    /// What the other devices of a site give up for the one that is to speak.
    fn standing_aside(&self, speaker: ParticipantId, by: &By) -> Vec<Event> {
        let mut events = Vec::new();
        for device in self.devices_beside(speaker) {
            if self.floor.is_waiting(*device) && *device != speaker {
                events.push(Event::FloorWithdrawn {
                    participant: *device,
                    by: Some(by.clone()),
                });
            }
            events.extend(
                self.overrides
                    .places_of(*device)
                    .map(|place| Event::StageSet {
                        place,
                        participant: None,
                        picture_only: false,
                        by: by.clone(),
                    }),
            );
        }
        events
    }

    pub(super) fn decide_revoke(
        &self,
        now: Timestamp,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        if self.floor.holder() != Some(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorNotHeld,
                format!("{participant} does not have the floor"),
            ));
        }
        let reason = ReleaseReason::Revoked;
        let requeued = self.floor.has_just_begun(self.time_of(now));
        Ok(vec![Event::FloorReleased {
            participant,
            reason,
            requeued,
            by,
        }])
    }

    pub(super) fn apply_floor_requested(&mut self, at: Timestamp, participant: ParticipantId) {
        let number = i64::try_from(self.seq).unwrap_or(i64::MAX);
        self.floor.push(number, participant, at);
        self.people.set_last_turn(participant, None);
        self.versions.floor = self.seq;
    }

    pub(super) fn apply_floor_withdrawn(&mut self, participant: ParticipantId, by: Option<&By>) {
        self.floor.forget(participant);
        self.people
            .set_last_turn(participant, by.and_then(|by| taken_by(participant, by)));
        self.versions.floor = self.seq;
    }

    pub(super) fn apply_floor_granted(&mut self, at: Timestamp, participant: ParticipantId) {
        let asked = self.floor.forget(participant);
        let is_on_air = self
            .people
            .get(participant)
            .is_some_and(Participant::is_carrying);
        self.floor.holder = Some(Held {
            participant,
            since: at,
            given: self.time(),
            asked,
            began: is_on_air.then_some(at),
        });
        self.people.promote(participant);
        self.people.set_last_turn(participant, None);
        self.versions.floor = self.seq;
    }

    pub(super) fn apply_floor_released(
        &mut self,
        participant: ParticipantId,
        reason: ReleaseReason,
        requeued: bool,
        by: &By,
    ) {
        let held = self.floor.holder.take();
        if let Some(held) = held.filter(|_| requeued) {
            let since = held.asked.unwrap_or(held.since);
            self.floor.push_first(held.participant, since);
        }
        let how = match reason {
            ReleaseReason::Yielded => taken_by(participant, by),
            ReleaseReason::Revoked => Some(LastTurn::Revoked),
            ReleaseReason::PassedOn => Some(LastTurn::PassedOn),
            ReleaseReason::Left | ReleaseReason::TakenOver => None,
        };
        // Who waits first again has lost nothing.
        self.people
            .set_last_turn(participant, how.filter(|_| !requeued));
        self.versions.floor = self.seq;
    }

    /// The first picture or sound of whoever has the floor: it is not only invited any more.
    pub(super) fn note_beginning(&mut self, at: Timestamp, participant: ParticipantId) {
        let is_carrying = self
            .people
            .get(participant)
            .is_some_and(Participant::is_carrying);
        if let Some(held) = &mut self.floor.holder
            && held.participant == participant
            && held.began.is_none()
            && is_carrying
        {
            held.began = Some(at);
            self.versions.began = self.seq;
        }
    }
}

/// What it means to a participant that its own turn or wait was ended: nothing if it did so itself.
fn taken_by(participant: ParticipantId, by: &By) -> Option<LastTurn> {
    match by {
        By::Participant(id) if *id == participant => None,
        By::Bearer(bearer) if bearer.on_behalf_of == Some(participant) => Some(LastTurn::Withdrawn),
        By::Participant(_) | By::Bearer(_) | By::Subject(_) => Some(LastTurn::Moved),
        By::System => None,
    }
}
