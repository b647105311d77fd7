//! What is shown where: intent in, feeds turned, slots pointed.

use std::time::Instant;

use crate::command::Event;
use crate::conference::{Bank, Conference, ConferenceKey};
use crate::feed::FeedName;
use crate::id::{ConferenceId, Feed, PublicationId, SlotId};
use crate::kind::MediaKind;
use crate::peer::PeerKey;
use crate::publication::PublicationKey;
use crate::publication::demand::Silence;
use crate::publication::layer::SILENT_AFTER;
use crate::shard::Shard;
use crate::shard::audience::feed_name;
use crate::speakers::{self, Candidate};

/// Highest layer for a slot that shows one particular publication: an operator's small picture.
const THUMBNAIL_LAYER: u8 = 0;

/// Highest layer for a slot on the stage.
const STAGE_LAYER: u8 = 2;

impl Shard {
    pub(super) fn show(
        &mut self,
        now: Instant,
        conference: ConferenceId,
        stage: u8,
        publication: Option<PublicationId>,
    ) {
        let Some(key) = self.intended(conference, publication.is_some()) else {
            return;
        };
        let stage_of = |conference: &mut Conference| match publication {
            Some(id) => conference.stage.insert(stage, id),
            None => conference.stage.remove(&stage),
        };
        let former = self.conferences.at_mut(key).and_then(stage_of);
        if let Some(former) = former.and_then(|id| self.publications.named(id)) {
            former.joins.staged = false;
        }
        self.reconcile(now, key);
        self.forget_if_empty(key);
    }

    pub(super) fn set_speakers(
        &mut self,
        now: Instant,
        conference: ConferenceId,
        who: Vec<PublicationId>,
        main: Option<PublicationId>,
        floor: Option<PublicationId>,
    ) {
        let Some(key) = self.intended(conference, !who.is_empty()) else {
            return;
        };
        if let Some(conference) = self.conferences.at_mut(key) {
            conference.speakers = who;
            conference.main_sound = main;
            conference.floor_sound = floor;
        }
        self.reconcile(now, key);
        self.forget_if_empty(key);
    }

    /// The key of a conference of which something is to be shown. That nothing is shown makes none.
    fn intended(&mut self, id: ConferenceId, something: bool) -> Option<ConferenceKey> {
        if something {
            Some(self.conference_key(id))
        } else {
            self.conferences.key(id)
        }
    }

    pub(super) fn watch(&mut self, now: Instant, slot: SlotId, feed: Option<Feed>) {
        if let Some((key, index)) = self.picture_slot(slot) {
            self.point(key, index, feed.map(feed_name));
            self.reconcile_of(now, key);
        }
    }

    /// Shows at most so many layers in a slot from now on.
    pub(super) fn limit(&mut self, now: Instant, slot: SlotId, layers: u8) {
        let Some((key, index)) = self.picture_slot(slot) else {
            return;
        };
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(slot) = peer.slots.get_mut(index) else {
            return;
        };
        slot.limit = layers.saturating_sub(1);
        let feed = slot.feed.map(usize::from);
        let conference = self.conferences.at(peer.conference);
        let name = conference.and_then(|it| Some(it.feeds.get(feed?)?.name));
        if name.is_some() {
            self.point(key, index, name);
            self.reconcile_of(now, key);
        }
    }

    /// Where a slot is that shows pictures.
    fn picture_slot(&self, slot: SlotId) -> Option<(PeerKey, usize)> {
        let key = self.peers.key(slot.peer)?;
        let is_it = |s: &crate::slot::Slot| s.mline == slot.mline && s.kind == MediaKind::Video;
        let index = self.peers.at(key)?.slots.iter().position(is_it)?;
        Some((key, index))
    }

    fn reconcile_of(&mut self, now: Instant, key: PeerKey) {
        if let Some(conference) = self.peers.at(key).map(|peer| peer.conference) {
            self.reconcile(now, conference);
        }
    }

    pub(super) fn block(&mut self, publication: PublicationId, blocked: bool) {
        if let Some(key) = self.publications.key(publication)
            && let Some(publication) = self.publications.at_mut(key)
        {
            publication.set_blocked(blocked);
            self.wishes.push(key);
        }
    }

    /// Points a slot at a feed or at nothing, and keeps the counts and the peer's mask right. Returns
    /// whether something else may be wished for now.
    pub(super) fn point(&mut self, key: PeerKey, index: usize, name: Option<FeedName>) -> bool {
        let Some(peer) = self.peers.at_mut(key) else {
            return false;
        };
        let Some(conference) = self.conferences.at_mut(peer.conference) else {
            return false;
        };
        let Some(slot) = peer.slots.get_mut(index) else {
            return false;
        };
        let is_video = slot.kind == MediaKind::Video && name.is_some();
        let (former, wished) = (slot.feed.take(), slot.wished);
        let mut changed = former.is_some_and(|former| conference.unpoint(former, wished));
        let worth = match name {
            Some(FeedName::Publication(_)) => THUMBNAIL_LAYER,
            _ => STAGE_LAYER,
        };
        slot.wished = slot.limit.min(worth);
        slot.is_patient = false;
        if let Some((feed, is_news)) = name.and_then(|name| conference.point(name, slot.wished)) {
            slot.feed = Some(feed);
            changed |= is_news;
        }
        peer.order_slots();
        peer.feed_mask = peer
            .watching
            .iter()
            .fold(0, |mask, (feed, _)| mask | 1 << (feed % 64));
        if is_video {
            self.catch_up_slot(key, index);
        }
        changed
    }

    /// Makes feeds and subscriptions what the conference's intent says. Calling it twice changes
    /// nothing.
    pub(super) fn reconcile(&mut self, now: Instant, key: ConferenceKey) {
        self.assign_speakers(now, key);
        let Some(conference) = self.conferences.at(key) else {
            return;
        };
        let id = conference.id;
        for staged in conference.stage.values() {
            if let Some(publication) = self.publications.named(*staged) {
                publication.joins.staged = true;
            }
        }
        let wanted: Vec<_> = conference
            .feeds
            .iter()
            .map(|feed| conference.intent(feed.name).filter(|_| feed.slots > 0))
            .collect();
        let mut shown: Vec<PublicationKey> = Vec::new();
        for (index, want) in wanted.iter().enumerate() {
            let found = want.and_then(|publication| self.find_or_mirror(now, key, publication));
            let Some(feed) = self
                .conferences
                .at_mut(key)
                .and_then(|c| c.feeds.get_mut(index))
            else {
                continue;
            };
            let turned = feed.turn_to(now, found);
            let previous = feed.previous(now);
            shown.extend(found.into_iter().chain(previous));
            if let Some(found) = found.filter(|_| turned)
                && let Some(publication) = self.publications.at_mut(found)
            {
                let is_vain = publication.ignores_requests();
                publication.want_keyframes();
                self.wishes.push(found);
                self.arm_tick(now);
                if is_vain {
                    self.catch_up_feed(key, index);
                }
            }
        }
        shown.sort_unstable();
        shown.dedup();
        self.update_watched(now, key, &shown);
        let mut kept = wanted;
        for speaker in self.compared_speakers(key) {
            let _ = self.find_or_mirror(now, key, speaker);
            kept.push(Some(speaker));
        }
        self.drop_mirrors(id, &kept, &shown);
    }

    /// The speakers whose loudness must be known here although no slot shows them: all, once some
    /// peer has fewer audio slots than there are speakers.
    fn compared_speakers(&self, key: ConferenceKey) -> Vec<PublicationId> {
        let Some(conference) = self.conferences.at(key) else {
            return Vec::new();
        };
        let speakers = &conference.speakers;
        let is_short = |bank: &Bank| usize::from(bank.size) < speakers.len();
        if conference.banks.iter().any(is_short) {
            speakers.clone()
        } else {
            Vec::new()
        }
    }

    /// Marks exactly these publications of the conference as watched.
    fn update_watched(&mut self, now: Instant, key: ConferenceKey, shown: &[PublicationKey]) {
        let Some(conference) = self.conferences.at_mut(key) else {
            return;
        };
        let before = std::mem::replace(&mut conference.watched, shown.to_vec());
        for gone in before.iter().filter(|old| !shown.contains(old)) {
            if let Some(publication) = self.publications.get_mut(*gone) {
                publication.set_watched(false);
            }
            self.wish_layers(now, *gone, 0);
        }
        for key in shown {
            if let Some(publication) = self.publications.get_mut(*key).filter(|p| !p.watched) {
                publication.set_watched(true);
            }
        }
        for (publication, layers) in self.layers_wished(key, shown) {
            self.wish_layers(now, publication, layers);
        }
    }

    /// Fills the places of every audio bank. Returns whether any changed.
    fn assign_speakers(&mut self, now: Instant, key: ConferenceKey) -> bool {
        let Some(conference) = self.conferences.at_mut(key) else {
            return false;
        };
        if conference.banks.is_empty() {
            return false;
        }
        let heard: Vec<_> = conference
            .speakers
            .iter()
            .map(|id| {
                let heard = self.publications.named(*id).map(|known| known.loudness);
                Candidate::new(*id, conference.part_of(*id), heard.as_ref(), now)
            })
            .collect();
        let mut changed = false;
        for bank in &mut conference.banks {
            changed |= speakers::choose(&mut bank.places, &heard);
        }
        changed
    }

    /// Looks over what each conference shows: speakers change, an overlap ends.
    pub(super) fn look_over_feeds(&mut self, now: Instant) {
        let keys: Vec<_> = self.conferences.keys().collect();
        for key in keys {
            let changed = self.assign_speakers(now, key);
            let Some(conference) = self.conferences.at_mut(key) else {
                continue;
            };
            let overlap_ended = conference
                .feeds
                .iter_mut()
                .any(|feed| feed.previous.is_some() && feed.previous(now).is_none());
            if changed || overlap_ended || self.mirrors.is_waiting() {
                self.reconcile(now, key);
            }
        }
    }

    /// Tells which publications have stopped, and refreshes which layers are there.
    pub(super) fn look_over_publications(&mut self, now: Instant) {
        let mut active = std::mem::take(&mut self.active);
        active.retain(|key| {
            let Some(publication) = self.publications.get_mut(*key) else {
                return false;
            };
            publication.refresh_best(now);
            let ignored = publication.ignores_requests();
            if publication.id.peer.shard() == self.id
                && publication.joins.reported_ignoring != ignored
            {
                publication.joins.reported_ignoring = ignored;
                self.events.push_back(Event::KeyframeRequestsIgnored {
                    publication: publication.id,
                    ignored,
                });
            }
            if publication.id.peer.shard() == self.id
                && let Some(layers) = publication.demand.poll(now, true)
            {
                self.events.push_back(Event::LayersWanted {
                    publication: publication.id,
                    layers,
                });
            }
            if !publication.is_silent(now) {
                return true;
            }
            let last = publication.last_arrival();
            let silence = publication.demand.judge_silence(now, last, SILENT_AFTER);
            if silence == Silence::Starting {
                return true;
            }
            publication.started = false;
            let id = publication.id;
            if id.peer.shard() == self.id && silence == Silence::Stopped {
                self.events
                    .push_back(Event::PublicationStopped { publication: id });
            }
            false
        });
        self.active = active;
    }
}
