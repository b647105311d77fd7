//! The rules of a zone, as calendars read them (VTIMEZONE, RFC 5545 §3.6.5): each change of its clock
//! that matters, one by one. A rule that comes again each year would say more than is known.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Dst, Offset, TimeZone};

/// Most changes that are told. Two a year are usual.
const MOST: usize = 40;

/// What a zone is called; none of one that is just so far from the world's clock.
pub(super) fn name(zone: &TimeZone) -> Option<&str> {
    zone.iana_name().filter(|name| *name != "UTC")
}

/// The rules of a zone between two times; nothing if it needs none.
pub(super) fn rules(zone: &TimeZone, from: Timestamp, until: Timestamp) -> String {
    let Some(name) = name(zone) else {
        return String::new();
    };
    let mut text = format!("BEGIN:VTIMEZONE\r\nTZID:{name}\r\n");
    let before = zone.to_offset_info(from);
    let mut offset = before.offset();
    // What holds at first, as if it had begun long ago.
    let begun = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    observance(&mut text, before.dst(), begun, (offset, offset));
    let following = zone.following(from);
    for change in following
        .take_while(|change| change.timestamp() <= until)
        .take(MOST)
    {
        // RFC 5545: a time by the clock as it was before the change.
        let at = offset.to_datetime(change.timestamp());
        observance(&mut text, change.dst(), at, (offset, change.offset()));
        offset = change.offset();
    }
    text.push_str("END:VTIMEZONE\r\n");
    text
}

fn observance(text: &mut String, dst: Dst, from: DateTime, (before, after): (Offset, Offset)) {
    let kind = if dst.is_dst() { "DAYLIGHT" } else { "STANDARD" };
    let from = super::civil(from);
    let (before, after) = (clock(before), clock(after));
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "BEGIN:{kind}\r\nDTSTART:{from}\r\nTZOFFSETFROM:{before}\r\nTZOFFSETTO:{after}\r\nEND:{kind}\r\n"
    );
}

fn clock(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}
