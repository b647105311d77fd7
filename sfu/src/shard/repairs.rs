//! What receivers ask for by RTCP: packets once more, and keyframes. Each within its budget.

use std::time::{Duration, Instant};

use crate::conference::ConferenceKey;
use crate::drop_reason::DropReason;
use crate::egress::{Egress, close};
use crate::id::Ssrc;
use crate::kind::MediaKind;
use crate::line::Missed;
use crate::line::estimate::Verdict;
use crate::packet::SharedPacket;
use crate::path::Path;
use crate::peer::PeerKey;
use crate::peer::repairs::{Asked, MAX_BEHIND, Need, Octets, Open, Repairs, SOUND_WAITS};
use crate::publication::Publication;
use crate::publication::keyframe::MIN_REFRESH_INTERVAL;
use crate::redundancy::Redundancy;
use crate::rtp::Rtcp;
use crate::shard::Shard;
use crate::slot::Slot;
use crate::slot::rewriter::{Origin, Source};
use crate::table::Table;

/// Packets looked up for one RTCP datagram; a receiver that misses more needs a keyframe.
const MAX_ASKED: usize = 256;

/// From so many participants on one who has lost the picture does not have a keyframe made at once.
///
/// Higher: more small conferences where it waits less. Lower: fewer where it costs the others.
const MANY: usize = 16;

/// What packets are late by that others overtake, and the round trip, count up to this: what comes later
/// is sent again in time.
const LONGEST_OVERTAKEN: Duration = Duration::from_millis(150);

impl Shard {
    /// Notes what a receiver misses (RFC 4585 §6.2.1) and may be sent again. `asked` counts over
    /// one datagram.
    pub(super) fn on_nack(
        &mut self,
        now: Instant,
        key: PeerKey,
        nack: &Rtcp<'_>,
        asked: &mut usize,
    ) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(media) = nack.word(8).map(Ssrc) else {
            return;
        };
        let Some(index) = peer.slots.iter().position(|slot| slot.ssrc == media) else {
            return;
        };
        let Ok(slot_number) = u8::try_from(index) else {
            return;
        };
        let octets = octets(&peer.slots);
        let repairs = &mut peer.cold.repairs;
        repairs.get_or_insert_with(|| Box::new(Repairs::new(now, octets)));
        // First: what it tells may be that nothing of it must be sent again.
        self.learn_from(now, key, slot_number, nack);
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(repairs) = &mut peer.cold.repairs else {
            return;
        };
        let line = peer.cold.line.as_ref();
        let verdict = line.map_or(Verdict::Clear, |line| line.verdict());
        let rate = line.map_or(0, |line| line.sending());
        repairs.credit(octets, verdict, rate);
        let is_weak = line.is_some_and(|line| line.is_settled());
        let round_trip = peer.cold.round_trip;
        let comes_within = comes_within(line.and_then(|line| line.overtaken_by()), round_trip);
        let Some(slot) = peer.slots.get(index) else {
            return;
        };
        // Whoever waits already has its turn.
        let has_turn = repairs.is_waiting();
        let mut is_new = false;
        for word in items(nack) {
            let named = named(word);
            self.stats.nacked += named as u64;
            if *asked + named > MAX_ASKED {
                let drops = &mut self.stats.drops;
                drops.count_many(DropReason::NotRepairable, named as u64);
                continue;
            }
            *asked += named;
            for sequence in missing(word) {
                let what = Asked {
                    slot: slot_number,
                    sequence,
                };
                let noted = if is_weak && !is_shown(slot, sequence) {
                    Err(DropReason::NotRepairable)
                } else {
                    let times = (now, round_trip, comes_within);
                    note(repairs, times, what, slot, &self.publications)
                };
                match noted {
                    Ok(()) => is_new = true,
                    Err(reason) => self.stats.drops.count(reason),
                }
            }
        }
        if is_new && !has_turn {
            self.repairs.push_back(key);
        }
    }

    /// Tells a receiver's line what of a picture is asked for the first time.
    fn learn_from(&mut self, now: Instant, key: PeerKey, slot: u8, nack: &Rtcp<'_>) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let shown = peer.slots.get(usize::from(slot));
        let shown = shown.filter(|it| it.kind == MediaKind::Video);
        let (Some(shown), Some(repairs)) = (shown, &mut peer.cold.repairs) else {
            return;
        };
        let mut news = News::default();
        for word in items(nack) {
            news.note(repairs, slot, word);
        }
        let age = |sequence| age(now, shown, sequence, &self.publications);
        let missed = news.told(peer.cold.round_trip, age);
        self.on_missing(now, key, missed);
    }

    /// Has leave again what a report tells to be missing of a picture, although nobody asks for it: on a
    /// line that loses, requests are lost as well, and browsers give up asking long before the picture
    /// goes on. Where packets overtake one another, or a queue is full, requests alone count.
    pub(super) fn repair_unasked(&mut self, now: Instant, key: PeerKey, open: &[Open]) {
        let Some(peer) = self.peers.at_mut(key).filter(|_| !open.is_empty()) else {
            return;
        };
        let (Some(repairs), Some(line)) = (&mut peer.cold.repairs, &peer.cold.line) else {
            return;
        };
        let verdict = line.verdict();
        let is_own_loss = matches!(verdict, Verdict::Clear | Verdict::Lossy);
        if !is_own_loss || line.overtaken_by().is_some() {
            return;
        }
        repairs.credit(octets(&peer.slots), verdict, line.sending());
        let had_turn = repairs.is_waiting();
        for open in open
            .iter()
            .filter(|it| it.is_known || verdict == Verdict::Lossy)
        {
            let slot = peer.slots.get(usize::from(open.what.slot));
            if let Some(slot) = slot {
                repair_open(now, repairs, slot, open.what, &self.publications);
            }
        }
        if repairs.is_waiting() && !had_turn {
            self.repairs.push_back(key);
        }
    }

    /// Writes what the next receiver is sent again, behind its own messages. Returns whether there
    /// was one.
    pub(super) fn repair_next(&mut self, now: Instant) -> bool {
        let Some(waiting) = self.repairs.pop_front() else {
            return false;
        };
        let Some(peer) = self.peers.get_mut(waiting) else {
            return true;
        };
        let Some(due) = peer.cold.repairs.as_mut().map(|it| it.take_due()) else {
            return true;
        };
        let opened = Egress::open(now, peer, &mut self.outbox, &mut self.stats);
        let Some((mut egress, (slots, _))) = opened else {
            let drops = &mut self.stats.drops;
            drops.count_many(DropReason::NoPath, due.len() as u64);
            return true;
        };
        let of_kind = |kind| due.iter().map(move |asked| (kind, asked));
        let sound_first = of_kind(MediaKind::Audio).chain(of_kind(MediaKind::Video));
        for (kind, asked) in sound_first {
            let slot = slots.get_mut(usize::from(asked.slot));
            let Some(slot) = slot.filter(|slot| slot.kind == kind) else {
                continue;
            };
            match find(&self.publications, slot, asked.sequence) {
                Some((packet, origin)) => egress.repeat(*asked, slot, packet, &origin),
                None => egress.refuse(DropReason::NotRepairable),
            }
        }
        close(now, peer, &mut self.outbox, &mut self.stats);
        true
    }

    /// Notes a receiver's wish for a keyframe of what it sees under `media`.
    pub(super) fn on_keyframe_request(&mut self, now: Instant, key: PeerKey, media: Option<u32>) {
        self.stats.keyframe_requests += 1;
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let slot = peer.slots.iter().find(|slot| Some(slot.ssrc.0) == media);
        let Some(source) = slot.and_then(|slot| slot.rewriter.source()) else {
            return;
        };
        // On a full line it would not come through, and it costs all others.
        let is_full = peer.cold.line.as_ref().is_some_and(|line| {
            let verdict = line.verdict();
            verdict == Verdict::Flooded || verdict == Verdict::Filling
        });
        if !is_full && peer.cold.budgets.keyframe(now) {
            let conference = peer.conference;
            self.wish_again(now, conference, source);
        } else {
            self.stats.drops.count(DropReason::KeyframeBudget);
        }
    }

    /// Notes that somebody in `conference` goes on with a keyframe of `source`. Who `is_patient` has the
    /// next one that others need or that comes by itself, where some do.
    pub(super) fn wish_for(
        &mut self,
        now: Instant,
        conference: ConferenceKey,
        source: Source,
        is_patient: bool,
    ) {
        let layer = usize::from(source.layer);
        let publication = self.publications.get(source.publication);
        let layer = publication.and_then(|publication| publication.layers.get(layer));
        let comes = layer.is_some_and(|layer| layer.keyframe.comes_by_itself(now));
        if is_patient && comes {
            self.wish_again(now, conference, source);
        } else {
            self.wish(source.publication, source.layer);
        }
    }

    /// Notes that somebody in `conference` has lost a picture. Where many watch, all who have lost it get
    /// the next keyframe together: one costs every receiver as much as some pictures.
    fn wish_again(&mut self, now: Instant, conference: ConferenceKey, source: Source) {
        let watching = self
            .conferences
            .at(conference)
            .map_or(0, |it| it.peers.len());
        let gap = if watching >= MANY {
            MIN_REFRESH_INTERVAL
        } else {
            Duration::ZERO
        };
        if let Some(publication) = self.publications.get_mut(source.publication)
            && let Some(layer) = publication.layers.get_mut(usize::from(source.layer))
        {
            layer.keyframe.want_again(now, gap);
            self.wishes.push(source.publication);
        }
    }

    /// Pictures were left out on the way to a peer, which can go on with a keyframe of what it sees
    /// under `media`: as if it had asked for one, and within the same budget.
    pub fn handle_picture_left_out(&mut self, now: Instant, path: Path, media: u32) {
        if let Some(key) = self.demux.at(path) {
            self.on_keyframe_request(now, key, Some(media));
            self.send_keyframe_requests(now);
        }
    }

    /// Learns a receiver's round trip from its report (RFC 3550 §6.4.1) about one of its slots.
    pub(super) fn on_report_blocks(&mut self, now: Instant, key: PeerKey, report: &Rtcp<'_>) {
        let ntp = self.ntp(now);
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let (mut worst, mut of_sound) = (None, None);
        let first = if report.kind == Rtcp::SR { 28 } else { 8 };
        for block in 0..usize::from(report.count) {
            let at = first + 24 * block;
            let (Some(ssrc), Some(last), Some(delay)) =
                (report.word(at), report.word(at + 16), report.word(at + 20))
            else {
                return;
            };
            let slot = peer.slots.iter().find(|slot| slot.ssrc.0 == ssrc);
            if let Some(slot) = slot.filter(|_| last != 0) {
                peer.cold.round_trip = round_trip(ntp, last, delay).or(peer.cold.round_trip);
                let share = report.word(at + 4).map(|word| word >> 24);
                worst = worst.max(share);
                if slot.kind == MediaKind::Audio {
                    of_sound = of_sound.max(share);
                }
            }
        }
        if let (Some(lost), Some(line)) = (of_sound, &mut peer.cold.line) {
            line.note_sound_loss(f64::from(lost) / 256.0);
        }
        if let Some(worst) = worst {
            self.on_lost(now, key, worst);
        }
    }
}

/// How long after it left a packet may come that others have overtaken: browsers ask for it at once, and
/// again when it has not come.
fn comes_within(overtaken_by: Option<Duration>, round_trip: Option<Duration>) -> Duration {
    overtaken_by.map_or(Duration::ZERO, |late| {
        late.min(LONGEST_OVERTAKEN) + round_trip.unwrap_or_default().min(LONGEST_OVERTAKEN)
    })
}

/// Notes one packet that is to leave again unasked, if that helps: what is older than a keyframe that
/// has left does not.
fn repair_open(
    now: Instant,
    repairs: &mut Repairs,
    slot: &Slot,
    what: Asked,
    publications: &Table<Publication>,
) -> Option<()> {
    let (packet, origin) = find(publications, slot, what.sequence)?;
    let source = origin.source;
    let layer = publications.get(source.publication)?;
    let ring = &layer.layers.get(usize::from(source.layer))?.ring;
    let is_of_now = ring
        .keyframe()
        .is_none_or(|it| it.sequence <= origin.incoming);
    if slot.rewriter.source() != Some(source) || !is_of_now {
        return None;
    }
    let length = u32::try_from(slot.length_of(packet, &origin)).unwrap_or(u32::MAX);
    repairs.push(now, what, Need::Picture, length).ok()
}

/// Notes one packet that is to leave again, unless it must not or cannot.
fn note(
    repairs: &mut Repairs,
    (now, round_trip, comes_within): (Instant, Option<Duration>, Duration),
    what: Asked,
    slot: &Slot,
    publications: &Table<Publication>,
) -> Result<(), DropReason> {
    repairs.check(now, what, round_trip)?;
    let (packet, origin) =
        find(publications, slot, what.sequence).ok_or(DropReason::NotRepairable)?;
    let age = now.saturating_duration_since(packet.arrived);
    if age < comes_within {
        return Err(DropReason::MayComeYet);
    }
    if slot.kind == MediaKind::Audio && age > SOUND_WAITS {
        return Err(DropReason::NotRepairable);
    }
    let length = u32::try_from(slot.length_of(packet, &origin));
    let need = match (slot.kind, slot.redundancy()) {
        (MediaKind::Video, _) => Need::Picture,
        (MediaKind::Audio, Redundancy::None) => Need::Sound,
        (MediaKind::Audio, _) => Need::CarriedSound,
    };
    repairs.push(now, what, need, length.unwrap_or(u32::MAX))
}

/// What is asked for the first time.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    missed: Missed,
    newest: Option<u16>,
}

impl News {
    /// Notes one NACK item.
    fn note(&mut self, repairs: &mut Repairs, slot: u8, item: u32) {
        for sequence in missing(item) {
            if let Some(of) = repairs.since_news(slot, sequence) {
                self.missed.packets += 1;
                self.missed.of += of;
                self.newest = Some(sequence);
            }
        }
    }

    /// What the line is told of it; `age` says how long ago a packet left.
    fn told(self, round_trip: Option<Duration>, age: impl Fn(u16) -> Option<Duration>) -> Missed {
        Missed {
            age: self.newest.and_then(&age),
            since: self.newest.and_then(|newest| age(newest.wrapping_add(1))),
            round_trip,
            ..self.missed
        }
    }
}

/// How long ago a packet left, if it left as it came: what a slot catches up with does not.
fn age(
    now: Instant,
    slot: &Slot,
    sequence: u16,
    publications: &Table<Publication>,
) -> Option<Duration> {
    let (packet, origin) = find(publications, slot, sequence)?;
    let is_caught_up_with = slot.is_catching_up() && slot.rewriter.source() == Some(origin.source);
    (!is_caught_up_with).then(|| now.saturating_duration_since(packet.arrived))
}

/// Whether a packet is of what the slot shows. From anything else it goes on with a keyframe, or has
/// done so: on a weak line that must come first.
fn is_shown(slot: &Slot, sequence: u16) -> bool {
    let origin = slot.rewriter.origin(sequence);
    origin.is_some_and(|origin| slot.rewriter.source() == Some(origin.source))
}

/// Payload bytes that all slots of a peer were sent: of media, and of what sound carries beside.
pub(super) fn octets(slots: &[Slot]) -> Octets {
    let sent = slots.iter().map(Slot::sent);
    sent.fold(Octets::default(), |sum, sent| {
        let own = sent.octets.wrapping_sub(sent.redundant);
        Octets {
            media: sum.media.wrapping_add(own),
            redundant: sum.redundant.wrapping_add(sent.redundant),
        }
    })
}

/// The packet that left a slot with this number, and how, if it would come in time.
fn find<'p>(
    publications: &'p Table<Publication>,
    slot: &Slot,
    sequence: u16,
) -> Option<(&'p SharedPacket, Origin)> {
    let origin = slot.rewriter.origin(sequence)?;
    if slot.rewriter.behind(origin.placed.sequence) >= MAX_BEHIND {
        return None;
    }
    let publication = publications.get(origin.source.publication)?;
    let layer = publication.layers.get(usize::from(origin.source.layer))?;
    Some((layer.ring.get(origin.incoming)?, origin))
}

/// Time since the sender report that a receiver names by the middle of its NTP time, without the
/// time that the receiver took. `None` for what cannot be.
#[expect(clippy::cast_possible_truncation, reason = "the middle 32 of 64 bits")]
fn round_trip(ntp: u64, last: u32, delay: u32) -> Option<Duration> {
    let units = ((ntp >> 16) as u32).wrapping_sub(last).checked_sub(delay)?;
    // Units of 1/65,536 s; what is longer than a minute is no answer to a report of ours.
    (units < 60 << 16).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
}

/// The items of a NACK.
fn items(nack: &Rtcp<'_>) -> impl Iterator<Item = u32> {
    let at = (12..nack.bytes.len()).step_by(4);
    at.filter_map(|at| nack.word(at))
}

/// How many packets a NACK item names.
const fn named(item: u32) -> usize {
    1 + (item & 0xffff).count_ones() as usize
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
        let numbers: Vec<_> = missing(0xfffe_0005).collect();
        assert_eq!(numbers, [0xfffe, 0xffff, 1]);
        assert_eq!(named(0xfffe_0005), 3);
    }

    #[test]
    fn a_round_trip_is_the_time_without_the_receivers_own() {
        let sent = 0x0000_0001_8000_0000_u64;
        let named = (sent >> 16) as u32;
        let now = sent + (1 << 31);
        assert_eq!(
            round_trip(now, named, 0x4000),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            round_trip(now, named, 0x9000),
            None,
            "longer than it can be"
        );
        assert_eq!(round_trip(now, named.wrapping_sub(1 << 28), 0), None);
    }
}
