//! What becomes of the floor and its queue, and what follows from it outside.

use super::{FloorEvent, Held, LastTurn, ReleaseReason};
use crate::conference::effect::{Audience, Effect, concerns, once};
use crate::conference::event::By;
use crate::conference::people::Participant;
use crate::conference::state::State;
use crate::ids::ParticipantId;

impl State {
    pub(in crate::conference) fn apply_floor(&mut self, event: &FloorEvent) {
        self.floor.version = self.seq;
        let (participant, last_turn) = match event {
            FloorEvent::FloorRequested { participant, .. } => {
                let number = i64::try_from(self.seq).unwrap_or(i64::MAX);
                self.floor.push(number, *participant, self.at);
                (*participant, None)
            }
            FloorEvent::FloorWithdrawn { participant, by } => {
                self.floor.forget(*participant);
                let taken = by.as_ref().and_then(|by| taken_by(*participant, by));
                (*participant, taken)
            }
            FloorEvent::FloorGranted { participant, .. } => {
                self.give_floor(*participant);
                (*participant, None)
            }
            FloorEvent::FloorReleased {
                participant,
                reason,
                requeued,
                by,
            } => {
                let held = self.floor.holder.take();
                if let Some(held) = held.filter(|_| *requeued) {
                    let since = held.asked.unwrap_or(held.since);
                    self.floor.push_first(held.participant, since);
                }
                // Who waits first again has lost nothing.
                let how = how_it_ended(*participant, *reason, by).filter(|_| !*requeued);
                (*participant, how)
            }
        };
        self.people.set_last_turn(participant, last_turn);
    }

    fn give_floor(&mut self, participant: ParticipantId) {
        let asked = self.floor.forget(participant);
        self.floor.holder = Some(Held {
            participant,
            since: self.at,
            given: self.time(),
            asked,
            began: self.is_on_air(participant).then_some(self.at),
        });
        self.people.promote(participant);
    }

    fn is_on_air(&self, participant: ParticipantId) -> bool {
        let person = self.people.get(participant);
        person.is_some_and(Participant::is_carrying)
    }

    /// The first picture or sound of whoever has the floor: it is not only invited any more.
    pub(in crate::conference) fn note_beginning(&mut self, participant: ParticipantId) {
        let is_carrying = self.is_on_air(participant);
        if let Some(held) = &mut self.floor.holder
            && held.participant == participant
            && held.began.is_none()
            && is_carrying
        {
            held.began = Some(self.at);
            self.floor.began = self.seq;
        }
    }
}

impl FloorEvent {
    /// What follows from it by itself, once the state is what it made of it.
    pub(in crate::conference) fn follow(&self, effects: &mut Vec<Effect>) {
        match self {
            Self::FloorRequested { participant, .. } => concerns(*participant, effects),
            Self::FloorWithdrawn { participant, .. } | Self::FloorGranted { participant, .. } => {
                concerns(*participant, effects);
                once(Effect::SelfChanged(Audience::Waiting), effects);
            }
            Self::FloorReleased {
                participant,
                requeued,
                ..
            } => {
                concerns(*participant, effects);
                if *requeued {
                    once(Effect::SelfChanged(Audience::Waiting), effects);
                }
            }
        }
    }
}

fn how_it_ended(participant: ParticipantId, reason: ReleaseReason, by: &By) -> Option<LastTurn> {
    match reason {
        ReleaseReason::Yielded => taken_by(participant, by),
        ReleaseReason::Revoked => Some(LastTurn::Revoked),
        ReleaseReason::PassedOn => Some(LastTurn::PassedOn),
        ReleaseReason::Left | ReleaseReason::TakenOver => None,
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
