//! A datagram's way in: demultiplex, authenticate, hand to whom it concerns.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::command::{CloseReason, Event};
use crate::demux::{Class, classify};
use crate::drop_reason::DropReason;
use crate::id::{PublicationId, ShardId, Ssrc};
use crate::link::LinkMessage;
use crate::outbox::MAX_SEGMENT;
use crate::path::Path;
use crate::peer::feedback::pli;
use crate::peer::ice::{self, Outcome};
use crate::peer::{Media, PeerKey, Stage, dtls};
use crate::publication::PublicationKey;
use crate::publication::layer::ClockPair;
use crate::rtp::{Rtcp, rtcp_packets};
use crate::shard::Shard;

/// Longest datagram looked at, in bytes.
const MAX_DATAGRAM: usize = 2_048;

/// Handshake datagrams that may wait: those of a country that joins at once.
const MAX_HANDSHAKES: usize = 16_384;

/// Handshake datagrams taken per turn, at most about a millisecond's worth; and while media is being
/// sent, so that a storm of joins slows a fan-out down by half and no more.
const HANDSHAKES_PER_TURN: usize = 4;
const HANDSHAKES_BESIDE_MEDIA: usize = 1;

/// Packets resent for one RTCP datagram; a receiver that misses more needs a keyframe.
const MAX_RESENT: usize = 64;

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
                self.queue_handshake(now, key, datagram)
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
        let ufrag = ice::peek_ufrag(datagram).ok_or(DropReason::BadStun)?;
        let key = self
            .demux
            .with_ufrag(ufrag)
            .ok_or(DropReason::UnknownUfrag)?;
        let peer = self.peers.at_mut(key).ok_or(DropReason::UnknownUfrag)?;
        let mut reply = Vec::with_capacity(128);
        let outcome = peer
            .cold
            .ice
            .handle_request(now, path, datagram, &mut reply)?;
        if outcome == Outcome::RoleConflict {
            self.send_control(path, &reply);
            return Ok(());
        }
        if let Outcome::Restarted { retired } = &outcome {
            self.demux.remove_ufrag(retired);
        }
        if self.demux.add_path(path, key) {
            peer.cold.paths.push(path);
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
        if peer.sealer.is_some() {
            peer.path = peer.cold.ice.selected();
        }
        self.send_control(path, &reply);
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
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        if self.handshakes.len() >= MAX_HANDSHAKES {
            // The client sends its flight again.
            return Err(DropReason::HandshakeQueueFull);
        }
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
            if let Some(path) = peer.cold.ice.selected() {
                self.send_control(path, &datagram);
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
                    peer.path = peer.cold.ice.selected();
                    peer.cold.stage = Stage::Connected;
                    // Spread over the interval by the peer's number, so that reports do not bunch.
                    let spread = std::time::Duration::from_millis(200 + id.0 / 256 % 64 * 25);
                    peer.cold.next_report = (!peer.slots.is_empty()).then_some(now + spread);
                    self.events.push_back(Event::PeerConnected { peer: id });
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
        let media = peer.cold.open_media(now, path, packet)?;
        self.arm_feedback(now, key);
        self.note_heard(key);
        let Media {
            key,
            layer,
            header,
            payload,
            level,
            ..
        } = media;
        let publication = self
            .publications
            .at_mut(key)
            .ok_or(DropReason::UnknownSsrc)?;
        let received = publication.receive(now, layer, &header, payload, level)?;
        let (id, conference, watched) =
            (publication.id, publication.conference, publication.watched);
        let subscribers = publication.subscribers;
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
        self.note_heard(key);
        let mut resent = 0;
        for part in rtcp_packets(&compound) {
            match (part.kind, part.count) {
                (Rtcp::SR, _) => self.on_sender_report(now, key, &part),
                (Rtcp::RTPFB, 1) => self.on_nack(key, path, &part, &mut resent),
                (Rtcp::PSFB, 1) => self.on_keyframe_request(key, part.word(8)),
                (Rtcp::PSFB, 4) => self.on_keyframe_request(key, part.word(12)),
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
        // One offset for everything a peer sends keeps its sound and pictures together.
        let offset = *peer
            .cold
            .ntp_offset
            .get_or_insert_with(|| their_ntp.wrapping_sub(our_ntp).cast_signed());
        let clock = ClockPair {
            ntp: their_ntp.wrapping_sub(offset.cast_unsigned()),
            rtp,
        };
        let Some(publication) = self.publications.at_mut(receiver.key) else {
            return;
        };
        if let Some(layer) = publication.layers.get_mut(usize::from(stream.layer)) {
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

    /// Sends again what a receiver misses (RFC 4585 §6.2.1), on the slot's RTX SSRC.
    fn on_nack(&mut self, key: PeerKey, path: Path, nack: &Rtcp<'_>, resent: &mut usize) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(media) = nack.word(8).map(Ssrc) else {
            return;
        };
        let Some(slot) = peer.slots.iter_mut().find(|slot| slot.ssrc == media) else {
            return;
        };
        let Some(sealer) = &peer.sealer else { return };
        for word in (12..nack.bytes.len())
            .step_by(4)
            .filter_map(|at| nack.word(at))
        {
            for sequence in missing(word) {
                self.stats.nacked += 1;
                let held = slot
                    .rewriter
                    .origin(sequence)
                    .filter(|_| *resent < MAX_RESENT)
                    .and_then(|(source, incoming, outgoing)| {
                        let publication = self.publications.get(source.publication)?;
                        let layer = publication.layers.get(usize::from(source.layer))?;
                        layer.ring.get(incoming).map(|packet| (packet, outgoing))
                    });
                let outcome =
                    held.ok_or(DropReason::NotRepairable)
                        .and_then(|(packet, outgoing)| {
                            let space = self.control.space().ok_or(DropReason::SendQueueFull)?;
                            slot.write_rtx(packet, outgoing, sealer, space)
                        });
                match outcome {
                    Ok(length) => {
                        self.control.commit(peer.path.unwrap_or(path), length);
                        self.stats.rtx_out += 1;
                        *resent += 1;
                    }
                    Err(reason) => self.stats.drops.count(reason),
                }
            }
        }
    }

    fn on_keyframe_request(&mut self, key: PeerKey, media: Option<u32>) {
        self.stats.keyframe_requests += 1;
        let Some(peer) = self.peers.at(key) else {
            return;
        };
        let slot = peer.slots.iter().find(|slot| Some(slot.ssrc.0) == media);
        let Some(source) = slot.and_then(|slot| slot.rewriter.source()) else {
            return;
        };
        self.wish(source.publication, source.layer);
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
            for (layer, due) in publication.layers.iter_mut().zip(&mut due) {
                if !layer.is_active(now) {
                    // Nobody sends it. Should it begin, it does so with a keyframe, or whoever
                    // needs one says so again.
                    layer.keyframe.satisfied();
                }
                *due = layer.keyframe.try_send(now);
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
        let Some(path) = peer.path else { return };
        let sealed: Option<BytesMut> = peer.cold.seal_rtcp(compound);
        if let Some(sealed) = sealed {
            self.send_control(path, &sealed);
        }
    }

    /// Queues one datagram that is not media.
    pub(super) fn send_control(&mut self, path: Path, datagram: &[u8]) {
        let Some(space) = self
            .control
            .space()
            .and_then(|space| space.get_mut(..datagram.len().min(MAX_SEGMENT)))
        else {
            self.stats.drops.count(DropReason::SendQueueFull);
            return;
        };
        if space.len() == datagram.len() {
            space.copy_from_slice(datagram);
            self.control.commit(path, datagram.len());
        } else {
            self.stats.drops.count(DropReason::Oversized);
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

/// The sequence numbers of one NACK item: PID and bit mask BLP (RFC 4585 §6.2.1).
#[expect(clippy::cast_possible_truncation, reason = "two 16-bit halves")]
fn missing(item: u32) -> impl Iterator<Item = u16> {
    let (first, mask) = ((item >> 16) as u16, item as u16);
    let rest = (0..16u16)
        .filter(move |bit| mask >> bit & 1 == 1)
        .map(move |bit| first.wrapping_add(bit + 1));
    std::iter::once(first).chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nack_item_names_its_packets_across_wraparound() {
        let named: Vec<_> = missing(0xfffe_0005).collect();
        assert_eq!(named, [0xfffe, 0xffff, 1]);
    }

    #[test]
    fn a_shard_set_is_walked() {
        let all: Vec<_> = shards(1 | 1 << 5 | 1 << 63).map(|shard| shard.0).collect();
        assert_eq!(all, [0, 5, 63]);
    }
}
