//! Reading a list of sites from CSV: all of it or nothing, with the line of every mistake.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use super::columns::Columns;
use super::contacts::Contacts;
use super::mistakes::Mistakes;
use super::text::{EncodingError, decode};
use super::{Level, Site};
use crate::ids::SiteCode;
use crate::text::{self, NO_CONTROLS};

/// The columns that a list must have.
pub const HEADER: [&str; 4] = ["code", "name", "level", "parent_code"];

/// Most characters of a name.
pub const MAX_NAME_CHARS: usize = 200;

/// Most sites of one list: every school of a large country. Higher: a wrong file takes more memory,
/// about 300 bytes a line.
pub const MAX_SITES: usize = 250_000;

/// Why a list is not imported. Nothing of it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// It is no text.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The first line names other columns.
    #[error(
        "the first line must name each of the columns code, name, level and parent_code once, and \
         contact_name and contact_phone at most once, but it is `{0}`"
    )]
    Header(String),
    /// There are no sites in it.
    #[error("the list has no sites")]
    Empty,
    /// Some lines are wrong.
    #[error("{0}")]
    Rows(Mistakes),
    /// Codes have lost their leading zeros.
    #[error(
        "a spreadsheet has cut the leading zeros of the codes: make their column a text column, \
         and save the list again\n{0}"
    )]
    Zeros(Mistakes),
    /// More than [`MAX_SITES`].
    #[error(
        "a list has at most {MAX_SITES} sites: import it in parts, those above before those below"
    )]
    TooMany,
}

/// Reads a list. `known` is what is already stored: a parent may be there instead of in the list.
///
/// # Errors
/// When the header, or any line, is wrong.
pub fn read_csv(list: &[u8], known: &[Site]) -> Result<Vec<Site>, ImportError> {
    let rows = read_rows(list, known)?;
    Ok(rows.into_iter().map(|row| row.site).collect())
}

/// A site and the line where its record begins.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) site: Site,
}

/// As [`read_csv`], with the lines.
pub(super) fn read_rows(list: &[u8], known: &[Site]) -> Result<Vec<Row>, ImportError> {
    let text = decode(list)?;
    let columns = Columns::find(&text)?;
    let lines = Lines::of(&text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(columns.delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut mistakes = Mistakes::default();
    let kept = Contacts::of(known);
    for record in reader.records() {
        let (at, site) = match record {
            Ok(record) => {
                let at = record.position().map_or(0, csv::Position::byte);
                let site = columns.of(&record).and_then(parse_site);
                let contact = columns.contact_of(&record);
                (at, site.and_then(|site| kept.with(site, contact)))
            }
            Err(error) => {
                let at = error.position().map_or(0, csv::Position::byte);
                (at, Err(error.to_string()))
            }
        };
        let line = lines.at(at);
        match site {
            Ok(site) => rows.push(Row { line, site }),
            Err(problem) => mistakes.add(line, || problem),
        }
        if rows.len() > MAX_SITES {
            return Err(ImportError::TooMany);
        }
    }
    check_tree(&rows, known, &mut mistakes);
    match (mistakes.is_empty(), rows.is_empty()) {
        (false, _) => Err(ImportError::Rows(mistakes)),
        (true, true) => Err(ImportError::Empty),
        (true, false) => Ok(rows),
    }
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

fn parse_site([code, name, level, parent]: [&str; HEADER.len()]) -> Result<Site, String> {
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
        contact_name: None,
        contact_phone: None,
    })
}

/// Every code once; every parent one level above its child, also of sites that are only stored.
fn check_tree(rows: &[Row], known: &[Site], mistakes: &mut Mistakes) {
    let mut sites: HashMap<&SiteCode, &Site> =
        known.iter().map(|site| (&site.code, site)).collect();
    let mut lines: HashMap<&SiteCode, u64> = HashMap::with_capacity(rows.len());
    for Row { line, site } in rows {
        sites.insert(&site.code, site);
        if let Some(first) = lines.insert(&site.code, *line) {
            mistakes.add(*line, || {
                format!("the code {} is already on line {first}", site.code)
            });
        }
    }
    check_centre(rows, &sites, mistakes);
    for site in sites.values() {
        let Err(problem) = check_parent(site, &sites) else {
            continue;
        };
        // Of a site that is only stored, the line that changes its parent is to blame.
        let parent = site.parent_code.as_ref();
        let blamed = [Some(&site.code), parent]
            .into_iter()
            .flatten()
            .find_map(|code| lines.get(code));
        mistakes.add(blamed.copied().unwrap_or(1), || problem);
    }
}

/// One centre is above all. One that is only stored, and that nothing is below any more, has made
/// room for another.
fn check_centre(rows: &[Row], sites: &HashMap<&SiteCode, &Site>, mistakes: &mut Mistakes) {
    let listed = rows.iter().filter(|row| row.site.level == Level::Central);
    let listed: Vec<_> = listed.collect();
    let is_listed = |code: &SiteCode| listed.iter().any(|row| row.site.code == *code);
    let stored = sites
        .values()
        .filter_map(|site| site.parent_code.as_ref())
        .find(|above| {
            let above = sites.get(above);
            above.is_some_and(|above| above.level == Level::Central && !is_listed(&above.code))
        });
    let first = stored.or_else(|| listed.first().map(|row| &row.site.code));
    for Row { line, site } in listed.iter().filter(|row| Some(&row.site.code) != first) {
        mistakes.add(*line, || {
            let code = &site.code;
            let first = first.map(ToString::to_string).unwrap_or_default();
            format!(
                "{code} cannot be central, for {first} is, and one centre is above all: make {code} \
                 a province below it"
            )
        });
    }
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
