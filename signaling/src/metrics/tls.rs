//! How long the certificate is good, and whether it is renewed.

use std::sync::Arc;

use super::{Reading, Readings, Value};
use crate::tls::Tls;

/// Reads it on each scrape.
pub(super) fn readings(tls: Arc<Tls>) -> Readings {
    Readings::new(move || {
        // Without a certificate it has ended long ago: an alarm on its end says so too.
        let not_after = tls.not_after().map_or(0, |at| at.as_second());
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        let (not_after, failures) = (not_after as f64, tls.failures() as f64);
        vec![
            Reading {
                name: "dinh_tls_certificate_not_after_seconds",
                help: "When the certificate that is shown ends, in seconds since 1970; 0 if there is none",
                label: None,
                value: Value::Gauge(not_after),
            },
            Reading {
                name: "dinh_tls_renewal_failures",
                help: "Times that a new certificate could not be used or had",
                label: None,
                value: Value::Counter(failures),
            },
        ]
    })
}
