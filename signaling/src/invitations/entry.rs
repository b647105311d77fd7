//! What a site is invited to as an entry of a calendar: the whole series with its exceptions.

use jiff::tz::TimeZone;

use crate::booking::{Booking, BookingState};
use crate::calendar::{Entry, Moved};

/// What an entry says besides the times, in people's words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said {
    /// The name of the server: of two servers no entry is the same.
    pub server: String,
    /// What there is to know.
    pub description: String,
    /// Where it is held.
    pub location: String,
    /// What to open.
    pub url: String,
    /// Who invites: name and address of mail.
    pub organiser: Option<(String, String)>,
    /// Who is invited: name and address of mail.
    pub attendee: Option<(String, String)>,
}

/// The entry of a booking.
#[must_use]
pub fn entry(booking: &Booking, said: Said) -> Entry {
    let details = &booking.details;
    let time = details.starts_at_local.time();
    let (mut left_out, mut moved) = (Vec::new(), Vec::new());
    for (date, exception) in &booking.exceptions {
        let instead_of = date.to_datetime(time);
        if exception.is_left_out {
            left_out.push(instead_of);
            continue;
        }
        let minutes = exception.duration_minutes;
        moved.push(Moved {
            instead_of,
            starts_at: exception.starts_at_local.unwrap_or(instead_of),
            minutes: minutes.unwrap_or(details.duration_minutes),
            title: exception
                .title
                .clone()
                .unwrap_or_else(|| details.title.clone()),
        });
    }
    Entry {
        uid: format!("{}@{}", booking.id, said.server),
        sequence: booking.version,
        stamp: booking.changed_at,
        title: details.title.clone(),
        description: said.description,
        location: said.location,
        url: said.url,
        starts_at: details.starts_at_local,
        // It was known when it was booked.
        zone: TimeZone::get(&details.zone).unwrap_or(TimeZone::UTC),
        minutes: details.duration_minutes,
        organiser: said.organiser,
        attendee: said.attendee,
        rule: details.rule.clone(),
        left_out,
        moved,
        is_cancelled: booking.state == BookingState::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::booking::{Audience, Exception};

    #[test]
    fn a_series_keeps_its_exceptions_at_the_times_at_which_it_would_have_been() {
        let details = json!({
            "title": "Giao ban", "startsAtLocal": "2026-11-30T08:00:00", "zone": "Asia/Ho_Chi_Minh",
            "durationMinutes": 60, "rule": "FREQ=WEEKLY;COUNT=4", "audience": {},
        });
        let details = serde_json::from_value(details).unwrap();
        let audience = Audience::of(["00004".parse().unwrap()]);
        let by = ("an", Timestamp::UNIX_EPOCH);
        let draft = Booking::draft("b".parse().unwrap(), details, &audience, by);
        let mut booking = draft.unwrap().booking;
        let left_out = Exception {
            is_left_out: true,
            ..Exception::default()
        };
        let moved = Exception {
            starts_at_local: Some(date(2026, 12, 15).at(14, 0, 0, 0)),
            ..Exception::default()
        };
        booking.exceptions.insert(date(2026, 12, 7), left_out);
        booking.exceptions.insert(date(2026, 12, 14), moved);
        let said = Said {
            server: "hop.example.vn".to_owned(),
            ..Said::default()
        };
        let entry = entry(&booking, said);
        assert_eq!(entry.uid, "b@hop.example.vn");
        assert_eq!(entry.left_out, [date(2026, 12, 7).at(8, 0, 0, 0)]);
        assert_eq!(entry.moved.len(), 1);
        assert_eq!(entry.moved[0].instead_of, date(2026, 12, 14).at(8, 0, 0, 0));
        assert_eq!(entry.moved[0].starts_at, date(2026, 12, 15).at(14, 0, 0, 0));
        assert_eq!((entry.moved[0].minutes, entry.is_cancelled), (60, false));
    }
}
