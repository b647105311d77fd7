//! Documents of bookings: what is written is read again, and each mistake is named with its entry and field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::booking::document::{self, BookingsDocument, DocumentError, Entry, EntryState};

fn document(bookings: &Value) -> Vec<u8> {
    let document = json!({"format": "dinh.bookings", "version": 1, "bookings": bookings});
    serde_json::to_vec(&document).unwrap()
}

fn plain(id: &str) -> Value {
    json!({
        "id": id, "title": "Giao ban", "startsAtLocal": "2026-02-02T08:00:00",
        "zone": "Asia/Ho_Chi_Minh", "durationMinutes": 60,
    })
}

/// What is said of the one mistake of an entry: its field, and its sentence.
fn mistake(change: &Value) -> (Option<String>, String) {
    let mut entry = plain("a");
    for (name, value) in change.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let read = document::read(&document(&json!([plain("b"), entry]))).unwrap();
    assert_eq!(read.entries.len(), 1, "the other one can be read");
    let [error] = read.errors.as_slice() else {
        panic!("{:?}", read.errors)
    };
    assert_eq!(error.entry, 2);
    (error.field.clone(), error.message.clone())
}

#[test]
fn each_mistake_is_named_with_its_entry_and_field() {
    for (change, field, says) in [
        (json!({"title": " "}), "title", "must have 1 to 200"),
        (json!({"title": 7}), "title", "expected a string"),
        (
            json!({"durationMinutes": 4}),
            "durationMinutes",
            "must be 5 to 1440",
        ),
        (json!({"zone": "Hanoi"}), "zone", "is not known"),
        (json!({"rule": "FREQ=HOURLY"}), "rule", "rule"),
        (json!({"state": "cancelled"}), "state", "unknown variant"),
        (json!({"surprise": 1}), "surprise", "unknown field"),
        (json!({"audience": {"all": 1}}), "audience.all", "boolean"),
        (
            json!({"doors": {"sites": 90}}),
            "doors.sites",
            "opens 60 minutes",
        ),
        (
            json!({"agenda": [{"title": "x", "minutes": 0}]}),
            "agenda",
            "minutes is 0",
        ),
        (
            json!({"exceptions": [{"date": "2026-02-02"}]}),
            "exceptions",
            "are of a series",
        ),
        (
            json!({"rule": "FREQ=WEEKLY;COUNT=2", "exceptions": [{"date": "2026-02-03", "title": "x"}]}),
            "exceptions",
            "no such day",
        ),
        (
            json!({"rule": "FREQ=WEEKLY;COUNT=2", "exceptions": [{"date": "2026-02-02"}]}),
            "exceptions",
            "changes nothing",
        ),
        (json!({"id": "import"}), "id", "address of something else"),
        (json!({"id": "a b"}), "id", "id"),
        (json!({"id": "b"}), "id", "entry 1 too"),
    ] {
        let (named, told) = mistake(&change);
        assert_eq!(named.as_deref(), Some(field), "{change}: {told}");
        assert!(told.contains(says), "{change}: {told}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let read = document::read(&document(
        &json!([{"id": "a", "title": "x"}, {"title": "x"}, 7]),
    ));
    let read = read.unwrap();
    let named: Vec<_> = read
        .errors
        .iter()
        .map(|error| error.field.as_deref())
        .collect();
    assert_eq!(named, [Some("startsAtLocal"), Some("id"), None]);
    assert_eq!(read.errors[0].id, Some(id("a")));
}

#[test]
fn a_document_of_something_else_or_another_version_is_not_read() {
    let read = |document: &Value| document::read(document.to_string().as_bytes()).unwrap_err();
    let other = json!({"format": "dinh.sites", "version": 1, "bookings": [plain("a")]});
    assert_eq!(read(&other), DocumentError::Format("dinh.sites".to_owned()));
    let later = json!({"format": "dinh.bookings", "version": 2, "bookings": [plain("a")]});
    assert_eq!(read(&later), DocumentError::Version(2));
    let empty = json!({"format": "dinh.bookings", "version": 1, "bookings": []});
    assert_eq!(read(&empty), DocumentError::Number(0));
    for nothing in [json!([]), json!({"format": "dinh.bookings"}), json!("x")] {
        assert!(matches!(read(&nothing), DocumentError::Unreadable(_)));
    }
    let deep = format!("{{\"bookings\":{}", "[".repeat(1_000_000));
    let refused = document::read(deep.as_bytes()).unwrap_err();
    assert!(matches!(refused, DocumentError::Unreadable(_)));
}

fn entry() -> impl Strategy<Value = Entry> {
    let texts = (
        "[a-z]{1,8}",
        "[ -~à-ỹ]{0,20}x",
        proptest::option::of("[a-z]{1,9}"),
    );
    let numbers = (
        5..=1_440_u32,
        0..=1_440_u32,
        1..=5_u32,
        any::<bool>(),
        0..=2_usize,
    );
    let codes = proptest::collection::btree_set("[0-9]{2,5}", 0..4);
    (texts, numbers, codes).prop_map(
        |((id, title, chair), (duration, opens, count, is_series, agenda), codes)| {
            let mut said = json!({
                "title": title, "startsAtLocal": "2026-02-02T08:00:00", "zone": "Asia/Ho_Chi_Minh",
                "durationMinutes": duration, "opensMinutesBefore": opens, "kind": "training",
                "audience": {"codes": codes, "levels": ["commune"]}, "hall": "VN",
                "doors": {"sites": opens / 2}, "language": "en", "operators": ["x"],
                "agenda": vec![json!({"title": "a", "minutes": 5, "documents": [{"name": "d"}]}); agenda],
            });
            if let Some(chair) = chair {
                said["chair"] = json!({ "name": chair });
            }
            let mut exceptions = Vec::new();
            if is_series {
                said["rule"] = format!("FREQ=WEEKLY;COUNT={count}").into();
                let exception = Exception {
                    title: Some("Other".to_owned()),
                    ..Exception::default()
                };
                let date = day("2026-02-02");
                exceptions.push(DatedException { date, exception });
            }
            Entry {
                id: super::id(&id),
                state: if is_series { EntryState::Published } else { EntryState::Draft },
                exceptions,
                details: serde_json::from_value(said).unwrap(),
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(entry in entry()) {
        prop_assume!(!["import", "export"].contains(&entry.id.as_str()));
        let written = serde_json::to_vec(&BookingsDocument::of(vec![entry.clone()])).unwrap();
        let read = document::read(&written).unwrap();
        prop_assert_eq!(&read.errors, &[]);
        prop_assert_eq!(&read.entries, &[(1, entry.clone())]);
        let invited = sites(&["01"]);
        let update = Booking::of_entry(&entry, &invited, ("anh", early())).unwrap();
        let booking = update.booking;
        prop_assert_eq!(Entry::of(&booking), Some(entry.clone()));
        let change = Change { version: booking.version, by: "anh", now: early(), former: &update.occurrences };
        prop_assert_eq!(booking.as_entry(change, &entry, &invited).unwrap(), None, "once more is nothing");
    }
}

fn read_one(value: &Value) -> Entry {
    let mut read = document::read(&document(&json!([value]))).unwrap();
    assert_eq!(read.errors, []);
    read.entries.remove(0).1
}

#[test]
fn an_entry_changes_what_is_booked_and_those_who_were_told_must_be_told_again() {
    let mut value = plain("a");
    value["state"] = "published".into();
    let invited = sites(&["01"]);
    let update = Booking::of_entry(&read_one(&value), &invited, ("anh", early())).unwrap();
    let (booking, days) = (update.booking, update.occurrences);
    assert_eq!(booking.standing(early()), Standing::Published);
    let change = Change {
        version: 1,
        by: "anh",
        now: early(),
        former: &days,
    };
    value["title"] = "Khác".into();
    let changed = booking
        .as_entry(change, &read_one(&value), &invited)
        .unwrap()
        .unwrap();
    assert_eq!(changed.replaces, Some(1));
    assert_eq!(changed.booking.standing(early()), Standing::Changed);
    value["state"] = "draft".into();
    let refused = booking
        .as_entry(change, &read_one(&value), &invited)
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("state is draft"),
        "{refused}"
    );
    let late = Change {
        now: at("2027-01-01T00:00:00Z"),
        ..change
    };
    value["state"] = "published".into();
    let over = booking
        .as_entry(late, &read_one(&value), &invited)
        .unwrap_err();
    assert!(over.to_string().contains("is over"), "{over}");
}

#[test]
fn nobody_is_published_for_and_nothing_that_is_over() {
    let mut value = plain("a");
    value["state"] = "published".into();
    let entry = read_one(&value);
    let nobody = Booking::of_entry(&entry, &sites(&[]), ("anh", early())).unwrap_err();
    assert!(
        nobody.to_string().starts_with("audience comes to no site"),
        "{nobody}"
    );
    let late = at("2027-01-01T00:00:00Z");
    let over = Booking::of_entry(&entry, &sites(&["01"]), ("anh", late)).unwrap_err();
    assert!(
        over.to_string().starts_with("startsAtLocal is over"),
        "{over}"
    );
}
