//! What the store counts.

use super::{Reading, Readings, Value};
use crate::store::Store;

/// Reads it on each scrape.
pub(super) fn readings(store: Store) -> Readings {
    Readings::new(move || {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 failures")]
        let failures = store.failures() as f64;
        vec![Reading {
            name: "dinh_store_failures",
            help: "Transactions that the database has failed",
            label: None,
            value: Value::Counter(failures),
        }]
    })
}
