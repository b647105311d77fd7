//! The stage: what everybody sees and hears, by rule or because a moderator said so.

mod command;
mod decide;
mod derive;
mod event;

use std::collections::BTreeMap;

pub use command::StageCommand;
pub use event::StageEvent;

use crate::conference::state::State;
use crate::conference::words::Place;
use crate::ids::ParticipantId;

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
pub(in crate::conference) struct Overrides(BTreeMap<Place, Chosen>);

/// Whom a moderator has put on a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Chosen {
    participant: ParticipantId,
    picture_only: bool,
}

/// How somebody is on the stage.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Staged {
    /// Shown, or about to be: a place for its screen is not until it shares one.
    on_stage: bool,
    how: Appointment,
}

/// What moderators are told of somebody on the stage.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Appointment {
    /// For its picture alone.
    is_only_seen: bool,
    /// Where a moderator has put it; nowhere if it is there by rule.
    places: Vec<Place>,
}

impl Staged {
    pub(in crate::conference) fn how(&self) -> Appointment {
        self.how.clone()
    }
}

impl Overrides {
    pub(in crate::conference) fn get(&self, place: Place) -> Option<ParticipantId> {
        self.0.get(&place).map(|chosen| chosen.participant)
    }

    fn set(&mut self, place: Place, participant: Option<ParticipantId>, picture_only: bool) {
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

    pub(in crate::conference) fn places_of(
        &self,
        participant: ParticipantId,
    ) -> impl Iterator<Item = Place> {
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

/// What is shown, and what moderators have said of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Stage {
    overrides: Overrides,
    scene: Scene,
    /// When what is told of it last changed.
    version: u64,
}

impl Stage {
    pub(in crate::conference) const fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    pub(in crate::conference) const fn scene(&self) -> &Scene {
        &self.scene
    }

    pub(in crate::conference) const fn version(&self) -> u64 {
        self.version
    }

    /// What is told of it is another thing since this event.
    pub(in crate::conference) const fn touch(&mut self, seq: u64) {
        self.version = seq;
    }

    /// Every place goes by its rule.
    pub(in crate::conference) fn clear(&mut self) {
        self.overrides = Overrides::default();
    }

    pub(in crate::conference) fn apply(&mut self, event: &StageEvent) {
        let StageEvent::StageSet {
            place,
            participant,
            picture_only,
            ..
        } = event;
        self.overrides.set(*place, *participant, *picture_only);
    }
}

impl State {
    /// Whether the stage shows this participant, or is to once something of it comes: whoever was
    /// put there is only invited until then. A screen it shares of its own accord, or not.
    pub fn is_staged(&self, id: ParticipantId) -> bool {
        let mut places = self.stage.overrides.places_of(id);
        self.stage.scene.shows(id) || places.any(|place| place != Place::Screen)
    }

    /// Where a moderator has put this participant.
    pub fn places_of(&self, id: ParticipantId) -> impl Iterator<Item = Place> {
        self.stage.overrides.places_of(id)
    }

    /// Whether it is on the stage for its picture alone, and nobody hears it.
    pub fn is_only_seen(&self, id: ParticipantId) -> bool {
        self.stage.overrides.is_picture_only(id) && self.floor.holder() != Some(id)
    }

    /// Everybody who is on the stage or to be on it, and how.
    pub(in crate::conference) fn staged(&self) -> BTreeMap<ParticipantId, Staged> {
        let staged = |id| Staged {
            on_stage: self.is_staged(id),
            how: Appointment {
                is_only_seen: self.is_only_seen(id),
                places: self.stage.overrides.places_of(id).collect(),
            },
        };
        Place::ALL
            .into_iter()
            .flat_map(|place| [self.stage.scene.at(place), self.stage.overrides.get(place)])
            .flatten()
            .map(|id| (id, staged(id)))
            .collect()
    }
}
