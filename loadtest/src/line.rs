//! A line worse than loopback, in both directions: losses, delay, jitter, a narrow place.
//!
//! Sans-I/O and on the caller's clock, so that hours of a bad line can be tried in no time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Headers that UDP and IPv4 put before each datagram, bytes.
const HEADERS: usize = 28;
/// Most datagrams under way in one direction; further ones count as overflowed. A second of 4,000
/// packets: more than any line here carries.
const MAX_UNDER_WAY: usize = 4_096;

/// Losses in bursts: the two-state model of Gilbert, where everything is lost in the bad state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burst {
    /// Share of the datagrams that is lost, 0 to 1.
    loss: f64,
    /// Chance to get into the bad state with a datagram.
    enter: f64,
    /// Chance to stay there.
    stay: f64,
}

impl Burst {
    /// `loss` of all datagrams, `length` in a row on average; 1 means each by itself.
    /// `None` when the length is less than 1 or so much cannot be lost in such bursts.
    pub fn new(loss: f64, length: f64) -> Option<Self> {
        if length.is_nan() || length < 1.0 || loss > Self::most(length) + 1e-9 {
            return None;
        }
        if length <= 1.0 {
            return Some(Self {
                loss,
                enter: loss,
                stay: loss,
            });
        }
        let leave = 1.0 / length;
        let enter = loss * leave / (1.0 - loss);
        Some(Self {
            loss,
            enter,
            stay: 1.0 - leave,
        })
    }

    /// The greatest share that can be lost in bursts of this length with a datagram between them.
    pub fn most(length: f64) -> f64 {
        if length > 1.0 {
            length / (length + 1.0)
        } else {
            1.0
        }
    }

    /// Share of the datagrams that is lost, 0 to 1.
    pub const fn loss(&self) -> f64 {
        self.loss
    }
}

/// What one direction does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Losses.
    pub loss: Burst,
    /// Added to every datagram.
    pub delay: Duration,
    /// Added besides: 0 to this, evenly. Datagrams do not overtake one another.
    pub jitter: Duration,
    /// Bandwidth of the narrow place, kbit/s.
    pub kbps: Option<u32>,
    /// What may wait before the narrow place, as the time it takes to get through.
    pub queue: Duration,
}

impl std::fmt::Display for Impairment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |span: Duration| span.as_secs_f64() * 1e3;
        let Burst { loss, stay, .. } = self.loss;
        write!(f, "{:.1} % lost", loss * 100.0)?;
        if stay > loss {
            write!(f, " {:.0} in a row", 1.0 / (1.0 - stay))?;
        }
        write!(
            f,
            ", {:.0} to {:.0} ms",
            ms(self.delay),
            ms(self.delay + self.jitter)
        )?;
        match self.kbps {
            Some(kbps) => write!(f, ", {kbps} kbit/s with {:.0} ms of queue", ms(self.queue)),
            None => Ok(()),
        }
    }
}

/// What became of datagrams in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Lost on the way.
    pub lost: u64,
    /// Found the queue full.
    pub overflowed: u64,
    /// Delivered, or under way.
    pub passed: u64,
}

/// One direction.
#[derive(Debug)]
pub struct Direction {
    impairment: Impairment,
    rng: SmallRng,
    bad: bool,
    /// When the narrow place is free again.
    free: Option<Instant>,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
    counts: Counts,
}

impl Direction {
    /// A direction that has carried nothing yet. Everything random follows from the seed.
    pub fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            rng: SmallRng::seed_from_u64(seed),
            bad: false,
            free: None,
            under_way: VecDeque::new(),
            spare: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// A datagram sets out.
    pub fn push(&mut self, now: Instant, datagram: &[u8]) {
        let Impairment {
            loss,
            delay,
            jitter,
            kbps,
            queue,
        } = self.impairment;
        let chance = if self.bad { loss.stay } else { loss.enter };
        self.bad = self.rng.random_bool(chance.clamp(0.0, 1.0));
        if self.bad {
            self.counts.lost += 1;
            return;
        }
        let mut through = now;
        if let Some(kbps) = kbps {
            let start = self.free.map_or(now, |free| free.max(now));
            if start.saturating_duration_since(now) > queue {
                self.counts.overflowed += 1;
                return;
            }
            let bits = ((datagram.len() + HEADERS) * 8) as f64;
            through = start + Duration::from_secs_f64(bits / (f64::from(kbps) * 1e3));
            self.free = Some(through);
        }
        if self.under_way.len() >= MAX_UNDER_WAY {
            self.counts.overflowed += 1;
            return;
        }
        let extra = jitter.mul_f64(self.rng.random_range(0.0..=1.0));
        let last = self.under_way.back().map(|(due, _)| *due);
        let due = (through + delay + extra).max(last.unwrap_or(now));
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(datagram);
        self.under_way.push_back((due, bytes));
        self.counts.passed += 1;
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.under_way.front().map(|(due, _)| *due)
    }

    /// The next datagram that has arrived, and when it did.
    pub fn pop(&mut self, now: Instant) -> Option<(Instant, Vec<u8>)> {
        let (due, _) = self.under_way.front()?;
        if *due > now {
            return None;
        }
        self.under_way.pop_front()
    }

    /// Takes back the memory of a datagram that [`pop`](Self::pop) gave.
    pub fn reuse(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < 16 {
            self.spare.push(bytes);
        }
    }

    /// What became of the datagrams so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}

/// Both directions of one site's line.
#[derive(Debug)]
pub struct Line {
    /// From the server.
    pub down: Direction,
    /// To the server.
    pub up: Direction,
}

impl Line {
    /// A line that has carried nothing yet.
    pub fn new(down: Impairment, up: Impairment, seed: u64) -> Self {
        Self {
            down: Direction::new(down, seed),
            up: Direction::new(up, !seed),
        }
    }

    /// When something arrives at either end.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ends = [&self.down, &self.up];
        ends.into_iter().filter_map(Direction::poll_timeout).min()
    }

    /// What became of the datagrams, both directions together.
    pub const fn counts(&self) -> Counts {
        let (down, up) = (self.down.counts, self.up.counts);
        Counts {
            lost: down.lost + up.lost,
            overflowed: down.overflowed + up.overflowed,
            passed: down.passed + up.passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends `count` datagrams of `bytes` bytes, one each `step`; which arrived, and how late.
    fn carry(
        impairment: Impairment,
        count: u32,
        bytes: usize,
        step: Duration,
    ) -> Vec<Option<Duration>> {
        let start = Instant::now();
        let mut direction = Direction::new(impairment, 7);
        let mut arrived = vec![None; count as usize];
        let mut datagram = vec![0; bytes];
        for n in 0..count {
            let now = start + step * n;
            datagram[..4].copy_from_slice(&n.to_be_bytes());
            direction.push(now, &datagram);
        }
        let end = start + step * count + Duration::from_secs(60);
        while let Some((due, bytes)) = direction.pop(end) {
            let n = u32::from_be_bytes(bytes[..4].try_into().unwrap());
            arrived[n as usize] = Some(due - (start + step * n));
            direction.reuse(bytes);
        }
        arrived
    }

    /// Share lost, and mean length of what is lost in a row.
    fn losses(arrived: &[Option<Duration>]) -> (f64, f64) {
        let lost = arrived.iter().filter(|one| one.is_none()).count();
        let bursts = arrived.split(Option::is_some).filter(|run| !run.is_empty());
        let share = lost as f64 / arrived.len() as f64;
        (share, lost as f64 / bursts.count() as f64)
    }

    fn losing(loss: f64, burst: f64) -> Impairment {
        Impairment {
            loss: Burst::new(loss, burst).unwrap(),
            ..Impairment::default()
        }
    }

    /// In pieces, because not so many may be under way at once.
    fn many(impairment: Impairment) -> Vec<Option<Duration>> {
        let start = Instant::now();
        let mut direction = Direction::new(impairment, 11);
        let carry = |n: u32| {
            let now = start + MS * n;
            direction.push(now, &[0; 100]);
            direction.pop(now).map(|(due, _)| due - now)
        };
        (0..200_000).map(carry).collect()
    }

    #[test]
    fn independent_losses_have_their_share_and_come_alone() {
        let (share, run) = losses(&many(losing(0.02, 1.0)));
        assert!((0.018..0.022).contains(&share), "{share}");
        // Two in a row happen by chance: 1 / (1 - 0.02).
        assert!((1.0..1.05).contains(&run), "{run}");
    }

    #[test]
    fn bursts_have_their_share_and_their_length() {
        for (loss, length) in [(0.02, 4.0), (0.1, 8.0), (0.5, 2.0)] {
            let (share, run) = losses(&many(losing(loss, length)));
            assert!((share / loss - 1.0).abs() < 0.1, "{share} is not {loss}");
            assert!((run / length - 1.0).abs() < 0.1, "{run} is not {length}");
        }
    }

    #[test]
    fn what_cannot_be_lost_in_such_bursts_is_refused() {
        assert_eq!(Burst::new(0.9, 2.0), None);
        assert_eq!(Burst::new(0.1, 0.5), None);
        assert!(Burst::new(1.0, 1.0).is_some());
    }

    #[test]
    fn the_same_seed_loses_the_same() {
        assert_eq!(many(losing(0.1, 3.0)), many(losing(0.1, 3.0)));
    }

    #[test]
    fn delay_and_jitter_are_added_and_nothing_overtakes() {
        let impairment = Impairment {
            delay: 50 * MS,
            jitter: 30 * MS,
            ..Impairment::default()
        };
        let arrived = carry(impairment, 1_000, 100, 5 * MS);
        let late: Vec<Duration> = arrived.into_iter().map(Option::unwrap).collect();
        let (least, most) = (*late.iter().min().unwrap(), *late.iter().max().unwrap());
        assert!((50 * MS..54 * MS).contains(&least), "{least:?}");
        assert!((76 * MS..=80 * MS).contains(&most), "{most:?}");
        let times = late.iter().zip(0_u32..).map(|(late, n)| 5 * MS * n + *late);
        assert!(times.is_sorted());
    }

    #[test]
    fn a_narrow_place_builds_a_queue_and_then_drops() {
        // 972 + 28 bytes each 5 ms are 1,600 kbit/s, twice of what gets through.
        let impairment = Impairment {
            kbps: Some(800),
            queue: 100 * MS,
            ..Impairment::default()
        };
        let arrived = carry(impairment, 400, 972, 5 * MS);
        assert_eq!(arrived[0], Some(10 * MS));
        assert_eq!(arrived[10], Some(60 * MS), "5 ms more each");
        let (share, _) = losses(&arrived[40..]);
        assert!((0.45..0.55).contains(&share), "{share}");
        let late = arrived.iter().flatten().max().unwrap();
        assert!((100 * MS..=110 * MS + MS).contains(late), "{late:?}");
    }

    #[test]
    fn within_its_bandwidth_a_narrow_place_only_delays() {
        let impairment = Impairment {
            kbps: Some(2_000),
            queue: 100 * MS,
            ..Impairment::default()
        };
        let arrived = carry(impairment, 400, 972, 5 * MS);
        assert!(arrived.iter().all(|late| *late == Some(4 * MS)));
    }
}
