//! The bytes of a list as rows, whatever a spreadsheet has written.

use super::column::Mapping;
use super::delimited;
use super::document;
use super::error::ImportError;
use super::rows::Rows;
use super::text::{Encoding, decode};
use super::workbook;

/// What somebody says of a list because it cannot be told by looking.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reading {
    /// Which sheet of a workbook; the first if nobody says.
    pub sheet: Option<String>,
    /// How a text is written that is neither UTF-8 nor UTF-16.
    pub encoding: Option<Encoding>,
    /// What it calls its columns; those that are not here are found by the names that lists have.
    pub columns: Mapping,
}

/// A list, and the names of all sheets beside its own.
#[derive(Debug)]
pub(super) struct List {
    pub(super) rows: Rows,
    pub(super) sheets: Vec<String>,
}

/// Reads a workbook, a document or a text.
pub(super) fn read(bytes: &[u8], reading: &Reading) -> Result<List, ImportError> {
    if workbook::is_workbook(bytes) {
        let (rows, sheets) = workbook::read(bytes, reading.sheet.as_deref(), &reading.columns)?;
        return Ok(List { rows, sheets });
    }
    if document::is_document(bytes) {
        let (rows, sheets) = (document::read(bytes)?, Vec::new());
        return Ok(List { rows, sheets });
    }
    let text = decode(bytes, reading.encoding)?;
    let rows = delimited::read(&text, &reading.columns)?;
    let sheets = Vec::new();
    Ok(List { rows, sheets })
}
