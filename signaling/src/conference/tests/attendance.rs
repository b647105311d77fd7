//! Who was here, read from the log.

use super::*;
use crate::conference::attendance::StayEnd;

fn read(meeting: &Meeting) -> Attendance {
    let mut register = Register::default();
    meeting.log.iter().for_each(|record| register.take(record));
    register.read(meeting.now)
}

fn seconds(meeting: &Meeting, site: &str) -> Option<u64> {
    let attendance = read(meeting);
    let found = attendance
        .sites
        .iter()
        .find(|entry| entry.site == code(site));
    found.map(|entry| entry.seconds)
}

#[test]
fn a_site_that_comes_is_lost_comes_back_and_leaves_was_here_for_as_long_as_it_was() {
    let mut meeting = Meeting::running();
    let commune = meeting.join(Role::Site, Some("101"));
    meeting.pass(100);
    meeting.lose(commune);
    meeting.pass(20);
    let session = meeting.state.participant(commune).unwrap().session;
    let secret = hash(meeting.next_id);
    meeting
        .system(PeopleCommand::Resume { session, secret })
        .unwrap();
    meeting.pass(50);
    meeting.by(commune, PeopleCommand::Leave).unwrap();
    meeting.pass(1_000);
    meeting.system(PhaseCommand::End).unwrap();
    let attendance = read(&meeting);
    let [person] = attendance.participants.as_slice() else {
        panic!("{attendance:?}")
    };
    assert_eq!((person.participant, person.seconds), (commune, 150));
    let ends: Vec<_> = person.stays.iter().map(|stay| stay.ended_by).collect();
    assert_eq!(ends, [Some(StayEnd::Lost), Some(StayEnd::Left)]);
    assert_eq!(seconds(&meeting, "101"), Some(150));
    assert_eq!(seconds(&meeting, "102"), Some(0), "expected, and absent");
}

#[test]
fn two_devices_of_a_site_are_counted_once() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    meeting.pass(60);
    meeting.join(Role::Observer, Some("101"));
    meeting.pass(60);
    assert_eq!(seconds(&meeting, "101"), Some(120));
    assert_eq!(read(&meeting).participants[1].seconds, 60);
}

#[test]
fn downtime_is_nobodys_presence() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    meeting.pass(100);
    let up_until = Some(meeting.now);
    meeting.pass(7_200);
    meeting
        .system(PeopleCommand::Interrupt { up_until })
        .unwrap();
    meeting.join(Role::Site, Some("101"));
    meeting.pass(10);
    meeting.system(PhaseCommand::End).unwrap();
    assert_eq!(seconds(&meeting, "101"), Some(110));
}

#[test]
fn an_old_log_counts_until_the_last_event_before_the_outage() {
    let mut meeting = Meeting::running();
    meeting.join(Role::Site, Some("101"));
    meeting.pass(100);
    meeting.join(Role::Site, Some("102"));
    meeting.pass(7_200);
    let interrupted = Event::People(PeopleEvent::Interrupted { up_until: None });
    let records = meeting.state.stamp(meeting.now, vec![interrupted]);
    advance(&mut meeting.state, &records);
    meeting.log.extend(records);
    assert_eq!(seconds(&meeting, "101"), Some(100));
    assert_eq!(seconds(&meeting, "102"), Some(0));
}

#[test]
fn a_clock_that_is_set_makes_nobody_present_for_longer_or_shorter() {
    for set_by in [-3_600, 2_592_000] {
        let mut meeting = Meeting::running();
        meeting.join(Role::Site, Some("101"));
        meeting.pass(100);
        meeting.set_clock(set_by).unwrap();
        meeting.pass(100);
        assert_eq!(seconds(&meeting, "101"), Some(200), "{set_by}");
    }
}
