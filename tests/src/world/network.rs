//! Datagrams on their way, and what happens to them there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What one direction of a link does to datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Impairment {
    /// Share that never arrives, 0 to 1.
    pub loss: f64,
    /// Share that arrives twice, 0 to 1.
    pub duplicate: f64,
    /// Least time on the way.
    pub delay: Duration,
    /// Up to this much more, each datagram for itself, so that they overtake one another.
    pub jitter: Duration,
}

/// Both directions between a client and its shard.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// From the client.
    pub up: Impairment,
    /// To the client.
    pub down: Impairment,
}

impl Impairment {
    /// Nothing but 10 ms on the way.
    pub const CLEAN: Self = Self {
        loss: 0.0,
        duplicate: 0.0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };

    /// The same with loss.
    pub const fn lossy(loss: f64) -> Self {
        Self {
            loss,
            ..Self::CLEAN
        }
    }
}

impl Link {
    /// A good line.
    pub const CLEAN: Self = Self {
        up: Impairment::CLEAN,
        down: Impairment::CLEAN,
    };

    /// A cut one.
    pub const DEAD: Self = Self::lossy(1.0);

    /// Loses this share each way.
    pub const fn lossy(loss: f64) -> Self {
        Self {
            up: Impairment::lossy(loss),
            down: Impairment::lossy(loss),
        }
    }

    /// Loses this share towards the client only.
    pub const fn lossy_down(loss: f64) -> Self {
        Self {
            up: Impairment::CLEAN,
            down: Impairment::lossy(loss),
        }
    }

    /// Loses this share towards the server only.
    pub const fn lossy_up(loss: f64) -> Self {
        Self {
            up: Impairment::lossy(loss),
            down: Impairment::CLEAN,
        }
    }

    /// Loss, repetition and reordering all at once, as on a bad mobile line.
    pub const fn rough() -> Self {
        let way = Impairment {
            loss: 0.03,
            duplicate: 0.02,
            delay: Duration::from_millis(30),
            jitter: Duration::from_millis(25),
        };
        Self { up: way, down: way }
    }
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct InFlight {
    arrival: Instant,
    /// Sending order among those that arrive at once.
    number: u64,
    from: SocketAddr,
    to: SocketAddr,
    datagram: Vec<u8>,
}

/// Everything on its way.
#[derive(Debug)]
pub(super) struct Network {
    rng: StdRng,
    sent: u64,
    wire: BinaryHeap<Reverse<InFlight>>,
}

impl Network {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            rng: StdRng::from_seed(seed),
            sent: 0,
            wire: BinaryHeap::new(),
        }
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        link: &Impairment,
        from: SocketAddr,
        to: SocketAddr,
        datagram: &[u8],
    ) {
        let copies = if self.rng.random_bool(link.duplicate) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = link.delay + link.jitter.mul_f64(self.rng.random());
            if self.rng.random_bool(link.loss) {
                continue;
            }
            self.sent += 1;
            self.wire.push(Reverse(InFlight {
                arrival: now + delay,
                number: self.sent,
                from,
                to,
                datagram: datagram.to_vec(),
            }));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.wire.peek().map(|Reverse(first)| first.arrival)
    }

    /// What has arrived by `now`: from, to, datagram.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.next().filter(|arrival| *arrival <= now)?;
        self.wire
            .pop()
            .map(|Reverse(it)| (it.from, it.to, it.datagram))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> (SocketAddr, SocketAddr) {
        (
            SocketAddr::from(([10, 0, 0, 1], 1)),
            SocketAddr::from(([10, 0, 0, 2], 2)),
        )
    }

    /// Sends 10,000 numbered datagrams and returns the numbers in the order of their arrival.
    fn arrivals(link: &Impairment) -> Vec<u32> {
        let (from, to) = addresses();
        let start = sfu::testing::epoch();
        let mut network = Network::new([3; 32]);
        for number in 0..10_000_u32 {
            let at = start + Duration::from_millis(number.into());
            network.send(at, link, from, to, &number.to_be_bytes());
        }
        let end = start + Duration::from_secs(60);
        std::iter::from_fn(|| network.pop(end))
            .map(|(_, _, datagram)| u32::from_be_bytes(datagram.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_clean_link_delivers_all_in_order() {
        assert!(arrivals(&Impairment::CLEAN).into_iter().eq(0..10_000));
    }

    #[test]
    fn a_lossy_link_loses_its_share() {
        let arrived = arrivals(&Impairment::lossy(0.2)).len();
        assert!((7_800..8_200).contains(&arrived), "{arrived}");
        assert!(arrivals(&Impairment::lossy(1.0)).is_empty());
    }

    #[test]
    fn a_rough_link_reorders_and_repeats() {
        let numbers = arrivals(&Link::rough().up);
        let overtaken = numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(overtaken > 1_000, "{overtaken}");
        let mut once = numbers.clone();
        once.sort_unstable();
        once.dedup();
        assert!(numbers.len() - once.len() > 100);
    }
}
