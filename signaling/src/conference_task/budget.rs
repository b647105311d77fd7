//! How often one participant may change the conference: of each change others are told, and each is
//! kept for years.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::bucket::Bucket;
use super::links::Class;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

/// What a participant may change at once, and the time after which it may change one thing more.
///
/// Higher: a page that does much at once is not refused. Lower: one that does its worst costs
/// everybody else less.
const ATTENDEE: Quota = Quota {
    burst: 5,
    every: Duration::from_secs(1),
};

/// The same for operators and chairs, who act for many.
const MODERATOR: Quota = Quota {
    burst: 30,
    every: Duration::from_millis(200),
};

#[derive(Clone, Copy, Debug)]
struct Quota {
    burst: u32,
    every: Duration,
}

impl Quota {
    const fn of(class: Class) -> Self {
        match class {
            Class::Moderators => MODERATOR,
            Class::Halls | Class::Attendees => ATTENDEE,
        }
    }
}

/// The budgets of those who have changed something; forgotten when they leave, so there are never
/// more than participants. They outlive a connection: who resumes has no fresh one.
#[derive(Debug, Default)]
pub(super) struct Budgets(HashMap<ParticipantId, Bucket>);

impl Budgets {
    /// Pays for one change.
    ///
    /// # Errors
    /// When there is nothing left.
    pub(super) fn pay(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        class: Class,
    ) -> Result<(), Refusal> {
        let Quota { burst, every } = Quota::of(class);
        let full = Bucket::new(every.saturating_mul(burst));
        let bucket = self.0.entry(participant).or_insert(full);
        if bucket.ready_at(every).is_some_and(|ready| ready > now) {
            let message = format!(
                "too many changes: {burst} at once, then one every {:?}",
                every
            );
            return Err(Refusal::new(ErrorCode::RateLimited, message));
        }
        bucket.take(now, every);
        Ok(())
    }

    /// A participant is gone.
    pub(super) fn forget(&mut self, participant: ParticipantId) {
        self.0.remove(&participant);
    }

    /// Everybody is gone.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_budget_of_its_own_and_moderators_a_larger_one() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        let mut paid = |number: u128, class| {
            let id = ParticipantId::new(1, number);
            (0..100)
                .filter(|_| budgets.pay(now, id, class).is_ok())
                .count()
        };
        assert_eq!(paid(1, Class::Attendees), 5);
        assert_eq!(paid(2, Class::Attendees), 5);
        assert_eq!(paid(3, Class::Moderators), 30);
    }
}
