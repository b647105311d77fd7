//! The media plane together with the way of its events to their conference.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sfu::command::{CommandError, PeerPolicy};
use sfu::id::{ConferenceId, PeerId};
use sfu::{Events, Media};

use crate::check::CheckId;
use crate::conference_task::{ConferenceHandle, WeakHandle};
use crate::judging::{Judges, Link};
use crate::unclaimed::Unclaimed;

/// The media plane, and the conferences that have had a peer there.
#[derive(Clone, Debug)]
pub struct MediaPlane {
    media: Arc<dyn Media>,
    conferences: Arc<Mutex<HashMap<ConferenceId, WeakHandle>>>,
    judges: Judges,
}

impl MediaPlane {
    /// Without any peer yet.
    pub fn new(media: Arc<dyn Media>) -> Self {
        Self {
            media,
            conferences: Arc::default(),
            judges: Judges::default(),
        }
    }

    /// Everything but what a session description is needed for.
    pub fn media(&self) -> &Arc<dyn Media> {
        &self.media
    }

    fn conferences(&self) -> MutexGuard<'_, HashMap<ConferenceId, WeakHandle>> {
        self.conferences
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
    ) -> Result<Unclaimed, CommandError> {
        let (media, id) = (Arc::clone(&self.media), conference.media_id());
        self.expect(conference);
        let judge = move || {
            let joined = media.join(id, &offer, &policy)?;
            Ok(Unclaimed::new(media, joined))
        };
        self.judges.judge(link, judge).await?
    }

    /// Answers an offer of a check, whose peers nobody hears of.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub(crate) async fn join_check(
        &self,
        check: CheckId,
        conference: ConferenceId,
        offer: String,
        policy: PeerPolicy,
    ) -> Result<Unclaimed, CommandError> {
        let media = Arc::clone(&self.media);
        let judge = move || {
            let joined = media.join(conference, &offer, &policy)?;
            Ok(Unclaimed::new(media, joined))
        };
        self.judges.judge(Link::Check(check), judge).await?
    }

    /// From now on events may concern this conference.
    fn expect(&self, conference: &ConferenceHandle) {
        let mut conferences = self.conferences();
        if !conferences.contains_key(&conference.media_id()) {
            // Few are open at a time; those that were put away leave here.
            conferences.retain(|_, known| !known.is_closed());
            conferences.insert(conference.media_id(), conference.downgrade());
        }
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
    pub async fn deliver(self, mut events: Events) {
        while let Some((id, event)) = events.recv().await {
            let conference = self.conferences().get(&id).and_then(WeakHandle::upgrade);
            if let Some(conference) = conference {
                conference.media_event(event).await;
            }
        }
    }
}
