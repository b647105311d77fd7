//! A comparison for a terminal.

use std::fmt::{self, Write as _};

use super::{Comparison, Judgement, Row};
use crate::page::number::short;

pub(super) fn write(comparison: &Comparison) -> String {
    let mut text = String::new();
    fill(comparison, &mut text).expect("writing to a string cannot fail");
    text
}

fn fill(comparison: &Comparison, text: &mut String) -> fmt::Result {
    let Comparison { a, b, .. } = comparison;
    writeln!(text, "A  {}  {}", a.name, a.started)?;
    writeln!(text, "B  {}  {}", b.name, b.started)?;
    for warning in &comparison.warnings {
        writeln!(text, "BEWARE: {warning}")?;
    }
    let mut group = "";
    for row in &comparison.rows {
        if row.group != group {
            group = row.group;
            let columns = ["A", "B", "B − A", "%"];
            write!(text, "\n{group:<38}")?;
            for column in columns {
                write!(text, "{column:>12}")?;
            }
            writeln!(text)?;
        }
        line(row, text)?;
    }
    let noise = short(comparison.noise * 100.0);
    writeln!(text, "\n=: the same within {noise} % or a trifle")
}

fn line(row: &Row, text: &mut String) -> fmt::Result {
    let name = match row.unit {
        "" => row.name.to_owned(),
        unit => format!("{}, {unit}", row.name),
    };
    write!(text, "  {name:<36}")?;
    for value in [row.a, row.b].map(value).into_iter().chain(change(row)) {
        write!(text, "{value:>12}")?;
    }
    let word = word(row.judgement);
    writeln!(text, "  {word}")
}

/// A figure, or that there is none.
pub(super) fn value(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

/// Difference and percent with their sign.
pub(super) fn change(row: &Row) -> [String; 2] {
    [row.difference, row.percent].map(|value| match value {
        None => "–".to_owned(),
        Some(value) if value > 0.0 => format!("+{}", short(value)),
        Some(value) => short(value),
    })
}

/// How a difference is marked.
pub(super) const fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Better => "better",
        Judgement::Worse => "WORSE",
        Judgement::Same => "=",
        Judgement::Different | Judgement::Unknown => "",
    }
}
