//! The floor: one holder, first come first served.

use super::*;
use crate::conference::ReleaseReason;

/// A running conference with a chair and three communes.
fn debate() -> (Meeting, ParticipantId, [ParticipantId; 3]) {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let communes = ["101", "102", "201"].map(|code| meeting.join(Role::Site, Some(code)));
    (meeting, chair, communes)
}

#[test]
fn requests_are_served_in_the_order_in_which_they_came() {
    let (mut meeting, _, [a, b, c]) = debate();
    for commune in [b, c, a] {
        meeting.by(commune, FloorCommand::Request).unwrap();
    }
    assert_eq!(meeting.state.floor_queue().collect::<Vec<_>>(), [b, c, a]);
    assert_eq!(meeting.own(a).position, Some(3));
    meeting.by(b, FloorCommand::Withdraw).unwrap();
    assert_eq!(meeting.own(a).position, Some(2));
    assert_eq!(meeting.own(b).position, None);
    assert_eq!(meeting.standing(b), Standing::None);
}

#[test]
fn a_second_request_is_refused() {
    let (mut meeting, chair, [a, ..]) = debate();
    meeting.by(a, FloorCommand::Request).unwrap();
    let refused = meeting.by(a, FloorCommand::Request);
    assert_eq!(code_of(refused), ErrorCode::FloorAlreadyRequested);
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    let refused = meeting.by(a, FloorCommand::Request);
    assert_eq!(code_of(refused), ErrorCode::FloorAlreadyRequested);
}

#[test]
fn only_sites_ask_for_the_floor() {
    let (mut meeting, chair, _) = debate();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let observer = meeting.join(Role::Observer, Some("103"));
    for who in [chair, hall, observer] {
        assert_eq!(
            code_of(meeting.by(who, FloorCommand::Request)),
            ErrorCode::NotPermitted
        );
    }
}

#[test]
fn the_floor_is_closed_before_the_beginning() {
    let mut meeting = Meeting::scheduled();
    let commune = meeting.join(Role::Site, Some("101"));
    let chair = meeting.join(Role::Chair, None);
    let refused = meeting.by(commune, FloorCommand::Request);
    assert_eq!(code_of(refused), ErrorCode::ConferenceNotRunning);
    let refused = meeting.by(
        chair,
        FloorCommand::Grant {
            participant: commune,
        },
    );
    assert_eq!(code_of(refused), ErrorCode::ConferenceNotRunning);
}

#[test]
fn there_is_nothing_to_withdraw_without_a_request() {
    let (mut meeting, chair, [a, b, _]) = debate();
    assert_eq!(
        code_of(meeting.by(a, FloorCommand::Withdraw)),
        ErrorCode::FloorNotRequested
    );
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    assert_eq!(
        code_of(meeting.by(b, FloorCommand::Withdraw)),
        ErrorCode::FloorNotRequested
    );
}

#[test]
fn the_floor_is_granted_with_or_without_a_request() {
    let (mut meeting, chair, [a, b, _]) = debate();
    meeting.by(a, FloorCommand::Request).unwrap();
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    assert_eq!(meeting.standing(b), Standing::Holding);
    assert_eq!(meeting.standing(a), Standing::Waiting);
}

#[test]
fn granting_passes_the_floor_on() {
    let (mut meeting, chair, [a, b, _]) = debate();
    meeting.by(a, FloorCommand::Request).unwrap();
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    assert_eq!(meeting.state.floor_holder(), Some(a));
    assert_eq!(meeting.standing(b), Standing::None);
    assert_eq!(meeting.state.floor_queue().count(), 0);
    let passed_on = meeting.log.iter().any(|record| match &record.event {
        Event::Floor(FloorEvent::FloorReleased {
            participant,
            reason,
            ..
        }) => *participant == b && *reason == ReleaseReason::PassedOn,
        _ => false,
    });
    assert!(passed_on);
}

#[test]
fn granting_the_floor_to_its_holder_changes_nothing() {
    let (mut meeting, chair, [a, ..]) = debate();
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    let before = meeting.state.clone();
    assert_eq!(
        meeting
            .by(chair, FloorCommand::Grant { participant: a })
            .unwrap(),
        []
    );
    assert_eq!(meeting.state, before);
}

#[test]
fn only_moderators_grant_and_revoke() {
    let (mut meeting, chair, [a, b, _]) = debate();
    let hall = meeting.join(Role::Hall, Some("VN"));
    for who in [a, hall] {
        let refused = meeting.by(who, FloorCommand::Grant { participant: b });
        assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    }
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    assert_eq!(
        code_of(meeting.by(a, FloorCommand::Revoke { participant: b })),
        ErrorCode::NotPermitted
    );
    let operator = meeting.join(Role::Operator, None);
    meeting
        .by(operator, FloorCommand::Revoke { participant: b })
        .unwrap();
    assert_eq!(meeting.state.floor_holder(), None);
}

#[test]
fn the_floor_goes_to_nobody_who_cannot_speak_or_is_not_there() {
    let (mut meeting, chair, [a, ..]) = debate();
    for role in [Role::Operator, Role::Observer] {
        let silent = meeting.join(role, Some("103"));
        let refused = meeting.by(
            chair,
            FloorCommand::Grant {
                participant: silent,
            },
        );
        assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    }
    meeting.lose(a);
    let refused = meeting.by(chair, FloorCommand::Grant { participant: a });
    assert_eq!(code_of(refused), ErrorCode::ParticipantUnknown);
    let nobody = ParticipantId::new(9, 9);
    let refused = meeting.by(
        chair,
        FloorCommand::Grant {
            participant: nobody,
        },
    );
    assert_eq!(code_of(refused), ErrorCode::ParticipantUnknown);
}

#[test]
fn only_the_holder_yields() {
    let (mut meeting, chair, [a, b, _]) = debate();
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    assert_eq!(
        code_of(meeting.by(b, FloorCommand::Yield)),
        ErrorCode::FloorNotHeld
    );
    meeting.by(a, FloorCommand::Yield).unwrap();
    assert_eq!(meeting.state.floor_holder(), None);
    assert_eq!(
        code_of(meeting.by(a, FloorCommand::Yield)),
        ErrorCode::FloorNotHeld
    );
    assert_eq!(
        code_of(meeting.by(chair, FloorCommand::Revoke { participant: a })),
        ErrorCode::FloorNotHeld
    );
}

#[test]
fn a_lost_one_keeps_its_place_in_the_queue() {
    let (mut meeting, _, [a, b, _]) = debate();
    meeting.by(a, FloorCommand::Request).unwrap();
    meeting.by(b, FloorCommand::Request).unwrap();
    meeting.lose(a);
    assert_eq!(meeting.own(a).position, Some(1));
    assert_eq!(meeting.own(b).position, Some(2));
}

#[test]
fn whoever_gets_the_floor_is_heard_even_if_it_was_muted() {
    let (mut meeting, chair, [a, ..]) = debate();
    meeting
        .by(
            chair,
            SourcesCommand::Mute {
                participant: a,
                muted: true,
            },
        )
        .unwrap();
    let effects = meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    let block = MediaIntent::Block {
        participant: a,
        blocked: false,
    };
    assert!(effects.contains(&Effect::Media(block)), "{effects:?}");
    assert_eq!(meeting.state.scene().speakers, [a]);
}

#[test]
fn a_muted_holder_keeps_the_floor_and_is_not_heard() {
    let (mut meeting, chair, [a, ..]) = debate();
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    meeting
        .by(
            chair,
            SourcesCommand::Mute {
                participant: a,
                muted: true,
            },
        )
        .unwrap();
    assert_eq!(meeting.state.floor_holder(), Some(a));
    assert_eq!(meeting.state.scene().speakers, []);
    meeting
        .by(
            chair,
            SourcesCommand::Mute {
                participant: a,
                muted: false,
            },
        )
        .unwrap();
    assert_eq!(meeting.state.scene().speakers, [a]);
}

#[test]
fn only_the_first_fifty_of_a_long_queue_are_told() {
    let mut meeting = Meeting::running();
    let waiting: Vec<_> = (101..161)
        .map(|code| meeting.join(Role::Site, Some(&code.to_string())))
        .collect();
    for commune in &waiting {
        meeting.by(*commune, FloorCommand::Request).unwrap();
    }
    let floor = meeting.state.snapshot().floor;
    assert_eq!(floor.waiting, 60);
    let told: Vec<_> = floor.queue.iter().map(|claim| claim.participant).collect();
    assert_eq!(told, waiting[..50]);
    assert_eq!(meeting.own(waiting[59]).position, Some(60));
}

#[test]
fn a_revocation_that_names_another_leaves_the_holder_alone() {
    let (mut meeting, chair, [a, b, _]) = debate();
    for participant in [a, b] {
        meeting
            .by(chair, FloorCommand::Grant { participant })
            .unwrap();
    }
    let refused = meeting.by(chair, FloorCommand::Revoke { participant: a });
    assert_eq!(code_of(refused), ErrorCode::FloorNotHeld);
    assert_eq!(meeting.state.floor_holder(), Some(b));
}

#[test]
fn what_a_program_does_for_a_commune_is_recorded_as_its_act_on_the_communes_behalf() {
    let (mut meeting, _, [a, ..]) = debate();
    let grant = meeting.grant(Role::Operator, None);
    let on_behalf = By::Bearer(Bearer {
        name: None,
        subject: grant.subject().to_owned(),
        token: grant.token().clone(),
        on_behalf_of: Some(a),
    });
    let bearer = Actor::bearer(grant).on_behalf_of(a);
    for command in [
        Command::Floor(FloorCommand::Request),
        Command::Floor(FloorCommand::Withdraw),
        Command::Floor(FloorCommand::Grant { participant: a }),
        Command::Floor(FloorCommand::Yield),
    ] {
        meeting.run(&bearer, command.clone()).unwrap();
        let by = match meeting.last_event().clone() {
            Event::Floor(FloorEvent::FloorRequested { by, .. })
            | Event::Floor(FloorEvent::FloorWithdrawn { by, .. }) => by,
            Event::Floor(FloorEvent::FloorReleased { by, .. }) => Some(by),
            // Granting is a moderator's own.
            _ => continue,
        };
        assert_eq!(by, Some(on_behalf.clone()), "{command:?}");
    }
    assert_eq!(meeting.state.floor_holder(), None);
}

#[test]
fn what_a_commune_does_itself_is_recorded_as_its_own() {
    let (mut meeting, _, [a, b, _]) = debate();
    meeting.by(a, FloorCommand::Request).unwrap();
    let by = Some(By::Participant(a));
    let participant = a;
    assert_eq!(
        meeting.last_event(),
        &Event::Floor(FloorEvent::FloorRequested { participant, by })
    );
    let for_another = Actor::participant(b).on_behalf_of(a);
    let refused = meeting.run(&for_another, FloorCommand::Request);
    assert_eq!(code_of(refused), ErrorCode::NotPermitted, "for another");
}

#[test]
fn a_moderator_over_rest_grants_and_a_site_over_rest_does_nothing() {
    let (mut meeting, _, [a, ..]) = debate();
    let bearer = Actor::bearer(meeting.grant(Role::Operator, None));
    meeting
        .run(&bearer, FloorCommand::Grant { participant: a })
        .unwrap();
    assert_eq!(meeting.state.floor_holder(), Some(a));
    let site = Actor::bearer(meeting.grant(Role::Site, Some("102")));
    assert_eq!(
        code_of(meeting.run(&site.clone().on_behalf_of(a), FloorCommand::Request)),
        ErrorCode::NotPermitted
    );
    assert_eq!(
        code_of(meeting.run(&site, FloorCommand::Revoke { participant: a })),
        ErrorCode::NotPermitted
    );
}

#[test]
fn a_moderator_of_another_conference_has_no_say_here() {
    let (mut meeting, _, [a, ..]) = debate();
    let other = "other".parse().unwrap();
    let stranger = Actor::bearer(Grant::for_tests(Role::Chair, Some(&other), "x", None));
    let refused = meeting.run(&stranger, FloorCommand::Grant { participant: a });
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    let admin = Actor::bearer(Grant::for_tests(Role::Admin, None, "portal", None));
    meeting
        .run(&admin, FloorCommand::Grant { participant: a })
        .unwrap();
}

#[test]
fn who_loses_a_turn_is_told_how_and_who_ends_it_is_not() {
    let (mut meeting, chair, [a, b, _]) = debate();
    let give = |participant| FloorCommand::Grant { participant };
    meeting.by(chair, give(a)).unwrap();
    meeting.by(chair, give(b)).unwrap();
    assert_eq!(meeting.own(a).last_turn, Some(LastTurn::PassedOn));
    meeting
        .by(chair, FloorCommand::Revoke { participant: b })
        .unwrap();
    assert_eq!(meeting.own(b).last_turn, Some(LastTurn::Revoked));
    meeting.by(b, FloorCommand::Request).unwrap();
    assert_eq!(meeting.own(b).last_turn, None);
    meeting.by(b, FloorCommand::Withdraw).unwrap();
    assert_eq!(meeting.own(b).last_turn, None);
}

#[test]
fn a_turn_that_another_device_of_the_site_is_given_has_moved() {
    let (mut meeting, chair, [first, ..]) = debate();
    let second = meeting.join(Role::Site, Some("101"));
    meeting.by(first, FloorCommand::Request).unwrap();
    let give = FloorCommand::Grant {
        participant: second,
    };
    meeting.by(chair, give).unwrap();
    assert_eq!(meeting.own(first).last_turn, Some(LastTurn::Moved));
}

#[test]
fn whoever_was_put_on_the_stage_may_leave_it() {
    let (mut meeting, chair, [a, ..]) = debate();
    let put = StageCommand::Set {
        place: Place::Main,
        participant: Some(a),
    };
    meeting.by(chair, put).unwrap();
    assert!(meeting.own(a).on_stage);
    meeting.by(a, FloorCommand::Yield).unwrap();
    assert!(!meeting.own(a).on_stage);
    assert_eq!(
        code_of(meeting.by(a, FloorCommand::Yield)),
        ErrorCode::FloorNotHeld
    );
}

#[test]
fn a_device_that_stands_by_may_become_the_one_that_speaks() {
    let (mut meeting, chair, [first, ..]) = debate();
    let second = meeting.join(Role::Site, Some("101"));
    meeting.by(first, FloorCommand::Request).unwrap();
    let effects = meeting.by(second, FloorCommand::SpeakHere).unwrap();
    assert!(effects.contains(&Effect::Close(first, LeaveReason::TakenOver)));
    let own = meeting.own(second);
    assert_eq!((own.stands_by, own.position), (false, Some(1)));
    let third = meeting.join(Role::Site, Some("101"));
    let give = FloorCommand::Grant {
        participant: second,
    };
    meeting.by(chair, give).unwrap();
    let refused = meeting.by(third, FloorCommand::SpeakHere);
    assert_eq!(code_of(refused), ErrorCode::StandBy, "it is on air");
    assert!(meeting.state.participant(second).is_some());
}

fn asking(meeting: &mut Meeting, communes: &[ParticipantId]) {
    for commune in communes {
        let participant = *commune;
        meeting.by(participant, FloorCommand::Request).unwrap();
        meeting.pass(1);
    }
}

fn queue(meeting: &Meeting) -> Vec<ParticipantId> {
    meeting.state.floor_queue().collect()
}

#[test]
fn whoever_loses_the_floor_within_seconds_waits_first_again() {
    let (mut meeting, chair, [a, b, c]) = debate();
    asking(&mut meeting, &[a, b, c]);
    let since = meeting.state.snapshot().floor.queue[1].since;
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    meeting.pass(9);
    let effects = meeting
        .by(chair, FloorCommand::Revoke { participant: b })
        .unwrap();
    assert_eq!(queue(&meeting), [b, a, c]);
    assert_eq!(meeting.own(b).position, Some(1));
    assert_eq!(meeting.state.snapshot().floor.queue[0].since, since);
    let moved = Effect::SelfChanged(Audience::Waiting);
    assert!(effects.contains(&moved), "{effects:?}");
    let replayed = State::replay(
        meeting.state.id().clone(),
        Settings::default(),
        &meeting.log,
    );
    assert_eq!(replayed, meeting.state);
}

#[test]
fn a_floor_that_slips_through_many_hands_costs_nobody_a_turn() {
    let (mut meeting, chair, communes) = debate();
    asking(&mut meeting, &communes);
    for participant in communes {
        meeting
            .by(chair, FloorCommand::Grant { participant })
            .unwrap();
    }
    let [a, b, c] = communes;
    assert_eq!(meeting.state.floor_holder(), Some(c));
    assert_eq!(queue(&meeting), [b, a]);
}

#[test]
fn who_has_spoken_for_a_while_or_gives_the_floor_back_or_never_asked_does_not_wait_again() {
    let (mut meeting, chair, [a, b, c]) = debate();
    asking(&mut meeting, &[a, b]);
    meeting
        .by(chair, FloorCommand::Grant { participant: a })
        .unwrap();
    meeting.pass(10);
    meeting
        .by(chair, FloorCommand::Grant { participant: b })
        .unwrap();
    meeting.by(b, FloorCommand::Yield).unwrap();
    meeting
        .by(chair, FloorCommand::Grant { participant: c })
        .unwrap();
    meeting
        .by(chair, FloorCommand::Revoke { participant: c })
        .unwrap();
    assert_eq!(queue(&meeting), []);
}

#[test]
fn the_floor_is_taken_from_nobody_whom_the_moderator_did_not_name() {
    let (mut meeting, chair, [a, b, c]) = debate();
    let pass = |participant, instead| FloorCommand::Pass {
        participant,
        instead,
    };
    meeting.by(chair, pass(a, None)).unwrap();
    for stale in [None, Some(c)] {
        let refused = meeting.by(chair, pass(b, stale));
        assert_eq!(code_of(refused), ErrorCode::FloorNotHeld);
        assert_eq!(meeting.state.floor_holder(), Some(a));
    }
    meeting.by(chair, pass(b, Some(a))).unwrap();
    assert_eq!(meeting.state.floor_holder(), Some(b));
    assert_eq!(meeting.by(chair, pass(b, None)).unwrap(), [], "it has it");
    assert_eq!(
        code_of(meeting.by(a, pass(a, Some(b)))),
        ErrorCode::NotPermitted
    );
    meeting.by(b, FloorCommand::Yield).unwrap();
    assert_eq!(
        code_of(meeting.by(chair, pass(c, Some(b)))),
        ErrorCode::FloorNotHeld,
        "nobody has it any more"
    );
}

#[test]
fn the_queue_says_in_which_province_a_site_is_and_a_province_needs_no_other() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let province = meeting.join(Role::Site, Some("01"));
    asking(&mut meeting, &[commune, province]);
    let told = meeting.state.snapshot().floor.queue;
    let names: Vec<_> = told
        .iter()
        .map(|claim| claim.province_name.as_deref())
        .collect();
    assert_eq!(names, [Some("Site 01"), None]);
}
