//! When doors open, and when to come back to them.

use jiff::SignedDuration;

use super::*;
use crate::conference::Phase;
use crate::refusal::ErrorCode;

#[test]
fn each_door_opens_at_its_time_and_with_the_conference_where_nothing_is_said() {
    let doors = Doors {
        chair: None,
        hall: Some(45),
        provinces: Some(30),
        sites: Some(0),
    };
    let (starts_at, opens_at) = (at("2026-02-02T08:00:00Z"), at("2026-02-02T07:00:00Z"));
    let opens = |door| doors.opens_at(door, starts_at, opens_at).to_string();
    assert_eq!(opens(Door::Operator), "2026-02-02T07:00:00Z");
    assert_eq!(opens(Door::Chair), "2026-02-02T07:00:00Z");
    assert_eq!(opens(Door::Hall), "2026-02-02T07:15:00Z");
    assert_eq!(opens(Door::Province), "2026-02-02T07:30:00Z");
    assert_eq!(opens(Door::Site), "2026-02-02T08:00:00Z");
}

#[test]
fn nobody_is_sent_past_the_opening_of_a_door_and_all_come_back_soon_enough() {
    for seconds in 0..200_000_i64 {
        let back = i64::from(come_back_in(SignedDuration::from_secs(seconds)));
        assert!((1..=300).contains(&back), "{seconds}: {back}");
        // A page adds up to half of it.
        assert!(back * 3 / 2 <= seconds.max(15) + 8, "{seconds}: {back}");
    }
    assert_eq!(come_back_in(SignedDuration::from_secs(-5)), 1);
}

/// What becomes of those who come to a conference that opens at seven and begins at eight.
fn at_the_door(
    door: Door,
    phase: Option<Phase>,
    now: &str,
) -> Result<(), (ErrorCode, Option<u32>)> {
    let mut details = details("2026-02-02T08:00:00", "UTC", None);
    details.doors.sites = Some(30);
    let kept = Kept::published(details);
    let now = at(&format!("2026-02-02T{now}Z"));
    let let_in = kept.days[0].let_in(door, phase, now);
    let_in.map_err(|refusal| (refusal.code, refusal.retry_after_seconds))
}

#[test]
fn whoever_comes_before_the_door_opens_is_told_when_to_come_back() {
    let (not_open, made) = (ErrorCode::ConferenceNotOpen, Some(Phase::Scheduled));
    let early = at_the_door(Door::Site, None, "06:59:50");
    assert_eq!(early, Err((not_open, Some(300))));
    assert_eq!(
        at_the_door(Door::Site, made, "07:29:55"),
        Err((not_open, Some(6)))
    );
    assert_eq!(at_the_door(Door::Site, made, "07:30:00"), Ok(()));
    assert_eq!(at_the_door(Door::Hall, made, "07:00:00"), Ok(()));
    // Its door is open, and the conference about to be made.
    assert_eq!(
        at_the_door(Door::Hall, None, "07:00:00"),
        Err((not_open, Some(1)))
    );
}

#[test]
fn who_runs_it_comes_in_as_soon_as_it_is_there_and_all_once_it_has_begun() {
    let made = Some(Phase::Scheduled);
    assert_eq!(at_the_door(Door::Operator, made, "03:00:00"), Ok(()));
    assert!(at_the_door(Door::Chair, made, "03:00:00").is_err());
    for phase in [Phase::Running, Phase::Ended] {
        assert_eq!(at_the_door(Door::Site, Some(phase), "03:00:00"), Ok(()));
    }
}

#[test]
fn a_conference_that_was_cancelled_says_so_to_everybody() {
    let mut kept = Kept::published(details("2026-02-02T08:00:00", "UTC", None));
    kept.then(|booking, change| booking.cancel(change, None))
        .unwrap();
    let refused = kept.days[0].let_in(Door::Operator, None, at("2026-02-02T08:00:00Z"));
    assert_eq!(refused.unwrap_err().code, ErrorCode::ConferenceCancelled);
}
