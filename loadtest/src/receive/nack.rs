//! Which missing packets to ask for, and when (RFC 4585 §6.2.1): by the rules of libwebrtc, so that a
//! server meets the same storm of requests as from browsers.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// After so many requests a packet is given up.
const MAX_REQUESTS: u8 = 100;
/// Which packets are to be asked for again is looked at each 20 ms: half of that comes on top.
const LOOK: Duration = Duration::from_millis(10);
/// A browser whose picture has stood still for so long asks for a keyframe, and with it forgets what
/// it missed before.
pub const STANDSTILL: Duration = Duration::from_secs(3);
/// Most packets waited for at once; when more are missing all are given up.
const MAX_MISSING: usize = 1_000;

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
        let count = usize::try_from(gap.end - gap.start).unwrap_or(usize::MAX);
        if self.entries.len().saturating_add(count) > MAX_MISSING {
            self.given_up += self.entries.len() as u64 + count as u64;
            self.entries.clear();
            return;
        }
        self.entries.extend(gap.map(|number| Entry {
            number,
            since: now,
            due: now,
            requests: 0,
        }));
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

    /// What was sent before this number is not waited for any more.
    pub fn forget_below(&mut self, number: u64) {
        let kept = self.entries.partition_point(|entry| entry.number < number);
        self.entries.drain(..kept);
    }

    /// The sequence numbers to ask for now, oldest first, appended to `ask`.
    pub fn poll(&mut self, now: Instant, round_trip: Duration, ask: &mut Vec<u16>) {
        let before = self.entries.len();
        self.entries.retain(|entry| {
            let exhausted = entry.requests >= MAX_REQUESTS && entry.due <= now;
            !exhausted && now.saturating_duration_since(entry.since) < STANDSTILL
        });
        self.given_up += (before - self.entries.len()) as u64;
        for entry in self.entries.iter_mut().filter(|entry| entry.due <= now) {
            entry.due = now + round_trip + LOOK;
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

    const RTT: Duration = Duration::from_millis(100);

    fn asked(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut ask = Vec::new();
        missing.poll(now, RTT, &mut ask);
        ask
    }

    #[test]
    fn what_was_skipped_is_asked_for_at_once_and_each_round_trip_until_the_picture_stands() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        missing.on_gap(start, 65_535..65_537);
        missing.on_found(65_535);
        let mut times = Vec::new();
        for ms in 0..5_000 {
            let now = start + Duration::from_millis(ms);
            if !asked(&mut missing, now).is_empty() {
                times.push(ms);
            }
        }
        assert!(times.into_iter().eq((0..3_000).step_by(110)));
        assert_eq!(missing.take_given_up(), 1);
        assert_eq!(missing.take_given_up(), 0);
        assert_eq!(missing.poll_timeout(), None);
        assert_eq!(missing.requests(), 28);
    }

    #[test]
    fn a_packet_is_asked_for_a_hundred_times() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        missing.on_gap(start, 5..6);
        let mut ask = Vec::new();
        for ms in 0..2_900 {
            let now = start + Duration::from_millis(ms);
            missing.poll(now, Duration::from_millis(5), &mut ask);
        }
        assert_eq!(ask.len(), 100);
    }

    #[test]
    fn what_lies_before_a_keyframe_is_forgotten() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        missing.on_gap(now, 5..9);
        missing.on_gap(now, 12..14);
        missing.forget_below(13);
        assert_eq!(asked(&mut missing, now), [13]);
        assert_eq!(missing.take_given_up(), 0);
    }

    #[test]
    fn when_too_many_are_missing_all_are_given_up() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        missing.on_gap(now, 0..600);
        missing.on_gap(now, 700..1_200);
        assert_eq!(missing.take_given_up(), 1_100);
        assert!(asked(&mut missing, now).is_empty());
    }
}
