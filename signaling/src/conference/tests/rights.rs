//! Who may do what: every role, every verb and every reach of the table, asked of the rules.

use super::*;
use crate::auth::{Narrowing, Scope, Verb, Verbs};

/// What a verb is about in these stories.
struct Stories {
    meeting: Meeting,
    /// A site of the first province that has the floor.
    holder: ParticipantId,
    /// Somebody who was sent away.
    barred: ParticipantId,
}

impl Stories {
    fn new() -> Self {
        let mut meeting = Meeting::running();
        let holder = meeting.join(Role::Site, Some("103"));
        let barred = meeting.join(Role::Hall, Some("02"));
        let give = FloorCommand::Grant {
            participant: holder,
        };
        meeting.system(give).unwrap();
        let away = PeopleCommand::Remove {
            participant: barred,
        };
        meeting.system(away).unwrap();
        Self {
            meeting,
            holder,
            barred,
        }
    }

    /// The command that needs this right; `None` for what is not asked of a conference's rules by a
    /// command: another door asks the table.
    fn command(&self, verb: Verb) -> Option<Command> {
        let participant = self.holder;
        let command = match verb {
            Verb::CreateConference => Command::Phase(PhaseCommand::Create {
                title: "Weekly".to_owned(),
                starts_at: None,
                roster: Roster::default(),
            }),
            Verb::AmendConference => Command::Phase(PhaseCommand::Amend {
                title: Some("Other".to_owned()),
                starts_at: None,
            }),
            Verb::DeleteConference => Command::Phase(PhaseCommand::Delete),
            Verb::StartConference => Command::Phase(PhaseCommand::Start),
            Verb::EndConference => Command::Phase(PhaseCommand::End),
            Verb::SetRoster => Command::Roster(RosterCommand::Set {
                roster: Roster::default(),
            }),
            Verb::Leave => Command::People(PeopleCommand::Leave),
            Verb::Remove => Command::People(PeopleCommand::Remove { participant }),
            Verb::Readmit => Command::People(PeopleCommand::Readmit {
                participant: self.barred,
            }),
            Verb::Publish => Command::Sources(SourcesCommand::Publish {
                source: Source::Camera,
                active: true,
            }),
            Verb::Mute => Command::Sources(SourcesCommand::Mute {
                participant,
                muted: true,
            }),
            Verb::RequestFloor => Command::Floor(FloorCommand::Request),
            Verb::WithdrawFloor => Command::Floor(FloorCommand::Withdraw),
            Verb::YieldFloor => Command::Floor(FloorCommand::Yield),
            Verb::SpeakHere => Command::Floor(FloorCommand::SpeakHere),
            Verb::GrantFloor => Command::Floor(FloorCommand::Grant { participant }),
            Verb::RevokeFloor => Command::Floor(FloorCommand::Revoke { participant }),
            Verb::SetStage => Command::Stage(StageCommand::Set {
                place: Place::Main,
                participant: Some(participant),
            }),
            Verb::ReadConference
            | Verb::Join
            | Verb::ActFor
            | Verb::Watch
            | Verb::HoldFloor
            | Verb::BeOnStage
            | Verb::ReadSites
            | Verb::ImportSites
            | Verb::AmendSite
            | Verb::RemoveSites
            | Verb::ReadChecks
            | Verb::ReadAttendance
            | Verb::ReadBookings
            | Verb::Book
            | Verb::PublishBooking
            | Verb::ManageTokens
            | Verb::ManageAccounts
            | Verb::EndLogins
            | Verb::ReadActs
            | Verb::EnterConference
            | Verb::ReadMail
            | Verb::ReadInvitations
            | Verb::Invite
            | Verb::ReadLetters
            | Verb::EditLetters
            | Verb::ReadEvents
            | Verb::ManageWebhooks => return None,
        };
        Some(command)
    }
}

/// Whether the table was what stood in the way. What is refused for another reason was permitted.
fn is_permitted<T: std::fmt::Debug>(asked: Result<T, Refusal>) -> bool {
    asked
        .err()
        .is_none_or(|refusal| refusal.code != ErrorCode::NotPermitted)
}

#[test]
fn over_a_session_every_role_may_do_exactly_what_the_table_says() {
    for role in Role::ALL.into_iter().filter(|role| role.may(Verb::Join)) {
        for verb in Verb::ALL {
            let mut stories = Stories::new();
            let Some(command) = stories.command(*verb) else {
                continue;
            };
            let who = stories.meeting.join(role, Some("101"));
            let asked = stories.meeting.by(who, command);
            assert_eq!(is_permitted(asked), role.may(*verb), "{role} {verb:?}");
        }
    }
}

#[test]
fn with_a_token_every_role_may_do_exactly_what_the_table_says_in_its_own_conference() {
    let other = "other".parse().unwrap();
    for role in Role::ALL {
        for verb in Verb::ALL {
            let mut stories = Stories::new();
            let Some(command) = stories.command(*verb) else {
                continue;
            };
            let (own, site) = if role.is_for_all() {
                (None, None)
            } else {
                (Some(stories.meeting.state.id().clone()), Some("101"))
            };
            let elsewhere = Grant::for_tests(role, own.as_ref().map(|_| &other), "x", site);
            let elsewhere = stories
                .meeting
                .run(&Actor::bearer(elsewhere), command.clone());
            // What is a participant's own is done for the site that has the floor.
            let is_own = Role::ALL
                .iter()
                .any(|role| role.reach(*verb) == Some(Scope::Itself));
            let grant = Grant::for_tests(role, own.as_ref(), "x", site);
            let (actor, may) = if is_own {
                let actor = Actor::bearer(grant).on_behalf_of(stories.holder);
                (actor, role.may(Verb::ActFor) && Role::Site.may(*verb))
            } else {
                (Actor::bearer(grant), role.may(*verb))
            };
            if own.is_some() {
                assert!(!is_permitted(elsewhere), "elsewhere {role} {verb:?}");
                let asked = stories.meeting.run(&actor, command);
                assert_eq!(is_permitted(asked), may, "{role} {verb:?}");
            } else if !is_own {
                assert_eq!(is_permitted(elsewhere), may, "{role} {verb:?}");
            }
        }
    }
}

#[test]
fn only_who_may_be_seen_is_given_the_floor_or_put_on_the_stage() {
    for role in Role::ALL.into_iter().filter(|role| role.may(Verb::Join)) {
        let mut stories = Stories::new();
        let participant = stories.meeting.join(role, Some("101"));
        let give = stories.meeting.system(FloorCommand::Grant { participant });
        assert_eq!(is_permitted(give), role.may(Verb::HoldFloor), "{role}");
        let put = stories.meeting.system(StageCommand::Set {
            place: Place::Main,
            participant: Some(participant),
        });
        assert_eq!(is_permitted(put), role.may(Verb::BeOnStage), "{role}");
    }
}

#[test]
fn only_operators_and_chairs_watch_whom_they_choose() {
    for role in Role::ALL.into_iter().filter(|role| role.may(Verb::Join)) {
        let mut stories = Stories::new();
        let who = stories.meeting.join(role, Some("101"));
        for whom in [None, Some(stories.holder)] {
            let asked = stories.meeting.state.permit_watch(who, whom);
            assert_eq!(is_permitted(asked), role.may(Verb::Watch), "{role}");
        }
    }
}

#[test]
fn nobody_comes_in_without_the_right_to() {
    for role in Role::ALL {
        let mut stories = Stories::new();
        let grant = stories.meeting.grant(role, Some("101"));
        let asked = stories.meeting.try_join(grant);
        assert_eq!(is_permitted(asked), role.may(Verb::Join), "{role}");
    }
}

#[test]
fn a_right_over_a_province_reaches_its_own_sites_and_no_others() {
    let mut stories = Stories::new();
    let near = stories.meeting.join(Role::Site, Some("102"));
    let far = stories.meeting.join(Role::Site, Some("201"));
    let hall = stories.meeting.join(Role::Hall, Some("VN"));
    let nowhere = stories.meeting.join(Role::Observer, None);
    let own = code("01");
    let state = &stories.meeting.state;
    let reaches = |scope, whom| state.is_within(scope, Some(&own), whom);
    assert!(reaches(Scope::Province, Some(near)));
    for whom in [Some(far), Some(hall), Some(nowhere), None] {
        assert!(!reaches(Scope::Province, whom), "{whom:?}");
        assert!(reaches(Scope::Conference, whom), "{whom:?}");
        assert!(!reaches(Scope::Itself, whom), "{whom:?}");
    }
    assert!(!state.is_within(Scope::Province, Some(&code("VN")), Some(hall)));
    assert!(!state.is_within(Scope::Province, None, Some(nowhere)));
}

#[test]
fn what_is_ones_own_needs_somebody_on_whose_behalf_it_is_asked() {
    let mut stories = Stories::new();
    let program = Actor::bearer(stories.meeting.grant(Role::Operator, None));
    for actor in [program, Actor::SYSTEM] {
        let asked = stories.meeting.run(&actor, FloorCommand::Yield);
        assert_eq!(code_of(asked), ErrorCode::BadMessage);
    }
}

#[test]
fn a_scope_of_one_verb_is_for_that_verb_alone_over_a_session_and_with_a_token() {
    let only = |verbs: &[Verb]| Narrowing {
        scope: Some(Verbs::from_iter(verbs.iter().copied())),
        province: None,
    };
    for role in Role::ALL.into_iter().filter(|role| role.may(Verb::Join)) {
        for named in Verb::ALL {
            for verb in Verb::ALL {
                let mut stories = Stories::new();
                let Some(command) = stories.command(*verb) else {
                    continue;
                };
                let grant = stories.meeting.grant(role, Some("101"));
                let grant = grant.narrowed_for_tests(only(&[Verb::Join, *named]));
                let who = stories.meeting.try_join(grant.clone()).unwrap();
                let asked = stories.meeting.by(who, command.clone());
                let may = verb == named && role.may(*verb);
                assert_eq!(is_permitted(asked), may, "{role} {named:?} {verb:?}");
                if role.reach(*verb) == Some(Scope::Conference) {
                    let mut stories = Stories::new();
                    let command = stories.command(*verb).unwrap();
                    let asked = stories.meeting.run(&Actor::bearer(grant), command);
                    assert_eq!(is_permitted(asked), may, "{role} {named:?} {verb:?}");
                }
            }
        }
    }
}
