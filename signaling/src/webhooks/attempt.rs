//! What an answer means for a delivery, and when it is tried again.

use jiff::{SignedDuration, Timestamp};

use crate::store::{Attempted, Delivery, DeliveryState};

/// What came of one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// An HTTP status.
    Status(u16),
    /// None: what went wrong.
    Nothing(String),
}

/// How long after an attempt the next one follows, in seconds; the last one from then on.
const PAUSES: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];

/// How long a delivery is tried. Higher: who is away for a weekend gets it without anybody's doing. Lower:
/// what comes after one that is never taken comes sooner.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How often one is tried that is refused as it is, and will be each time: some ten minutes in all.
const REFUSED_ATTEMPTS: u32 = 4;

/// What a delivery is after an answer.
pub(super) fn judge(delivery: &Delivery, answer: Answer, now: Timestamp) -> Attempted {
    let attempts = delivery.attempts.saturating_add(1);
    let (status, said, is_refused) = match answer {
        Answer::Status(200..=299) => {
            return Attempted {
                sequence: delivery.sequence,
                state: DeliveryState::Delivered,
                due_at: now,
                status: None,
                said: None,
            };
        }
        // Nothing is sent to where somebody else points.
        Answer::Status(status @ 300..=399) => (
            Some(status),
            Some("it leads elsewhere: name that address".to_owned()),
            true,
        ),
        Answer::Status(status) => (Some(status), None, is_refusal(status)),
        Answer::Nothing(said) => (None, Some(said), false),
    };
    let last = PAUSES.last().copied().unwrap_or(1);
    let pause = PAUSES
        .get(delivery.attempts as usize)
        .copied()
        .unwrap_or(last);
    let due_at = now
        .checked_add(SignedDuration::from_secs(pause))
        .unwrap_or(now);
    let is_over = due_at.duration_since(delivery.made_at) > TRIED_FOR
        || is_refused && attempts >= REFUSED_ATTEMPTS;
    Attempted {
        sequence: delivery.sequence,
        state: if is_over {
            DeliveryState::Dead
        } else {
            DeliveryState::Waiting
        },
        due_at,
        status,
        said,
    }
}

/// Whether it says that this will never be taken. Of those that say "later" that is not so.
const fn is_refusal(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn delivery() -> Delivery {
        Delivery {
            sequence: 1,
            after_number: 0,
            last_number: 1,
            events: 1,
            state: DeliveryState::Waiting,
            attempts: 0,
            made_at: at(0),
            due_at: at(0),
            tried_at: None,
            status: None,
            said: None,
        }
    }

    /// Pauses until it is tried no more.
    fn tried(answer: &Answer) -> Vec<i64> {
        let (mut delivery, mut now, mut pauses) = (delivery(), at(0), Vec::new());
        loop {
            let attempted = judge(&delivery, answer.clone(), now);
            if attempted.state != DeliveryState::Waiting {
                return pauses;
            }
            pauses.push(attempted.due_at.duration_since(now).as_secs());
            now = attempted.due_at;
            delivery.attempts += 1;
        }
    }

    #[test]
    fn what_is_taken_is_delivered() {
        for status in [200, 202, 204] {
            let attempted = judge(&delivery(), Answer::Status(status), at(1));
            assert_eq!(attempted.state, DeliveryState::Delivered, "{status}");
        }
    }

    #[test]
    fn who_is_away_is_asked_ever_more_rarely_for_a_day() {
        for answer in [
            Answer::Nothing("it is silent".to_owned()),
            Answer::Status(500),
            Answer::Status(503),
            Answer::Status(429),
        ] {
            let pauses = tried(&answer);
            assert_eq!(pauses[..7], [5, 30, 120, 600, 1_800, 3_600, 3_600]);
            let all: i64 = pauses.iter().sum();
            assert!((23 * 3_600..=24 * 3_600).contains(&all), "{all}");
        }
    }

    #[test]
    fn what_is_refused_as_it_is_does_not_hold_up_the_rest_for_long() {
        for status in [301, 302, 307, 400, 401, 404, 410, 422] {
            assert_eq!(tried(&Answer::Status(status)), [5, 30, 120], "{status}");
        }
    }
}
