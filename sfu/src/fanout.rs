//! One generation of a conference's packets on its way to every slot that shows them.
//!
//! Receiver by receiver, so that all that one receiver gets leaves in one message and its keys are
//! touched once. A generation is resumed where it stopped, so that arrivals are read in between.

use std::cmp::Reverse;
use std::mem::offset_of;
use std::ops::Range;
use std::time::Instant;

use crate::conference::{Conference, ConferenceKey};
use crate::drop_reason::DropReason;
use crate::egress::{Egress, close};
use crate::id::PeerId;
use crate::kind::MediaKind;
use crate::outbox::Outbox;
use crate::packet::{Packet, SharedPacket};
use crate::peer::Peer;
use crate::prefetch::prefetch;
use crate::priority::Priority;
use crate::publication::layer::ClockPair;
use crate::publication::{MAX_LAYERS, Publication, PublicationKey};
use crate::slot::{Shown, Slot, rewriter};
use crate::stats::Stats;
use crate::table::Table;

/// Most packets of one generation over all feeds; what is left goes with the next.
///
/// Bounded so that one receiver's share fits the outbox.
pub const MAX_BATCH: usize = 64;

/// Largest difference in length that is evened out with padding.
///
/// Encoders split a frame into packets that differ by a byte or two, which would end a message's
/// run of equal segments. Higher: fewer messages. Lower: fewer wasted bytes.
const MAX_EVENING: usize = 8;

/// Receivers from which on incomplete pictures wait for their end: a message more for each of them
/// costs more than the wait.
const HOLD_FROM: usize = 16;

/// How many receivers ahead memory is asked for, in two steps: a receiver's turn takes some µs.
///
/// Higher: what was fetched may be gone again when its turn comes. Lower: it may not be there yet.
const KEYS_AHEAD: usize = 8;
const SLOTS_AHEAD: usize = 4;

/// One publication that a feed shows, and its packets of this generation.
#[derive(Debug)]
struct Source {
    shown: Shown,
    owner: PeerId,
    packets: Range<usize>,
    wants_keyframe: [bool; MAX_LAYERS],
    /// Who would go on with one of these waits for it because of its own line alone.
    may_have_keyframe: [bool; MAX_LAYERS],
}

impl Source {
    /// Has the slot decide about one packet.
    #[inline]
    fn select(&mut self, now: Instant, slot: &mut Slot, packet: &Packet) -> Result<(), DropReason> {
        let mut wanted = None;
        let selected = slot.select(now, &self.shown, packet, &mut wanted);
        if let Some(layer) = wanted {
            let flags = if slot.is_patient {
                &mut self.may_have_keyframe
            } else {
                &mut self.wants_keyframe
            };
            if let Some(flag) = flags.get_mut(usize::from(layer)) {
                *flag = true;
            }
        }
        selected
    }
}

#[derive(Debug)]
struct Work {
    feed: u16,
    sources: Range<usize>,
}

/// A generation under way.
#[derive(Debug)]
pub struct Fanout {
    /// Whose.
    pub conference: ConferenceKey,
    /// Index of the next receiver.
    pub cursor: usize,
    /// To whom the first packet of all has been written, if to anybody since this was last taken.
    pub begun: Option<PeerId>,
    mask: u64,
    work: Vec<Work>,
    sources: Vec<Source>,
    /// Packets and the padding that evens their lengths.
    packets: Vec<(SharedPacket, u8)>,
    candidates: Vec<Candidate>,
    taken: Vec<Taken>,
    scratch: Vec<SharedPacket>,
}

/// A publication that a feed may show.
#[derive(Debug)]
struct Candidate {
    feed: u16,
    publication: PublicationKey,
    wanted: bool,
}

/// A publication's packets of this generation, taken once for all feeds that show it.
#[derive(Debug)]
struct Taken {
    publication: PublicationKey,
    priority: Priority,
    packets: Range<usize>,
}

impl Fanout {
    /// An empty one; its memory is used again and again.
    pub fn new() -> Self {
        Self {
            conference: ConferenceKey::new(0, 0),
            cursor: 0,
            begun: None,
            mask: 0,
            work: Vec::new(),
            sources: Vec::new(),
            packets: Vec::new(),
            candidates: Vec::new(),
            taken: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Takes what waits in the conference. Returns whether there is anything to send. `wishes` gets
    /// the publications that need a keyframe, having been left out.
    pub fn begin(
        &mut self,
        now: Instant,
        conference: &mut Conference,
        publications: &mut Table<Publication>,
        wishes: &mut Vec<PublicationKey>,
        stats: &mut Stats,
    ) -> bool {
        self.cursor = 0;
        self.mask = 0;
        self.work.clear();
        self.sources.clear();
        self.packets.clear();
        self.find_candidates(now, conference);
        let waits = self.taken.iter().filter_map(|taken| {
            let oldest = publications.get(taken.publication)?.pending.oldest()?;
            Some(now.saturating_duration_since(oldest))
        });
        let waited = waits.max().unwrap_or_default();
        stats.fanout_wait_micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        conference.overload.note(now, waited);
        self.take_all(now, conference, publications, wishes, stats);
        self.make_work(publications);
        !self.work.is_empty()
    }

    /// Lists what the feeds show, and each publication once.
    fn find_candidates(&mut self, now: Instant, conference: &mut Conference) {
        self.candidates.clear();
        self.taken.clear();
        for (index, feed) in (0u16..).zip(conference.feeds.iter_mut()) {
            if feed.slots == 0 {
                continue;
            }
            let priority = feed.name.priority();
            let previous = feed.previous(now);
            for (publication, wanted) in [(feed.shows, true), (previous, false)] {
                let Some(publication) = publication else {
                    continue;
                };
                self.candidates.push(Candidate {
                    feed: index,
                    publication,
                    wanted,
                });
                let known = self
                    .taken
                    .iter_mut()
                    .find(|taken| taken.publication == publication);
                match known {
                    Some(taken) => taken.priority = taken.priority.max(priority),
                    None => self.taken.push(Taken {
                        publication,
                        priority,
                        packets: 0..0,
                    }),
                }
            }
        }
    }

    /// Takes the packets that are to leave, and leaves out what the conference must go without.
    fn take_all(
        &mut self,
        now: Instant,
        conference: &mut Conference,
        publications: &mut Table<Publication>,
        wishes: &mut Vec<PublicationKey>,
        stats: &mut Stats,
    ) {
        let shed = conference.overload.shed();
        let hold = conference.peers.len() >= HOLD_FROM;
        let mut has_more = false;
        let mut held_until = None;
        // Of a generation that is full a long picture has what is left over, and sound all.
        self.taken
            .sort_unstable_by_key(|taken| Reverse(taken.priority));
        for taken in &mut self.taken {
            let Some(publication) = publications.get_mut(taken.publication) else {
                continue;
            };
            if Some(taken.priority) <= shed {
                publication.shed();
            } else if publication.pending.resume() {
                publication.want_keyframes();
                wishes.push(taken.publication);
            }
            if let Some(frames) = stats.shed_frames.get_mut(taken.priority as usize) {
                *frames += publication.pending.take_shed();
            }
            let start = self.packets.len();
            let ready = publication.pending.ready(now, hold);
            let count = ready.min(MAX_BATCH.saturating_sub(start));
            publication.pending.take(count, &mut self.scratch);
            self.packets
                .extend(self.scratch.drain(..).map(|packet| (packet, 0)));
            if publication.kind == MediaKind::Video
                && let Some(packets) = self.packets.get_mut(start..)
            {
                even_out(packets);
            }
            taken.packets = start..self.packets.len();
            has_more |= count < ready;
            if let Some(due) = publication.pending.due() {
                held_until = Some(held_until.map_or(due, |until| due.min(until)));
            }
        }
        conference.has_pending = held_until.is_some();
        conference.held_until = held_until.filter(|_| !has_more);
    }

    /// Pairs feeds with what was taken.
    fn make_work(&mut self, publications: &Table<Publication>) {
        for candidates in self.candidates.chunk_by(|a, b| a.feed == b.feed) {
            let first = self.sources.len();
            for candidate in candidates {
                let taken = self
                    .taken
                    .iter()
                    .find(|taken| taken.publication == candidate.publication);
                let Some(taken) = taken.filter(|taken| !taken.packets.is_empty()) else {
                    continue;
                };
                let Some(publication) = publications.get(taken.publication) else {
                    continue;
                };
                self.sources.push(Source {
                    shown: shown(taken.publication, publication, candidate.wanted),
                    owner: publication.id.peer,
                    packets: taken.packets.clone(),
                    wants_keyframe: [false; MAX_LAYERS],
                    may_have_keyframe: [false; MAX_LAYERS],
                });
            }
            if let Some(candidate) = candidates.first()
                && self.sources.len() > first
            {
                self.work.push(Work {
                    feed: candidate.feed,
                    sources: first..self.sources.len(),
                });
                self.mask |= 1 << (candidate.feed % 64);
            }
        }
    }

    /// Writes to the outbox what the next receivers get, until something is in it or all are
    /// served. Returns whether there is more to do.
    pub fn advance(
        &mut self,
        now: Instant,
        conference: &Conference,
        peers: &mut Table<Peer>,
        outbox: &mut Outbox,
        stats: &mut Stats,
    ) -> bool {
        while let Some(key) = conference.peers.get(self.cursor) {
            self.look_ahead(conference, peers);
            self.cursor += 1;
            let Some(peer) = peers.at_mut(*key) else {
                continue;
            };
            if peer.feed_mask & self.mask == 0 {
                continue;
            }
            let has_begun = peer.departed.packets > 0;
            self.serve(now, peer, outbox, stats);
            if !has_begun && peer.departed.packets > 0 {
                self.begun = Some(peer.id);
            }
            if !outbox.is_empty() {
                return true;
            }
        }
        false
    }

    /// Begins to fetch what the next receivers' turns will need: first the receiver with its keys,
    /// then, when it can be read without waiting, its slots.
    #[inline]
    fn look_ahead(&self, conference: &Conference, peers: &Table<Peer>) {
        if let Some(key) = conference.peers.get(self.cursor + KEYS_AHEAD) {
            peers.prefetch(*key, offset_of!(Peer, slots));
        }
        let key = conference.peers.get(self.cursor + SLOTS_AHEAD);
        if let Some(peer) = key.and_then(|key| peers.at(*key)) {
            for (feed, slot) in &peer.watching {
                if self.mask >> (feed % 64) & 1 == 1
                    && let Some(slot) = peer.slots.get(usize::from(*slot))
                {
                    prefetch(slot, size_of::<Slot>());
                }
            }
        }
    }

    #[inline]
    fn serve(&mut self, now: Instant, peer: &mut Peer, outbox: &mut Outbox, stats: &mut Stats) {
        let id = peer.id;
        let Some((mut egress, (slots, watching))) = Egress::open(now, peer, outbox, stats) else {
            return;
        };
        for (feed, slot) in watching {
            let Some(work) = self.work.iter().find(|work| work.feed == *feed) else {
                continue;
            };
            let Some(slot) = slots.get_mut(usize::from(*slot)) else {
                continue;
            };
            let sources = self.sources.get_mut(work.sources.clone());
            for source in sources.into_iter().flatten() {
                if source.owner == id {
                    egress.refuse(DropReason::OwnPublication);
                    continue;
                }
                let packets = self.packets.get(source.packets.clone());
                for (packet, padding) in packets.into_iter().flatten() {
                    match source.select(now, slot, packet) {
                        Ok(()) => egress.send(now, slot, packet, *padding),
                        Err(reason) => egress.refuse(reason),
                    }
                }
            }
        }
        egress.attach_report();
        close(now, peer, outbox, stats);
    }

    /// The layers that some slot could go on or go higher with, given a keyframe, and whether all who
    /// could are patient.
    pub fn keyframes_wanted(&self) -> impl Iterator<Item = (rewriter::Source, bool)> {
        self.sources.iter().flat_map(|source| {
            let flags = source.wants_keyframe.into_iter();
            let flags = flags.zip(source.may_have_keyframe);
            (0u8..)
                .zip(flags)
                .filter(|(_, (wanted, may_come))| *wanted || *may_come)
                .map(|(layer, (wanted, _))| {
                    let publication = source.shown.publication;
                    (rewriter::Source { publication, layer }, !wanted)
                })
        })
    }
}

impl Default for Fanout {
    fn default() -> Self {
        Self::new()
    }
}

/// What slots must know of a publication.
pub fn shown(key: PublicationKey, publication: &Publication, wanted: bool) -> Shown {
    let mut clocks: [Option<ClockPair>; MAX_LAYERS] = [None; MAX_LAYERS];
    for (place, layer) in clocks.iter_mut().zip(&publication.layers) {
        *place = layer.clock;
    }
    Shown {
        publication: key,
        codec: publication.codec,
        best: publication.best(),
        clocks,
        restarts: publication.pending.restarts(),
        wanted,
    }
}

/// Gives packets of one frame that differ by a few bytes the length of the longest, except for a
/// last one that may be shorter anyway.
fn even_out(packets: &mut [(SharedPacket, u8)]) {
    let same_frame =
        |a: &SharedPacket, b: &SharedPacket| a.layer == b.layer && a.timestamp == b.timestamp;
    for frame in packets.chunk_by_mut(|a, b| same_frame(&a.0, &b.0)) {
        let longest = frame
            .iter()
            .map(|(packet, _)| packet.payload.len())
            .max()
            .unwrap_or(0);
        let last = frame.len().saturating_sub(1);
        for (index, (packet, padding)) in frame.iter_mut().enumerate() {
            let missing = longest - packet.payload.len();
            if index < last && missing <= MAX_EVENING && !packet.payload.is_empty() {
                *padding = u8::try_from(missing).unwrap_or(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::codec::Seen;
    use crate::feed::FeedName;
    use crate::id::{ConferenceId, PublicationId};
    use crate::kind::Codec;
    use crate::testing::epoch;

    fn packet(length: usize, timestamp: u32) -> (SharedPacket, u8) {
        let packet = Packet {
            arrived: epoch(),
            layer: 0,
            sequence: 0,
            timestamp,
            marker: false,
            seen: Seen::default(),
            level: None,
            payload: Bytes::from(vec![1; length]),
            redundant: None,
        };
        (Arc::new(packet), 0)
    }

    #[test]
    fn packets_of_a_frame_get_one_length_but_for_the_last() {
        let mut packets = [
            packet(999, 1),
            packet(1_000, 1),
            packet(998, 1),
            packet(500, 2),
            packet(999, 2),
        ];
        even_out(&mut packets);
        assert_eq!(packets.map(|(_, padding)| padding), [1, 0, 0, 0, 0]);
    }

    fn publication(mline: u8, kind: MediaKind) -> Publication {
        let (conference, codec) = match kind {
            MediaKind::Audio => (ConferenceId(1), Codec::Opus),
            MediaKind::Video => (ConferenceId(1), Codec::Vp8),
        };
        let id = PublicationId {
            peer: PeerId(1),
            mline,
        };
        Publication::new(id, conference, kind, codec, 1)
    }

    #[test]
    fn sound_does_not_wait_behind_a_long_picture() {
        let mut conference = Conference::new(ConferenceId(1));
        let mut publications = Table::default();
        let feeds = [
            (FeedName::Stage(0), MediaKind::Video),
            (FeedName::Audio { bank: 1, place: 0 }, MediaKind::Audio),
        ];
        for (mline, (name, kind)) in (0..).zip(feeds) {
            let mut shown = publication(mline, kind);
            let packets = if kind == MediaKind::Video { 200 } else { 1 };
            for number in 0..packets {
                let (packet, _) = packet(1_000, 1);
                let packet = Packet {
                    sequence: number,
                    ..Packet::clone(&packet)
                };
                shown.pending.push(Arc::new(packet), Some(true));
            }
            let key = publications.insert(shown);
            let (feed, _) = conference.point(name, 2).expect("room");
            conference.feeds[usize::from(feed)].turn_to(epoch(), Some(key));
        }
        let (mut fanout, mut wishes) = (Fanout::new(), Vec::new());
        let stats = &mut Stats::default();
        fanout.begin(
            epoch(),
            &mut conference,
            &mut publications,
            &mut wishes,
            stats,
        );
        let taken = |priority| {
            let taken = fanout.taken.iter().find(|taken| taken.priority == priority);
            taken.map(|taken| taken.packets.len())
        };
        assert_eq!(taken(Priority::Audio), Some(1));
        assert_eq!(taken(Priority::Main), Some(MAX_BATCH - 1));
    }
}
