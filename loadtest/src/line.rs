//! A line worse than loopback, in both directions: losses, a narrow place, delay, jitter.
//!
//! ```text
//! push ──▶ lost? ──▶ narrow place with its queue ──▶ delay, jitter, twice? ──▶ pop
//! ```
//!
//! Sans-I/O and on the caller's clock, so that hours of a bad line can be tried in no time; all
//! that is random follows from a seed, to the bit. Several may share one line: each direction
//! carries whatever it is given, and says whose it was.

mod bottleneck;
mod burst;
mod direction;
mod link;

use std::time::{Duration, Instant};

pub use burst::Burst;
pub use direction::Direction;
pub use link::Link;

/// Headers that UDP and IPv4 put before each datagram, bytes.
const HEADERS: usize = 28;
/// Most datagrams under way in one direction behind its narrow place; further ones count as
/// overflowed. A second of 4,000 packets: more than any line here carries.
const MAX_UNDER_WAY: usize = 4_096;

/// What one direction does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Losses.
    pub loss: Burst,
    /// Share that arrives twice, 0 to 1.
    pub duplicate: f64,
    /// Added to every datagram.
    pub delay: Duration,
    /// Added besides: 0 to this, evenly, each datagram for itself.
    pub jitter: Duration,
    /// By their jitter datagrams overtake one another; otherwise they keep their order.
    pub reorders: bool,
    /// Bandwidth of the narrow place, kbit/s, headers of UDP and IPv4 included.
    pub kbps: Option<u32>,
    /// Bytes that may wait before the narrow place, with what is getting through.
    pub queue: usize,
}

impl Impairment {
    /// The bytes that take so long at this bandwidth.
    pub const fn bytes(kbps: u32, queue: Duration) -> usize {
        (bits(kbps) as u128 * queue.as_micros() / 8_000_000) as usize
    }

    fn rate(&self) -> Option<u64> {
        self.kbps.map(bits)
    }
}

const fn bits(kbps: u32) -> u64 {
    kbps as u64 * 1_000
}

impl std::fmt::Display for Impairment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |span: Duration| span.as_secs_f64() * 1e3;
        write!(f, "{:.1} % lost", self.loss.loss() * 100.0)?;
        if let Some(length) = self.loss.length() {
            write!(f, " {length:.0} in a row")?;
        }
        write!(
            f,
            ", {:.0} to {:.0} ms",
            ms(self.delay),
            ms(self.delay + self.jitter)
        )?;
        match self.kbps {
            Some(kbps) => {
                let queue = self.queue as f64 * 8.0 / f64::from(kbps.max(1));
                write!(f, ", {kbps} kbit/s with {queue:.0} ms of queue")
            }
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
    /// Came through the narrow place: delivered, or under way.
    pub passed: u64,
}

/// Both directions of one line.
#[derive(Debug)]
pub struct Line<E = ()> {
    /// From the server.
    pub down: Direction<E>,
    /// To the server.
    pub up: Direction<E>,
}

impl<E: Clone> Line<E> {
    /// A line that has carried nothing yet.
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            down: Direction::new(link.down, seed),
            up: Direction::new(link.up, !seed),
        }
    }

    /// Carries whole packets, which bring their headers with them.
    pub fn of_packets(self) -> Self {
        let Self { down, up } = self;
        Self {
            down: down.of_packets(),
            up: up.of_packets(),
        }
    }

    /// Becomes another from now on. What is under way stays so.
    pub fn set(&mut self, now: Instant, link: Link) {
        self.down.set(now, link.down);
        self.up.set(now, link.up);
    }

    /// When something may arrive at either end.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ends = [&self.down, &self.up];
        ends.into_iter().filter_map(Direction::poll_timeout).min()
    }

    /// What became of the datagrams, both directions together.
    pub const fn counts(&self) -> Counts {
        let (down, up) = (self.down.counts(), self.up.counts());
        Counts {
            lost: down.lost + up.lost,
            overflowed: down.overflowed + up.overflowed,
            passed: down.passed + up.passed,
        }
    }
}

#[cfg(test)]
mod tests;
