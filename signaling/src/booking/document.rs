//! Bookings as JSON, for other systems: a document that says what it is and in which version.
//!
//! Each entry says all that is said of a booking, as `POST /bookings` does, with its id, its exceptions and
//! whether it is published. What is left out of one is as there. Whatever is wrong is told of each entry,
//! with its field.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::details::Details;
use super::error::BookingError;
use super::exception::{DatedException, Exception};
use super::lifecycle::{Booking, BookingState};
use crate::ids::BookingId;

/// What a document of bookings says that it is.
pub const FORMAT: &str = "dinh.bookings";

/// The version that is written, and read.
pub const VERSION: u64 = 1;

/// Most bookings of a document. Higher: an import holds others up for longer.
pub const MAX_BOOKINGS: usize = 5_000;

/// Most characters of what is told of a mistake.
const MAX_COMPLAINT_CHARS: usize = 300;

/// Ids that would be other addresses.
const TAKEN: [&str; 2] = ["import", "export"];

/// A document that is not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// No JSON, or JSON of another shape.
    #[error("this is no JSON document of bookings: {0}")]
    Unreadable(String),
    /// It is of something else.
    #[error("the document says that its format is {0:?}: bookings come as {FORMAT:?}")]
    Format(String),
    /// It is of another time.
    #[error("the document is of version {0}: version {VERSION} is read here")]
    Version(u64),
    /// There are none in it, or too many.
    #[error("the document has {0} bookings: 1 to {MAX_BOOKINGS} are read at once")]
    Number(usize),
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryError {
    /// Which one of the document, from 1.
    pub entry: u32,
    /// Its id, if that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<BookingId>,
    /// Which of its fields, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

/// Whether somebody is told of a booking.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Nobody is.
    #[default]
    Draft,
    /// It takes place.
    Published,
}

/// A booking of a document.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = BookingsDocumentEntry)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its id, here and where it comes from: one of the same id is changed. Its conferences have it too.
    pub id: BookingId,
    /// A draft if left out. What is published does not become a draft again.
    pub state: EntryState,
    /// What is another on single days of its series, by day.
    #[schema(max_items = 500)]
    pub exceptions: Vec<DatedException>,
    /// What is said of it.
    #[serde(flatten)]
    pub details: Details,
}

/// Bookings as a document: what is planned, without what is over or cancelled.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingsDocument {
    /// What it is: `dinh.bookings`.
    #[schema(value_type = String, example = "dinh.bookings", pattern = "^dinh\\.bookings$")]
    pub format: &'static str,
    /// Which version of it.
    #[schema(example = 1, minimum = 1, maximum = 1)]
    pub version: u64,
    /// The bookings.
    #[schema(min_items = 1, max_items = 5000)]
    pub bookings: Vec<Entry>,
}

/// What was read of a document: each entry with its place from 1, and what is wrong with others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Read {
    /// Those that can be read.
    pub entries: Vec<(u32, Entry)>,
    /// What is wrong with others.
    pub errors: Vec<EntryError>,
}

impl BookingsDocument {
    /// Of these entries.
    #[must_use]
    pub const fn of(bookings: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            version: VERSION,
            bookings,
        }
    }
}

impl Entry {
    /// What a document says of a booking; `None` of one that is cancelled.
    #[must_use]
    pub fn of(booking: &Booking) -> Option<Self> {
        let exceptions = booking.exceptions.iter();
        let exceptions = exceptions.map(|(date, exception)| DatedException {
            date: *date,
            exception: exception.clone(),
        });
        Some(Self {
            id: booking.id.clone(),
            state: match booking.state {
                BookingState::Draft => EntryState::Draft,
                BookingState::Published => EntryState::Published,
                BookingState::Cancelled => return None,
            },
            exceptions: exceptions.collect(),
            details: booking.details.clone(),
        })
    }

    /// The exceptions by day.
    ///
    /// # Errors
    /// When one changes nothing, is said twice, or is of a day that the series does not have.
    pub(super) fn dated(&self) -> Result<BTreeMap<Date, Exception>, BookingError> {
        let wrong = |why: String| BookingError::Invalid(format!("exceptions {why}"));
        if !self.exceptions.is_empty() && self.details.rule.is_none() {
            return Err(wrong("are of a series, and it takes place once".to_owned()));
        }
        let days: BTreeSet<_> = self.details.days()?.into_iter().collect();
        let mut dated = BTreeMap::new();
        for DatedException { date, exception } in &self.exceptions {
            let checked = exception.check();
            checked.map_err(|error| wrong(format!("of {date}: {error}")))?;
            if !days.contains(date) {
                return Err(wrong(format!("name {date}: the series has no such day")));
            }
            if dated.insert(*date, exception.clone()).is_some() {
                return Err(wrong(format!("name {date} twice")));
            }
        }
        Ok(dated)
    }

    /// What of a booking as it is known would become another, by the names of the fields.
    #[must_use]
    pub fn differs_in(&self, known: &Self) -> Vec<String> {
        let fields = |entry: &Self| match serde_json::to_value(entry) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let (new, old) = (fields(self), fields(known));
        let names: BTreeSet<_> = new.keys().chain(old.keys()).collect();
        let differs = |name: &&String| new.get(*name) != old.get(*name);
        names.into_iter().filter(differs).cloned().collect()
    }
}

/// Reads a document.
///
/// # Errors
/// When it is none, or of another format or version; what is wrong with single entries is told of each.
pub fn read(bytes: &[u8]) -> Result<Read, DocumentError> {
    #[derive(Deserialize)]
    struct Document {
        format: String,
        version: u64,
        bookings: Vec<Value>,
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let document = serde_json::from_slice::<crate::object::Object<Document>>(text);
    let crate::object::Object(document) =
        document.map_err(|error| DocumentError::Unreadable(error.to_string()))?;
    if document.format != FORMAT {
        let format = document.format.chars().take(64).collect();
        return Err(DocumentError::Format(format));
    }
    if document.version != VERSION {
        return Err(DocumentError::Version(document.version));
    }
    let count = document.bookings.len();
    if !(1..=MAX_BOOKINGS).contains(&count) {
        return Err(DocumentError::Number(count));
    }
    let mut read = Read::default();
    let mut known = BTreeMap::new();
    for (entry, value) in (1..).zip(document.bookings) {
        match one(entry, value) {
            Ok(said) => match known.insert(said.id.clone(), entry) {
                Some(before) => read.errors.push(EntryError {
                    entry,
                    id: Some(said.id),
                    field: Some("id".to_owned()),
                    message: format!("id is that of entry {before} too: each booking is said once"),
                }),
                None => read.entries.push((entry, said)),
            },
            Err(error) => read.errors.push(error),
        }
    }
    Ok(read)
}

fn one(entry: u32, value: Value) -> Result<Entry, EntryError> {
    let mut error = EntryError {
        entry,
        id: None,
        field: None,
        message: String::new(),
    };
    let Value::Object(mut fields) = value else {
        error.message =
            "a booking is an object with `id`, `title` and what else is said of it".to_owned();
        return Err(error);
    };
    let wrong = |error: &EntryError, (field, message): (Option<String>, String)| EntryError {
        field,
        message,
        ..error.clone()
    };
    let id: BookingId = part(&mut fields, "id", None).map_err(|why| wrong(&error, why))?;
    error.id = Some(id.clone());
    if TAKEN.contains(&id.as_str()) {
        let why = format!(
            "id is {id:?}, which is the address of something else",
            id = id.as_str()
        );
        return Err(wrong(&error, (Some("id".to_owned()), why)));
    }
    let state = part(&mut fields, "state", Some(EntryState::default()));
    let state = state.map_err(|why| wrong(&error, why))?;
    let exceptions = part(&mut fields, "exceptions", Some(Vec::new()));
    let exceptions = exceptions.map_err(|why| wrong(&error, why))?;
    let details = typed(Value::Object(fields)).map_err(|why| wrong(&error, why))?;
    let said = Entry {
        id,
        state,
        exceptions,
        details,
    };
    let checked = said.details.check().and_then(|()| said.dated().map(drop));
    match checked {
        Ok(()) => Ok(said),
        Err(cause) => Err(of_booking(entry, &said.id, &cause)),
    }
}

/// What is wrong with an entry that can be read.
#[must_use]
pub fn of_booking(entry: u32, id: &BookingId, error: &BookingError) -> EntryError {
    EntryError {
        entry,
        id: Some(id.clone()),
        field: error.field(),
        message: error.to_string(),
    }
}

/// Takes one field out of an object.
fn part<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
    usual: Option<T>,
) -> Result<T, (Option<String>, String)> {
    match (fields.remove(name), usual) {
        (Some(value), _) => typed(value).map_err(|(inner, message)| {
            let field = inner.map_or_else(
                || name.to_owned(),
                |inner| format!("{name}{}", below(&inner)),
            );
            (Some(field), message)
        }),
        (None, Some(usual)) => Ok(usual),
        (None, None) => Err((Some(name.to_owned()), format!("missing field `{name}`"))),
    }
}

fn below(inner: &str) -> String {
    if inner.starts_with('[') {
        inner.to_owned()
    } else {
        format!(".{inner}")
    }
}

/// Reads a value; otherwise the field that is wrong, and why.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T, (Option<String>, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let message: String = error.inner().to_string();
        let message: String = message.chars().take(MAX_COMPLAINT_CHARS).collect();
        let path = error.path().to_string();
        // What is missing, or not known, is named by the complaint alone.
        let named = || message.split('`').nth(1).map(str::to_owned);
        let is_about_the_whole =
            message.starts_with("missing field") || message.starts_with("unknown field");
        let field = match path.as_str() {
            "." | "?" => named().filter(|_| is_about_the_whole),
            path if message.starts_with("missing field") => {
                named().map(|name| format!("{path}.{name}"))
            }
            path => Some(path.to_owned()),
        };
        (field, message)
    })
}
