//! What is wrong with a template, and where.

use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error, ToSchema)]
#[error("{part}, line {line}: {reason}")]
#[serde(rename_all = "camelCase")]
pub struct LetterProblem {
    /// In which part.
    pub part: Part,
    /// In which line of it, from 1.
    pub line: u32,
    /// What it is.
    pub reason: Reason,
    /// What stands there, cut where it is long.
    pub found: String,
}

/// A part of a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, strum::Display, ToSchema)]
#[schema(as = LetterPart)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Part {
    /// What the letter is about.
    Subject,
    /// The letter itself.
    Body,
}

/// Why a template is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, thiserror::Error, ToSchema)]
#[schema(as = LetterReason)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Nothing stands there.
    #[error("is empty")]
    Empty,
    /// Longer than it may be.
    #[error("is too long")]
    TooLong,
    /// More than one line where there may be one.
    #[error("must be one line")]
    NotOneLine,
    /// No placeholder is called so.
    #[error("there is no such placeholder")]
    UnknownPlaceholder,
    /// The placeholder tells what letters of this kind do not know.
    #[error("this placeholder is not for this kind of letter")]
    PlaceholderOfAnotherKind,
    /// Something begins and does not end in its line: `{{` without `}}`.
    #[error("braces are opened and not closed")]
    NotClosed,
    /// Between braces stands what is neither a placeholder nor a condition.
    #[error("write `{{{{ name }}}}`, or `{{% if name %}}`, `{{% else %}}`, `{{% endif %}}`")]
    NotUnderstood,
    /// `else` or `endif` without an `if`, or an `if` without an `endif`.
    #[error("`if`, `else` and `endif` do not belong together")]
    Unbalanced,
    /// Conditions stand in conditions too deep.
    #[error("conditions stand in each other too deep")]
    TooDeep,
    /// Without the link, nobody gets in.
    #[error("`{{{{ link }}}}` is missing: nobody could come in")]
    LinkMissing,
    /// With the longest facts, the letter would be too long.
    #[error("the letter would be too long")]
    WouldBeTooLong,
}

/// Most characters of what is repeated of a text.
const MAX_FOUND_CHARS: usize = 60;

impl LetterProblem {
    pub(super) fn new(part: Part, line: u32, reason: Reason, found: &str) -> Self {
        let shown = found.trim().chars().take(MAX_FOUND_CHARS);
        Self {
            part,
            line,
            reason,
            found: shown.collect(),
        }
    }
}
