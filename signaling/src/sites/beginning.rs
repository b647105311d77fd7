//! How a list begins of which nobody knows which line names the columns: for whoever is to say so.

/// Most cells of a line that are told. Higher: wider lists are seen whole.
const MAX_CELLS: usize = 24;

/// Most characters of a cell that are told: with all lines less than 60 KB.
const MAX_CHARS: usize = 40;

/// Most characters of the first line in a sentence.
const SHOWN: usize = 200;

/// The lines among which one should have named the columns.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beginning {
    /// The first lines that say anything, cell by cell.
    pub lines: Vec<Vec<String>>,
    /// The sheets of a workbook.
    pub sheets: Vec<String>,
}

impl Beginning {
    /// Adds the next line.
    pub(super) fn push(&mut self, cells: &[&str]) {
        let cells = cells.iter().take(MAX_CELLS);
        let told = cells.map(|cell| cell.trim().chars().take(MAX_CHARS).collect());
        self.lines.push(told.collect());
    }

    /// How wide its widest line is: by the wrong delimiter all are narrow.
    pub(super) fn width(&self) -> usize {
        self.lines.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// The first line, for a sentence.
    pub(super) fn first(&self) -> String {
        let first = self.lines.first();
        let text = first.map(|cells| cells.join(",")).unwrap_or_default();
        text.chars().take(SHOWN).collect()
    }
}
