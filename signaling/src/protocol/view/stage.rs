//! What is told of the stage.

use crate::conference::{Place, State};
use crate::protocol::ServerMessage;
use crate::protocol::server::{Shown, Stage};

impl State {
    /// The message `stage`.
    pub fn stage_message(&self) -> ServerMessage {
        ServerMessage::Stage(self.stage_value())
    }

    pub(super) fn stage_value(&self) -> Stage {
        Stage {
            version: self.versions().stage,
            main: self.shown(Place::Main),
            second: self.shown(Place::Second),
            screen: self.shown(Place::Screen),
            speakers: self.scene().speakers.clone(),
        }
    }

    fn shown(&self, place: Place) -> Option<Shown> {
        let participant = self.scene().at(place)?;
        let person = self.participant(participant)?;
        let (site, name) = (person.site.clone(), person.name.clone());
        Some(Shown {
            participant,
            site,
            name,
            province_name: self.province_name_of(person).map(str::to_owned),
            source: place.source(),
        })
    }
}
