//! Keeping bookings and finding their days.

use std::time::Instant;

use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::booking::{Audiences, Standing};
use crate::booking::{Change, Details, OccurrenceState, find_conflicts};
use crate::conference::{By, Event, PhaseEvent, Record};
use crate::schedule::Schedule;
use crate::sites::Wish;
use crate::store::{Consent, OccurrenceFilter};
use crate::testing::location;

const SITES: &str = "code,name,level,parent_code\nVN,Centre,central,\n01,Hanoi,province,VN\n\
    011,Ba Dinh,commune,01\n";

async fn store() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&location(directory.path())).await.unwrap();
    let (wish, consent) = (Wish::default(), Consent::default());
    let imported = store.import_sites(SITES.as_bytes(), &wish, &consent);
    imported.await.unwrap();
    (store, directory)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(store: &Store) -> Schedule<'_> {
    Schedule {
        store,
        by: "anh",
        now: at("2026-01-01T00:00:00Z"),
    }
}

fn details(title: &str, start: &str, rule: Option<&str>) -> Details {
    let json = json!({
        "title": title, "startsAtLocal": start, "zone": "Asia/Ho_Chi_Minh",
        "durationMinutes": 60, "rule": rule, "audience": {"all": true},
    });
    serde_json::from_value(json).unwrap()
}

fn between(from: &str, to: &str) -> OccurrenceFilter {
    OccurrenceFilter {
        from: at(from),
        to: at(to),
        booking: None,
        after: None,
        limit: 250,
        now: at("2026-01-01T00:00:00Z"),
        inviting: None,
    }
}

async fn titles(store: &Store, filter: &OccurrenceFilter) -> Vec<String> {
    let days = store.occurrences_between(filter).await.unwrap().unwrap();
    let titles = days
        .iter()
        .map(|day| format!("{} {}", day.title, day.occurrence));
    titles.collect()
}

async fn count(store: &Store, table: &'static str) -> i64 {
    let mut count = query("SELECT COUNT(*) AS count FROM ");
    count.push(table);
    let row = count.fetch_one(&store.reader).await.unwrap();
    row.try_get("count").unwrap()
}

#[tokio::test]
async fn a_booking_is_read_back_as_it_was_kept_with_the_days_that_it_has() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let weekly = details("Weekly", "2026-02-02T08:00:00", Some("FREQ=WEEKLY;COUNT=3"));
    let booking = schedule.draft(weekly).await.unwrap();
    assert_eq!(
        store.booking(&booking.id).await.unwrap(),
        Some(booking.clone())
    );
    let days = store.occurrences_of(&booking.id).await.unwrap();
    assert_eq!(days.len(), 3);
    assert!(days.iter().all(|day| day.state == OccurrenceState::Draft));
    let published = schedule.publish(&booking.id, 1).await.unwrap();
    assert_eq!((published.version, published.invited), (2, 3));
    let days = store.occurrences_of(&booking.id).await.unwrap();
    let first = days.first().unwrap();
    let found = store.occurrence(&first.conference).await.unwrap();
    assert_eq!(found.as_ref(), Some(first));
    assert_eq!(first.state, OccurrenceState::Published);
    assert_eq!(first.starts_at, at("2026-02-02T01:00:00Z"));
    let codes = store.audience_codes(&first.audience).await.unwrap();
    assert_eq!(codes.len(), 3);
}

#[tokio::test]
async fn of_two_who_change_the_same_version_one_is_told_of_the_other() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let once = details("Once", "2026-02-02T08:00:00", None);
    let booking = schedule.draft(once).await.unwrap();
    let audience = store.audience(&booking.audience).await.unwrap();
    let days = store.occurrences_of(&booking.id).await.unwrap();
    let change = Change {
        version: 1,
        by: "binh",
        now: schedule.now,
        former: &days,
    };
    let update = booking.publish(change, &audience).unwrap();
    let first = store.keep_booking(update.clone(), audience.clone()).await;
    assert_eq!(first.unwrap(), Kept::Done);
    let second = store.keep_booking(update, audience).await;
    assert_eq!(second.unwrap(), Kept::Stale);
    let gone = store.delete_booking(&booking).await.unwrap();
    assert_eq!(gone, Kept::Stale, "it is at another version");
}

#[tokio::test]
async fn what_a_time_has_is_listed_page_by_page_and_what_is_under_way_with_it() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let weekly = Some("FREQ=WEEKLY;COUNT=3");
    for (title, start, rule) in [
        ("Weekly", "2026-02-02T08:00:00", weekly),
        ("Once", "2026-02-02T08:00:00", None),
        ("Late", "2026-02-20T08:00:00", None),
    ] {
        schedule.draft(details(title, start, rule)).await.unwrap();
    }
    let all = between("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let listed = titles(&store, &all).await;
    assert_eq!(listed.len(), 5);
    let mut paged = Vec::new();
    let mut filter = OccurrenceFilter { limit: 2, ..all };
    loop {
        let days = store.occurrences_between(&filter).await.unwrap().unwrap();
        let Some(last) = days.last() else { break };
        filter.after = Some(last.place.clone());
        paged.extend(
            days.iter()
                .map(|day| format!("{} {}", day.title, day.occurrence)),
        );
    }
    assert_eq!(paged, listed);
    let under_way = between("2026-02-09T01:30:00Z", "2026-02-09T01:31:00Z");
    assert_eq!(titles(&store, &under_way).await, ["Weekly 2026-02-09"]);
    let over = between("2026-02-09T02:00:00Z", "2026-02-09T02:01:00Z");
    assert_eq!(titles(&store, &over).await, [""; 0]);
    let gone = OccurrenceFilter {
        after: Some("gone".parse().unwrap()),
        ..between("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    };
    assert!(store.occurrences_between(&gone).await.unwrap().is_none());
}

#[tokio::test]
async fn a_year_is_counted_by_the_days_of_a_zone_and_former_bookings_are_named_once_the_latest_first()
 {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let weekly = Some("FREQ=WEEKLY;COUNT=3");
    for (title, start, rule, is_published) in [
        ("Weekly", "2026-02-02T06:30:00", weekly, true),
        ("Once", "2026-02-02T08:00:00", None, true),
        ("Draft", "2026-02-20T08:00:00", None, false),
    ] {
        let booking = schedule.draft(details(title, start, rule)).await.unwrap();
        if is_published {
            schedule
                .publish(&booking.id, booking.version)
                .await
                .unwrap();
        }
    }
    let year = between("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let counted = async |zone: &str, filter: &OccurrenceFilter| {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let days = store.days_counted(filter, &zone).await.unwrap();
        let days = days.iter().map(|day| format!("{} {}", day.date, day.count));
        days.collect::<Vec<_>>()
    };
    let there = [
        "2026-02-02 2",
        "2026-02-09 1",
        "2026-02-16 1",
        "2026-02-20 1",
    ];
    assert_eq!(counted("Asia/Ho_Chi_Minh", &year).await, there);
    let elsewhere = [
        "2026-02-01 1",
        "2026-02-02 1",
        "2026-02-08 1",
        "2026-02-15 1",
        "2026-02-20 1",
    ];
    assert_eq!(counted("UTC", &year).await, elsewhere);
    let former = async |filter: &OccurrenceFilter| {
        let found = store.bookings_of_late(filter).await.unwrap();
        let found = found
            .iter()
            .map(|one| format!("{} {}", one.title, one.occurrence));
        found.collect::<Vec<_>>()
    };
    assert_eq!(
        former(&year).await,
        ["Weekly 2026-02-16", "Once 2026-02-02"]
    );
    let one = OccurrenceFilter {
        limit: 1,
        ..year.clone()
    };
    assert_eq!(former(&one).await, ["Weekly 2026-02-16"]);
    let early = between("2026-01-01T00:00:00Z", "2026-02-03T00:00:00Z");
    assert_eq!(
        former(&early).await,
        ["Once 2026-02-02", "Weekly 2026-02-02"]
    );
    // Whom nobody invites knows of nothing.
    let strangers = OccurrenceFilter {
        inviting: Some(std::collections::BTreeSet::new()),
        ..year
    };
    assert_eq!(former(&strangers).await, [""; 0]);
    assert_eq!(counted("UTC", &strangers).await, [""; 0]);
}

#[tokio::test]
async fn a_draft_that_is_deleted_leaves_nothing_and_an_audience_goes_with_the_last_that_it_is_of() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let once = details("Once", "2026-02-02T08:00:00", None);
    let booking = schedule.draft(once.clone()).await.unwrap();
    let other = schedule.draft(once).await.unwrap();
    assert_eq!(count(&store, "audiences").await, 1);
    let narrowed = schedule.revise(&other.id, 1, |old| Details {
        audience: serde_json::from_value(json!({"levels": ["commune"]})).unwrap(),
        ..old
    });
    assert_eq!(narrowed.await.unwrap().invited, 1);
    assert_eq!(count(&store, "audiences").await, 2);
    schedule.delete(&booking.id).await.unwrap();
    assert_eq!(count(&store, "audiences").await, 1);
    schedule.delete(&other.id).await.unwrap();
    for table in ["audiences", "bookings", "occurrences"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn of_a_province_only_those_are_listed_that_invite_it_and_are_no_drafts() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    for (title, audience) in [
        ("All", json!({"all": true})),
        ("Centre", json!({"codes": ["VN"]})),
    ] {
        let mut details = details(title, "2026-02-02T08:00:00", None);
        details.audience = serde_json::from_value(audience).unwrap();
        let booking = schedule.draft(details).await.unwrap();
        schedule.publish(&booking.id, 1).await.unwrap();
    }
    let draft = details("Draft", "2026-02-02T08:00:00", None);
    schedule.draft(draft).await.unwrap();
    let inviting = |code: &str| OccurrenceFilter {
        inviting: Some([code.parse().unwrap()].into()),
        ..between("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    };
    assert_eq!(titles(&store, &inviting("011")).await, ["All 2026-02-02"]);
    assert_eq!(titles(&store, &inviting("VN")).await.len(), 2);
    assert_eq!(titles(&store, &inviting("none")).await, [""; 0]);
}

#[tokio::test]
async fn the_same_sites_as_last_time_are_those_of_the_booking_that_is_named() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let mut last = details("Last", "2026-02-02T08:00:00", None);
    last.audience = serde_json::from_value(json!({"parents": ["01"]})).unwrap();
    let last = schedule.draft(last).await.unwrap();
    let mut next = details("Next", "2026-03-02T08:00:00", None);
    next.audience = serde_json::from_value(json!({"sameAs": last.id.to_string()})).unwrap();
    let next = schedule.draft(next).await.unwrap();
    assert_eq!((next.audience.clone(), next.invited), (last.audience, 2));
    let own = schedule.revise(&next.id, 1, |old| Details {
        audience: serde_json::from_value(json!({"sameAs": next.id.to_string()})).unwrap(),
        ..old
    });
    assert!(
        own.await
            .unwrap_err()
            .message
            .contains("the booking itself")
    );
}

#[tokio::test]
async fn who_follows_what_happens_is_told_of_what_was_published_changed_and_cancelled_and_of_no_draft()
 {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let mut growth = store.journal_growth();
    let once = details("Once", "2026-02-02T08:00:00", None);
    let id = schedule.draft(once).await.unwrap().id;
    let renamed = |title: &'static str| {
        move |old| Details {
            title: title.to_owned(),
            ..old
        }
    };
    schedule.revise(&id, 1, renamed("Draft")).await.unwrap();
    assert_eq!(store.journal_head().await.unwrap(), 0);
    schedule.publish(&id, 2).await.unwrap();
    schedule.revise(&id, 3, renamed("Other")).await.unwrap();
    // Somebody has not seen the change: nothing comes of it, and nobody is told.
    schedule.cancel(&id, 3, None).await.unwrap_err();
    schedule.publish(&id, 4).await.unwrap();
    let reason = Some("Storm".to_owned());
    schedule.cancel(&id, 5, reason).await.unwrap();
    assert!(growth.has_changed().unwrap());
    growth.mark_unchanged();
    let told = store.journal_after(0, 10).await.unwrap().entries;
    let told: Vec<_> = told
        .iter()
        .map(|entry| {
            let of = |name: &str| entry.event[name].clone();
            assert_eq!((of("booking"), of("by")), (json!(id), json!("anh")));
            json!([
                entry.kind(),
                of("version"),
                of("title"),
                of("notice"),
                of("reason")
            ])
        })
        .collect();
    let wanted = [
        json!(["bookingPublished", 3, "Draft", 3, null]),
        json!(["bookingChanged", 4, "Other", 4, null]),
        json!(["bookingPublished", 5, "Other", 4, null]),
        json!(["bookingCancelled", 6, "Other", 6, "Storm"]),
    ];
    assert_eq!(told, wanted);
}

/// The log of a conference that was opened, and begun if there is a second event.
fn log(events: u64) -> Vec<Record> {
    let event = |seq| match seq {
        1 => PhaseEvent::Created {
            title: "Once".to_owned(),
            starts_at: None,
            by: By::System,
        },
        _ => PhaseEvent::Started { by: By::System },
    };
    let record = |seq| Record {
        seq,
        at: at("2026-02-02T00:30:00Z"),
        event: Event::Phase(event(seq)),
    };
    (1..=events).map(record).collect()
}

#[tokio::test]
async fn a_clock_that_is_set_back_opens_and_begins_nothing_again_and_loses_nothing_that_is_due() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let mut days = Vec::new();
    for title in ["Opened", "Due"] {
        // From 00:00 UTC its doors are open, and from 01:00 it is held.
        let once = details(title, "2026-02-02T08:00:00", None);
        let booking = schedule.draft(once).await.unwrap();
        schedule.publish(&booking.id, 1).await.unwrap();
        let mut day = store.occurrences_of(&booking.id).await.unwrap();
        days.push(day.remove(0).conference);
    }
    let [opened, due] = days.try_into().unwrap();
    let (before, open, held) = (
        at("2026-02-01T22:00:00Z"),
        at("2026-02-02T00:30:00Z"),
        at("2026-02-02T01:30:00Z"),
    );
    let to_open = async |now| store.due_to_open(now, 9).await.unwrap();
    let to_begin = async |now| store.due_to_begin(now, 9).await.unwrap();
    store.append(&opened, &log(1)).await.unwrap();
    // The clock goes back behind the opening, and comes right again.
    for (now, wanted) in [
        (open, vec![due.clone()]),
        (before, vec![]),
        (open, vec![due.clone()]),
    ] {
        assert_eq!(to_open(now).await, wanted, "{now}");
    }
    let next = store.next_opening(before).await.unwrap();
    assert_eq!(
        next,
        Some(at("2026-02-02T00:00:00Z")),
        "it is waited for again"
    );
    for (now, wanted) in [
        (held, vec![opened.clone()]),
        (open, vec![]),
        (held, vec![opened.clone()]),
    ] {
        assert_eq!(to_begin(now).await, wanted, "{now}");
    }
    store.append(&opened, &log(2)[1..]).await.unwrap();
    for now in [held, before, open, held] {
        assert!(to_begin(now).await.is_empty(), "it has begun at {now}");
        assert!(!to_open(now).await.contains(&opened), "it is open at {now}");
    }
    assert_eq!(
        to_open(held).await,
        [due],
        "what nobody has opened is not over"
    );
}

/// How many bookings a large calendar has.
const MANY: u32 = 5_000;

#[tokio::test]
async fn a_calendar_of_five_thousand_is_listed_and_searched_for_conflicts_at_once() {
    let (store, _directory) = store().await;
    let schedule = schedule(&store);
    let template = details("Day", "2026-02-02T08:00:00", None);
    let audience = template.audience.resolve(
        &store
            .sites(&crate::sites::SiteFilter::default())
            .await
            .unwrap(),
        None,
    );
    let audience = audience.unwrap();
    let keep = |number: u32| {
        let mut details = template.clone();
        details.title = format!("Giao ban toàn quốc, phiên thứ {number}");
        let after = (i64::from(number) * 97).minutes();
        details.starts_at_local = details.starts_at_local.saturating_add(after);
        let id = format!("B{number}").parse().unwrap();
        let update = Booking::draft(id, details, &audience, ("anh", schedule.now)).unwrap();
        store.keep_booking(update, audience.clone())
    };
    let numbers: Vec<_> = (0..MANY).collect();
    for chunk in numbers.chunks(250) {
        let kept = futures_util::future::join_all(chunk.iter().map(|number| keep(*number)));
        assert!(
            kept.await
                .into_iter()
                .all(|kept| kept.unwrap() == Kept::Done)
        );
    }
    assert_eq!(count(&store, "audiences").await, 1, "once for all");
    let began = Instant::now();
    let month = between("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z");
    let days = store.occurrences_between(&month).await.unwrap().unwrap();
    let took = began.elapsed();
    let bytes = serde_json::to_string(&days).unwrap().len();
    assert_eq!(days.len(), 250);
    assert!(bytes < 100_000, "{bytes} bytes");
    assert!(took.as_millis() < 200, "{took:?}");
    assert!(days.iter().all(|day| day.state == Standing::Draft));
    let began = Instant::now();
    let twice = details("Twice", "2026-02-02T08:30:00", Some("FREQ=DAILY;COUNT=300"));
    let twice = schedule.draft(twice).await.unwrap();
    let met = schedule.conflicts(&twice.id).await.unwrap();
    let took = began.elapsed();
    assert!(met.len() > 100, "{}", met.len());
    assert!(met.iter().all(|conflict| conflict.sites == 3));
    assert!(took.as_millis() < 1_000, "{took:?}");
    assert_eq!(find_conflicts(&[], &Audiences::new()), []);
}
