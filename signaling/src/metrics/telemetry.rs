//! What became of traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Reading, Readings, Value};
use crate::telemetry::Telemetry;

/// Reads it on each scrape.
pub(super) fn readings(telemetry: Arc<Telemetry>) -> Readings {
    Readings::new(move || {
        let counts = telemetry.counts();
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        [
            ("sent", &counts.sent),
            ("failed", &counts.failed),
            ("dropped", &counts.dropped),
        ]
        .map(|(outcome, counter)| Reading {
            name: "dinh_traces",
            help: "Traces of joins by what became of them: sent, failed at the collector, or dropped for want of room",
            label: Some(("outcome", outcome.to_owned())),
            value: Value::Counter(count(counter)),
        })
        .to_vec()
    })
}
