//! Who is there: peers come, restart ICE, and go.

use std::time::Instant;

use rand::RngExt;
use smallvec::SmallVec;

use crate::command::{CloseReason, DtlsRole, Event, IceCredentials, PeerSpec};
use crate::conference::{Conference, ConferenceKey};
use crate::egress::Departed;
use crate::egress::stamping::Stamping;
use crate::feed::FeedName;
use crate::id::{ConferenceId, Feed, PeerId, PublicationId};
use crate::kind::MediaKind;
use crate::link::LinkMessage;
use crate::path::Path;
use crate::peer::budgets::Budgets;
use crate::peer::dtls::Session;
use crate::peer::ice::Lite;
use crate::peer::inbound::{Inbound, Receiver};
use crate::peer::{Cold, Peer, PeerKey};
use crate::publication::Publication;
use crate::shard::Shard;
use crate::shard::receive::shards;
use crate::slot::Slot;

impl Shard {
    pub(super) fn add_peer(&mut self, now: Instant, id: PeerId, spec: &PeerSpec) {
        if self.peers.key(id).is_some() {
            return;
        }
        let conference = self.conference_key(spec.conference);
        let receivers = spec
            .publications
            .iter()
            .map(|publication| {
                let name = PublicationId {
                    peer: id,
                    mline: publication.mline,
                };
                let key = self.publications.insert(Publication::new(
                    name,
                    spec.conference,
                    publication.kind,
                    publication.codec.codec,
                    publication.rids.len(),
                ));
                Receiver {
                    spec: publication.clone(),
                    key,
                }
            })
            .collect();
        let inbound = Inbound::new(receivers, spec.extensions);
        let ice = Lite::new(now, spec.ice.clone(), spec.their_ice.clone());
        let dtls = match spec.dtls {
            DtlsRole::Server => Session::server(now, &self.identity, spec.fingerprint),
            DtlsRole::Client => Session::dialing(&self.identity, spec.fingerprint),
        };
        let budgets = Budgets::new(now, spec.slots.len(), spec.most_kbps);
        let slots: SmallVec<_> = spec
            .slots
            .iter()
            .map(|slot| Slot::new(slot, self.rng.random()))
            .collect();
        let key = self.peers.insert(Peer {
            id,
            conference,
            feed_mask: 0,
            watching: SmallVec::new(),
            path: None,
            departed: Departed::default(),
            stamping: Stamping::new(spec.extensions.stamp),
            report: None,
            sealer: None,
            slots,
            cold: Box::new(Cold::new(ice, dtls, inbound, budgets, spec.extensions)),
        });
        self.demux.add_ufrag(&spec.ice.ufrag, key);
        if let Some(conference) = self.conferences.at_mut(conference) {
            conference.peers.push(key);
        }
        // One more of an audience that is there already changes nothing for the others.
        if self.point_slots(key, spec) || !spec.publications.is_empty() {
            self.reconcile(now, conference);
        }
        self.rearm(key);
    }

    /// Points a new peer's slots: video as the specification says, audio at the bank for peers with
    /// as many audio slots. Returns whether a feed has its first slot now.
    fn point_slots(&mut self, key: PeerKey, spec: &PeerSpec) -> bool {
        let bank = bank_of(spec.slots.iter().map(|slot| slot.kind));
        let conference = self
            .peers
            .at(key)
            .and_then(|peer| self.conferences.at_mut(peer.conference));
        if let Some(conference) = conference {
            conference.join_bank(bank);
        }
        let (mut place, mut changed) = (0, false);
        for (index, slot) in spec.slots.iter().enumerate() {
            let name = match slot.kind {
                MediaKind::Audio => {
                    place += 1;
                    Some(FeedName::Audio {
                        bank,
                        place: place - 1,
                    })
                }
                MediaKind::Video => slot.feed.map(feed_name),
            };
            changed |= self.point(key, index, name);
        }
        changed
    }

    /// The key of a conference, which is made if it is new.
    pub(super) fn conference_key(&mut self, id: ConferenceId) -> ConferenceKey {
        let known = self.conferences.key(id);
        known.unwrap_or_else(|| self.conferences.insert(Conference::new(id)))
    }

    pub(super) fn restart_ice(&mut self, id: PeerId, ours: IceCredentials, theirs: IceCredentials) {
        let Some(key) = self.peers.key(id) else {
            return;
        };
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        self.demux.add_ufrag(&ours.ufrag, key);
        if let Some(unused) = peer.cold.ice.restart(ours, theirs) {
            self.demux.remove_ufrag(&unused);
        }
    }

    pub(super) fn remove_peer(&mut self, now: Instant, id: PeerId, reason: CloseReason) {
        let Some(key) = self.peers.key(id) else {
            return;
        };
        if let Some(peer) = self.peers.at_mut(key) {
            peer.cold.dtls.close(now);
            let path = peer.path.or_else(|| peer.cold.ice.selected());
            while let Some((datagram, path)) = self
                .peers
                .at_mut(key)
                .and_then(|peer| peer.cold.dtls.poll_transmit())
                .zip(path)
            {
                self.send_control(path, &datagram);
            }
        }
        self.close_line(now, key);
        let mut changed = false;
        for slot in 0..self.peers.at(key).map_or(0, |peer| peer.slots.len()) {
            changed |= self.point(key, slot, None);
        }
        let Some(peer) = self.peers.remove(key) else {
            return;
        };
        for ufrag in peer.cold.ice.ufrags() {
            self.demux.remove_ufrag(ufrag);
        }
        for path in &peer.cold.paths {
            self.demux.remove_path(*path, key);
        }
        self.leave_fanout(peer.conference, key);
        if let Some(conference) = self.conferences.at_mut(peer.conference) {
            conference.leave_bank(bank_of(peer.slots.iter().map(|slot| slot.kind)));
        }
        for receiver in &peer.cold.inbound.receivers {
            let name = PublicationId {
                peer: id,
                mline: receiver.spec.mline,
            };
            self.remove_publication(name);
        }
        if changed || !peer.cold.inbound.receivers.is_empty() {
            self.reconcile(now, peer.conference);
        }
        self.forget_if_empty(peer.conference);
        self.events
            .push_back(Event::PeerClosed { peer: id, reason });
    }

    /// Takes a peer out of the order of fan-out without making a fan-out under way skip another.
    fn leave_fanout(&mut self, conference: ConferenceKey, key: PeerKey) {
        let Some(state) = self.conferences.at_mut(conference) else {
            return;
        };
        let Some(position) = state.peers.iter().position(|peer| *peer == key) else {
            return;
        };
        state.peers.remove(position);
        for fanout in &mut self.fanouts {
            if fanout.conference == conference && position < fanout.cursor {
                fanout.cursor -= 1;
            }
        }
    }

    fn remove_publication(&mut self, name: PublicationId) {
        let key = self.publications.key(name);
        let Some(publication) = key.and_then(|key| self.publications.remove(key)) else {
            return;
        };
        for shard in shards(publication.subscribers) {
            self.links
                .push_back((shard, LinkMessage::Ended { publication: name }));
        }
    }

    pub(super) fn end_conference(&mut self, now: Instant, id: ConferenceId) {
        let Some(key) = self.conferences.key(id) else {
            return;
        };
        let peers: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.conference == key)
            .map(|(_, peer)| peer.id)
            .collect();
        if let Some(conference) = self.conferences.at_mut(key) {
            conference.stage.clear();
            conference.speakers.clear();
        }
        for peer in peers {
            self.remove_peer(now, peer, CloseReason::Removed);
        }
        // With its last peer it was forgotten already.
        if self.conferences.key(id).is_some() {
            self.reconcile(now, key);
            self.forget_if_empty(key);
        }
    }

    /// Closes every peer, at shutdown.
    pub fn close_all(&mut self, now: Instant) {
        let peers: Vec<PeerId> = self.peers.iter().map(|(_, peer)| peer.id).collect();
        for peer in peers {
            self.remove_peer(now, peer, CloseReason::Removed);
        }
    }

    /// A path is gone, with its TCP connection or to another peer; its peer goes on by another if it
    /// has one.
    pub fn handle_path_closed(&mut self, _now: Instant, path: Path) {
        let Some(key) = self.demux.at(path) else {
            return;
        };
        self.demux.remove_path(path, key);
        if let Some(peer) = self.peers.at_mut(key) {
            peer.cold.ice.forget(path);
            peer.cold.paths.retain(|known| *known != path);
            if peer.path == Some(path) {
                peer.path = peer.cold.ice.proven();
            }
        }
    }

    /// Whether some peer proved to be at this path.
    pub fn knows_path(&self, path: Path) -> bool {
        self.demux.at(path).is_some()
    }

    /// A conference without peers and without intent leaves nothing behind.
    pub(super) fn forget_if_empty(&mut self, key: ConferenceKey) {
        let Some(conference) = self.conferences.at(key) else {
            return;
        };
        let has_fanout = self.fanouts.iter().any(|fanout| fanout.conference == key);
        if conference.peers.is_empty()
            && conference.stage.is_empty()
            && conference.speakers.is_empty()
            && !has_fanout
        {
            self.conferences.remove(key);
        }
    }
}

/// The size of the bank for peers with these slots: the number of audio slots.
fn bank_of(slots: impl Iterator<Item = MediaKind>) -> u8 {
    let audio = slots.filter(|kind| *kind == MediaKind::Audio).count();
    u8::try_from(audio).unwrap_or(u8::MAX)
}

/// The name of a feed within its conference.
pub(super) fn feed_name(feed: Feed) -> FeedName {
    match feed {
        Feed::Stage(place) => FeedName::Stage(place),
        Feed::Publication(id) => FeedName::Publication(id),
    }
}
