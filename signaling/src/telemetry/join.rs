//! One join as a trace: its steps, each a span.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::auth::Role;
use crate::ids::{ConferenceId, ParticipantId};
use crate::refusal::ErrorCode;

/// A step of a join, in the order in which they follow each other. By WHIP and WHEP the offer comes with the
/// token, and is judged before anybody is let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// The token is checked, or the session found that is resumed.
    Token,
    /// A seat is found, and the conference decides and has it stored.
    Admission,
    /// The media plane judges the offer.
    Offer,
    /// From the answer until a path is proved.
    Ice,
    /// From there until the keys are agreed on.
    Dtls,
    /// From there until the first packet of media leaves.
    FirstPacket,
}

impl Step {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Admission => "admission",
            Self::Offer => "offer",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::FirstPacket => "first packet",
        }
    }
}

/// One step, counted from the beginning of the join.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) step: Step,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

/// Who joined, as far as that became known.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) conference: ConferenceId,
    pub(super) participant: ParticipantId,
    pub(super) role: Role,
}

/// Why it came to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failed(pub(crate) ErrorCode);

/// A join, from the first word to the first packet of media.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// `join`, `resume`, `whip` or `whep`.
    pub(super) kind: &'static str,
    pub(super) began: Timestamp,
    started: Instant,
    /// At most one for each step.
    pub(super) spans: Vec<Span>,
    /// The step that was begun last, and when.
    open: Option<(Step, Duration)>,
    pub(super) who: Option<Who>,
    pub(super) failed: Option<Failed>,
    pub(super) ids: Ids,
}

/// Numbers of a trace and its spans: the root's, and from there on one for each step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ids {
    pub(super) trace: u128,
    pub(super) root: u64,
}

impl Join {
    /// Somebody has said its first word.
    pub(super) fn new(now: Instant, wall: Timestamp, kind: &'static str, ids: Ids) -> Self {
        Self {
            kind,
            began: wall,
            started: now,
            spans: Vec::with_capacity(6),
            open: Some((Step::Token, Duration::ZERO)),
            who: None,
            failed: None,
            ids,
        }
    }

    /// It is known who it is.
    pub(crate) fn identify(
        &mut self,
        conference: ConferenceId,
        participant: ParticipantId,
        role: Role,
    ) {
        self.who = Some(Who {
            conference,
            participant,
            role,
        });
    }

    /// A step begins that does not follow the one before at once.
    pub(crate) fn begin(&mut self, step: Step, now: Instant) {
        self.open = Some((step, self.age(now)));
    }

    /// A step is done. What was not begun by itself has begun when the one before was done. Each is told
    /// once: what comes again is of another connection.
    pub(crate) fn end(&mut self, step: Step, now: Instant) {
        if self.spans.iter().any(|span| span.step == step) {
            return;
        }
        let last = self.spans.last().map_or(Duration::ZERO, |span| span.end);
        let begun = self.open.filter(|(begun, _)| *begun == step);
        let begin = begun.map_or(last, |(_, at)| at);
        let end = self.age(now).max(begin);
        self.spans.push(Span { step, begin, end });
    }

    /// It ends with a refusal.
    pub(crate) fn fail(&mut self, code: ErrorCode, now: Instant) {
        let is_done = |step: Step| self.spans.iter().any(|span| span.step == step);
        let under_way = self
            .open
            .map(|(step, _)| step)
            .filter(|step| !is_done(*step));
        self.end(under_way.unwrap_or(Step::Admission), now);
        self.failed = Some(Failed(code));
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// How long it took in all.
    pub(super) fn length(&self) -> Duration {
        self.spans.last().map_or(Duration::ZERO, |span| span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn begun(now: Instant) -> Join {
        Join::new(
            now,
            Timestamp::UNIX_EPOCH,
            "join",
            Ids { trace: 1, root: 1 },
        )
    }

    #[test]
    fn each_step_begins_where_the_one_before_ended_unless_it_was_begun() {
        let now = Instant::now();
        let mut join = begun(now);
        join.end(Step::Token, now + 2 * MS);
        join.end(Step::Admission, now + 5 * MS);
        join.begin(Step::Offer, now + 20 * MS);
        join.end(Step::Offer, now + 24 * MS);
        join.end(Step::Ice, now + 40 * MS);
        join.end(Step::Dtls, now + 60 * MS);
        // Another connection of the same participant.
        join.end(Step::Offer, now + 70 * MS);
        join.end(Step::FirstPacket, now + 80 * MS);
        let spans: Vec<_> = join
            .spans
            .iter()
            .map(|span| {
                (
                    span.step.name(),
                    span.begin.as_millis(),
                    span.end.as_millis(),
                )
            })
            .collect();
        assert_eq!(
            spans,
            [
                ("token", 0, 2),
                ("admission", 2, 5),
                ("offer", 20, 24),
                ("ice", 24, 40),
                ("dtls", 40, 60),
                ("first packet", 60, 80),
            ]
        );
        assert_eq!(join.length(), 80 * MS);
    }

    #[test]
    fn an_offer_that_comes_with_the_token_is_judged_before_anybody_is_in() {
        let now = Instant::now();
        let mut join = begun(now);
        join.end(Step::Token, now + MS);
        join.begin(Step::Offer, now + MS);
        let mut refused = join.clone();
        refused.fail(ErrorCode::BadOffer, now + 2 * MS);
        assert_eq!(
            refused.spans.last().map(|span| span.step),
            Some(Step::Offer)
        );
        join.end(Step::Offer, now + 2 * MS);
        join.end(Step::Admission, now + 5 * MS);
        join.end(Step::Ice, now + 9 * MS);
        let steps: Vec<_> = join.spans.iter().map(|span| span.step).collect();
        assert_eq!(
            steps,
            [Step::Token, Step::Offer, Step::Admission, Step::Ice]
        );
        assert_eq!(join.spans[3].begin, 5 * MS);
    }

    #[test]
    fn a_refusal_ends_the_step_in_which_it_was_met() {
        let now = Instant::now();
        for (done, expected) in [(false, Step::Token), (true, Step::Admission)] {
            let mut join = begun(now);
            if done {
                join.end(Step::Token, now + MS);
            }
            join.fail(ErrorCode::ConferenceFull, now + 3 * MS);
            assert_eq!(join.spans.last().map(|span| span.step), Some(expected));
            assert_eq!(join.failed, Some(Failed(ErrorCode::ConferenceFull)));
        }
    }
}
