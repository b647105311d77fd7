//! The messages of a session that carry a session description. While one is judged, the session
//! reads nothing further, so that whatever the client says next finds it done.

use std::collections::BTreeMap;
use std::pin::Pin;

use sfu::command::CommandError;
use tokio::time::Instant;

use super::{Session, opening};
use crate::conference_task::{Answer, NewPeer, refusal_message};
use crate::ids::RequestId;
use crate::judging::Link;
use crate::negotiation;
use crate::protocol::{ServerMessage, Source};
use crate::refusal::{ErrorCode, Refusal};
use crate::unclaimed::Unclaimed;

/// A description that is being judged.
pub(super) type Judging = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// What came of a description.
pub(super) enum Verdict {
    /// Of an offer.
    Offer {
        id: RequestId,
        sources: BTreeMap<String, Source>,
        peer: Result<Unclaimed, CommandError>,
    },
    /// Of an ICE restart: what the client is told.
    Restart(ServerMessage),
}

/// Waits for the verdict; for ever if nothing is judged. Cancel safe.
pub(super) async fn verdict(judging: &mut Option<Judging>) -> Verdict {
    match judging {
        Some(verdict) => verdict.await,
        None => std::future::pending().await,
    }
}

impl Session {
    /// Lets the media plane judge an offer; the conference then decides whether the peer is
    /// somebody's.
    pub(super) fn offer(&mut self, id: RequestId, sdp: String, sources: BTreeMap<String, Source>) {
        let config = &self.app.config().conferences;
        let frame = negotiation::audio_frame_ms(config, self.conference.sites());
        let policy = negotiation::participant_policy(self.rights, frame, self.has_offered);
        let (media, conference) = (self.app.media.clone(), self.conference.clone());
        let link = Link::Participant(self.participant);
        if let Some(telemetry) = &self.app.telemetry {
            telemetry.offered(Instant::now(), self.participant);
        }
        self.judging = Some(Box::pin(async move {
            let peer = media.join(link, &conference, sdp, policy).await;
            Verdict::Offer { id, sources, peer }
        }));
    }

    /// Lets the media plane judge the offer of an ICE restart.
    pub(super) fn restart_ice(&mut self, id: RequestId, sdp: String) {
        let (media, conference) = (self.app.media.clone(), self.conference.clone());
        let participant = self.participant;
        self.judging = Some(Box::pin(async move {
            let answer = async {
                let own = conference.own_peer(participant).await?;
                let link = Link::Participant(participant);
                let restarted = media.restart_ice(link, own.peer, sdp).await;
                let sdp = restarted.map_err(|error| negotiation::refusal(&error))?;
                Ok::<_, Refusal>(ServerMessage::Answer {
                    id,
                    sdp,
                    publications: own.publications,
                    slots: own.slots,
                })
            };
            let told = answer.await;
            Verdict::Restart(told.unwrap_or_else(|refusal| refusal_message(Some(id), &refusal)))
        }));
    }

    /// Goes on with what was judged.
    pub(super) fn judged(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Restart(message) => {
                if let ServerMessage::Error { code, .. } = &message {
                    self.app.metrics.error(*code);
                }
                self.outbox.send(&message);
            }
            Verdict::Offer { id, sources, peer } => match peer {
                Ok(peer) => self.give(id, peer, sources),
                Err(error) => self.refuse_offer(id, &error),
            },
        }
    }

    fn give(&mut self, id: RequestId, peer: Unclaimed, sources: BTreeMap<String, Source>) {
        self.has_offered = true;
        if let Some(telemetry) = &self.app.telemetry {
            telemetry.answered(Instant::now(), self.participant);
        }
        let asked = self.conference.offer(NewPeer {
            participant: self.participant,
            outbox: self.outbox.clone(),
            peer,
            sources,
            active: false,
            answer: Answer::Session(self.outbox.clone(), id),
        });
        self.asked(Some(id), asked);
    }

    fn refuse_offer(&self, id: RequestId, error: &CommandError) {
        let refusal = negotiation::refusal(error);
        self.app.metrics.error(refusal.code);
        if matches!(refusal.code, ErrorCode::ServerFull | ErrorCode::Overloaded) {
            // Without media it is not in the conference: it came too late after all.
            self.app.note_refused(&self.conference, &refusal);
            let (message, ending) = opening::final_refusal(Some(id), &refusal);
            self.outbox.send(&message);
            self.outbox.end(ending);
        } else {
            self.outbox.send(&refusal_message(Some(id), &refusal));
        }
    }
}
