//! Outgoing numbering of one slot: sequence numbers, timestamps and VP8 numbers that go on without
//! a break whatever the slot shows.
//!
//! The one owner of a slot's extended sequence number. No number is handed out twice, which is what
//! keeps an AEAD nonce from being used twice (RFC 7714 §8.1).

use std::time::Instant;

use crate::codec::vp8::Running;
use crate::drop_reason::DropReason;
use crate::packet::Packet;
use crate::publication::PublicationKey;
use crate::redundancy::Redundancy;
use crate::slot::left_out::LeftOut;

/// Former runs remembered for NACKs.
const OLDER_RUNS: usize = 3;

/// Missing packets after which a stream counts as torn off rather than lossy.
///
/// Higher: receivers ask for repairs that will never come. Lower: a burst of loss costs a keyframe.
const MAX_GAP: u64 = 128;

/// One layer of one publication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Source {
    /// Which publication.
    pub publication: PublicationKey,
    /// Which of its layers.
    pub layer: u8,
}

/// How packets of one run look when they leave, apart from their sequence numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Look {
    /// Index of the codec among the slot's.
    pub codec: u8,
    /// How much of what came before sound carries.
    pub redundancy: Redundancy,
    /// How many times closer together its pictures are than they were published.
    squeeze: u8,
    tl0_offset: u8,
    picture_offset: u16,
    /// RTP time from which squeezing is counted.
    first: u32,
    timestamp_offset: u32,
}

impl Look {
    /// The outgoing timestamp of an incoming one.
    #[inline]
    pub const fn timestamp(self, incoming: u32) -> u32 {
        if self.squeeze <= 1 {
            return incoming.wrapping_add(self.timestamp_offset);
        }
        let since = incoming.wrapping_sub(self.first).cast_signed() / self.squeeze as i32;
        self.first
            .wrapping_add(self.timestamp_offset)
            .wrapping_add(since.cast_unsigned())
    }

    /// The outgoing picture id of an incoming one.
    #[inline]
    pub const fn picture(self, value: u16) -> u16 {
        value.wrapping_add(self.picture_offset)
    }

    /// The outgoing TL0PICIDX of an incoming one.
    #[inline]
    pub const fn tl0(self, value: u8) -> u8 {
        value.wrapping_add(self.tl0_offset)
    }
}

/// A stretch over which outgoing and incoming numbers belong together.
///
/// How a packet leaves follows from its run and from itself alone, and for packets that have left a
/// run never changes: so one that is repeated under its own number is the very same.
#[derive(Clone, Debug)]
struct Run {
    source: Source,
    first_in: u64,
    first_out: u64,
    look: Look,
    /// Made with the first packet that carries no media.
    left_out: Option<Box<LeftOut>>,
}

impl Run {
    /// The outgoing number of an incoming one, which is not before the run.
    #[inline]
    fn outgoing(&self, sequence: u64) -> Option<u64> {
        let nth = sequence.checked_sub(self.first_in)?;
        let left_out = match &self.left_out {
            Some(left_out) => left_out.before(sequence)?,
            None => 0,
        };
        Some(self.first_out + nth - left_out)
    }

    /// The incoming number of an outgoing one, which is not before the run.
    fn incoming(&self, sequence: u64) -> Option<u64> {
        let nth = sequence.checked_sub(self.first_out)?;
        match &self.left_out {
            Some(left_out) => left_out.nth(self.first_in, nth),
            None => Some(self.first_in + nth),
        }
    }
}

/// A packet's place on its way out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Placed {
    /// Extended outgoing sequence number: its low 48 bits are the SRTP index.
    pub sequence: u64,
    /// How it looks.
    pub look: Look,
}

/// Where a packet that has left came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// What was shown.
    pub source: Source,
    /// Its number there.
    pub incoming: u64,
    /// How it left.
    pub placed: Placed,
}

/// Outgoing numbering of one slot.
#[derive(Debug)]
pub struct Rewriter {
    run: Option<Run>,
    /// The next number that was never used.
    next: u64,
    /// Which of the 64 numbers below `next` were used; bit 0 is `next − 1`.
    used: u64,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    last_picture: u16,
    last_tl0: u8,
    /// Made with the first switch; most slots never have one.
    older: Option<Box<[Option<Run>; OLDER_RUNS]>>,
}

impl Rewriter {
    /// Numbering that starts at `first`, which must be below 2^15 so that a receiver's roll-over
    /// counter starts at 0 (RFC 3711 §3.3.1).
    pub fn new(first: u16, timestamp: u32) -> Self {
        Self {
            run: None,
            next: u64::from(first & 0x7fff),
            used: 0,
            last_timestamp: timestamp,
            last_sent: None,
            last_picture: 0,
            last_tl0: 0,
            older: None,
        }
    }

    /// What is shown at present.
    #[inline]
    pub fn source(&self) -> Option<Source> {
        self.run.as_ref().map(|run| run.source)
    }

    /// How packets of what is shown look.
    pub fn look(&self) -> Option<Look> {
        self.run.as_ref().map(|run| run.look)
    }

    /// Whether so much is missing before this packet of the present source that it cannot just be
    /// continued, or something was left out on purpose before `restart`.
    #[inline]
    pub fn is_torn(&self, sequence: u64, restart: u64) -> bool {
        self.run.as_ref().is_some_and(|run| {
            let is_ahead = |outgoing| outgoing > self.next + MAX_GAP;
            run.outgoing(sequence).is_some_and(is_ahead)
                || (run.first_in < restart && sequence >= restart)
        })
    }

    /// Whether a number of the present source has been passed.
    pub fn is_past(&self, sequence: u64) -> bool {
        let run = self.run.as_ref();
        run.is_some_and(|run| run.outgoing(sequence).is_none_or(|out| out < self.next))
    }

    /// When the newest packet left.
    pub const fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// The newest outgoing timestamp.
    pub const fn last_timestamp(&self) -> u32 {
        self.last_timestamp
    }

    /// Stops showing anything; the numbers will go on from here.
    pub fn stop(&mut self) {
        if let Some(run) = self.run.take() {
            let older = self.older.get_or_insert_default();
            older.rotate_right(1);
            if let Some(newest) = older.first_mut() {
                *newest = Some(run);
            }
        }
    }

    /// From `packet` on shows `source`, in the slot's codec number `codec`.
    ///
    /// `aligned` is the outgoing timestamp that keeps the clock when the new source's clock is
    /// known to run beside the old one's; otherwise the time that passed since the last packet is
    /// used. `rate` is the clock rate in Hz.
    pub fn switch(
        &mut self,
        now: Instant,
        source: Source,
        packet: &Packet,
        aligned: Option<u32>,
        (codec, rate): (u8, u32),
    ) {
        let elapsed = self.last_sent.map_or(0, |last| {
            let micros = now.saturating_duration_since(last).as_micros();
            #[expect(clippy::cast_possible_truncation, reason = "RTP time wraps at 2^32")]
            let ticks = (micros * u128::from(rate) / 1_000_000) as u32;
            ticks.max(1)
        });
        let by_clock = self.last_timestamp.wrapping_add(elapsed);
        let is_ahead = |timestamp: u32| {
            let ahead = timestamp.wrapping_sub(self.last_timestamp).cast_signed();
            // Further ahead than ten seconds the clocks do not belong together after all.
            ahead > 0 && ahead.unsigned_abs() < rate.saturating_mul(10)
        };
        let target = aligned
            .filter(|timestamp| is_ahead(*timestamp))
            .unwrap_or(by_clock);
        let running = packet.seen.vp8;
        let picture = running.and_then(|running| running.picture);
        let tl0 = running.and_then(|running| running.tl0);
        let look = Look {
            codec,
            redundancy: Redundancy::None,
            squeeze: 1,
            tl0_offset: tl0.map_or(0, |(_, tl0)| {
                self.last_tl0.wrapping_add(1).wrapping_sub(tl0)
            }),
            picture_offset: picture.map_or(0, |picture| {
                let next = self.last_picture.wrapping_add(1);
                next.wrapping_sub(picture.value)
            }),
            first: packet.timestamp,
            timestamp_offset: target.wrapping_sub(packet.timestamp),
        };
        self.begin(source, packet.sequence, look);
    }

    fn begin(&mut self, source: Source, first_in: u64, look: Look) {
        self.stop();
        self.run = Some(Run {
            source,
            first_in,
            first_out: self.next,
            look,
            left_out: None,
        });
    }

    /// Has what follows the newest packet carry so much of what came before. What comes later than
    /// that and belongs before it is left out.
    pub fn set_redundancy(&mut self, redundancy: Redundancy) {
        let Some(run) = &mut self.run else {
            return;
        };
        if run.first_out == self.next {
            run.look.redundancy = redundancy;
            return;
        }
        let newest = self.next.checked_sub(1).and_then(|it| run.incoming(it));
        if let Some(newest) = newest.filter(|_| run.look.redundancy != redundancy) {
            let (source, look) = (run.source, run.look);
            let look = Look { redundancy, ..look };
            self.begin(source, newest + 1, look);
        }
    }

    /// Gives the pictures of a run that was just begun times `squeeze` times closer together than
    /// they were published with: it shows the past, and would stay behind for good otherwise.
    pub const fn squeeze(&mut self, squeeze: u8) {
        if let Some(run) = &mut self.run
            && run.first_out == self.next
        {
            run.look.squeeze = squeeze;
        }
    }

    /// Behind `last` of the present source goes on at the pace it is published with.
    pub fn go_on(&mut self, last: &Packet) {
        if let Some(run) = &self.run {
            let (source, look) = (run.source, run.look);
            let look = Look {
                squeeze: 1,
                timestamp_offset: look.timestamp(last.timestamp).wrapping_sub(last.timestamp),
                ..look
            };
            self.begin(source, last.sequence + 1, look);
        }
    }

    /// Numbers one packet of the present source. Each packet must be given once.
    ///
    /// # Errors
    /// When it is from before the switch or too late to be placed.
    #[inline]
    pub fn place(&mut self, now: Instant, packet: &Packet) -> Result<Placed, DropReason> {
        let run = self.run.as_ref().ok_or(DropReason::AwaitingKeyframe)?;
        let sequence = run.outgoing(packet.sequence);
        let sequence = sequence.ok_or(DropReason::BeforeSwitch)?;
        let look = run.look;
        self.claim(sequence)?;
        if sequence + 1 == self.next {
            self.last_timestamp = look.timestamp(packet.timestamp);
            self.last_sent = Some(now);
        }
        if let Some(Running { picture, tl0, .. }) = packet.seen.vp8 {
            self.note_vp8(
                picture.map(|picture| look.picture(picture.value)),
                tl0.map(|(_, tl0)| look.tl0(tl0)),
            );
        }
        Ok(Placed { sequence, look })
    }

    /// Notes the newest running numbers that have left.
    #[inline]
    const fn note_vp8(&mut self, picture: Option<u16>, tl0: Option<u8>) {
        if let Some(picture) = picture
            && picture.wrapping_sub(self.last_picture) & 0x7fff < 0x4000
        {
            self.last_picture = picture;
        }
        if let Some(tl0) = tl0
            && tl0.wrapping_sub(self.last_tl0) < 0x80
        {
            self.last_tl0 = tl0;
        }
    }

    /// Marks a number as used.
    #[inline]
    fn claim(&mut self, sequence: u64) -> Result<(), DropReason> {
        if sequence >= self.next {
            let step = sequence - self.next + 1;
            self.used = if step >= 64 { 1 } else { self.used << step | 1 };
            self.next = sequence + 1;
            return Ok(());
        }
        let back = self.next - 1 - sequence;
        if back >= 64 {
            return Err(DropReason::TooOld);
        }
        if self.used >> back & 1 == 1 {
            return Err(DropReason::Duplicate);
        }
        self.used |= 1 << back;
        Ok(())
    }

    /// Leaves out a packet of the present source that carries no media, so that its number leaves
    /// no gap. One after which something has left already stays a gap.
    pub fn skip(&mut self, sequence: u64) {
        let next = self.next;
        if let Some(run) = &mut self.run
            && run.outgoing(sequence).is_some_and(|free| free >= next)
        {
            let first = run.first_in;
            let left_out = &mut run.left_out;
            left_out
                .get_or_insert_with(|| Box::new(LeftOut::new(first)))
                .note(sequence);
        }
    }

    /// How many numbers were used after this one.
    pub fn behind(&self, outgoing: u64) -> u64 {
        self.next.saturating_sub(outgoing + 1)
    }

    /// The newest number that was used.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half leaves")]
    pub const fn newest(&self) -> u16 {
        self.next.wrapping_sub(1) as u16
    }

    /// Which incoming packet left with the 16-bit number `sequence`, looking back from the newest.
    pub fn origin(&self, sequence: u16) -> Option<Origin> {
        let outgoing = crate::rtp::extend_sequence(self.next.checked_sub(1)?, sequence);
        if outgoing >= self.next {
            return None;
        }
        let older = self.older.iter().flat_map(|older| older.iter().flatten());
        // The newest first: a run ends where the next begins.
        let mut runs = self.run.iter().chain(older);
        let run = runs.find(|run| run.first_out <= outgoing)?;
        Some(Origin {
            source: run.source,
            incoming: run.incoming(outgoing)?,
            placed: Placed {
                sequence: outgoing,
                look: run.look,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Seen;
    use crate::codec::vp8::PictureId;
    use crate::testing::epoch;

    /// The slot's first codec, of 90 kHz.
    const VIDEO: (u8, u32) = (0, 90_000);

    fn time(rewriter: &mut Rewriter, now: Instant, packet: &Packet) -> Result<u32, DropReason> {
        let placed = rewriter.place(now, packet)?;
        Ok(placed.look.timestamp(packet.timestamp))
    }

    /// Where number `sequence` came from.
    fn from(rewriter: &Rewriter, sequence: u16) -> Option<(Source, u64)> {
        let origin = rewriter.origin(sequence)?;
        Some((origin.source, origin.incoming))
    }

    fn source(index: u32, layer: u8) -> Source {
        Source {
            publication: PublicationKey::new(index, 0),
            layer,
        }
    }

    fn packet(sequence: u64, timestamp: u32) -> Packet {
        Packet {
            arrived: epoch(),
            layer: 0,
            sequence,
            timestamp,
            marker: false,
            seen: Seen::default(),
            level: None,
            payload: Bytes::new(),
            redundant: None,
        }
    }

    fn numbers(rewriter: &mut Rewriter, sequences: &[u64]) -> Vec<Result<u64, DropReason>> {
        let place = |s: &u64| rewriter.place(epoch(), &packet(*s, 0)).map(|p| p.sequence);
        sequences.iter().map(place).collect()
    }

    #[test]
    fn numbers_go_on_without_a_gap_over_a_switch() {
        let mut rewriter = Rewriter::new(100, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(65_536, 0), None, VIDEO);
        assert_eq!(
            numbers(&mut rewriter, &[65_536, 65_537, 65_539]),
            [Ok(100), Ok(101), Ok(103)]
        );
        rewriter.switch(epoch(), source(1, 0), &packet(9_000, 0), None, VIDEO);
        assert_eq!(
            numbers(&mut rewriter, &[9_000, 8_999]),
            [Ok(104), Err(DropReason::BeforeSwitch)]
        );
    }

    #[test]
    fn a_late_packet_takes_its_place_and_a_repeated_one_is_refused() {
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(10, 0), None, VIDEO);
        assert_eq!(
            numbers(&mut rewriter, &[10, 12, 11, 11, 12]),
            [
                Ok(0),
                Ok(2),
                Ok(1),
                Err(DropReason::Duplicate),
                Err(DropReason::Duplicate)
            ]
        );
        assert_eq!(
            numbers(&mut rewriter, &[100, 20]),
            [Ok(90), Err(DropReason::TooOld)]
        );
    }

    #[test]
    fn a_packet_without_media_leaves_no_gap() {
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(10, 0), None, VIDEO);
        assert_eq!(numbers(&mut rewriter, &[10, 12]), [Ok(0), Ok(2)]);
        rewriter.skip(13);
        assert_eq!(
            numbers(&mut rewriter, &[14, 11]),
            [Ok(3), Ok(1)],
            "the late one keeps its place"
        );
        assert_eq!(from(&rewriter, 3), Some((source(0, 0), 14)));
        assert_eq!(from(&rewriter, 1), Some((source(0, 0), 11)));
        assert_eq!(from(&rewriter, 4), None, "never sent");
    }

    #[test]
    fn packets_without_media_use_up_no_history() {
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(10, 0), None, VIDEO);
        for sequence in (10..250).step_by(2) {
            rewriter
                .place(epoch(), &packet(sequence, 0))
                .expect("fresh");
            rewriter.skip(sequence + 1);
        }
        for number in 0..120u16 {
            let incoming = 10 + 2 * u64::from(number);
            assert_eq!(from(&rewriter, number), Some((source(0, 0), incoming)));
        }
        assert_eq!(from(&rewriter, 120), None, "never sent");
    }

    #[test]
    fn what_left_before_a_switch_is_known_as_it_looked() {
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(10, 7), None, VIDEO);
        rewriter.place(epoch(), &packet(10, 7)).expect("fresh");
        let before = rewriter.look();
        rewriter.switch(
            epoch(),
            source(0, 2),
            &packet(900, 4_000),
            None,
            (1, 90_000),
        );
        rewriter.place(epoch(), &packet(900, 4_000)).expect("fresh");
        let origin = rewriter.origin(0).expect("sent");
        assert_eq!((origin.source, origin.incoming), (source(0, 0), 10));
        assert_eq!(Some(origin.placed.look), before);
        assert_eq!(from(&rewriter, 1), Some((source(0, 2), 900)));
    }

    #[test]
    fn time_goes_on_by_the_clock_when_sources_are_strangers() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 5_000);
        rewriter.switch(start, source(0, 0), &packet(1, 77), None, VIDEO);
        assert_eq!(time(&mut rewriter, start, &packet(1, 77)), Ok(5_000));
        let later = start + Duration::from_millis(100);
        rewriter.switch(later, source(1, 0), &packet(1, 4_000_000_000), None, VIDEO);
        let placed = time(&mut rewriter, later, &packet(1, 4_000_000_000));
        assert_eq!(placed, Ok(14_000));
    }

    #[test]
    fn an_aligned_time_is_taken_unless_it_would_go_back() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(start, source(0, 0), &packet(1, 0), None, VIDEO);
        rewriter.place(start, &packet(1, 0)).expect("placed");
        let later = start + Duration::from_millis(100);
        rewriter.switch(later, source(0, 1), &packet(1, 50), Some(9_300), VIDEO);
        let aligned = rewriter.look().map(|look| look.timestamp(50));
        assert_eq!(aligned, Some(9_300));
        rewriter.switch(later, source(0, 2), &packet(1, 50), Some(u32::MAX), VIDEO);
        let by_clock = rewriter.look().map(|look| look.timestamp(50));
        assert_eq!(by_clock, Some(9_000), "by the clock instead");
    }

    #[test]
    fn a_late_start_is_squeezed_and_goes_on_at_its_own_pace() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 1_000);
        let pictures: Vec<_> = (0..6u32)
            .map(|n| packet(10 + u64::from(n), n.wrapping_mul(3_200).wrapping_sub(9_600)))
            .collect();
        rewriter.switch(start, source(0, 0), &pictures[0], None, VIDEO);
        rewriter.squeeze(32);
        let mut times: Vec<_> = pictures[..4]
            .iter()
            .map(|packet| time(&mut rewriter, start, packet))
            .collect();
        rewriter.go_on(&pictures[3]);
        let rest = pictures[4..].iter();
        times.extend(rest.map(|packet| time(&mut rewriter, start, packet)));
        assert_eq!(
            times,
            [1_000, 1_100, 1_200, 1_300, 4_500, 7_700].map(Ok),
            "three pictures in 300 ticks, then 3,200 apart"
        );
        let second = rewriter.origin(1).expect("sent");
        let again = second.placed.look.timestamp(pictures[1].timestamp);
        assert_eq!(again, 1_100, "when repaired");
    }

    #[test]
    fn what_was_left_out_on_purpose_is_no_gap() {
        let now = epoch();
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(now, source(0, 0), &packet(10, 0), None, VIDEO);
        assert_eq!(numbers(&mut rewriter, &[10, 11]), [Ok(0), Ok(1)]);
        assert!(!rewriter.is_torn(20, 0));
        assert!(!rewriter.is_torn(19, 20), "a late one from before");
        assert!(rewriter.is_torn(20, 20));
        rewriter.switch(now, source(0, 0), &packet(20, 0), None, VIDEO);
        assert!(!rewriter.is_torn(21, 20), "once");
        assert_eq!(numbers(&mut rewriter, &[20]), [Ok(2)]);
    }

    #[test]
    fn picture_ids_continue_over_wraparound() {
        let mut rewriter = Rewriter::new(0, 0);
        let with_picture = |value| {
            let picture = Some(PictureId {
                value,
                offset: 2,
                wide: true,
            });
            let seen = Seen {
                keyframe: true,
                vp8: Some(Running {
                    picture,
                    tl0: Some((4, 200)),
                    temporal: None,
                }),
                ..Seen::default()
            };
            Packet {
                seen,
                ..packet(1, 0)
            }
        };
        let mut show = |index, ids: &[u16]| {
            let first = with_picture(ids[0]);
            rewriter.switch(epoch(), source(index, 0), &first, None, VIDEO);
            let numbers = (1u64..).zip(ids).map(|(sequence, id)| {
                let packet = Packet {
                    sequence,
                    ..with_picture(*id)
                };
                let look = rewriter.place(epoch(), &packet).expect("fresh").look;
                (look.picture(*id) & 0x7fff, look.tl0(200))
            });
            numbers.collect::<Vec<_>>()
        };
        let first = show(0, &[0x7ffe, 0x7fff, 0, 1]);
        assert_eq!(first, [(1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(show(1, &[77]), [(5, 2)]);
    }

    proptest! {
        /// Whatever arrives in whatever order, with switches and skips in between: no number twice.
        #[test]
        fn no_number_is_ever_used_twice(
            steps in proptest::collection::vec((0u8..8, 0u32..3, -70i64..70), 1..400)
        ) {
            let mut rewriter = Rewriter::new(40, 0);
            let mut used = HashSet::new();
            let mut newest = [1_000u64, 70_000, 400];
            for (action, which, offset) in steps {
                let newest = &mut newest[which as usize];
                *newest = newest.saturating_add(u64::from(offset == 0)).max(100);
                let sequence = newest.saturating_add_signed(offset);
                *newest = (*newest).max(sequence);
                match action {
                    0 => rewriter.switch(epoch(), source(which, 0), &packet(sequence, 0), None, VIDEO),
                    1 => rewriter.skip(sequence),
                    _ => if rewriter.source() == Some(source(which, 0))
                        && let Ok(placed) = rewriter.place(epoch(), &packet(sequence, 0)) {
                        prop_assert!(used.insert(placed.sequence), "{} twice", placed.sequence);
                    },
                }
            }
        }
    }
}
