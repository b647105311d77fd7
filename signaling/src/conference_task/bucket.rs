//! Lets a burst through and then only as much as flows in: the generic cell rate algorithm, whose
//! whole state is one moment.

use std::time::Duration;

use tokio::time::Instant;

/// One bucket. What is taken out of it is counted in the time that it takes to flow in again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The time that an empty one takes to be full.
    full: Duration,
    /// When it will be full, or was last.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full one.
    pub(super) const fn new(full: Duration) -> Self {
        Self {
            full,
            full_at: None,
        }
    }

    /// From when on there is so much in it.
    pub(super) fn ready_at(&self, cost: Duration) -> Option<Instant> {
        let spare = self.full.saturating_sub(cost);
        self.full_at
            .map(|full_at| full_at.checked_sub(spare).unwrap_or(full_at))
    }

    /// Takes out so much, also when it is not there: then it is missing for longer.
    pub(super) fn take(&mut self, now: Instant, cost: Duration) {
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(from + cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_what_flows_in() {
        const COST: Duration = Duration::from_secs(1);
        let (mut bucket, start) = (Bucket::new(3 * COST), Instant::now());
        let mut passed = Vec::new();
        for tenth in 0..60 {
            let now = start + COST / 10 * tenth;
            if bucket.ready_at(COST).is_none_or(|ready| ready <= now) {
                bucket.take(now, COST);
                passed.push(tenth);
            }
        }
        assert_eq!(passed, [0, 1, 2, 10, 20, 30, 40, 50]);
    }
}
