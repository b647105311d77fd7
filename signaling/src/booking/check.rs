//! What a booking must be like, whoever makes it.

use super::details::{AgendaItem, Chair, Details};
use super::error::BookingError;
use super::{series, time};
use crate::text::{self, NO_CONTROLS};

/// Most characters of a title.
const MAX_TITLE_CHARS: usize = 200;

/// Most characters of a name or id.
const MAX_NAME_CHARS: usize = 100;

/// Most characters of a note.
const MAX_NOTE_CHARS: usize = 500;

/// How long a conference may take, in minutes.
const DURATION: std::ops::RangeInclusive<u32> = 5..=1_440;

/// How long before its beginning it may open, in minutes.
pub(super) const OPENING: std::ops::RangeInclusive<u32> = 0..=1_440;

/// How long an item of the agenda may take, in minutes.
const ITEM: std::ops::RangeInclusive<u32> = 1..=1_440;

/// Most items of an agenda, documents of an item, and operators. Higher: a booking takes more room, and
/// nobody reads it.
const MAX_ITEMS: usize = 100;
const MAX_DOCUMENTS: usize = 20;
const MAX_OPERATORS: usize = 50;

impl Details {
    /// Passes what can take place.
    pub(super) fn check(&self) -> Result<(), BookingError> {
        line("title", &self.title, MAX_TITLE_CHARS)?;
        range("durationMinutes", self.duration_minutes, &DURATION)?;
        range("opensMinutesBefore", self.opens_minutes_before, &OPENING)?;
        self.doors.check(self.opens_minutes_before)?;
        if let Some(chair) = &self.chair {
            check_chair(chair)?;
        }
        few("operators", self.operators.len(), MAX_OPERATORS)?;
        for operator in &self.operators {
            line("operators", operator, MAX_NAME_CHARS)?;
        }
        few("agenda", self.agenda.len(), MAX_ITEMS)?;
        self.agenda.iter().try_for_each(check_item)?;
        self.audience.check()?;
        series::days(
            self.starts_at_local,
            &time::zone(&self.zone)?,
            self.rule.as_deref(),
        )?;
        Ok(())
    }
}

fn check_chair(chair: &Chair) -> Result<(), BookingError> {
    let said = [&chair.account, &chair.name];
    if said.iter().all(|text| text.is_none()) {
        return Err(BookingError::invalid(
            "chair is nobody: say its account or its name",
        ));
    }
    let mut said = said.into_iter().flatten();
    said.try_for_each(|text| line("chair", text, MAX_NAME_CHARS))
}

fn check_item(item: &AgendaItem) -> Result<(), BookingError> {
    line("agenda title", &item.title, MAX_TITLE_CHARS)?;
    range("agenda minutes", item.minutes, &ITEM)?;
    few("agenda documents", item.documents.len(), MAX_DOCUMENTS)?;
    for document in &item.documents {
        line("agenda document name", &document.name, MAX_TITLE_CHARS)?;
        if let Some(note) = &document.note {
            line("agenda document note", note, MAX_NOTE_CHARS)?;
        }
    }
    Ok(())
}

/// Passes a text that is one line.
pub(super) fn line(field: &str, text: &str, most: usize) -> Result<(), BookingError> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > most || text.contains(text::misleads) {
        let shown: String = text.chars().take(64).collect();
        return Err(BookingError::invalid(format!(
            "{field} is {shown:?}, must have 1 to {most} characters on one line, {NO_CONTROLS}"
        )));
    }
    Ok(())
}

/// Passes a title of a conference.
pub(super) fn title(text: &str) -> Result<(), BookingError> {
    line("title", text, MAX_TITLE_CHARS)
}

/// Passes a duration.
pub(super) fn duration(minutes: u32) -> Result<(), BookingError> {
    range("durationMinutes", minutes, &DURATION)
}

pub(super) fn range(
    field: &str,
    number: u32,
    range: &std::ops::RangeInclusive<u32>,
) -> Result<(), BookingError> {
    if range.contains(&number) {
        return Ok(());
    }
    let (first, last) = (range.start(), range.end());
    Err(BookingError::invalid(format!(
        "{field} is {number}, must be {first} to {last}"
    )))
}

/// Passes a list that is not too long.
pub(super) fn few(field: &str, count: usize, most: usize) -> Result<(), BookingError> {
    if count <= most {
        return Ok(());
    }
    Err(BookingError::invalid(format!(
        "{field} has {count} entries, may have {most}"
    )))
}
