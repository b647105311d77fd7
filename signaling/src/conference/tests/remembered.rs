//! What outlives a participant: being muted, being sent away, and a token that was taken back.

use super::*;

#[test]
fn a_mute_survives_a_rejoin() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    for (role, site) in [(Role::Site, Some("101")), (Role::Chair, None)] {
        let who = meeting.join(role, site);
        let mute = |participant, muted| SourcesCommand::Mute { participant, muted };
        meeting.by(operator, mute(who, true)).unwrap();
        meeting.by(who, PeopleCommand::Leave).unwrap();
        let again = meeting.join(role, site);
        assert_ne!(again, who);
        assert!(meeting.own(again).muted, "{role}");
        meeting.by(operator, mute(again, false)).unwrap();
        meeting.by(again, PeopleCommand::Leave).unwrap();
        let third = meeting.join(role, site);
        assert!(!meeting.own(third).muted, "{role}");
    }
}

#[test]
fn all_devices_of_a_site_are_muted_or_none() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    let participant = second;
    let mute = SourcesCommand::Mute {
        participant,
        muted: true,
    };
    meeting.by(operator, mute).unwrap();
    assert!(meeting.own(first).muted && meeting.own(second).muted);
    let grant = FloorCommand::Grant { participant };
    meeting.by(operator, grant).unwrap();
    assert!(!meeting.own(first).muted && !meeting.own(second).muted);
}

#[test]
fn who_was_sent_away_stays_out_until_it_is_readmitted() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let first = meeting.join(Role::Site, Some("101"));
    let second = meeting.join(Role::Site, Some("101"));
    let participant = second;
    let remove = PeopleCommand::Remove { participant };
    let effects = meeting.by(operator, remove).unwrap();
    for device in [first, second] {
        assert!(effects.contains(&Effect::Close(device, LeaveReason::Removed)));
        assert!(meeting.state.participant(device).is_none());
    }
    assert!(effects.contains(&Effect::BarredChanged));
    let grant = meeting.grant(Role::Site, Some("101"));
    assert_eq!(code_of(meeting.try_join(grant.clone())), ErrorCode::Removed);
    meeting.join(Role::Site, Some("102"));
    let barred: Vec<_> = meeting.state.barred().cloned().collect();
    assert_eq!(barred.len(), 1, "{barred:?}");
    assert_eq!(barred[0].participant, second);
    assert_eq!(barred[0].name, "Site 101");
    let readmit = PeopleCommand::Readmit { participant };
    let outsider = meeting.join(Role::Site, Some("103"));
    let refused = meeting.by(outsider, readmit.clone());
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    meeting.by(operator, readmit.clone()).unwrap();
    assert_eq!(meeting.state.barred().len(), 0);
    meeting.try_join(grant).unwrap();
    let again = meeting.by(operator, readmit);
    assert_eq!(code_of(again), ErrorCode::ParticipantUnknown);
}

#[test]
fn a_log_from_before_does_not_bar_or_mute_who_came_again() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let participant = commune;
    meeting
        .by(
            operator,
            SourcesCommand::Mute {
                participant,
                muted: true,
            },
        )
        .unwrap();
    meeting
        .by(operator, PeopleCommand::Remove { participant })
        .unwrap();
    // As it was written down before anybody was barred.
    let mut log = meeting.log.clone();
    log.retain(|record| !matches!(record.event, Event::People(PeopleEvent::Barred { .. })));
    let joined = log.iter().find_map(|record| match &record.event {
        Event::People(PeopleEvent::Joined { role, .. }) if *role == Role::Site => {
            Some(record.clone())
        }
        _ => None,
    });
    let mut again = joined.unwrap();
    again.seq = log.last().unwrap().seq + 1;
    log.push(again);
    let settings = *meeting.state.settings();
    let replayed = State::replay(meeting.state.id().clone(), settings, &log);
    assert!(!replayed.participant(commune).unwrap().muting.is_muted());
    assert_eq!(replayed.barred().len(), 0);
}

#[test]
fn whoever_came_with_a_token_that_was_taken_back_has_to_go() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    let session = meeting.state.participant(commune).unwrap().session;
    let secret = hash(meeting.next_id);
    meeting.lose(commune);
    let participant = commune;
    let expel = PeopleCommand::Expel {
        participant,
        why: crate::auth::Withdrawn::TakenBack,
    };
    let refused = meeting.by(commune, expel.clone());
    assert_eq!(code_of(refused), ErrorCode::NotPermitted);
    let effects = meeting.system(expel).unwrap();
    let told = Effect::Close(commune, LeaveReason::TokenRevoked);
    assert!(effects.contains(&told), "{effects:?}");
    let back = meeting.system(PeopleCommand::Resume { session, secret });
    assert_eq!(code_of(back), ErrorCode::SessionUnknown);
}

#[test]
fn a_token_that_expires_ends_the_stay_only_where_that_is_wanted() {
    for enforce_expiry in [false, true] {
        let mut meeting = Meeting::with(Settings {
            enforce_expiry,
            ..Settings::default()
        });
        let until = meeting.now + SignedDuration::from_secs(60);
        let grant = meeting
            .grant(Role::Site, Some("101"))
            .expiring_for_tests(until);
        let commune = meeting.try_join(grant).unwrap();
        // As long as it would open the door.
        let until = until + crate::auth::CLOCK_LEEWAY;
        let due = meeting.state.next_deadline();
        let expected = meeting.state.time_of(until);
        assert_eq!(due, enforce_expiry.then_some(expected));
        meeting.now = until - SignedDuration::from_nanos(1);
        meeting.system(ClockCommand::Tick).unwrap();
        assert!(meeting.state.participant(commune).is_some());
        meeting.now = until;
        meeting.system(ClockCommand::Tick).unwrap();
        let is_here = meeting.state.participant(commune).is_some();
        assert_eq!(is_here, !enforce_expiry);
    }
}

#[test]
fn whose_sound_alone_is_refused_is_so_also_when_it_comes_again() {
    let mut meeting = Meeting::running();
    let operator = meeting.join(Role::Operator, None);
    let commune = meeting.join(Role::Site, Some("101"));
    let sound = SourcesCommand::MuteSound {
        participant: commune,
    };
    meeting.by(operator, sound).unwrap();
    meeting.by(commune, PeopleCommand::Leave).unwrap();
    let again = meeting.join(Role::Site, Some("101"));
    let own = meeting.own(again);
    assert_eq!((own.muted, own.cut), (true, false));
    assert!(!meeting.state.is_silenced(again));
}
