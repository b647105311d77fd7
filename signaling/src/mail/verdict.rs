//! What an answer of an SMTP server means for the mail, and when it is tried again.

use jiff::{SignedDuration, Timestamp};

/// Where a mail was when something went wrong (RFC 5321 §3.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Step {
    /// The server was called and greeted.
    Greeting,
    /// The way there was secured, and the server showed who it is.
    Tls,
    /// It was told who we are.
    Password,
    /// It was told whom the mail is from.
    Sender,
    /// It was told whom it is to.
    Recipient,
    /// It was asked whether it takes it.
    Data,
    /// It was given the mail.
    Message,
}

/// What that means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// This mail will never be taken: the address, or what it says, is refused.
    Refused,
    /// Not now: later perhaps.
    Later,
    /// No mail is taken: the server is away, or does not want anything from us.
    Away,
}

/// What an answer with this code, or none, means at this step.
pub(super) const fn judge(step: Step, code: Option<u16>) -> Fate {
    match (step, code) {
        // Whoever refuses us or our address refuses every mail; that is for an administrator to mend.
        (Step::Greeting | Step::Tls | Step::Password | Step::Sender, _) => Fate::Away,
        // It closes; or wants a password; or said nothing that can be read.
        (_, Some(421 | 530 | 534 | 535 | 538) | None) => Fate::Away,
        (_, Some(500..)) => Fate::Refused,
        (_, Some(_)) => Fate::Later,
    }
}

/// How long a mail is tried. RFC 5321 §4.5.4.1 asks for four to five days; an invitation is of use for less.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(48);

/// When a mail that was not taken is tried again, in minutes: greylisting lets it pass after a few.
const PAUSES: [i64; 6] = [1, 5, 15, 30, 60, 120];

/// When a mail is tried again after so many attempts; `None` if not any more.
pub(super) fn next_attempt(
    attempts: u32,
    made_at: Timestamp,
    useless_at: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let last = PAUSES.last().copied().unwrap_or(1);
    let minutes = PAUSES.get(attempts as usize).copied().unwrap_or(last);
    let next = now.checked_add(SignedDuration::from_mins(minutes)).ok()?;
    is_worth_trying(made_at, useless_at, next).then_some(next)
}

/// Whether a mail is still tried at this time.
pub(super) fn is_worth_trying(made_at: Timestamp, useless_at: Timestamp, at: Timestamp) -> bool {
    at < useless_at && at.duration_since(made_at) <= TRIED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn an_address_that_is_refused_is_told_from_trouble_of_the_server() {
        for (step, code, fate) in [
            (Step::Recipient, Some(550), Fate::Refused),
            (Step::Recipient, Some(553), Fate::Refused),
            (Step::Message, Some(552), Fate::Refused),
            (Step::Message, Some(554), Fate::Refused),
            (Step::Recipient, Some(450), Fate::Later),
            (Step::Recipient, Some(451), Fate::Later),
            (Step::Message, Some(452), Fate::Later),
            (Step::Recipient, Some(421), Fate::Away),
            (Step::Recipient, Some(530), Fate::Away),
            (Step::Message, None, Fate::Away),
            (Step::Password, Some(535), Fate::Away),
            (Step::Greeting, None, Fate::Away),
            (Step::Sender, Some(550), Fate::Away),
        ] {
            assert_eq!(judge(step, code), fate, "{step} {code:?}");
        }
    }

    #[test]
    fn it_is_tried_ever_more_rarely_and_at_last_not_any_more() {
        let mut now = at(0);
        let mut attempts = 0;
        let never_useless = Timestamp::MAX;
        let mut pauses = Vec::new();
        while let Some(next) = next_attempt(attempts, at(0), never_useless, now) {
            pauses.push(next.duration_since(now).as_mins());
            now = next;
            attempts += 1;
        }
        assert_eq!(pauses[..8], [1, 5, 15, 30, 60, 120, 120, 120]);
        assert!((46..=48).contains(&now.duration_since(at(0)).as_hours()));
    }

    #[test]
    fn what_is_of_no_use_any_more_is_not_tried() {
        assert_eq!(next_attempt(0, at(0), at(1), at(0)), None);
        assert_eq!(next_attempt(0, at(0), at(2), at(0)), Some(at(1)));
        assert!(!is_worth_trying(at(0), at(5), at(5)));
    }
}
