//! Places for those who have shown who they are. A place gives itself back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places beyond the limit, for those who run a conference; half of them also for those who come
/// back, while their last connection is not known to be dead. Higher: more memory that may be needed
/// beyond the limit. Lower: fewer operators get through a crowd.
const RESERVED: usize = 256;

/// Places for connections.
#[derive(Debug)]
pub(super) struct Seats {
    most: AtomicUsize,
    taken: Arc<AtomicUsize>,
}

/// Who wants a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guest {
    /// Somebody whom the conference cannot do without: on a reserved place if there is no other.
    Indispensable,
    /// Anybody else.
    Ordinary,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Arc<AtomicUsize>,
    is_beyond: bool,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            taken: Arc::default(),
        }
    }

    /// From now on so many. Whoever has a place keeps it.
    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// A place; `None` if there is none, not even a reserved one.
    pub(super) fn take(&self, guest: Guest) -> Option<Seat> {
        let beyond = match guest {
            Guest::Indispensable => RESERVED,
            Guest::Ordinary => RESERVED / 2,
        };
        let most = self.most.load(Ordering::Relaxed);
        let taken = |taken: usize| (taken < most + beyond).then_some(taken + 1);
        let before = self
            .taken
            .try_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .ok()?;
        Some(Seat {
            taken: Arc::clone(&self.taken),
            is_beyond: before >= most,
        })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// A reserved one: good for those only who run the conference, or were in it.
    pub(crate) const fn is_beyond(&self) -> bool {
        self.is_beyond
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_seat_is_free_again() {
        let seats = Seats::new(1);
        for _ in 0..3 {
            let seat = seats.take(Guest::Ordinary).unwrap();
            assert!(!seat.is_beyond());
        }
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn a_crowd_that_takes_every_place_leaves_some_to_those_who_run_the_conference() {
        let seats = Seats::new(2);
        let crowd: Vec<_> = std::iter::from_fn(|| seats.take(Guest::Ordinary)).collect();
        let beyond = crowd.iter().filter(|seat| seat.is_beyond()).count();
        assert_eq!((crowd.len(), beyond), (2 + RESERVED / 2, RESERVED / 2));
        let operators: Vec<_> = std::iter::from_fn(|| seats.take(Guest::Indispensable)).collect();
        assert_eq!(operators.len(), RESERVED / 2);
    }
}
