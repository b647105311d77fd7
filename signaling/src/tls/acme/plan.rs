//! Decides when a certificate is ordered.

use std::time::Duration;

use jiff::Timestamp;

/// How long after a first failure it is tried again; each further pause is four times as long.
/// Lower: an authority that allows five failures an hour refuses.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// After so long it is asked again when to renew, at the earliest and at the latest (RFC 9773 §4.3.2).
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_hours(24));

/// The same when there was no answer.
const ASK_LATER: Duration = Duration::from_hours(6);

/// A certificate that was just obtained is not renewed for so long, whatever the server advises. Lower: one
/// that advises nonsense is asked for certificates without end.
const LEFT_ALONE: Duration = Duration::from_hours(1);

/// How often it has failed since it went well, until when it is not tried again, and what the server has
/// said of the certificate that is shown.
#[derive(Debug, Default)]
pub(super) struct Plan {
    failures: u32,
    not_before: Option<Timestamp>,
    /// When the server wants it renewed, if it has said so (RFC 9773).
    advised: Option<Timestamp>,
    ask_at: Option<Timestamp>,
    /// When the last was obtained, if it was by this process.
    obtained_at: Option<Timestamp>,
}

impl Plan {
    /// Whether to order now, when what there is should be renewed at `renew_at` (`None`: there is
    /// nothing that can be used).
    pub(super) fn is_due(&self, now: Timestamp, renew_at: Option<Timestamp>) -> bool {
        let age = self
            .obtained_at
            .map(|at| now.duration_since(at).unsigned_abs());
        let is_new = age.is_some_and(|age| age < LEFT_ALONE);
        let is_advised = !is_new && self.advised.is_some_and(|at| at <= now);
        let is_wanted = is_advised || renew_at.is_none_or(|at| at <= now);
        // A pause that ends further ahead than any lasts is of a clock that was set.
        let is_pausing = self.not_before.is_some_and(|until| {
            until > now && until.duration_since(now).unsigned_abs() <= LONGEST_PAUSE
        });
        is_wanted && !is_pausing
    }

    /// Whether the server is to be asked when it wants the certificate renewed.
    pub(super) fn is_to_ask(&self, now: Timestamp) -> bool {
        // One further ahead than any is of a clock that was set.
        self.ask_at
            .is_none_or(|at| at <= now || at.duration_since(now).unsigned_abs() > ASK_AGAIN.1)
    }

    /// It wants it renewed within this time, and to be asked again after so long. `random` in [0, 1)
    /// spreads those whom it has told the same.
    pub(super) fn advise(
        &mut self,
        now: Timestamp,
        (start, end): (Timestamp, Timestamp),
        again: Duration,
        random: f64,
    ) {
        let length = end.duration_since(start).as_secs_f64().max(0.0);
        let within = Duration::try_from_secs_f64(length * random).unwrap_or_default();
        self.advised = start.checked_add(within).ok();
        self.ask_at = now.checked_add(again.clamp(ASK_AGAIN.0, ASK_AGAIN.1)).ok();
    }

    /// It has not answered, or gives no advice.
    pub(super) fn not_advised(&mut self, now: Timestamp) {
        self.ask_at = now.checked_add(ASK_LATER).ok();
    }

    /// Whether it has said when it wants the certificate renewed.
    pub(super) const fn is_advised(&self) -> bool {
        self.advised.is_some()
    }

    /// It went wrong; how long the pause is.
    pub(super) fn failed(&mut self, now: Timestamp) -> Duration {
        let factor = 4_u32.saturating_pow(self.failures);
        let pause = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.checked_add(pause).ok();
        pause
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        *self = Self {
            obtained_at: Some(now),
            ..Self::default()
        };
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
        plan.succeeded(NOW);
        assert!(plan.is_due(NOW, None));
    }

    #[test]
    fn what_the_server_advises_goes_before_a_third_of_the_time() {
        let mut plan = Plan::default();
        let usual = Some(NOW + 600.hours());
        assert!(plan.is_to_ask(NOW) && !plan.is_due(NOW, usual));
        let window = (NOW + 10.hours(), NOW + 20.hours());
        plan.advise(NOW, window, Duration::from_hours(6), 0.5);
        assert!(!plan.is_to_ask(NOW + 5.hours()) && plan.is_to_ask(NOW + 6.hours()));
        assert!(!plan.is_due(NOW + 14.hours(), usual) && plan.is_due(NOW + 15.hours(), usual));
        // It was revoked.
        let past = (NOW - 20.hours(), NOW - 10.hours());
        plan.advise(NOW + 6.hours(), past, Duration::ZERO, 0.9);
        assert!(plan.is_due(NOW + 6.hours(), usual));
        assert!(
            !plan.is_to_ask(NOW + 6.hours()),
            "not more often than each minute"
        );
        // The next certificate is asked about anew.
        plan.succeeded(NOW);
        assert!(plan.is_to_ask(NOW) && !plan.is_advised());
        plan.advise(NOW, past, Duration::ZERO, 0.0);
        assert!(
            !plan.is_due(NOW + 59.minutes(), usual),
            "it was just obtained"
        );
        assert!(plan.is_due(NOW + 60.minutes(), usual));
    }

    #[test]
    fn who_gives_no_advice_is_asked_again_later_and_its_last_stands() {
        let mut plan = Plan::default();
        plan.not_advised(NOW);
        assert!(!plan.is_to_ask(NOW + 5.hours()) && plan.is_to_ask(NOW + 6.hours()));
        plan.advise(NOW, (NOW, NOW), Duration::from_hours(6), 0.0);
        plan.not_advised(NOW);
        assert!(plan.is_due(NOW, Some(NOW + 1.hour())));
        assert!(plan.is_to_ask(NOW - 48.hours()), "the clock was set back");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_the_pause_longer() {
        let mut plan = Plan::default();
        plan.failed(NOW + 24.hours());
        assert!(plan.is_due(NOW, None));
    }
}
