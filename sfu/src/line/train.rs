//! The rate at which the packets of one message arrive: that of the narrowest piece of the line.
//!
//! Every picture leaves back to back, so the space between its packets on arrival is how long the
//! line takes for one of them.

use crate::line::Micros;

/// Fewer packets are no train.
pub const LEAST: u32 = 3;

/// How long a rate is believed.
const VALID: Micros = 3_000_000;

/// The least time that a train is taken to have lasted: a unit of what receivers can tell.
const SHORTEST: Micros = 250;

/// One message as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Packets that did.
    pub packets: u32,
    /// Mean length of one, in bytes.
    pub packet: u32,
    /// Time between the first and the last.
    pub spread: Micros,
}

/// The rate of the last trains.
#[derive(Clone, Copy, Debug, Default)]
pub struct Train {
    rate: f64,
    last: f64,
    at: Option<Micros>,
}

impl Train {
    /// Notes a message that has arrived by `now`.
    pub fn note(&mut self, now: Micros, arrived: Arrived) {
        if arrived.packets < LEAST {
            return;
        }
        let bytes = f64::from(arrived.packet) * f64::from(arrived.packets - 1);
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one message")]
        let seconds = arrived.spread.max(SHORTEST) as f64 / 1e6;
        let rate = bytes * 8.0 / seconds;
        self.rate = match self.rate(now) {
            Some(former) => 0.6 * former + 0.4 * rate,
            None => rate,
        };
        self.last = rate;
        self.at = Some(now);
    }

    /// Bits per second, if they are known well enough.
    pub fn rate(&self, now: Micros) -> Option<f64> {
        self.at.filter(|at| now - at < VALID).map(|_| self.rate)
    }

    /// What came before says nothing any more: the line is another.
    pub fn renew(&mut self, now: Micros, rate: f64) {
        (self.rate, self.last, self.at) = (rate, rate, Some(now));
    }

    /// What the last train alone showed, if it counts still.
    pub fn last(&self, now: Micros) -> Option<f64> {
        self.rate(now).map(|_| self.last)
    }

    /// When the last train arrived.
    pub fn at(&self) -> Option<Micros> {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_a_train_is_that_between_its_packets() {
        let mut train = Train::default();
        let arrived = Arrived {
            packets: 5,
            packet: 1_000,
            spread: 80_000,
        };
        train.note(0, arrived);
        assert_eq!(train.rate(1), Some(400_000.0));
        train.note(
            9,
            Arrived {
                packets: 2,
                ..arrived
            },
        );
        assert_eq!(train.at(), Some(0), "two are no train");
        train.note(
            10,
            Arrived {
                spread: 0,
                ..arrived
            },
        );
        assert!(train.rate(11).is_some_and(f64::is_finite));
        assert_eq!(train.rate(VALID + 10), None);
    }
}
