//! What comes of asking for the floor, giving it and taking it back.

use jiff::Timestamp;

use super::{FloorCommand, FloorEvent, ReleaseReason};
use crate::auth::Verb;
use crate::conference::actor::Actor;
use crate::conference::event::{By, Event};
use crate::conference::people::LeaveReason;
use crate::conference::sources::Muting;
use crate::conference::stage::StageEvent;
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

impl State {
    pub(in crate::conference) fn decide_floor(
        &self,
        now: Timestamp,
        actor: &Actor,
        by: By,
        command: FloorCommand,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            FloorCommand::Request => self.decide_request(by, actor.whose()?),
            FloorCommand::Withdraw => self.decide_withdraw(by, actor.whose()?),
            FloorCommand::Yield => self.decide_yield(&by, actor.whose()?),
            FloorCommand::SpeakHere => self.decide_speak_here(&by, actor.whose()?),
            FloorCommand::Grant { participant } => self.decide_grant(now, by, participant),
            FloorCommand::Pass {
                participant,
                instead,
            } => self.decide_pass(now, by, participant, instead),
            FloorCommand::Revoke { participant } => self.decide_revoke(now, by, participant),
        }
    }

    fn decide_request(&self, by: By, participant: ParticipantId) -> Result<Vec<Event>, Refusal> {
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
        Ok(vec![Event::Floor(FloorEvent::FloorRequested {
            participant,
            by,
        })])
    }

    fn decide_withdraw(&self, by: By, participant: ParticipantId) -> Result<Vec<Event>, Refusal> {
        if !self.floor.is_waiting(participant) {
            return Err(Refusal::new(
                ErrorCode::FloorNotRequested,
                "this participant does not wait for the floor",
            ));
        }
        let by = Some(by);
        Ok(vec![Event::Floor(FloorEvent::FloorWithdrawn {
            participant,
            by,
        })])
    }

    /// Whoever has had enough is neither seen nor heard any more, however it came to be.
    fn decide_yield(&self, by: &By, participant: ParticipantId) -> Result<Vec<Event>, Refusal> {
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
    fn decide_pass(
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

    /// Whoever gets the floor is to be heard: it is unmuted too, and if it stood by it is its
    /// site's first device from now on.
    fn decide_grant(
        &self,
        now: Timestamp,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_running()?;
        let person = self.person(participant)?;
        person.rights().permit(Verb::HoldFloor)?;
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
            events.push(Event::Floor(FloorEvent::FloorReleased {
                participant: holder,
                reason,
                requeued: !stays && self.floor.has_just_begun(self.time_of(now)),
                by: by.clone(),
            }));
        }
        events.extend(self.mute_events(participant, Muting::None, &by));
        if self.stands_by(participant) {
            events.extend(self.standing_aside(participant, &by));
        }
        events.push(Event::Floor(FloorEvent::FloorGranted { participant, by }));
        Ok(events)
    }

    /// The device that speaks for a site goes, and the acting one is the first: somebody sits there
    /// now. Its wait for the floor is taken up again, at the end of the queue. Not while it is on
    /// air: whoever speaks is not cut off by a second click elsewhere.
    fn decide_speak_here(
        &self,
        by: &By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let first = self.devices_beside(participant).first().copied();
        let Some(first) = first.filter(|_| self.stands_by(participant)) else {
            return Ok(Vec::new());
        };
        if self.floor.holder() == Some(first) || self.scene().shows(first) {
            return Err(Refusal::new(
                ErrorCode::StandBy,
                "another device of the same site is on air: it can be replaced when it has ended",
            ));
        }
        let mut events = self.departure(first, LeaveReason::TakenOver, by);
        let is_second = self.devices_beside(participant).get(1) == Some(&participant);
        if self.floor.is_waiting(first) && is_second {
            events.push(Event::Floor(FloorEvent::FloorRequested {
                participant,
                by: Some(by.clone()),
            }));
        }
        Ok(events)
    }

    /// What the other devices of a site give up for the one that is to speak.
    fn standing_aside(&self, speaker: ParticipantId, by: &By) -> Vec<Event> {
        let mut events = Vec::new();
        for device in self.devices_beside(speaker) {
            if self.floor.is_waiting(*device) && *device != speaker {
                events.push(Event::Floor(FloorEvent::FloorWithdrawn {
                    participant: *device,
                    by: Some(by.clone()),
                }));
            }
            events.extend(self.stage.overrides().places_of(*device).map(|place| {
                Event::Stage(StageEvent::StageSet {
                    place,
                    participant: None,
                    picture_only: false,
                    by: by.clone(),
                })
            }));
        }
        events
    }

    fn decide_revoke(
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
        Ok(vec![Event::Floor(FloorEvent::FloorReleased {
            participant,
            reason,
            requeued,
            by,
        })])
    }
}
