//! What everybody sees and hears.

use super::*;
use crate::protocol::server::MediaState;

#[test]
fn main_shows_the_hall_and_second_the_holder_of_the_floor() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
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
    let scene = meeting.state.scene();
    assert_eq!(
        (scene.main, scene.second, scene.screen),
        (Some(hall), Some(commune), None)
    );
    assert_eq!(scene.speakers, [hall, commune]);
    assert!(meeting.own(commune).on_stage);
    assert!(!meeting.own(chair).on_stage);
}

#[test]
fn a_lost_hall_stays_on_stage_until_it_has_left() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    meeting.lose(hall);
    assert_eq!(meeting.state.scene().main, Some(hall));
    meeting.pass(30);
    meeting.system(ClockCommand::Tick).unwrap();
    assert_eq!(meeting.state.scene().main, None);
}

#[test]
fn of_two_halls_the_one_that_can_be_seen_is_shown() {
    let mut meeting = Meeting::running();
    let first = meeting.join(Role::Hall, Some("VN"));
    let second = meeting.join(Role::Hall, Some("VN"));
    assert_eq!(meeting.state.scene().main, Some(first));
    meeting.publish(second, Source::Camera);
    assert_eq!(meeting.state.scene().main, Some(second));
    meeting.publish(first, Source::Camera);
    assert_eq!(meeting.state.scene().main, Some(first));
    meeting.lose(first);
    assert_eq!(meeting.state.scene().main, Some(second));
}

#[test]
fn a_moderator_overrides_a_place_and_returns_it_to_its_rule() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let operator = meeting.join(Role::Operator, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let set = |participant| StageCommand::Set {
        place: Place::Main,
        participant,
    };
    meeting.by(operator, set(Some(commune))).unwrap();
    assert_eq!(meeting.state.scene().main, Some(commune));
    assert_eq!(
        meeting.state.scene().speakers,
        [hall],
        "its picture alone stands in the place of the hall's"
    );
    meeting.by(operator, set(None)).unwrap();
    assert_eq!(meeting.state.scene().main, Some(hall));
}

/// By a program, as by a page.
fn put_by_a_program(meeting: &mut Meeting, participant: ParticipantId) {
    let program = Actor::bearer(meeting.grant(Role::Operator, None));
    let put = StageCommand::Set {
        place: Place::Main,
        participant: Some(participant),
    };
    meeting.run(&program, put).unwrap();
}

#[test]
fn a_site_on_the_stage_is_heard_with_the_floor_alone_or_once_a_moderator_says_so() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    put_by_a_program(&mut meeting, commune);
    meeting.publish(commune, Source::Camera);
    meeting.media(commune, Source::Camera, true);
    let heard = |meeting: &Meeting| {
        (
            meeting.state.scene().speakers.clone(),
            meeting.own(commune).muted,
        )
    };
    assert_eq!(meeting.state.scene().main, Some(commune));
    assert_eq!(heard(&meeting), (vec![hall], true));

    let participant = commune;
    let grant = FloorCommand::Grant { participant };
    meeting.by(chair, grant).unwrap();
    assert_eq!(heard(&meeting), (vec![hall, commune], false));
    let revoke = FloorCommand::Revoke { participant };
    meeting.by(chair, revoke).unwrap();
    assert_eq!(
        heard(&meeting),
        (vec![hall], true),
        "the sound goes with the floor"
    );

    let unmute = SourcesCommand::Mute {
        participant,
        muted: false,
    };
    let effects = meeting.by(chair, unmute).unwrap();
    assert!(effects.contains(&Effect::ParticipantChanged(commune)));
    assert_eq!(heard(&meeting), (vec![commune], false));
    let second = StageCommand::Set {
        place: Place::Second,
        participant: Some(commune),
    };
    meeting.by(chair, second).unwrap();
    assert!(!meeting.own(commune).muted, "it was let be heard");
}

#[test]
fn whoever_is_put_on_the_stage_is_asked_before_anything_of_it_comes() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let commune = meeting.join(Role::Site, Some("101"));
    put_by_a_program(&mut meeting, commune);
    assert_eq!(meeting.state.scene().main, Some(hall));
    let own = meeting.own(commune);
    assert_eq!((own.on_stage, own.muted, own.cut), (true, true, false));
    let entry = meeting
        .state
        .participant_entry(commune, MediaState::None)
        .unwrap();
    assert_eq!(entry.staged, [Place::Main], "operators see whom they asked");
    meeting.by(commune, FloorCommand::Yield).unwrap();
    let own = meeting.own(commune);
    assert_eq!((own.on_stage, own.muted), (false, false));
}

#[test]
fn an_old_record_of_the_stage_brings_the_sound_along() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let old = serde_json::json!({
        "kind": "stageSet",
        "place": "main",
        "participant": commune,
        "by": "system",
    });
    let events = vec![serde_json::from_value(old).unwrap()];
    let records = meeting.state.stamp(meeting.now, events);
    advance(&mut meeting.state, &records);
    assert_eq!(meeting.state.scene().speakers, [commune]);
    assert!(!meeting.own(commune).muted);
}

#[test]
fn a_place_returns_to_its_rule_when_its_participant_leaves() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let operator = meeting.join(Role::Operator, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let place = Place::Main;
    meeting
        .by(
            operator,
            StageCommand::Set {
                place,
                participant: Some(commune),
            },
        )
        .unwrap();
    meeting.by(commune, PeopleCommand::Leave).unwrap();
    assert_eq!(meeting.state.scene().main, Some(hall));
    // It is not on the stage again only because it comes again.
    meeting.join(Role::Site, Some("101"));
    assert_eq!(meeting.state.scene().main, Some(hall));
}

#[test]
fn nobody_is_shown_twice() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let chair = meeting.join(Role::Chair, None);
    meeting
        .by(chair, FloorCommand::Grant { participant: hall })
        .unwrap();
    assert_eq!(meeting.state.scene().main, Some(hall));
    assert_eq!(meeting.state.scene().second, None);
    assert_eq!(meeting.state.scene().speakers, [hall]);
}

#[test]
fn the_stage_is_for_those_who_can_be_seen_and_set_by_those_who_moderate() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let observer = meeting.join(Role::Observer, Some("102"));
    let commune = meeting.join(Role::Site, Some("101"));
    let set = |participant| StageCommand::Set {
        place: Place::Second,
        participant,
    };
    assert_eq!(
        code_of(meeting.by(operator, set(Some(observer)))),
        ErrorCode::NotPermitted
    );
    assert_eq!(
        code_of(meeting.by(operator, set(Some(operator)))),
        ErrorCode::NotPermitted
    );
    assert_eq!(
        code_of(meeting.by(commune, set(Some(commune)))),
        ErrorCode::NotPermitted
    );
    let nobody = Some(ParticipantId::new(9, 9));
    assert_eq!(
        code_of(meeting.by(operator, set(nobody))),
        ErrorCode::ParticipantUnknown
    );
}

#[test]
fn the_screen_is_that_of_the_last_who_began_to_share() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let chair = meeting.join(Role::Chair, None);
    meeting.publish(hall, Source::Screen);
    assert_eq!(meeting.state.scene().screen, Some(hall));
    meeting.publish(chair, Source::Screen);
    assert_eq!(meeting.state.scene().screen, Some(chair));
    let stop = SourcesCommand::Publish {
        source: Source::Screen,
        active: false,
    };
    meeting.by(chair, stop).unwrap();
    assert_eq!(meeting.state.scene().screen, Some(hall));
}

#[test]
fn a_commune_shares_its_screen_while_it_has_the_floor() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.publish(commune, Source::Screen);
    assert_eq!(meeting.state.scene().screen, None);
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: commune,
            },
        )
        .unwrap();
    assert_eq!(meeting.state.scene().screen, Some(commune));
    meeting.by(commune, FloorCommand::Yield).unwrap();
    assert_eq!(meeting.state.scene().screen, None);
}

#[test]
fn a_chosen_screen_is_shown_while_it_is_shared() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let hall = meeting.join(Role::Hall, Some("VN"));
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.publish(hall, Source::Screen);
    let place = Place::Screen;
    meeting
        .by(
            operator,
            StageCommand::Set {
                place,
                participant: Some(commune),
            },
        )
        .unwrap();
    assert_eq!(meeting.state.scene().screen, None);
    meeting.publish(commune, Source::Screen);
    assert_eq!(meeting.state.scene().screen, Some(commune));
}

#[test]
fn a_muted_participant_shares_no_screen() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let hall = meeting.join(Role::Hall, Some("VN"));
    meeting.publish(hall, Source::Screen);
    meeting
        .by(
            operator,
            SourcesCommand::Mute {
                participant: hall,
                muted: true,
            },
        )
        .unwrap();
    assert_eq!(meeting.state.scene().screen, None);
    assert_eq!(meeting.state.scene().main, Some(hall));
    assert_eq!(meeting.state.scene().speakers, []);
}

#[test]
fn chairs_are_heard_after_the_stage_while_their_microphone_is_on() {
    let mut meeting = Meeting::running();
    let quiet = meeting.join(Role::Chair, None);
    let chair = meeting.join(Role::Chair, Some("VN"));
    meeting.publish(chair, Source::Microphone);
    let hall = meeting.join(Role::Hall, Some("VN"));
    let commune = meeting.join(Role::Site, Some("101"));
    meeting
        .by(
            quiet,
            FloorCommand::Grant {
                participant: commune,
            },
        )
        .unwrap();
    assert_eq!(meeting.state.scene().speakers, [hall, commune, chair]);
}

#[test]
fn a_new_peer_connection_carries_nothing_until_it_says_so() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    for source in Source::ALL {
        meeting.publish(hall, source);
    }
    meeting
        .system(SourcesCommand::Unpublish { participant: hall })
        .unwrap();
    assert_eq!(meeting.state.scene().screen, None);
    assert!(meeting.state.participant(hall).unwrap().sources.is_empty());
}

#[test]
fn who_only_watches_publishes_nothing_and_nobody_publishes_for_another() {
    let mut meeting = Meeting::running();
    let observer = meeting.join(Role::Observer, Some("101"));
    let operator = meeting.join(Role::Operator, None);
    let hall = meeting.join(Role::Hall, Some("VN"));
    let publish = || SourcesCommand::Publish {
        source: Source::Camera,
        active: true,
    };
    for who in [observer, operator] {
        assert_eq!(code_of(meeting.by(who, publish())), ErrorCode::NotPermitted);
    }
    assert_eq!(
        code_of(meeting.run(&Actor::participant(operator).on_behalf_of(hall), publish())),
        ErrorCode::NotPermitted
    );
    let server = Actor::SYSTEM.on_behalf_of(hall);
    meeting.run(&server, publish()).unwrap();
}

#[test]
fn whose_sound_alone_is_refused_is_seen_shares_its_screen_and_is_not_heard() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let hall = meeting.join(Role::Hall, Some("VN"));
    for source in [Source::Screen, Source::Camera] {
        meeting.publish(hall, source);
    }
    meeting.media(hall, Source::Camera, true);
    let sound = SourcesCommand::MuteSound { participant: hall };
    let effects = meeting.by(operator, sound).unwrap();
    assert!(effects.contains(&Effect::Media(MediaIntent::Block {
        participant: hall,
        blocked: false,
    })));
    let scene = meeting.state.scene();
    assert_eq!((scene.main, scene.screen), (Some(hall), Some(hall)));
    assert_eq!(scene.speakers, []);
    assert_eq!(meeting.state.programme(), Some(hall));
    let own = meeting.own(hall);
    assert_eq!((own.muted, own.cut), (true, false));
    let cut = SourcesCommand::Mute {
        participant: hall,
        muted: true,
    };
    meeting.by(operator, cut).unwrap();
    let own = meeting.own(hall);
    assert_eq!((own.muted, own.cut), (true, true));
    assert_eq!(meeting.state.scene().screen, None);
}
