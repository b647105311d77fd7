//! A datagram's way in: demultiplex, authenticate, hand to whom it concerns.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;
use smallvec::SmallVec;

use crate::command::{CloseReason, Event, Step};
use crate::demux::{Class, classify};
use crate::drop_reason::DropReason;
use crate::egress;
use crate::id::{PublicationId, ShardId, Ssrc};
use crate::kind::MediaKind;
use crate::link::LinkMessage;
use crate::path::Path;
use crate::peer::feedback::pli;
use crate::peer::ice::{self, Outcome};
use crate::peer::{Media, PeerKey, Stage, dtls};
use crate::publication::PublicationKey;
use crate::publication::layer::ClockPair;
use crate::rtp::{Rtcp, rtcp_packets};
use crate::shard::Shard;

/// Longest datagram looked at, in bytes.
pub const MAX_DATAGRAM: usize = 2_048;

/// Handshake datagrams that may wait: those of a country that joins at once.
const MAX_HANDSHAKES: usize = 16_384;

/// Handshake datagrams of one peer that may wait: it has sent its flights again by then.
const MAX_HANDSHAKES_PER_PEER: u8 = 16;

/// Handshake datagrams taken per turn, at most about a millisecond's worth; and while media is being
/// sent, so that a storm of joins slows a fan-out down by half and no more.
const HANDSHAKES_PER_TURN: usize = 4;
const HANDSHAKES_BESIDE_MEDIA: usize = 1;

/// What an offer counts for, in bytes, towards what may go to a path that has not shown that it
/// receives. A peer that waits for our handshake need not send anything there before it has our
/// ClientHello: FFmpeg's muxer sends one check, answers ours wrongly, and is silent.
///
/// Higher: more repetitions of a ClientHello that was lost. Lower: less goes to an address that was
/// forged by somebody with a token.
const OFFER: usize = 2_000;

impl Shard {
    /// Takes in one datagram that came on `path`.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        if let Err(reason) = self.dispatch(now, path, datagram) {
            self.stats.drops.count(reason);
        }
    }

    fn dispatch(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropReason> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(DropReason::Oversized);
        }
        match classify(datagram).ok_or(DropReason::NotOurs)? {
            Class::Stun => self.on_stun(now, path, datagram),
            Class::Dtls => {
                let key = self.peer_at(path)?;
                self.queue_handshake(now, key, path, datagram)
            }
            Class::Rtp => {
                let key = self.peer_at(path)?;
                self.on_rtp(now, key, path, datagram)
            }
            Class::Rtcp => {
                let key = self.peer_at(path)?;
                self.on_rtcp(now, key, path, datagram)
            }
        }
    }

    #[inline]
    fn peer_at(&self, path: Path) -> Result<PeerKey, DropReason> {
        self.demux.at(path).ok_or(DropReason::UnknownPath)
    }

    fn on_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropReason> {
        if ice::is_answer(datagram) {
            return self.on_stun_answer(now, path, datagram);
        }
        let ufrag = ice::peek_ufrag(datagram).ok_or(DropReason::BadStun)?;
        let key = self
            .demux
            .with_ufrag(ufrag)
            .ok_or(DropReason::UnknownUfrag)?;
        let former = self.demux.at(path).filter(|owner| *owner != key);
        if former.is_some_and(|owner| self.is_home_of(owner, path)) {
            return Err(DropReason::PathTaken);
        }
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownUfrag)?;
        let mut reply = Vec::with_capacity(128);
        let ice = &mut peer.cold.ice;
        let outcome = ice.handle_request(now, path, datagram, &mut reply)?;
        if outcome == Outcome::RoleConflict {
            self.send_control(path, &reply);
            return Ok(());
        }
        ice.note_received(path, datagram.len());
        // No larger than the check, so there is always room for it.
        let _ = ice.may_send(reply.len());
        if let Outcome::Restarted { retired } = &outcome {
            self.demux.remove_ufrag(retired);
        }
        if former.is_some() {
            self.handle_path_closed(now, path);
        }
        self.enter_path(now, key, path);
        self.send_control(path, &reply);
        self.ask_path(now, key);
        self.note_heard(key);
        self.dial(now, key);
        Ok(())
    }

    /// Begins the handshake with a peer that waits for us to, now that it can be reached.
    fn dial(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if let Some(path) = peer.cold.ice.selected()
            && peer.cold.dtls.begin(now)
        {
            peer.cold.ice.note_received(path, OFFER);
            self.after_dtls(now, key);
            self.rearm(key);
        }
    }

    /// Whether this is where a connected peer is: no other can take it.
    fn is_home_of(&self, key: PeerKey, path: Path) -> bool {
        self.peers
            .at(key)
            .is_some_and(|peer| peer.cold.stage == Stage::Connected && peer.path == Some(path))
    }

    /// A peer proved to be at a path.
    fn enter_path(&mut self, now: Instant, key: PeerKey, path: Path) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        if self.demux.add_path(path, key) {
            peer.cold.paths.push(path);
            if peer.cold.paths.len() == 1 && peer.cold.stage == Stage::Connecting {
                let step = Step::Path;
                let peer = peer.id;
                self.events.push_back(Event::PeerReached { peer, step });
            }
            // Paths that ICE has forgotten are no way in any more.
            let ice = &peer.cold.ice;
            for old in peer
                .cold
                .paths
                .extract_if(.., |known| !ice.is_verified(*known))
            {
                self.demux.remove_path(old, key);
            }
        }
        self.set_path(now, key);
    }

    /// Media goes where it is to go by now. After a hole it goes on with a keyframe: what was lost
    /// is too much to be repaired, and its receiver would wait for it.
    fn set_path(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.at_mut(key).filter(|peer| peer.sealer.is_some()) else {
            return;
        };
        peer.path = peer.cold.ice.proven();
        if peer.path.is_none() || !peer.cold.ice.take_left_silence() {
            return;
        }
        let pictures = peer.slots.iter().filter(|it| it.kind == MediaKind::Video);
        let shown: SmallVec<[u32; 4]> = pictures.map(|slot| slot.ssrc.0).collect();
        for ssrc in shown {
            self.on_keyframe_request(now, key, Some(ssrc));
        }
    }

    /// Asks the path that a peer's media is to go to whether it receives, unless it has shown it.
    fn ask_path(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let (rng, mut check) = (&mut self.rng, Vec::new());
        if let Some(path) = peer.cold.ice.ask(now, || rng.random(), &mut check) {
            self.send_control(path, &check);
        }
    }

    fn on_stun_answer(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let key = self.peer_at(path)?;
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownPath)?;
        peer.cold.ice.handle_answer(now, path, datagram)?;
        self.set_path(now, key);
        self.note_heard(key);
        Ok(())
    }

    /// A silent peer that is heard again is back.
    fn note_heard(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.at_mut(key)
            && peer.cold.stage == Stage::Silent
        {
            peer.cold.stage = Stage::Connected;
            self.events.push_back(Event::PeerBack { peer: peer.id });
            self.rearm(key);
        }
    }

    /// Puts a handshake datagram aside; [`handle_timeout`](Self::handle_timeout) takes it.
    fn queue_handshake(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownPath)?;
        let is_one_too_many = peer.cold.handshakes >= MAX_HANDSHAKES_PER_PEER;
        if is_one_too_many || !peer.cold.budgets.handshake(now) {
            return Err(DropReason::HandshakeBudget);
        }
        if self.handshakes.len() >= MAX_HANDSHAKES {
            // The client sends its flight again.
            return Err(DropReason::HandshakeQueueFull);
        }
        peer.cold.ice.note_received(path, datagram.len());
        peer.cold.handshakes += 1;
        self.handshakes
            .push_back((key, Bytes::copy_from_slice(datagram)));
        self.handshakes_due.get_or_insert(now);
        Ok(())
    }

    /// Takes the next handshake steps, a few at a time: each costs up to 300 µs of public-key
    /// cryptography, and joins must never hold media up. What is left is due at once.
    pub(super) fn handshake(&mut self, now: Instant) {
        let most = if self.fanouts.is_empty() {
            HANDSHAKES_PER_TURN
        } else {
            HANDSHAKES_BESIDE_MEDIA
        };
        for _ in 0..most {
            let Some((key, datagram)) = self.handshakes.pop_front() else {
                break;
            };
            let Some(known) = self.peers.get_mut(key) else {
                continue;
            };
            known.cold.handshakes = known.cold.handshakes.saturating_sub(1);
            if let Err(reason) = known.cold.dtls.handle_datagram(now, &datagram) {
                self.stats.drops.count(reason);
            }
            self.after_dtls(now, key);
            self.rearm(key);
        }
        self.handshakes_due = (!self.handshakes.is_empty()).then_some(now);
    }

    /// Sends what the handshake has to say and acts on what came of it.
    pub(super) fn after_dtls(&mut self, now: Instant, key: PeerKey) {
        loop {
            let Some(peer) = self.peers.get_mut(key) else {
                return;
            };
            let Some(datagram) = peer.cold.dtls.poll_transmit() else {
                break;
            };
            let Some(path) = peer.cold.ice.selected() else {
                continue;
            };
            if peer.cold.ice.may_send(datagram.len()) {
                self.send_control(path, &datagram);
            } else {
                // The client sends its flight again, and with it comes room for ours.
                self.stats.drops.count(DropReason::PathNotProven);
            }
        }
        loop {
            let Some(peer) = self.peers.get_mut(key) else {
                return;
            };
            let Some(event) = peer.cold.dtls.poll_event() else {
                return;
            };
            let id = peer.id;
            match event {
                dtls::Event::Connected(keys) => {
                    let Some(sealer) = peer.cold.install(*keys) else {
                        self.remove_peer(now, id, CloseReason::HandshakeFailed);
                        return;
                    };
                    peer.sealer = Some(sealer);
                    peer.cold.ice.note_handshake();
                    peer.path = peer.cold.ice.proven();
                    peer.cold.stage = Stage::Connected;
                    // Spread over the interval by the peer's number, so that reports do not bunch.
                    let spread = std::time::Duration::from_millis(200 + id.0 / 256 % 64 * 25);
                    peer.cold.next_report = (!peer.slots.is_empty()).then_some(now + spread);
                    self.events.push_back(Event::PeerConnected { peer: id });
                    self.open_line(now, key);
                    self.catch_up_all(key);
                }
                dtls::Event::Closed => self.remove_peer(now, id, CloseReason::ClosedByPeer),
                dtls::Event::Failed(failure) => {
                    let reason = match failure {
                        dtls::Failure::WrongFingerprint => CloseReason::WrongFingerprint,
                        _ => CloseReason::HandshakeFailed,
                    };
                    self.remove_peer(now, id, reason);
                }
            }
        }
    }

    fn on_rtp(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: Path,
        packet: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownPath)?;
        if !peer.cold.ice.is_verified(path) {
            return Err(DropReason::UnknownPath);
        }
        let publications = &self.publications;
        let is_blocked = |key| publications.get(key).is_some_and(|known| known.blocked);
        let opened = peer.cold.open_media(now, path, packet, is_blocked);
        if matches!(
            opened,
            Ok(_) | Err(DropReason::Blocked | DropReason::MediaBudget)
        ) {
            self.arm_feedback(now, key);
            self.note_heard(key);
        }
        let Media {
            key,
            layer,
            generation,
            header,
            payload,
            level,
            ..
        } = opened?;
        let publication = self
            .publications
            .at_mut(key)
            .ok_or(DropReason::UnknownSsrc)?;
        publication.renew(now, layer, generation, &header);
        let received = publication.receive(now, layer, &header, payload, level)?;
        let (id, conference, watched) =
            (publication.id, publication.conference, publication.watched);
        let subscribers = publication.subscribers;
        publication.demand.arrived();
        if !publication.started {
            publication.started = true;
            self.active.push(key);
            self.events
                .push_back(Event::PublicationStarted { publication: id });
            self.arm_tick(now);
        }
        self.stats.media_in += 1;
        if watched {
            self.mark_pending(conference);
        }
        for shard in shards(subscribers) {
            let packet = Arc::clone(&received);
            self.links.push_back((
                shard,
                LinkMessage::Packet {
                    publication: id,
                    packet,
                },
            ));
            self.stats.linked += 1;
        }
        Ok(())
    }

    /// Marks a conference as having something to fan out.
    pub(super) fn mark_pending(&mut self, conference: crate::id::ConferenceId) {
        if let Some(conference) = self.conferences.named(conference) {
            conference.has_pending = true;
            conference.held_until = None;
        }
    }

    fn on_rtcp(
        &mut self,
        now: Instant,
        key: PeerKey,
        path: Path,
        packet: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownPath)?;
        if !peer.cold.ice.is_verified(path) {
            return Err(DropReason::UnknownPath);
        }
        let compound = peer.cold.open_rtcp(now, path, packet)?;
        if peer.cold.ice.unproven() == Some(path) {
            self.ask_path(now, key);
        }
        self.note_heard(key);
        let mut asked = 0;
        for part in rtcp_packets(&compound) {
            match (part.kind, part.count) {
                (Rtcp::SR, _) => {
                    self.on_sender_report(now, key, &part);
                    self.on_report_blocks(now, key, &part);
                }
                (Rtcp::RR, _) => self.on_report_blocks(now, key, &part),
                (Rtcp::RTPFB, 1) => self.on_nack(now, key, &part, &mut asked),
                (Rtcp::RTPFB, 15) => self.on_arrivals(now, key, &part),
                (Rtcp::PSFB, 15) => self.on_remb(now, key, &part),
                (Rtcp::PSFB, 1) => self.on_keyframe_request(now, key, part.word(8)),
                (Rtcp::PSFB, 4) => self.on_keyframe_request(now, key, part.word(12)),
                _ => {}
            }
        }
        Ok(())
    }

    /// A publisher's clock: kept for its layer, told to the shards that mirror it.
    fn on_sender_report(&mut self, now: Instant, key: PeerKey, report: &Rtcp<'_>) {
        let our_ntp = self.ntp(now);
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let (Some(ssrc), Some(high), Some(low), Some(rtp)) = (
            report.word(4),
            report.word(8),
            report.word(12),
            report.word(16),
        ) else {
            return;
        };
        let Some(stream) = peer
            .cold
            .inbound
            .known(Ssrc(ssrc))
            .filter(|stream| !stream.is_rtx)
        else {
            return;
        };
        let Some(receiver) = peer
            .cold
            .inbound
            .receivers
            .get(usize::from(stream.publication))
        else {
            return;
        };
        let their_ntp = u64::from(high) << 32 | u64::from(low);
        let mut clock = ClockPair {
            ntp: peer.cold.clock.ours(their_ntp, our_ntp),
            rtp,
        };
        let Some(publication) = self.publications.at_mut(receiver.key) else {
            return;
        };
        if let Some(layer) = publication.layers.get_mut(usize::from(stream.layer)) {
            clock.rtp = layer.shifted(clock.rtp);
            layer.clock = Some(clock);
        }
        let (id, layer) = (publication.id, stream.layer);
        for shard in shards(publication.subscribers) {
            self.links.push_back((
                shard,
                LinkMessage::Clock {
                    publication: id,
                    layer,
                    clock,
                },
            ));
        }
    }

    /// Notes that a keyframe of a layer is needed.
    pub(super) fn wish(&mut self, key: PublicationKey, layer: u8) {
        if let Some(publication) = self.publications.get_mut(key)
            && let Some(layer) = publication.layers.get_mut(usize::from(layer))
        {
            layer.keyframe.want();
            self.wishes.push(key);
        }
    }

    /// Sends the PLIs that are wanted and not throttled.
    pub(super) fn send_keyframe_requests(&mut self, now: Instant) {
        if self.wishes.is_empty() {
            return;
        }
        let mut wishes = std::mem::take(&mut self.wishes);
        wishes.sort_unstable();
        wishes.dedup();
        wishes.retain(|key| {
            let Some(publication) = self.publications.get_mut(*key) else {
                return false;
            };
            if publication.blocked {
                return false;
            }
            let id = publication.id;
            let mut is_open = false;
            let mut due = [false; crate::publication::MAX_LAYERS];
            let is_still = !publication.layers.iter().any(|layer| layer.is_active(now));
            for (layer, due) in publication.layers.iter_mut().zip(&mut due) {
                let is_active = layer.is_active(now);
                if !is_active && !is_still {
                    // Nobody sends it beside the others. Should it begin, it does so with a
                    // keyframe, or whoever needs one says so again.
                    layer.keyframe.forget();
                }
                *due = layer.keyframe.try_send(now, is_active);
                is_open |= layer.keyframe.is_wanted();
            }
            for (layer, _) in (0u8..).zip(due).filter(|(_, due)| *due) {
                self.request_keyframe(id, layer);
            }
            is_open
        });
        self.wishes = wishes;
        if !self.wishes.is_empty() {
            self.arm_tick(now);
        }
    }

    fn request_keyframe(&mut self, id: PublicationId, layer: u8) {
        if id.peer.shard() != self.id {
            self.links.push_back((
                id.peer.shard(),
                LinkMessage::KeyframeWanted {
                    publication: id,
                    layer,
                },
            ));
            return;
        }
        let Some(key) = self.peers.key(id.peer) else {
            return;
        };
        let Some(peer) = self.peers.at(key) else {
            return;
        };
        let index = peer
            .cold
            .inbound
            .receivers
            .iter()
            .position(|receiver| receiver.spec.mline == id.mline);
        let ssrc = index
            .and_then(|index| u8::try_from(index).ok())
            .and_then(|index| peer.cold.inbound.ssrc_of(index, layer));
        if let Some(ssrc) = ssrc {
            self.stats.pli_out += 1;
            self.send_rtcp(key, &pli(ssrc));
        }
    }

    /// Seals an RTCP compound and sends it to a peer.
    pub(super) fn send_rtcp(&mut self, key: PeerKey, compound: &[u8]) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        if let Some(sealed) = peer.cold.seal_rtcp(compound)
            && let Err(reason) = egress::queue_report(&mut self.control, peer, &sealed)
        {
            self.stats.drops.count(reason);
        }
    }

    /// Queues one datagram that is not media.
    pub(super) fn send_control(&mut self, path: Path, datagram: &[u8]) {
        if let Err(reason) = egress::queue(&mut self.control, path, datagram) {
            self.stats.drops.count(reason);
        }
    }
}

/// The shards of a bit set.
pub(super) fn shards(mut set: u64) -> impl Iterator<Item = ShardId> {
    std::iter::from_fn(move || {
        let lowest = u8::try_from(set.trailing_zeros())
            .ok()
            .filter(|bit| *bit < 64)?;
        set &= set - 1;
        Some(ShardId(lowest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_set_is_walked() {
        let all: Vec<_> = shards(1 | 1 << 5 | 1 << 63).map(|shard| shard.0).collect();
        assert_eq!(all, [0, 5, 63]);
    }
}
