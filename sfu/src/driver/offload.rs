//! Where messages leave as one piece that the system cuts up (UDP_SEGMENT), and where it has refused
//! that: one device of a tunnel may take less than a segment, or an old card not know the way.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// How long packets leave one by one after a refusal. Higher: more calls where it was a passing
/// one. Lower: more messages are tried in vain.
const PAUSE: Duration = Duration::from_secs(30);

/// Destinations that have refused; of one more, the one that did so first is tried again.
const MAX_REFUSING: usize = 256;

/// So many destinations in a row without one that took segments between them: it is the system.
const IN_A_ROW: usize = 4;

/// What a refusal leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// This destination gets its packets one by one for a while.
    Destination,
    /// All do.
    System,
}

/// Who refuses.
#[derive(Debug, Default)]
pub(super) struct Offload {
    /// The first to be tried again in front.
    refusing: VecDeque<(IpAddr, Instant)>,
    in_a_row: ArrayVec<IpAddr, IN_A_ROW>,
    off_until: Option<Instant>,
}

impl Offload {
    /// Whether a message to `destination` may leave as one piece.
    #[inline]
    pub(super) fn may_segment(&mut self, now: Instant, destination: IpAddr) -> bool {
        if self.off_until.is_none() && self.refusing.is_empty() {
            return true;
        }
        self.off_until = self.off_until.filter(|until| now < *until);
        while self
            .refusing
            .front()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.refusing.pop_front();
        }
        !self.is_off() && self.refusing.iter().all(|(known, _)| *known != destination)
    }

    /// The system has taken segments.
    #[inline]
    pub(super) fn note_taken(&mut self) {
        self.in_a_row.clear();
    }

    /// The system has refused segments to `destination`.
    pub(super) fn note_refused(&mut self, now: Instant, destination: IpAddr) -> Refusal {
        if !self.in_a_row.contains(&destination) {
            let _ = self.in_a_row.try_push(destination);
        }
        if self.in_a_row.is_full() {
            self.in_a_row.clear();
            self.off_until = Some(now + PAUSE);
            return Refusal::System;
        }
        if self.refusing.len() >= MAX_REFUSING {
            self.refusing.pop_front();
        }
        self.refusing.push_back((destination, now + PAUSE));
        Refusal::Destination
    }

    /// Whether no message leaves as one piece at present.
    pub(super) const fn is_off(&self) -> bool {
        self.off_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn host(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        IpAddr::from([10, 0, high, low])
    }

    #[test]
    fn one_destinations_refusal_is_its_own_and_passes() {
        let (mut offload, now) = (Offload::default(), epoch());
        assert_eq!(offload.note_refused(now, host(1)), Refusal::Destination);
        assert!(!offload.may_segment(now, host(1)));
        assert!(offload.may_segment(now, host(2)));
        assert!(!offload.is_off());
        assert!(offload.may_segment(now + PAUSE, host(1)));
    }

    #[test]
    fn refusals_of_many_in_a_row_are_the_systems_and_pass() {
        let (mut offload, now) = (Offload::default(), epoch());
        for _ in 0..10 {
            assert_eq!(offload.note_refused(now, host(1)), Refusal::Destination);
        }
        offload.note_refused(now, host(2));
        offload.note_refused(now, host(3));
        assert_eq!(offload.note_refused(now, host(4)), Refusal::System);
        assert!(offload.is_off() && !offload.may_segment(now, host(9)));
        assert!(offload.may_segment(now + PAUSE, host(9)));
        assert!(!offload.is_off());
    }

    #[test]
    fn refusals_between_which_others_took_segments_are_not_the_systems() {
        let (mut offload, now) = (Offload::default(), epoch());
        for number in 0..1_000 {
            assert_eq!(
                offload.note_refused(now, host(number)),
                Refusal::Destination
            );
            offload.note_taken();
        }
        assert_eq!(offload.refusing.len(), MAX_REFUSING);
        assert!(!offload.may_segment(now, host(999)));
        assert!(
            offload.may_segment(now, host(0)),
            "the first is tried again"
        );
    }
}
