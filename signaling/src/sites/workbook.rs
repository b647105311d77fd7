//! Lists as workbooks (XLSX). A workbook is a zip file of XML, and either may be made to swell: how
//! much there is of it is counted before it is read.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use calamine::{Data, DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use super::column::Mapping;
use super::error::ImportError;
use super::header::MAX_CELLS;
use super::rows::{Gatherer, Rows, Width};

/// How a zip file begins.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Most files in a workbook.
const MAX_FILES: usize = 1000;

/// Most of all files together, unpacked. Higher: a workbook of 16 MiB keeps the thread that judges it
/// for longer, about a second for each 200 MiB.
const MAX_UNPACKED_BYTES: u64 = 192 * 1024 * 1024;

/// Most of a file but a sheet, unpacked: those are held in memory, sheets are not.
const MAX_PART_BYTES: u64 = 48 * 1024 * 1024;

/// Most rows of a sheet that are looked at, empty ones included.
const MAX_ROWS: u32 = 300_000;

/// Most names of sheets that are told.
const MAX_SHEETS: usize = 50;

/// A workbook that is not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WorkbookError {
    /// Not a zip file, or not one of a workbook.
    #[error("this is no workbook that is read here (xlsx): {0}")]
    Damaged(String),
    /// It becomes too large.
    #[error(
        "the workbook is too large when it is unpacked: save the list in a workbook of its own"
    )]
    TooLarge,
    /// No sheet has cells.
    #[error("the workbook has no sheet")]
    NoSheet,
    /// There is none of this name.
    #[error("the workbook has no sheet {wanted:?}, but {there}")]
    UnknownSheet {
        /// The name.
        wanted: String,
        /// Those that there are.
        there: String,
    },
    /// Rows far below the others.
    #[error("the sheet has cells below row {MAX_ROWS}: delete what stands there")]
    TooLong,
}

/// Whether these bytes are a workbook, and no text.
pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads a sheet, the first if nobody says which. The names of all come along.
pub(super) fn read(
    bytes: &[u8],
    sheet: Option<&str>,
    mapping: &Mapping,
) -> Result<(Rows, Vec<String>), ImportError> {
    check_size(bytes)?;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .take(MAX_SHEETS)
        .map(|sheet| sheet.name.clone())
        .collect();
    let chosen = match sheet {
        None => sheets.first().ok_or(WorkbookError::NoSheet)?,
        Some(wanted) => sheets.iter().find(|name| *name == wanted).ok_or_else(|| {
            WorkbookError::UnknownSheet {
                wanted: wanted.chars().take(64).collect(),
                there: sheets.join(", "),
            }
        })?,
    };
    match read_sheet(&mut workbook, chosen, mapping) {
        Ok(rows) => Ok((rows, sheets)),
        Err(ImportError::Header(mut begins)) => {
            begins.sheets = sheets;
            Err(ImportError::Header(begins))
        }
        Err(error) => Err(error),
    }
}

/// Unpacks everything once, and keeps nothing: what the file says of its sizes may be wrong.
fn check_size(bytes: &[u8]) -> Result<(), WorkbookError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > MAX_FILES {
        return Err(WorkbookError::TooLarge);
    }
    let mut room = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(damaged)?;
        let name = file.name().map_err(damaged)?.to_ascii_lowercase();
        let is_sheet = name.starts_with("xl/worksheets/");
        let most = if is_sheet {
            room
        } else {
            room.min(MAX_PART_BYTES)
        };
        let unpacked = std::io::copy(&mut file.take(most + 1), &mut std::io::sink());
        let unpacked = unpacked.map_err(damaged)?;
        if unpacked > most {
            return Err(WorkbookError::TooLarge);
        }
        room -= unpacked;
    }
    Ok(())
}

fn read_sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    sheet: &str,
    mapping: &Mapping,
) -> Result<Rows, ImportError> {
    let mut gatherer = Gatherer::new(mapping, Width::Any);
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(damaged)?;
    let mut row = 0;
    let mut cells: Vec<Cow<'_, str>> = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(damaged)? {
        let (at, column) = cell.get_position();
        if at >= MAX_ROWS {
            return Err(WorkbookError::TooLong.into());
        }
        if at != row {
            gatherer.push(u64::from(row) + 1, &cells)?;
            cells.clear();
            row = at;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column < MAX_CELLS {
            cells.resize(cells.len().max(column + 1), Cow::Borrowed(""));
            if let Some(place) = cells.get_mut(column) {
                *place = text(cell.get_value());
            }
        }
    }
    gatherer.push(u64::from(row) + 1, &cells)?;
    gatherer.finish()
}

/// What a person sees in a cell, as far as that can be told from its value.
fn text<'c>(value: &DataRef<'c>) -> Cow<'c, str> {
    match value {
        DataRef::SharedString(text) => Cow::Borrowed(*text),
        DataRef::Empty => Cow::Borrowed(""),
        // A code of digits is a number to a spreadsheet: 4 and not 4.0.
        DataRef::Float(number) => Cow::Owned(number.to_string()),
        DataRef::Int(_)
        | DataRef::String(_)
        | DataRef::Bool(_)
        | DataRef::DateTime(_)
        | DataRef::DateTimeIso(_)
        | DataRef::DurationIso(_)
        | DataRef::Error(_) => Cow::Owned(Data::from(value.clone()).to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by value")]
fn damaged(error: impl ToString) -> WorkbookError {
    WorkbookError::Damaged(error.to_string().chars().take(200).collect())
}

#[cfg(test)]
mod tests;
