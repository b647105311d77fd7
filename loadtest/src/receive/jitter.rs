//! Interarrival jitter (RFC 3550 §6.4.1, A.8).

use std::time::Duration;

/// Jitter of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    clock_rate: u32,
    last: Option<(Duration, u32)>,
    /// Sixteen times the estimate, in timestamp units.
    scaled: u64,
}

impl Jitter {
    /// For a stream whose timestamps run at `clock_rate` Hz.
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            last: None,
            scaled: 0,
        }
    }

    /// A packet with a new timestamp arrived at `arrival`, counted from any fixed instant.
    pub fn on_packet(&mut self, arrival: Duration, timestamp: u32) {
        if let Some((last_arrival, last_timestamp)) = self.last {
            let waited = arrival.as_secs_f64() - last_arrival.as_secs_f64();
            let waited = (waited * f64::from(self.clock_rate)).round() as i64;
            let media = timestamp.wrapping_sub(last_timestamp) as i32;
            let difference = (waited - i64::from(media)).unsigned_abs();
            self.scaled = self.scaled + difference - ((self.scaled + 8) >> 4);
        }
        self.last = Some((arrival, timestamp));
    }

    /// The estimate in timestamp units, as receiver reports carry it.
    pub fn in_timestamp_units(&self) -> u32 {
        u32::try_from(self.scaled >> 4).unwrap_or(u32::MAX)
    }

    /// The estimate as time.
    pub fn as_duration(&self) -> Duration {
        Duration::from_secs_f64(self.scaled as f64 / 16.0 / f64::from(self.clock_rate.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_has_none_even_across_the_wrap_of_its_timestamp() {
        let mut jitter = Jitter::new(48_000);
        for n in 0..1_000_u32 {
            let timestamp = (u32::MAX - 100_000).wrapping_add(n * 960);
            jitter.on_packet(Duration::from_millis(u64::from(n) * 20), timestamp);
        }
        assert_eq!(jitter.as_duration(), Duration::ZERO);
    }

    #[test]
    fn a_steady_swing_of_ten_milliseconds_converges_to_it() {
        let mut jitter = Jitter::new(90_000);
        for n in 0..2_000_u64 {
            let swing = if n % 2 == 0 { 0 } else { 10 };
            jitter.on_packet(Duration::from_millis(n * 40 + swing), (n * 3_600) as u32);
        }
        let ms = jitter.as_duration().as_secs_f64() * 1e3;
        assert!((9.0..=10.1).contains(&ms), "{ms}");
        assert!((810..=910).contains(&jitter.in_timestamp_units()));
    }
}
