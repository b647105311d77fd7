//! Creating, starting and ending.

use super::*;

#[test]
fn nothing_happens_in_a_conference_that_was_not_created() {
    let id: ConferenceId = "nowhere".parse().unwrap();
    let state = State::new(id, Settings::default());
    let refused = decide(
        &state,
        Timestamp::UNIX_EPOCH,
        &Actor::SYSTEM,
        Command::Phase(PhaseCommand::Start),
    );
    assert_eq!(code_of(refused), ErrorCode::ConferenceUnknown);
}

#[test]
fn a_conference_is_created_once() {
    let mut meeting = Meeting::scheduled();
    let (title, roster) = ("Again".to_owned(), Roster::default());
    let again = meeting.system(PhaseCommand::Create {
        title,
        starts_at: None,
        roster,
    });
    assert_eq!(code_of(again), ErrorCode::ConferenceExists);
}

#[test]
fn a_title_is_one_line() {
    let state = State::new("new".parse().unwrap(), Settings::default());
    for title in ["", "  ", "a\nb", &"x".repeat(201)] {
        let (title, roster) = (title.to_owned(), Roster::default());
        let command = PhaseCommand::Create {
            title,
            starts_at: None,
            roster,
        };
        let refused = decide(
            &state,
            Timestamp::UNIX_EPOCH,
            &Actor::SYSTEM,
            command.into(),
        );
        assert_eq!(code_of(refused), ErrorCode::BadMessage);
    }
}

#[test]
fn only_administrators_create_conferences() {
    let id: ConferenceId = "new".parse().unwrap();
    let state = State::new(id.clone(), Settings::default());
    let create = || PhaseCommand::Create {
        title: "New".to_owned(),
        starts_at: None,
        roster: Roster::default(),
    };
    for role in [
        Role::Operator,
        Role::Chair,
        Role::Hall,
        Role::Site,
        Role::Observer,
    ] {
        let actor = Actor::bearer(Grant::for_tests(role, Some(&id), "x", None));
        let refused = decide(&state, Timestamp::UNIX_EPOCH, &actor, create().into());
        assert_eq!(code_of(refused), ErrorCode::NotPermitted, "{role}");
    }
    let admin = Actor::bearer(Grant::for_tests(Role::Admin, None, "portal", None));
    assert!(decide(&state, Timestamp::UNIX_EPOCH, &admin, create().into()).is_ok());
}

#[test]
fn starting_and_ending_twice_is_starting_and_ending_once() {
    let mut meeting = Meeting::scheduled();
    for (command, phase) in [
        (Command::Phase(PhaseCommand::Start), Phase::Running),
        (Command::Phase(PhaseCommand::End), Phase::Ended),
    ] {
        meeting.system(command.clone()).unwrap();
        let before = meeting.log.len();
        meeting.system(command).unwrap();
        assert_eq!(meeting.log.len(), before);
        assert_eq!(meeting.state.phase(), phase);
    }
    let again = meeting.system(PhaseCommand::Start);
    assert_eq!(code_of(again), ErrorCode::ConferenceNotRunning);
}

#[test]
fn the_end_sends_everybody_home() {
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
    let effects = meeting.by(chair, PhaseCommand::End).unwrap();
    assert!(effects.contains(&Effect::Media(MediaIntent::End)));
    assert!(effects.contains(&Effect::CloseAll));
    assert!(effects.contains(&Effect::ConferenceChanged));
    assert_eq!(meeting.state.participant_count(), 0);
    assert_eq!(meeting.state.floor_holder(), None);
    assert_eq!(meeting.state.scene(), &Scene::default());
    assert_eq!(meeting.state.counts().present, 0);
    assert_eq!(meeting.state.next_deadline(), None);
}

#[test]
fn only_moderators_start_and_end() {
    let mut meeting = Meeting::scheduled();
    let hall = meeting.join(Role::Hall, Some("VN"));
    let operator = meeting.join(Role::Operator, None);
    for command in [
        Command::Phase(PhaseCommand::Start),
        Command::Phase(PhaseCommand::End),
    ] {
        assert_eq!(
            code_of(meeting.by(hall, command.clone())),
            ErrorCode::NotPermitted
        );
        meeting.by(operator, command).unwrap();
    }
}

#[test]
fn a_snapshot_tells_when_what_happened() {
    let mut meeting = Meeting::scheduled();
    let created = meeting.now;
    meeting.pass(60);
    meeting.system(PhaseCommand::Start).unwrap();
    let snapshot = meeting.state.snapshot();
    assert_eq!(snapshot.created_at, Some(created));
    assert_eq!(snapshot.started_at, Some(meeting.now));
    assert_eq!(snapshot.ended_at, None);
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json["id"], "weekly");
    assert_eq!(json["state"], "running");
    assert_eq!(json["presence"]["expected"], 7);
    assert_eq!(json["startedAt"], "2026-11-22T02:01:00Z");
}

#[test]
fn a_title_and_a_time_can_be_corrected_until_it_is_too_late() {
    let mut meeting = Meeting::scheduled();
    let chair = meeting.join(Role::Chair, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let amend = |title: &str, starts_at| {
        Command::Phase(PhaseCommand::Amend {
            title: Some(title.to_owned()),
            starts_at,
        })
    };
    let refused = meeting.by(commune, amend("Mine", None));
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    let tomorrow = Some(meeting.now + SignedDuration::from_hours(24));
    let effects = meeting.by(chair, amend("Monthly", Some(tomorrow))).unwrap();
    assert!(effects.contains(&Effect::ConferenceChanged), "{effects:?}");
    let snapshot = meeting.state.snapshot();
    assert_eq!(
        (snapshot.conference.title.as_str(), snapshot.starts_at),
        ("Monthly", tomorrow)
    );
    let unchanged = meeting.by(chair, amend("Monthly", None)).unwrap();
    assert_eq!(unchanged, []);
    assert_eq!(
        code_of(meeting.by(chair, amend(" ", None))),
        ErrorCode::BadMessage
    );
    meeting.by(chair, PhaseCommand::Start).unwrap();
    meeting.by(chair, amend("Yearly", None)).unwrap();
    let refused = meeting.by(chair, amend("Yearly", Some(None)));
    assert_eq!(code_of(refused), ErrorCode::ConferenceBegun);
    meeting.by(chair, PhaseCommand::End).unwrap();
    let refused = meeting.system(amend("Never", None));
    assert_eq!(code_of(refused), ErrorCode::ConferenceNotRunning);
}

#[test]
fn a_conference_is_deleted_before_it_has_begun_and_not_after() {
    let mut meeting = Meeting::scheduled();
    let chair = meeting.join(Role::Chair, None);
    let refused = meeting.by(chair, PhaseCommand::Delete);
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    let effects = meeting.system(PhaseCommand::Delete).unwrap();
    assert!(effects.contains(&Effect::CloseAll), "{effects:?}");
    assert!(meeting.state.is_deleted());
    assert_eq!(meeting.state.participant_count(), 0);
    let mut meeting = Meeting::running();
    let refused = meeting.system(PhaseCommand::Delete);
    assert_eq!(code_of(refused), ErrorCode::ConferenceBegun);
}

#[test]
fn another_roster_is_told_to_those_who_moderate() {
    let mut meeting = Meeting::running();
    let before = meeting.state.roster_view();
    let chosen = std::collections::BTreeSet::from(["101", "201"].map(code));
    let roster = Roster::chosen(&country(), &chosen).unwrap();
    let effects = meeting.system(RosterCommand::Set { roster }).unwrap();
    assert!(effects.contains(&Effect::RosterChanged), "{effects:?}");
    let after = meeting.state.roster_view();
    assert!(after.version > before.version);
    let codes: Vec<_> = after.sites.iter().map(|site| site.code.as_str()).collect();
    assert_eq!(codes, ["101", "201"]);
}
