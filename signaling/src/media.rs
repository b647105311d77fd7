//! The media plane as the people plane sees it, and the way of its events to their conference.
//!
//! A trait, so that a whole server runs in a test without a media thread.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sfu::Sfu;
use sfu::command::{CommandError, Event, IceCredentials, Joined, PeerPolicy};
use sfu::id::{ConferenceId, Feed, PeerId, PublicationId, SlotId};
use sfu::stats::Stats;
use tokio::sync::mpsc;

use crate::conference_task::ConferenceHandle;
use crate::judging::{Judges, Link};

/// What the media plane can do. Every method returns at once.
pub trait Media: fmt::Debug + Send + Sync + 'static {
    /// Answers an offer and creates the peer.
    ///
    /// # Errors
    /// When the offer cannot be answered or the media plane is full.
    fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError>;

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone or the offer is another one.
    fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError>;

    /// New ICE credentials for a peer (RFC 9725 §4.3.3).
    ///
    /// # Errors
    /// When the peer is gone.
    fn renew_ice(&self, peer: PeerId) -> Result<IceCredentials, CommandError>;

    /// Closes a peer.
    fn leave(&self, peer: PeerId);

    /// Sets what a place of the stage shows, for all slots at once.
    fn show(&self, conference: ConferenceId, stage: u8, what: Option<PublicationId>);

    /// Sets who may be heard, the most important first.
    fn set_speakers(&self, conference: ConferenceId, who: &[PublicationId]);

    /// Points one video slot at another feed.
    fn watch(&self, slot: SlotId, feed: Option<Feed>);

    /// Refuses or accepts again the media of a publication.
    fn block(&self, publication: PublicationId, blocked: bool);

    /// Closes all peers of a conference.
    fn end_conference(&self, conference: ConferenceId);

    /// How many peers there are, connected or not yet.
    fn peers(&self) -> usize;

    /// What was counted so far.
    fn stats(&self) -> Stats;

    /// Stops for good; returns when the media threads have.
    fn shutdown(&self);
}

impl Media for Sfu {
    fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError> {
        Self::join(self, conference, offer, policy)
    }

    fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError> {
        Self::restart_ice(self, peer, offer)
    }

    fn renew_ice(&self, peer: PeerId) -> Result<IceCredentials, CommandError> {
        Self::renew_ice(self, peer)
    }

    fn leave(&self, peer: PeerId) {
        Self::leave(self, peer);
    }

    fn show(&self, conference: ConferenceId, stage: u8, what: Option<PublicationId>) {
        Self::show(self, conference, stage, what);
    }

    fn set_speakers(&self, conference: ConferenceId, who: &[PublicationId]) {
        Self::set_speakers(self, conference, who);
    }

    fn watch(&self, slot: SlotId, feed: Option<Feed>) {
        Self::watch(self, slot, feed);
    }

    fn block(&self, publication: PublicationId, blocked: bool) {
        Self::block(self, publication, blocked);
    }

    fn end_conference(&self, conference: ConferenceId) {
        Self::end_conference(self, conference);
    }

    fn peers(&self) -> usize {
        Self::peers(self)
    }

    fn stats(&self) -> Stats {
        Self::stats(self)
    }

    fn shutdown(&self) {
        Self::shutdown(self);
    }
}

/// The media plane together with the knowledge of which conference each peer belongs to.
#[derive(Clone, Debug)]
pub struct MediaPlane {
    media: Arc<dyn Media>,
    routes: Arc<Mutex<HashMap<PeerId, ConferenceHandle>>>,
    judges: Judges,
}

/// A peer that was answered and that nobody has asked for any more, if it is dropped.
struct Unclaimed {
    media: Arc<dyn Media>,
    joined: Option<Joined>,
}

impl Unclaimed {
    fn claim(mut self) -> Option<Joined> {
        self.joined.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(joined) = &self.joined {
            self.media.leave(joined.peer);
        }
    }
}

impl MediaPlane {
    /// Without any peer yet.
    pub fn new(media: Arc<dyn Media>) -> Self {
        Self {
            media,
            routes: Arc::default(),
            judges: Judges::default(),
        }
    }

    /// Everything but what a session description is needed for.
    pub fn media(&self) -> &Arc<dyn Media> {
        &self.media
    }

    /// Answers an offer; events of the new peer go to `conference` from now on.
    ///
    /// # Errors
    /// When the offer cannot be answered, or not in time, or the media plane is full.
    pub async fn join(
        &self,
        link: Link,
        conference: &ConferenceHandle,
        offer: String,
        policy: PeerPolicy,
    ) -> Result<Joined, CommandError> {
        let (media, id) = (Arc::clone(&self.media), conference.media_id());
        let judge = move || {
            let joined = Some(media.join(id, &offer, &policy)?);
            Ok::<_, CommandError>(Unclaimed { media, joined })
        };
        let unclaimed = self.judges.judge(link, judge).await??;
        let joined = unclaimed.claim().ok_or(CommandError::Stopped)?;
        self.routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(joined.peer, conference.clone());
        Ok(joined)
    }

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone, or the offer is another one, or it is not answered in time.
    pub async fn restart_ice(
        &self,
        link: Link,
        peer: PeerId,
        offer: String,
    ) -> Result<String, CommandError> {
        let media = Arc::clone(&self.media);
        let judge = move || media.restart_ice(peer, &offer);
        self.judges.judge(link, judge).await?
    }

    /// Brings events to their conferences until the media plane stops.
    ///
    /// A conference whose inbox is full makes this wait: the shards keep further events, and media
    /// flows on.
    pub async fn deliver(self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            if let Some(conference) = self.route(&event) {
                conference.media_event(event).await;
            }
        }
    }

    fn route(&self, event: &Event) -> Option<ConferenceHandle> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::PeerClosed { peer, .. } => routes.remove(peer),
            Event::PeerConnected { peer }
            | Event::PeerSilent { peer }
            | Event::PeerBack { peer } => routes.get(peer).cloned(),
            Event::PublicationStarted { publication }
            | Event::PublicationStopped { publication }
            | Event::DominantSpeaker {
                publication: Some(publication),
                ..
            } => routes.get(&publication.peer).cloned(),
            Event::DominantSpeaker {
                publication: None, ..
            } => None,
            // Rare: no index is kept for it.
            Event::Overload { conference, .. } => routes
                .values()
                .find(|handle| handle.media_id() == *conference)
                .cloned(),
        }
    }
}
