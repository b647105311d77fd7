//! Numbers that another part of the server keeps, read on each scrape.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// One number of another part.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name with the prefix, without `_total`. Readings of one name stand together.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// At most one label, with few values.
    pub label: Option<(&'static str, String)>,
    /// The number.
    pub value: Value,
}

/// The number of a [`Reading`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Only grows.
    Counter(f64),
    /// Goes up and down.
    Gauge(f64),
}

/// Where readings come from.
pub struct Readings(Box<dyn Fn() -> Vec<Reading> + Send + Sync>);

impl Readings {
    /// Asks `read` on each scrape.
    pub fn new(read: impl Fn() -> Vec<Reading> + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings(…)")
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let readings = (self.0)();
        for same in readings.chunk_by(|one, other| one.name == other.name) {
            let Some(first) = same.first() else { continue };
            let kind = match first.value {
                Value::Counter(value) => ConstCounter::new(value).metric_type(),
                Value::Gauge(value) => ConstGauge::new(value).metric_type(),
            };
            let mut family = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            if first.label.is_none() {
                write(first.value, family)?;
                continue;
            }
            for reading in same {
                let label: Vec<_> = reading
                    .label
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                write(reading.value, family.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}

fn write(value: Value, to: MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Counter(value) => ConstCounter::new(value).encode(to),
        Value::Gauge(value) => ConstGauge::new(value).encode(to),
    }
}
