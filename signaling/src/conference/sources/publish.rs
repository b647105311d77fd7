//! Which sources of a participant carry something.

use super::SourcesEvent;
use crate::conference::event::Event;
use crate::conference::state::State;
use crate::conference::words::Source;
use crate::ids::ParticipantId;
use crate::refusal::Refusal;

impl State {
    pub(super) fn decide_publish(
        &self,
        participant: ParticipantId,
        source: Source,
        active: bool,
    ) -> Result<Vec<Event>, Refusal> {
        let person = self.person(participant)?;
        if person.is_active(source) == active {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Sources(SourcesEvent::SourceChanged {
            participant,
            source,
            active,
        })])
    }

    pub(super) fn decide_unpublish(
        &self,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        let person = self.person(participant)?;
        let ceased = |&source: &Source| {
            Event::Sources(SourcesEvent::SourceChanged {
                participant,
                source,
                active: false,
            })
        };
        Ok(person.sources.keys().map(ceased).collect())
    }
}
