//! A wall clock that is set while a conference runs.

use super::*;

const DAY: i64 = 86_400;

#[test]
fn who_is_lost_leaves_in_time_however_the_clock_is_set_meanwhile() {
    for set_by in [-3600, 3600, 30 * DAY] {
        let mut meeting = Meeting::running();
        let commune = meeting.join(Role::Site, Some("101"));
        meeting.lose(commune);
        meeting.pass(10);
        meeting.set_clock(set_by).unwrap();
        meeting.pass(19);
        meeting.system(ClockCommand::Tick).unwrap();
        assert!(meeting.state.participant(commune).is_some(), "{set_by}");
        meeting.pass(1);
        meeting.system(ClockCommand::Tick).unwrap();
        assert!(meeting.state.participant(commune).is_none(), "{set_by}");
    }
}

#[test]
fn the_times_in_the_log_are_wrong_for_no_longer_than_the_clock_is() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    meeting.set_clock(30 * DAY).unwrap();
    meeting.join(Role::Site, Some("102"));
    assert_eq!(meeting.log.last().unwrap().at, meeting.now);
    meeting.set_clock(-30 * DAY).unwrap();
    assert_eq!(meeting.log.last().unwrap().at, meeting.now);
    let lost = meeting.join(Role::Site, Some("103"));
    assert_eq!(meeting.log.last().unwrap().at, meeting.now);
    meeting.lose(lost);
    meeting.pass(30);
    meeting.system(ClockCommand::Tick).unwrap();
    assert!(meeting.state.participant(lost).is_none());
}

#[test]
fn a_step_too_small_to_be_noticed_does_not_turn_the_log_around() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    meeting.pass(-1);
    meeting.join(Role::Site, Some("102"));
    assert!(meeting.log.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn nothing_is_noted_in_a_conference_that_is_over() {
    let mut meeting = Meeting::running();
    meeting.system(PhaseCommand::End).unwrap();
    let before = meeting.log.len();
    meeting.set_clock(3600).unwrap();
    assert_eq!(meeting.log.len(), before);
}
