//! How often each origin, or each link, may do something: a bucket for each, in a table that stays
//! small.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Most keys that have a bucket of their own. When the table is full, keys whose bucket is full
/// again are forgotten; if there is none, newcomers share one bucket.
const MAX_KEYS: usize = 16_384;

/// Fewest keys at which a table is searched for those that can be forgotten; after that, whenever it has
/// doubled. Higher: more memory for keys that nobody needs. Lower: more searching.
const SEARCH_FROM: usize = 512;

/// How often a full table is searched for keys that can be forgotten.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// A rate for each key.
#[derive(Debug)]
pub(super) struct Rates<K> {
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    /// In what time one is earned again.
    interval: Duration,
    /// How far a bucket may be in debt.
    tolerance: Duration,
    /// When the bucket of a key will be full again.
    full_at: HashMap<K, Instant>,
    /// The same for those who found no place in the table.
    others_full_at: Option<Instant>,
    searched_at: Option<Instant>,
    /// It is searched when it has so many keys.
    search_from: usize,
}

impl<K: Clone + Eq + Hash> Rates<K> {
    /// So many a second for long, and so many at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        Self::every(interval(per_second), burst)
    }

    /// From now on so many. What was taken stays taken.
    pub(super) fn set(&self, per_second: u32, burst: u32) {
        let mut table = self.lock();
        table.interval = interval(per_second);
        table.tolerance = table.interval * burst.max(1);
    }

    /// One in each interval for long, and so many at once.
    pub(super) fn every(interval: Duration, burst: u32) -> Self {
        Self {
            table: Mutex::new(Table {
                interval,
                tolerance: interval * burst.max(1),
                full_at: HashMap::new(),
                others_full_at: None,
                searched_at: None,
                search_from: SEARCH_FROM,
            }),
        }
    }

    /// Takes one out of the bucket.
    ///
    /// # Errors
    /// When it is empty: with the time until there is one again. Nothing is taken then.
    pub(super) fn take(&self, now: Instant, key: &K) -> Result<(), Duration> {
        let mut table = self.lock();
        let before = table.full_at(key).map_or(now, |at| at.max(now));
        let after = before + table.interval;
        let debt = after.saturating_duration_since(now);
        if debt > table.tolerance {
            return Err(debt - table.tolerance);
        }
        table.set(now, key, after);
        Ok(())
    }

    /// Whether there is one left.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) fn check(&self, now: Instant, key: &K) -> Result<(), Duration> {
        let table = self.lock();
        let full_at = table.full_at(key);
        let debt = full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let wait = (debt + table.interval).saturating_sub(table.tolerance);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    fn lock(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interval(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second.max(1)
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn full_at(&self, key: &K) -> Option<Instant> {
        match self.full_at.get(key) {
            Some(at) => Some(*at),
            None if self.full_at.len() >= MAX_KEYS => self.others_full_at,
            None => None,
        }
    }

    fn set(&mut self, now: Instant, key: &K, at: Instant) {
        let is_full = self.full_at.len() >= MAX_KEYS;
        if is_full && !self.full_at.contains_key(key) {
            self.others_full_at = Some(at);
            let searched = self.searched_at.replace(now);
            match searched {
                Some(then) if now.saturating_duration_since(then) < SEARCH_EVERY => {
                    self.searched_at = searched;
                }
                _ => self.full_at.retain(|_, full_at| *full_at > now),
            }
        } else {
            self.full_at.insert(key.clone(), at);
            if self.full_at.len() >= self.search_from {
                // A bucket that is full again is that of a stranger.
                self.full_at.retain(|_, full_at| *full_at > now);
                self.full_at.shrink_to_fit();
                self.search_from = SEARCH_FROM.max(self.full_at.len() * 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::admission::Origin;

    fn origin(number: u32) -> Origin {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let rates = Rates::new(2, 3);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let taken: Vec<_> = (0..4).map(|_| rates.take(start, &origin(1))).collect();
        assert_eq!(taken[..3], [Ok(()); 3]);
        assert_eq!(taken[3], Err(Duration::from_millis(500)));
        assert_eq!(rates.take(start, &origin(2)), Ok(()), "another has its own");
        assert!(rates.check(at(499), &origin(1)).is_err());
        assert_eq!(rates.check(at(500), &origin(1)), Ok(()));
        assert_eq!(rates.take(at(500), &origin(1)), Ok(()));
        assert!(rates.take(at(501), &origin(1)).is_err());
    }

    #[test]
    fn however_many_origins_come_the_table_stays_small_and_forgets_those_that_went() {
        let rates = Rates::new(1, 2);
        let start = Instant::now();
        let many = u32::try_from(MAX_KEYS).unwrap() * 2;
        let passed = (0..many)
            .filter(|number| rates.take(start, &origin(*number)).is_ok())
            .count();
        assert_eq!(passed, MAX_KEYS + 2, "those without a place share one");
        assert_eq!(rates.lock().full_at.len(), MAX_KEYS);
        let later = start + Duration::from_secs(5);
        assert_eq!(rates.take(later, &origin(many)), Ok(()));
        assert_eq!(rates.lock().full_at.len(), 0);
    }

    #[test]
    fn keys_that_owe_nothing_any_more_are_forgotten_long_before_the_table_is_full() {
        let (rates, mut now) = (Rates::every(Duration::from_secs(3), 10), Instant::now());
        for key in 0..20_000_u32 {
            rates.take(now, &key).unwrap();
            now += Duration::from_millis(10);
        }
        // Within 3 s, 300 come.
        let kept = rates.lock().full_at.len();
        assert!(kept < 2 * SEARCH_FROM, "{kept} keys");
    }
}
