//! One transceiver that a peer sends on: its layers and who else needs them.

pub mod demand;
pub mod keyframe;
pub mod layer;
pub mod measure;
pub mod order;
pub mod pending;
pub mod ring;

use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayVec;
use bytes::Bytes;

use crate::drop_reason::DropReason;
use crate::id::{ConferenceId, PublicationId, ShardId};
use crate::kind::{Codec, MediaKind};
use crate::packet::{Packet, SharedPacket};
use crate::publication::demand::Demand;
use crate::publication::layer::Layer;
use crate::publication::order::Order;
use crate::publication::pending::Pending;
use crate::redundancy::Redundant;
use crate::rtp::Header;
use crate::table::{Key, Named};

/// Most simulcast layers of one publication.
pub const MAX_LAYERS: usize = 3;

/// Packets kept per video layer for retransmission: 2 s of the highest layer and more.
///
/// Higher: repairs reach further back. Lower: less memory per publication (a packet is ~1.2 KB).
const VIDEO_RING: usize = 1_024;

/// Packets kept per audio publication, 2.5 s of 20 ms frames.
const AUDIO_RING: usize = 128;

/// Where a publication lives in its shard.
pub type PublicationKey = Key<Publication>;

impl Named for Publication {
    type Name = PublicationId;

    fn name(&self) -> PublicationId {
        self.id
    }
}

/// What decides how those are started who come late to a publication.
#[derive(Clone, Copy, Debug, Default)]
pub struct Joins {
    /// A place of the stage is to show it.
    pub staged: bool,
    /// It was reported that its encoder ignores keyframe requests.
    pub reported_ignoring: bool,
}

/// Receive state of one publication, local or mirrored from the shard where its peer lives.
#[derive(Debug)]
pub struct Publication {
    /// Its name to the outside.
    pub id: PublicationId,
    /// The conference it belongs to.
    pub conference: ConferenceId,
    /// Sound or picture.
    pub kind: MediaKind,
    /// The negotiated codec.
    pub codec: Codec,
    /// In the order of the offer.
    pub layers: ArrayVec<Layer, MAX_LAYERS>,
    /// Refused by command.
    pub blocked: bool,
    /// Some slot of this shard is on a feed that shows it: its packets wait for fan-out.
    pub watched: bool,
    /// Other shards that want its packets, one bit each. Always 0 for a mirror.
    pub subscribers: u64,
    /// What decides how those are started who come late.
    pub joins: Joins,
    /// How many of its layers somebody's slot wishes for.
    pub demand: Demand,
    /// Whether its start was told.
    pub started: bool,
    /// Loudness, for speaker selection.
    pub loudness: crate::speakers::Loudness,
    /// Arrived since the last fan-out.
    pub pending: Pending,
    best: [u8; MAX_LAYERS],
    order: Order,
}

impl Publication {
    /// A publication with `layers` encodings.
    pub fn new(
        id: PublicationId,
        conference: ConferenceId,
        kind: MediaKind,
        codec: Codec,
        layers: usize,
    ) -> Self {
        let ring = match kind {
            MediaKind::Audio => AUDIO_RING,
            MediaKind::Video => VIDEO_RING,
        };
        Self {
            id,
            conference,
            kind,
            codec,
            layers: (0..layers.clamp(1, MAX_LAYERS))
                .map(|_| Layer::new(ring))
                .collect(),
            blocked: false,
            watched: false,
            subscribers: 0,
            joins: Joins::default(),
            demand: Demand::default(),
            started: false,
            loudness: crate::speakers::Loudness::default(),
            pending: Pending::default(),
            best: [0; MAX_LAYERS],
            order: Order::of_offer(layers.clamp(1, MAX_LAYERS)),
        }
    }

    /// Numbers and keeps one decrypted packet of a layer.
    ///
    /// `sequence` is the original one also when the packet came as a retransmission.
    ///
    /// # Errors
    /// When it is muted, was there before, or is too old.
    pub fn receive(
        &mut self,
        now: Instant,
        layer: u8,
        header: &Header,
        payload: Bytes,
        level: Option<u8>,
    ) -> Result<SharedPacket, DropReason> {
        if self.blocked {
            return Err(DropReason::Blocked);
        }
        let codec = self.codec;
        let is_needed = self.watched || self.subscribers != 0;
        let state = self
            .layers
            .get_mut(usize::from(layer))
            .ok_or(DropReason::UnknownSsrc)?;
        let timestamp = state.shifted(header.timestamp);
        let sequence = state.extend(header.sequence);
        let redundant = if self.kind == MediaKind::Audio && is_needed {
            Redundant::make(sequence, timestamp, &payload, |number| {
                state.ring.get(number)
            })
        } else {
            None
        };
        let packet = Arc::new(Packet {
            arrived: now,
            layer,
            sequence,
            timestamp,
            marker: header.marker,
            seen: state.inspect(codec, &payload, timestamp),
            level,
            payload,
            redundant,
        });
        self.accept(now, &packet)?;
        Ok(packet)
    }

    /// Whether all that has come since a keyframe is held, so that who comes late can be started at
    /// any moment: unless the encoder is known to make a keyframe when asked. Of a picture that is
    /// not on the stage one answer is believed.
    fn keeps_group(&self) -> bool {
        let mut requests = self.layers.iter().map(|layer| &layer.keyframe);
        let needed = self.joins.staged || self.watched || self.subscribers != 0;
        self.kind == MediaKind::Video
            && needed
            && !requests.any(|request| {
                request.is_proven() || (!self.joins.staged && request.answered() > 0)
            })
    }

    /// Whether its encoder is known to make a keyframe when asked.
    pub fn answers_requests(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.any(|layer| layer.keyframe.is_proven())
    }

    /// Whether its encoder ignores keyframe requests.
    pub fn ignores_requests(&self) -> bool {
        self.layers.iter().any(|layer| layer.keyframe.is_ignored())
    }

    /// Holds what came before this shard subscribed.
    pub fn hold(&mut self, packets: &[SharedPacket]) {
        for packet in packets {
            if let Some(layer) = self.layers.get_mut(usize::from(packet.layer)) {
                // What is held already came with the first of several answers.
                let _ = layer.ring.insert(Arc::clone(packet), true);
            }
        }
    }

    /// Notes which SSRC in a row a layer's packets come from.
    pub fn renew(&mut self, now: Instant, layer: u8, generation: u8, first: &Header) {
        let rate = self.codec.clock_rate();
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.renew(now, generation, first, rate);
        }
    }

    /// Keeps a packet that is numbered already: received here, or on the shard this one mirrors.
    ///
    /// # Errors
    /// When it was there before or is too old.
    pub fn accept(&mut self, now: Instant, packet: &SharedPacket) -> Result<(), DropReason> {
        let keeps_group = self.keeps_group();
        let layer = self
            .layers
            .get_mut(usize::from(packet.layer))
            .ok_or(DropReason::UnknownSsrc)?;
        let was_active = layer.is_active(now);
        let begins_anew = layer.ring.is_far_ahead(packet.sequence);
        layer.receive(now, packet, keeps_group)?;
        if begins_anew {
            self.pending.renew(packet.layer);
            if self.kind == MediaKind::Video && !packet.seen.keyframe {
                layer.keyframe.want();
            }
        }
        self.pending.begin(packet);
        // A keyframe tells what the layer is.
        if !was_active || packet.seen.size.is_some() {
            self.refresh_best(now);
        }
        if self.kind == MediaKind::Audio {
            self.loudness.hear(now, packet.level);
        }
        if self.watched {
            let ends = self.ends_frame(packet);
            self.pending.push(Arc::clone(packet), ends);
        }
        Ok(())
    }

    /// Whether a packet is the last of its picture (marker bit: RFC 7741 §4.1, RFC 6184 §5.1); `None` for one that came
    /// late or is empty.
    fn ends_frame(&self, packet: &Packet) -> Option<bool> {
        if self.kind == MediaKind::Audio {
            return Some(true);
        }
        let newest = self
            .layers
            .get(usize::from(packet.layer))
            .and_then(|layer| layer.ring.highest());
        (newest == Some(packet.sequence) && !packet.payload.is_empty()).then_some(packet.marker)
    }

    /// Leaves out what waits and what comes, until [`Pending::resume`].
    pub fn shed(&mut self) {
        let is_audio = self.kind == MediaKind::Audio;
        self.pending.shed(|packet| is_audio || packet.marker);
    }

    /// Recomputes which layer serves each ceiling. Call when time has passed.
    pub fn refresh_best(&mut self, now: Instant) {
        self.order.refresh(&self.layers);
        let is_active = |index: &u8| {
            let layer = self.layers.get(usize::from(*index));
            layer.is_some_and(|layer| layer.is_active(now))
        };
        let mut lowest_first = self.order.lowest_first();
        let fallback = lowest_first
            .find(is_active)
            .or_else(|| self.order.lowest_first().next())
            .unwrap_or_default();
        let mut best = fallback;
        let mut lowest_first = self.order.lowest_first();
        for place in &mut self.best {
            if let Some(index) = lowest_first.next().filter(is_active) {
                best = index;
            }
            *place = best;
        }
    }

    /// For each ceiling the highest active layer not above it; if there is none, the lowest active.
    pub fn best(&self) -> [u8; MAX_LAYERS] {
        self.best
    }

    /// When anything of it arrived last.
    pub fn last_arrival(&self) -> Option<Instant> {
        self.layers.iter().filter_map(Layer::last_arrival).max()
    }

    /// Whether nothing has arrived for [`SILENT_AFTER`].
    pub fn is_silent(&self, now: Instant) -> bool {
        self.layers.iter().all(|layer| layer.is_silent(now))
    }

    /// Sets whether anybody here watches. When nobody does, no packet waits.
    pub fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
        if !watched {
            self.pending.clear();
        }
    }

    /// Refuses media from now on, or accepts it again. What comes after is far ahead in numbers, so
    /// that no receiver takes the silence for loss.
    pub fn set_blocked(&mut self, blocked: bool) {
        if self.blocked && !blocked {
            for layer in &mut self.layers {
                layer.ring.jump();
            }
            self.want_keyframes();
        }
        self.blocked = blocked;
        if blocked {
            self.pending.clear();
        }
    }

    /// Adds a shard to those that get every packet.
    pub fn subscribe(&mut self, shard: ShardId) {
        self.subscribers |= 1 << shard.0;
    }

    /// Takes a shard out again.
    pub fn unsubscribe(&mut self, shard: ShardId) {
        self.subscribers &= !(1 << shard.0);
    }

    /// Asks for a keyframe on every layer that serves some ceiling.
    pub fn want_keyframes(&mut self) {
        if self.kind == MediaKind::Video {
            for layer in &mut self.layers {
                layer.keyframe.want();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{PeerId, Pt, Ssrc};
    use crate::publication::layer::LAYER_TIMEOUT;
    use crate::testing::epoch;

    fn header(sequence: u16) -> Header {
        let mut packet = vec![0x80, 96];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0; 8]);
        let header = Header::parse(&packet).expect("well formed");
        assert_eq!((header.pt, header.ssrc), (Pt(96), Ssrc(0)));
        header
    }

    fn video() -> Publication {
        let id = PublicationId {
            peer: PeerId(1),
            mline: 1,
        };
        Publication::new(id, ConferenceId(1), MediaKind::Video, Codec::Vp8, 3)
    }

    #[test]
    fn a_receiver_gets_the_best_layer_that_is_sent_below_its_ceiling() {
        let mut publication = video();
        let start = epoch();
        let payload = Bytes::from_static(&[0x10, 0]);
        publication
            .receive(start, 1, &header(1), payload.clone(), None)
            .expect("fresh");
        assert_eq!(
            publication.best(),
            [1, 1, 1],
            "only the middle layer is sent"
        );
        publication
            .receive(start, 0, &header(1), payload.clone(), None)
            .expect("fresh");
        publication
            .receive(start, 2, &header(1), payload.clone(), None)
            .expect("fresh");
        assert_eq!(publication.best(), [0, 1, 2]);
        let later = start + LAYER_TIMEOUT;
        publication
            .receive(later, 0, &header(2), payload, None)
            .expect("fresh");
        publication.refresh_best(later);
        assert_eq!(publication.best(), [0, 0, 0], "the others have stopped");
    }

    #[test]
    fn a_muted_publication_takes_nothing_in() {
        let mut publication = video();
        publication.blocked = true;
        let refused = publication.receive(epoch(), 0, &header(1), Bytes::new(), None);
        assert_eq!(refused.err(), Some(DropReason::Blocked));
        assert!(publication.pending.is_empty());
    }

    #[test]
    fn another_ssrc_goes_on_far_ahead_in_numbers_from_its_first_keyframe_and_in_time() {
        for first in [0_u16, 7, 700, 0x7fff, 0x8000, 0xfff0] {
            let mut publication = video();
            publication.set_watched(true);
            let (start, later) = (epoch(), epoch() + Duration::from_secs(2));
            let (key, delta) = (
                Bytes::from_static(&[0x10, 0]),
                Bytes::from_static(&[0x10, 1]),
            );
            let before = publication.receive(start, 0, &header(7), key.clone(), None);
            let before = before.expect("fresh");
            let mut taken = Vec::new();
            publication.pending.take(9, &mut taken);
            for (step, payload) in (0..3).zip([&delta, &key, &delta]) {
                let header = header(first.wrapping_add(step));
                publication.renew(later, 0, 1, &header);
                let packet = publication.receive(later, 0, &header, payload.clone(), None);
                let packet = packet.expect("fresh");
                assert!(packet.sequence >= before.sequence + 0x8000, "{first}");
                assert_eq!(packet.timestamp, before.timestamp + 2 * 90_000, "{first}");
            }
            publication.pending.take(9, &mut taken);
            let numbers: Vec<_> = taken.iter().map(|packet| packet.sequence).collect();
            let restart = publication.pending.restarts()[0];
            assert_eq!(numbers, [before.sequence, restart, restart + 1]);
            assert_eq!(publication.pending.take_shed(), 0);
        }
    }

    #[test]
    fn a_retransmitted_packet_counts_once() {
        let mut publication = video();
        let now = epoch();
        let payload = Bytes::from_static(&[0, 1]);
        publication
            .receive(now, 0, &header(7), payload.clone(), None)
            .expect("fresh");
        let again = publication.receive(now, 0, &header(7), payload, None);
        assert_eq!(again.err(), Some(DropReason::Duplicate));
    }
}
