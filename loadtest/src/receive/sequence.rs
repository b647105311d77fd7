//! Sequence numbers extended to 64 bits, and what became of each (RFC 3550 A.1, A.3).

use std::ops::Range;

/// How many of the newest numbers are remembered one by one, to tell late from duplicate.
/// Two seconds of a 500 packets/s stream; a packet older than that helps no decoder.
pub const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// Sequence state of one stream. The first packet's cycle is 0, as in SRTP's roll-over counter.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    span: Option<Span>,
    seen: [u64; WORDS],
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    highest: u64,
}

/// What has been counted of one stream, in packets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Arrived in the stream itself, each number once.
    pub received: u64,
    /// Arrived by retransmission only.
    pub repaired: u64,
    /// Arrived again.
    pub duplicates: u64,
    /// Arrived after a later one, first time.
    pub late: u64,
    /// Arrived after they had left the window: unknown whether the first time.
    pub too_old: u64,
}

/// What a packet turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// The newest so far; the numbers between the one before and this one are missing.
    Newest {
        /// Missing numbers, often none.
        gap: Range<u64>,
    },
    /// One that was missing.
    Late,
    /// Seen before.
    Duplicate,
    /// Older than the window.
    TooOld,
}

impl Sequence {
    /// The extended number that `seq` most likely stands for: the nearest to the highest so far.
    pub fn extend(&self, seq: u16) -> u64 {
        let Some(span) = self.span else {
            return u64::from(seq);
        };
        let step = seq.wrapping_sub(span.highest as u16) as i16;
        span.highest
            .checked_add_signed(i64::from(step))
            .unwrap_or_else(|| u64::from(seq))
    }

    /// Counts a packet that arrived in the stream itself.
    pub fn on_packet(&mut self, number: u64) -> Arrival {
        let arrival = self.place(number);
        match arrival {
            Arrival::Newest { .. } => self.counts.received += 1,
            Arrival::Late => {
                self.counts.received += 1;
                self.counts.late += 1;
            }
            Arrival::Duplicate => self.counts.duplicates += 1,
            Arrival::TooOld => self.counts.too_old += 1,
        }
        arrival
    }

    /// Counts a packet that arrived by retransmission.
    pub fn on_repair(&mut self, number: u64) -> Arrival {
        let arrival = self.place(number);
        match arrival {
            Arrival::Newest { .. } | Arrival::Late => self.counts.repaired += 1,
            Arrival::Duplicate => self.counts.duplicates += 1,
            Arrival::TooOld => self.counts.too_old += 1,
        }
        arrival
    }

    /// The counters.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many packets were sent as far as the numbers tell: from the first to the highest.
    pub fn expected(&self) -> u64 {
        self.span.map_or(0, |span| span.highest - span.first + 1)
    }

    /// Packets that did not arrive in the stream itself.
    pub fn lost_before_repair(&self) -> u64 {
        self.expected().saturating_sub(self.counts.received)
    }

    /// Packets that did not arrive at all.
    pub fn lost_after_repair(&self) -> u64 {
        self.lost_before_repair()
            .saturating_sub(self.counts.repaired)
    }

    /// The highest number so far.
    pub fn highest(&self) -> Option<u64> {
        self.span.map(|span| span.highest)
    }

    /// All of these numbers have arrived, as far as they are remembered.
    pub fn has_all(&self, mut numbers: std::ops::RangeInclusive<u64>) -> bool {
        numbers.all(|number| self.is_marked(number))
    }

    fn place(&mut self, number: u64) -> Arrival {
        let Some(span) = &mut self.span else {
            self.span = Some(Span {
                first: number,
                highest: number,
            });
            self.mark(number);
            return Arrival::Newest {
                gap: number..number,
            };
        };
        if number > span.highest {
            let gap = span.highest + 1..number;
            span.highest = number;
            for missing in gap.clone().rev().take(WINDOW as usize) {
                self.clear(missing);
            }
            self.mark(number);
            return Arrival::Newest { gap };
        }
        if span.highest - number >= WINDOW || number < span.first {
            return Arrival::TooOld;
        }
        if self.is_marked(number) {
            return Arrival::Duplicate;
        }
        self.mark(number);
        Arrival::Late
    }

    fn is_marked(&self, number: u64) -> bool {
        let (word, bit) = position(number);
        self.seen.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn mark(&mut self, number: u64) {
        let (word, bit) = position(number);
        if let Some(bits) = self.seen.get_mut(word) {
            *bits |= bit;
        }
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = position(number);
        if let Some(bits) = self.seen.get_mut(word) {
            *bits &= !bit;
        }
    }
}

const fn position(number: u64) -> (usize, u64) {
    (((number / 64) as usize) % WORDS, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(sequence: &mut Sequence, seq: u16) -> Arrival {
        let number = sequence.extend(seq);
        sequence.on_packet(number)
    }

    #[test]
    fn numbers_go_on_over_several_wrap_arounds() {
        let mut sequence = Sequence::default();
        for n in 0..200_000_u64 {
            let seq = (65_000 + n) as u16;
            assert_eq!(sequence.extend(seq), 65_000 + n);
            receive(&mut sequence, seq);
        }
        assert_eq!(sequence.expected(), 200_000);
        assert_eq!(sequence.lost_before_repair(), 0);
    }

    #[test]
    fn a_gap_across_the_wrap_is_named_and_counted() {
        let mut sequence = Sequence::default();
        receive(&mut sequence, 65_534);
        let arrival = receive(&mut sequence, 2);
        assert_eq!(
            arrival,
            Arrival::Newest {
                gap: 65_535..65_538
            }
        );
        assert_eq!(sequence.lost_before_repair(), 3);
        assert_eq!(receive(&mut sequence, 65_535), Arrival::Late);
        let repaired = sequence.extend(0);
        assert_eq!(sequence.on_repair(repaired), Arrival::Late);
        assert_eq!(sequence.lost_before_repair(), 2);
        assert_eq!(sequence.lost_after_repair(), 1);
        assert_eq!(sequence.counts().late, 1);
    }

    #[test]
    fn a_packet_counts_once_however_often_it_comes() {
        let mut sequence = Sequence::default();
        receive(&mut sequence, 10);
        receive(&mut sequence, 12);
        assert_eq!(receive(&mut sequence, 12), Arrival::Duplicate);
        assert_eq!(sequence.on_repair(11), Arrival::Late);
        assert_eq!(sequence.on_repair(11), Arrival::Duplicate);
        assert_eq!(receive(&mut sequence, 11), Arrival::Duplicate);
        let counts = sequence.counts();
        assert_eq!(
            (counts.received, counts.repaired, counts.duplicates),
            (2, 1, 3)
        );
        assert_eq!(sequence.lost_after_repair(), 0);
    }

    #[test]
    fn the_window_forgets_what_is_too_old_and_nothing_younger() {
        let mut sequence = Sequence::default();
        receive(&mut sequence, 0);
        receive(&mut sequence, 5_000);
        let newest = 5_000_u64;
        assert_eq!(sequence.on_repair(newest - WINDOW), Arrival::TooOld);
        assert_eq!(sequence.on_repair(newest - WINDOW + 1), Arrival::Late);
        assert_eq!(sequence.on_repair(newest - WINDOW + 1), Arrival::Duplicate);
    }

    #[test]
    fn what_came_before_the_first_packet_is_not_counted_as_received() {
        let mut sequence = Sequence::default();
        receive(&mut sequence, 3);
        assert_eq!(receive(&mut sequence, 2), Arrival::TooOld);
        assert_eq!(
            sequence.extend(65_535),
            65_535,
            "there is no cycle below the first"
        );
        assert_eq!((sequence.expected(), sequence.counts().received), (1, 1));
    }
}
