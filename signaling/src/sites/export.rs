//! The directory as a file that a spreadsheet opens, and that is read again without a change.

use std::borrow::Cow;

use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde::{Deserialize, Serialize};

use super::Site;
use super::column::Column;
use super::document::SitesDocument;

/// What Excel knows UTF-8 by.
const MARK: &str = "\u{feff}";

/// What the sheet is called.
const SHEET: &str = "sites";

/// A kind of file.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Text with commas, in UTF-8 with a mark.
    #[default]
    Csv,
    /// A workbook.
    Xlsx,
    /// A document, for other systems.
    Json,
}

/// A file that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As a workbook.
    #[error("the workbook could not be made: {0}")]
    Workbook(#[from] XlsxError),
    /// As a document.
    #[error("the document could not be made: {0}")]
    Document(#[from] serde_json::Error),
}

/// The sites as a file.
///
/// # Errors
/// When a workbook cannot hold them.
pub fn export(sites: &[Site], format: FileFormat) -> Result<Vec<u8>, ExportError> {
    match format {
        FileFormat::Csv => Ok(csv(sites)),
        FileFormat::Xlsx => Ok(workbook(sites)?),
        FileFormat::Json => Ok(serde_json::to_vec_pretty(&SitesDocument::of(sites))?),
    }
}

fn csv(sites: &[Site]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(MARK.as_bytes().to_vec());
    let header = Column::ALL.iter().map(|column| column.as_str());
    let written = writer.write_record(header).and_then(|()| {
        sites.iter().try_for_each(|site| {
            let fields = Column::ALL.iter().map(|column| site.field(*column));
            writer.write_record(fields.map(|field| guarded(&field).into_owned()))
        })
    });
    written.expect("memory takes what is written, and each record has as many fields");
    writer.into_inner().expect("memory takes what is written")
}

fn workbook(sites: &[Site]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // Codes are text: a spreadsheet that takes them for numbers cuts their zeros.
    let text = Format::new().set_num_format("@");
    let bold = Format::new().set_bold();
    let sheet = workbook.add_worksheet().set_name(SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(Column::ALL) {
        sheet.set_column_format(at, &text)?;
        sheet.set_column_width(at, 20)?;
        sheet.write_string_with_format(0, at, column.as_str(), &bold)?;
    }
    for (row, site) in (1..).zip(sites) {
        for (at, column) in (0..).zip(Column::ALL) {
            let field = site.field(*column);
            if !field.is_empty() {
                sheet.write_string_with_format(row, at, field, &text)?;
            }
        }
    }
    workbook.save_to_buffer()
}

/// What a spreadsheet would compute begins with one of these.
const COMPUTED: [char; 4] = ['=', '+', '-', '@'];

/// A field of a text that a spreadsheet shows and does not compute. One that looks guarded already
/// is guarded once more, so that [`unguarded`] gives back what was.
fn guarded(field: &str) -> Cow<'_, str> {
    if field.trim_start_matches('\'').starts_with(COMPUTED) {
        return Cow::Owned(format!("'{field}"));
    }
    Cow::Borrowed(field)
}

/// A field as it was before it was guarded.
pub(super) fn unguarded(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(COMPUTED) => rest,
        _ => field,
    }
}

#[cfg(test)]
mod tests;
