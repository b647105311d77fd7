//! Lists as text: CSV with whatever a spreadsheet puts between columns.

use std::borrow::Cow;

use super::beginning::Beginning;
use super::column::Mapping;
use super::error::ImportError;
use super::export::unguarded;
use super::rows::{Gatherer, Rows, Width};
use super::text::EncodingError;

/// What may stand between columns: as RFC 4180 says, as spreadsheets write where the comma is a
/// decimal sign, and in "Unicode text".
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Reads a text by the first of [`DELIMITERS`] by which it has a header.
pub(super) fn read(text: &str, mapping: &Mapping) -> Result<Rows, ImportError> {
    let mut widest: Option<Box<Beginning>> = None;
    for delimiter in DELIMITERS {
        match read_with(text, mapping, delimiter) {
            Err(ImportError::Header(begins)) => {
                let is_wider = |other: &Beginning| other.width() < begins.width();
                if widest.as_deref().is_none_or(is_wider) {
                    widest = Some(begins);
                }
            }
            other => return other,
        }
    }
    Err(widest.map_or(ImportError::Empty, ImportError::Header))
}

fn read_with(text: &str, mapping: &Mapping, delimiter: u8) -> Result<Rows, ImportError> {
    let lines = Lines::of(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut gatherer = Gatherer::new(mapping, Width::Same);
    for record in reader.records() {
        // A text of any form is read: it is in UTF-8 and its rows may be of any width.
        let record = record.map_err(|_| EncodingError::DamagedUtf16)?;
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<_> = record
            .iter()
            .map(|cell| Cow::Borrowed(unguarded(cell)))
            .collect();
        gatherer.push(line, &cells)?;
    }
    gatherer.finish()
}

/// Where the lines of a text begin, so that each is found at once however many are asked for.
struct Lines<'t> {
    text: &'t [u8],
    breaks: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let text = text.as_bytes();
        let breaks = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at)
            .collect();
        Self { text, breaks }
    }

    /// The line, from 1, of the record that begins at `offset` or after the empty lines there,
    /// which the reader skips without a word.
    fn at(&self, offset: u64) -> u64 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let from = self.text.get(offset..).unwrap_or_default();
        let empty = from
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let begins = offset.saturating_add(empty);
        1 + self.breaks.partition_point(|at| *at < begins) as u64
    }
}
