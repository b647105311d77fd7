//! Whose media arrives: what the stage must know of those who are on it or may be; and to whom no
//! picture gets through.
//!
//! Only of few, and only what changes what everybody sees: a source that stands still for a moment
//! is no event.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::SourcesEvent;
use crate::auth::Role;
use crate::conference::event::Event;
use crate::conference::people::Participant;
use crate::conference::state::State;
use crate::conference::words::{Place, Source};
use crate::ids::ParticipantId;
use crate::refusal::Refusal;

/// Of which sources something comes in at the server.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Arriving {
    /// Sound.
    pub microphone: bool,
    /// A picture.
    pub camera: bool,
}

/// What is known of the media of a source that is said to carry something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// It arrives since the event with this sequence number.
    Since(u64),
    /// It arrives again after it had ceased: whoever took its place meanwhile keeps it.
    Again,
    /// It has ceased.
    Ceased,
}

impl Arrival {
    /// Whether something comes.
    pub const fn is_arriving(self) -> bool {
        matches!(self, Self::Since(_) | Self::Again)
    }

    /// When it began, as a sequence number: the greatest began last.
    const fn began(self) -> u64 {
        match self {
            Self::Since(seq) => seq,
            Self::Again | Self::Ceased => 0,
        }
    }
}

/// How well a hall can be seen and heard, the best first. Nothing is known of one whose media has
/// not begun, or whose log was written before it was noted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Carrying {
    Picture,
    Sound,
    Unknown,
    Nothing,
}

impl Participant {
    /// What of it comes in, as far as the stage must know.
    pub(crate) fn arriving(&self) -> Arriving {
        Arriving {
            microphone: self.arrives(Source::Microphone),
            camera: self.arrives(Source::Camera),
        }
    }

    fn arrives(&self, source: Source) -> bool {
        self.arrivals
            .get(&source)
            .is_some_and(|arrival| arrival.is_arriving())
    }

    /// Something that it said it sends has ceased to arrive, and nothing else of it does.
    pub(in crate::conference) fn is_silent(&self) -> bool {
        !self.arrivals.is_empty() && !self.arrivals.values().any(|arrival| arrival.is_arriving())
    }

    /// Something of it can be seen or heard.
    pub(in crate::conference) fn is_carrying(&self) -> bool {
        self.carrying() <= Carrying::Sound
    }

    fn carrying(&self) -> Carrying {
        if self.arrives(Source::Camera) {
            Carrying::Picture
        } else if self.arrives(Source::Microphone) {
            Carrying::Sound
        } else if self.is_silent() {
            Carrying::Nothing
        } else {
            Carrying::Unknown
        }
    }

    fn began(&self) -> u64 {
        let source = if self.arrives(Source::Camera) {
            Source::Camera
        } else {
            Source::Microphone
        };
        self.arrivals.get(&source).map_or(0, |it| it.began())
    }
}

impl State {
    /// Those whose media decides what the stage shows: the halls, who holds the floor, and whom a
    /// moderator has put there.
    pub fn stage_candidates(&self) -> Vec<(ParticipantId, &Participant)> {
        let halls = self.halls().map(|(id, _)| id);
        let chosen = Place::ALL
            .into_iter()
            .filter_map(|place| self.stage.overrides().get(place));
        let mut candidates: Vec<_> = halls.chain(self.floor.holder()).chain(chosen).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
            .into_iter()
            .filter_map(|id| Some((id, self.people.get(id)?)))
            .collect()
    }

    pub(super) fn decide_arrival(
        &self,
        participant: ParticipantId,
        source: Source,
        arriving: bool,
    ) -> Result<Vec<Event>, Refusal> {
        let person = self.person(participant)?;
        let known = person.arrivals.get(&source).map(|it| it.is_arriving());
        if !person.is_active(source) || known == Some(arriving) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Sources(SourcesEvent::MediaChanged {
            participant,
            source,
            arriving,
        })])
    }

    pub(super) fn decide_line(
        &self,
        participant: ParticipantId,
        sound_only: bool,
    ) -> Result<Vec<Event>, Refusal> {
        if self.person(participant)?.sound_only == sound_only {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Sources(SourcesEvent::LineChanged {
            participant,
            sound_only,
        })])
    }

    /// The hall that is best able to be seen and heard. Of those that equally are, the one whose
    /// media began last: an encoder that was started again is the hall, although the one that died
    /// still counts as present. It stays until another begins anew: one whose line comes and goes
    /// takes it from nobody.
    pub(in crate::conference) fn best_hall(&self) -> Option<ParticipantId> {
        let ability = |id: ParticipantId, person: &Participant| {
            let carrying = person.carrying();
            let is_sending = carrying <= Carrying::Sound;
            (
                carrying,
                !person.is_present(),
                !person.is_active(Source::Camera),
                Reverse(person.began()),
                is_sending && self.scene().main != Some(id),
                person.joined_seq,
            )
        };
        self.halls()
            .min_by_key(|(id, person)| ability(*id, person))
            .map(|(id, _)| id)
    }

    /// Whom a moderator has put on a place, once there is something of it to be seen or heard and
    /// while there is.
    pub(in crate::conference) fn chosen_for(
        &self,
        place: Place,
        instead: Option<ParticipantId>,
    ) -> Option<ParticipantId> {
        let chosen = self.stage.overrides().get(place)?;
        let is_carrying = |id| self.people.get(id).is_some_and(Participant::is_carrying);
        let is_better = |id| id != chosen && is_carrying(id);
        if !is_carrying(chosen) && instead.is_some_and(is_better) {
            None
        } else {
            Some(chosen)
        }
    }

    /// Who holds the floor, while something of it arrives: one that is only invited is no picture.
    pub(in crate::conference) fn audible_holder(&self) -> Option<ParticipantId> {
        let holder = self.floor.holder()?;
        let is_carrying = self
            .people
            .get(holder)
            .is_some_and(Participant::is_carrying);
        is_carrying.then_some(holder)
    }

    /// Whom a single picture shows: who has the floor, while there is a picture of it, else the
    /// main picture.
    pub fn programme(&self) -> Option<ParticipantId> {
        let is_seen = |id: &ParticipantId| {
            self.people.get(*id).is_some_and(|person| {
                let has_ceased = person.arrivals.get(&Source::Camera) == Some(&Arrival::Ceased);
                !person.muting.is_cut() && person.is_active(Source::Camera) && !has_ceased
            })
        };
        self.audible_holder()
            .filter(is_seen)
            .or_else(|| self.scene().main)
    }

    fn halls(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.people
            .prominent()
            .filter(|(_, person)| person.role == Role::Hall)
    }
}
