//! `dinh doctor`: is this machine, or the way to a server, what a conference needs?
//!
//! Measuring ([`measure`], [`way`]) is apart from judging ([`judge`], [`journey`]): a judgement is a
//! value made of measured values, with a sentence of what to do.

pub mod journey;
pub mod judge;
pub(crate) mod measure;
pub(crate) mod way;

use std::fmt;

use serde::Serialize;

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
    /// What to do; empty if nothing.
    pub advice: String,
}

impl Finding {
    /// As it should be.
    pub(crate) fn good(step: &'static str, measured: impl Into<String>) -> Self {
        Self::new(step, Verdict::Good, measured, "")
    }

    /// It was not looked at.
    pub(crate) fn skipped(step: &'static str, why: impl Into<String>) -> Self {
        Self::new(step, Verdict::Skipped, why, "")
    }

    /// With what to do.
    pub(crate) fn new(
        step: &'static str,
        verdict: Verdict,
        measured: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            step,
            verdict,
            measured: measured.into(),
            advice: advice.into(),
        }
    }
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
        if !self.advice.is_empty() {
            write!(f, "\n     {:<12} → {}", "", self.advice)?;
        }
        Ok(())
    }
}
