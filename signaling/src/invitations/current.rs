//! Which day of a booking matters to those who are invited, and how it stands with it.

use jiff::Timestamp;

use crate::booking::OccurrenceState;
use crate::conference::Phase;
use crate::store::Booked;

/// How it stands with what a site is invited to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stands {
    /// It is still to come, or under way.
    Ahead,
    /// It is over.
    Over,
    /// It does not take place.
    Cancelled,
}

/// The day that runs; or the next one; if none takes place any more, the next one that was cancelled; or the
/// last one. Nothing if there are no days, or nobody is told of them yet.
#[must_use]
pub fn current(days: &[Booked], now: Timestamp) -> Option<(usize, Stands)> {
    let find = |is_it: &dyn Fn(&Booked) -> bool| days.iter().position(is_it);
    let takes_place = Booked::takes_place;
    let is_to_come =
        |booked: &Booked| booked.day.ends_at > now && booked.phase != Some(Phase::Ended);
    let running = find(&|booked| booked.phase == Some(Phase::Running));
    let next = || find(&|booked| takes_place(booked) && is_to_come(booked));
    if let Some(ahead) = running.or_else(next) {
        return Some((ahead, Stands::Ahead));
    }
    let is_known = |booked: &Booked| booked.day.state != OccurrenceState::Draft;
    let cancelled = find(&|booked| is_known(booked) && !takes_place(booked) && is_to_come(booked));
    if let Some(cancelled) = cancelled {
        return Some((cancelled, Stands::Cancelled));
    }
    if let Some(last) = days.iter().rposition(takes_place) {
        return Some((last, Stands::Over));
    }
    let last = days.iter().rposition(is_known)?;
    Some((last, Stands::Cancelled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::{Audience, Doors, Kind, Occurrence};

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    fn day(hour: i64, state: OccurrenceState, phase: Option<Phase>) -> Booked {
        Booked {
            day: Occurrence {
                booking: "b".parse().unwrap(),
                date: "2026-11-30".parse().unwrap(),
                conference: format!("b-{hour}").parse().unwrap(),
                state,
                title: "T".to_owned(),
                kind: Kind::Meeting,
                zone: "UTC".to_owned(),
                starts_at: at(hour),
                ends_at: at(hour + 1),
                opens_at: at(hour - 1),
                doors: Doors::default(),
                hall: None,
                chair: None,
                audience: Audience::of([]).hash().clone(),
                notice: 1,
            },
            phase,
            is_deleted: false,
        }
    }

    use OccurrenceState::{Cancelled, Draft, Published};

    #[test]
    fn the_day_that_runs_goes_before_the_next_one_and_a_day_that_has_ended_early_is_passed_over() {
        let plain = [day(10, Published, None), day(20, Published, None)];
        assert_eq!(current(&plain, at(1)), Some((0, Stands::Ahead)));
        assert_eq!(current(&plain, at(11)), Some((1, Stands::Ahead)));
        assert_eq!(current(&plain, at(21)), Some((1, Stands::Over)));
        let overrun = [
            day(10, Published, Some(Phase::Running)),
            day(20, Published, None),
        ];
        assert_eq!(current(&overrun, at(15)), Some((0, Stands::Ahead)));
        let early = [
            day(10, Published, Some(Phase::Ended)),
            day(20, Published, None),
        ];
        assert_eq!(current(&early, at(10)), Some((1, Stands::Ahead)));
    }

    #[test]
    fn a_day_that_was_cancelled_matters_only_if_no_other_is_to_come() {
        let one = [day(10, Cancelled, None), day(20, Published, None)];
        assert_eq!(current(&one, at(1)), Some((1, Stands::Ahead)));
        let both = [day(10, Published, None), day(20, Cancelled, None)];
        assert_eq!(current(&both, at(15)), Some((1, Stands::Cancelled)));
        assert_eq!(current(&both, at(30)), Some((0, Stands::Over)));
        let all = [day(10, Cancelled, None), day(20, Cancelled, None)];
        assert_eq!(current(&all, at(1)), Some((0, Stands::Cancelled)));
        assert_eq!(current(&all, at(30)), Some((1, Stands::Cancelled)));
        let taken_back = Booked {
            is_deleted: true,
            ..day(10, Published, None)
        };
        assert_eq!(current(&[taken_back], at(1)), Some((0, Stands::Cancelled)));
    }

    #[test]
    fn of_a_draft_nobody_is_told() {
        assert_eq!(current(&[day(10, Draft, None)], at(1)), None);
        assert_eq!(current(&[], at(1)), None);
    }
}
