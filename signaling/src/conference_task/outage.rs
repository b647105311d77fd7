//! How a conference stands with its store: whether it may store, and when it tries again.

use std::time::Duration;

use tokio::time::Instant;

/// The pause after the second failure in a row; each further one waits twice as long. The first is
/// followed by another attempt at once, so that an error that comes alone costs one request.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause. Higher: less work beside a disk that stays full. Lower: everything goes on
/// sooner once there is room.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What failed, and what must be done about it.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Attempts that failed since the last that went well.
    failures: u32,
    /// Nothing is stored before; `None` while there is no outage.
    retry_at: Option<Instant>,
    /// The state could not be read back: nothing is told of it.
    is_state_unknown: bool,
    /// What was stored in the end was never told.
    is_unannounced: bool,
}

impl Outage {
    /// An attempt has failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + pause(self.failures));
    }

    /// What is stored is known again, and more can be.
    pub(super) const fn recovered(&mut self) {
        self.retry_at = None;
        self.is_state_unknown = false;
    }

    /// Events were stored: the next failure is the first again. Says whether there had been any.
    pub(super) const fn stored(&mut self) -> bool {
        std::mem::replace(&mut self.failures, 0) > 0
    }

    /// Whether the latest failure is the first in a row.
    pub(super) const fn is_first(&self) -> bool {
        self.failures <= 1
    }

    /// When to try again; `None` while there is no outage.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Whether nothing should be stored at this moment.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| at > now)
    }

    /// Notes whether the state could be read back.
    pub(super) const fn read_back(&mut self, is_known: bool) {
        self.is_state_unknown = !is_known;
    }

    /// Whether what is in memory may be told.
    pub(super) const fn is_state_known(&self) -> bool {
        !self.is_state_unknown
    }

    /// Whoever waited was told that it is not known what has happened.
    pub(super) const fn left_open(&mut self) {
        self.is_unannounced = true;
    }

    /// Whether something may have been stored that nobody was told of; asking settles it.
    pub(super) const fn take_unannounced(&mut self) -> bool {
        std::mem::replace(&mut self.is_unannounced, false)
    }
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE
            .saturating_mul(1 << doublings.min(16))
            .min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_comes_alone_is_followed_by_an_attempt_at_once() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        assert!(!outage.lasts(now));
        outage.failed(now);
        assert!(!outage.lasts(now));
    }

    #[test]
    fn pauses_grow_up_to_a_bound_until_something_is_stored() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        let mut last = Duration::ZERO;
        for _ in 0..100 {
            outage.failed(now);
            let pause = outage.retry_at().unwrap() - now;
            assert!(pause >= last && pause <= LONGEST_PAUSE);
            last = pause;
            outage.recovered();
        }
        assert_eq!(last, LONGEST_PAUSE);
        assert!(outage.stored());
        outage.failed(now);
        assert!(outage.is_first() && !outage.lasts(now));
    }
}
