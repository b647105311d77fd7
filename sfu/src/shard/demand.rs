//! What slots wish for, told to those who send it: nobody sends what nobody looks at.

use std::time::Instant;

use crate::command::Event;
use crate::conference::ConferenceKey;
use crate::id::{PublicationId, ShardId};
use crate::kind::MediaKind;
use crate::link::LinkMessage;
use crate::publication::PublicationKey;
use crate::shard::Shard;

impl Shard {
    /// Of each picture that a conference shows here, how many layers its slots wish for. Whoever
    /// sends it does not look at it.
    pub(super) fn layers_wished(
        &self,
        key: ConferenceKey,
        shown: &[PublicationKey],
    ) -> Vec<(PublicationKey, u8)> {
        let Some(conference) = self.conferences.at(key) else {
            return Vec::new();
        };
        let mut wished: Vec<_> = shown.iter().map(|key| (*key, 0)).collect();
        for (index, feed) in (0u16..).zip(&conference.feeds) {
            let previous = feed.previous.map(|(previous, _)| previous);
            for key in feed.shows.into_iter().chain(previous) {
                let Some((_, layers)) = wished.iter_mut().find(|(known, _)| *known == key) else {
                    continue;
                };
                if feed.slots > self.own_slots(key, index) {
                    *layers = feed.layers().max(*layers);
                }
            }
        }
        wished
    }

    /// How many slots of the peer that sends a publication are pointed at a feed.
    fn own_slots(&self, publication: PublicationKey, feed: u16) -> u32 {
        let owner = self.publications.get(publication).map(|it| it.id.peer);
        let peer = owner.and_then(|owner| self.peers.at(self.peers.key(owner)?));
        let watching = peer.into_iter().flat_map(|peer| &peer.watching);
        let on_it = watching.filter(|(watched, _)| *watched == feed);
        u32::try_from(on_it.count()).unwrap_or(u32::MAX)
    }

    /// Notes what the slots of this shard wish for of a publication, wherever it arrives.
    pub(super) fn wish_layers(&mut self, now: Instant, key: PublicationKey, layers: u8) {
        let Some(publication) = self.publications.get_mut(key) else {
            return;
        };
        if publication.kind != MediaKind::Video || !publication.demand.wish_here(layers) {
            return;
        }
        let id = publication.id;
        if id.peer.shard() == self.id {
            self.look_at_demand(now, key);
        } else {
            let from = self.id;
            let message = LinkMessage::LayersWished {
                from,
                publication: id,
                layers,
            };
            self.links.push_back((id.peer.shard(), message));
        }
    }

    /// Notes what the slots of another shard wish for.
    pub(super) fn on_layers_wished(
        &mut self,
        now: Instant,
        from: ShardId,
        publication: PublicationId,
        layers: u8,
    ) {
        if let Some(key) = self.publications.key(publication)
            && let Some(publication) = self.publications.at_mut(key)
        {
            publication.demand.wish_elsewhere(from, layers);
            self.look_at_demand(now, key);
        }
    }

    /// Says what the sender of a publication is to hear now, and sees to it that it hears later what
    /// is to be said later.
    fn look_at_demand(&mut self, now: Instant, key: PublicationKey) {
        let Some(publication) = self.publications.get_mut(key) else {
            return;
        };
        let slept = publication.demand.sleeps();
        if let Some(layers) = publication.demand.poll(now, publication.started) {
            self.events.push_back(Event::LayersWanted {
                publication: publication.id,
                layers,
            });
        }
        if publication.demand.is_waiting() {
            self.waning.push(key);
        }
        // Somebody looks again: if nothing comes, that is to be noticed.
        if slept && publication.demand.layers() > 0 && !publication.started {
            publication.started = true;
            self.active.push(key);
        }
        self.arm_tick(now);
    }

    /// Says what has been so for long enough.
    pub(super) fn look_over_demands(&mut self, now: Instant) {
        let mut waning = std::mem::take(&mut self.waning);
        waning.sort_unstable();
        waning.dedup();
        waning.retain(|key| {
            let Some(publication) = self.publications.get_mut(*key) else {
                return false;
            };
            if let Some(layers) = publication.demand.poll(now, publication.started) {
                self.events.push_back(Event::LayersWanted {
                    publication: publication.id,
                    layers,
                });
            }
            publication.demand.is_waiting()
        });
        self.waning = waning;
    }
}
