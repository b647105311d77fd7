//! The narrow place of a line: a queue in bytes before a rate that may change.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Work in one bit, in the unit in which a rate of 1 bit/s does one a nanosecond: so nothing is
/// ever rounded.
const BIT: u64 = 1_000_000_000;

/// What waits, in order, and how fast it gets through.
#[derive(Debug)]
pub(super) struct Bottleneck<T> {
    /// Bits a second; `None` is as fast as can be, 0 stands still.
    rate: Option<u64>,
    /// Rates to come, and from when on each holds.
    rates: VecDeque<(Instant, Option<u64>)>,
    /// Bytes that may wait, with what is getting through; more is refused.
    limit: usize,
    waiting: VecDeque<Waiting<T>>,
    bytes: usize,
    /// Until when it has worked.
    since: Option<Instant>,
}

#[derive(Debug)]
struct Waiting<T> {
    /// Left to do for it.
    work: u64,
    bytes: usize,
    what: T,
}

impl<T> Bottleneck<T> {
    pub(super) const fn new(rate: Option<u64>, limit: usize) -> Self {
        Self {
            rate,
            rates: VecDeque::new(),
            limit,
            waiting: VecDeque::new(),
            bytes: 0,
            since: None,
        }
    }

    /// Another rate and limit from the instant on until which it has worked. What waits stays, also
    /// when it is more than the limit, and takes as long as the new rate makes it.
    pub(super) fn change(&mut self, rate: Option<u64>, limit: usize) {
        (self.rate, self.limit) = (rate, limit);
        self.rates.clear();
    }

    /// Rates to come, earliest first, instead of those that were to come.
    pub(super) fn follow(&mut self, rates: impl IntoIterator<Item = (Instant, Option<u64>)>) {
        self.rates = rates.into_iter().collect();
    }

    /// Something has come, after [`serve`](Self::serve) until now. `false`: there is no room.
    pub(super) fn push(&mut self, bytes: usize, what: T) -> bool {
        if self.rate.is_some() && self.bytes + bytes > self.limit {
            return false;
        }
        self.bytes += bytes;
        self.waiting.push_back(Waiting {
            work: bytes as u64 * 8 * BIT,
            bytes,
            what,
        });
        true
    }

    /// Works until `now`; hands over what gets through, and when it does.
    pub(super) fn serve(&mut self, now: Instant, mut through: impl FnMut(Instant, T)) {
        loop {
            let change = self.rates.front().map(|(at, _)| *at);
            let change = change.filter(|at| *at <= now);
            self.serve_at_one_rate(change.unwrap_or(now), &mut through);
            let Some((_, rate)) = self.rates.pop_front_if(|_| change.is_some()) else {
                return;
            };
            self.rate = rate;
        }
    }

    /// The earliest that something may get through, if nothing else comes.
    pub(super) fn next(&self) -> Option<Instant> {
        let (first, since) = (self.waiting.front()?, self.since?);
        let change = self.rates.front().map(|(at, _)| *at);
        let through = match self.rate {
            None => Some(since),
            Some(0) => None,
            Some(rate) => Some(since + Duration::from_nanos(first.work.div_ceil(rate))),
        };
        through.into_iter().chain(change).min()
    }

    fn serve_at_one_rate(&mut self, end: Instant, through: &mut impl FnMut(Instant, T)) {
        let mut since = self.since.unwrap_or(end);
        while let Some(first) = self.waiting.front_mut() {
            let mut spared = 0;
            if let Some(rate) = self.rate {
                let left = end.saturating_duration_since(since).as_nanos() as u64;
                let done = left.saturating_mul(rate);
                if done < first.work || rate == 0 {
                    first.work -= done;
                    break;
                }
                let needs = first.work.div_ceil(rate);
                spared = needs * rate - first.work;
                since += Duration::from_nanos(needs);
            }
            let Some(first) = self.waiting.pop_front() else {
                break;
            };
            self.bytes -= first.bytes;
            through(since, first.what);
            if let Some(next) = self.waiting.front_mut() {
                next.work = next.work.saturating_sub(spared);
            }
        }
        self.since = Some(since.max(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn served(place: &mut Bottleneck<u32>, start: Instant, now: Instant) -> Vec<(u32, Duration)> {
        let mut out = Vec::new();
        place.serve(now, |at, what| out.push((what, at - start)));
        out
    }

    #[test]
    fn a_rate_that_changes_keeps_the_bytes_that_wait_and_not_their_time() {
        let start = Instant::now();
        let mut place = Bottleneck::new(Some(80_000), 10_000);
        place.serve(start, |_, _: u32| {});
        // 100 ms each at 80 kbit/s.
        for number in 0..4 {
            assert!(place.push(1_000, number));
        }
        assert_eq!(served(&mut place, start, start + 150 * MS), [(0, 100 * MS)]);
        // Half of the second is through: the rest takes ten times as long, what follows too.
        place.change(Some(8_000), 10_000);
        assert_eq!(place.next(), Some(start + 650 * MS));
        let rest = served(&mut place, start, start + 10_000 * MS);
        assert_eq!(rest, [(1, 650 * MS), (2, 1_650 * MS), (3, 2_650 * MS)]);
    }

    #[test]
    fn a_script_of_rates_is_kept_to_the_nanosecond_however_seldom_one_looks() {
        let start = Instant::now();
        let rates = [
            (10 * MS, Some(0)),
            (1_010 * MS, Some(800_000)),
            (1_015 * MS, None),
        ];
        let mut seldom = Bottleneck::new(Some(400_000), 10_000);
        seldom.follow(rates.map(|(at, rate)| (start + at, rate)));
        let mut often = Bottleneck::new(Some(400_000), 10_000);
        often.follow(rates.map(|(at, rate)| (start + at, rate)));
        let mut seen = Vec::new();
        for place in [&mut seldom, &mut often] {
            place.serve(start, |_, _: u32| {});
            assert!((0..3).all(|number| place.push(1_000, number)));
        }
        for step in 0..=2_000 {
            seen.extend(served(&mut often, start, start + MS * step));
        }
        // 20 ms at first; 10 ms of it done, then a second of nothing, 5 ms at twice the rate for
        // its rest, and nothing narrow any more.
        assert_eq!(seen, [(0, 1_015 * MS), (1, 1_015 * MS), (2, 1_015 * MS)]);
        assert_eq!(served(&mut seldom, start, start + 2_000 * MS), seen);
    }

    #[test]
    fn of_a_thousand_odd_sizes_the_last_is_through_when_all_bits_are() {
        let start = Instant::now();
        let mut place = Bottleneck::new(Some(1_234_567), usize::MAX);
        place.serve(start, |_, _: u32| {});
        let sizes = (0..1_000_u32).map(|number| 61 + (number * 37) as usize % 1_200);
        let mut bits = 0_u128;
        for (size, number) in sizes.zip(0..) {
            bits += size as u128 * 8;
            assert!(place.push(size, number));
        }
        let all = served(&mut place, start, start + Duration::from_secs(3_600));
        let exact = (bits * 1_000_000_000).div_ceil(1_234_567) as u64;
        assert_eq!(all.last(), Some(&(999, Duration::from_nanos(exact))));
    }

    #[test]
    fn what_finds_no_room_is_refused_and_room_is_made_by_what_gets_through() {
        let start = Instant::now();
        let mut place = Bottleneck::new(Some(8_000), 2_500);
        place.serve(start, |_, _: u32| {});
        assert!(place.push(1_000, 0) && place.push(1_000, 1));
        assert!(!place.push(1_000, 2));
        place.serve(start + Duration::from_secs(1), |_, _| {});
        assert!(place.push(1_000, 2));
    }
}
