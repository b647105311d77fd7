//! What people's coming and going makes of the state, and what follows from it outside.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{LeaveReason, Participant, People, PeopleEvent};
use crate::conference::effect::{Effect, MediaIntent, blocking, once};
use crate::conference::sources::Muting;
use crate::conference::state::State;
use crate::conference::time::ConferenceTime;
use crate::ids::ParticipantId;

impl State {
    pub(in crate::conference) fn apply_people(&mut self, event: &PeopleEvent) {
        let (seq, at, time) = (self.seq, self.at, self.time());
        let people = &mut self.people;
        match event {
            PeopleEvent::Joined {
                participant,
                session,
                secret,
                subject,
                role,
                site,
                name,
                token,
                expires_at,
                muted,
                sound_only,
                scope,
            } => {
                let muting = Muting::new(*muted, *sound_only);
                let person = Participant {
                    joined_seq: seq,
                    joined_at: at,
                    session: *session,
                    secret: *secret,
                    subject: subject.clone(),
                    token: token.clone(),
                    expires_at: *expires_at,
                    role: *role,
                    scope: *scope,
                    site: site.clone(),
                    name: name.clone(),
                    lost_since: None,
                    muting,
                    sources: BTreeMap::new(),
                    arrivals: BTreeMap::new(),
                    sound_only: false,
                    last_turn: None,
                };
                // Before it was remembered who is muted, whoever came again was not.
                people.remembered.set_muting(person.identity(), muting);
                people.insert(*participant, person);
            }
            PeopleEvent::Lost { participant } => people.set_lost(*participant, time),
            PeopleEvent::Regained { participant } => people.set_present(*participant),
            PeopleEvent::TakenOver {
                participant,
                session,
                secret,
                subject: _,
                token,
                expires_at,
                scope,
            } => {
                people.remember_taken_over(*participant);
                people.set_present(*participant);
                people.set_session(*participant, *session, *secret);
                people.set_token(*participant, token.clone(), *expires_at, *scope);
            }
            PeopleEvent::Left {
                participant,
                reason,
                ..
            } => people.depart(*participant, *reason),
            PeopleEvent::Barred { participant, .. } => people.bar(*participant, at, seq),
            PeopleEvent::Readmitted { participant, .. } => people.readmit(*participant, seq),
            PeopleEvent::Interrupted { .. } => people.lose_everybody(time),
        }
    }
}

impl People {
    fn depart(&mut self, participant: ParticipantId, reason: LeaveReason) {
        if reason == LeaveReason::TakenOver {
            self.remember_taken_over(participant);
        }
        self.remove(participant);
    }

    fn bar(&mut self, participant: ParticipantId, at: Timestamp, seq: u64) {
        if let Some(person) = self.all.get(&participant) {
            self.remembered.bar(participant, person, at);
        }
        self.versions.barred = seq;
    }

    fn readmit(&mut self, participant: ParticipantId, seq: u64) {
        self.remembered.readmit(participant);
        self.versions.barred = seq;
    }

    fn lose_everybody(&mut self, time: ConferenceTime) {
        let everybody: Vec<_> = self.all.keys().copied().collect();
        for participant in everybody {
            self.set_lost(participant, time);
        }
        self.forget_arrivals();
    }
}

impl PeopleEvent {
    /// What follows from it by itself, once the state is what it made of it.
    pub(in crate::conference) fn follow(&self, state: &State, effects: &mut Vec<Effect>) {
        match self {
            Self::Joined { participant, .. } => {
                if state.is_silenced(*participant) {
                    effects.push(blocking(state, *participant));
                }
                once(Effect::ParticipantChanged(*participant), effects);
            }
            Self::TakenOver { participant, .. } => {
                effects.push(Effect::Media(MediaIntent::Drop(*participant)));
                if state.is_silenced(*participant) {
                    effects.push(blocking(state, *participant));
                }
                once(Effect::ParticipantChanged(*participant), effects);
            }
            Self::Lost { participant } | Self::Regained { participant } => {
                once(Effect::ParticipantChanged(*participant), effects);
            }
            Self::Left {
                participant,
                reason,
                ..
            } => {
                effects.push(Effect::Media(MediaIntent::Drop(*participant)));
                // Whoever left or was lost has no connection to be closed.
                if !matches!(reason, LeaveReason::Left | LeaveReason::TimedOut) {
                    effects.push(Effect::Close(*participant, *reason));
                }
            }
            Self::Interrupted { .. } => everybody(state, effects),
            // That others are barred is told of the whole batch.
            Self::Barred { .. } | Self::Readmitted { .. } => {}
        }
    }
}

/// Everybody is another than before.
pub(in crate::conference) fn everybody(state: &State, effects: &mut Vec<Effect>) {
    let participants = state.participants();
    effects.extend(participants.map(|(id, _)| Effect::ParticipantChanged(id)));
}
