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

/// Former runs remembered for late packets and NACKs.
const OLDER_RUNS: usize = 3;

/// Missing packets after which a stream counts as torn off rather than lossy.
///
/// Higher: receivers ask for repairs that will never come. Lower: a burst of loss costs a keyframe.
const MAX_GAP: u64 = 128;

/// How many times closer together the pictures are that a late slot is started with.
const SQUEEZE: u32 = 32;

/// One layer of one publication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Source {
    /// Which publication.
    pub publication: PublicationKey,
    /// Which of its layers.
    pub layer: u8,
}

/// A stretch over which outgoing and incoming numbers differ by a constant.
#[derive(Clone, Copy, Debug)]
struct Run {
    source: Source,
    first_in: u64,
    first_out: u64,
}

/// What replaces the packet's own numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rewritten {
    /// Extended outgoing sequence number: its low 48 bits are the SRTP index.
    pub sequence: u64,
    /// Outgoing RTP timestamp.
    pub timestamp: u32,
}

/// Outgoing numbering of one slot.
#[derive(Debug)]
pub struct Rewriter {
    run: Option<Run>,
    /// The next number that was never used.
    next: u64,
    /// Which of the 64 numbers below `next` were used; bit 0 is `next − 1`.
    used: u64,
    timestamp_offset: u32,
    /// Before this number of the present source, time is squeezed towards `anchor`; 0 for never.
    squeezed_until: u64,
    anchor: u32,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    picture_offset: u16,
    last_picture: u16,
    tl0_offset: u8,
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
            timestamp_offset: 0,
            squeezed_until: 0,
            anchor: 0,
            last_timestamp: timestamp,
            last_sent: None,
            picture_offset: 0,
            last_picture: 0,
            tl0_offset: 0,
            last_tl0: 0,
            older: None,
        }
    }

    /// What is shown at present.
    #[inline]
    pub fn source(&self) -> Option<Source> {
        self.run.map(|run| run.source)
    }

    /// Whether so much is missing before this packet of the present source that it cannot just be
    /// continued, or something was left out on purpose before `restart`.
    #[inline]
    pub fn is_torn(&self, sequence: u64, restart: u64) -> bool {
        self.run.is_some_and(|run| {
            sequence >= run.first_in
                && (run.first_out + (sequence - run.first_in) > self.next + MAX_GAP
                    || (run.first_in < restart && sequence >= restart))
        })
    }

    /// When the newest packet left.
    pub const fn last_sent(&self) -> Option<Instant> {
        self.last_sent
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

    /// From `packet` on shows `source`.
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
        rate: u32,
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
        self.timestamp_offset = target.wrapping_sub(packet.timestamp);
        self.squeezed_until = 0;
        if let Some(Running { picture, tl0 }) = packet.seen.vp8 {
            if let Some(picture) = picture {
                self.picture_offset = self
                    .last_picture
                    .wrapping_add(1)
                    .wrapping_sub(picture.value);
            }
            if let Some((_, tl0)) = tl0 {
                self.tl0_offset = self.last_tl0.wrapping_add(1).wrapping_sub(tl0);
            }
        }
        self.stop();
        self.run = Some(Run {
            source,
            first_in: packet.sequence,
            first_out: self.next,
        });
    }

    /// Shows `source` from the past: from `first`, a keyframe, to `last`, its newest packet.
    ///
    /// All that leaves at once, so its pictures are given times close together: played at their own
    /// pace they would keep the receiver behind for good.
    pub fn catch_up(
        &mut self,
        now: Instant,
        source: Source,
        first: &Packet,
        last: &Packet,
        rate: u32,
    ) {
        self.switch(now, source, first, None, rate);
        let span = last.timestamp.wrapping_sub(first.timestamp);
        // So far `first` has the place where the squeezed `first` must be.
        self.timestamp_offset = self.timestamp_offset.wrapping_sub(span - span / SQUEEZE);
        self.squeezed_until = last.sequence + 1;
        self.anchor = last.timestamp;
    }

    /// The outgoing timestamp of a packet of the present source.
    #[inline]
    pub fn timestamp_for(&self, packet: &Packet) -> u32 {
        if packet.sequence < self.squeezed_until {
            let behind = self.anchor.wrapping_sub(packet.timestamp);
            return self.timestamp_of(self.anchor.wrapping_sub(behind / SQUEEZE));
        }
        self.timestamp_of(packet.timestamp)
    }

    /// The outgoing timestamp of an incoming one under the present source.
    pub fn timestamp_of(&self, incoming: u32) -> u32 {
        incoming.wrapping_add(self.timestamp_offset)
    }

    /// Numbers one packet of the present source. Each packet must be given once.
    ///
    /// # Errors
    /// When it is from before the switch or too late to be placed.
    #[inline]
    pub fn place(&mut self, now: Instant, packet: &Packet) -> Result<Rewritten, DropReason> {
        let run = self.run.ok_or(DropReason::AwaitingKeyframe)?;
        let sequence = if packet.sequence >= run.first_in {
            run.first_out + (packet.sequence - run.first_in)
        } else {
            self.place_late(run, packet)?
        };
        self.claim(sequence)?;
        let timestamp = self.timestamp_for(packet);
        if sequence + 1 == self.next {
            self.last_timestamp = timestamp;
            self.last_sent = Some(now);
        }
        Ok(Rewritten {
            sequence,
            timestamp,
        })
    }

    /// A packet from before the present run: only a run of the same source can hold it.
    #[cold]
    fn place_late(&self, run: Run, packet: &Packet) -> Result<u64, DropReason> {
        let newest = self.older.as_ref().and_then(|older| *older.first()?);
        let previous = newest.ok_or(DropReason::BeforeSwitch)?;
        if previous.source != run.source || packet.sequence < previous.first_in {
            return Err(DropReason::BeforeSwitch);
        }
        let sequence = previous.first_out + (packet.sequence - previous.first_in);
        if sequence < run.first_out {
            Ok(sequence)
        } else {
            Err(DropReason::BeforeSwitch)
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
    /// no gap. Only the newest can be left out; an older one stays a gap.
    pub fn skip(&mut self, sequence: u64) {
        let Some(run) = self.run else { return };
        if sequence < run.first_in || run.first_out + (sequence - run.first_in) != self.next {
            return;
        }
        self.stop();
        self.run = Some(Run {
            source: run.source,
            first_in: sequence + 1,
            first_out: self.next,
        });
    }

    /// The outgoing picture id of an incoming one.
    #[inline]
    pub fn picture_id(&mut self, value: u16) -> u16 {
        let outgoing = value.wrapping_add(self.picture_offset);
        if outgoing.wrapping_sub(self.last_picture) & 0x7fff < 0x4000 {
            self.last_picture = outgoing;
        }
        outgoing
    }

    /// The outgoing TL0PICIDX of an incoming one.
    #[inline]
    pub fn tl0(&mut self, value: u8) -> u8 {
        let outgoing = value.wrapping_add(self.tl0_offset);
        if outgoing.wrapping_sub(self.last_tl0) < 0x80 {
            self.last_tl0 = outgoing;
        }
        outgoing
    }

    /// Picture id and TL0PICIDX of a packet that is sent again, without moving anything on.
    pub fn repeat_vp8(&self, picture: u16, tl0: u8) -> (u16, u8) {
        (
            picture.wrapping_add(self.picture_offset),
            tl0.wrapping_add(self.tl0_offset),
        )
    }

    /// How many numbers were used after this one.
    pub fn behind(&self, outgoing: u64) -> u64 {
        self.next.saturating_sub(outgoing + 1)
    }

    /// Which incoming packet left with the 16-bit number `sequence`, looking back from the newest.
    /// Only the present source can be answered for: its numbers alone still hold.
    pub fn origin(&self, sequence: u16) -> Option<(Source, u64, u64)> {
        let outgoing = crate::rtp::extend_sequence(self.next.checked_sub(1)?, sequence);
        if outgoing >= self.next {
            return None;
        }
        let present = self.run?;
        let mut end = u64::MAX;
        let older = self.older.iter().flat_map(|older| older.iter().flatten());
        for run in std::iter::once(&present).chain(older) {
            if run.source != present.source {
                return None;
            }
            if (run.first_out..end).contains(&outgoing) {
                return Some((
                    run.source,
                    run.first_in + (outgoing - run.first_out),
                    outgoing,
                ));
            }
            end = run.first_out;
        }
        None
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
        }
    }

    fn numbers(rewriter: &mut Rewriter, sequences: &[u64]) -> Vec<Result<u64, DropReason>> {
        let place = |s: &u64| rewriter.place(epoch(), &packet(*s, 0)).map(|r| r.sequence);
        sequences.iter().map(place).collect()
    }

    #[test]
    fn numbers_go_on_without_a_gap_over_a_switch() {
        let mut rewriter = Rewriter::new(100, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(65_536, 0), None, 90_000);
        assert_eq!(
            numbers(&mut rewriter, &[65_536, 65_537, 65_539]),
            [Ok(100), Ok(101), Ok(103)]
        );
        rewriter.switch(epoch(), source(1, 0), &packet(9_000, 0), None, 90_000);
        assert_eq!(
            numbers(&mut rewriter, &[9_000, 8_999]),
            [Ok(104), Err(DropReason::BeforeSwitch)]
        );
    }

    #[test]
    fn a_late_packet_takes_its_place_and_a_repeated_one_is_refused() {
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(epoch(), source(0, 0), &packet(10, 0), None, 90_000);
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
        rewriter.switch(epoch(), source(0, 0), &packet(10, 0), None, 90_000);
        assert_eq!(numbers(&mut rewriter, &[10, 12]), [Ok(0), Ok(2)]);
        rewriter.skip(13);
        assert_eq!(
            numbers(&mut rewriter, &[14, 11]),
            [Ok(3), Ok(1)],
            "the late one keeps its place"
        );
        assert_eq!(rewriter.origin(3), Some((source(0, 0), 14, 3)));
        assert_eq!(rewriter.origin(1), Some((source(0, 0), 11, 1)));
        assert_eq!(rewriter.origin(4), None, "never sent");
    }

    #[test]
    fn time_goes_on_by_the_clock_when_sources_are_strangers() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 5_000);
        rewriter.switch(start, source(0, 0), &packet(1, 77), None, 90_000);
        assert_eq!(
            rewriter.place(start, &packet(1, 77)).map(|r| r.timestamp),
            Ok(5_000)
        );
        let later = start + Duration::from_millis(100);
        rewriter.switch(later, source(1, 0), &packet(1, 4_000_000_000), None, 90_000);
        let placed = rewriter
            .place(later, &packet(1, 4_000_000_000))
            .map(|r| r.timestamp);
        assert_eq!(placed, Ok(14_000));
    }

    #[test]
    fn an_aligned_time_is_taken_unless_it_would_go_back() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(start, source(0, 0), &packet(1, 0), None, 90_000);
        rewriter.place(start, &packet(1, 0)).expect("placed");
        let later = start + Duration::from_millis(100);
        rewriter.switch(later, source(0, 1), &packet(1, 50), Some(9_300), 90_000);
        assert_eq!(rewriter.timestamp_of(50), 9_300);
        rewriter.switch(later, source(0, 2), &packet(1, 50), Some(u32::MAX), 90_000);
        assert_eq!(rewriter.timestamp_of(50), 9_000, "by the clock instead");
    }

    #[test]
    fn a_late_start_is_squeezed_and_goes_on_at_its_own_pace() {
        let start = epoch();
        let mut rewriter = Rewriter::new(0, 1_000);
        let pictures: Vec<_> = (0..6u32)
            .map(|n| packet(10 + u64::from(n), n.wrapping_mul(3_200).wrapping_sub(9_600)))
            .collect();
        let (first, last) = (&pictures[0], &pictures[3]);
        rewriter.catch_up(start, source(0, 0), first, last, 90_000);
        let times: Vec<_> = pictures
            .iter()
            .map(|packet| rewriter.place(start, packet).map(|placed| placed.timestamp))
            .collect();
        assert_eq!(
            times,
            [1_000, 1_100, 1_200, 1_300, 4_500, 7_700].map(Ok),
            "three pictures in 300 ticks, then 3,200 apart"
        );
        assert_eq!(rewriter.timestamp_for(&pictures[1]), 1_100, "when repaired");
    }

    #[test]
    fn what_was_left_out_on_purpose_is_no_gap() {
        let now = epoch();
        let mut rewriter = Rewriter::new(0, 0);
        rewriter.switch(now, source(0, 0), &packet(10, 0), None, 90_000);
        assert_eq!(numbers(&mut rewriter, &[10, 11]), [Ok(0), Ok(1)]);
        assert!(!rewriter.is_torn(20, 0));
        assert!(!rewriter.is_torn(19, 20), "a late one from before");
        assert!(rewriter.is_torn(20, 20));
        rewriter.switch(now, source(0, 0), &packet(20, 0), None, 90_000);
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
                }),
            };
            Packet {
                seen,
                ..packet(1, 0)
            }
        };
        rewriter.switch(epoch(), source(0, 0), &with_picture(0x7ffe), None, 90_000);
        let ids: Vec<_> = [0x7ffe, 0x7fff, 0, 1]
            .map(|id| rewriter.picture_id(id) & 0x7fff)
            .into();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert_eq!(rewriter.tl0(200), 1);
        rewriter.switch(epoch(), source(1, 0), &with_picture(77), None, 90_000);
        assert_eq!(rewriter.picture_id(77) & 0x7fff, 5);
        assert_eq!(rewriter.tl0(200), 2);
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
                    0 => rewriter.switch(epoch(), source(which, 0), &packet(sequence, 0), None, 90_000),
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
