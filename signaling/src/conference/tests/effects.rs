//! What follows for the world outside, and how little of it.

use super::*;
use crate::conference::Audience;

#[test]
fn a_join_changes_presence_and_one_participant() {
    let mut meeting = Meeting::running();
    let join = meeting.grant(Role::Site, Some("101"));
    let join = meeting.joining(join);
    let who = join.participant;
    let effects = meeting.system(PeopleCommand::Join(Box::new(join))).unwrap();
    assert_eq!(
        effects,
        [Effect::ParticipantChanged(who), Effect::PresenceChanged]
    );
}

#[test]
fn the_arrival_of_the_hall_switches_the_stage() {
    let mut meeting = Meeting::running();
    let join = meeting.grant(Role::Hall, Some("VN"));
    let join = meeting.joining(join);
    let hall = join.participant;
    let effects = meeting.system(PeopleCommand::Join(Box::new(join))).unwrap();
    assert_eq!(
        effects,
        [
            Effect::ParticipantChanged(hall),
            Effect::SelfChanged(Audience::One(hall)),
            Effect::StageChanged,
            Effect::PresenceChanged,
        ]
    );
}

#[test]
fn granting_the_floor_tells_each_value_once() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let old = meeting.join(Role::Site, Some("101"));
    let new = meeting.join(Role::Site, Some("102"));
    meeting
        .by(chair, FloorCommand::Grant { participant: old })
        .unwrap();
    meeting.by(new, FloorCommand::Request).unwrap();
    let effects = meeting
        .by(chair, FloorCommand::Grant { participant: new })
        .unwrap();
    for expected in [
        Effect::FloorChanged,
        Effect::StageChanged,
        Effect::SelfChanged(Audience::One(old)),
        Effect::SelfChanged(Audience::One(new)),
        Effect::SelfChanged(Audience::Waiting),
        Effect::ParticipantChanged(old),
        Effect::ParticipantChanged(new),
    ] {
        let times = effects.iter().filter(|effect| **effect == expected).count();
        assert_eq!(times, 1, "{expected:?} in {effects:?}");
    }
    assert_eq!(effects.len(), 7, "{effects:?}");
}

#[test]
fn muting_blocks_the_media_of_one() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let mute = |muted| SourcesCommand::Mute {
        participant: commune,
        muted,
    };
    let effects = meeting.by(chair, mute(true)).unwrap();
    let block = MediaIntent::Block {
        participant: commune,
        blocked: true,
    };
    assert!(effects.contains(&Effect::Media(block)));
    assert_eq!(meeting.by(chair, mute(true)).unwrap(), []);
    assert_eq!(
        code_of(meeting.by(commune, mute(false))),
        ErrorCode::NotPermitted
    );
}

#[test]
fn the_last_word_about_somebody_says_who_it_was() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let effects = meeting.by(commune, PeopleCommand::Leave).unwrap();
    let departed = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::ParticipantLeft(departed) => Some(departed),
            _ => None,
        })
        .unwrap();
    assert_eq!(departed.participant, commune);
    assert_eq!(departed.province, Some(code("01")));
    assert!(effects.contains(&Effect::Media(MediaIntent::Drop(commune))));
}

#[test]
fn a_thousand_who_leave_at_once_change_presence_once() {
    let mut meeting = Meeting::running();
    let communes: Vec<_> = (101..1101)
        .map(|code| meeting.join(Role::Site, Some(&code.to_string())))
        .collect();
    for commune in communes {
        meeting.lose(commune);
    }
    meeting.pass(30);
    let effects = meeting.system(ClockCommand::Tick).unwrap();
    let told_all = effects
        .iter()
        .filter(|effect| **effect == Effect::PresenceChanged)
        .count();
    assert_eq!(told_all, 1);
    // Per participant: it is gone, and its peer is closed.
    assert_eq!(effects.len(), 2 * 1000 + 1);
}

#[test]
fn a_camera_that_is_switched_on_concerns_only_moderators() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let publish = SourcesCommand::Publish {
        source: Source::Camera,
        active: true,
    };
    let effects = meeting.by(commune, publish).unwrap();
    assert_eq!(effects, [Effect::ParticipantChanged(commune)]);
    assert_eq!(meeting.by(commune, publish).unwrap(), []);
}

#[test]
fn versions_grow_only_with_their_value() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let before = meeting.state.snapshot();
    meeting.by(commune, FloorCommand::Request).unwrap();
    let after = meeting.state.snapshot();
    assert!(after.floor.version > before.floor.version);
    assert_eq!(after.stage.version, before.stage.version);
    meeting
        .by(
            chair,
            FloorCommand::Grant {
                participant: commune,
            },
        )
        .unwrap();
    assert!(meeting.state.snapshot().stage.version > after.stage.version);
}

#[test]
fn whoever_shares_the_screen_it_was_chosen_for_is_told_that_it_is_on_the_stage() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    meeting
        .by(
            chair,
            StageCommand::Set {
                place: Place::Screen,
                participant: Some(chair),
            },
        )
        .unwrap();
    assert!(!meeting.own(chair).on_stage, "it shares none yet");
    let effects = meeting
        .by(
            chair,
            SourcesCommand::Publish {
                source: Source::Screen,
                active: true,
            },
        )
        .unwrap();
    assert!(meeting.own(chair).on_stage);
    let told = Effect::SelfChanged(Audience::One(chair));
    assert!(effects.contains(&told), "{effects:?}");
}
