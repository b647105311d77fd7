//! Whether something can be stored at this moment.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::Store;

/// How long the store may take to answer before it counts as failed.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer of the store is good for. Higher: less writing. Lower: whoever asks learns
/// sooner that it has changed.
const STORE_FRESH: Duration = Duration::from_secs(1);

/// Whether something can be stored, as of less than a second ago: however often it is asked, the
/// disk is written to once a second.
#[derive(Debug, Default)]
pub struct StoreCheck(Mutex<Option<(Instant, bool)>>);

impl StoreCheck {
    /// Whether `store` stores.
    pub(crate) async fn is_storing(&self, store: &Store) -> bool {
        let mut last = self.0.lock().await;
        if let Some((_, stores)) = last.filter(|(at, _)| at.elapsed() < STORE_FRESH) {
            return stores;
        }
        let fence = tokio::time::timeout(STORE_PATIENCE, store.fence()).await;
        let stores = matches!(fence, Ok(Ok(())));
        *last = Some((Instant::now(), stores));
        stores
    }
}
