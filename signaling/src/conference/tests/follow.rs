//! A conference whose booking invites others while it is open.

use super::*;

fn follow(added: &[&str], removed: &[&str]) -> RosterCommand {
    let codes = |codes: &[&str]| codes.iter().map(|text| code(text)).collect();
    RosterCommand::Follow {
        added: Roster::among(&country(), &codes(added)),
        removed: codes(removed),
    }
}

fn expected(meeting: &Meeting) -> Vec<String> {
    let sites = meeting.state.roster().sites();
    sites.map(|(code, _)| code.to_string()).collect()
}

/// A running conference that expects these.
fn of(sites: &[&str]) -> Meeting {
    let mut meeting = Meeting::running();
    let chosen = sites.iter().map(|text| code(text)).collect();
    let roster = Roster::chosen(&country(), &chosen).unwrap();
    meeting.system(RosterCommand::Set { roster }).unwrap();
    meeting
}

#[test]
fn whom_a_booking_invites_besides_is_expected_beside_those_whom_an_operator_has_added() {
    let mut meeting = of(&["101", "201"]);
    meeting.system(follow(&["102", "101"], &[])).unwrap();
    assert_eq!(expected(&meeting), ["101", "102", "201"]);
    let provinces = meeting.state.snapshot().provinces;
    assert_eq!(provinces.len(), 2, "named, of old and new");
    let seq = meeting.log.len();
    meeting.system(follow(&["102"], &["999"])).unwrap();
    assert_eq!(meeting.log.len(), seq, "what is so already is no event");
}

#[test]
fn whoever_is_invited_no_more_goes_and_is_told_why_with_the_turn_and_the_place_that_it_had() {
    let mut meeting = of(&["101", "102", "103", "201"]);
    let holder = meeting.join(Role::Site, Some("101"));
    let waiting = meeting.join(Role::Site, Some("102"));
    let staying = meeting.join(Role::Site, Some("201"));
    meeting
        .system(FloorCommand::Grant {
            participant: holder,
        })
        .unwrap();
    meeting.by(waiting, FloorCommand::Request).unwrap();
    meeting
        .system(StageCommand::Set {
            place: Place::Second,
            participant: Some(waiting),
        })
        .unwrap();
    let effects = meeting.system(follow(&[], &["101", "102"])).unwrap();
    for gone in [holder, waiting] {
        assert!(meeting.state.participant(gone).is_none());
        assert!(effects.contains(&Effect::Close(gone, LeaveReason::NotInvited)));
    }
    assert!(meeting.state.participant(staying).is_some());
    assert_eq!(meeting.state.snapshot().floor.holder, None);
    assert_eq!(expected(&meeting), ["103", "201"]);
    assert_eq!(meeting.state.absent_sites().count(), 1);
    let kinds: Vec<_> = meeting
        .log
        .iter()
        .rev()
        .map(|record| record.event.kind())
        .collect();
    for kind in [
        "rosterSet",
        "left",
        "floorReleased",
        "floorWithdrawn",
        "stageSet",
    ] {
        assert!(
            kinds.iter().take(7).any(|known| *known == kind),
            "{kinds:?}"
        );
    }
}

#[test]
fn the_hall_of_a_site_that_is_invited_no_more_stays() {
    let mut meeting = of(&["101", "102"]);
    let hall = meeting.join(Role::Hall, Some("101"));
    meeting.system(follow(&[], &["101"])).unwrap();
    assert!(meeting.state.participant(hall).is_some());
}

#[test]
fn nobody_but_the_server_says_whom_a_booking_invites() {
    let mut meeting = of(&["101"]);
    let operator = meeting.join(Role::Operator, None);
    let asked = meeting.by(operator, follow(&["102"], &[]));
    assert_eq!(code_of(asked), ErrorCode::NotPermitted);
    meeting.system(PhaseCommand::End).unwrap();
    let late = meeting.system(follow(&["102"], &[]));
    assert_eq!(code_of(late), ErrorCode::ConferenceNotRunning);
}
