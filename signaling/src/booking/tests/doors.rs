//! When doors open, and when to come back to them.

use jiff::SignedDuration;

use super::*;

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
