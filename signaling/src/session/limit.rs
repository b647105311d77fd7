//! How many messages, and how many signs of life, a session may send.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::config::Sessions;

/// What to do with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Read it.
    Passes,
    /// Do not read it, and say so.
    Refused { retry_after_seconds: u32 },
    /// Close the connection: its client does not listen.
    Hopeless,
}

/// One rate limit of one session.
pub(super) struct Limit {
    limiter: DefaultDirectRateLimiter,
    burst: u32,
    /// Refused since the last that passed.
    refused: u32,
}

impl Limit {
    pub(super) fn new(config: &Sessions) -> Self {
        // The configuration has checked that neither is 0.
        let rate = NonZeroU32::new(config.messages_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(config.message_burst).unwrap_or(rate);
        let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(burst));
        Self {
            limiter,
            burst: burst.get(),
            refused: 0,
        }
    }

    /// Judges the next message. As many refusals in a row as a burst has messages are hopeless.
    pub(super) fn check(&mut self) -> Verdict {
        let Err(not_until) = self.limiter.check() else {
            self.refused = 0;
            return Verdict::Passes;
        };
        self.refused += 1;
        if self.refused >= self.burst {
            return Verdict::Hopeless;
        }
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        Verdict::Refused {
            retry_after_seconds: seconds.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_is_hopeless() {
        let config = Sessions {
            messages_per_second: 1,
            message_burst: 3,
            ..Sessions::default()
        };
        let mut limit = Limit::new(&config);
        let refused = Verdict::Refused {
            retry_after_seconds: 1,
        };
        let verdicts: Vec<_> = (0..6).map(|_| limit.check()).collect();
        assert_eq!(verdicts[..3], [Verdict::Passes; 3]);
        assert_eq!(verdicts[3..], [refused, refused, Verdict::Hopeless]);
    }
}
