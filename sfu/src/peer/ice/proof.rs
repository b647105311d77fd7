//! Whether a path receives: until it has shown it, media stays where it is, and no more goes there
//! than three times what came from it (as RFC 9000 §8.1 has it for QUIC).
//!
//! A check says where somebody wants media to go, not that anybody there wants it: whoever has the
//! password can send one from a forged address. A lite side need not send checks (RFC 8445 §2.5),
//! but every full one answers them (§7.3), so a path is asked by one. TCP has shown it by opening,
//! and the path that a whole handshake went over by completing it.

use std::time::{Duration, Instant};

use super::client::{Answer, Check, Role, check_answer};
use crate::budget::Budget;
use crate::command::IceCredentials;
use crate::drop_reason::DropReason;
use crate::path::Path;

/// How many times what came from a path may go there until it has shown that it receives.
const TIMES: u32 = 3;

/// Most bytes saved for a path, however much came from it.
const MAX_ALLOWANCE: u32 = 64 * 1_024;

/// Shortest time between two questions.
///
/// Lower: a question or an answer that was lost costs less time. Higher: fewer needless questions
/// on a long line.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Local preference and type of a peer-reflexive candidate (RFC 8445 §5.1.2.1), which an answer
/// does not look at.
const PRIORITY: u32 = 110 << 24 | 65_535 << 8 | 255;

/// A question that was asked and not answered.
#[derive(Clone, Copy, Debug)]
struct Question {
    path: Path,
    transaction: [u8; 12],
    asked: Instant,
}

/// What is asked of paths, and what may go to one that has not answered.
#[derive(Debug)]
pub(super) struct Proof {
    question: Option<Question>,
    allowance: Budget,
}

impl Proof {
    pub(super) const fn new() -> Self {
        Self {
            question: None,
            allowance: Budget::empty(MAX_ALLOWANCE),
        }
    }

    /// Begins anew with another path.
    pub(super) const fn reset(&mut self) {
        self.allowance = Budget::empty(MAX_ALLOWANCE);
    }

    /// So many bytes came from the path.
    pub(super) fn received(&mut self, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.allowance.earn(length.saturating_mul(TIMES));
    }

    /// Whether so many bytes may go to the path.
    pub(super) fn may_send(&mut self, length: usize) -> bool {
        u32::try_from(length).is_ok_and(|length| self.allowance.spend(length))
    }

    /// Whether a question to `path` is due.
    pub(super) fn is_due(&self, now: Instant, path: Path) -> bool {
        self.question.is_none_or(|question| {
            question.path != path || now.saturating_duration_since(question.asked) >= ASK_AGAIN
        })
    }

    /// Asks `path`: appends the check to `out`. `transaction` must make one that nobody can guess. A path
    /// that has not answered is asked the same again (RFC 8489 §6.2.1): over a long way the answer to
    /// the first time comes later than that.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        path: Path,
        transaction: impl FnOnce() -> [u8; 12],
        (ours, theirs): (&IceCredentials, &IceCredentials),
        out: &mut Vec<u8>,
    ) -> Result<(), DropReason> {
        let same = self.question.filter(|question| question.path == path);
        let transaction = same.map_or_else(transaction, |question| question.transaction);
        let [a, b, c, d, e, f, g, h, ..] = transaction;
        let check = Check {
            server: theirs,
            ufrag: &ours.ufrag,
            role: Role::Controlled,
            tie_breaker: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            priority: PRIORITY,
            use_candidate: false,
            transaction,
        };
        check.encode(out)?;
        self.question = Some(Question {
            path,
            transaction,
            asked: now,
        });
        Ok(())
    }

    /// Takes what came from `path` for an answer to the question that it was asked.
    pub(super) fn answer(
        &mut self,
        path: Path,
        datagram: &[u8],
        theirs: &IceCredentials,
    ) -> Result<(), DropReason> {
        let question = self.question.filter(|question| question.path == path);
        let question = question.ok_or(DropReason::BadStun)?;
        match check_answer(datagram, &question.transaction, theirs)? {
            Answer::Success(_) => {
                self.question = None;
                Ok(())
            }
            Answer::Refused(_) => Err(DropReason::BadStun),
        }
    }
}
