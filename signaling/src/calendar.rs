//! Entries for people's calendars (iCalendar, RFC 5545): what a site is invited to.
//!
//! Text comes out of here and nothing goes in but values: no clock, no store. The crate escapes and folds;
//! zones are written here, because a series of times in a zone means nothing without the zone's rules.

mod fold;
mod zone;

use icalendar::{Calendar, Component as _, Event, Property};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// What a calendar is to do (RFC 5546).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Show it: it is subscribed to.
    Publish,
    /// Put it in, or in the place of an older version of it.
    Request,
    /// Strike it out.
    Cancel,
}

/// One thing that takes place: once, or again and again.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The same for all versions of the same thing.
    pub uid: String,
    /// Higher with each version that people were told.
    pub sequence: u32,
    /// When this version was made.
    pub stamp: Timestamp,
    /// What it is called.
    pub title: String,
    /// What there is to know.
    pub description: String,
    /// Where it is.
    pub location: String,
    /// What to open.
    pub url: String,
    /// When it begins, in its zone; of a series, the first time.
    pub starts_at: DateTime,
    /// The zone.
    pub zone: TimeZone,
    /// How long it takes.
    pub minutes: u32,
    /// Who invites: name and address of mail.
    pub organiser: Option<(String, String)>,
    /// Who is invited: name and address of mail.
    pub attendee: Option<(String, String)>,
    /// How it comes again: the text of an RRULE.
    pub rule: Option<String>,
    /// Times of the series at which it does not take place.
    pub left_out: Vec<DateTime>,
    /// Times of the series that are others.
    pub moved: Vec<Moved>,
    /// It does not take place.
    pub is_cancelled: bool,
}

/// One time of a series that is another.
#[derive(Clone, Debug)]
pub struct Moved {
    /// When it would have begun.
    pub instead_of: DateTime,
    /// When it begins.
    pub starts_at: DateTime,
    /// How long it takes.
    pub minutes: u32,
    /// What it is called.
    pub title: String,
}

/// Most characters of a text. Higher: a calendar holds more of an agenda, and a mail is larger.
const MAX_TEXT_CHARS: usize = 4_000;

/// How far beyond the first time of a series the rules of its zone are told, in years.
const YEARS_AHEAD: i64 = 3;

impl Method {
    /// As it stands in a calendar, and in the type of a part of a mail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "PUBLISH",
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        }
    }
}

/// A calendar with these entries. One that is subscribed to has a name.
#[must_use]
pub fn write(method: Method, name: Option<&str>, entries: &[Entry]) -> String {
    let mut calendar = Calendar::empty();
    for (key, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//Dinh//Dinh//VI"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", method.as_str()),
    ] {
        calendar.append_property((key, value));
    }
    if let Some(name) = name {
        // RFC 7986, and what was read before it.
        for key in ["NAME", "X-WR-CALNAME"] {
            calendar.append_property(Property::new(key, text(name)));
        }
        calendar.append_property(
            Property::new("REFRESH-INTERVAL", "PT1H")
                .add_parameter("VALUE", "DURATION")
                .done(),
        );
        calendar.append_property(("X-PUBLISHED-TTL", "PT1H"));
    }
    for entry in entries {
        calendar.push(event(entry, method));
        for moved in &entry.moved {
            calendar.push(exception(entry, moved, method));
        }
    }
    fold::fold(&with_zones(&calendar.to_string(), entries))
}

/// The rules of all zones, in front of what is in them. What people have written cannot be taken for that
/// place: an end of a line in it is escaped.
fn with_zones(written: &str, entries: &[Entry]) -> String {
    const FIRST: &str = "\r\nBEGIN:VEVENT\r\n";
    let Some((head, events)) = written.split_once(FIRST) else {
        return written.to_owned();
    };
    let mut zones: Vec<(TimeZone, Timestamp, Timestamp)> = Vec::new();
    for entry in entries {
        let (from, until) = spans(entry);
        match zones.iter_mut().find(|(zone, ..)| *zone == entry.zone) {
            Some((_, begin, end)) => {
                *begin = (*begin).min(from);
                *end = (*end).max(until);
            }
            None => zones.push((entry.zone.clone(), from, until)),
        }
    }
    let mut whole = head.to_owned();
    whole.push_str("\r\n");
    for (zone, from, until) in &zones {
        whole.push_str(&zone::rules(zone, *from, *until));
    }
    whole.push_str(FIRST.trim_start());
    whole.push_str(events);
    whole
}

/// From when to when the rules of its zone are needed.
fn spans(entry: &Entry) -> (Timestamp, Timestamp) {
    let begins = instant(entry.starts_at, &entry.zone);
    let moved = entry.moved.iter().map(|moved| moved.starts_at);
    let last = moved.fold(entry.starts_at, DateTime::max);
    let years = if entry.rule.is_some() { YEARS_AHEAD } else { 1 };
    let end = last.saturating_add(Span::new().years(years));
    (begins, instant(end, &entry.zone))
}

fn instant(at: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_zoned(at)
        .compatible()
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

fn event(entry: &Entry, method: Method) -> Event {
    let mut event = basis(entry, &entry.title, method);
    times(&mut event, entry, entry.starts_at, entry.minutes);
    if let Some(rule) = &entry.rule {
        event.add_property("RRULE", text(rule));
    }
    for left_out in &entry.left_out {
        event.append_multi_property(local("EXDATE", *left_out, &entry.zone));
    }
    event
}

fn exception(entry: &Entry, moved: &Moved, method: Method) -> Event {
    let mut event = basis(entry, &moved.title, method);
    event.append_property(local("RECURRENCE-ID", moved.instead_of, &entry.zone));
    times(&mut event, entry, moved.starts_at, moved.minutes);
    event
}

/// What all times of a series have in common.
fn basis(entry: &Entry, title: &str, method: Method) -> Event {
    let mut event = Event::new();
    let is_cancelled = entry.is_cancelled || method == Method::Cancel;
    event
        .uid(&entry.uid)
        .sequence(entry.sequence)
        .add_property("DTSTAMP", utc(entry.stamp))
        .add_property("LAST-MODIFIED", utc(entry.stamp))
        .summary(&text(title))
        .add_property(
            "STATUS",
            if is_cancelled {
                "CANCELLED"
            } else {
                "CONFIRMED"
            },
        );
    for (key, value) in [
        ("DESCRIPTION", &entry.description),
        ("LOCATION", &entry.location),
        ("URL", &entry.url),
    ] {
        if !value.is_empty() {
            event.add_property(key, text(value));
        }
    }
    if let Some((name, address)) = &entry.organiser {
        event.append_property(person("ORGANIZER", name, address).done());
    }
    if let Some((name, address)) = &entry.attendee {
        let mut attendee = person("ATTENDEE", name, address);
        attendee
            .add_parameter("CUTYPE", "GROUP")
            .add_parameter("ROLE", "REQ-PARTICIPANT")
            .add_parameter("PARTSTAT", "NEEDS-ACTION")
            .add_parameter("RSVP", "FALSE");
        event.append_multi_property(attendee.done());
    }
    event
}

fn times(event: &mut Event, entry: &Entry, starts_at: DateTime, minutes: u32) {
    event.append_property(local("DTSTART", starts_at, &entry.zone));
    event.add_property("DURATION", format!("PT{}M", minutes.max(1)));
}

/// A time in a zone. One that has no name is told by the world's clock.
fn local(key: &str, at: DateTime, zone: &TimeZone) -> Property {
    match zone::name(zone) {
        Some(name) => Property::new(key, civil(at))
            .add_parameter("TZID", name)
            .done(),
        None => Property::new(key, utc(instant(at, zone))),
    }
}

fn person(key: &str, name: &str, address: &str) -> Property {
    // RFC 5545 §3.2: a value of a parameter has no quotes, and RFC 6868 is not read everywhere.
    let name = text(name).replace('"', "'").replace('\n', " ");
    let mut person = Property::new(key, format!("mailto:{address}"));
    if !name.is_empty() {
        person.add_parameter("CN", &name);
    }
    person
}

fn civil(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A text without what no calendar may hold: control characters but the ends of lines.
fn text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = text
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control());
    kept.take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests;
