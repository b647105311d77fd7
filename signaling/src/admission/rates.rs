//! How often each origin may do something: a bucket for each, in a table that stays small.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::address::Origin;

/// Most origins that have a bucket of their own. When the table is full, origins whose bucket is
/// full again are forgotten; if there is none, newcomers share one bucket.
const MAX_ORIGINS: usize = 16_384;

/// How often a full table is searched for origins that can be forgotten.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// A rate for each origin.
#[derive(Debug)]
pub(super) struct Rates {
    /// In what time one is earned again.
    interval: Duration,
    /// How far a bucket may be in debt.
    tolerance: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// When the bucket of an origin will be full again.
    full_at: HashMap<Origin, Instant>,
    /// The same for those who found no place in the table.
    others_full_at: Option<Instant>,
    searched_at: Option<Instant>,
}

impl Rates {
    /// So many a second for long, and so many at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval * burst.max(1),
            table: Mutex::default(),
        }
    }

    /// Takes one out of the bucket.
    ///
    /// # Errors
    /// When it is empty: with the time until there is one again. Nothing is taken then.
    pub(super) fn take(&self, now: Instant, origin: Origin) -> Result<(), Duration> {
        let mut table = self.lock();
        let before = table.full_at(origin).map_or(now, |at| at.max(now));
        let after = before + self.interval;
        let debt = after.saturating_duration_since(now);
        if debt > self.tolerance {
            return Err(debt - self.tolerance);
        }
        table.set(now, origin, after);
        Ok(())
    }

    /// Whether there is one left.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) fn check(&self, now: Instant, origin: Origin) -> Result<(), Duration> {
        let full_at = self.lock().full_at(origin);
        let debt = full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let wait = (debt + self.interval).saturating_sub(self.tolerance);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn full_at(&self, origin: Origin) -> Option<Instant> {
        match self.full_at.get(&origin) {
            Some(at) => Some(*at),
            None if self.full_at.len() >= MAX_ORIGINS => self.others_full_at,
            None => None,
        }
    }

    fn set(&mut self, now: Instant, origin: Origin, at: Instant) {
        let is_full = self.full_at.len() >= MAX_ORIGINS;
        if is_full && !self.full_at.contains_key(&origin) {
            self.others_full_at = Some(at);
            let searched = self.searched_at.replace(now);
            match searched {
                Some(then) if now.saturating_duration_since(then) < SEARCH_EVERY => {
                    self.searched_at = searched;
                }
                _ => self.full_at.retain(|_, full_at| *full_at > now),
            }
        } else {
            self.full_at.insert(origin, at);
        }
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
    fn a_burst_passes_and_then_one_an_interval() {
        let rates = Rates::new(2, 3);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let taken: Vec<_> = (0..4).map(|_| rates.take(start, origin(1))).collect();
        assert_eq!(taken[..3], [Ok(()); 3]);
        assert_eq!(taken[3], Err(Duration::from_millis(500)));
        assert_eq!(rates.take(start, origin(2)), Ok(()), "another has its own");
        assert!(rates.check(at(499), origin(1)).is_err());
        assert_eq!(rates.check(at(500), origin(1)), Ok(()));
        assert_eq!(rates.take(at(500), origin(1)), Ok(()));
        assert!(rates.take(at(501), origin(1)).is_err());
    }

    #[test]
    fn however_many_origins_come_the_table_stays_small_and_forgets_those_that_went() {
        let rates = Rates::new(1, 2);
        let start = Instant::now();
        let many = u32::try_from(MAX_ORIGINS).unwrap() * 2;
        let passed = (0..many)
            .filter(|number| rates.take(start, origin(*number)).is_ok())
            .count();
        assert_eq!(passed, MAX_ORIGINS + 2, "those without a place share one");
        assert_eq!(rates.lock().full_at.len(), MAX_ORIGINS);
        let later = start + Duration::from_secs(5);
        assert_eq!(rates.take(later, origin(many)), Ok(()));
        assert_eq!(rates.lock().full_at.len(), 0);
    }
}
