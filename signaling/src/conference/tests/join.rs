//! Coming in and coming back.

use super::*;
use crate::refusal::ErrorCode;

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
    meeting.system(PhaseCommand::End).unwrap();
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
fn a_full_server_refuses_newcomers_but_not_those_who_run_it() {
    let mut meeting = Meeting::running();
    let without_room = |meeting: &mut Meeting, role, site| {
        let grant = meeting.grant(role, site);
        let join = Join {
            no_room: Some(Refusal::new(ErrorCode::ServerFull, "full")),
            ..meeting.joining(grant)
        };
        meeting.system(PeopleCommand::Join(Box::new(join)))
    };
    let newcomer = without_room(&mut meeting, Role::Site, Some("102"));
    assert_eq!(code_of(newcomer), ErrorCode::ServerFull);
    for (role, site) in [
        (Role::Operator, None),
        (Role::Chair, None),
        (Role::Hall, Some("VN")),
    ] {
        without_room(&mut meeting, role, site).unwrap();
    }
}

#[test]
fn a_full_conference_lets_another_device_take_over_from_a_dead_one() {
    let mut meeting = Meeting::with(Settings {
        max_participants: 1,
        ..Settings::default()
    });
    let commune = meeting.join(Role::Site, Some("101"));
    assert_eq!(meeting.take_over(commune), commune);
}

#[test]
fn who_joins_while_the_holder_is_lost_has_neither_its_floor_nor_its_session() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    let secret = meeting.next_id;
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: commune,
            },
        )
        .unwrap();
    meeting.lose(commune);
    let other = meeting.join(Role::Site, Some("101"));
    assert_ne!(other, commune);
    assert_eq!(meeting.standing(other), Standing::None);
    assert_eq!(meeting.state.floor_holder(), Some(commune));
    let secret = hash(secret);
    meeting
        .system(PeopleCommand::Resume { session, secret })
        .unwrap();
    assert_eq!(meeting.standing(commune), Standing::Holding);
}

#[test]
fn who_takes_over_from_a_dead_machine_keeps_its_turn_and_not_what_everybody_hears() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let former = meeting.state.participant(commune).unwrap().session;
    let secret = hash(meeting.next_id);
    meeting.publish(commune, Source::Camera);
    let place = Place::Main;
    let participant = Some(commune);
    meeting
        .by(chair, StageCommand::Set { place, participant })
        .unwrap();
    meeting.by(commune, FloorCommand::Request).unwrap();
    assert_eq!(meeting.take_over(commune), commune);
    assert!(matches!(
        meeting.last_event(),
        Event::People(PeopleEvent::TakenOver { .. })
    ));
    assert_eq!(meeting.state.participant_count(), 2);
    let person = meeting.state.participant(commune).unwrap();
    assert!(person.is_present() && person.sources.is_empty());
    assert!(!meeting.own(commune).on_stage);
    assert_eq!(meeting.standing(commune), Standing::Waiting);
    let participant = commune;
    meeting
        .by(chair, FloorCommand::Grant { participant })
        .unwrap();
    meeting.take_over(commune);
    assert_eq!(meeting.state.floor_holder(), None);
    let resumed = meeting.system(PeopleCommand::Resume {
        session: former,
        secret,
    });
    assert_eq!(code_of(resumed), ErrorCode::TakenOver, "it is told why");
}

#[test]
fn another_role_site_or_subject_takes_nobody_over() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let over = |meeting: &mut Meeting, grant| {
        let join = Join {
            over: Some(commune),
            ..meeting.joining(grant)
        };
        let session = join.session;
        meeting.system(PeopleCommand::Join(Box::new(join))).unwrap();
        meeting.state.participant_of(session).unwrap()
    };
    let id = meeting.state.id().clone();
    for grant in [
        meeting.grant(Role::Observer, Some("101")),
        meeting.grant(Role::Site, Some("102")),
        Grant::for_tests(Role::Operator, Some(&id), "101", None),
    ] {
        assert_ne!(over(&mut meeting, grant), commune);
    }
    assert_eq!(meeting.state.participant_count(), 4);
}

#[test]
fn of_a_token_for_nobody_in_particular_the_role_is_the_name() {
    let mut meeting = Meeting::running();
    let id = meeting.state.id().clone();
    let nobody = Grant::for_tests(Role::Operator, Some(&id), "", None);
    let subject = format!("operator-{}", nobody.token());
    let grant = Grant::for_tests(Role::Operator, Some(&id), &subject, None);
    let operator = meeting.try_join(grant).unwrap();
    let person = meeting.state.participant(operator).unwrap();
    assert_eq!(person.name, "operator");
}

#[test]
fn session_and_secret_bring_back_the_same_participant() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    meeting.lose(commune);
    meeting.pass(29);
    meeting
        .system(PeopleCommand::Resume {
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
        .system(PeopleCommand::Resume {
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
        .system(PeopleCommand::Resume {
            session,
            secret: hash(9),
        })
        .unwrap_err();
    let unknown = meeting
        .system(PeopleCommand::Resume {
            session: SessionId::new(9, 9),
            secret: hash(1),
        })
        .unwrap_err();
    assert_eq!(wrong, unknown);
    assert_eq!(wrong.code, ErrorCode::SessionUnknown);
}
