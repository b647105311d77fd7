//! What a listener hears of one sound: which frames are there when their turn comes, and which must
//! be made up. Of the jitter buffers of browsers it has what matters for that: it holds sound back
//! for a while, for longer once packets come late, and returns to that when they no longer do.

use std::collections::BTreeMap;
use std::time::Duration;

/// Ticks of sound's RTP clock in a second.
const RATE: u32 = 48_000;

/// Most frames that wait; the oldest are played early when more do. Ten seconds of 20 ms.
const MAX_WAITING: usize = 512;

/// The most by which sound is held back longer because one packet came late, in seconds.
const MAX_LATE: f64 = 2.0;

/// Usual lengths of a frame, in seconds.
const SHORTEST: f64 = 0.02;
const LONGEST: f64 = 0.12;

/// Sound that waits too long is played so much faster, as a share.
const HASTE: f64 = 0.05;

/// What was played and what was made up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Played {
    /// Frames that were there in time.
    pub heard: u64,
    /// Of these, frames that came only as part of a later packet.
    pub recovered: u64,
    /// Frames that were not there.
    pub concealed: u64,
}

impl Played {
    /// What share was made up, 0 to 1.
    pub fn share_concealed(&self) -> f64 {
        self.concealed as f64 / ((self.heard + self.concealed) as f64).max(1.0)
    }

    /// Takes out what had been counted before.
    #[must_use]
    pub const fn since(self, before: &Self) -> Self {
        Self {
            heard: self.heard - before.heard,
            recovered: self.recovered - before.recovered,
            concealed: self.concealed - before.concealed,
        }
    }

    /// Adds what was counted elsewhere.
    pub const fn add(&mut self, other: &Self) {
        self.heard += other.heard;
        self.recovered += other.recovered;
        self.concealed += other.concealed;
    }
}

/// Plays one sound.
#[derive(Clone, Debug)]
pub struct Playout {
    /// How long it holds sound back.
    target: Duration,
    /// When a packet of time 0 would have come by the quickest way of late, in seconds.
    start: Option<f64>,
    /// Frames that wait, by their time; with their number if their own packet has come.
    waiting: BTreeMap<i64, Option<u64>>,
    /// Time of the newest frame that was played or passed over, and the number of the newest that
    /// came by itself.
    passed: Option<i64>,
    number: Option<u64>,
    /// Frames played since that one which came as part of another packet.
    recovered: u64,
    newest: Option<i64>,
    played: Played,
}

impl Playout {
    /// Holds sound back for so long behind the quickest packet.
    pub const fn new(target: Duration) -> Self {
        Self {
            target,
            start: None,
            waiting: BTreeMap::new(),
            passed: None,
            number: None,
            recovered: 0,
            newest: None,
            played: Played {
                heard: 0,
                recovered: 0,
                concealed: 0,
            },
        }
    }

    /// A packet has come by itself, with the extended number `number`. Arrivals are counted from any
    /// fixed instant and never go back.
    pub fn on_packet(&mut self, arrival: Duration, number: u64, timestamp: u32) {
        let time = self.extend(timestamp);
        self.play(arrival);
        if self.newest.is_none_or(|newest| time > newest) {
            self.hold_back(arrival, time);
            self.newest = Some(time);
        }
        self.enter(arrival, time, Some(number));
    }

    /// A packet carried what belongs `offset` ticks before its time.
    pub fn on_carried(&mut self, arrival: Duration, timestamp: u32, offset: u32) {
        let time = self.extend(timestamp.wrapping_sub(offset));
        self.play(arrival);
        self.enter(arrival, time, None);
    }

    /// What was played when something last came.
    pub const fn so_far(&self) -> Played {
        self.played
    }

    /// What was played by now.
    pub fn played(&mut self, now: Duration) -> Played {
        self.play(now);
        self.played
    }

    /// Adjusts for how long sound is held back.
    fn hold_back(&mut self, arrival: Duration, time: i64) {
        let way = arrival.as_secs_f64() - seconds(time);
        let start = self.start.get_or_insert(way);
        let late = (way - (*start + self.target.as_secs_f64())).min(MAX_LATE);
        if late > 0.0 {
            // Until it came something was made up, and what follows as late is in time.
            *start += late;
            let step = self.newest.map_or(0, |newest| time - newest);
            let frame = seconds(step).clamp(SHORTEST, LONGEST);
            self.played.concealed += (late / frame).round() as u64;
        } else if way < *start {
            *start = (*start - HASTE * SHORTEST).max(way);
        }
    }

    fn enter(&mut self, arrival: Duration, time: i64, number: Option<u64>) {
        let is_over = self.passed.is_some_and(|passed| time <= passed);
        if is_over || self.due(time).is_none_or(|due| due < arrival) {
            return;
        }
        let known = self.waiting.entry(time).or_default();
        *known = known.or(number);
        if self.waiting.len() > MAX_WAITING
            && let Some((time, number)) = self.waiting.pop_first()
        {
            self.pass(time, number);
        }
    }

    /// Plays what is due.
    fn play(&mut self, now: Duration) {
        while let Some((time, number)) = self.waiting.first_key_value()
            && self.due(*time).is_some_and(|due| due <= now)
        {
            let (time, number) = (*time, *number);
            self.waiting.pop_first();
            self.pass(time, number);
        }
    }

    fn pass(&mut self, time: i64, number: Option<u64>) {
        self.passed = Some(time);
        self.played.heard += 1;
        let Some(number) = number else {
            self.played.recovered += 1;
            self.recovered += 1;
            return;
        };
        // Numbers without a frame were lost; times without one may be a pause.
        let missing = self
            .number
            .map_or(0, |last| number.saturating_sub(last + 1));
        self.played.concealed += missing.saturating_sub(self.recovered);
        (self.number, self.recovered) = (Some(number), 0);
    }

    fn due(&self, time: i64) -> Option<Duration> {
        let due = self.start? + seconds(time) + self.target.as_secs_f64();
        Some(Duration::from_secs_f64(due.max(0.0)))
    }

    /// An RTP time, counted on.
    fn extend(&self, timestamp: u32) -> i64 {
        let Some(newest) = self.newest else {
            // Room for what comes late.
            return i64::from(timestamp) + (1 << 32);
        };
        let step = timestamp.wrapping_sub(newest as u32).cast_signed();
        newest + i64::from(step)
    }
}

fn seconds(time: i64) -> f64 {
    time as f64 / f64::from(RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 20;
    const TICKS: u32 = 960;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Frames 0 to 99 arrive as `arrives` says, by themselves at a time or not; those of which
    /// `carries` says so bring the frame before along.
    fn listen(arrives: impl Fn(u64) -> Option<u64>, carries: impl Fn(u64) -> bool) -> Played {
        let mut playout = Playout::new(ms(100));
        let mut events: Vec<_> = (0..100).filter_map(|n| Some((arrives(n)?, n))).collect();
        events.sort_unstable();
        for (at, n) in events {
            let timestamp = (n as u32 * TICKS).wrapping_sub(10_000);
            playout.on_packet(ms(at), 1_000 + n, timestamp);
            if carries(n) {
                playout.on_carried(ms(at), timestamp, TICKS);
            }
        }
        playout.played(ms(60_000))
    }

    #[test]
    fn what_is_lost_is_concealed_unless_a_later_packet_carries_it() {
        let arrives = |n: u64| (n % 10 != 5).then_some(n * FRAME);
        let lossy = listen(arrives, |_| false);
        assert_eq!((lossy.heard, lossy.concealed), (90, 10));
        let carried = listen(arrives, |n| n % 20 == 6);
        assert_eq!(
            (carried.heard, carried.recovered, carried.concealed),
            (95, 5, 5)
        );
    }

    #[test]
    fn what_is_repeated_in_time_is_heard_and_what_comes_too_late_is_not() {
        for (after, concealed) in [(90, 0), (110, 10)] {
            let arrives = |n: u64| Some(n * FRAME + if n % 10 == 5 { after } else { 0 });
            let played = listen(arrives, |_| false);
            assert_eq!(
                (played.heard, played.concealed),
                (100 - concealed, concealed)
            );
        }
    }

    #[test]
    fn a_pause_is_no_loss() {
        let mut playout = Playout::new(ms(100));
        playout.on_packet(ms(0), 7, 0);
        playout.on_packet(ms(5_000), 8, 240_000);
        playout.on_packet(ms(5_020), 9, 240_960);
        assert_eq!(
            playout.played(ms(9_000)),
            Played {
                heard: 3,
                ..Played::default()
            }
        );
    }

    #[test]
    fn sound_that_comes_later_from_now_on_is_made_up_once_and_held_back_longer() {
        let played = listen(
            |n| Some(n * FRAME + if n < 50 { 0 } else { 300 }),
            |_| false,
        );
        assert_eq!((played.heard, played.concealed), (100, 10));
    }
}
