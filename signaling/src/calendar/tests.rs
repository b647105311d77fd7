//! Entries, written and read back by a parser.

use std::str::FromStr as _;

use icalendar::{Calendar, CalendarComponent};
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn entry() -> Entry {
    Entry {
        uid: "01JD8Y6Q0B9FJ3V2K7T5C4X1HE@example.vn".to_owned(),
        sequence: 3,
        stamp: "2026-11-20T01:00:00Z".parse().unwrap(),
        title: "Giao ban tuần".to_owned(),
        description: "Chương trình:\n1. Báo cáo; 2. Trao đổi, kết luận".to_owned(),
        location: "Phòng họp 1, trụ sở UBND".to_owned(),
        url: "https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS".to_owned(),
        starts_at: date(2026, 11, 30).at(7, 30, 0, 0),
        zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        minutes: 90,
        organiser: Some(("Văn phòng".to_owned(), "hop@example.vn".to_owned())),
        attendee: Some(("Phường Ba Đình".to_owned(), "xa@example.vn".to_owned())),
        rule: None,
        left_out: Vec::new(),
        moved: Vec::new(),
        is_cancelled: false,
    }
}

/// The lines as they were before they were folded.
fn unfolded(text: &str) -> Vec<String> {
    let whole = text.replace("\r\n ", "");
    whole.split("\r\n").map(str::to_owned).collect()
}

fn events(text: &str) -> Vec<Event> {
    let calendar = Calendar::from_str(text).unwrap();
    let found = calendar.components.into_iter();
    found
        .filter_map(|component| match component {
            CalendarComponent::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

#[test]
fn an_invitation_has_what_a_calendar_needs_to_put_it_in_and_to_change_it_later() {
    let text = write(Method::Request, None, &[entry()]);
    let lines = unfolded(&text);
    for wanted in [
        "METHOD:REQUEST",
        "UID:01JD8Y6Q0B9FJ3V2K7T5C4X1HE@example.vn",
        "SEQUENCE:3",
        "DTSTAMP:20261120T010000Z",
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20261130T073000",
        "DURATION:PT90M",
        "STATUS:CONFIRMED",
        "ORGANIZER;CN=Văn phòng:mailto:hop@example.vn",
        "TZID:Asia/Ho_Chi_Minh",
        "TZOFFSETTO:+0700",
        "DESCRIPTION:Chương trình:\\n1. Báo cáo\\; 2. Trao đổi\\, kết luận",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {text}");
    }
    let zone = lines.iter().position(|line| line == "BEGIN:VTIMEZONE");
    let event = lines.iter().position(|line| line == "BEGIN:VEVENT");
    assert!(zone < event, "{text}");
    assert_eq!(text.matches("DTSTAMP").count(), 1, "{text}");
}

#[test]
fn a_cancellation_names_the_same_thing() {
    let text = write(Method::Cancel, None, &[entry()]);
    let lines = unfolded(&text);
    for wanted in ["METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:3"] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {text}");
    }
}

#[test]
fn a_series_has_its_rule_what_is_left_out_and_what_is_moved() {
    let series = Entry {
        rule: Some("FREQ=WEEKLY;BYDAY=MO;COUNT=10".to_owned()),
        left_out: vec![date(2026, 12, 7).at(7, 30, 0, 0)],
        moved: vec![Moved {
            instead_of: date(2026, 12, 14).at(7, 30, 0, 0),
            starts_at: date(2026, 12, 15).at(14, 0, 0, 0),
            minutes: 60,
            title: "Giao ban tuần (dời ngày)".to_owned(),
        }],
        ..entry()
    };
    let text = write(Method::Request, None, &[series]);
    let lines = unfolded(&text);
    for wanted in [
        "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10",
        "EXDATE;TZID=Asia/Ho_Chi_Minh:20261207T073000",
        "RECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20261214T073000",
        "DTSTART;TZID=Asia/Ho_Chi_Minh:20261215T140000",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {text}");
    }
    let uids: Vec<_> = events(&text)
        .iter()
        .map(|event| event.get_uid().unwrap().to_owned())
        .collect();
    assert_eq!(uids, [entry().uid, entry().uid]);
}

#[test]
fn a_zone_whose_clock_changes_tells_each_change() {
    let berlin = Entry {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        ..entry()
    };
    let text = write(Method::Request, None, &[berlin]);
    assert_eq!(text.matches("BEGIN:DAYLIGHT").count(), 1, "{text}");
    // What holds at first, and October 2027.
    assert_eq!(text.matches("BEGIN:STANDARD").count(), 2, "{text}");
    assert!(
        text.contains("DTSTART:20270328T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200"),
        "{text}"
    );
}

#[test]
fn a_feed_has_a_name_and_one_zone_for_all() {
    let text = write(
        Method::Publish,
        Some("Lịch họp: Ba Đình"),
        &[entry(), entry()],
    );
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    assert!(text.contains("X-WR-CALNAME:Lịch họp"), "{text}");
    let empty = write(Method::Publish, Some("x"), &[]);
    assert!(empty.ends_with("END:VCALENDAR\r\n"), "{empty}");
}

#[test]
fn a_long_line_is_folded_between_letters() {
    let long = Entry {
        title: "Hội nghị trực tuyến toàn quốc ".repeat(20),
        ..entry()
    };
    let text = write(Method::Request, None, std::slice::from_ref(&long));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{line}");
    }
    assert_eq!(events(&text)[0].get_summary(), Some(long.title.as_str()));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_whatever_people_wrote(
        title in "[^\\p{C}]{0,200}",
        lines in prop::collection::vec("[^\\p{C}]{0,120}", 0..6),
        name in "[^\\p{C}]{0,80}",
    ) {
        let description = lines.join("\n");
        let written = Entry {
            title: title.clone(),
            description: description.clone(),
            attendee: Some((name, "xa@example.vn".to_owned())),
            ..entry()
        };
        let calendar = write(Method::Request, None, &[written]);
        for line in calendar.split("\r\n") {
            prop_assert!(line.len() <= 75, "{}", line);
        }
        let found = events(&calendar);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].get_summary().unwrap_or_default(), title);
        prop_assert_eq!(found[0].get_description().unwrap_or_default(), description);
        prop_assert_eq!(found[0].get_sequence(), Some(3));
    }

    #[test]
    fn nothing_that_people_write_becomes_a_line_of_its_own(hostile in "(\\PC|\r|\n){0,60}") {
        let inserted = format!("{hostile}\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:x");
        let written = Entry {
            title: inserted.clone(),
            location: inserted.clone(),
            url: inserted.clone(),
            rule: Some(inserted.clone()),
            attendee: Some((inserted.clone(), "xa@example.vn".to_owned())),
            ..entry()
        };
        let calendar = write(Method::Request, Some(&inserted), &[written]);
        prop_assert_eq!(calendar.matches("\r\nBEGIN:VEVENT\r\n").count(), 1, "{}", calendar);
    }
}
