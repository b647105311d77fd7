//! A booking from its draft to its end.

use super::*;

const WEEKLY: &str = "FREQ=WEEKLY;COUNT=3";

fn weekly() -> Details {
    details("2026-02-02T08:00:00", "UTC", Some(WEEKLY))
}

fn once() -> Details {
    details("2026-02-02T08:00:00", "UTC", None)
}

fn closed(result: Result<(), BookingError>) -> String {
    match result.unwrap_err() {
        BookingError::Closed(why) => why,
        other => panic!("{other}"),
    }
}

fn revise(kept: &mut Kept, details: Details) -> Result<(), BookingError> {
    kept.then(|booking, change| booking.revise(change, details, &sites(&["01"])))
}

fn except(kept: &mut Kept, date: &str, exception: Option<Exception>) -> Result<(), BookingError> {
    kept.then(|booking, change| booking.except(change, day(date), exception))
}

fn left_out() -> Exception {
    Exception {
        is_left_out: true,
        ..Exception::default()
    }
}

#[test]
fn a_published_series_has_a_conference_for_each_day_at_once() {
    let kept = Kept::published(weekly());
    let published = OccurrenceState::Published;
    assert_eq!(
        kept.told(),
        ["02", "09", "16"].map(|day| (
            format!("B-202602{day}"),
            format!("2026-02-{day}T08:00:00Z"),
            published,
            2
        ))
    );
    assert_eq!(kept.booking.standing(kept.now), Standing::Published);
}

#[test]
fn a_change_is_made_of_the_version_that_was_seen() {
    let kept = Kept::new(once());
    let change = Change {
        version: 7,
        by: "anh",
        now: kept.now,
        former: &kept.days,
    };
    let refused = kept.booking.publish(change, &sites(&["01"])).unwrap_err();
    assert_eq!(refused, BookingError::Stale { found: 1, given: 7 });
}

#[test]
fn only_those_days_must_be_told_again_of_which_something_is_another() {
    let mut kept = Kept::published(weekly());
    let later = Exception {
        starts_at_local: Some("2026-02-10T09:00:00".parse().unwrap()),
        ..Exception::default()
    };
    except(&mut kept, "2026-02-09", Some(later)).unwrap();
    let notices: Vec<_> = kept.told().into_iter().map(|(.., notice)| notice).collect();
    assert_eq!(notices, [2, 3, 2]);
    assert_eq!(kept.days[1].conference.as_str(), "B-20260209");
    assert_eq!(kept.booking.standing(kept.now), Standing::Changed);
    // Operators are nobody's concern but theirs.
    let mut details = kept.booking.details.clone();
    details.operators = vec!["anh".to_owned()];
    revise(&mut kept, details).unwrap();
    assert_eq!((kept.booking.version, kept.booking.notice), (4, 3));
    // A longer series is told of its new days.
    let mut details = kept.booking.details.clone();
    details.rule = Some("FREQ=WEEKLY;COUNT=4".to_owned());
    revise(&mut kept, details).unwrap();
    let notices: Vec<_> = kept.told().into_iter().map(|(.., notice)| notice).collect();
    assert_eq!(notices, [2, 3, 2, 5]);
    // An agenda is every day's.
    let mut details = kept.booking.details.clone();
    details.agenda =
        serde_json::from_value(serde_json::json!([{"title": "Rice", "minutes": 20}])).unwrap();
    revise(&mut kept, details).unwrap();
    let notices: Vec<_> = kept.told().into_iter().map(|(.., notice)| notice).collect();
    assert_eq!(notices, [6, 6, 6, 6]);
    kept.then(|booking, change| booking.publish(change, &sites(&["01"])))
        .unwrap();
    assert_eq!(kept.booking.standing(kept.now), Standing::Published);
}

#[test]
fn a_day_that_is_left_out_is_cancelled_and_comes_back_under_its_conference() {
    let mut kept = Kept::published(weekly());
    except(&mut kept, "2026-02-09", Some(left_out())).unwrap();
    let state = |kept: &Kept| (kept.days[1].state, kept.days[1].notice);
    assert_eq!(state(&kept), (OccurrenceState::Cancelled, 3));
    except(&mut kept, "2026-02-09", None).unwrap();
    assert_eq!(state(&kept), (OccurrenceState::Published, 4));
    assert_eq!(kept.days.len(), 3);
    assert_eq!(kept.days[1].conference.as_str(), "B-20260209");
}

#[test]
fn what_has_begun_stays_as_it_was() {
    let mut kept = Kept::published(weekly());
    kept.now = at("2026-02-09T08:30:00Z");
    let mut details = kept.booking.details.clone();
    details.starts_at_local = "2026-02-02T15:00:00".parse().unwrap();
    revise(&mut kept, details).unwrap();
    let starts: Vec<_> = kept
        .told()
        .into_iter()
        .map(|(_, starts, ..)| starts)
        .collect();
    assert_eq!(
        starts,
        [
            "2026-02-02T08:00:00Z",
            "2026-02-09T08:00:00Z",
            "2026-02-16T15:00:00Z"
        ]
    );
    assert!(closed(except(&mut kept, "2026-02-09", Some(left_out()))).contains("has begun"));
    kept.then(|booking, change| booking.cancel(change, None))
        .unwrap();
    let states: Vec<_> = kept.days.iter().map(|day| day.state).collect();
    let published = OccurrenceState::Published;
    assert_eq!(states, [published, published, OccurrenceState::Cancelled]);
}

#[test]
fn a_conference_that_is_moved_keeps_its_id() {
    let mut kept = Kept::published(once());
    let mut details = kept.booking.details.clone();
    details.starts_at_local = "2026-03-02T08:00:00".parse().unwrap();
    revise(&mut kept, details).unwrap();
    let moved = (
        "B".to_owned(),
        "2026-03-02T08:00:00Z".to_owned(),
        OccurrenceState::Published,
        3,
    );
    assert_eq!(kept.told(), [moved]);
}

#[test]
fn what_is_over_cancelled_or_published_is_not_what_it_was() {
    let mut kept = Kept::published(once());
    assert!(closed(revise(&mut kept, weekly())).contains("copy it instead"));
    assert!(closed(except(&mut kept, "2026-02-02", Some(left_out()))).contains("once"));
    assert!(kept.booking.require_draft().is_err());
    kept.now = at("2026-02-02T09:30:00Z");
    assert_eq!(kept.booking.standing(kept.now), Standing::Past);
    assert!(closed(revise(&mut kept, once())).contains("over"));
    let mut kept = Kept::published(once());
    kept.then(|booking, change| booking.cancel(change, Some("Flood".to_owned())))
        .unwrap();
    assert_eq!(kept.booking.standing(kept.now), Standing::Cancelled);
    assert!(closed(revise(&mut kept, once())).contains("cancelled"));
    let mut kept = Kept::new(once());
    kept.now = at("2026-02-02T08:00:00Z");
    let late = kept.then(|booking, change| booking.publish(change, &sites(&["01"])));
    assert!(closed(late).contains("its time is over"));
    let cancelled = kept.then(|booking, change| booking.cancel(change, None));
    assert!(closed(cancelled).contains("delete it"));
}

#[test]
fn a_booking_for_nobody_is_not_published() {
    let mut kept = Kept::new(once());
    let refused = kept.then(|booking, change| booking.publish(change, &sites(&[])));
    assert!(refused.unwrap_err().to_string().contains("to no site"));
}

#[test]
fn the_last_day_of_a_series_cannot_be_left_out() {
    let mut kept = Kept::published(details(
        "2026-02-02T08:00:00",
        "UTC",
        Some("FREQ=DAILY;COUNT=1"),
    ));
    let refused = except(&mut kept, "2026-02-02", Some(left_out())).unwrap_err();
    assert!(refused.to_string().contains("no day is left"), "{refused}");
    let refused = except(&mut kept, "2026-02-03", Some(left_out())).unwrap_err();
    assert!(
        refused.to_string().contains("no day 2026-02-03"),
        "{refused}"
    );
    let refused = except(&mut kept, "2026-02-02", Some(Exception::default())).unwrap_err();
    assert!(refused.to_string().contains("changes nothing"), "{refused}");
}

#[test]
fn a_copy_at_another_time_takes_place_once() {
    let kept = Kept::published(weekly());
    let same = kept.booking.copied(None, Some("Again".to_owned()));
    assert_eq!(
        (same.rule.as_deref(), same.title.as_str()),
        (Some(WEEKLY), "Again")
    );
    let start = "2026-05-05T08:00:00".parse().unwrap();
    let other = kept.booking.copied(Some(start), None);
    assert_eq!((other.rule, other.starts_at_local), (None, start));
}

#[test]
fn a_value_that_is_wrong_is_named_with_what_would_be_right() {
    let wrong = |change: fn(&mut Details)| {
        let mut details = once();
        change(&mut details);
        draft(details).unwrap_err().to_string()
    };
    for (found, expected) in [
        (wrong(|it| it.title = " ".to_owned()), "title is \" \""),
        (
            wrong(|it| it.duration_minutes = 4),
            "durationMinutes is 4, must be 5 to 1440",
        ),
        (
            wrong(|it| it.opens_minutes_before = 1_441),
            "must be 0 to 1440",
        ),
        (
            wrong(|it| it.doors.sites = Some(61)),
            "doors.sites is 61, and the conference opens 60",
        ),
        (
            wrong(|it| it.operators = vec!["a".to_owned(); 51]),
            "may have 50",
        ),
        (
            wrong(|it| {
                it.chair = Some(Chair {
                    account: None,
                    name: None,
                });
            }),
            "chair is nobody",
        ),
    ] {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn what_is_kept_reads_back_as_it_was() {
    let mut kept = Kept::published(weekly());
    except(&mut kept, "2026-02-09", Some(left_out())).unwrap();
    let text = serde_json::to_string(&kept.booking).unwrap();
    assert_eq!(
        serde_json::from_str::<Booking>(&text).unwrap(),
        kept.booking
    );
}
