//! What is looked at of what somebody sends, and how much of what it receives it can do with.

use std::collections::BTreeMap;

use sfu::id::PublicationId;

use super::ConferenceTask;
use super::batch::no_media;
use crate::ids::ParticipantId;
use crate::outbox::encode;
use crate::protocol::ServerMessage;
use crate::refusal::{ErrorCode, Refusal};

impl ConferenceTask {
    /// Somebody looks at more or less of a picture: whoever sends it is told.
    pub(super) fn layers_wanted(&mut self, publication: PublicationId, layers: u8) {
        if let Some(participant) = self.peers.set_wanted(publication, layers) {
            let message = self.wanted_message(participant);
            self.links.tell(participant, encode(&message));
        }
    }

    /// How much of what a participant sends somebody looks at.
    pub(super) fn wanted_message(&self, participant: ParticipantId) -> ServerMessage {
        ServerMessage::Wanted {
            version: self.state.version(),
            layers: self.peers.wanted(participant),
        }
    }

    /// Limits what a participant's slots show.
    pub(super) fn limit(
        &mut self,
        participant: ParticipantId,
        layers: &BTreeMap<String, u8>,
    ) -> Result<(), Refusal> {
        if self.peers.get(participant).is_none() {
            return Err(no_media());
        }
        let media = self.around.media.clone();
        self.peers
            .limit(participant, layers, &*media)
            .map_err(|error| Refusal::new(ErrorCode::BadMessage, error.to_string()))
    }
}
