//! Writes down every few seconds that the server is up, so that after a crash it is known since when
//! it was not.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::clock::Clock;
use crate::store::Store;

/// How often. Higher: fewer writes to the disk. Lower: after a crash it is known more exactly who
/// was present until when.
const EVERY: Duration = Duration::from_secs(5);

/// Beats until it is told to stop, and a last time then. A beat that fails is left out: whoever needs
/// the store says that it fails.
pub(crate) async fn beat(store: Store, clock: Clock, stop: CancellationToken) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let goes_on = stop.run_until_cancelled(tick.tick()).await.is_some();
        if let Err(cause) = store.beat(clock.now().wall).await {
            debug!(%cause, "a beat is left out");
        }
        if !goes_on {
            return;
        }
    }
}
