//! Sound that is sent twice, for who takes none that carries what came before it (RFC 2198): Firefox,
//! and most players. On a line that loses, each packet leaves again a little later, as it was, before
//! anybody could miss it; who has it already drops the second (RFC 3711 §3.3.2).

use std::ops::Range;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::redundancy::Redundancy;

/// How often it is looked at what has left meanwhile. A packet leaves again after one to two of these.
///
/// Higher: longer bursts of loss are outlived. Lower: what was lost is there sooner, and who holds
/// sound back for less has it in time.
const STEP: Duration = Duration::from_millis(40);

/// After so many further steps it leaves a third time, where two copies are asked for.
const FAR: usize = 3;

/// Most packets of one slot in a step. What is more was not sent at its own pace.
const MAX_STEP: u16 = 8;

/// Slots of sound of one receiver.
const MAX_SLOTS: usize = 8;

/// The newest number of a slot at each of the last looks, the last one first.
#[derive(Clone, Copy, Debug)]
struct Marks {
    slot: u8,
    newest: [u16; FAR + 3],
}

/// What one receiver's sound is to be sent again of.
#[derive(Clone, Debug)]
pub struct Repeats {
    level: Redundancy,
    due: Instant,
    slots: ArrayVec<Marks, MAX_SLOTS>,
}

impl Repeats {
    /// Nothing yet: only what leaves from now on is sent again.
    pub const fn begin(now: Instant) -> Self {
        Self {
            level: Redundancy::None,
            due: now,
            slots: ArrayVec::new_const(),
        }
    }

    /// Has each packet leave again so often.
    pub const fn set_level(&mut self, level: Redundancy) {
        self.level = level;
    }

    /// How often each packet leaves again.
    /// When to look next.
    pub const fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Begins a step, if it is time.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due <= now;
        if is_due {
            self.due = now + STEP;
        }
        is_due
    }

    /// Which packets of the slot, whose newest has the number `newest`, leave again in this step. As
    /// ranges of numbers that wrap: from the first to before the last.
    pub fn step(&mut self, slot: u8, newest: u16) -> [Range<u16>; 2] {
        let Some(marks) = self.slots.iter_mut().find(|marks| marks.slot == slot) else {
            let newest = [newest; FAR + 3];
            // One more is not sent again.
            let _ = self.slots.try_push(Marks { slot, newest });
            return [0..0, 0..0];
        };
        marks.newest.rotate_right(1);
        let [first, ..] = &mut marks.newest;
        *first = newest;
        let [_, once, before_once, .., thrice, before_thrice] = marks.newest;
        let near = between(before_once, once);
        let far = between(before_thrice, thrice);
        match self.level {
            Redundancy::None => [0..0, 0..0],
            Redundancy::Single => [near, 0..0],
            Redundancy::Double => [near, far],
        }
    }
}

/// The numbers after `last` up to `newest`; none where a slot was set up anew.
const fn between(last: u16, newest: u16) -> Range<u16> {
    let first = last.wrapping_add(1);
    let end = newest.wrapping_add(1);
    if newest.wrapping_sub(last) > MAX_STEP {
        return end..end;
    }
    first..end
}

/// The numbers of a range that may wrap.
pub fn numbers(range: Range<u16>) -> impl Iterator<Item = u16> {
    let count = range.end.wrapping_sub(range.start);
    (0..count).map(move |offset| range.start.wrapping_add(offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    /// What leaves again in each of ten steps of a slot that sends a packet a step.
    fn steps(level: Redundancy, first: u16) -> Vec<Vec<u16>> {
        let mut repeats = Repeats::begin(epoch());
        repeats.set_level(level);
        let mut newest = first;
        (0..8)
            .map(|_| {
                newest = newest.wrapping_add(1);
                let again = repeats.step(2, newest);
                again.into_iter().flat_map(numbers).collect()
            })
            .collect()
    }

    #[test]
    fn each_packet_leaves_once_more_and_nothing_that_left_before_it_began() {
        let first = u16::MAX - 4;
        let sent: Vec<u16> = (1..=8).map(|step| first.wrapping_add(step)).collect();
        let again = steps(Redundancy::Single, first);
        assert_eq!(again.concat(), sent[1..7]);
        assert!(again.iter().all(|step| step.len() <= 1));
    }

    #[test]
    fn where_two_copies_are_asked_for_the_second_lies_further_back() {
        let again = steps(Redundancy::Double, 100);
        assert_eq!(again[7], [107, 104]);
    }

    #[test]
    fn a_slot_that_jumps_repeats_nothing() {
        let mut repeats = Repeats::begin(epoch());
        repeats.set_level(Redundancy::Double);
        for newest in [1, 2, 3, 40_000, 40_001] {
            let again = repeats.step(0, newest);
            let all: Vec<u16> = again.into_iter().flat_map(numbers).collect();
            assert!(
                all.len() <= 2 && all.iter().all(|number| *number <= 3),
                "{all:?}"
            );
        }
    }

    #[test]
    fn a_step_comes_every_forty_milliseconds() {
        let mut repeats = Repeats::begin(epoch());
        assert!(repeats.is_due(epoch()));
        assert!(!repeats.is_due(epoch() + STEP / 2));
        assert_eq!(repeats.poll_timeout(), epoch() + STEP);
    }
}
