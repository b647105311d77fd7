//! The first mistakes of a list, and how many more there are: a wrong file of any length costs no
//! more than a page.

use std::collections::BTreeSet;
use std::fmt;

/// Most mistakes that are told at once: enough to see a pattern, few enough to read.
pub const MAX_ERRORS: usize = 20;

/// One mistake.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RowError {
    /// Line in the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// What is wrong with the lines of a list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mistakes {
    /// The first by line, at most [`MAX_ERRORS`]; those behind them are counted only.
    first: BTreeSet<RowError>,
    total: usize,
}

impl Mistakes {
    /// Notes one. It is put into words only if it is among the first.
    pub(super) fn add(&mut self, line: u64, problem: impl FnOnce() -> String) {
        self.total += 1;
        let is_full = self.first.len() == MAX_ERRORS;
        if is_full && self.first.last().is_some_and(|last| last.line < line) {
            return;
        }
        let problem = problem();
        self.first.insert(RowError { line, problem });
        if self.first.len() > MAX_ERRORS {
            self.first.pop_last();
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The first ones, by line.
    pub fn first(&self) -> impl Iterator<Item = &RowError> {
        self.first.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<_> = self.first.iter().map(ToString::to_string).collect();
        let more = self.total - self.first.len();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_told_whatever_the_order_and_the_rest_is_counted() {
        let mut mistakes = Mistakes::default();
        for line in (1..=100_000).rev() {
            mistakes.add(line, || "wrong".to_owned());
        }
        let lines: Vec<_> = mistakes.first().map(|error| error.line).collect();
        assert_eq!(lines, (1..=20).collect::<Vec<_>>());
        assert!(mistakes.to_string().ends_with("\nand 99980 more"));
    }
}
