//! Working out what the stage shows and who is heard, by rule or because a moderator said so.

use super::Scene;
use crate::auth::Role;
use crate::conference::state::State;
use crate::conference::words::{Place, Source};
use crate::ids::ParticipantId;

impl State {
    /// Works out the scene anew; a change of it is a new version of the stage.
    pub(in crate::conference) fn settle_scene(&mut self) {
        let scene = self.derive_scene();
        if scene != self.stage.scene {
            self.stage.scene = scene;
            self.stage.version = self.seq;
        }
    }

    fn derive_scene(&self) -> Scene {
        let (hall, holder) = (self.best_hall(), self.audible_holder());
        let main = self.chosen_for(Place::Main, hall).or(hall);
        let second = self
            .chosen_for(Place::Second, holder)
            .or(holder)
            .filter(|second| Some(*second) != main);
        let screen = match self.stage.overrides.get(Place::Screen) {
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
        let heard = |id: &ParticipantId| !self.stage.overrides.is_picture_only(*id);
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
