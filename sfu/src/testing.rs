//! A fixed point in time for tests, so that nothing else reads the clock.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where tests take their base time"
)]

use std::sync::OnceLock;
use std::time::Instant;

/// The same instant for every caller of one process.
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}
