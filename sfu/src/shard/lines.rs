//! What is heard of receivers' lines, and what their slots show for it.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Instant;

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use crate::allocate::Wish;
use crate::command::Event;
use crate::conference::Conference;
use crate::id::ConferenceId;
use crate::kind::MediaKind;
use crate::line::feedback::remb;
use crate::line::{Line, Missed};
use crate::peer::PeerKey;
use crate::peer::repairs::Open;
use crate::priority::Priority;
use crate::publication::{MAX_LAYERS, Publication};
use crate::redundancy::Redundancy;
use crate::rtp::Rtcp;
use crate::rung::Rung;
use crate::shard::{Shard, sound};
use crate::slot::Slot;
use crate::table::Table;

/// What layers are taken for until a second of them has been measured, bits per second.
const ASSUMED: [u32; MAX_LAYERS] = [150_000, 400_000, 1_000_000];

/// Bytes that a packet has besides its payload: RTP, a transport-wide number, SRTP, UDP, IP.
pub(super) const OVERHEAD: u32 = 64;

/// Packets that one report tells to be missing.
const MAX_OPEN: usize = 64;

/// Pictures of one peer that are usual.
const USUAL: usize = 8;

impl Shard {
    /// Begins to look at the line of a peer that has connected.
    pub(super) fn open_line(&mut self, now: Instant, key: PeerKey) {
        let known = self.line_name(key);
        let before = known
            .and_then(|(conference, address)| self.remembered.recall(now, conference, address));
        if let Some(peer) = self.peers.at_mut(key)
            && !peer.slots.is_empty()
        {
            peer.cold.line = Some(Box::new(Line::new(now, before)));
            peer.stamping.set_due(now);
        }
        self.share_out(now, key);
    }

    /// Remembers the line of a peer that goes, if it did not carry all.
    pub(super) fn close_line(&self, now: Instant, key: PeerKey) {
        let peer = self.peers.at(key);
        let line = peer.and_then(|peer| peer.cold.line.as_ref());
        let carried = line.filter(|line| line.is_settled());
        let carried = carried.and_then(|line| line.carries(now));
        if let (Some((conference, address)), Some(carried)) = (self.line_name(key), carried) {
            self.remembered.keep(now, conference, address, carried);
        }
    }

    /// By what a peer's line is known when it comes again, if it can be known.
    fn line_name(&self, key: PeerKey) -> Option<(ConferenceId, IpAddr)> {
        let peer = self.peers.at(key)?;
        let conference = self.conferences.at(peer.conference)?.id;
        Some((conference, peer.path?.line()?))
    }

    /// Takes in a receiver's report of what has arrived.
    pub(super) fn on_arrivals(&mut self, now: Instant, key: PeerKey, report: &Rtcp<'_>) {
        self.stats.arrival_reports += 1;
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let cold = &mut *peer.cold;
        let Some(line) = &mut cold.line else {
            return;
        };
        let mut open: ArrayVec<Open, MAX_OPEN> = ArrayVec::new();
        let is_other = line.on_transport_feedback(now, report, |number, fate| {
            let repairs = cold.repairs.as_mut();
            let told = repairs.and_then(|repairs| repairs.told(&peer.slots, number, fate));
            if let Some(told) = told {
                // What is one too many is repaired when it is asked for.
                let _ = open.try_push(told);
            }
        });
        if line.is_watched(now) {
            peer.stamping.set_due(now);
        }
        if is_other || line.is_open() {
            self.share_out(now, key);
        }
        if is_other {
            self.rearm(key);
        }
        self.repair_unasked(now, key, &open);
    }

    /// Takes in what a receiver itself thinks that its line carries.
    pub(super) fn on_remb(&mut self, now: Instant, key: PeerKey, report: &Rtcp<'_>) {
        if let (Some(rate), Some(peer)) = (remb(report), self.peers.at_mut(key))
            && let Some(line) = &mut peer.cold.line
        {
            line.on_remb(now, rate);
            self.share_out(now, key);
        }
    }

    /// Takes in what was asked for again.
    pub(super) fn on_missing(&mut self, now: Instant, key: PeerKey, missed: Missed) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(line) = &mut peer.cold.line else {
            return;
        };
        let is_worse = line.on_nack(now, missed);
        if line.is_watched(now) {
            peer.stamping.set_due(now);
        }
        if is_worse {
            self.share_out(now, key);
            self.rearm(key);
        }
    }

    /// Takes in which share of a slot's packets a receiver report says was lost, of 256.
    pub(super) fn on_lost(&mut self, now: Instant, key: PeerKey, lost: u32) {
        if let Some(peer) = self.peers.at_mut(key)
            && let Some(line) = &mut peer.cold.line
        {
            let lost = f64::from(lost) / 256.0;
            line.on_report(now, lost, peer.cold.round_trip);
            peer.cold.sound.on_report(now, lost);
            // What grows where nothing is lost, time alone brings.
            if lost > 0.0 {
                self.share_out(now, key);
            }
        }
    }

    /// Looks after what time alone changes.
    pub(super) fn look_after_line(&mut self, now: Instant, key: PeerKey) {
        if let Some(peer) = self.peers.at_mut(key)
            && let Some(line) = &mut peer.cold.line
        {
            line.on_tick(now);
            self.share_out(now, key);
            self.announce_line(now, key);
        }
    }

    /// Says to the conference how a line is, if that has changed for long enough.
    fn announce_line(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let round_trip = peer.cold.round_trip;
        let mut levels = peer.slots.iter().map(Slot::redundancy);
        let redundant =
            levels.any(|level| level != Redundancy::None) || peer.cold.repeats.is_some();
        let line = peer.cold.line.as_mut();
        if let Some(said) = line.and_then(|line| line.announce(now, round_trip, redundant)) {
            let (peer, line) = (peer.id, said);
            self.events.push_back(Event::LineChanged { peer, line });
        }
    }

    /// Shares what a receiver's line carries out among its slots.
    pub(super) fn share_out(&mut self, now: Instant, key: PeerKey) {
        self.stats.shares += 1;
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(conference) = self.conferences.at(peer.conference) else {
            return;
        };
        let (slots, id) = (&peer.slots, peer.id);
        let pictures = (0u8..).zip(slots).filter_map(|(index, slot)| {
            let (priority, publication) = shown(conference, &self.publications, slot)?;
            let is_picture = slot.kind == MediaKind::Video && publication.id.peer != id;
            is_picture.then_some((index, slot, priority, publication))
        });
        let (wishes, is_numbered) = wishes(now, pictures);
        let leading = leading(&wishes).map_or(0, Wish::least);
        let [plain, sound] = sound::thicken(now, peer, conference, &self.publications, leading);
        let Some(line) = &mut peer.cold.line else {
            return;
        };
        // Without retransmissions packets leave without a number, and nothing tells of them.
        line.set_numbered(is_numbered || wishes.is_empty());
        let carries = line.carries(now).map(|rate| {
            // While nothing tells of trouble: what everybody gets at least.
            let stage = wishes.iter().filter(|it| it.priority >= Priority::Second);
            let least = stage.filter_map(|wish| wish.cost(Rung::Low)).sum::<u32>();
            if line.is_settled() {
                rate
            } else {
                rate.max(sound + least)
            }
        });
        let is_held = line.is_held(now);
        // When the picture comes back, sound carries no more than it leaves room for.
        let beside = if is_held { plain } else { sound };
        let load = peer.cold.allocator.allocate(now, carries, beside, &wishes);
        line.note_load(now, load, sound);
        line.note_rung(leading_rung(&wishes, |slot| {
            let held = is_held.then_some(Rung::Sound);
            held.unwrap_or_else(|| peer.cold.allocator.rung(slot))
        }));
        let is_narrow = line.is_settled();
        peer.set_sound_first(is_narrow);
        let mut starting: SmallVec<[u8; USUAL]> = SmallVec::new();
        for wish in &wishes {
            let held = is_held.then_some(Rung::Sound);
            let rung = held.unwrap_or_else(|| peer.cold.allocator.rung(wish.slot));
            let Some(slot) = peer.slots.get_mut(usize::from(wish.slot)) else {
                continue;
            };
            let publication = slot.feed.and_then(|feed| {
                let shows = conference.feeds.get(usize::from(feed))?.shows?;
                self.publications.get(shows)
            });
            let best = publication.map(Publication::best).unwrap_or_default();
            // One that has never shown anything is new, whatever its line is like.
            let has_shown = slot.rewriter.last_sent().is_some();
            slot.is_patient |= is_narrow && has_shown && slot.rung != rung;
            if slot.go_to(rung, best) {
                self.stats.rung_changes += 1;
                starting.push(wish.slot);
            }
        }
        for slot in starting {
            self.catch_up_slot(key, usize::from(slot));
        }
    }
}

/// What is wished for of these slots, each with its index and what it is to show; and whether some of
/// it leaves with numbers of which a report is wanted.
fn wishes<'p>(
    now: Instant,
    pictures: impl Iterator<Item = (u8, &'p Slot, Priority, &'p Publication)>,
) -> (SmallVec<[Wish; USUAL]>, bool) {
    let (mut wishes, mut is_numbered) = (SmallVec::new(), false);
    for (index, slot, priority, publication) in pictures {
        is_numbered |= slot.has_rtx(publication.codec);
        let [rates, most] = rates(now, publication);
        // What nobody sends yet is no wish yet.
        let is_sent = rates.iter().any(|rate| *rate > 0);
        wishes.extend(is_sent.then_some(Wish {
            slot: index,
            priority,
            ceiling: slot.wished,
            rates,
            most,
            thin: base_rate(now, publication),
        }));
    }
    (wishes, is_numbered)
}

/// The most important picture.
fn leading(wishes: &[Wish]) -> Option<&Wish> {
    let first_of_them = |wish: &&Wish| (wish.priority, Reverse(wish.slot));
    wishes.iter().max_by_key(first_of_them)
}

/// What is left of the most important picture: the highest rung if it is all that there is of it.
fn leading_rung(wishes: &[Wish], rung: impl Fn(u8) -> Rung) -> Rung {
    leading(wishes).map_or(Rung::High, |wish| {
        let rung = rung(wish.slot);
        if rung >= wish.best().0 {
            Rung::High
        } else {
            rung
        }
    })
}

/// What a slot is to show, and how dearly.
pub(super) fn shown<'p>(
    conference: &Conference,
    publications: &'p Table<Publication>,
    slot: &Slot,
) -> Option<(Priority, &'p Publication)> {
    let feed = conference.feeds.get(usize::from(slot.feed?))?;
    Some((feed.name.priority(), publications.get(feed.shows?)?))
}

/// Bits per second of each level on the line, as they are and in the second of late in which they were
/// most; 0 of one that is not sent.
fn rates(now: Instant, publication: &Publication) -> [[u32; MAX_LAYERS]; 2] {
    let [mut rates, mut most] = [[0; MAX_LAYERS]; 2];
    let mut below = None;
    let levels = rates.iter_mut().zip(&mut most);
    for (((rate, most), layer), assumed) in levels.zip(publication.best()).zip(ASSUMED) {
        let known = publication.layers.get(usize::from(layer));
        if let Some(known) = known.filter(|known| known.is_active(now) && below != Some(layer)) {
            let on_line = |payload: Option<u64>| {
                let payload = payload.map(saturate).filter(|rate| *rate > 0);
                let payload = payload.unwrap_or(assumed);
                payload.saturating_add(payload / 14)
            };
            *rate = on_line(known.measure.bits_per_second());
            *most = on_line(known.measure.most_bits_per_second());
        }
        below = Some(layer);
    }
    [rates, most]
}

/// Bits per second of the lowest layer's base pictures on the line; 0 where there are no others.
fn base_rate(now: Instant, publication: &Publication) -> u32 {
    let [lowest, ..] = publication.best();
    let known = publication.layers.get(usize::from(lowest));
    let known = known.filter(|known| known.is_active(now));
    let payload = known.and_then(|known| known.measure.base_bits_per_second());
    let payload = payload.map_or(0, saturate);
    payload.saturating_add(payload / 14)
}

pub(super) fn saturate(rate: u64) -> u32 {
    u32::try_from(rate).unwrap_or(u32::MAX)
}
