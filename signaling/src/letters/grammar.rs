//! What may stand in a template: text, placeholders and conditions. All else that the engine could do is
//! refused before it sees it.

use super::kind::LetterKind;
use super::placeholder::Placeholder;
use super::problem::{LetterProblem, Part, Reason};

/// How deep conditions may stand in each other. Higher: nobody can tell any more which end is whose.
const MAX_DEPTH: usize = 8;

/// Something between braces.
enum Tag<'a> {
    /// `{{ name }}`, or `{% if name %}`.
    Names { name: &'a str, opens: bool },
    /// `{% else %}`.
    Else,
    /// `{% endif %}`.
    Endif,
}

/// A condition that is open.
struct Open {
    line: u32,
    has_else: bool,
}

/// Passes a text whose braces are all understood.
pub(super) fn check(text: &str, part: Part, kind: LetterKind) -> Result<(), LetterProblem> {
    let mut open: Vec<Open> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let problem = |reason, found: &str| LetterProblem::new(part, number, reason, found);
        let mut rest = line;
        while let Some(tag) = next(&mut rest).map_err(|(reason, found)| problem(reason, found))? {
            match tag {
                Tag::Names { name, opens } => {
                    let known: Option<Placeholder> = name.parse().ok();
                    let known = known.ok_or_else(|| problem(Reason::UnknownPlaceholder, name))?;
                    if !known.is_for(kind) {
                        return Err(problem(Reason::PlaceholderOfAnotherKind, name));
                    }
                    if opens {
                        open.push(Open {
                            line: number,
                            has_else: false,
                        });
                    }
                    if open.len() > MAX_DEPTH {
                        return Err(problem(Reason::TooDeep, line));
                    }
                }
                Tag::Else => match open.last_mut() {
                    Some(condition) if !condition.has_else => condition.has_else = true,
                    _ => return Err(problem(Reason::Unbalanced, line)),
                },
                Tag::Endif => {
                    open.pop()
                        .ok_or_else(|| problem(Reason::Unbalanced, line))?;
                }
            }
        }
    }
    match open.pop() {
        Some(Open { line, .. }) => Err(LetterProblem::new(
            part,
            line,
            Reason::Unbalanced,
            "{% if … %}",
        )),
        None => Ok(()),
    }
}

/// The next tag of a line, and what is behind it; or what is wrong.
fn next<'a>(rest: &mut &'a str) -> Result<Option<Tag<'a>>, (Reason, &'a str)> {
    let Some(at) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|begin| rest.find(begin))
        .min()
    else {
        return Ok(None);
    };
    let (_, tag) = rest.split_at(at);
    let (begin, inner) = tag.split_at(2);
    let end = match begin {
        "{{" => "}}",
        "{%" => "%}",
        _ => return Err((Reason::NotUnderstood, tag)),
    };
    let (inner, behind) = inner.split_once(end).ok_or((Reason::NotClosed, tag))?;
    *rest = behind;
    let words: Vec<&str> = inner
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .collect();
    let read = match (begin, words.as_slice()) {
        ("{{", [name]) if is_name(name) => Tag::Names { name, opens: false },
        ("{%", ["if", name]) if is_name(name) => Tag::Names { name, opens: true },
        ("{%", ["else"]) => Tag::Else,
        ("{%", ["endif"]) => Tag::Endif,
        _ => return Err((Reason::NotUnderstood, tag)),
    };
    Ok(Some(read))
}

/// Whether somebody meant a name: letters of any language, so that the refusal can say which it is.
fn is_name(word: &str) -> bool {
    word.chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_')
}
