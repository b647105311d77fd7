//! `dinh doctor`: is this machine, or the way to a server, what a conference needs?
//!
//! Measuring ([`measure`], [`way`]) is apart from judging ([`judge`], [`journey`], [`line`], [`provider`]): a judgement is
//! a value made of measured values, with a sentence of what to do. What is in the way is named as the
//! check of a page names it ([`Cause`]).

mod carrier;
mod echo;
pub mod journey;
pub mod judge;
pub mod line;
pub(crate) mod measure;
pub(crate) mod ntp;
pub(crate) mod provider;
mod reach;
pub(crate) mod way;

use std::fmt;

use serde::Serialize;

use crate::check::{Cause, Colour};

/// How a step turned out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It was not looked at, and why.
    Skipped,
    /// A conference works, until there are many.
    Warning,
    /// A conference does not work, or not for some.
    Bad,
}

/// What came of one step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at, in one word, for programs.
    pub step: &'static str,
    /// How it turned out.
    pub verdict: Verdict,
    /// What was measured.
    pub measured: String,
    /// What is in the way, if anything is.
    pub cause: Option<Cause>,
    /// What to do; empty if nothing.
    pub advice: String,
}

impl Finding {
    /// As it should be.
    pub(crate) fn good(step: &'static str, measured: impl Into<String>) -> Self {
        Self {
            step,
            verdict: Verdict::Good,
            measured: measured.into(),
            cause: None,
            advice: String::new(),
        }
    }

    /// It was not looked at.
    pub(crate) fn skipped(step: &'static str, why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Skipped,
            ..Self::good(step, why)
        }
    }

    /// With what is in the way, and what to do.
    pub(crate) fn new(
        step: &'static str,
        cause: Cause,
        measured: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            step,
            verdict: match cause.colour() {
                Colour::Green => Verdict::Good,
                Colour::Amber => Verdict::Warning,
                Colour::Red => Verdict::Bad,
            },
            measured: measured.into(),
            cause: Some(cause),
            advice: advice.into(),
        }
    }
}

/// What is in the way, of several the worst.
#[must_use]
pub fn culprit(findings: &[Finding]) -> Option<Cause> {
    Cause::worst(findings.iter().filter_map(|finding| finding.cause))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.verdict {
            Verdict::Good => "ok  ",
            Verdict::Skipped => "-   ",
            Verdict::Warning => "WARN",
            Verdict::Bad => "BAD ",
        };
        write!(f, "{sign} {:<12} {}", self.step, self.measured)?;
        if let Some(cause) = self.cause {
            write!(f, " [{}]", cause.code())?;
        }
        if !self.advice.is_empty() {
            write!(f, "\n     {:<12} → {}", "", self.advice)?;
        }
        Ok(())
    }
}
