//! How often a value is told: at once, but never more often than its interval.

use std::time::Duration;

use tokio::time::Instant;

/// When one value was told last, and since when somebody misses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    told_at: Option<Instant>,
    changed_at: Option<Instant>,
}

impl Pace {
    /// A value that is told at most once in `interval`.
    pub(super) const fn at_most_every(interval: Duration) -> Self {
        Self {
            interval,
            told_at: None,
            changed_at: None,
        }
    }

    /// The value has changed.
    pub(super) fn mark(&mut self, now: Instant) {
        self.changed_at.get_or_insert(now);
    }

    /// Whether to tell it now; if so, that is remembered.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            self.changed_at = None;
            self.told_at = Some(now);
        }
        due
    }

    /// When it is to be told; `None` if nobody misses anything.
    pub(super) fn due(&self) -> Option<Instant> {
        let changed_at = self.changed_at?;
        Some(self.told_at.map_or(changed_at, |told_at| {
            changed_at.max(told_at + self.interval)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_at_once_and_the_next_one_waits() {
        let interval = Duration::from_millis(250);
        let mut pace = Pace::at_most_every(interval);
        let start = Instant::now();
        assert!(!pace.take(start), "nothing has changed");
        pace.mark(start);
        assert!(pace.take(start));
        pace.mark(start);
        assert!(!pace.take(start));
        assert_eq!(pace.due(), Some(start + interval));
        assert!(pace.take(start + interval));
        assert_eq!(pace.due(), None);
    }
}
