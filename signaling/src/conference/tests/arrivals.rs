//! Whose media arrives decides what everybody sees.

use super::*;
use crate::conference::{Arriving, Place};

impl Meeting {
    /// The media of a source arrives, or has ceased to.
    pub(super) fn media(&mut self, participant: ParticipantId, source: Source, arriving: bool) {
        self.system(SourcesCommand::NoteMedia {
            participant,
            source,
            arriving,
        })
        .unwrap();
    }

    /// An encoder of the hall that sends.
    pub(super) fn encoder(&mut self) -> ParticipantId {
        let hall = self.join(Role::Hall, Some("VN"));
        for source in [Source::Microphone, Source::Camera] {
            self.publish(hall, source);
            self.media(hall, source, true);
        }
        hall
    }

    fn dies(&mut self, participant: ParticipantId) {
        for source in [Source::Microphone, Source::Camera] {
            self.media(participant, source, false);
        }
    }

    fn main(&self) -> Option<ParticipantId> {
        self.state.scene().main
    }
}

#[test]
fn an_encoder_that_was_started_again_is_the_hall_while_the_dead_one_counts_as_present() {
    let mut meeting = Meeting::running();
    let dead = meeting.encoder();
    let again = meeting.join(Role::Hall, Some("VN"));
    meeting.publish(again, Source::Camera);
    assert_eq!(
        meeting.main(),
        Some(dead),
        "nothing of the new one is there"
    );
    meeting.media(again, Source::Camera, true);
    assert_eq!(meeting.main(), Some(again));
    assert_eq!(meeting.state.scene().speakers, [again]);
    assert!(!meeting.own(dead).on_stage);
    meeting.dies(dead);
    assert_eq!(meeting.main(), Some(again));
}

#[test]
fn an_encoder_of_sound_alone_is_the_hall_again_too() {
    let mut meeting = Meeting::running();
    for _ in 0..2 {
        let hall = meeting.join(Role::Hall, Some("VN"));
        meeting.publish(hall, Source::Microphone);
        meeting.media(hall, Source::Microphone, true);
        assert_eq!(meeting.main(), Some(hall));
    }
}

#[test]
fn of_two_encoders_that_send_the_one_that_began_last_stays() {
    let mut meeting = Meeting::running();
    let first = meeting.encoder();
    let second = meeting.encoder();
    assert_eq!(meeting.main(), Some(second));
    for flapping in [first, second] {
        meeting.media(flapping, Source::Camera, false);
        let other = if flapping == first { second } else { first };
        assert_eq!(meeting.main(), Some(other));
        meeting.media(flapping, Source::Camera, true);
        assert_eq!(
            meeting.main(),
            Some(other),
            "it takes the stage from nobody"
        );
    }
    meeting.media(first, Source::Camera, false);
    assert_eq!(meeting.main(), Some(second));
    let third = meeting.encoder();
    assert_eq!(meeting.main(), Some(third));
}

#[test]
fn a_page_that_sends_sound_alone_takes_no_picture_from_an_encoder() {
    let mut meeting = Meeting::running();
    let encoder = meeting.encoder();
    let page = meeting.join(Role::Hall, Some("VN"));
    meeting.publish(page, Source::Microphone);
    meeting.media(page, Source::Microphone, true);
    assert_eq!(meeting.main(), Some(encoder));
    meeting.dies(encoder);
    assert_eq!(meeting.main(), Some(page));
}

#[test]
fn the_only_hall_stays_on_stage_although_it_is_silent() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    meeting.dies(hall);
    assert_eq!(meeting.main(), Some(hall));
    meeting.join(Role::Hall, Some("VN"));
    meeting.media(hall, Source::Camera, true);
    assert_eq!(meeting.main(), Some(hall));
}

#[test]
fn a_holder_of_the_floor_of_whom_nothing_arrives_leaves_the_stage_and_keeps_the_floor() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let participant = commune;
    meeting
        .by(chair, FloorCommand::Grant { participant })
        .unwrap();
    meeting.publish(commune, Source::Camera);
    meeting.publish(commune, Source::Microphone);
    let second = |meeting: &Meeting| meeting.state.scene().second;
    assert_eq!(second(&meeting), None, "nothing has come of it yet");
    meeting.media(commune, Source::Camera, true);
    meeting.media(commune, Source::Camera, false);
    assert_eq!(second(&meeting), None);
    meeting.media(commune, Source::Microphone, true);
    assert_eq!(second(&meeting), Some(commune), "it is heard");
    meeting.media(commune, Source::Microphone, false);
    assert_eq!(second(&meeting), None);
    assert_eq!(meeting.state.floor_holder(), Some(commune));
    assert_eq!(meeting.state.scene().speakers, [hall, commune]);
    meeting.media(commune, Source::Camera, true);
    assert_eq!(second(&meeting), Some(commune));
}

#[test]
fn a_place_that_a_moderator_has_set_falls_back_while_nothing_arrives_from_there() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let operator = meeting.join(Role::Operator, None);
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.publish(commune, Source::Camera);
    let (place, participant) = (Place::Main, Some(commune));
    meeting
        .by(operator, StageCommand::Set { place, participant })
        .unwrap();
    meeting.media(commune, Source::Camera, true);
    assert_eq!(meeting.main(), Some(commune));
    meeting.media(commune, Source::Camera, false);
    assert_eq!(meeting.main(), Some(hall));
    meeting.dies(hall);
    assert_eq!(meeting.main(), Some(commune), "neither sends");
    meeting.media(commune, Source::Camera, true);
    assert_eq!(meeting.main(), Some(commune));
}

#[test]
fn what_arrives_from_a_source_that_is_off_is_not_written_down() {
    let mut meeting = Meeting::running();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let version = meeting.state.version();
    meeting.media(hall, Source::Camera, true);
    assert_eq!(meeting.state.version(), version);
    let hall = meeting.encoder();
    let command = SourcesCommand::Unpublish { participant: hall };
    meeting.system(command).unwrap();
    let person = meeting.state.participant(hall).unwrap();
    assert!(person.arrivals.is_empty(), "{:?}", person.arrivals);
}

#[test]
fn only_the_server_knows_what_arrives() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let refused = meeting.by(
        hall,
        SourcesCommand::NoteMedia {
            participant: hall,
            source: Source::Camera,
            arriving: false,
        },
    );
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
}

#[test]
fn a_silent_device_of_a_hall_gives_its_seat_to_a_newcomer_before_the_one_on_stage() {
    let mut meeting = Meeting::running();
    let dead = meeting.encoder();
    let shown = meeting.encoder();
    meeting.dies(dead);
    let third = meeting.join(Role::Hall, Some("VN"));
    assert!(meeting.state.participant(dead).is_none());
    assert_eq!(meeting.main(), Some(shown));
    assert!(meeting.state.participant(third).is_some());
}

#[test]
fn after_a_restart_nothing_is_known_to_arrive() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    meeting
        .system(PeopleCommand::Interrupt { up_until: None })
        .unwrap();
    let person = meeting.state.participant(hall).unwrap();
    assert!(person.arrivals.is_empty());
    assert_eq!(meeting.main(), Some(hall));
}

#[test]
fn whoever_is_on_air_is_told_what_of_it_arrives() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let arriving = |meeting: &Meeting| {
        let Arriving { microphone, camera } = meeting.own(hall).arriving;
        (microphone, camera)
    };
    assert_eq!(arriving(&meeting), (true, true));
    let effects = meeting
        .system(SourcesCommand::NoteMedia {
            participant: hall,
            source: Source::Camera,
            arriving: false,
        })
        .unwrap();
    assert!(effects.contains(&Effect::SelfChanged(Audience::One(hall))));
    assert_eq!(arriving(&meeting), (true, false));
}

#[test]
fn the_stage_turns_to_an_invited_site_with_its_first_picture_or_sound() {
    for source in [Source::Microphone, Source::Camera] {
        let mut meeting = Meeting::running();
        let hall = meeting.encoder();
        let chair = meeting.join(Role::Chair, None);
        let commune = meeting.join(Role::Site, Some("101"));
        let participant = commune;
        meeting
            .by(chair, FloorCommand::Grant { participant })
            .unwrap();
        meeting.pass(7);
        meeting.publish(commune, source);
        let began = |meeting: &Meeting| meeting.state.snapshot().floor.holder.unwrap().began;
        assert_eq!(meeting.state.scene().second, None, "it is only invited");
        assert_eq!(began(&meeting), None);
        assert!(meeting.state.scene().speakers.contains(&commune));
        let version = meeting.state.snapshot().floor.version;
        meeting.pass(1);
        meeting.media(commune, source, true);
        assert_eq!(meeting.state.scene().second, Some(commune));
        assert_eq!(began(&meeting), Some(meeting.now));
        assert!(meeting.state.snapshot().floor.version > version);
        assert_eq!(meeting.main(), Some(hall));
    }
}

#[test]
fn who_is_on_the_air_when_it_gets_the_floor_has_begun_at_once() {
    let mut meeting = Meeting::running();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let participant = commune;
    let place = Place::Second;
    let set = StageCommand::Set {
        place,
        participant: Some(commune),
    };
    meeting.by(chair, set).unwrap();
    meeting.publish(commune, Source::Microphone);
    meeting.media(commune, Source::Microphone, true);
    meeting
        .by(chair, FloorCommand::Grant { participant })
        .unwrap();
    let holder = meeting.state.snapshot().floor.holder.unwrap();
    assert_eq!(holder.began, Some(holder.since));
}

#[test]
fn a_site_that_was_put_on_the_stage_is_shown_once_it_can_be_seen_or_heard() {
    let mut meeting = Meeting::running();
    let hall = meeting.encoder();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let set = StageCommand::Set {
        place: Place::Main,
        participant: Some(commune),
    };
    meeting.by(chair, set).unwrap();
    assert_eq!(meeting.main(), Some(hall));
    meeting.publish(commune, Source::Camera);
    meeting.media(commune, Source::Camera, true);
    assert_eq!(meeting.main(), Some(commune));
}
