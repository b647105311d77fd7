//! At what rate packets arrive, by the receiver's own clock.

use crate::line::Micros;

/// Bytes are counted in steps of this.
const STEP: Micros = 50_000;

/// Steps remembered: 800 ms.
const STEPS: usize = 16;

/// Bytes that arrived lately.
#[derive(Clone, Debug, Default)]
pub struct Arriving {
    steps: [u32; STEPS],
    step: Option<i64>,
}

impl Arriving {
    /// Notes that so many bytes arrived at `at`. What is older than is remembered is left out.
    pub fn note(&mut self, at: Micros, bytes: u32) {
        let step = at.div_euclid(STEP);
        let newest = self.step.unwrap_or(step);
        let passed = usize::try_from(step - newest).unwrap_or(0).min(STEPS);
        self.steps.rotate_right(passed % STEPS);
        for old in self.steps.iter_mut().take(passed) {
            *old = 0;
        }
        self.step = Some(step.max(newest));
        let behind = usize::try_from(newest - step).unwrap_or(0);
        if let Some(counted) = self.steps.get_mut(behind) {
            *counted += bytes;
        }
    }

    fn over(&self, steps: u16) -> f64 {
        let counted = self.steps.iter().take(usize::from(steps));
        let bytes: u32 = counted.sum();
        f64::from(bytes) * 8.0 * 20.0 / f64::from(steps)
    }

    /// Bits per second over the last half second.
    pub fn rate(&self) -> f64 {
        self.over(10)
    }

    /// Bits per second over the last quarter of a second.
    pub fn rate_now(&self) -> f64 {
        self.over(5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_half_second() {
        let mut arriving = Arriving::default();
        for at in 0..200 {
            arriving.note(-5_000_000 + at * 10_000, if at < 175 { 1_000 } else { 500 });
        }
        let is_about = |rate: f64, wanted: f64| (rate - wanted).abs() < 1.0;
        assert!(is_about(arriving.rate(), 600_000.0), "{arriving:?}");
        assert!(is_about(arriving.rate_now(), 400_000.0));
        arriving.note(-4_000_000, 1_000_000);
        assert!(is_about(arriving.rate(), 600_000.0), "long ago");
    }
}
