//! The rows of a list, of each only the cells that are read: wide and long files cost no more than
//! what they say of sites.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::beginning::Beginning;
use super::column::{Column, Mapping};
use super::error::{HEADER_WITHIN, ImportError, MAX_SITES};
use super::finding::{FindingCode, Findings, Told};
use super::header::{Header, MAX_CELLS};

/// Most text of all cells together, in MiB. Higher: a workbook that repeats one long text takes more
/// memory.
const MAX_MEBIBYTES: usize = 64;

/// Most bytes that are kept of a cell: longer ones are wrong anyway.
const MAX_CELL_BYTES: usize = 4096;

/// What a list says of one site.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it stands in the file, from 1.
    pub(super) line: u64,
    cells: [Option<Box<str>>; Column::COUNT],
}

impl Row {
    /// One that says just this; 0 for one that is in no file.
    pub(super) fn written(line: u64, cells: &BTreeMap<Column, String>) -> Self {
        let mut row = Self {
            line,
            cells: [const { None }; Column::COUNT],
        };
        for (column, text) in cells {
            if let Some(cell) = row.cells.get_mut(column.index()) {
                *cell = Some(cut(text).into());
            }
        }
        row
    }

    /// What stands in a column, as it stands there; `None` if the list has no such column.
    pub(super) fn raw(&self, column: Column) -> Option<&str> {
        self.cells.get(column.index())?.as_deref()
    }

    /// The same without spaces around it.
    pub(super) fn get(&self, column: Column) -> Option<&str> {
        self.raw(column).map(str::trim)
    }
}

/// A list whose columns are known.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) header: Header,
    pub(super) rows: Vec<Row>,
    /// What is wrong with rows that are not among them.
    pub(super) findings: Findings,
}

/// Whether rows may have fewer or more cells than the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Width {
    /// In a text each row has all.
    Same,
    /// A sheet has only those that somebody has filled in.
    Any,
}

/// Takes the rows of a file one by one.
#[derive(Debug)]
pub(super) struct Gatherer<'m> {
    mapping: &'m Mapping,
    width: Width,
    header: Option<Header>,
    /// How many cells the line of the header has.
    fields: usize,
    /// How the file begins, for whoever must be told that it has no header.
    begins: Beginning,
    bytes: usize,
    rows: Vec<Row>,
    findings: Findings,
}

impl<'m> Gatherer<'m> {
    pub(super) fn new(mapping: &'m Mapping, width: Width) -> Self {
        Self {
            mapping,
            width,
            header: None,
            fields: 0,
            begins: Beginning::default(),
            bytes: 0,
            rows: Vec::new(),
            findings: Findings::default(),
        }
    }

    /// The next row. Empty ones are nothing, wherever they stand.
    pub(super) fn push(&mut self, line: u64, cells: &[Cow<'_, str>]) -> Result<(), ImportError> {
        if cells.iter().all(|cell| cell.trim().is_empty()) && self.is_filler(cells.len()) {
            return Ok(());
        }
        let Some(header) = &self.header else {
            return self.look_for_header(cells);
        };
        if self.width == Width::Same && cells.len() != self.fields {
            let (found, wanted) = (cells.len(), self.fields);
            self.findings.add(FindingCode::Fields, line, None, || {
                Told::default().value(found).right(wanted)
            });
            return Ok(());
        }
        if self.rows.len() == MAX_SITES {
            return Err(ImportError::TooMany);
        }
        let mut kept = [const { None }; Column::COUNT];
        for (cell, column) in kept.iter_mut().zip(Column::ALL) {
            let Some(at) = header.place(*column) else {
                continue;
            };
            let text = cells.get(at).map_or("", Cow::as_ref);
            let text = cut(text);
            self.bytes += text.len();
            *cell = Some(text.into());
        }
        if self.bytes > MAX_MEBIBYTES * 1024 * 1024 {
            return Err(ImportError::TooLong(MAX_MEBIBYTES));
        }
        self.rows.push(Row { line, cells: kept });
        Ok(())
    }

    /// Whether an empty row of so many cells is one that a spreadsheet writes below a list.
    fn is_filler(&self, cells: usize) -> bool {
        self.width == Width::Any || self.header.is_none() || self.fields == cells
    }

    fn look_for_header(&mut self, cells: &[Cow<'_, str>]) -> Result<(), ImportError> {
        self.fields = cells.len();
        let cells: Vec<_> = cells.iter().map(Cow::as_ref).take(MAX_CELLS).collect();
        self.header = Header::find(&cells, self.mapping)?;
        if self.header.is_none() {
            self.begins.push(&cells);
            if self.begins.lines.len() == HEADER_WITHIN {
                return Err(self.no_header());
            }
        }
        Ok(())
    }

    fn no_header(&mut self) -> ImportError {
        ImportError::Header(Box::new(std::mem::take(&mut self.begins)))
    }

    /// All of them.
    pub(super) fn finish(mut self) -> Result<Rows, ImportError> {
        let Some(header) = self.header.take() else {
            return Err(self.no_header());
        };
        Ok(Rows {
            header,
            rows: self.rows,
            findings: self.findings,
        })
    }
}

fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_CELL_BYTES);
    text.get(..end).unwrap_or_default()
}
