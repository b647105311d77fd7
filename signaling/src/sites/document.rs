//! Lists as JSON, for other systems: a document that says what it is and in which version.
//!
//! Unlike in a table, each site says what it says: what is left out of one stays as it is known, and
//! `null` takes it away.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Site;
use super::column::{Column, Mapping};
use super::error::{ImportError, MAX_SITES};
use super::fold::key;
use super::header::{Header, MAX_CELLS};
use super::rows::{Row, Rows};

/// What a document of sites says that it is.
pub const FORMAT: &str = "dinh.sites";

/// The version that is written, and read.
pub const VERSION: u64 = 1;

/// A document that is not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// No JSON, or JSON of another shape.
    #[error("this is no JSON document of sites: {0}")]
    Unreadable(String),
    /// It is of something else.
    #[error("the document says that its format is {0:?}: sites come as {FORMAT:?}")]
    Format(String),
    /// It is of another time.
    #[error("the document is of version {0}: version {VERSION} is read here")]
    Version(u64),
}

/// The directory as a document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SitesDocument<'s> {
    /// What it is: `dinh.sites`.
    #[schema(example = "dinh.sites")]
    format: &'static str,
    /// Which version of it.
    #[schema(example = 1)]
    version: u64,
    /// The sites, each with all that can be said of one; `null` where nothing is known.
    #[schema(value_type = Vec<Site>)]
    sites: Vec<BTreeMap<&'static str, Cell<'s>>>,
}

impl<'s> SitesDocument<'s> {
    /// Of these sites.
    #[must_use]
    pub fn of(sites: &'s [Site]) -> Self {
        let whole = |site: &'s Site| {
            let cells = Column::ALL.iter();
            cells.map(|column| (name(*column), cell(site, *column)))
        };
        Self {
            format: FORMAT,
            version: VERSION,
            sites: sites.iter().map(|site| whole(site).collect()).collect(),
        }
    }
}

/// What a document calls a column: as the REST interface does.
const fn name(column: Column) -> &'static str {
    match column {
        Column::Code => "code",
        Column::Name => "name",
        Column::Level => "level",
        Column::ParentCode => "parentCode",
        Column::ContactName => "contactName",
        Column::ContactPhone => "contactPhone",
        Column::ContactEmail => "contactEmail",
        Column::Seats => "seats",
        Column::LineProfile => "lineProfile",
        Column::StandByDevice => "standByDevice",
        Column::Groups => "groups",
    }
}

/// What stands in a place.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Cell<'s> {
    Number(u64),
    Text(Cow<'s, str>),
    Texts(Vec<Cow<'s, str>>),
    Nothing(()),
}

fn cell(site: &Site, column: Column) -> Cell<'_> {
    let groups = || site.groups.iter().map(|name| name.as_str().into());
    match (column, site.seats) {
        (Column::Groups, _) => Cell::Texts(groups().collect()),
        (Column::Seats, Some(seats)) => Cell::Number(seats.into()),
        _ => match site.field(column) {
            text if text.is_empty() => Cell::Nothing(()),
            text => Cell::Text(text),
        },
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Texts(texts) => f.write_str(&texts.join("; ")),
            Self::Nothing(()) => Ok(()),
        }
    }
}

/// Whether these bytes are a document, and no table.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.trim_ascii_start().starts_with(b"{")
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Rows, ImportError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut gathered = Gathered::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = Document(&mut gathered).deserialize(&mut json);
    let head = read.and_then(|head| json.end().map(|()| head));
    if gathered.is_too_long {
        return Err(ImportError::TooMany);
    }
    let head = head.map_err(|error| DocumentError::Unreadable(error.to_string()))?;
    if head.format != FORMAT {
        let format = head.format.chars().take(64).collect();
        return Err(DocumentError::Format(format).into());
    }
    if head.version != VERSION {
        return Err(DocumentError::Version(head.version).into());
    }
    let Gathered { rows, names, .. } = gathered;
    if rows.is_empty() {
        return Err(ImportError::Empty);
    }
    // A site of which only the code is said is one of which nothing changes.
    let names: Vec<_> = ["code", "name"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let header = Header::find(&names, &Mapping::new())?.ok_or(ImportError::Empty)?;
    Ok(Rows {
        header,
        rows,
        findings: super::finding::Findings::default(),
    })
}

/// What a document says of itself.
struct Head {
    format: String,
    version: u64,
}

#[derive(Default)]
struct Gathered {
    rows: Vec<Row>,
    /// What is said of any site beside code and name.
    names: BTreeSet<String>,
    is_too_long: bool,
}

/// A whole document, whose sites are gathered as they come.
struct Document<'g>(&'g mut Gathered);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Head;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Head, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with \"format\", \"version\" and \"sites\"")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Head, M::Error> {
        let (mut format, mut version, mut has_sites) = (None, None, false);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "format" => format = Some(map.next_value()?),
                "version" => version = Some(map.next_value()?),
                "sites" if has_sites => return Err(M::Error::duplicate_field("sites")),
                "sites" => {
                    has_sites = true;
                    map.next_value_seed(Sites(&mut *self.0))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !has_sites {
            return Err(M::Error::missing_field("sites"));
        }
        Ok(Head {
            format: format.ok_or_else(|| M::Error::missing_field("format"))?,
            version: version.ok_or_else(|| M::Error::missing_field("version"))?,
        })
    }
}

struct Sites<'g>(&'g mut Gathered);

impl<'de> DeserializeSeed<'de> for Sites<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Sites<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sites")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element_seed(One(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

struct One<'g>(&'g mut Gathered);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a site: an object with \"code\" and what is known of it")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        if self.0.rows.len() == MAX_SITES {
            self.0.is_too_long = true;
            return Err(M::Error::custom("too many sites"));
        }
        let mut cells = BTreeMap::new();
        while let Some(said) = map.next_key::<Cow<'de, str>>()? {
            let wanted = key(&said);
            let column = Column::ALL.iter().find(|it| key(name(**it)) == wanted);
            if let Some(column) = column {
                let cell: Cell<'de> = map
                    .next_value()
                    .map_err(|_| M::Error::custom(Wrong(&said)))?;
                if cells.insert(*column, cell.to_string()).is_some() {
                    return Err(M::Error::custom(Twice(&said)));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            let is_common = matches!(column, Some(Column::Code | Column::Name));
            if !is_common && self.0.names.len() < MAX_CELLS - 2 {
                let called = column.map_or(said, |column| name(*column).into());
                self.0.names.insert(called.into_owned());
            }
        }
        let line = self.0.rows.len() as u64 + 1;
        // A site without a code is told as one whose code is empty.
        cells.entry(Column::Code).or_default();
        self.0.rows.push(Row::written(line, &cells));
        Ok(())
    }
}

struct Wrong<'n>(&'n str);

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.chars().take(64).collect::<String>();
        write!(
            f,
            "{name:?} is neither a text, a whole number, a list of texts nor null"
        )
    }
}

struct Twice<'n>(&'n str);

impl fmt::Display for Twice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.chars().take(64).collect::<String>();
        write!(f, "{name:?} is said twice of one site")
    }
}

#[cfg(test)]
mod tests;
