//! Reading a list of sites from CSV: all of it or nothing, with the line of every mistake.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use unicode_normalization::UnicodeNormalization as _;

use super::{Level, Site};
use crate::ids::SiteCode;

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
    /// It cannot be read.
    #[error("the list cannot be read: {0}")]
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

/// Reads a list. `known` is what is already stored: a parent may be there instead of in the list.
///
/// # Errors
/// When the header, or any line, is wrong.
pub fn read_csv(from: impl Read, known: &[Site]) -> Result<Vec<Site>, ImportError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(from);
    check_header(reader.headers()?)?;
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for record in reader.records() {
        let line = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::line);
        match record {
            Ok(record) => match parse_row(&record) {
                Ok(site) => rows.push((line(&record), site)),
                Err(problem) => errors.push(RowError {
                    line: line(&record),
                    problem,
                }),
            },
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => errors.push(row_error(&error)),
        }
        if rows.len() > MAX_SITES {
            let problem = format!("a list has at most {MAX_SITES} sites");
            errors.push(RowError { line: 0, problem });
        }
        if errors.len() > MAX_ERRORS {
            return Err(ImportError::Rows(errors));
        }
    }
    check_tree(&rows, known, &mut errors);
    match (errors.is_empty(), rows.is_empty()) {
        (false, _) => Err(ImportError::Rows(errors)),
        (true, true) => Err(ImportError::Empty),
        (true, false) => Ok(rows.into_iter().map(|(_, site)| site).collect()),
    }
}

/// Spreadsheets like to begin a file with a byte-order mark.
fn check_header(header: &csv::StringRecord) -> Result<(), ImportError> {
    let names: Vec<_> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim())
        .collect();
    if names == HEADER {
        Ok(())
    } else {
        Err(ImportError::Header(names.join(",")))
    }
}

fn row_error(error: &csv::Error) -> RowError {
    let line = error.position().map_or(0, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8: save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    RowError { line, problem }
}

fn parse_row(record: &csv::StringRecord) -> Result<Site, String> {
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
    if name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
        return Err(format!(
            "the name of {code} must be one line of {MAX_NAME_CHARS} characters"
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

/// Every code once; every parent one level above its child.
fn check_tree(rows: &[(u64, Site)], known: &[Site], errors: &mut Vec<RowError>) {
    let mut levels: HashMap<&SiteCode, Level> =
        known.iter().map(|site| (&site.code, site.level)).collect();
    let mut lines: HashMap<&SiteCode, u64> = HashMap::new();
    for (line, site) in rows {
        levels.insert(&site.code, site.level);
        if let Some(first) = lines.insert(&site.code, *line) {
            let problem = format!("the code {} is already on line {first}", site.code);
            errors.push(RowError {
                line: *line,
                problem,
            });
        }
    }
    for (line, site) in rows {
        if let Err(problem) = check_parent(site, &levels) {
            errors.push(RowError {
                line: *line,
                problem,
            });
        }
    }
    errors.sort_by_key(|error| error.line);
}

fn check_parent(site: &Site, levels: &HashMap<&SiteCode, Level>) -> Result<(), String> {
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
    match levels.get(parent) {
        None => Err(format!("there is no site {parent}, the parent of {code}")),
        Some(level) if *level != wanted => Err(format!(
            "{parent}, the parent of {code}, is a {} and should be a {}",
            level.as_str(),
            wanted.as_str()
        )),
        Some(_) => Ok(()),
    }
}
