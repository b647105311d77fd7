//! What the store counts.

use super::{Reading, Readings, Value};
use crate::store::Store;

/// Reads it on each scrape.
pub(super) fn readings(store: Store) -> Readings {
    Readings::new(move || {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        let (failures, damaged) = (store.failures() as f64, store.damaged() as f64);
        vec![
            Reading {
                name: "dinh_store_failures",
                help: "Transactions that the database has failed",
                label: None,
                value: Value::Counter(failures),
            },
            Reading {
                name: "dinh_damaged_conferences",
                help: "Conferences whose record is not as it was written",
                label: None,
                value: Value::Gauge(damaged),
            },
        ]
    })
}
