//! Refusing the media of a participant, also when it comes again.

use crate::auth::Verb;
use crate::conference::command::{Actor, Refusal};
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::ids::ParticipantId;

impl State {
    pub(super) fn decide_mute(
        &self,
        actor: &Actor,
        participant: ParticipantId,
        muted: bool,
    ) -> Result<Vec<Event>, Refusal> {
        let by = self.permit(
            actor,
            Verb::Moderate,
            "only an operator or a chair may mute",
        )?;
        self.person(participant)?;
        Ok(self.mute_events(participant, muted, &by))
    }

    /// All devices of a place are muted or none: which of them speaks may change.
    pub(super) fn mute_events(
        &self,
        participant: ParticipantId,
        muted: bool,
        by: &By,
    ) -> Vec<Event> {
        self.devices_beside(participant)
            .iter()
            .filter(|device| {
                self.people
                    .get(**device)
                    .is_some_and(|person| person.muted != muted)
            })
            .map(|device| Event::MuteChanged {
                participant: *device,
                muted,
                by: by.clone(),
            })
            .collect()
    }

    pub(super) fn apply_mute(&mut self, participant: ParticipantId, muted: bool) {
        if let Some(person) = self.people.get(participant) {
            self.remembered.set_muted(person.identity(), muted);
        }
        self.people.set_muted(participant, muted);
    }
}
