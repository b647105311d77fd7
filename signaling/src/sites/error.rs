//! Why a list is not imported. Nothing of it is.

use super::beginning::Beginning;
use super::document::DocumentError;
use super::finding::{Findings, Severity};
use super::text::EncodingError;
use super::workbook::WorkbookError;

/// Most sites of one list: every school of a large country. Higher: a wrong file takes more memory,
/// about 600 bytes a line.
pub const MAX_SITES: usize = 250_000;

/// Lines among which the one is looked for that names the columns: titles may stand above it.
pub(super) const HEADER_WITHIN: usize = 20;

/// Why a list is not imported.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// It is no text.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// It is no workbook that is read here.
    #[error(transparent)]
    Workbook(#[from] WorkbookError),
    /// It is no document that is read here.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// No line names the columns.
    #[error(
        "none of the first {HEADER_WITHIN} lines names the columns of a list of sites, which are \
         code and at least one of name, level, parent_code and others: say what this list calls \
         them; it begins with `{}`",
        .0.first()
    )]
    Header(Box<Beginning>),
    /// Two columns are called the same.
    #[error("two columns are called `{0}`: only one of them can be meant")]
    Twice(String),
    /// There are no sites in it.
    #[error("the list has no sites")]
    Empty,
    /// Some lines are wrong.
    #[error("{}", .0.told(Severity::Error))]
    Rows(Box<Findings>),
    /// Something looks wrong, and nobody has said that it is meant so.
    #[error("say that this is meant so (confirm), or mend it:\n{}", .0.told(Severity::Doubt))]
    Doubtful(Box<Findings>),
    /// More than [`MAX_SITES`].
    #[error(
        "a list has at most {MAX_SITES} sites: import it in parts, those above before those below"
    )]
    TooMany,
    /// The cells have too much text.
    #[error("the cells of the list have more text than {0} MiB: it is no list of sites")]
    TooLong(usize),
}
