//! On which days and at which moments series take place.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use proptest::prelude::*;

use super::*;

fn starts(start: &str, zone: &str, rule: &str) -> Result<Vec<String>, BookingError> {
    let update = draft(details(start, zone, Some(rule)))?;
    let starts = update
        .occurrences
        .iter()
        .map(|day| day.starts_at.to_string());
    Ok(starts.collect())
}

fn refusal(start: &str, rule: &str) -> String {
    starts(start, "Asia/Ho_Chi_Minh", rule)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_weekly_series_keeps_its_local_hour_when_clocks_are_put_forward_and_back() {
    let weekly = "FREQ=WEEKLY;COUNT=3";
    assert_eq!(
        starts("2026-03-22T08:00:00", "Europe/Berlin", weekly).unwrap(),
        [
            "2026-03-22T07:00:00Z",
            "2026-03-29T06:00:00Z",
            "2026-04-05T06:00:00Z"
        ]
    );
    assert_eq!(
        starts("2026-10-18T08:00:00", "Europe/Berlin", weekly).unwrap(),
        [
            "2026-10-18T06:00:00Z",
            "2026-10-25T07:00:00Z",
            "2026-11-01T07:00:00Z"
        ]
    );
}

#[test]
fn an_hour_that_does_not_exist_is_later_and_one_that_exists_twice_is_the_first() {
    let daily = "FREQ=DAILY;COUNT=2";
    let forward = starts("2026-03-28T02:30:00", "Europe/Berlin", daily).unwrap();
    assert_eq!(forward, ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"]);
    let back = starts("2026-10-24T02:30:00", "Europe/Berlin", daily).unwrap();
    assert_eq!(back, ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"]);
}

#[test]
fn the_last_friday_of_each_month_is_found() {
    let last = "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3";
    assert_eq!(
        starts("2026-01-30T14:00:00", "Asia/Ho_Chi_Minh", last).unwrap(),
        [
            "2026-01-30T07:00:00Z",
            "2026-02-27T07:00:00Z",
            "2026-03-27T07:00:00Z"
        ]
    );
}

#[test]
fn an_end_is_meant_by_the_clocks_of_the_zone_and_a_day_to_its_end() {
    // 01:00 in Viet Nam is the day before in UTC.
    for until in ["20260108", "20260108T010000", "20260107T180000Z"] {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        let found = starts("2026-01-06T01:00:00", "Asia/Ho_Chi_Minh", &rule).unwrap();
        assert_eq!(found.len(), 3, "{until}: {found:?}");
    }
    let sooner = "FREQ=DAILY;UNTIL=20260107T175959Z";
    let found = starts("2026-01-06T01:00:00", "Asia/Ho_Chi_Minh", sooner);
    assert_eq!(found.unwrap().len(), 2);
}

#[test]
fn what_is_no_series_of_days_is_refused_with_what_would_be_right() {
    for (rule, why) in [
        ("FREQ=WEEKLY", "has no end: add COUNT or UNTIL"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "has two ends"),
        ("FREQ=HOURLY;COUNT=2", "needs FREQ=DAILY"),
        ("COUNT=2", "needs FREQ=DAILY"),
        ("FREQ=DAILY;BYHOUR=8,9;COUNT=2", "says hours"),
        ("FREQ=DAILY;COUNT=501", "more than 500 days"),
        ("FREQ=DAILY;COUNT=0", "names no day"),
        ("FREQ=YEARLY;COUNT=12", "may do so until 2036-01-05"),
        (
            "FREQ=WEEKLY;BYDAY=TU;COUNT=2",
            "its first day is 2026-01-06",
        ),
        ("FREQ=DAILY;UNTIL=20250101", "ends before it begins"),
        ("FREQ=DAILY;UNTIL=soon", "ends at no day"),
        ("FREQ=DAILY;UNTIL=20261399", "ends at no day"),
        ("FREQ=DAILY;COUNT", "lacks a value"),
        (
            "FREQ=DAILY;COUNT=2\nDTSTART:20200101",
            "is no recurrence rule",
        ),
        ("every Monday", "is no recurrence rule"),
        ("FREQ=DAILY;COUNT=2;X=1", "cannot be read"),
    ] {
        let refused = refusal("2026-01-05T08:00:00", rule);
        assert!(refused.contains(why), "{rule}: {refused}");
    }
}

#[test]
fn a_rule_that_names_no_day_ever_is_refused_in_time() {
    let began = std::time::Instant::now();
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
        "FREQ=WEEKLY;INTERVAL=65535;BYMONTH=2;BYDAY=MO;COUNT=500",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=5",
    ] {
        refusal("2026-01-05T08:00:00", rule);
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_zone_is_one_of_the_database_and_a_year_one_of_ours() {
    for zone in ["Hanoi", "", "+07:00", "Asia/ho_chi_minh", "../etc/passwd"] {
        let refused = draft(details("2026-01-05T08:00:00", zone, None)).unwrap_err();
        assert!(refused.to_string().contains("is not known"), "{refused}");
    }
    let refused = draft(details("1999-01-05T08:00:00", "UTC", None)).unwrap_err();
    assert!(refused.to_string().contains("2000 to 2200"), "{refused}");
}

const ZONES: [&str; 6] = [
    "Asia/Ho_Chi_Minh",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A calendar that adds days and knows nothing of RFC 5545 comes to the same moments.
    #[test]
    fn every_few_days_is_the_same_local_hour_in_every_zone(
        zone in proptest::sample::select(&ZONES[..]),
        first in 0..3_000_i64,
        hour in 0..24_i8,
        minute in 0..60_i8,
        interval in 1..15_i64,
        count in 1..60_u32,
        left_out in 0..60_usize,
        moved in 0..60_usize,
    ) {
        let first = day("2025-01-01").saturating_add(first.days());
        let start = DateTime::from_parts(first, jiff::civil::Time::constant(hour, minute, 0, 0));
        let rule = format!("FREQ=DAILY;INTERVAL={interval};COUNT={count}");
        let mut kept = Kept::new(details(&start.to_string(), zone, Some(&rule)));
        let days: Vec<Date> = (0..i64::from(count))
            .map(|number| first.saturating_add((number * interval).days()))
            .collect();
        let tz = TimeZone::get(zone).unwrap();
        let moment = |local: DateTime| tz.to_ambiguous_timestamp(local).compatible().unwrap();
        let mut expected: Vec<_> = days.iter().map(|day| (*day, moment(day.to_datetime(start.time())))).collect();
        let found = |kept: &Kept| -> Vec<_> {
            let mut found: Vec<_> = kept.days.iter().map(|day| (day.date, day.starts_at)).collect();
            found.sort();
            found
        };
        prop_assert_eq!(found(&kept), expected.clone());

        let moved = days[moved % days.len()];
        let later = moved.to_datetime(start.time()).saturating_add(36.hours());
        let exception = Exception { starts_at_local: Some(later), ..Exception::default() };
        kept.then(|booking, change| booking.except(change, moved, Some(exception))).unwrap();
        for (day, at) in &mut expected {
            if *day == moved {
                *at = moment(later);
            }
        }
        prop_assert_eq!(found(&kept), expected.clone());

        if days.len() > 1 {
            let left_out = days[left_out % days.len()];
            let exception = Exception { is_left_out: true, ..Exception::default() };
            kept.then(|booking, change| booking.except(change, left_out, Some(exception))).unwrap();
            expected.retain(|(day, _)| *day != left_out);
            prop_assert_eq!(found(&kept), expected.clone());
        }
        for day in &kept.days {
            prop_assert_eq!(day.ends_at.duration_since(day.starts_at), SignedDuration::from_mins(90));
            prop_assert_eq!(day.starts_at.duration_since(day.opens_at), SignedDuration::from_mins(60));
            prop_assert!(day.conference.as_str().starts_with("B-"));
        }
    }

    #[test]
    fn no_text_is_a_rule_by_accident(rule in "[A-Z=;,0-9+-]{0,40}") {
        let _ = draft(details("2026-01-05T08:00:00", "UTC", Some(&rule)));
    }
}
