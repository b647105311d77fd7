//! Coming in and coming back.

use super::*;
use crate::protocol::ErrorCode;

#[test]
fn whoever_joins_carries_the_name_of_its_site() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let person = meeting.state.participant(commune).unwrap();
    assert_eq!(person.name, "Site 101");
    assert_eq!(person.role, Role::Site);
    assert!(person.is_present());
}

#[test]
fn without_a_site_the_subject_is_the_name() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    assert_eq!(
        meeting.state.participant(operator).unwrap().name,
        "operator of None"
    );
}

#[test]
fn a_token_for_another_conference_does_not_open_this_one() {
    let mut meeting = Meeting::running();
    let other = "other".parse().unwrap();
    let grant = Grant::for_tests(Role::Chair, Some(&other), "x", None);
    assert_eq!(code_of(meeting.try_join(grant)), ErrorCode::NotPermitted);
}

#[test]
fn an_administrator_joins_no_conference() {
    let mut meeting = Meeting::running();
    let admin = Grant::for_tests(Role::Admin, None, "portal", None);
    assert_eq!(code_of(meeting.try_join(admin)), ErrorCode::NotPermitted);
}

#[test]
fn one_may_join_before_the_beginning_but_not_after_the_end() {
    let mut meeting = Meeting::scheduled();
    meeting.join(Role::Site, Some("101"));
    meeting.system(Command::End).unwrap();
    let grant = meeting.grant(Role::Site, Some("102"));
    assert_eq!(
        code_of(meeting.try_join(grant)),
        ErrorCode::ConferenceNotRunning
    );
}

#[test]
fn a_full_conference_refuses_sites_but_not_those_who_run_it() {
    let mut meeting = Meeting::with(Settings {
        max_participants: 1,
        ..Settings::default()
    });
    meeting.join(Role::Site, Some("101"));
    for role in [Role::Site, Role::Observer] {
        let grant = meeting.grant(role, Some("102"));
        assert_eq!(code_of(meeting.try_join(grant)), ErrorCode::ConferenceFull);
    }
    for role in [Role::Operator, Role::Chair, Role::Hall] {
        meeting.join(role, Some("VN"));
    }
}

#[test]
fn a_full_server_refuses_newcomers_but_not_the_lost_nor_those_who_run_it() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.lose(commune);
    let without_room = |meeting: &mut Meeting, role, site| {
        let grant = meeting.grant(role, site);
        let join = Join {
            no_room: Some(Refusal::new(ErrorCode::ServerFull, "full")),
            ..meeting.joining(grant)
        };
        meeting.system(Command::Join(join))
    };
    let newcomer = without_room(&mut meeting, Role::Site, Some("102"));
    assert_eq!(code_of(newcomer), ErrorCode::ServerFull);
    for (role, site) in [
        (Role::Site, Some("101")),
        (Role::Operator, None),
        (Role::Chair, None),
        (Role::Hall, Some("VN")),
    ] {
        without_room(&mut meeting, role, site).unwrap();
    }
}

#[test]
fn a_full_conference_lets_the_lost_come_back() {
    let mut meeting = Meeting::with(Settings {
        max_participants: 1,
        ..Settings::default()
    });
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.lose(commune);
    assert_eq!(meeting.join(Role::Site, Some("101")), commune);
}

#[test]
fn the_same_site_and_role_take_over_a_lost_participant() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let before = meeting.state.participant(commune).unwrap().session;
    meeting.lose(commune);
    assert_eq!(meeting.join(Role::Site, Some("101")), commune);
    assert!(matches!(meeting.last_event(), Event::TakenOver { .. }));
    assert!(meeting.state.participant(commune).unwrap().is_present());
    assert_eq!(meeting.state.participant_count(), 1);
    let resumed = meeting.system(Command::Resume {
        session: before,
        secret: hash(1),
    });
    assert_eq!(code_of(resumed), ErrorCode::SessionUnknown);
}

#[test]
fn another_role_or_site_takes_nobody_over() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.lose(commune);
    assert_ne!(meeting.join(Role::Observer, Some("101")), commune);
    assert_ne!(meeting.join(Role::Site, Some("102")), commune);
    assert_eq!(meeting.state.participant_count(), 3);
}

#[test]
fn without_a_site_only_the_same_subject_takes_over() {
    let mut meeting = Meeting::running();
    let id = meeting.state.id().clone();
    let operator = |subject| Grant::for_tests(Role::Operator, Some(&id), subject, None);
    let lan = meeting.try_join(operator("lan")).unwrap();
    meeting.lose(lan);
    let minh = meeting.try_join(operator("minh")).unwrap();
    assert_ne!(minh, lan);
    assert_eq!(meeting.try_join(operator("lan")).unwrap(), lan);
}

#[test]
fn a_second_device_of_a_site_is_a_second_participant() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    assert_ne!(first, second);
}

#[test]
fn of_two_lost_devices_each_is_taken_over_once() {
    let mut meeting = Meeting::running();
    let devices = [
        meeting.join(Role::Site, Some("101")),
        meeting.join(Role::Site, Some("101")),
    ];
    for device in devices {
        meeting.lose(device);
    }
    let mut back = [
        meeting.join(Role::Site, Some("101")),
        meeting.join(Role::Site, Some("101")),
    ];
    back.sort_unstable();
    assert_eq!(back, devices);
}

#[test]
fn session_and_secret_bring_back_the_same_participant() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    meeting.lose(commune);
    meeting.pass(29);
    meeting
        .system(Command::Resume {
            session,
            secret: hash(1),
        })
        .unwrap();
    assert!(meeting.state.participant(commune).unwrap().is_present());
    assert_eq!(meeting.state.next_deadline(), None);
}

#[test]
fn a_session_that_was_not_lost_is_resumed_without_an_event() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    let before = meeting.log.len();
    meeting
        .system(Command::Resume {
            session,
            secret: hash(1),
        })
        .unwrap();
    assert_eq!(meeting.log.len(), before);
}

#[test]
fn a_wrong_secret_is_refused_like_an_unknown_session() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    meeting.lose(commune);
    let wrong = meeting
        .system(Command::Resume {
            session,
            secret: hash(9),
        })
        .unwrap_err();
    let unknown = meeting
        .system(Command::Resume {
            session: SessionId::new(9, 9),
            secret: hash(1),
        })
        .unwrap_err();
    assert_eq!(wrong, unknown);
    assert_eq!(wrong.code, ErrorCode::SessionUnknown);
}
