//! Stalls: times when nothing new came although the sender had something.

use std::time::Duration;

/// Stalls of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    clock_rate: u32,
    limit: Duration,
    last: Option<(Duration, u32)>,
    /// Since when `counts` counts.
    since: Duration,
    counts: Counts,
    /// Stalls that had begun before `since`.
    before: Counts,
}

/// What has been counted of one stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// How many.
    pub count: u64,
    /// All together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Counts {
    /// Adds one stall.
    pub fn add(&mut self, gap: Duration) {
        self.count += 1;
        self.total += gap;
        self.longest = self.longest.max(gap);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }
}

impl Stalls {
    /// A gap of more than `limit` is a stall. Timestamps run at `clock_rate` Hz.
    pub const fn new(clock_rate: u32, limit: Duration) -> Self {
        Self {
            clock_rate,
            limit,
            last: None,
            since: Duration::ZERO,
            counts: NONE,
            before: NONE,
        }
    }

    /// A packet with a new timestamp arrived at `arrival`, counted from any fixed instant;
    /// `contiguous` if no packet is missing before it.
    ///
    /// A sender that pauses moves its timestamps on by the length of the pause: that is no stall.
    /// Behind a loss the timestamps prove nothing, so the whole gap counts.
    pub fn on_packet(&mut self, arrival: Duration, timestamp: u32, contiguous: bool) {
        if let Some((last_arrival, last_timestamp)) = self.last {
            let gap = arrival.saturating_sub(last_arrival);
            let ticks = timestamp.wrapping_sub(last_timestamp) as i32;
            let media = f64::from(ticks.max(0)) / f64::from(self.clock_rate.max(1));
            let excess = gap.saturating_sub(Duration::from_secs_f64(media));
            if gap > self.limit && (!contiguous || excess > self.limit / 2) {
                let counts = if last_arrival < self.since {
                    &mut self.before
                } else {
                    &mut self.counts
                };
                counts.add(gap);
            }
        }
        self.last = Some((arrival, timestamp));
    }

    /// What has been counted since the last cut.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts anew from `at` on. A stall belongs to where it began, so one that is open now will be
    /// found in [`take_before`](Self::take_before) when it ends.
    pub const fn cut(&mut self, at: Duration) {
        self.since = at;
        self.counts = NONE;
    }

    /// Stalls that had begun before the last cut and ended after it.
    pub const fn take_before(&mut self) -> Counts {
        std::mem::replace(&mut self.before, NONE)
    }
}

const NONE: Counts = Counts {
    count: 0,
    total: Duration::ZERO,
    longest: Duration::ZERO,
};

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn after(gap_ms: u64, media_ms: u32, contiguous: bool) -> Counts {
        let mut stalls = Stalls::new(48_000, LIMIT);
        stalls.on_packet(Duration::from_secs(1), u32::MAX, true);
        let arrival = Duration::from_secs(1) + Duration::from_millis(gap_ms);
        stalls.on_packet(arrival, u32::MAX.wrapping_add(media_ms * 48), contiguous);
        stalls.counts()
    }

    #[test]
    fn a_gap_that_the_media_time_does_not_explain_is_a_stall() {
        let counts = after(140, 20, true);
        assert_eq!((counts.count, counts.longest.as_millis()), (1, 140));
    }

    #[test]
    fn a_pause_of_the_sender_is_none_unless_packets_are_missing() {
        assert_eq!(after(5_000, 5_000, true).count, 0);
        assert_eq!(after(5_000, 5_000, false).count, 1);
    }

    #[test]
    fn a_stall_belongs_to_the_side_of_a_cut_where_it_began() {
        let mut stalls = Stalls::new(48_000, LIMIT);
        let ms = Duration::from_millis;
        stalls.on_packet(ms(0), 0, true);
        stalls.on_packet(ms(150), 960, true);
        assert_eq!(stalls.counts().count, 1);
        stalls.cut(ms(200));
        assert_eq!(stalls.counts().count, 0);
        stalls.on_packet(ms(350), 1_920, true);
        stalls.on_packet(ms(650), 2_880, true);
        assert_eq!(stalls.take_before().longest, ms(200));
        assert_eq!(stalls.take_before().count, 0);
        assert_eq!(
            (stalls.counts().count, stalls.counts().longest),
            (1, ms(300))
        );
    }

    #[test]
    fn a_gap_within_the_limit_is_none() {
        assert_eq!(after(100, 20, true).count, 0);
        assert_eq!(after(100, 20, false).count, 0);
    }
}
