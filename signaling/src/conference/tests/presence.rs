//! Who of the expected is here.

use std::collections::BTreeSet;

use super::*;

fn province(meeting: &Meeting, wanted: &str) -> Counts {
    let provinces = meeting.state.snapshot().provinces;
    provinces
        .into_iter()
        .find(|province| province.code == code(wanted))
        .unwrap()
        .counts
}

#[test]
fn sites_are_counted_in_all_and_by_province() {
    let mut meeting = Meeting::running();
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 7,
            present: 0,
            lost: 0
        }
    );
    assert_eq!(
        province(&meeting, "01"),
        Counts {
            expected: 4,
            present: 0,
            lost: 0
        }
    );
    meeting.join(Role::Hall, Some("VN"));
    meeting.join(Role::Site, Some("01"));
    let commune = meeting.join(Role::Site, Some("101"));
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 7,
            present: 3,
            lost: 0
        }
    );
    assert_eq!(
        province(&meeting, "01"),
        Counts {
            expected: 4,
            present: 2,
            lost: 0
        }
    );
    meeting.lose(commune);
    assert_eq!(
        province(&meeting, "01"),
        Counts {
            expected: 4,
            present: 1,
            lost: 1
        }
    );
    meeting.pass(30);
    meeting.system(ClockCommand::Tick).unwrap();
    assert_eq!(
        province(&meeting, "01"),
        Counts {
            expected: 4,
            present: 1,
            lost: 0
        }
    );
    assert_eq!(
        province(&meeting, "02"),
        Counts {
            expected: 2,
            present: 0,
            lost: 0
        }
    );
}

#[test]
fn two_devices_of_a_site_are_one_site() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    assert_eq!(meeting.state.counts().present, 1);
    meeting.lose(first);
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 7,
            present: 1,
            lost: 0
        }
    );
    meeting.lose(second);
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 7,
            present: 0,
            lost: 1
        }
    );
}

#[test]
fn a_site_that_is_not_expected_comes_in_uncounted() {
    let mut meeting = Meeting::running();
    let guest = meeting.join(Role::Site, Some("999"));
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 7,
            present: 0,
            lost: 0
        }
    );
    assert_eq!(
        meeting.state.participant(guest).unwrap().name,
        "site of Some(\"999\")"
    );
}

#[test]
fn another_roster_counts_those_who_are_already_here() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    let lost = meeting.join(Role::Site, Some("102"));
    meeting.join(Role::Site, Some("201"));
    meeting.lose(lost);
    let chosen = BTreeSet::from(["101", "102", "103"].map(code));
    let roster = Roster::chosen(&country(), &chosen).unwrap();
    meeting.system(RosterCommand::Set { roster }).unwrap();
    assert_eq!(
        meeting.state.counts(),
        Counts {
            expected: 3,
            present: 1,
            lost: 1
        }
    );
    assert_eq!(province(&meeting, "01").expected, 3);
    let absent: Vec<_> = meeting
        .state
        .absent_sites()
        .map(ToString::to_string)
        .collect();
    assert_eq!(absent, ["102", "103"]);
}

#[test]
fn a_chosen_site_must_exist() {
    let chosen = BTreeSet::from([code("101"), code("999")]);
    let error = Roster::chosen(&country(), &chosen).unwrap_err();
    assert_eq!(error.to_string(), "there is no site 999: import it first");
}

#[test]
fn a_chosen_commune_brings_the_name_of_its_province() {
    let chosen = BTreeSet::from([code("201")]);
    let mut meeting = Meeting::running();
    let roster = Roster::chosen(&country(), &chosen).unwrap();
    meeting.system(RosterCommand::Set { roster }).unwrap();
    let provinces = meeting.state.snapshot().provinces;
    assert_eq!(provinces.len(), 1);
    assert_eq!(provinces[0].name, "Site 02");
}
