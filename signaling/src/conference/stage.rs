//! The stage: what everybody sees and hears, by rule or because a moderator said so.

use std::collections::BTreeMap;

use crate::auth::{Role, Verb};
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::conference::words::{Place, Source};
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

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
    /// Whose microphones are heard, the most important first; nobody twice, nobody muted, and
    /// nobody of whom a moderator shows the picture alone.
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
pub(super) struct Overrides(BTreeMap<Place, Chosen>);

/// Whom a moderator has put on a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Chosen {
    participant: ParticipantId,
    picture_only: bool,
}

/// How somebody is on the stage.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Staged {
    /// Shown, or about to be: a place for its screen is not until it shares one.
    on_stage: bool,
    how: Appointment,
}

/// What moderators are told of somebody on the stage.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Appointment {
    /// For its picture alone.
    is_only_seen: bool,
    /// Where a moderator has put it; nowhere if it is there by rule.
    places: Vec<Place>,
}

impl Staged {
    pub(super) fn how(&self) -> Appointment {
        self.how.clone()
    }
}

impl Overrides {
    pub(super) fn get(&self, place: Place) -> Option<ParticipantId> {
        self.0.get(&place).map(|chosen| chosen.participant)
    }

    pub(super) fn set(
        &mut self,
        place: Place,
        participant: Option<ParticipantId>,
        picture_only: bool,
    ) {
        match participant {
            Some(participant) => self.0.insert(
                place,
                Chosen {
                    participant,
                    picture_only,
                },
            ),
            None => self.0.remove(&place),
        };
    }

    pub(super) fn places_of(&self, participant: ParticipantId) -> impl Iterator<Item = Place> {
        self.of(participant).map(|(place, _)| place)
    }

    /// Whether somebody is on some place, and on each for its picture alone.
    fn is_picture_only(&self, participant: ParticipantId) -> bool {
        let mut chosen = self.of(participant).peekable();
        chosen.peek().is_some() && chosen.all(|(_, chosen)| chosen.picture_only)
    }

    fn of(&self, participant: ParticipantId) -> impl Iterator<Item = (Place, Chosen)> {
        self.0
            .iter()
            .filter(move |(_, chosen)| chosen.participant == participant)
            .map(|(place, chosen)| (*place, *chosen))
    }
}

impl State {
    pub(super) fn decide_stage(
        &self,
        by: By,
        place: Place,
        participant: Option<ParticipantId>,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        if let Some(id) = participant {
            self.person(id)?.role.permit(Verb::BeOnStage)?;
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
            picture_only: participant.is_some_and(|id| self.begins_unheard(id)),
            by,
        }])
    }

    /// Whether a place on the stage is for the picture of somebody alone: a site's sound goes on
    /// air with the floor, or once a moderator lets it be heard.
    fn begins_unheard(&self, id: ParticipantId) -> bool {
        let is_let_be_heard =
            self.overrides.places_of(id).next().is_some() && !self.overrides.is_picture_only(id);
        let is_site = self
            .people
            .get(id)
            .is_some_and(|person| person.role.may(Verb::RequestFloor));
        is_site && !is_let_be_heard
    }

    /// Whoever is on the stage for its picture is heard as well from now on.
    pub(super) fn letting_be_heard(&self, participant: ParticipantId, by: &By) -> Vec<Event> {
        self.devices_beside(participant)
            .iter()
            .flat_map(|device| self.overrides.of(*device))
            .filter(|(_, chosen)| chosen.picture_only)
            .map(|(place, chosen)| Event::StageSet {
                place,
                participant: Some(chosen.participant),
                picture_only: false,
                by: by.clone(),
            })
            .collect()
    }

    /// Whether the stage shows this participant, or is to once something of it comes: whoever was
    /// put there is only invited until then. A screen it shares of its own accord, or not.
    pub fn is_staged(&self, id: ParticipantId) -> bool {
        let mut places = self.overrides.places_of(id);
        self.scene.shows(id) || places.any(|place| place != Place::Screen)
    }

    /// Where a moderator has put this participant.
    pub fn places_of(&self, id: ParticipantId) -> impl Iterator<Item = Place> {
        self.overrides.places_of(id)
    }

    /// Whether it is on the stage for its picture alone, and nobody hears it.
    pub fn is_only_seen(&self, id: ParticipantId) -> bool {
        self.overrides.is_picture_only(id) && self.floor.holder() != Some(id)
    }

    /// Everybody who is on the stage or to be on it, and how.
    pub(super) fn staged(&self) -> BTreeMap<ParticipantId, Staged> {
        let staged = |id| Staged {
            on_stage: self.is_staged(id),
            how: Appointment {
                is_only_seen: self.is_only_seen(id),
                places: self.overrides.places_of(id).collect(),
            },
        };
        Place::ALL
            .into_iter()
            .flat_map(|place| [self.scene.at(place), self.overrides.get(place)])
            .flatten()
            .map(|id| (id, staged(id)))
            .collect()
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
            speakers: self.speakers(hall, main, second),
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
    /// Where the main place shows a picture alone, its sound is by its rule.
    fn speakers(
        &self,
        hall: Option<ParticipantId>,
        main: Option<ParticipantId>,
        second: Option<ParticipantId>,
    ) -> Vec<ParticipantId> {
        let chairs = self
            .people
            .prominent()
            .filter(|(_, person)| person.role == Role::Chair)
            .filter(|(_, person)| person.is_active(Source::Microphone))
            .map(|(id, _)| id);
        let heard = |id: &ParticipantId| !self.overrides.is_picture_only(*id);
        let main = main.filter(heard).or(hall);
        let second = second.filter(heard);
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
