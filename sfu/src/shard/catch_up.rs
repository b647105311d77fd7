//! A slot that comes to a feed late starts from what its layer's ring still holds.
//!
//! A short past leaves at once. A longer one is caught up with: from the newest keyframe on, faster
//! than it was published, until the slot has come to the present and goes on with everybody else; a
//! keyframe that comes meanwhile ends it sooner. What leaves later than the pictures' own pace says
//! has times to match, so a receiver sees a stream that is on time, only faster.

use std::time::{Duration, Instant};

use crate::command::{Event, Step};
use crate::conference::ConferenceKey;
use crate::egress::{Egress, close};
use crate::fanout::shown;
use crate::kind::MediaKind;
use crate::peer::PeerKey;
use crate::rung::Rung;
use crate::shard::Shard;
use crate::slot::rewriter::Source;

/// Most packets that leave at once.
///
/// Higher: more slots are started in one message. Lower: less of a burst on a weak line (64 packets
/// of a 300 kbit/s picture are more than a second of it).
const AT_ONCE: u64 = 64;

/// How many times closer together the pictures are that leave at once.
const SQUEEZE: u8 = 32;

/// How many times faster than it was published a longer past is sent.
///
/// Higher: the present is reached sooner. Lower: less beyond what the picture takes anyway is asked
/// of the line, which must carry this multiple of it meanwhile.
const PACE: u8 = 2;

/// Most slots that catch up at the same time. One more is shown the keyframe alone, and goes on with
/// the next.
///
/// Higher: more of a storm of joins sees moving pictures at once. Lower: less is sent besides what
/// everybody gets (each takes up to [`PACE`] times its picture's rate).
const MAX_CATCHING_UP: usize = 64;

/// Most packets of one turn: the others of the conference wait no longer than that.
const PER_TURN: usize = 32;

/// Time between two turns of a slot that has sent what is due.
const STEP: Duration = Duration::from_millis(10);

/// Late slots that may wait; one more waits for the next keyframe instead.
const MAX_LATE: usize = 65_536;

/// A slot that was pointed at a feed while media flowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    peer: PeerKey,
    slot: u8,
}

/// A slot on its way from the past to the present.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchingUp {
    late: Late,
    source: Source,
    /// RTP time of the keyframe, and clock rate.
    first: u32,
    rate: u32,
    /// The next number to send.
    next: u64,
    began: Instant,
    due: Instant,
    /// The keyframe only.
    still: bool,
}

/// What a turn came to.
enum Turn {
    Again(Instant),
    Present,
    /// It cannot go on but with another keyframe.
    Stuck,
    Gone,
}

impl CatchingUp {
    /// How long after the beginning a picture is due.
    fn due_after(&self, timestamp: u32) -> Duration {
        let since = timestamp.wrapping_sub(self.first).cast_signed();
        let ticks = u64::try_from(since).unwrap_or(0);
        Duration::from_micros(ticks * 1_000_000 / u64::from(self.rate) / u64::from(PACE))
    }
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

    /// Notes all slots that are pointed at a feed, which has turned to a picture whose next keyframe
    /// cannot be had by asking.
    pub(super) fn catch_up_feed(&mut self, key: ConferenceKey, index: usize) {
        let Some(conference) = self.conferences.at(key) else {
            return;
        };
        let peers = conference
            .peers
            .iter()
            .filter_map(|key| Some((*key, self.peers.at(*key)?)));
        let slots = peers.flat_map(|(peer, state)| {
            let is_on = move |watching: &&(u16, u8)| usize::from(watching.0) == index;
            let slots = state.watching.iter().filter(is_on);
            slots.map(move |(_, slot)| Late { peer, slot: *slot })
        });
        let room = MAX_LATE.saturating_sub(self.late.len());
        self.late.extend(slots.take(room));
    }

    /// Starts the next late slot, in the outbox. Returns whether there was one.
    pub(super) fn start_next_late(&mut self, now: Instant) -> bool {
        let Some(late) = self.late.pop_front() else {
            return false;
        };
        let departed = |shard: &Self| shard.peers.at(late.peer).map(|peer| peer.departed.packets);
        let had_begun = departed(self) != Some(0);
        let wanted = self.start(now, late);
        self.close_turn(now, late.peer);
        if let Some(peer) = self
            .peers
            .at(late.peer)
            .filter(|peer| peer.departed.packets > 0)
            && !had_begun
        {
            let (peer, step) = (peer.id, Step::Media);
            self.events.push_back(Event::PeerReached { peer, step });
        }
        if let Some((conference, source, is_patient)) = wanted {
            self.wish_for(now, conference, source, is_patient);
            self.send_keyframe_requests(now);
        }
        true
    }

    /// Starts a late slot with its layer's newest keyframe. Returns what must be asked for a
    /// keyframe, by whom, and whether that is patient: where none is held, and where one is nearer than
    /// the present.
    fn start(&mut self, now: Instant, late: Late) -> Option<(ConferenceKey, Source, bool)> {
        let peer = self.peers.get_mut(late.peer)?;
        let room = peer.cold.line.as_ref().and_then(|line| line.room(now));
        let (id, conference) = (peer.id, peer.conference);
        let (mut egress, (slots, _)) = Egress::open(now, peer, &mut self.outbox, &mut self.stats)?;
        let slot = slots.get_mut(usize::from(late.slot))?;
        if slot.rung <= Rung::Stills {
            return None;
        }
        let feeds = &self.conferences.at(conference)?.feeds;
        let key = feeds.get(usize::from(slot.feed?))?.shows?;
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
        let wanted = (conference, source, slot.is_patient);
        let ring = &publication.layers.get(usize::from(layer))?.ring;
        // What is held of one that has stopped because nobody looked is of long ago.
        let keyframe = ring.keyframe().filter(|_| !publication.demand.sleeps());
        let Some(first) = keyframe.filter(|_| publication.pending.is_flowing(layer)) else {
            return Some(wanted);
        };
        let group = ring.group(AT_ONCE);
        let bytes = group.map_or(0, |(first, last)| {
            let packets = (first.sequence..=last.sequence).filter_map(|number| ring.get(number));
            packets.map(|packet| packet.payload.len()).sum::<usize>()
        });
        let group = group.filter(|_| room.is_none_or(|room| bytes <= room.at_once));
        // On a weak line what is too much at once may not be soon, and nobody else pays for it.
        let is_soon = bytes > 0 && room.is_some_and(|room| bytes <= room.all);
        if group.is_none() && publication.answers_requests() && !is_soon {
            return Some(wanted);
        }
        let shown = shown(key, publication, true);
        let squeeze = if group.is_some() { SQUEEZE } else { PACE };
        if let Err(reason) = slot.catch_up(now, &shown, layer, first, squeeze) {
            egress.refuse(reason);
            return None;
        }
        if let Some((first, last)) = group {
            for packet in (first.sequence..=last.sequence).filter_map(|number| ring.get(number)) {
                egress.send(now, slot, packet, 0);
            }
            slot.caught_up(last);
            self.stats.caught_up += 1;
            return None;
        }
        let is_moving = |other: &&CatchingUp| !other.still;
        self.catching_up.push_back(CatchingUp {
            late,
            source,
            first: first.timestamp,
            rate: publication.codec.clock_rate(),
            next: first.sequence,
            began: now,
            due: now,
            still: self.catching_up.iter().filter(is_moving).count() >= MAX_CATCHING_UP,
        });
        (!is_soon && !publication.ignores_requests()).then_some(wanted)
    }

    /// When a slot that catches up has its next turn.
    pub(super) fn next_catching_up(&self) -> Option<Instant> {
        self.catching_up.iter().map(|slot| slot.due).min()
    }

    /// Sends what is due of the next slot that catches up, in the outbox. Returns whether there was
    /// one.
    pub(super) fn catch_up_next(&mut self, now: Instant) -> bool {
        let is_due = |slot: &CatchingUp| slot.due <= now;
        let Some(index) = self.catching_up.iter().position(is_due) else {
            return false;
        };
        let Some(mut slot) = self.catching_up.remove(index) else {
            return false;
        };
        let turn = self.take_turn(now, &mut slot);
        self.close_turn(now, slot.late.peer);
        match turn {
            Some(Turn::Again(due)) => {
                slot.due = due;
                self.catching_up.push_back(slot);
            }
            Some(Turn::Present) => self.stats.caught_up += 1,
            Some(Turn::Stuck) => {
                self.wish(slot.source.publication, slot.source.layer);
                self.send_keyframe_requests(now);
            }
            Some(Turn::Gone) | None => {}
        }
        true
    }

    fn close_turn(&mut self, now: Instant, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key) {
            close(now, peer, &mut self.outbox, &mut self.stats);
        }
    }

    /// One turn of a slot that catches up; `None` when it is gone.
    fn take_turn(&mut self, now: Instant, state: &mut CatchingUp) -> Option<Turn> {
        let peer = self.peers.get_mut(state.late.peer)?;
        let conference = self.conferences.at(peer.conference);
        let (mut egress, (slots, _)) = Egress::open(now, peer, &mut self.outbox, &mut self.stats)?;
        let slot = slots.get_mut(usize::from(state.late.slot))?;
        if !slot.is_behind(state.source) {
            return Some(Turn::Gone);
        }
        let (key, layer) = (state.source.publication, state.source.layer);
        let feed = slot
            .feed
            .and_then(|feed| conference?.feeds.get(usize::from(feed)));
        let is_shown = feed.is_some_and(|feed| feed.still_shows(now, key));
        let publication = self.publications.get(key).filter(|_| is_shown);
        let Some(publication) = publication.filter(|it| it.pending.is_flowing(layer)) else {
            slot.stop();
            return Some(Turn::Gone);
        };
        let ring = &publication.layers.get(usize::from(layer))?.ring;
        let highest = ring.highest()?;
        for _ in 0..PER_TURN {
            if state.next > highest {
                // It has come to the present: from here on it is one of all.
                let Some(newest) = ring.get(highest) else {
                    slot.stop();
                    return Some(Turn::Stuck);
                };
                slot.caught_up(newest);
                return Some(Turn::Present);
            }
            let Some(packet) = ring.get(state.next) else {
                // Lost on the way here, or no longer held.
                state.next += 1;
                continue;
            };
            if state.still && packet.timestamp != state.first {
                slot.stop();
                return Some(Turn::Stuck);
            }
            let due = state.began + state.due_after(packet.timestamp);
            if due > now {
                return Some(Turn::Again(due.max(now + STEP)));
            }
            egress.send(now, slot, packet, 0);
            state.next += 1;
        }
        Some(Turn::Again(now))
    }
}
