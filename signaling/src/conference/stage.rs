//! The stage: what everybody sees and hears, by rule or because a moderator said so.

use std::collections::BTreeMap;

use crate::auth::{Role, Verb};
use crate::conference::command::{Actor, Refusal};
use crate::conference::event::Event;
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::protocol::{ErrorCode, Place, Source};

/// What the stage shows and who is heard. Derived from everything else, after every event.
///
/// A lost participant stays: its media may still flow while only its WebSocket is gone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scene {
    /// Whose camera is the large picture.
    pub main: Option<ParticipantId>,
    /// Whose camera is beside it.
    pub second: Option<ParticipantId>,
    /// Whose screen is shown.
    pub screen: Option<ParticipantId>,
    /// Whose microphones are heard, the most important first; nobody twice, nobody muted.
    pub speakers: Vec<ParticipantId>,
}

impl Scene {
    /// Whom a place shows.
    pub const fn at(&self, place: Place) -> Option<ParticipantId> {
        match place {
            Place::Main => self.main,
            Place::Second => self.second,
            Place::Screen => self.screen,
        }
    }

    /// Whether some place shows this participant.
    pub fn shows(&self, participant: ParticipantId) -> bool {
        Place::ALL
            .into_iter()
            .any(|place| self.at(place) == Some(participant))
    }
}

/// Places whose rule a moderator has overridden.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Overrides(BTreeMap<Place, ParticipantId>);

impl Overrides {
    pub(super) fn get(&self, place: Place) -> Option<ParticipantId> {
        self.0.get(&place).copied()
    }

    pub(super) fn set(&mut self, place: Place, participant: Option<ParticipantId>) {
        match participant {
            Some(participant) => self.0.insert(place, participant),
            None => self.0.remove(&place),
        };
    }

    pub(super) fn places_of(&self, participant: ParticipantId) -> impl Iterator<Item = Place> {
        self.0
            .iter()
            .filter(move |(_, shown)| **shown == participant)
            .map(|(place, _)| *place)
    }
}

impl State {
    pub(super) fn decide_stage(
        &self,
        actor: &Actor,
        place: Place,
        participant: Option<ParticipantId>,
    ) -> Result<Vec<Event>, Refusal> {
        let by = self.permit(
            actor,
            Verb::Moderate,
            "only an operator or a chair may set the stage",
        )?;
        self.require_not_ended()?;
        if let Some(id) = participant {
            let person = self.person(id)?;
            if !person.role.may(Verb::Publish) {
                return Err(Refusal::role(person.role, "be on the stage"));
            }
            if self.stands_by(id) {
                return Err(Refusal::new(
                    ErrorCode::StandBy,
                    "this device stands by: put its site's first device on the stage, or give it the floor",
                ));
            }
        }
        if self.overrides.get(place) == participant {
            return Ok(Vec::new());
        }
        Ok(vec![Event::StageSet {
            place,
            participant,
            by,
        }])
    }

    /// Works out the scene anew; a change of it is a new version of the stage.
    pub(super) fn settle_scene(&mut self) {
        let scene = self.derive_scene();
        if scene != self.scene {
            self.scene = scene;
            self.versions.stage = self.seq;
        }
    }

    fn derive_scene(&self) -> Scene {
        let (hall, holder) = (self.best_hall(), self.audible_holder());
        let main = self.chosen_for(Place::Main, hall).or(hall);
        let second = self
            .chosen_for(Place::Second, holder)
            .or(holder)
            .filter(|second| Some(*second) != main);
        let screen = match self.overrides.get(Place::Screen) {
            Some(chosen) => Some(chosen).filter(|id| self.shared_since(*id).is_some()),
            None => self.latest_screen([main, second, self.floor.holder()]),
        };
        Scene {
            main,
            second,
            screen,
            speakers: self.speakers(main, second),
        }
    }

    /// Since which event this participant shares its screen; `None` while it is cut off.
    fn shared_since(&self, id: ParticipantId) -> Option<u64> {
        let person = self.people.get(id)?;
        person
            .sources
            .get(&Source::Screen)
            .copied()
            .filter(|_| !person.muting.is_cut())
    }

    /// Of all who may share their screen with everybody, the one who began last.
    fn latest_screen(&self, on_stage: [Option<ParticipantId>; 3]) -> Option<ParticipantId> {
        self.people
            .prominent()
            .map(|(id, _)| id)
            .chain(on_stage.into_iter().flatten())
            .filter_map(|id| Some((self.shared_since(id)?, id)))
            .max()
            .map(|(_, id)| id)
    }

    /// Main, second and the holder are heard as they are; chairs while their microphone is on.
    fn speakers(
        &self,
        main: Option<ParticipantId>,
        second: Option<ParticipantId>,
    ) -> Vec<ParticipantId> {
        let chairs = self
            .people
            .prominent()
            .filter(|(_, person)| person.role == Role::Chair)
            .filter(|(_, person)| person.is_active(Source::Microphone))
            .map(|(id, _)| id);
        let mut speakers = Vec::new();
        for id in [main, second, self.floor.holder()]
            .into_iter()
            .flatten()
            .chain(chairs)
        {
            let muted = self
                .people
                .get(id)
                .is_none_or(|person| person.muting.is_muted());
            if !muted && !speakers.contains(&id) {
                speakers.push(id);
            }
        }
        speakers
    }
}
