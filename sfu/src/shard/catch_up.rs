//! A slot that comes to a feed late starts from what its layer's ring still holds.

use std::time::Instant;

use crate::egress::Egress;
use crate::fanout::shown;
use crate::kind::MediaKind;
use crate::peer::PeerKey;
use crate::shard::Shard;
use crate::slot::rewriter::Source;

/// Most packets that a late slot is started with.
///
/// Higher: fewer keyframes asked of the publisher while sites join. Lower: less of a burst on a
/// weak line (64 packets of a 300 kbit/s picture are more than a second of it).
const MAX_PACKETS: u64 = 64;

/// How many times closer together the pictures are that a late slot is started with: all of them
/// leave at once.
const SQUEEZE: u8 = 32;

/// Late slots that may wait; one more waits for the next keyframe instead.
const MAX_LATE: usize = 65_536;

/// A slot that was pointed at a feed while media flowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    peer: PeerKey,
    slot: u8,
}

impl Shard {
    /// Notes all picture slots of a newly connected peer.
    pub(super) fn catch_up_all(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.at(key) else {
            return;
        };
        let is_video = |slot: &&(u16, u8)| {
            let slot = peer.slots.get(usize::from(slot.1));
            slot.is_some_and(|slot| slot.kind == MediaKind::Video)
        };
        let slots = peer.watching.iter().filter(is_video);
        let room = MAX_LATE.saturating_sub(self.late.len());
        self.late.extend(slots.take(room).map(|(_, slot)| Late {
            peer: key,
            slot: *slot,
        }));
    }

    /// Notes one slot of a peer, if it is connected; otherwise its time comes when it is.
    pub(super) fn catch_up_slot(&mut self, key: PeerKey, slot: usize) {
        if let Some(peer) = self.peers.at(key)
            && peer.sealer.is_some()
            && self.late.len() < MAX_LATE
            && let Ok(slot) = u8::try_from(slot)
        {
            self.late.push_back(Late { peer: key, slot });
        }
    }

    /// Starts the next late slot, in the outbox. Returns whether there was one.
    pub(super) fn start_next_late(&mut self, now: Instant) -> bool {
        let Some(late) = self.late.pop_front() else {
            return false;
        };
        if let Some((key, layer)) = self.start(now, late) {
            self.wish(key, layer);
            self.send_keyframe_requests(now);
        }
        true
    }

    /// Sends a late slot its layer's newest keyframe and what has followed. Returns what must be
    /// asked for a keyframe, when there is no such group.
    fn start(
        &mut self,
        now: Instant,
        late: Late,
    ) -> Option<(crate::publication::PublicationKey, u8)> {
        let peer = self.peers.get_mut(late.peer)?;
        let (id, conference) = (peer.id, peer.conference);
        let (mut egress, (slots, _)) = Egress::open(peer, &mut self.outbox, &mut self.stats)?;
        let slot = slots.get_mut(usize::from(late.slot))?;
        let conference = self.conferences.at(conference)?;
        let key = conference.feeds.get(usize::from(slot.feed?))?.shows?;
        let publication = self.publications.get(key)?;
        if publication.kind != MediaKind::Video || publication.id.peer == id {
            return None;
        }
        let layer = slot.target(publication.best());
        let source = Source {
            publication: key,
            layer,
        };
        if slot.rewriter.source() == Some(source) {
            return None;
        }
        let ring = &publication.layers.get(usize::from(layer))?.ring;
        let group = ring
            .group(MAX_PACKETS)
            .filter(|_| publication.pending.is_flowing(layer));
        let Some((first, last)) = group else {
            return Some((key, layer));
        };
        let shown = shown(key, publication, true);
        if let Err(reason) = slot.catch_up(now, &shown, layer, first, SQUEEZE) {
            egress.refuse(reason);
            return None;
        }
        for packet in (first.sequence..=last.sequence).filter_map(|sequence| ring.get(sequence)) {
            egress.send(now, slot, packet, 0);
        }
        slot.rewriter.go_on(last);
        self.stats.caught_up += 1;
        None
    }
}
