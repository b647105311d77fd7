//! What narrow lines carried whose receivers have gone: somebody who is back within minutes does not
//! begin by filling its line again.
//!
//! By conference and address: from elsewhere one comes over another line. Shared by all shards, and
//! looked at only when somebody connects or goes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::id::ConferenceId;

/// How long a line is remembered. Higher: one that was mended meanwhile is used in full later.
const KEPT: Duration = Duration::from_secs(300);

/// Lines that are remembered. Beyond them those that are out of date go, and then nothing more is
/// remembered.
const MOST: usize = 4_096;

/// Narrow lines by where they led.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashMap<(ConferenceId, IpAddr), (Instant, u32)>>);

impl Remembered {
    /// Remembers what a line carried, in bits per second.
    pub fn keep(&self, now: Instant, conference: ConferenceId, address: IpAddr, carried: u32) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (at, _)| is_valid(now, *at));
        }
        let line = (conference, address);
        if known.len() < MOST || known.contains_key(&line) {
            known.insert(line, (now, carried));
        }
    }

    /// What a line carried not long ago.
    pub fn recall(&self, now: Instant, conference: ConferenceId, address: IpAddr) -> Option<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(conference, address));
        found
            .filter(|(at, _)| is_valid(now, *at))
            .map(|(_, carried)| *carried)
    }
}

fn is_valid(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) < KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const HERE: ConferenceId = ConferenceId(1);

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_line_is_remembered_for_minutes_in_its_conference() {
        let (known, start) = (Remembered::default(), epoch());
        known.keep(start, HERE, address(1), 250_000);
        let recall = |seconds, conference, number| {
            let now = start + Duration::from_secs(seconds);
            known.recall(now, conference, address(number))
        };
        assert_eq!(recall(200, HERE, 1), Some(250_000));
        assert_eq!(recall(301, HERE, 1), None);
        assert_eq!(recall(1, HERE, 2), None);
        assert_eq!(recall(1, ConferenceId(2), 1), None);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let (known, start) = (Remembered::default(), epoch());
        for number in 0..5_000 {
            known.keep(start, HERE, address(number), number);
        }
        assert_eq!(known.recall(start, HERE, address(4_095)), Some(4_095));
        assert_eq!(known.recall(start, HERE, address(4_096)), None);
        let later = start + KEPT;
        known.keep(later, HERE, address(4_096), 7);
        assert_eq!(known.recall(later, HERE, address(4_096)), Some(7));
        let kept = known.0.lock().expect("nobody panicked").len();
        assert_eq!(kept, 1);
    }
}
