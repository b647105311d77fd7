//! Which missing packets to ask for, and when (RFC 4585 §6.2.1).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A packet may overtake another by this much before it is asked for.
/// Longer asks less often in vain, shorter repairs sooner.
const REORDERING: Duration = Duration::from_millis(3);
/// Shortest time between two requests for the same packet.
const REPEAT: Duration = Duration::from_millis(20);
/// After so many requests a packet is given up, as in libwebrtc.
const MAX_REQUESTS: u8 = 10;
/// A packet missing for longer is given up: no decoder waits for it.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Most packets waited for at once; the oldest are given up when more are missing.
const MAX_MISSING: usize = 512;

/// The missing packets of one stream.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    entries: VecDeque<Entry>,
    given_up: u64,
    requests: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    since: Instant,
    due: Instant,
    requests: u8,
}

impl Missing {
    /// These numbers were skipped.
    pub fn on_gap(&mut self, now: Instant, gap: Range<u64>) {
        let surplus = (gap.end - gap.start).saturating_sub(MAX_MISSING as u64);
        self.given_up += surplus;
        for number in gap.start + surplus..gap.end {
            if self.entries.len() == MAX_MISSING {
                self.entries.pop_front();
                self.given_up += 1;
            }
            self.entries.push_back(Entry {
                number,
                since: now,
                due: now + REORDERING,
                requests: 0,
            });
        }
    }

    /// This number has arrived after all.
    pub fn on_found(&mut self, number: u64) {
        if let Ok(at) = self
            .entries
            .binary_search_by_key(&number, |entry| entry.number)
        {
            self.entries.remove(at);
        }
    }

    /// The sequence numbers to ask for now, oldest first, appended to `ask`.
    pub fn poll(&mut self, now: Instant, round_trip: Duration, ask: &mut Vec<u16>) {
        let before = self.entries.len();
        self.entries.retain(|entry| {
            let exhausted = entry.requests >= MAX_REQUESTS && entry.due <= now;
            !exhausted && now.saturating_duration_since(entry.since) < MAX_AGE
        });
        self.given_up += (before - self.entries.len()) as u64;
        for entry in self.entries.iter_mut().filter(|entry| entry.due <= now) {
            entry.due = now + REPEAT.max(round_trip * 3 / 2);
            entry.requests += 1;
            self.requests += 1;
            ask.push(entry.number as u16);
        }
    }

    /// When [`poll`](Self::poll) has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.due).min()
    }

    /// How many packets were given up since the last call.
    pub fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    /// How many requests were made, repeated ones included.
    pub const fn requests(&self) -> u64 {
        self.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn asked(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut ask = Vec::new();
        missing.poll(now, RTT, &mut ask);
        ask
    }

    #[test]
    fn a_reordered_packet_is_not_asked_for() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        missing.on_gap(now, 65_535..65_538);
        assert!(asked(&mut missing, now + Duration::from_millis(2)).is_empty());
        missing.on_found(65_536);
        assert_eq!(missing.poll_timeout(), Some(now + REORDERING));
        assert_eq!(asked(&mut missing, now + REORDERING), [65_535, 1]);
    }

    #[test]
    fn requests_are_repeated_after_the_round_trip_and_end() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        missing.on_gap(start, 5..6);
        let mut times = Vec::new();
        for ms in 0..3_000 {
            let now = start + Duration::from_millis(ms);
            if !asked(&mut missing, now).is_empty() {
                times.push(ms);
            }
        }
        assert_eq!(times, [3, 78, 153, 228, 303, 378, 453, 528, 603, 678]);
        assert_eq!(missing.take_given_up(), 1);
        assert_eq!(missing.take_given_up(), 0);
        assert_eq!(missing.poll_timeout(), None);
        assert_eq!(missing.requests(), u64::from(MAX_REQUESTS));
    }

    #[test]
    fn a_slow_path_is_given_up_by_age() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        missing.on_gap(start, 5..6);
        let mut ask = Vec::new();
        for ms in (0..1_100).step_by(10) {
            missing.poll(
                start + Duration::from_millis(ms),
                Duration::from_millis(400),
                &mut ask,
            );
        }
        assert_eq!(ask.len(), 2, "at 10 and 610 ms");
        assert_eq!(missing.take_given_up(), 1);
    }

    #[test]
    fn a_huge_gap_keeps_the_newest_and_counts_the_rest() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        missing.on_gap(now, 0..10_000);
        assert_eq!(missing.take_given_up(), 10_000 - MAX_MISSING as u64);
        missing.on_gap(now, 10_001..10_003);
        assert_eq!(missing.take_given_up(), 2);
        assert_eq!(asked(&mut missing, now + REORDERING).len(), MAX_MISSING);
    }
}
