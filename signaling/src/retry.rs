//! When those come back who were sent away.

use crate::protocol::endings::RETRY_SECONDS;

/// When a client that was sent away may come back, in seconds: for each another time, so that a
/// crowd does not return as one.
pub(crate) fn spread_retry() -> u32 {
    rand::random_range(RETRY_SECONDS..=RETRY_SECONDS + RETRY_SPREAD_SECONDS)
}

/// Over how long the return of those is spread who were refused. Higher: a gentler crowd. Lower:
/// the last of them is in sooner.
const RETRY_SPREAD_SECONDS: u32 = 10;
