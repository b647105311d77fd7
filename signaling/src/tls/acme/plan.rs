//! Decides when a certificate is ordered.

use std::time::Duration;

use jiff::Timestamp;

/// How long after a first failure it is tried again; each further pause is four times as long.
/// Lower: an authority that allows five failures an hour refuses.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// How often it has failed since it went well, and until when it is not tried again.
#[derive(Debug, Default)]
pub(super) struct Plan {
    failures: u32,
    not_before: Option<Timestamp>,
}

impl Plan {
    /// Whether to order now, when what there is should be renewed at `renew_at` (`None`: there is
    /// nothing that can be used).
    pub(super) fn is_due(&self, now: Timestamp, renew_at: Option<Timestamp>) -> bool {
        let is_wanted = renew_at.is_none_or(|at| at <= now);
        // A pause that ends further ahead than any lasts is of a clock that was set.
        let is_pausing = self.not_before.is_some_and(|until| {
            until > now && until.duration_since(now).unsigned_abs() <= LONGEST_PAUSE
        });
        is_wanted && !is_pausing
    }

    /// It went wrong; how long the pause is.
    pub(super) fn failed(&mut self, now: Timestamp) -> Duration {
        let factor = 4_u32.saturating_pow(self.failures);
        let pause = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.checked_add(pause).ok();
        pause
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn it_is_ordered_when_there_is_none_and_when_it_is_to_be_renewed() {
        let plan = Plan::default();
        assert!(plan.is_due(NOW, None));
        assert!(!plan.is_due(NOW, Some(NOW + 1.second())));
        assert!(plan.is_due(NOW, Some(NOW)));
    }

    #[test]
    fn pauses_grow_to_their_longest_and_end_with_success() {
        let mut plan = Plan::default();
        let pauses: Vec<_> = (0..7).map(|_| plan.failed(NOW).as_secs() / 60).collect();
        assert_eq!(pauses, [1, 4, 16, 64, 256, 360, 360]);
        assert!(!plan.is_due(NOW + 5.hours(), None));
        assert!(plan.is_due(NOW + 6.hours(), None));
        plan.succeeded();
        assert!(plan.is_due(NOW, None));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_the_pause_longer() {
        let mut plan = Plan::default();
        plan.failed(NOW + 24.hours());
        assert!(plan.is_due(NOW, None));
    }
}
