//! Local times in a zone, and the moments that they are.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::BookingError;

/// The first and the last year of a booking.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2200;

/// The zone of this name in the IANA database.
pub(super) fn zone(name: &str) -> Result<TimeZone, BookingError> {
    let known = TimeZone::get(name).ok();
    known
        .filter(|zone| zone.iana_name() == Some(name))
        .ok_or_else(|| {
            let name: String = name.chars().take(64).collect();
            BookingError::invalid(format!(
                "zone {name:?} is not known: use a name of the IANA database, as Asia/Ho_Chi_Minh"
            ))
        })
}

/// The moment that a local time is. Where clocks are put forward over it, it is as much later; where
/// they are put back, it is the first of the two (RFC 5545 §3.3.5).
pub(super) fn moment(local: DateTime, zone: &TimeZone) -> Result<Timestamp, BookingError> {
    let moment = zone.to_ambiguous_timestamp(local).compatible().ok();
    moment
        .filter(|_| YEARS.contains(&local.year()))
        .ok_or_else(|| {
            let (first, last) = (YEARS.start(), YEARS.end());
            BookingError::invalid(format!(
                "startsAtLocal {local} is not in the years {first} to {last}"
            ))
        })
}
