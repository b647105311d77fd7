//! The devices of one place: how many there are, which of them speaks, and who goes for a newcomer.

use super::*;

fn devices(meeting: &Meeting, id: ParticipantId) -> (u32, bool) {
    let own = meeting.own(id);
    (own.device, own.stands_by)
}

#[test]
fn the_second_device_of_a_site_stands_by_until_the_first_has_left() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    assert_eq!(devices(&meeting, first), (1, false));
    assert_eq!(devices(&meeting, second), (2, true));
    assert_eq!(meeting.state.counts().present, 1, "the site is here once");
    assert!(meeting.state.is_silenced(second));
    let asked = meeting.by(second, FloorCommand::Request);
    assert_eq!(code_of(asked), ErrorCode::StandBy);
    meeting.by(first, FloorCommand::Request).unwrap();
    let effects = meeting.by(first, PeopleCommand::Leave).unwrap();
    assert_eq!(devices(&meeting, second), (1, false));
    let heard = Effect::Media(MediaIntent::Block {
        participant: second,
        blocked: false,
    });
    assert!(effects.contains(&heard), "{effects:?}");
    assert!(effects.contains(&Effect::SelfChanged(Audience::One(second))));
    meeting.by(second, FloorCommand::Request).unwrap();
}

#[test]
fn a_further_device_takes_the_place_of_the_one_that_stands_by() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    let grant = meeting.grant(Role::Site, Some("101"));
    let join = meeting.joining(grant);
    let session = join.session;
    let effects = meeting.system(PeopleCommand::Join(Box::new(join))).unwrap();
    let third = meeting.state.participant_of(session).unwrap();
    assert!(meeting.state.participant(second).is_none());
    assert_eq!(devices(&meeting, first), (1, false));
    assert_eq!(devices(&meeting, third), (2, true));
    let told = Effect::Close(second, LeaveReason::TakenOver);
    assert!(effects.contains(&told), "{effects:?}");
}

#[test]
fn where_one_device_is_allowed_the_newest_is_in() {
    let mut meeting = Meeting::with(Settings {
        devices_per_site: 1,
        ..Settings::default()
    });
    meeting.system(PhaseCommand::Start).unwrap();
    let chair = meeting.join(Role::Chair, None);
    let first = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(first).unwrap().session;
    let secret = hash(meeting.next_id);
    let participant = first;
    meeting
        .by(chair, FloorCommand::Grant { participant })
        .unwrap();
    let second = meeting.join(Role::Site, Some("101"));
    assert!(meeting.state.participant(first).is_none());
    assert_eq!(devices(&meeting, second), (1, false));
    assert_eq!(meeting.state.floor_holder(), None);
    let back = meeting.system(PeopleCommand::Resume { session, secret });
    assert_eq!(code_of(back), ErrorCode::TakenOver);
}

#[test]
fn one_link_keeps_no_other_site_out() {
    let mut meeting = Meeting::with(Settings {
        max_participants: 3,
        ..Settings::default()
    });
    for _ in 0..12 {
        meeting.join(Role::Site, Some("101"));
    }
    assert_eq!(meeting.state.participant_count(), 2);
    meeting.join(Role::Site, Some("102"));
}

#[test]
fn a_stand_by_that_is_given_the_floor_is_the_first_device() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    meeting.by(first, FloorCommand::Request).unwrap();
    let place = Place::Main;
    let show = |participant| StageCommand::Set {
        place,
        participant: Some(participant),
    };
    meeting.by(chair, show(first)).unwrap();
    let refused = meeting.by(chair, show(second));
    assert_eq!(code_of(refused), ErrorCode::StandBy);
    let participant = second;
    let effects = meeting
        .by(chair, FloorCommand::Grant { participant })
        .unwrap();
    assert_eq!(devices(&meeting, second), (1, false));
    assert_eq!(devices(&meeting, first), (2, true));
    assert_eq!(meeting.standing(first), Standing::None);
    assert!(!meeting.own(first).on_stage);
    let silenced = Effect::Media(MediaIntent::Block {
        participant: first,
        blocked: true,
    });
    assert!(effects.contains(&silenced), "{effects:?}");
}

#[test]
fn a_device_whose_turn_goes_to_another_of_its_site_does_not_wait_for_one() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    meeting.by(first, FloorCommand::Request).unwrap();
    for participant in [first, second] {
        meeting
            .by(chair, FloorCommand::Grant { participant })
            .unwrap();
    }
    assert_eq!(devices(&meeting, first), (2, true));
    assert_eq!(meeting.standing(first), Standing::None);
    assert_eq!(meeting.state.floor_queue().count(), 0);
}

#[test]
fn a_hall_and_a_chair_speak_from_every_device() {
    let mut meeting = Meeting::running();
    for (role, site) in [(Role::Hall, Some("VN")), (Role::Chair, None)] {
        meeting.join(role, site);
        let second = meeting.join(role, site);
        assert_eq!(devices(&meeting, second), (2, false));
        assert!(!meeting.state.is_silenced(second));
    }
}

#[test]
fn two_subjects_are_two_people() {
    let mut meeting = Meeting::running();
    let id = meeting.state.id().clone();
    let operator = |subject| Grant::for_tests(Role::Operator, Some(&id), subject, None);
    for subject in ["lan", "minh", "an"] {
        let came = meeting.try_join(operator(subject)).unwrap();
        assert_eq!(devices(&meeting, came).0, 1);
    }
    assert_eq!(meeting.state.participant_count(), 3);
}

#[test]
fn the_record_has_the_token_with_which_somebody_came() {
    let mut meeting = Meeting::running();
    let grant = meeting.grant(Role::Site, Some("101"));
    let token = grant.token().clone();
    let commune = meeting.try_join(grant).unwrap();
    let Event::People(PeopleEvent::Joined { token: written, .. }) = meeting.last_event() else {
        panic!("{:?}", meeting.last_event());
    };
    assert_eq!(written.as_ref(), Some(&token));
    let person = meeting.state.participant(commune).unwrap();
    assert_eq!(person.token, Some(token));
}
