//! What stands in each other's way.

use super::*;

fn slot(booking: &str, hours: (&str, &str), codes: &[&str]) -> Slot {
    let at = |hour: &str| at(&format!("2026-02-02T{hour}:00Z"));
    Slot {
        booking: id(booking),
        date: day("2026-02-02"),
        title: booking.to_owned(),
        starts_at: at(hours.0),
        ends_at: at(hours.1),
        hall: None,
        chair: None,
        audience: sites(codes).hash().clone(),
    }
}

fn find(own: Slot, other: Slot) -> Vec<Conflict> {
    let mut audiences = Audiences::new();
    for codes in [&["a", "b", "c"][..], &["b", "c", "d"], &["x"]] {
        let audience = sites(codes);
        audiences.insert(audience.hash().clone(), audience);
    }
    find_conflicts(&[(own, other)], &audiences)
}

#[test]
fn sites_that_are_invited_twice_at_one_time_are_counted_and_named() {
    let own = slot("A", ("08:00", "10:00"), &["a", "b", "c"]);
    let found = find(own.clone(), slot("B", ("09:00", "11:00"), &["b", "c", "d"]));
    let [found] = found.as_slice() else {
        panic!("{found:?}")
    };
    let named: Vec<_> = found.site_codes.iter().map(ToString::to_string).collect();
    assert_eq!(
        (found.sites, named),
        (2, vec!["b".to_owned(), "c".to_owned()])
    );
    assert_eq!(found.with.booking, id("B"));
    let behind = slot("B", ("10:00", "11:00"), &["b", "c", "d"]);
    assert_eq!(find(own, behind), [], "one begins when the other ends");
}

#[test]
fn one_hall_and_one_chair_are_in_one_place_at_a_time() {
    let mut own = slot("A", ("08:00", "10:00"), &["a", "b", "c"]);
    let mut other = slot("B", ("09:00", "11:00"), &["x"]);
    assert_eq!(find(own.clone(), other.clone()), []);
    own.hall = Some("H1".parse().unwrap());
    other.hall = Some("H2".parse().unwrap());
    own.chair = Some("name:anh".to_owned());
    assert_eq!(find(own.clone(), other.clone()), []);
    other.hall = own.hall.clone();
    other.chair = own.chair.clone();
    let found = find(own.clone(), other);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].hall.clone(), found[0].same_chair),
        (own.hall, true)
    );
}
