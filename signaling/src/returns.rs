//! When those come back whom a stop of the server sends away.

use crate::config::Shutdown;
use crate::outbox::Ending;
use crate::protocol::CloseReason;

/// How many a second can come back, each with a handshake of TLS and one of DTLS, so that the last of
/// them does not wait longer than if all had come at once. Higher: a country that comes back at once is
/// in each other's way. Lower: the last of them waits for nothing.
const PER_SECOND: u64 = 1_000;

/// See the module.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Returns {
    earliest: u64,
    spread: u64,
}

impl Returns {
    /// For so many participants.
    pub(crate) fn new(shutdown: &Shutdown, participants: u64) -> Self {
        Self {
            earliest: shutdown.retry_after_seconds,
            spread: shutdown.retry_spread_seconds.min(participants / PER_SECOND),
        }
    }

    /// How a session ends. Whoever the others wait for comes first.
    pub(crate) fn ending(self, is_indispensable: bool) -> Ending {
        let spread = match is_indispensable {
            true => 0,
            false => rand::random_range(0..=self.spread),
        };
        let seconds = self.earliest.saturating_add(spread);
        Ending::Closing {
            reason: CloseReason::Restarting,
            retry_after_seconds: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(participants: u64, is_indispensable: bool) -> (u32, u32) {
        let shutdown = Shutdown {
            retry_after_seconds: 1,
            retry_spread_seconds: 5,
            ..Shutdown::default()
        };
        let returns = Returns::new(&shutdown, participants);
        let drawn = (0..1_000).map(|_| returns.ending(is_indispensable));
        let drawn: Vec<_> = drawn.filter_map(|end| end.retry_after_seconds()).collect();
        assert_eq!(drawn.len(), 1_000);
        (
            drawn.iter().copied().min().unwrap(),
            drawn.iter().copied().max().unwrap(),
        )
    }

    #[test]
    fn a_few_come_back_at_once_and_a_crowd_in_as_long_as_it_needs() {
        assert_eq!(seconds(100, false), (1, 1));
        assert_eq!(seconds(1_000, false), (1, 2));
        assert_eq!(seconds(3_400, false), (1, 4));
        assert_eq!(seconds(100_000, false), (1, 6), "as the settings have it");
    }

    #[test]
    fn whoever_the_others_wait_for_comes_first() {
        assert_eq!(seconds(100_000, true), (1, 1));
    }
}
