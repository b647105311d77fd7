//! What bookings come to: days in zones, exceptions, versions, audiences and conflicts.

mod audience;
mod conflicts;
mod document;
mod doors;
mod lifecycle;
mod series;

use jiff::Timestamp;
use jiff::civil::Date;

use super::*;
use crate::ids::BookingId;
use crate::sites::{Level, Site};

fn details(start: &str, zone: &str, rule: Option<&str>) -> Details {
    let json = serde_json::json!({
        "title": "Weekly", "startsAtLocal": start, "zone": zone, "durationMinutes": 90,
        "rule": rule, "hall": "VN", "audience": {"all": true},
    });
    serde_json::from_value(json).unwrap()
}

fn id(text: &str) -> BookingId {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn sites(codes: &[&str]) -> Audience {
    Audience::of(codes.iter().map(|code| code.parse().unwrap()))
}

/// Before everything in these stories.
fn early() -> Timestamp {
    at("2026-01-01T00:00:00Z")
}

fn draft(details: Details) -> Result<Update, BookingError> {
    Booking::draft(id("B"), details, &sites(&["01"]), ("anh", early()))
}

/// A booking and its days as they are kept.
struct Kept {
    booking: Booking,
    days: Vec<Occurrence>,
    now: Timestamp,
}

impl Kept {
    fn new(details: Details) -> Self {
        let update = draft(details).unwrap();
        Self {
            booking: update.booking,
            days: update.occurrences,
            now: early(),
        }
    }

    fn published(details: Details) -> Self {
        let mut kept = Self::new(details);
        kept.then(|booking, change| booking.publish(change, &sites(&["01"])))
            .unwrap();
        kept
    }

    fn then(
        &mut self,
        step: impl FnOnce(&Booking, Change<'_>) -> Result<Update, BookingError>,
    ) -> Result<(), BookingError> {
        let change = Change {
            version: self.booking.version,
            by: "anh",
            now: self.now,
            former: &self.days,
        };
        let update = step(&self.booking, change)?;
        self.days.retain(|day| day.state != OccurrenceState::Draft);
        for day in update.occurrences {
            self.days.retain(|known| known.conference != day.conference);
            self.days.push(day);
        }
        self.days.sort_by_key(|day| day.starts_at);
        self.booking = update.booking;
        Ok(())
    }

    /// Conference, beginning, state and notice of each day.
    fn told(&self) -> Vec<(String, String, OccurrenceState, u32)> {
        let told = |day: &Occurrence| {
            let starts_at = day.starts_at.to_string();
            (day.conference.to_string(), starts_at, day.state, day.notice)
        };
        self.days.iter().map(told).collect()
    }
}
