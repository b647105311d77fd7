//! What is told of the conference as a whole.

use crate::conference::State;
use crate::protocol::ServerMessage;
use crate::protocol::server::ConferenceEntry;

impl State {
    /// Id, title and whether it runs.
    pub fn conference_entry(&self) -> ConferenceEntry {
        ConferenceEntry {
            id: self.id().clone(),
            title: self.title().to_owned(),
            state: self.phase(),
        }
    }

    /// The message `conference`.
    pub fn conference_message(&self) -> ServerMessage {
        let version = self.versions().conference;
        ServerMessage::Conference {
            version,
            conference: self.conference_entry(),
        }
    }
}
