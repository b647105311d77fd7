//! What a conference goes without when its shard cannot keep up: the least important first.

use std::time::{Duration, Instant};

use crate::priority::Priority;

/// How long packets may wait for their fan-out before this priority is left out.
///
/// Higher: longer bursts are ridden out, and viewers are further behind. Lower: a keyframe for
/// thousands of receivers, which takes some 100 ms, already counts as overload.
const fn patience(priority: Priority) -> Duration {
    Duration::from_millis(match priority {
        Priority::Thumbnail => 200,
        Priority::Second => 300,
        Priority::Main => 450,
        Priority::Audio => 2_000,
    })
}

/// A wait below which the shard keeps up.
const CALM: Duration = Duration::from_millis(80);

/// How long it must keep up before something is tried again, at first and at most.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(32);

/// What one conference is doing without on one shard.
#[derive(Debug)]
pub struct Overload {
    shed: Option<Priority>,
    calm_since: Option<Instant>,
    rest: Duration,
    last_change: Option<Instant>,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            shed: None,
            calm_since: None,
            rest: FIRST_REST,
            last_change: None,
        }
    }
}

impl Overload {
    /// The most important priority that is left out, with all below it.
    pub const fn shed(&self) -> Option<Priority> {
        self.shed
    }

    /// Takes note of how long the oldest packet has waited. Returns whether anything changed.
    ///
    /// What is left out comes back one priority after the other; when that proves too much soon
    /// after, the next attempt waits twice as long.
    pub fn note(&mut self, now: Instant, waited: Duration) -> bool {
        let too_much = Priority::ALL
            .into_iter()
            .rev()
            .find(|priority| waited >= patience(*priority));
        if too_much > self.shed {
            let was_soon = self
                .last_change
                .is_some_and(|last| now.saturating_duration_since(last) < 2 * self.rest);
            if was_soon && self.shed.is_none() {
                self.rest = (2 * self.rest).min(LONGEST_REST);
            }
            self.set(now, too_much);
            return true;
        }
        if self.shed.is_none() {
            return false;
        }
        if waited >= CALM {
            self.calm_since = None;
            return false;
        }
        let calm = now.saturating_duration_since(*self.calm_since.get_or_insert(now));
        if calm < self.rest {
            return false;
        }
        self.set(now, self.shed.and_then(Priority::below));
        true
    }

    fn set(&mut self, now: Instant, shed: Option<Priority>) {
        let long_ago = self
            .last_change
            .is_none_or(|last| now.saturating_duration_since(last) > 2 * LONGEST_REST);
        if long_ago {
            self.rest = FIRST_REST;
        }
        self.shed = shed;
        self.calm_since = None;
        self.last_change = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_least_important_goes_first_and_sound_last() {
        let mut overload = Overload::default();
        let now = epoch();
        assert!(!overload.note(now, ms(100)));
        let steps = [
            (200, Priority::Thumbnail),
            (300, Priority::Second),
            (460, Priority::Main),
            (2_000, Priority::Audio),
        ];
        for (waited, shed) in steps {
            assert!(overload.note(now, ms(waited)), "{waited} ms");
            assert_eq!(overload.shed(), Some(shed));
        }
        assert!(!overload.note(now, ms(250)), "not calm yet");
        assert_eq!(overload.shed(), Some(Priority::Audio));
    }

    #[test]
    fn what_was_left_out_comes_back_one_by_one_after_a_rest() {
        let mut overload = Overload::default();
        let mut now = epoch();
        overload.note(now, ms(500));
        let mut seen = Vec::new();
        for _ in 0..100 {
            now += ms(100);
            if overload.note(now, ms(10)) {
                seen.push(overload.shed());
            }
        }
        assert_eq!(
            seen,
            [Some(Priority::Second), Some(Priority::Thumbnail), None]
        );
    }

    #[test]
    fn a_return_that_was_too_much_waits_twice_as_long() {
        let mut overload = Overload::default();
        let mut now = epoch();
        let mut rests = Vec::new();
        for _ in 0..6 {
            overload.note(now, ms(250));
            let began = now;
            while overload.shed().is_some() {
                now += ms(100);
                overload.note(now, ms(10));
            }
            rests.push((now - began).as_secs());
            now += ms(100);
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 32]);
    }
}
