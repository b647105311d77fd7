//! Letters to sites: what they are invited to, that it has changed, that it does not take place.
//!
//! The texts are templates that an office edits: one plain text, of which the text and the HTML of a mail
//! are made, so that both say the same. A template is text with placeholders, and parts that stand only
//! where a placeholder has something to say:
//!
//! ```text
//! Kính gửi: {{ site }}
//! {% if chair %}
//! Chủ trì: {{ chair }}
//! {% endif %}
//! ```
//!
//! Nothing else of the template language may stand in it, so that none can loop, grow or fail when a
//! letter is written. Pure: no clock, no store.

mod facts;
mod grammar;
mod html;
mod kind;
mod placeholder;
mod problem;
mod render;
mod samples;
mod template;
pub(crate) mod words;

pub use facts::{Contact, Facts, Item};
pub use kind::LetterKind;
pub use placeholder::Placeholder;
pub use problem::{LetterProblem, Part, Reason};
pub use template::Template;

/// A letter as people read it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// What it is about, on one line.
    pub subject: String,
    /// As text, with lines that end in CR LF.
    pub text: String,
    /// The same as a page of HTML.
    pub html: String,
}

/// Most characters of a subject. Higher: a list of mails shows less of what is behind it.
const MAX_SUBJECT_CHARS: usize = 200;

/// Most bytes of a text. Higher: a template that says the agenda often is still sent, and each of
/// thousands of mails takes as much. The longest agenda that there may be takes 160 kB.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Writes a letter.
///
/// # Errors
/// When the template says something that it may not; never one that [`Template::check`] has passed.
pub fn write(facts: &Facts, template: &Template) -> Result<Text, LetterProblem> {
    let values = placeholder::values(facts);
    let subject = render::render(&template.subject, Part::Subject, &values, facts.kind)?;
    let body = render::render(&template.body, Part::Body, &values, facts.kind)?;
    let subject: String = words::one_line(&subject)
        .chars()
        .take(MAX_SUBJECT_CHARS)
        .collect();
    let body = tidy(&body);
    let html = html::page(
        facts.language,
        &subject,
        &body,
        &words::one_line(&facts.url),
    );
    let text = body.replace('\n', "\r\n");
    Ok(Text {
        subject,
        text,
        html,
    })
}

/// A text without spaces at the ends of lines, and without more than one empty line in a row: parts that
/// were left out leave no holes.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len() + 1);
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || (!tidy.is_empty() && !tidy.ends_with("\n\n")) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy.push('\n');
    tidy
}

#[cfg(test)]
mod tests;
