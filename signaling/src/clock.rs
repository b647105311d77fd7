//! The two clocks of a server: the wall's, which stamps what is kept and may be set by anybody at
//! any moment, and the monotonic one, by which everything waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// One moment by both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// What the wall clock says.
    pub wall: Timestamp,
    /// What the monotonic clock says.
    pub mono: Instant,
}

/// One moment by the wall clock, for judging times that it has made itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// What the clock says.
    pub now: Timestamp,
    /// What it would say if it had never been set back since the server started: a time before this
    /// one is not in the future.
    pub latest: Timestamp,
}

impl From<Timestamp> for Moment {
    /// Of a clock that has not been set.
    fn from(now: Timestamp) -> Self {
        Self { now, latest: now }
    }
}

/// Where the time comes from. Cheap to clone; all clones share what they have seen.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    origin: Instant,
    /// The most by which the wall clock was ever ahead of the monotonic one, in milliseconds.
    most_ahead: Arc<AtomicI64>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

impl Clock {
    /// The clocks of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self::with_wall(Timestamp::now)
    }

    /// Another wall clock, as one that is wrong.
    pub fn with_wall(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            wall: Arc::new(wall),
            origin: Instant::now(),
            most_ahead: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let now = Now {
            wall: (self.wall)(),
            mono: Instant::now(),
        };
        self.note(now, now.wall);
        now
    }

    /// This moment by the wall clock.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let now = self.now();
        let ahead = self.most_ahead.load(Ordering::Relaxed);
        let latest = ahead.saturating_add(self.since_origin(now.mono));
        let latest = Timestamp::from_millisecond(latest).unwrap_or(now.wall);
        Moment {
            now: now.wall,
            latest: latest.max(now.wall),
        }
    }

    /// A former run of the server has seen this time.
    pub fn has_been(&self, wall: Timestamp) {
        self.note(self.now(), wall);
    }

    fn note(&self, now: Now, wall: Timestamp) {
        let ahead = wall.as_millisecond() - self.since_origin(now.mono);
        self.most_ahead.fetch_max(ahead, Ordering::Relaxed);
    }

    fn since_origin(&self, mono: Instant) -> i64 {
        let passed = mono.saturating_duration_since(self.origin);
        i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    }
}

/// How much the wall clock may differ from what was reckoned and still not have been set: clocks are
/// steered by such amounts. Higher: a small step stays unnoticed and time stands still in the log
/// for as long. Lower: a machine that sleeps for a moment is an event in the log.
const STEERED: SignedDuration = SignedDuration::from_secs(2);

/// Steering changes the rate of a clock by less than this part.
const STEERING: i32 = 1_000;

/// Notices that the wall clock was set, by carrying its time forward on the monotonic one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reckoning(Option<(Timestamp, Instant)>);

impl Reckoning {
    /// By how much a clock was set since the last look, if it was; `time` is what it says, less
    /// what is known already of its being set. At the first look it can only be seen that it says
    /// less than it has said, which is `known`.
    pub fn look(
        &mut self,
        time: Timestamp,
        mono: Instant,
        known: Timestamp,
    ) -> Option<SignedDuration> {
        let (expected, tolerance) = match self.0 {
            Some((then, at)) => {
                let passed = mono.saturating_duration_since(at);
                let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
                let expected = then.saturating_add(passed).unwrap_or(Timestamp::MAX);
                (expected, STEERED + passed / STEERING)
            }
            None => (time.max(known), STEERED),
        };
        let set_by = time.duration_since(expected);
        if set_by.abs() > tolerance {
            return Some(set_by);
        }
        self.0 = Some((time, mono));
        None
    }

    /// When it will be so late, whatever is done to the wall clock meanwhile; `None` before the
    /// first look.
    #[must_use]
    pub fn when(&self, time: Timestamp) -> Option<Instant> {
        let (then, at) = self.0?;
        let wait = std::time::Duration::try_from(time.duration_since(then));
        // A negative wait is over.
        at.checked_add(wait.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_a_clock_has_said_before_it_was_set_back_is_not_in_the_future() {
        let wall = Arc::new(Mutex::new(at(100_000)));
        let clock = Clock::with_wall({
            let wall = Arc::clone(&wall);
            move || *wall.lock().unwrap()
        });
        let moment = clock.moment();
        assert_eq!(moment.now, at(100_000));
        *wall.lock().unwrap() = at(96_400);
        let moment = clock.moment();
        assert_eq!(moment.now, at(96_400));
        assert!(moment.latest >= at(100_000), "{moment:?}");
        clock.has_been(at(200_000));
        assert!(clock.moment().latest >= at(200_000));
    }

    #[test]
    fn a_step_is_noticed_in_both_directions_until_it_is_known() {
        let start = Instant::now();
        let after = |seconds| start + std::time::Duration::from_secs(seconds);
        let mut reckoning = Reckoning::default();
        assert_eq!(reckoning.look(at(100), start, at(50)), None);
        assert_eq!(reckoning.look(at(110), after(10), at(100)), None);
        let back = Some(SignedDuration::from_secs(-3600));
        assert_eq!(reckoning.look(at(-3480), after(20), at(110)), back);
        assert_eq!(reckoning.look(at(-3479), after(21), at(110)), back);
        // Its being set is known by now: what it says is less that.
        assert_eq!(reckoning.look(at(122), after(22), at(110)), None);
        let forward = Some(SignedDuration::from_hours(720));
        let ahead = at(123 + 720 * 3600);
        assert_eq!(reckoning.look(ahead, after(23), at(122)), forward);
    }

    #[test]
    fn a_clock_that_is_steered_was_not_set() {
        let start = Instant::now();
        let mut reckoning = Reckoning::default();
        for hour in 0..100 {
            // Half a second an hour too fast, and a second forth or back at once.
            let wall = Timestamp::from_millisecond(hour * 3_600_500 + hour % 2 * 1_000).unwrap();
            let mono = start + std::time::Duration::from_secs(3_600) * u32::try_from(hour).unwrap();
            assert_eq!(reckoning.look(wall, mono, Timestamp::MIN), None, "{hour}");
        }
    }

    #[test]
    fn at_the_first_look_less_than_is_known_was_set_back() {
        let mut reckoning = Reckoning::default();
        let set_by = reckoning.look(at(100), Instant::now(), at(2_592_100));
        assert_eq!(set_by, Some(SignedDuration::from_hours(-720)));
    }
}
