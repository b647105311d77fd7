//! Which datagrams are lost.

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
    /// Each datagram by itself is lost with this chance, 0 to 1.
    pub const fn alone(loss: f64) -> Self {
        Self {
            loss,
            enter: loss,
            stay: loss,
        }
    }

    /// `loss` of all datagrams, `length` in a row on average; 1 means each by itself.
    /// `None` when the length is less than 1 or so much cannot be lost in such bursts.
    pub fn new(loss: f64, length: f64) -> Option<Self> {
        if length.is_nan() || length < 1.0 || loss > Self::most(length) + 1e-9 {
            return None;
        }
        if length <= 1.0 {
            return Some(Self::alone(loss));
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

    /// How many are lost in a row, on average; `None` when each is lost by itself.
    pub(super) fn length(&self) -> Option<f64> {
        (self.stay > self.loss).then(|| 1.0 / (1.0 - self.stay))
    }

    /// The chance that the next datagram is lost, after one that was lost or not.
    pub(super) const fn chance(&self, lost: bool) -> f64 {
        if lost { self.stay } else { self.enter }
    }

    /// Share of the datagrams that is lost, 0 to 1.
    pub const fn loss(&self) -> f64 {
        self.loss
    }
}
