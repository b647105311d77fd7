//! The floor: one holder, a queue, and who may move them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::auth::Verb;
use crate::conference::command::{Actor, Refusal};
use crate::conference::event::{By, Event, LeaveReason, ReleaseReason};
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::protocol::ErrorCode;
use crate::protocol::server::LastTurn;

/// Who has the floor and who asks for it.
///
/// A lost holder keeps it, and a lost one keeps its place in the queue, for as long as they may
/// come back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Floor {
    holder: Option<(ParticipantId, Timestamp)>,
    /// By the sequence number of the request: first come, first served.
    queue: BTreeMap<u64, (ParticipantId, Timestamp)>,
    waiting: BTreeMap<ParticipantId, u64>,
}

impl Floor {
    pub(super) fn holder(&self) -> Option<ParticipantId> {
        self.holder.map(|(id, _)| id)
    }

    /// The holder and since when.
    pub(super) const fn held(&self) -> Option<(ParticipantId, Timestamp)> {
        self.holder
    }

    pub(super) fn is_waiting(&self, id: ParticipantId) -> bool {
        self.waiting.contains_key(&id)
    }

    pub(super) fn queue(&self) -> impl Iterator<Item = ParticipantId> {
        self.queue.values().map(|(id, _)| *id)
    }

    /// Who waits and since when, first come first.
    pub(super) fn waiting(&self) -> impl ExactSizeIterator<Item = (ParticipantId, Timestamp)> {
        self.queue.values().copied()
    }

    /// Place in the queue, from 1.
    pub(super) fn position(&self, id: ParticipantId) -> Option<u32> {
        let seq = self.waiting.get(&id)?;
        u32::try_from(self.queue.range(..=seq).count()).ok()
    }

    fn push(&mut self, seq: u64, id: ParticipantId, at: Timestamp) {
        self.queue.insert(seq, (id, at));
        self.waiting.insert(id, seq);
    }

    fn forget(&mut self, id: ParticipantId) {
        if let Some(seq) = self.waiting.remove(&id) {
            self.queue.remove(&seq);
        }
    }
}

impl State {
    pub(super) fn decide_request(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let (person, by) = self.permit_for(actor, participant)?;
        if !person.role.may(Verb::RequestFloor) {
            return Err(Refusal::role(person.role, "ask for the floor"));
        }
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
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let (_, by) = self.permit_for(actor, participant)?;
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
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let (_, by) = self.permit_for(actor, participant)?;
        let events = self.stepping_down(participant, ReleaseReason::Yielded, &by);
        if events.is_empty() {
            return Err(Refusal::new(
                ErrorCode::FloorNotHeld,
                "this participant does not have the floor, and nobody has put it on the stage",
            ));
        }
        Ok(events)
    }

    /// Whoever gets the floor is to be heard: it is unmuted too, and if it stood by it is its site's
    /// first device from now on.
    pub(super) fn decide_grant(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let by = self.permit(
            actor,
            Verb::Moderate,
            "only an operator or a chair may grant the floor",
        )?;
        self.require_running()?;
        let person = self.person(participant)?;
        if !person.role.may(Verb::Publish) {
            return Err(Refusal::role(person.role, "have the floor"));
        }
        if self.floor.holder() == Some(participant) {
            return Ok(Vec::new());
        }
        if !person.is_present() {
            return Err(Refusal::unknown(participant));
        }
        let mut events = Vec::new();
        if let Some(holder) = self.floor.holder() {
            let reason = ReleaseReason::PassedOn;
            events.push(Event::FloorReleased {
                participant: holder,
                reason,
                by: by.clone(),
            });
        }
        events.extend(self.mute_events(participant, false, &by));
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
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.permit_self(actor, participant)?;
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
        let by = By::Participant(participant);
        let mut events = self.departure(first, LeaveReason::TakenOver, &by);
        let is_second = self.devices_beside(participant).get(1) == Some(&participant);
        if self.floor.is_waiting(first) && is_second {
            events.push(Event::FloorRequested {
                participant,
                by: Some(by),
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
                        by: by.clone(),
                    }),
            );
        }
        events
    }

    pub(super) fn decide_revoke(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let by = self.permit(
            actor,
            Verb::Moderate,
            "only an operator or a chair may revoke the floor",
        )?;
        if self.floor.holder() != Some(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorNotHeld,
                format!("{participant} does not have the floor"),
            ));
        }
        let reason = ReleaseReason::Revoked;
        Ok(vec![Event::FloorReleased {
            participant,
            reason,
            by,
        }])
    }

    pub(super) fn apply_floor_requested(&mut self, at: Timestamp, participant: ParticipantId) {
        self.floor.push(self.seq, participant, at);
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
        self.floor.forget(participant);
        self.floor.holder = Some((participant, at));
        self.people.promote(participant);
        self.people.set_last_turn(participant, None);
        self.versions.floor = self.seq;
    }

    pub(super) fn apply_floor_released(
        &mut self,
        participant: ParticipantId,
        reason: ReleaseReason,
        by: &By,
    ) {
        self.floor.holder = None;
        let how = match reason {
            ReleaseReason::Yielded => taken_by(participant, by),
            ReleaseReason::Revoked => Some(LastTurn::Revoked),
            ReleaseReason::PassedOn => Some(LastTurn::PassedOn),
            ReleaseReason::Left | ReleaseReason::TakenOver => None,
        };
        self.people.set_last_turn(participant, how);
        self.versions.floor = self.seq;
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
