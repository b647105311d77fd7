//! What one peer may cost the others: a level that spending empties, and that earning or time
//! fills. Pure. Where it is empty, a counter rises and nothing else happens.

use std::time::{Duration, Instant};

/// A budget that is earned.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    level: u32,
    most: u32,
}

impl Budget {
    /// A full one; never more than `most` is saved.
    pub const fn full(most: u32) -> Self {
        Self { level: most, most }
    }

    /// An empty one; never more than `most` is saved.
    pub const fn empty(most: u32) -> Self {
        Self { level: 0, most }
    }

    /// Fills it up by `amount`. Returns what does not fit in any more.
    pub const fn earn(&mut self, amount: u32) -> u32 {
        let room = self.most - self.level;
        let taken = if amount > room { room } else { amount };
        self.level += taken;
        amount - taken
    }

    /// From now on saves so much at most.
    pub const fn set_most(&mut self, most: u32) {
        self.most = most;
        if self.level > most {
            self.level = most;
        }
    }

    /// Whether so much is left.
    pub const fn has(&self, amount: u32) -> bool {
        self.level >= amount
    }

    /// Takes `amount` out if that much is left. Returns whether it was.
    #[must_use]
    pub const fn spend(&mut self, amount: u32) -> bool {
        match self.level.checked_sub(amount) {
            Some(left) => {
                self.level = left;
                true
            }
            None => false,
        }
    }
}

/// A budget that time fills.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    budget: Budget,
    per_second: u32,
    /// Until when time has been credited.
    filled: Instant,
}

impl Timed {
    /// A full one of `most` that gains `per_second`, which must not be 0.
    pub const fn full(now: Instant, most: u32, per_second: u32) -> Self {
        Self {
            budget: Budget::full(most),
            per_second,
            filled: now,
        }
    }

    /// Takes `amount` out if that much is left at `now`. Returns whether it was.
    #[must_use]
    pub fn spend(&mut self, now: Instant, amount: u32) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let gained = passed.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        if gained > 0 {
            let gained = u32::try_from(gained).unwrap_or(u32::MAX);
            self.budget.earn(gained);
            // Only whole units are credited; the time of the rest is kept for the next.
            let credited = u64::from(gained) * 1_000_000_000 / u64::from(self.per_second.max(1));
            self.filled = (self.filled + Duration::from_nanos(credited)).min(now);
        }
        self.budget.spend(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn what_is_earned_can_be_spent_and_no_more() {
        let mut budget = Budget::full(10);
        assert!(budget.spend(7));
        assert!(!budget.spend(4));
        assert!(budget.spend(3), "what was refused has cost nothing");
        assert_eq!(budget.earn(100), 90);
        assert!(!budget.spend(11), "nobody saves more than the budget holds");
        budget.set_most(4);
        assert!(!budget.spend(5) && budget.spend(4));
    }

    #[test]
    fn time_fills_a_budget_up_however_often_it_is_asked() {
        let start = epoch();
        let mut budget = Timed::full(start, 5, 2);
        let mut spent = 0;
        for tick in 0..10_000 {
            let now = start + Duration::from_millis(tick);
            spent += u32::from(budget.spend(now, 1));
        }
        assert_eq!(spent, 5 + 19, "five at once and two a second");
        let later = start + Duration::from_secs(1_000_000);
        assert!(!budget.spend(later, 6));
        assert!(budget.spend(later, 5));
        assert!(!budget.spend(start, 1), "a time in the past brings nothing");
    }
}
