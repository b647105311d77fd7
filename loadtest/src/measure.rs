//! Distributions of times, in microseconds, and how they stand in the report.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer times count as this.
const MAX_MICROS: u64 = 60_000_000;

/// A distribution of times from 1 µs to 60 s, exact to three digits.
#[derive(Clone, Debug)]
pub struct Distribution(Histogram<u32>);

impl Default for Distribution {
    fn default() -> Self {
        let bounds = Histogram::new_with_bounds(1, MAX_MICROS, 3);
        Self(bounds.expect("the bounds are in order and three digits are allowed"))
    }
}

impl Distribution {
    /// Adds one time.
    pub fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros())
            .unwrap_or(u64::MAX)
            .clamp(1, MAX_MICROS);
        self.0.saturating_record(micros);
    }

    /// Adds a number that is not a time, such as a rate; the summary then has its unit.
    pub fn add_value(&mut self, value: f64) {
        self.add(Duration::from_secs_f64(value.max(0.0) / 1e3));
    }

    /// Adds all of another.
    ///
    /// # Panics
    /// Never: all distributions have the same bounds.
    pub fn merge(&mut self, other: &Self) {
        self.0
            .add(&other.0)
            .expect("all distributions have the same bounds");
    }

    /// How many times it holds.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The values at quantiles that come ever closer to 1: eight between 0 and 0.9, eight between
    /// 0.9 and 0.99, and so on as far as there are enough times to tell, then the greatest.
    pub fn curve(&self) -> Curve {
        let ms = |quantile: f64| rounded(self.0.value_at_quantile(quantile) as f64 / 1e3);
        let count = self.0.len() as f64;
        let rest = (0..).map(|n| 10_f64.powf(-f64::from(n) / 8.0));
        let quantiles = rest
            .take_while(|rest| rest * count > 1.0)
            .map(|rest| 1.0 - rest);
        let mut curve: Curve = quantiles
            .map(|quantile| Point {
                quantile: (quantile * 1e9).round() / 1e9,
                ms: ms(quantile),
            })
            .collect();
        if !self.0.is_empty() {
            let (quantile, ms) = (1.0, rounded(self.0.max() as f64 / 1e3));
            curve.push(Point { quantile, ms });
        }
        curve
    }

    /// The numbers for the report; `None` when it is empty.
    pub fn summary(&self) -> Option<Summary> {
        if self.0.is_empty() {
            return None;
        }
        let ms = |micros: u64| rounded(micros as f64 / 1e3);
        Some(Summary {
            count: self.0.len(),
            min: ms(self.0.min()),
            mean: rounded(self.0.mean() / 1e3),
            p50: ms(self.0.value_at_quantile(0.5)),
            p90: ms(self.0.value_at_quantile(0.9)),
            p99: ms(self.0.value_at_quantile(0.99)),
            p999: ms(self.0.value_at_quantile(0.999)),
            max: ms(self.0.max()),
        })
    }
}

/// How the value grows with the quantile.
pub type Curve = Vec<Point>;

/// One point of a [`Curve`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// This share of all, 0 to 1, is at or below the value.
    pub quantile: f64,
    /// Milliseconds.
    pub ms: f64,
}

/// A distribution in numbers: times in milliseconds, to the microsecond.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// Half are at or below.
    pub p50: f64,
    /// 90 % are at or below.
    pub p90: f64,
    /// 99 % are at or below.
    pub p99: f64,
    /// 99.9 % are at or below.
    pub p999: f64,
    /// The greatest.
    pub max: f64,
}

/// Forward latencies by send-time mark.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Of sound, packet by packet.
    pub audio: Distribution,
    /// Of the picture: the last packet of each frame.
    pub video: Distribution,
}

impl Latencies {
    /// Adds one of sound.
    pub fn audio(&mut self, latency: Duration) {
        self.audio.add(latency);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.audio.merge(&other.audio);
        self.video.merge(&other.video);
    }

    /// Adds one of picture.
    pub fn video(&mut self, latency: Duration) {
        self.video.add(latency);
    }
}

/// To three digits behind the point.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_three_digits() {
        let mut one = Distribution::default();
        let mut other = Distribution::default();
        for ms in 1..=500 {
            one.add(Duration::from_millis(ms));
            other.add(Duration::from_millis(ms + 500));
        }
        one.merge(&other);
        let summary = one.summary().unwrap();
        assert_eq!(summary.count, 1_000);
        for (value, exact) in [
            (summary.p50, 500.0),
            (summary.p99, 990.0),
            (summary.max, 1_000.0),
        ] {
            assert!(
                (value - exact).abs() <= exact / 1e3,
                "{value} is not {exact}"
            );
        }
    }

    #[test]
    fn a_curve_rises_to_the_greatest_and_goes_no_further_than_is_known() {
        let mut one = Distribution::default();
        for ms in 1..=1_000 {
            one.add(Duration::from_millis(ms));
        }
        let curve = one.curve();
        assert_eq!(curve.len(), 25, "three times eight, and the greatest");
        assert!(curve.is_sorted_by(|a, b| a.quantile < b.quantile && a.ms <= b.ms));
        let at = |n: usize| (curve[n].quantile, curve[n].ms.round());
        assert_eq!((at(0), at(8)), ((0.0, 1.0), (0.9, 900.0)));
        assert_eq!((at(16), at(24)), ((0.99, 990.0), (1.0, 1_000.0)));
        assert_eq!(Distribution::default().curve(), []);
    }

    #[test]
    fn an_empty_distribution_has_no_numbers() {
        assert_eq!(Distribution::default().summary(), None);
    }

    #[test]
    fn times_out_of_range_are_kept_at_the_edge() {
        let mut one = Distribution::default();
        one.add(Duration::ZERO);
        one.add(Duration::from_secs(3_600));
        let summary = one.summary().unwrap();
        assert_eq!((summary.count, summary.min), (2, 0.001));
        assert!((59_900.0..=60_100.0).contains(&summary.max));
    }
}
