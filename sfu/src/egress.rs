//! The one way out: one packet to one peer, numbered by its slot, headed, sealed, queued and
//! counted.

pub mod header;
pub mod stamping;

use std::time::Instant;

use bytes::Bytes;

use crate::codec::Seen;
use crate::codec::vp8;
use crate::drop_reason::DropReason;
use crate::egress::header::{Extensions, Fields};
use crate::egress::stamping::Stamping;
use crate::line::Padding;
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::path::Path;
use crate::peer::Peer;
use crate::peer::repairs::{Asked, Repairs};
use crate::peer::srtp::Sealer;
use crate::redundancy::{Payload, Redundancy};
use crate::segment_kind::SegmentKind;
use crate::slot::rewriter::Origin;
use crate::slot::{Numbered, Slot};
use crate::stats::Stats;

/// What has left to one peer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Departed {
    /// Datagrams of media, repairs and reports.
    pub packets: u64,
    /// Their bytes, sealed.
    pub bytes: u64,
}

impl Departed {
    #[inline]
    const fn count(&mut self, length: usize) {
        self.packets += 1;
        self.bytes += length as u64;
    }
}

/// The way out to one connected peer.
#[derive(Debug)]
pub struct Egress<'p> {
    path: Path,
    sealer: &'p Sealer,
    departed: &'p mut Departed,
    stamping: &'p mut Stamping,
    repairs: &'p mut Option<Box<Repairs>>,
    report: &'p mut Option<Box<[u8]>>,
    outbox: &'p mut Outbox,
    stats: &'p mut Stats,
}

/// The slots of a peer, and which of them are pointed at which feed.
pub type Slots<'p> = (&'p mut [Slot], &'p [(u16, u8)]);

impl<'p> Egress<'p> {
    /// The way to a peer, and its slots. `None` while there is no way.
    #[inline]
    pub fn open(
        now: Instant,
        peer: &'p mut Peer,
        outbox: &'p mut Outbox,
        stats: &'p mut Stats,
    ) -> Option<(Self, Slots<'p>)> {
        peer.stamping.begin(now);
        let egress = Self {
            path: peer.path?,
            sealer: peer.sealer.as_ref()?,
            departed: &mut peer.departed,
            stamping: &mut peer.stamping,
            repairs: &mut peer.cold.repairs,
            report: &mut peer.report,
            outbox,
            stats,
        };
        Some((egress, (&mut peer.slots, &peer.watching)))
    }

    /// Sends a packet of what the slot shows, with so many bytes of padding if it can take them.
    #[inline]
    pub fn send(&mut self, now: Instant, slot: &mut Slot, packet: &Packet, padding: u8) {
        let kind = slot.segment_kind(packet);
        let sent = self.write(kind, packet, || slot.number(now, packet, padding));
        match sent {
            Ok(length) => self.stats.media_out(length),
            Err(reason) => self.refuse(reason),
        }
    }

    /// Sends a packet once more that left the slot before as `what` says.
    pub fn repeat(&mut self, what: Asked, slot: &mut Slot, packet: &Packet, origin: &Origin) {
        let next = self.stamping.number();
        let number = || slot.number_again(packet, origin);
        let sent = self.write(SegmentKind::Repair, packet, number);
        match sent {
            Ok(_) => self.stats.rtx_out += 1,
            Err(reason) => self.refuse(reason),
        }
        if let Some(repairs) = self.repairs
            && self.stamping.number() != next
        {
            repairs.note_left_again(what, next);
        }
    }

    /// Counts a packet that is not for this peer now.
    #[inline]
    pub fn refuse(&mut self, reason: DropReason) {
        self.stats.drops.count(reason);
    }

    /// Sends a waiting report where it costs nothing: as the last, shorter segment of a message.
    #[inline]
    pub fn attach_report(&mut self) {
        if let Some(report) = self.report
            && self.outbox.rides(self.path, report.len())
            && queue(self.outbox, self.path, report).is_ok()
        {
            self.departed.count(report.len());
            *self.report = None;
        }
    }

    /// Sends padding as retransmissions of nothing.
    fn pad(&mut self, now: Instant, slots: &mut [Slot], padding: Padding) {
        let empty = Packet {
            arrived: now,
            layer: 0,
            sequence: 0,
            timestamp: 0,
            marker: false,
            seen: Seen::default(),
            level: None,
            payload: Bytes::new(),
            redundant: None,
        };
        for _ in 0..padding.packets {
            let number = || {
                let mut numbers = slots.iter_mut();
                let number = numbers.find_map(|slot| slot.number_padding(padding.bytes));
                number.ok_or(DropReason::NotRepairable)
            };
            if self.write(SegmentKind::Repair, &empty, number).is_err() {
                return;
            }
            self.stats.padding_out += 1;
        }
    }

    /// Notes what leaves with the next transport-wide number, where there is something to repair.
    #[inline]
    fn note_number(&mut self, numbered: &Numbered, packet: &Packet) {
        if let Some(repairs) = self.repairs
            && !packet.payload.is_empty()
        {
            let own = low16(numbered.index);
            let sequence = numbered.original.unwrap_or(own);
            repairs.note_left(self.stamping.number(), numbered.ssrc, sequence);
        }
    }

    /// A number is used up only where there is room for the packet.
    #[inline]
    fn write(
        &mut self,
        kind: SegmentKind,
        packet: &Packet,
        number: impl FnOnce() -> Result<Numbered, DropReason>,
    ) -> Result<usize, DropReason> {
        let space = self.outbox.space().ok_or(DropReason::SendQueueFull)?;
        let numbered = number()?;
        // What may leave again under its own number must then be what it was.
        let stamp = if numbered.is_unique {
            self.stamping.next()
        } else {
            None
        };
        let extensions = stamp.as_ref().unwrap_or(&Extensions::NONE);
        let length = write(&numbered, extensions, packet, self.sealer, space)
            .ok_or(DropReason::SealFailed)?;
        if stamp.is_some() {
            self.note_number(&numbered, packet);
            self.stamping.count(length);
        }
        self.stats.redundant_out += u64::from(numbered.redundancy.0 != Redundancy::None);
        self.outbox.commit(self.path, kind, length);
        self.departed.count(length);
        Ok(length)
    }
}

/// Ends a peer's turn: its line learns what has left, and may want padding behind it.
#[inline]
pub fn close(now: Instant, peer: &mut Peer, outbox: &mut Outbox, stats: &mut Stats) {
    note_departure(now, peer, stats);
    if peer.stamping.is_due(now) {
        pad(now, peer, outbox, stats);
    }
}

#[inline]
fn note_departure(now: Instant, peer: &mut Peer, stats: &mut Stats) {
    if let Some(burst) = peer.stamping.end()
        && let Some(line) = &mut peer.cold.line
    {
        stats.numbered_out += 1;
        let due = line.note_departure(now, burst.first, burst.count, burst.bytes);
        peer.stamping.set_due(due);
    }
}

fn pad(now: Instant, peer: &mut Peer, outbox: &mut Outbox, stats: &mut Stats) {
    let wanted = peer.cold.line.as_mut().and_then(|line| line.padding(now));
    if let Some(padding) = wanted
        && let Some((mut egress, (slots, _))) = Egress::open(now, peer, outbox, stats)
    {
        egress.pad(now, slots, padding);
        note_departure(now, peer, stats);
    }
}

/// Queues one datagram that is not media, as it is.
///
/// # Errors
/// When the queue is full or no segment is so long.
pub fn queue(outbox: &mut Outbox, path: Path, datagram: &[u8]) -> Result<(), DropReason> {
    let space = outbox.space().ok_or(DropReason::SendQueueFull)?;
    let space = space
        .get_mut(..datagram.len())
        .ok_or(DropReason::Oversized)?;
    space.copy_from_slice(datagram);
    outbox.commit(path, SegmentKind::Control, datagram.len());
    Ok(())
}

/// Queues a sealed report for a peer. One for a peer without a way to it is dropped.
///
/// # Errors
/// When the queue is full or no segment is so long.
pub fn queue_report(outbox: &mut Outbox, peer: &mut Peer, report: &[u8]) -> Result<(), DropReason> {
    let Some(path) = peer.path else { return Ok(()) };
    queue(outbox, path, report)?;
    peer.departed.count(report.len());
    Ok(())
}

/// Writes a packet and seals it in place. Returns its length, or `None` when it does not fit.
///
/// For a packet that is repeated under its own number every byte must be what it was: all that is
/// written here follows from `numbered`, the packet and the extensions, of which such a packet has
/// none.
#[inline]
fn write(
    numbered: &Numbered,
    extensions: &Extensions,
    packet: &Packet,
    sealer: &Sealer,
    out: &mut [u8],
) -> Option<usize> {
    let fields = Fields {
        padded: numbered.padding > 0,
        marker: packet.marker,
        pt: numbered.pt,
        sequence: low16(numbered.index),
        timestamp: numbered.timestamp,
        ssrc: numbered.ssrc,
    };
    let header = fields.write(extensions, out)?;
    let mut body = out.get_mut(header..)?;
    let (redundancy, pt) = numbered.redundancy;
    let carrying = packet.carrying(redundancy);
    let own = carrying.map_or(packet.payload.len(), Payload::len);
    let mut length = header + own + usize::from(numbered.padding);
    if let Some(original) = numbered.original {
        // RFC 4588 §4.
        let (osn, rest) = body.split_at_mut_checked(2)?;
        osn.copy_from_slice(&original.to_be_bytes());
        body = rest;
        length += 2;
    }
    let (payload, rest) = body.split_at_mut_checked(own)?;
    match carrying {
        None => payload.copy_from_slice(&packet.payload),
        Some(carrying) => carrying.write(payload, pt),
    }
    if let Some(running) = packet.seen.vp8 {
        if let Some(picture) = running.picture {
            let value = numbered.look.picture(picture.value);
            vp8::write_picture_id(payload, picture, value);
        }
        if let Some((offset, tl0)) = running.tl0 {
            *payload.get_mut(usize::from(offset))? = numbered.look.tl0(tl0);
        }
    }
    if numbered.padding > 0 {
        let padding = rest.get_mut(..usize::from(numbered.padding))?;
        padding.fill(0);
        *padding.last_mut()? = numbered.padding;
    }
    sealer
        .seal(out, header, length, numbered.ssrc.0, numbered.index)
        .ok()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 16 bits are wanted"
)]
const fn low16(sequence: u64) -> u16 {
    sequence as u16
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{self, vp8};
    use crate::command::{SlotSpec, Token};
    use crate::id::{Pt, Ssrc};
    use crate::kind::{Codec, CodecSpec, MediaKind};
    use crate::packet::SharedPacket;
    use crate::peer::srtp::{Keys, Opener, Profile, Role};
    use crate::publication::PublicationKey;
    use crate::redundancy::{Redundant, split};
    use crate::rtp::Header;
    use crate::slot::Shown;
    use crate::testing::epoch;

    const PROFILE: Profile = Profile::AeadAes128Gcm;

    fn keys(role: Role) -> Keys {
        let material = vec![7; PROFILE.material_length()];
        Keys::from_exporter(PROFILE, &material, role).expect("material of the right length")
    }

    fn sealer() -> Sealer {
        Sealer::new(&keys(Role::Server)).expect("keys of the right length")
    }

    /// A player's slot that repairs by retransmissions of their own, or by the same packet.
    fn slot(rtx_pt: Option<Pt>) -> Slot {
        let spec = SlotSpec {
            mline: 1,
            mid: Token::new(),
            kind: MediaKind::Video,
            codecs: vec![CodecSpec {
                codec: Codec::Vp8,
                pt: Pt(96),
                rtx_pt,
                red_pt: None,
                nack: true,
            }],
            ssrc: Ssrc(5),
            rtx_ssrc: Ssrc(6),
            feed: None,
        };
        Slot::new(&spec, 7)
    }

    fn shown(publication: u32) -> Shown {
        Shown {
            publication: PublicationKey::new(publication, 0),
            codec: Codec::Vp8,
            best: [0; 3],
            clocks: [None; 3],
            restarts: [0; 3],
            wanted: true,
        }
    }

    fn packet(sequence: u64, keyframe: bool, length: usize) -> SharedPacket {
        let number = u8::try_from(sequence % 128).expect("small");
        let mut payload = vec![0x90, 0xc0, number, number, u8::from(!keyframe)];
        payload.resize(5 + length, 0xab);
        Arc::new(Packet {
            arrived: epoch(),
            layer: 0,
            sequence,
            timestamp: u32::try_from(sequence).expect("small") * 3_000,
            marker: true,
            seen: codec::inspect(Codec::Vp8, &payload),
            level: None,
            payload: Bytes::from(payload),
            redundant: None,
        })
    }

    fn sealed(numbered: &Numbered, packet: &Packet, sealer: &Sealer) -> Vec<u8> {
        let mut out = vec![0xee; 1_472];
        let length = write(numbered, &Extensions::NONE, packet, sealer, &mut out);
        out.truncate(length.expect("room"));
        out
    }

    #[test]
    fn a_retransmission_has_a_number_of_its_own_and_names_the_first() {
        let (sealer, packet) = (sealer(), packet(100, true, 50));
        let mut slot = slot(Some(Pt(97)));
        let selected = slot.select(epoch(), &shown(1), &packet, &mut None);
        selected.expect("a keyframe");
        let first = slot.number(epoch(), &packet, 3).expect("placed");
        let origin = slot.rewriter.origin(low16(first.index)).expect("sent");
        let mut numbers = Vec::new();
        for _ in 0..2 {
            let again = slot.number_again(&packet, &origin).expect("held");
            let bytes = sealed(&again, &packet, &sealer);
            let header = Header::parse(&bytes).expect("well formed");
            assert_eq!((header.ssrc, header.pt), (Ssrc(6), Pt(97)));
            assert_eq!(header.timestamp, first.timestamp);
            assert_eq!(again.original, Some(low16(first.index)));
            numbers.push(header.sequence);
        }
        assert_eq!(numbers[1], numbers[0].wrapping_add(1));
        let bytes = sealed(&first, &packet, &sealer);
        let padded = packet.payload.len() + 3;
        assert_eq!(bytes.len(), 12 + padded + sealer.overhead());
    }

    proptest! {
        /// One number under one key may carry one packet only: whatever was shown and left out in
        /// between, what is repeated under its own number is what left the first time.
        #[test]
        fn a_packet_repeated_without_retransmissions_is_the_very_same(
            steps in proptest::collection::vec((0u8..12, 1u64..4, 0u8..9, 0usize..40), 1..300)
        ) {
            let sealer = sealer();
            let mut slot = slot(None);
            let mut sent: Vec<(u64, SharedPacket, Vec<u8>)> = Vec::new();
            let (mut which, mut sequence, mut held) = (1, 1_000u64, Vec::new());
            for (action, step, padding, length) in steps {
                sequence += step;
                let packet = packet(sequence, action < 2, length);
                match action {
                    0 => { which = 3 - which; held.clear(); }
                    1 => slot.rewriter.squeeze(32),
                    2 => { slot.rewriter.skip(sequence); continue; }
                    3 => slot.rewriter.go_on(&packet),
                    4 => slot.rewriter.stop(),
                    5 => { held.push(packet); continue; }
                    _ => {}
                }
                let late = if action == 6 { held.pop() } else { None };
                let packet = late.unwrap_or(packet);
                if slot.select(epoch(), &shown(which), &packet, &mut None).is_ok()
                    && let Ok(numbered) = slot.number(epoch(), &packet, padding) {
                    let bytes = sealed(&numbered, &packet, &sealer);
                    sent.push((numbered.index, packet, bytes));
                }
                for (index, packet, bytes) in sent.iter().rev().take(100) {
                    let Some(origin) = slot.rewriter.origin(low16(*index)) else { continue };
                    prop_assert_eq!(origin.placed.sequence, *index);
                    prop_assert_eq!(origin.incoming, packet.sequence);
                    let again = slot.number_again(packet, &origin).expect("held");
                    prop_assert_eq!(&sealed(&again, packet, &sealer), bytes);
                }
            }
        }
    }

    /// A slot for sound that may carry what came before it.
    fn sound_slot() -> Slot {
        let spec = SlotSpec {
            mline: 0,
            mid: Token::new(),
            kind: MediaKind::Audio,
            codecs: vec![CodecSpec {
                codec: Codec::Opus,
                pt: Pt(111),
                rtx_pt: None,
                red_pt: Some(Pt(63)),
                nack: true,
            }],
            ssrc: Ssrc(5),
            rtx_ssrc: Ssrc(6),
            feed: None,
        };
        Slot::new(&spec, 7)
    }

    /// Sound with a number, and all that it may carry of the sound before.
    fn sound(sequence: u64, before: &[SharedPacket]) -> SharedPacket {
        let number = u8::try_from(sequence % 256).expect("small");
        let payload = [0x78, number];
        let timestamp = u32::try_from(sequence).expect("small") * 960;
        let find = |number| before.iter().find(|it| it.sequence == number);
        Arc::new(Packet {
            arrived: epoch(),
            layer: 0,
            sequence,
            timestamp,
            marker: false,
            seen: codec::inspect(Codec::Opus, &payload),
            level: None,
            payload: Bytes::copy_from_slice(&payload),
            redundant: Redundant::make(sequence, timestamp, &payload, find),
        })
    }

    proptest! {
        /// Whether sound carries what came before changes from packet to packet; what left under one
        /// number does not, and says truly what it is.
        #[test]
        fn sound_that_carries_what_came_before_is_repeated_as_it_was(
            steps in proptest::collection::vec((0u8..10, 1u64..3), 1..200)
        ) {
            let sealer = sealer();
            let mut opener = Opener::new(&keys(Role::Client)).expect("keys of the right length");
            let mut slot = sound_slot();
            let shown = Shown { codec: Codec::Opus, ..shown(1) };
            let mut come: Vec<SharedPacket> = Vec::new();
            let mut sent: Vec<(u64, SharedPacket, Vec<u8>)> = Vec::new();
            let (mut sequence, mut late) = (1_000, None);
            for (action, step) in steps {
                let level = [Redundancy::None, Redundancy::Single, Redundancy::Double];
                if let Some(level) = level.get(usize::from(action)) {
                    slot.set_redundancy(*level);
                }
                sequence += step;
                let mut packet = sound(sequence, &come);
                come.push(Arc::clone(&packet));
                if action == 9 {
                    let Some(held) = late.replace(packet) else { continue };
                    packet = held;
                }
                if slot.select(epoch(), &shown, &packet, &mut None).is_err() {
                    continue;
                }
                let Ok(numbered) = slot.number(epoch(), &packet, 0) else { continue };
                let bytes = sealed(&numbered, &packet, &sealer);
                let opened = opener.open_rtp(&bytes).expect("authentic");
                let own = packet.payload.clone();
                if numbered.pt == 63 {
                    let parts = split(&opened[12..]);
                    prop_assert!(parts.len() > 1);
                    for part in parts {
                        let number = own[1].wrapping_sub(u8::try_from(part.offset / 960).expect("near"));
                        prop_assert_eq!((part.pt, part.payload[1]), (Pt(111), number));
                    }
                } else {
                    prop_assert_eq!((numbered.pt, &opened[12..]), (111, &own[..]));
                }
                sent.push((numbered.index, packet, bytes));
                for (index, packet, bytes) in sent.iter().rev().take(100) {
                    let Some(origin) = slot.rewriter.origin(low16(*index)) else { continue };
                    prop_assert_eq!(origin.incoming, packet.sequence);
                    let again = slot.number_again(packet, &origin).expect("held");
                    prop_assert_eq!(&sealed(&again, packet, &sealer), bytes);
                }
            }
        }
    }

    #[test]
    fn running_numbers_are_written_where_they_were_found() {
        let packet = packet(100, true, 50);
        let seen = packet.seen.vp8.expect("numbers");
        assert_eq!(seen.picture.map(|picture| picture.value), Some(100));
        let mut slot = slot(None);
        slot.select(epoch(), &shown(1), &packet, &mut None)
            .expect("a keyframe");
        let numbered = slot.number(epoch(), &packet, 0).expect("placed");
        let bytes = sealed(&numbered, &packet, &sealer());
        let mut opener = Opener::new(&keys(Role::Client)).expect("keys of the right length");
        let opened = opener.open_rtp(&bytes).expect("authentic");
        let mut wanted = packet.payload.to_vec();
        if let Some(picture) = seen.picture {
            vp8::write_picture_id(&mut wanted, picture, 1);
        }
        wanted[3] = 1;
        assert_eq!(opened[12..], wanted);
    }
}
