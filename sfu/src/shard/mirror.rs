//! Publications that live on other shards: subscribed to once, kept as if they were here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::conference::ConferenceKey;
use crate::id::{ConferenceId, PublicationId, ShardId};
use crate::kind::MediaKind;
use crate::link::LinkMessage;
use crate::packet::SharedPacket;
use crate::publication::{Publication, PublicationKey};
use crate::shard::Shard;

/// How often an unanswered subscription is repeated: the publication may not be there yet.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Mirror {
    conference: ConferenceId,
    asked: Instant,
    described: bool,
}

/// What this shard has subscribed to elsewhere.
#[derive(Debug, Default)]
pub(super) struct Mirrors {
    by_id: FxHashMap<PublicationId, Mirror>,
}

impl Mirrors {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether a subscription is not answered yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.by_id.values().any(|mirror| !mirror.described)
    }
}

impl Shard {
    /// The key of a publication that is here or mirrored; otherwise subscribes to it.
    pub(super) fn find_or_mirror(
        &mut self,
        now: Instant,
        conference: ConferenceKey,
        id: PublicationId,
    ) -> Option<PublicationKey> {
        if let Some(key) = self.publications.key(id) {
            return Some(key);
        }
        if id.peer.shard() == self.id {
            return None;
        }
        let conference = self.conferences.at(conference)?.id;
        let mirror = self.mirrors.by_id.get_mut(&id);
        if mirror
            .as_ref()
            .is_some_and(|mirror| now.saturating_duration_since(mirror.asked) < RETRY)
        {
            return None;
        }
        self.mirrors.by_id.insert(
            id,
            Mirror {
                conference,
                asked: now,
                described: false,
            },
        );
        self.links.push_back((
            id.peer.shard(),
            LinkMessage::Subscribe {
                from: self.id,
                publication: id,
            },
        ));
        self.arm_tick(now);
        None
    }

    /// Ends the subscriptions of a conference that no feed wants or still shows.
    pub(super) fn drop_mirrors(
        &mut self,
        conference: ConferenceId,
        wanted: &[Option<PublicationId>],
        shown: &[PublicationKey],
    ) {
        if self.mirrors.is_empty() {
            return;
        }
        let publications = &mut self.publications;
        let links = &mut self.links;
        let from = self.id;
        self.mirrors.by_id.retain(|id, mirror| {
            let is_shown = publications
                .key(*id)
                .is_some_and(|key| shown.contains(&key));
            if mirror.conference != conference || is_shown || wanted.contains(&Some(*id)) {
                return true;
            }
            links.push_back((
                id.peer.shard(),
                LinkMessage::Unsubscribe {
                    from,
                    publication: *id,
                },
            ));
            if let Some(key) = publications.key(*id) {
                publications.remove(key);
            }
            false
        });
    }

    /// Takes in a message from another shard.
    pub fn handle_link(&mut self, now: Instant, message: LinkMessage) {
        match message {
            LinkMessage::Subscribe { from, publication } => self.on_subscribe(from, publication),
            LinkMessage::Unsubscribe { from, publication } => {
                if let Some(publication) = self.publications.named(publication) {
                    publication.unsubscribe(from);
                }
                self.on_layers_wished(now, from, publication, 0);
            }
            LinkMessage::Described {
                publication,
                conference,
                kind,
                codec,
                layers,
            } => {
                let Some(mirror) = self.mirrors.by_id.get_mut(&publication) else {
                    return;
                };
                if std::mem::replace(&mut mirror.described, true) {
                    return;
                }
                let layers = usize::from(layers);
                self.publications.insert(Publication::new(
                    publication,
                    conference,
                    kind,
                    codec,
                    layers,
                ));
                if let Some(key) = self.conferences.key(conference) {
                    self.reconcile(now, key);
                }
            }
            LinkMessage::Held {
                publication,
                packets,
            } => {
                if let Some(publication) = self.publications.named(publication) {
                    publication.hold(&packets);
                }
            }
            LinkMessage::Packet {
                publication,
                packet,
            } => self.on_linked_packet(now, publication, &packet),
            LinkMessage::Clock {
                publication,
                layer,
                clock,
            } => {
                let publication = self.publications.named(publication);
                if let Some(layer) = publication.and_then(|p| p.layers.get_mut(usize::from(layer)))
                {
                    layer.clock = Some(clock);
                }
            }
            LinkMessage::KeyframeWanted { publication, layer } => {
                if let Some(key) = self.publications.key(publication) {
                    self.wish(key, layer);
                }
            }
            LinkMessage::LayersWished {
                from,
                publication,
                layers,
            } => self.on_layers_wished(now, from, publication, layers),
            LinkMessage::Ended { publication } => self.on_ended(now, publication),
        }
    }

    fn on_subscribe(&mut self, from: ShardId, id: PublicationId) {
        let Some(publication) = self.publications.named(id) else {
            return;
        };
        publication.subscribe(from);
        let layers = u8::try_from(publication.layers.len()).unwrap_or(u8::MAX);
        let (conference, kind, codec) =
            (publication.conference, publication.kind, publication.codec);
        let clocks = (0u8..)
            .zip(&publication.layers)
            .filter_map(|(layer, state)| {
                Some(LinkMessage::Clock {
                    publication: id,
                    layer,
                    clock: state.clock?,
                })
            });
        let described = LinkMessage::Described {
            publication: id,
            conference,
            kind,
            codec,
            layers,
        };
        let held = publication.layers.iter().filter_map(|layer| {
            let is_video = kind == MediaKind::Video && !publication.demand.sleeps();
            let packets: Vec<_> = layer.ring.since_keyframe().filter(|_| is_video).collect();
            (!packets.is_empty()).then(|| LinkMessage::Held {
                publication: id,
                packets: packets.into_iter().map(Arc::clone).collect(),
            })
        });
        self.links.extend(
            std::iter::once(described)
                .chain(clocks)
                .chain(held)
                .map(|message| (from, message)),
        );
    }

    fn on_linked_packet(&mut self, now: Instant, id: PublicationId, packet: &SharedPacket) {
        let Some(key) = self.publications.key(id) else {
            return;
        };
        let Some(publication) = self.publications.at_mut(key) else {
            return;
        };
        if let Err(reason) = publication.accept(now, packet) {
            self.stats.drops.count(reason);
            return;
        }
        let (conference, watched) = (publication.conference, publication.watched);
        if !std::mem::replace(&mut publication.started, true) {
            self.active.push(key);
            self.arm_tick(now);
        }
        if watched {
            self.mark_pending(conference);
        }
    }

    fn on_ended(&mut self, now: Instant, id: PublicationId) {
        let Some(mirror) = self.mirrors.by_id.remove(&id) else {
            return;
        };
        if let Some(key) = self.publications.key(id) {
            self.publications.remove(key);
        }
        if let Some(key) = self.conferences.key(mirror.conference) {
            self.reconcile(now, key);
        }
    }
}
