//! On which days a series takes place. The one place that knows the crate which reads RFC 5545's rules.
//!
//! A rule speaks of local days, so it is followed by a calendar without zones: what the days' hours are
//! in a zone whose clocks are put forward and back is said in `time`, as for every local time.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rrule::RRuleSet;

use super::error::BookingError;

/// Most days of a series. Higher: a change of a series writes more rows at once.
pub const MAX_OCCURRENCES: u16 = 500;

/// How many years a series may span.
const MAX_YEARS: i64 = 10;

/// Most characters of a rule.
const MAX_CHARS: usize = 300;

/// Parts of a rule that would have it take place more than once a day.
const BELOW_DAYS: [&str; 3] = ["BYHOUR", "BYMINUTE", "BYSECOND"];

/// How often a rule may go on: by days and more.
const FREQUENCIES: [&str; 4] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

/// A day and hour as rules write it.
const WRITTEN: &str = "%Y%m%dT%H%M%S";

/// The days of a series that begins at `start`, or the one day.
pub(super) fn days(
    start: DateTime,
    zone: &TimeZone,
    rule: Option<&str>,
) -> Result<Vec<Date>, BookingError> {
    let Some(rule) = rule else {
        return Ok(vec![start.date()]);
    };
    let set = without_zone(start, zone, rule)?;
    let found = set.all(MAX_OCCURRENCES + 1).dates;
    let days: Vec<_> = found
        .iter()
        .filter_map(|day| Timestamp::from_second(day.timestamp()).ok())
        .map(|day| TimeZone::UTC.to_datetime(day).date())
        .collect();
    check(&days, start.date(), rule)?;
    Ok(days)
}

fn check(days: &[Date], start: Date, rule: &str) -> Result<(), BookingError> {
    let wrong = |why: String| Err(BookingError::invalid(format!("rule {rule:?} {why}")));
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return wrong("names no day".to_owned());
    };
    if *first != start {
        return wrong(format!(
            "does not name {start}, on which the series begins: its first day is {first}"
        ));
    }
    if days.len() > usize::from(MAX_OCCURRENCES) {
        return wrong(format!(
            "names more than {MAX_OCCURRENCES} days: end it sooner"
        ));
    }
    let latest = start.saturating_add(MAX_YEARS.years());
    if *last > latest {
        return wrong(format!("goes on until {last}, may do so until {latest}"));
    }
    Ok(())
}

/// The rule with its beginning and end as if they were in UTC, where every day has 24 hours.
fn without_zone(start: DateTime, zone: &TimeZone, rule: &str) -> Result<RRuleSet, BookingError> {
    let wrong = |why: &str| {
        let rule: String = rule.chars().take(64).collect();
        BookingError::invalid(format!("rule {rule:?} {why}"))
    };
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || "=;,+-".contains(letter);
    if rule.chars().count() > MAX_CHARS || !rule.chars().all(is_known) {
        return Err(wrong(
            "is no recurrence rule, as FREQ=WEEKLY;BYDAY=MO;COUNT=52",
        ));
    }
    let mut parts = Vec::new();
    let (mut has_end, mut has_frequency) = (false, false);
    for part in rule.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(|| wrong("lacks a value"))?;
        let name = name.to_ascii_uppercase();
        let mut value = value.to_ascii_uppercase();
        if BELOW_DAYS.contains(&name.as_str()) {
            return Err(wrong(
                "says hours: a series takes place once a day, at the hour of its first",
            ));
        }
        match name.as_str() {
            "FREQ" => has_frequency = FREQUENCIES.contains(&value.as_str()),
            "COUNT" | "UNTIL" if has_end => return Err(wrong("has two ends: keep COUNT or UNTIL")),
            "COUNT" => has_end = true,
            "UNTIL" => {
                has_end = true;
                let until = until(&value, zone)
                    .ok_or_else(|| wrong("ends at no day: write UNTIL=20261231"))?;
                if until < start {
                    return Err(wrong("ends before it begins"));
                }
                value = format!("{}Z", until.strftime(WRITTEN));
            }
            _ => {}
        }
        parts.push(format!("{name}={value}"));
    }
    if !has_frequency {
        return Err(wrong("needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"));
    }
    if !has_end {
        return Err(wrong("has no end: add COUNT or UNTIL"));
    }
    let text = format!(
        "DTSTART:{}Z\nRRULE:{}",
        start.strftime(WRITTEN),
        parts.join(";")
    );
    text.parse()
        .map_err(|error: rrule::RRuleError| wrong(&format!("cannot be read: {error}")))
}

/// Until when a rule goes on, by the clocks of the zone. A day counts to its end.
fn until(value: &str, zone: &TimeZone) -> Option<DateTime> {
    if let Some(value) = value.strip_suffix('Z') {
        let until = DateTime::strptime(WRITTEN, value).ok()?;
        let moment = TimeZone::UTC.to_timestamp(until).ok()?;
        return Some(zone.to_datetime(moment));
    }
    match DateTime::strptime(WRITTEN, value) {
        Ok(until) => Some(until),
        Err(_) => Some(Date::strptime("%Y%m%d", value).ok()?.at(23, 59, 59, 0)),
    }
}
