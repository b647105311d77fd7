//! What a line carries by receiver reports, requests for lost packets and REMB, for receivers that
//! report no arrivals.
//!
//! Nothing is held back from a receiver until it tells of trouble.

use std::time::Duration;

use crate::line::Micros;

/// Share of packets lost, with packets late, from which less is sent; and up to which more is.
const MUCH: f64 = 0.1;
const LITTLE: f64 = 0.02;

/// Loss that no queue explains any more.
const TOO_MUCH: f64 = 0.3;

/// What a report with much loss leaves, and what one with little gives back.
const LESS: f64 = 0.85;
const MORE: f64 = 1.05;

/// A round trip so much longer than the shortest tells of a queue.
const LATE: Duration = Duration::from_millis(60);

/// The least and, beyond it, no bound at all, in bits per second.
const LEAST: f64 = 100e3;
const UNBOUNDED: f64 = 8e6;

/// How long a receiver's own estimate counts.
const VALID: Micros = 3_000_000;

/// Time between two changes: that of receiver reports.
const STEP: Micros = 500_000;

/// How long after a change requests may still be about what was sent before it.
const OLD: Micros = 2 * STEP;

/// The rules and what they go by.
#[derive(Clone, Debug, Default)]
pub struct Coarse {
    bound: Option<f64>,
    remb: Option<(Micros, u32)>,
    shortest: Option<Duration>,
    changed: Option<Micros>,
}

impl Coarse {
    /// Takes in a receiver's estimate.
    pub fn on_remb(&mut self, now: Micros, rate: u32) {
        self.remb = Some((now, rate));
    }

    /// Takes in a report of the share that was lost while `sending` bits per second were sent.
    pub fn on_report(
        &mut self,
        now: Micros,
        lost: f64,
        round_trip: Option<Duration>,
        sending: f64,
    ) {
        if let Some(round_trip) = round_trip {
            self.shortest = Some(self.shortest.map_or(round_trip, |it| it.min(round_trip)));
        }
        if self.changed.is_some_and(|at| now - at < STEP) {
            return;
        }
        let is_late = round_trip
            .zip(self.shortest)
            .is_some_and(|(now, shortest)| now > shortest + LATE);
        if lost > TOO_MUCH || lost > MUCH && is_late {
            self.reduce(now, sending);
        } else if let Some(bound) = self.bound.filter(|_| lost < LITTLE) {
            self.bound = Some(MORE * bound).filter(|bound| *bound < UNBOUNDED);
            self.changed = Some(now);
        }
    }

    /// Takes in that so many packets of `size` bytes were asked for again since then, while `sending`
    /// bits per second were sent. Reports of a receiver that gets the same packet once more count it
    /// as arrived, and so tell of little loss where the half is lost. Returns whether less is to be
    /// sent.
    pub fn on_asked(
        &mut self,
        now: Micros,
        (since, packets): (Micros, usize),
        size: u32,
        sending: f64,
    ) -> bool {
        let is_old = self.changed.is_some_and(|at| now - at < OLD);
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds, and packets of seconds"
        )]
        let (seconds, asked) = ((now - since) as f64 / 1e6, packets as f64);
        let sent = sending / 8.0 / f64::from(size) * seconds;
        let is_too_much = !is_old && now - since >= STEP && asked > TOO_MUCH * sent;
        if is_too_much {
            self.reduce(now, sending);
        }
        is_too_much
    }

    fn reduce(&mut self, now: Micros, sending: f64) {
        let from = self.bound.map_or(sending, |bound| bound.min(sending));
        self.bound = Some((LESS * from).max(LEAST));
        self.changed = Some(now);
    }

    /// Bits per second that may be sent; `None` without bound.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between LEAST and UNBOUNDED"
    )]
    pub fn rate(&self, now: Micros) -> Option<u32> {
        let remb = self.remb.filter(|(at, _)| now - at < VALID);
        let bounds = [
            self.bound.map(|bound| bound as u32),
            remb.map(|(_, rate)| rate),
        ];
        bounds.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn report(coarse: &mut Coarse, at: Micros, lost: f64, millis: u64) {
        let round_trip = Some(Duration::from_millis(millis));
        coarse.on_report(at * SECOND, lost, round_trip, 1e6);
    }

    #[test]
    fn loss_with_a_queue_bounds_and_calm_gives_back() {
        let mut coarse = Coarse::default();
        report(&mut coarse, 0, 0.0, 40);
        report(&mut coarse, 1, 0.2, 45);
        assert_eq!(coarse.rate(SECOND), None, "the line's own loss");
        report(&mut coarse, 2, 0.2, 200);
        report(&mut coarse, 3, 0.2, 200);
        assert_eq!(coarse.rate(3 * SECOND), Some(722_500));
        for at in 4..80 {
            report(&mut coarse, at, 0.0, 40);
        }
        assert_eq!(coarse.rate(80 * SECOND), None);
    }

    #[test]
    fn requests_for_a_third_of_what_is_sent_bound_it_and_few_do_not() {
        // 100 packets a second of 1,250 bytes.
        let asks = |each: usize| {
            let mut coarse = Coarse::default();
            let mut at = (0..40).map(|tenth| tenth * SECOND / 10);
            let mut asked = 0;
            let bound = at.any(|at| {
                asked += each;
                coarse.on_asked(at, (0, asked), 1_250, 1e6)
            });
            bound.then(|| coarse.rate(0))
        };
        assert_eq!(asks(4), Some(Some(850_000)));
        assert_eq!(asks(2), None);
    }

    #[test]
    fn a_receivers_estimate_counts_while_it_is_new() {
        let mut coarse = Coarse::default();
        coarse.on_remb(0, 300_000);
        assert_eq!(coarse.rate(SECOND), Some(300_000));
        assert_eq!(coarse.rate(4 * SECOND), None);
    }
}
