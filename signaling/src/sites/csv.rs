//! Reading a list of sites from CSV: all of it or nothing, with the line of every mistake.

use std::collections::HashMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::{Level, Site};
use crate::ids::SiteCode;
use crate::text::{self, NO_CONTROLS};

/// The header that a list must have.
pub const HEADER: [&str; 4] = ["code", "name", "level", "parent_code"];

/// Most characters of a name.
pub const MAX_NAME_CHARS: usize = 200;

/// Most mistakes that are told at once: enough to see a pattern, few enough to read.
pub const MAX_ERRORS: usize = 20;

/// Most sites of one list, so that a wrong file cannot fill the memory.
pub const MAX_SITES: usize = 100_000;

/// Why a list is not imported. Nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The first line is another one.
    #[error("the first line must be `code,name,level,parent_code`, but it is `{0}`")]
    Header(String),
    /// There are no sites in it.
    #[error("the list has no sites")]
    Empty,
    /// Some lines are wrong.
    #[error("{}", display(.0))]
    Rows(Vec<RowError>),
    /// More than [`MAX_SITES`].
    #[error("a list has at most {MAX_SITES} sites")]
    TooMany,
    /// Its first line cannot be read.
    #[error("the first line cannot be read: {0}")]
    Read(#[from] csv::Error),
}

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
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

fn display(rows: &[RowError]) -> String {
    let mut lines: Vec<_> = rows
        .iter()
        .take(MAX_ERRORS)
        .map(ToString::to_string)
        .collect();
    if rows.len() > MAX_ERRORS {
        lines.push("and more".to_owned());
    }
    lines.join("\n")
}

/// Spreadsheets like to begin a file with one.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a list. `known` is what is already stored: a parent may be there instead of in the list.
///
/// # Errors
/// When the header, or any line, is wrong.
pub fn read_csv(text: &[u8], known: &[Site]) -> Result<Vec<Site>, ImportError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    check_header(reader.headers()?)?;
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for record in reader.records() {
        match parse_record(text, record) {
            Ok(row) => rows.push(row),
            Err(error) => errors.push(error),
        }
        if rows.len() > MAX_SITES {
            return Err(ImportError::TooMany);
        }
        if errors.len() > MAX_ERRORS {
            return Err(ImportError::Rows(errors));
        }
    }
    check_tree(text, &rows, known, &mut errors);
    match (errors.is_empty(), rows.is_empty()) {
        (false, _) => Err(ImportError::Rows(errors)),
        (true, true) => Err(ImportError::Empty),
        (true, false) => Ok(rows.into_iter().map(|row| row.site).collect()),
    }
}

/// A site and where its record begins, in bytes from the beginning of the text.
struct Row {
    offset: u64,
    site: Site,
}

fn parse_record(
    text: &[u8],
    record: Result<csv::StringRecord, csv::Error>,
) -> Result<Row, RowError> {
    let record = record.map_err(|error| row_error(text, &error))?;
    let offset = record.position().map_or(0, csv::Position::byte);
    let site = parse_site(&record);
    site.map(|site| Row { offset, site })
        .map_err(|problem| RowError {
            line: line_at(text, offset),
            problem,
        })
}

/// The line, from 1, of the record that begins at `offset` or after the empty lines there, which
/// the reader skips without a word.
fn line_at(text: &[u8], offset: u64) -> u64 {
    let (before, from) = usize::try_from(offset)
        .ok()
        .and_then(|offset| text.split_at_checked(offset))
        .unwrap_or((text, &[]));
    let empty = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let breaks = before
        .iter()
        .chain(empty)
        .filter(|byte| **byte == b'\n')
        .count();
    1 + breaks as u64
}

fn check_header(header: &csv::StringRecord) -> Result<(), ImportError> {
    let names: Vec<_> = header.iter().map(str::trim).collect();
    if names == HEADER {
        Ok(())
    } else {
        Err(ImportError::Header(names.join(",")))
    }
}

fn row_error(text: &[u8], error: &csv::Error) -> RowError {
    let line = line_at(text, error.position().map_or(0, csv::Position::byte));
    let problem = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8: save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    RowError { line, problem }
}

fn parse_site(record: &csv::StringRecord) -> Result<Site, String> {
    let fields: Vec<_> = record.iter().map(str::trim).collect();
    let [code, name, level, parent] = fields[..] else {
        return Err(format!(
            "{} fields instead of {}",
            fields.len(),
            HEADER.len()
        ));
    };
    let code: SiteCode = code.parse().map_err(|error| format!("{error}"))?;
    let level: Level = level.parse().map_err(|error| format!("{error}"))?;
    if name.is_empty() {
        return Err(format!("the site {code} has no name"));
    }
    if name.chars().count() > MAX_NAME_CHARS || name.contains(text::misleads) {
        return Err(format!(
            "the name of {code} must be one line of {MAX_NAME_CHARS} characters, {NO_CONTROLS}"
        ));
    }
    let parent_code = match parent {
        "" => None,
        parent => Some(
            parent
                .parse::<SiteCode>()
                .map_err(|error| format!("{error}"))?,
        ),
    };
    Ok(Site {
        code,
        name: name.nfc().collect(),
        level,
        parent_code,
    })
}

/// Every code once; every parent one level above its child, also of sites that are only stored.
fn check_tree(text: &[u8], rows: &[Row], known: &[Site], errors: &mut Vec<RowError>) {
    let mut sites: HashMap<&SiteCode, &Site> =
        known.iter().map(|site| (&site.code, site)).collect();
    let mut offsets: HashMap<&SiteCode, u64> = HashMap::new();
    let mut wrong = |offset, problem| {
        errors.push(RowError {
            line: line_at(text, offset),
            problem,
        });
    };
    for Row { offset, site } in rows {
        sites.insert(&site.code, site);
        if let Some(first) = offsets.insert(&site.code, *offset) {
            let line = line_at(text, first);
            wrong(
                *offset,
                format!("the code {} is already on line {line}", site.code),
            );
        }
    }
    for site in sites.values() {
        let Err(problem) = check_parent(site, &sites) else {
            continue;
        };
        // Of a site that is only stored, the line that changes its parent is to blame.
        let parent = site.parent_code.as_ref();
        let blamed = [Some(&site.code), parent]
            .into_iter()
            .flatten()
            .find_map(|c| offsets.get(c));
        wrong(blamed.copied().unwrap_or(0), problem);
    }
    errors.sort_by(|a, b| (a.line, &a.problem).cmp(&(b.line, &b.problem)));
}

fn check_parent(site: &Site, sites: &HashMap<&SiteCode, &Site>) -> Result<(), String> {
    let code = &site.code;
    let wanted = match site.level {
        Level::Central => {
            return site.parent_code.as_ref().map_or(Ok(()), |parent| {
                Err(format!("{code} is the centre and cannot be below {parent}"))
            });
        }
        Level::Province => Level::Central,
        Level::Commune => Level::Province,
    };
    let Some(parent) = &site.parent_code else {
        return Err(format!(
            "{code} is a {} and needs a parent_code",
            site.level.as_str()
        ));
    };
    match sites.get(parent).map(|parent| parent.level) {
        None => Err(format!("there is no site {parent}, the parent of {code}")),
        Some(level) if level != wanted => Err(format!(
            "{parent}, the parent of {code}, is a {} and should be a {}",
            level.as_str(),
            wanted.as_str()
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
