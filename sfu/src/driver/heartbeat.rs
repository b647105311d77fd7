//! Whether a media thread turns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a thread may be at one turn before it counts as stalled. It turns four times a second
/// even when there is nothing to do.
///
/// Higher: a machine that is merely busy is not taken for broken. Lower: it is noticed sooner.
const STALL: Duration = Duration::from_secs(5);

/// For ever: the thread has ended.
const ENDED: u64 = u64::MAX;

/// When a thread began its last turn. Written once per turn, read by whoever asks.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    started: Instant,
    /// Milliseconds after `started`.
    last: AtomicU64,
}

impl Heartbeat {
    pub(super) const fn new(started: Instant) -> Self {
        Self {
            started,
            last: AtomicU64::new(0),
        }
    }

    /// A turn begins.
    pub(super) fn beat(&self, now: Instant) {
        let since = now.saturating_duration_since(self.started).as_millis();
        let since = u64::try_from(since).unwrap_or(ENDED - 1);
        self.last.store(since, Ordering::Relaxed);
    }

    /// There will be no further turn.
    pub(super) fn end(&self) {
        self.last.store(ENDED, Ordering::Relaxed);
    }

    /// Whether the thread has ended, or its last turn began too long before `now`.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        if last == ENDED {
            return true;
        }
        let since = now.saturating_duration_since(self.started);
        since.saturating_sub(Duration::from_millis(last)) > STALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn a_thread_that_turns_no_more_is_stalled() {
        let start = epoch();
        let heart = Heartbeat::new(start);
        assert!(!heart.is_stalled(start + STALL));
        assert!(heart.is_stalled(start + STALL * 2));
        heart.beat(start + STALL * 2);
        assert!(!heart.is_stalled(start + STALL * 3));
        assert!(heart.is_stalled(start + STALL * 4));
        heart.end();
        assert!(heart.is_stalled(start + STALL * 2));
    }
}
