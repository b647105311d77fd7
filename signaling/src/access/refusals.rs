//! Which refusals are written and which are only counted, so that whoever is refused a thousand
//! times a second fills no disk.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::Origin;

/// After this time what was counted is written, and counting begins anew. Higher: fewer lines under
/// attack. Lower: they are written sooner.
const WINDOW: Duration = Duration::from_secs(60);

/// Lines of one origin in a window. Higher: more is known of each. Lower: fewer lines.
const LINES_EACH: u64 = 10;

/// Lines of all origins in a window; further ones are counted.
const LINES: u64 = 600;

/// Most origins that are counted apart; further ones are counted together.
const MAX_ORIGINS: usize = 4_096;

/// Most sums that are written of one window, the largest; the rest are one.
const SUMS: usize = 20;

/// What was refused in this window.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    began: Option<Instant>,
    lines: u64,
    origins: HashMap<Origin, Count>,
    others: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    written: u64,
    unwritten: u64,
}

/// What was counted of one origin, or of all others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sum {
    pub(super) origin: Option<Origin>,
    pub(super) unwritten: u64,
}

/// What to do with one refusal.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) is_written: bool,
    /// To be written before it.
    pub(super) sums: Vec<Sum>,
}

impl Refusals {
    /// Judges one.
    pub(super) fn note(&mut self, now: Instant, origin: Origin) -> Verdict {
        let sums = self.sum_up(now);
        self.began.get_or_insert(now);
        let is_known = self.origins.contains_key(&origin);
        let count = if is_known || self.origins.len() < MAX_ORIGINS {
            self.origins.entry(origin).or_default()
        } else {
            &mut self.others
        };
        let is_written = count.written < LINES_EACH && self.lines < LINES;
        if is_written {
            count.written += 1;
            self.lines += 1;
        } else {
            count.unwritten += 1;
        }
        Verdict { is_written, sums }
    }

    /// What was counted in a window that is over.
    pub(super) fn sum_up(&mut self, now: Instant) -> Vec<Sum> {
        let is_over = self
            .began
            .is_some_and(|began| now.saturating_duration_since(began) >= WINDOW);
        if !is_over {
            return Vec::new();
        }
        let Self {
            origins, others, ..
        } = std::mem::take(self);
        let counted = origins.into_iter().map(|(origin, count)| Sum {
            origin: Some(origin),
            unwritten: count.unwritten,
        });
        let mut sums: Vec<_> = counted.filter(|sum| sum.unwritten > 0).collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.unwritten));
        let rest = sums.split_off(sums.len().min(SUMS));
        let unwritten = rest.iter().map(|sum| sum.unwritten).sum::<u64>() + others.unwritten;
        if unwritten > 0 {
            sums.push(Sum {
                origin: None,
                unwritten,
            });
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn origin(number: u32) -> Origin {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    #[test]
    fn who_is_refused_without_end_has_some_lines_and_a_sum() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        let written = (0..1_000)
            .filter(|_| refusals.note(start, origin(1)).is_written)
            .count();
        assert_eq!(written as u64, LINES_EACH);
        assert!(
            refusals.note(start, origin(2)).is_written,
            "another has its own"
        );
        assert_eq!(refusals.sum_up(start), []);
        let sums = refusals.sum_up(start + WINDOW);
        let expected = Sum {
            origin: Some(origin(1)),
            unwritten: 1_000 - LINES_EACH,
        };
        assert_eq!(sums, [expected]);
        assert_eq!(refusals.sum_up(start + WINDOW * 2), [], "told once");
    }

    #[test]
    fn a_crowd_of_origins_is_bounded_in_lines_in_memory_and_in_sums() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        let many = u32::try_from(MAX_ORIGINS).unwrap() * 2;
        let refused: Vec<_> = (0..many).chain(0..many).collect();
        let written = refused
            .iter()
            .filter(|number| refusals.note(start, origin(**number)).is_written)
            .count();
        assert_eq!(written as u64, LINES);
        assert_eq!(refusals.origins.len(), MAX_ORIGINS);
        let sums = refusals.sum_up(start + WINDOW);
        assert_eq!(sums.len(), SUMS + 1);
        let unwritten: u64 = sums.iter().map(|sum| sum.unwritten).sum();
        assert_eq!(unwritten, refused.len() as u64 - LINES);
    }
}
