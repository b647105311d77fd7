//! One direction of a line: what sets out, what is lost, what arrives and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::bottleneck::Bottleneck;
use super::{Counts, HEADERS, Impairment, MAX_UNDER_WAY};

/// One direction. Those whose datagrams it carries share it: its losses, its narrow place, its
/// queue. `E` says whose a datagram is, and comes out as it went in.
#[derive(Debug)]
pub struct Direction<E = ()> {
    impairment: Impairment,
    /// Bytes that each has on the way besides what it is here.
    headers: usize,
    rng: SmallRng,
    /// The datagram before was lost.
    lost: bool,
    narrow: Bottleneck<(Vec<u8>, E)>,
    under_way: UnderWay<E>,
    spare: Vec<Vec<u8>>,
    counts: Counts,
}

/// Behind the narrow place.
#[derive(Debug)]
struct UnderWay<E> {
    flying: BinaryHeap<Reverse<Flying<E>>>,
    /// How many have set out: of two that arrive at once the earlier comes first.
    number: u64,
    /// When the last one arrives that kept the order.
    last: Option<Instant>,
}

#[derive(Debug)]
struct Flying<E> {
    due: Instant,
    number: u64,
    bytes: Vec<u8>,
    ends: E,
}

impl<E> PartialEq for Flying<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Flying<E> {}

impl<E> PartialOrd for Flying<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Flying<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl<E: Clone> Direction<E> {
    /// A direction that has carried nothing yet. Everything random follows from the seed.
    pub fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            headers: HEADERS,
            rng: SmallRng::seed_from_u64(seed),
            lost: false,
            narrow: Bottleneck::new(impairment.rate(), impairment.queue),
            under_way: UnderWay {
                flying: BinaryHeap::new(),
                number: 0,
                last: None,
            },
            spare: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Carries whole packets, which bring their headers with them.
    pub const fn of_packets(mut self) -> Self {
        self.headers = 0;
        self
    }

    /// Becomes another from now on. What waits or is under way stays so.
    pub fn set(&mut self, now: Instant, impairment: Impairment) {
        self.serve(now);
        self.impairment = impairment;
        self.narrow.change(impairment.rate(), impairment.queue);
    }

    /// Has other bandwidths from these times on, counted from `now`, in kbit/s; earliest first.
    pub fn script(&mut self, now: Instant, steps: &[(Duration, Option<u32>)]) {
        self.serve(now);
        let steps = steps.iter();
        self.narrow
            .follow(steps.map(|(after, kbps)| (now + *after, kbps.map(super::bits))));
    }

    /// A datagram sets out.
    pub fn push(&mut self, now: Instant, datagram: &[u8], ends: E) {
        let chance = self.impairment.loss.chance(self.lost);
        self.lost = self.rng.random_bool(chance.clamp(0.0, 1.0));
        if self.lost {
            self.counts.lost += 1;
            return;
        }
        self.serve(now);
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(datagram);
        if self
            .narrow
            .push(datagram.len() + self.headers, (bytes, ends))
        {
            self.serve(now);
        } else {
            self.counts.overflowed += 1;
        }
    }

    /// The earliest that a datagram may arrive.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let flying = self.under_way.flying.peek();
        let waiting = self.narrow.next().map(|at| at + self.impairment.delay);
        flying
            .map(|Reverse(first)| first.due)
            .into_iter()
            .chain(waiting)
            .min()
    }

    /// The next datagram that has arrived, when it did, and whose it is.
    pub fn pop(&mut self, now: Instant) -> Option<(Instant, Vec<u8>, E)> {
        self.serve(now);
        let Reverse(first) = self.under_way.flying.peek()?;
        if first.due > now {
            return None;
        }
        let Reverse(first) = self.under_way.flying.pop()?;
        Some((first.due, first.bytes, first.ends))
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

    /// Lets through the narrow place what gets through by `now`.
    fn serve(&mut self, now: Instant) {
        let Self {
            impairment,
            rng,
            narrow,
            under_way,
            counts,
            ..
        } = self;
        narrow.serve(now, |at, (bytes, ends)| {
            let twice =
                impairment.duplicate > 0.0 && rng.random_bool(impairment.duplicate.min(1.0));
            if twice {
                under_way.fly(at, impairment, rng, counts, (bytes.clone(), ends.clone()));
            }
            under_way.fly(at, impairment, rng, counts, (bytes, ends));
        });
    }
}

impl<E> UnderWay<E> {
    fn fly(
        &mut self,
        at: Instant,
        impairment: &Impairment,
        rng: &mut SmallRng,
        counts: &mut Counts,
        (bytes, ends): (Vec<u8>, E),
    ) {
        if self.flying.len() >= MAX_UNDER_WAY {
            counts.overflowed += 1;
            return;
        }
        let extra = impairment.jitter.mul_f64(rng.random_range(0.0..=1.0));
        let mut due = at + impairment.delay + extra;
        if !impairment.reorders {
            due = self.last.map_or(due, |last| last.max(due));
            self.last = Some(due);
        }
        self.number += 1;
        counts.passed += 1;
        self.flying.push(Reverse(Flying {
            due,
            number: self.number,
            bytes,
            ends,
        }));
    }
}
