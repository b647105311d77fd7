//! Refusing the media of a participant.

use crate::auth::Verb;
use crate::conference::command::{Actor, Refusal};
use crate::conference::event::Event;
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
        if self.person(participant)?.muted == muted {
            return Ok(Vec::new());
        }
        Ok(vec![Event::MuteChanged {
            participant,
            muted,
            by,
        }])
    }
}
