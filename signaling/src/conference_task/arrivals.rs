//! Whose media arrives, as the media plane tells it: at once for the operators' lists, and as an
//! event where it decides what everybody sees.

use jiff::Timestamp;
use sfu::id::PublicationId;
use tracing::{debug, info};

use super::ConferenceTask;
use super::batch::Batch;
use crate::conference::{Actor, Command, Effect, SourcesCommand};
use crate::ids::ParticipantId;
use crate::protocol::Source;
use crate::protocol::server::MediaState;

impl ConferenceTask {
    /// A publication's media began to arrive, or has ceased to.
    pub(super) fn arrival(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        publication: PublicationId,
        arrives: bool,
    ) {
        let Some(participant) = self.peers.owner(publication.peer) else {
            return;
        };
        let before = self.what_comes(participant);
        self.peers.set_arrival(publication, arrives);
        debug!(conference = %self.id(), %participant, %publication, arrives, "media");
        if before != self.what_comes(participant) {
            batch.effect(Effect::ParticipantChanged(participant));
        }
        if arrives {
            self.supersede(batch, now, participant);
        }
    }

    /// What operators see of a participant's media.
    fn what_comes(&self, participant: ParticipantId) -> (MediaState, Vec<Source>) {
        (
            self.peers.media_state(&self.state, participant),
            self.peers.ceased(&self.state, participant),
        )
    }

    /// An encoder ignores keyframe requests, or answers them after all: operators see whose it is.
    pub(super) fn keyframe_requests(
        &mut self,
        batch: &mut Batch,
        publication: PublicationId,
        ignored: bool,
    ) {
        if let Some(participant) = self.peers.set_deaf(publication, ignored) {
            info!(conference = %self.id(), %participant, mline = publication.mline, ignored, "keyframe requests of a picture are ignored, or answered again");
            batch.effect(Effect::ParticipantChanged(participant));
        }
    }

    /// Compares what arrives from those who are or may be on the stage with what the conference
    /// knows of it. Said again and again, so that it also holds for whoever was put on the stage
    /// just now, and after a time in which nothing could be stored.
    pub(super) fn note_arrivals(&mut self, batch: &mut Batch, now: Timestamp) {
        let mut news = Vec::new();
        for (participant, person) in self.state.stage_candidates() {
            if self.state.is_silenced(participant) {
                continue;
            }
            // A screen may stand still.
            for source in [Source::Camera, Source::Microphone] {
                let Some(arriving) = self.peers.arrives(participant, source) else {
                    continue;
                };
                let known = person.arrivals.get(&source);
                if person.is_active(source) && known.map(|it| it.is_arriving()) != Some(arriving) {
                    news.push(Command::Sources(SourcesCommand::NoteMedia {
                        participant,
                        source,
                        arriving,
                    }));
                }
            }
        }
        for command in news {
            self.carry_out(batch, now, &Actor::SYSTEM, command);
        }
    }
}
