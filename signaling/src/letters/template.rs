//! A letter's text with placeholders: one that came with the program, or one that an office has written.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::facts::Facts;
use super::kind::LetterKind;
use super::placeholder::Placeholder;
use super::problem::{LetterProblem, Part, Reason};
use super::write;
use crate::booking::Language;

/// A letter's text with placeholders.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = LetterTemplate)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What the letter is about: one line.
    #[schema(max_length = 300, example = "Giấy mời: {{ title }}")]
    pub subject: String,
    /// The letter itself.
    #[schema(max_length = 10000, example = "Kính gửi: {{ site }}\n\n{{ link }}")]
    pub body: String,
}

/// Most characters of a template's subject.
const MAX_SUBJECT_CHARS: usize = 300;

/// Most characters of a template's body. Higher: four pages of a letter are not enough for somebody.
const MAX_BODY_CHARS: usize = 10_000;

impl Template {
    /// The one that came with the program.
    #[must_use]
    pub fn usual(kind: LetterKind, language: Language) -> Self {
        let text = match (language, kind) {
            (Language::Vi, LetterKind::Invitation) => {
                include_str!("../../letters/vi/invitation.txt")
            }
            (Language::Vi, LetterKind::Change) => include_str!("../../letters/vi/change.txt"),
            (Language::Vi, LetterKind::Cancellation) => {
                include_str!("../../letters/vi/cancellation.txt")
            }
            (Language::En, LetterKind::Invitation) => {
                include_str!("../../letters/en/invitation.txt")
            }
            (Language::En, LetterKind::Change) => include_str!("../../letters/en/change.txt"),
            (Language::En, LetterKind::Cancellation) => {
                include_str!("../../letters/en/cancellation.txt")
            }
        };
        let (subject, body) = text.split_once("\n\n").unwrap_or_default();
        Self {
            subject: subject.to_owned(),
            body: body.to_owned(),
        }
    }

    /// With ends of lines as the program has them, however it was sent.
    #[must_use]
    pub fn with_plain_lines(self) -> Self {
        let Self { subject, body } = self;
        Self {
            subject: subject.trim().to_owned(),
            body: body.replace("\r\n", "\n").replace('\r', "\n"),
        }
    }

    /// Passes one of which every letter of this kind can be written.
    ///
    /// # Errors
    /// When it says something that it may not, or when not every letter would have room.
    pub fn check(&self, kind: LetterKind, language: Language) -> Result<(), LetterProblem> {
        let subject = |reason| Err(LetterProblem::new(Part::Subject, 1, reason, &self.subject));
        let body = |line, reason| Err(LetterProblem::new(Part::Body, line, reason, ""));
        if self.subject.trim().is_empty() {
            return subject(Reason::Empty);
        }
        if self.subject.contains(['\n', '\r']) {
            return subject(Reason::NotOneLine);
        }
        if self.subject.chars().count() > MAX_SUBJECT_CHARS {
            return subject(Reason::TooLong);
        }
        if self.body.trim().is_empty() {
            return body(1, Reason::Empty);
        }
        if self.body.chars().count() > MAX_BODY_CHARS {
            return body(1, Reason::TooLong);
        }
        let needs_link = Placeholder::Link.is_for(kind);
        for facts in [
            Facts::shortest(kind, language),
            Facts::longest(kind, language),
        ] {
            let written = write(&facts, self)?;
            if written.subject.is_empty() {
                return subject(Reason::Empty);
            }
            if needs_link && !written.text.contains(&facts.url) {
                let last = u32::try_from(self.body.lines().count()).unwrap_or(1);
                return body(last, Reason::LinkMissing);
            }
        }
        Ok(())
    }
}
