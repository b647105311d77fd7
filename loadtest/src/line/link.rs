//! Lines of a few kinds, to start from.

use std::time::Duration;

use super::{Burst, Impairment};

/// Both directions of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// To the server.
    pub up: Impairment,
    /// From the server.
    pub down: Impairment,
}

impl Impairment {
    /// Nothing but 10 ms on the way.
    pub const CLEAN: Self = Self {
        loss: Burst::alone(0.0),
        duplicate: 0.0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
        reorders: true,
        kbps: None,
        queue: 0,
    };

    /// The same with this share lost, each datagram by itself.
    pub const fn lossy(loss: f64) -> Self {
        Self {
            loss: Burst::alone(loss),
            ..Self::CLEAN
        }
    }

    /// The same with a narrow place before which so much waits as takes `queue`.
    pub const fn narrow(kbps: u32, queue: Duration) -> Self {
        Self {
            kbps: Some(kbps),
            queue: Self::bytes(kbps, queue),
            ..Self::CLEAN
        }
    }
}

impl Link {
    /// A good line.
    pub const CLEAN: Self = Self::both(Impairment::CLEAN);

    /// A cut one.
    pub const DEAD: Self = Self::lossy(1.0);

    /// The same each way.
    pub const fn both(way: Impairment) -> Self {
        Self { up: way, down: way }
    }

    /// Loses this share each way.
    pub const fn lossy(loss: f64) -> Self {
        Self::both(Impairment::lossy(loss))
    }

    /// Loses this share towards the client only.
    pub const fn lossy_down(loss: f64) -> Self {
        Self {
            down: Impairment::lossy(loss),
            ..Self::CLEAN
        }
    }

    /// Loses this share towards the server only.
    pub const fn lossy_up(loss: f64) -> Self {
        Self {
            up: Impairment::lossy(loss),
            ..Self::CLEAN
        }
    }

    /// Loss, repetition and reordering all at once, as on a bad mobile line.
    pub const fn rough() -> Self {
        Self::both(Impairment {
            duplicate: 0.02,
            delay: Duration::from_millis(30),
            jitter: Duration::from_millis(25),
            ..Impairment::lossy(0.03)
        })
    }
}
