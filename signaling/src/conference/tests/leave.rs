//! Being lost, coming too late, leaving, being sent away; and a server that was killed.

use super::*;
use crate::conference::ReleaseReason;

#[test]
fn the_lost_leave_when_the_window_closes_and_not_before() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.pass(5);
    meeting.lose(commune);
    let deadline = meeting.state.next_deadline().unwrap();
    let window = SignedDuration::from_secs(30);
    assert_eq!(deadline, meeting.state.time_of(meeting.now).after(window));
    meeting.now += window - SignedDuration::from_nanos(1);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(commune).is_some());
    meeting.now += SignedDuration::from_nanos(1);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(commune).is_none());
    assert_eq!(meeting.state.next_deadline(), None);
    assert!(matches!(
        meeting.last_event(),
        Event::People(PeopleEvent::Left {
            reason: LeaveReason::TimedOut,
            ..
        })
    ));
}

#[test]
fn the_deadline_is_that_of_whoever_was_lost_first() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("102"));
    meeting.lose(second);
    let deadline = meeting.state.next_deadline();
    meeting.pass(10);
    meeting.lose(first);
    assert_eq!(meeting.state.next_deadline(), deadline);
    meeting.pass(20);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(second).is_none());
    assert!(meeting.state.participant(first).is_some());
}

#[test]
fn one_cannot_be_lost_twice() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.lose(commune);
    let deadline = meeting.state.next_deadline();
    meeting.pass(10);
    meeting.lose(commune);
    assert_eq!(meeting.state.next_deadline(), deadline);
}

#[test]
fn a_lost_holder_keeps_the_floor_for_the_window_and_then_loses_it() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: commune,
            },
        )
        .unwrap();
    meeting.publish(commune, Source::Microphone);
    meeting.media(commune, Source::Microphone, true);
    meeting.lose(commune);
    assert_eq!(meeting.state.floor_holder(), Some(commune));
    assert_eq!(meeting.state.scene().second, Some(commune));
    meeting.pass(30);
    meeting.system(ClockCommand::Tick).unwrap();
    assert_eq!(meeting.state.floor_holder(), None);
    assert_eq!(meeting.state.scene().second, None);
    let released = meeting.log.iter().any(|record| {
        matches!(
            record.event,
            Event::Floor(FloorEvent::FloorReleased {
                reason: ReleaseReason::Left,
                ..
            })
        )
    });
    assert!(released);
}

#[test]
fn whoever_waits_for_the_floor_keeps_its_turn_through_five_minutes_without_a_line() {
    let mut meeting = Meeting::running();
    let [patient, other] = ["101", "102"].map(|code| meeting.join(Role::Site, Some(code)));
    meeting.by(patient, FloorCommand::Request).unwrap();
    meeting.lose(patient);
    meeting.pass(1);
    meeting.lose(other);
    meeting.pass(30);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(other).is_none());
    meeting.pass(5 * 60 - 32);
    meeting.system(ClockCommand::Tick).unwrap();
    assert_eq!(meeting.own(patient).position, Some(1));
    meeting.pass(1);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(patient).is_none());
    assert_eq!(meeting.state.floor_queue().count(), 0);
}

#[test]
fn whoever_leaves_gives_up_floor_queue_and_stage() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let holder = meeting.join(Role::Site, Some("101"));
    let waiting = meeting.join(Role::Site, Some("102"));
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: holder,
            },
        )
        .unwrap();
    meeting.by(waiting, FloorCommand::Request).unwrap();
    let place = Place::Main;
    meeting
        .by(
            chair,
            StageCommand::Set {
                place,
                participant: Some(waiting),
            },
        )
        .unwrap();
    meeting.by(holder, PeopleCommand::Leave).unwrap();
    meeting.by(waiting, PeopleCommand::Leave).unwrap();
    assert_eq!(meeting.state.floor_holder(), None);
    assert_eq!(meeting.state.floor_queue().count(), 0);
    assert_eq!(meeting.state.scene(), &Scene::default());
}

#[test]
fn nobody_leaves_for_somebody_else() {
    let mut meeting = Meeting::running();
    let one = meeting.join(Role::Chair, None);
    let other = meeting.join(Role::Site, Some("101"));
    let refused = meeting.run(
        &Actor::participant(one).on_behalf_of(other),
        PeopleCommand::Leave,
    );
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
}

#[test]
fn moderators_send_people_away_and_others_do_not() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let hall = meeting.join(Role::Hall, Some("VN"));
    let commune = meeting.join(Role::Site, Some("101"));
    let refused = meeting.by(
        hall,
        PeopleCommand::Remove {
            participant: commune,
        },
    );
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    let effects = meeting
        .by(
            operator,
            PeopleCommand::Remove {
                participant: commune,
            },
        )
        .unwrap();
    let closed = Effect::Close(commune, LeaveReason::Removed);
    assert!(effects.contains(&closed), "{effects:?}");
    assert!(meeting.state.participant(commune).is_none());
}

#[test]
fn whoever_is_gone_can_do_nothing() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.by(commune, PeopleCommand::Leave).unwrap();
    let refused = meeting.by(commune, FloorCommand::Request);
    assert_eq!(code_of(refused), ErrorCode::ParticipantUnknown);
    let refused = meeting.by(commune, PeopleCommand::Leave);
    assert_eq!(code_of(refused), ErrorCode::ParticipantUnknown);
}

#[test]
fn only_the_server_says_that_somebody_is_lost() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    for command in [
        Command::People(PeopleCommand::Lost {
            participant: commune,
        }),
        Command::Clock(ClockCommand::Tick),
        Command::People(PeopleCommand::Interrupt { up_until: None }),
        Command::Clock(ClockCommand::NoteStep {
            set_by: SignedDuration::from_secs(3600),
        }),
    ] {
        assert_eq!(code_of(meeting.by(chair, command)), ErrorCode::NotPermitted);
    }
}

#[test]
fn after_a_restart_everybody_is_lost_and_has_the_whole_window_again() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let holder = meeting.join(Role::Site, Some("101"));
    let already_lost = meeting.join(Role::Site, Some("102"));
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: holder,
            },
        )
        .unwrap();
    meeting.lose(already_lost);
    // Killed here; an hour later the log is read again.
    let settings = *meeting.state.settings();
    meeting.state = State::replay(meeting.state.id().clone(), settings, &meeting.log);
    meeting.pass(3600);
    meeting
        .system(PeopleCommand::Interrupt { up_until: None })
        .unwrap();
    meeting.system(ClockCommand::Tick).unwrap();
    assert_eq!(meeting.state.participant_count(), 3);
    assert_eq!(meeting.state.counts().present, 0);
    assert_eq!(meeting.state.counts().lost, 2);
    assert_eq!(meeting.state.floor_holder(), Some(holder));
    assert_eq!(
        meeting.state.next_deadline(),
        Some(
            meeting
                .state
                .time_of(meeting.now)
                .after(SignedDuration::from_secs(30))
        )
    );
    let session = meeting.state.participant(holder).unwrap().session;
    meeting
        .system(PeopleCommand::Resume {
            session,
            secret: hash(2),
        })
        .unwrap();
    assert!(meeting.state.participant(holder).unwrap().is_present());
}

#[test]
fn the_log_says_until_when_the_server_was_up() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    let (last, window) = (meeting.now, SignedDuration::from_secs(20));
    meeting.pass(3600);
    for (known, said) in [
        (Some(last + window), last + window),
        // A beat that is older than what is in the log, none at all, and one of a wrong clock.
        (Some(last - window), last),
        (None, last),
        (Some(meeting.now + window), last),
    ] {
        let interrupt = PeopleCommand::Interrupt { up_until: known };
        let events = decide(
            &meeting.state,
            meeting.now,
            &Actor::SYSTEM,
            interrupt.into(),
        );
        let up_until = Some(said);
        assert_eq!(
            events,
            Ok(vec![Event::People(PeopleEvent::Interrupted { up_until })])
        );
    }
}
