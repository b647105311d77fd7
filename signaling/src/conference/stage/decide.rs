//! What comes of putting somebody on the stage.

use super::{StageCommand, StageEvent};
use crate::auth::Verb;
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

impl State {
    pub(in crate::conference) fn decide_stage(
        &self,
        by: By,
        command: StageCommand,
    ) -> Result<Vec<Event>, Refusal> {
        let StageCommand::Set { place, participant } = command;
        self.require_not_ended()?;
        if let Some(id) = participant {
            self.person(id)?.rights().permit(Verb::BeOnStage)?;
            if self.stands_by(id) {
                return Err(Refusal::new(
                    ErrorCode::StandBy,
                    "this device stands by: put its site's first device on the stage, or give it the floor",
                ));
            }
        }
        if self.stage.overrides.get(place) == participant {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Stage(StageEvent::StageSet {
            place,
            participant,
            picture_only: participant.is_some_and(|id| self.begins_unheard(id)),
            by,
        })])
    }

    /// Whether a place on the stage is for the picture of somebody alone: a site's sound goes on
    /// air with the floor, or once a moderator lets it be heard.
    fn begins_unheard(&self, id: ParticipantId) -> bool {
        let is_let_be_heard = self.stage.overrides.places_of(id).next().is_some()
            && !self.stage.overrides.is_picture_only(id);
        let is_site = self
            .people
            .get(id)
            .is_some_and(|person| person.rights().may(Verb::RequestFloor));
        is_site && !is_let_be_heard
    }

    /// Whoever is on the stage for its picture is heard as well from now on.
    pub(in crate::conference) fn letting_be_heard(
        &self,
        participant: ParticipantId,
        by: &By,
    ) -> Vec<Event> {
        self.devices_beside(participant)
            .iter()
            .flat_map(|device| self.stage.overrides.of(*device))
            .filter(|(_, chosen)| chosen.picture_only)
            .map(|(place, chosen)| {
                Event::Stage(StageEvent::StageSet {
                    place,
                    participant: Some(chosen.participant),
                    picture_only: false,
                    by: by.clone(),
                })
            })
            .collect()
    }
}
