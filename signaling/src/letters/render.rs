//! A template with its values in it, by the engine.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::MAX_TEXT_BYTES;
use super::grammar;
use super::kind::LetterKind;
use super::placeholder::Placeholder;
use super::problem::{LetterProblem, Part, Reason};

/// Most steps of the engine. The longest template that there may be takes a tenth of it.
const FUEL: u64 = 50_000;

/// How deep the engine may go. Conditions do not make it go deeper.
const RECURSION: usize = 16;

/// The text of a part.
pub(super) fn render(
    text: &str,
    part: Part,
    values: &[(Placeholder, String)],
    kind: LetterKind,
) -> Result<String, LetterProblem> {
    grammar::check(text, part, kind)?;
    let problem = |error: &minijinja::Error| {
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        let reason = match error.kind() {
            ErrorKind::WriteFailure | ErrorKind::OutOfFuel => Reason::WouldBeTooLong,
            _ => Reason::NotUnderstood,
        };
        LetterProblem::new(
            part,
            line.unwrap_or(1),
            reason,
            error.detail().unwrap_or_default(),
        )
    };
    // None of the engine's own filters, functions and tests.
    let mut engine = Environment::empty();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    engine.set_syntax(syntax.build().map_err(|error| problem(&error))?);
    // What is made of this is text; HTML is made of that text as a whole.
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(RECURSION);
    let values: BTreeMap<&'static str, Value> = values
        .iter()
        .map(|(name, value)| (name.name(), Value::from(value)))
        .collect();
    let mut written = Bounded(Vec::new());
    engine
        .template_from_str(text)
        .and_then(|template| template.render_captured_to(values, &mut written).map(drop))
        .map_err(|error| problem(&error))?;
    Ok(String::from_utf8_lossy(&written.0).into_owned())
}

/// Takes so much and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
