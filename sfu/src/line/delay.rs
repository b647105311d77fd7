//! How long packets are on their way, and how much of that is a queue that stands.
//!
//! The clocks of both ends need not agree: only differences to the least delay seen are used.

use arrayvec::ArrayVec;

use crate::line::Micros;

/// Least delays are kept for [`BUCKETS`] times this.
const BUCKET: Micros = 5_000_000;

/// Higher: a way that became longer is taken for a queue for longer. Lower: a queue that stands is
/// taken for the way itself sooner.
const BUCKETS: usize = 6;

/// A queue stands when no message of this long found it empty.
///
/// Higher: jitter is not taken for a queue. Lower: a queue is seen sooner.
const WINDOW: Micros = 350_000;

/// Messages in the window.
const SAMPLES: usize = 16;

/// Fewer messages in the window say nothing.
const ENOUGH: usize = 3;

/// Where they are few, so many are looked at, from as long ago as this: one that met no queue must
/// be among them however long each was held up by itself.
const USUAL: usize = 8;
const LONGEST: Micros = 1_200_000;

/// Delays were steady when most messages were no later than this. On a line that was well before, the last
/// so many may have met the queue that is looked for, and some more that of a keyframe.
///
/// `GROWING` more: jitter that was small for a while is taken for a queue. Fewer: one that grows slowly is
/// known later.
const STEADY: Micros = 35_000;
const GROWING: usize = 6;

/// The delays of the messages that arrived last.
#[derive(Clone, Debug)]
pub struct Delay {
    floors: [Micros; BUCKETS],
    bucket: i64,
    samples: [(Micros, Micros); SAMPLES],
    noted: usize,
}

impl Delay {
    /// Nothing has arrived.
    pub const fn new() -> Self {
        Self {
            floors: [Micros::MAX; BUCKETS],
            bucket: 0,
            samples: [(Micros::MIN, 0); SAMPLES],
            noted: 0,
        }
    }

    /// Notes that what left at `at` was `delay` on its way, by clocks that need not agree.
    pub fn note(&mut self, at: Micros, delay: Micros) {
        let bucket = at / BUCKET;
        if bucket > self.bucket {
            let passed = usize::try_from(bucket - self.bucket).unwrap_or(BUCKETS);
            for _ in 0..passed.min(BUCKETS) {
                self.floors.rotate_right(1);
                self.floors[0] = Micros::MAX;
            }
            self.bucket = bucket;
        }
        self.floors[0] = self.floors[0].min(delay);
        // Of a message whose packets overtook each other the first to arrive counts.
        let known = self.samples.iter_mut().find(|(known, _)| *known == at);
        if let Some((_, known)) = known {
            *known = delay.min(*known);
            return;
        }
        if let Some(place) = self.samples.get_mut(self.noted % SAMPLES) {
            *place = (at, delay);
        }
        self.noted += 1;
    }

    /// The least delay; `None` where none is known.
    fn floor(&self) -> Option<Micros> {
        let least = self.floors.iter().copied().fold(Micros::MAX, Micros::min);
        (least != Micros::MAX).then_some(least)
    }

    fn newest(&self) -> Option<(Micros, Micros)> {
        let newest = self.noted.checked_sub(1)?;
        self.samples.get(newest % SAMPLES).copied()
    }

    fn newest_first(&self) -> impl Iterator<Item = (Micros, Micros)> {
        let ages = 0..self.noted.min(SAMPLES);
        ages.filter_map(|age| self.samples.get((self.noted - 1 - age) % SAMPLES).copied())
    }

    fn window(&self, usual: usize) -> impl Iterator<Item = Micros> {
        let newest = self.newest().map_or(Micros::MIN, |(at, _)| at);
        let (from, longest) = (
            newest.saturating_sub(WINDOW),
            newest.saturating_sub(LONGEST),
        );
        let ages = self.newest_first().enumerate();
        ages.filter_map(move |(age, (at, delay))| {
            (at >= from || age < usual && at >= longest).then_some(delay)
        })
    }

    /// How much of the delay is a queue that stands. `None` where too little is known. Where packets
    /// overtake each other each is held up by itself, and more of them are looked at.
    pub fn standing(&self, is_reordered: bool) -> Option<Micros> {
        let usual = if is_reordered { SAMPLES } else { USUAL };
        let (count, least) = self
            .window(usual)
            .fold((0, Micros::MAX), |(count, least), delay| {
                (count + 1, least.min(delay))
            });
        let floor = self.floor().filter(|_| count >= ENOUGH)?;
        Some(least.saturating_sub(floor))
    }

    /// Whether most of the messages that left before `at` met no queue, as far as is remembered: three of
    /// four; where the line `was_well`, half, but for the last, each of which was later than the one before.
    /// Where each message is held up for another time they are fewer.
    pub fn was_steady(&self, at: Micros, was_well: bool) -> bool {
        let Some(floor) = self.floor() else {
            return false;
        };
        let is_well = |delay: Micros| delay.saturating_sub(floor) <= STEADY;
        let mut known = ArrayVec::<_, SAMPLES>::from_iter(self.newest_first());
        known.retain(|(left, _)| *left < at);
        let pairs = known.iter().zip(known.iter().skip(1));
        let grew = pairs
            .take(if was_well { GROWING } else { 0 })
            .take_while(|((_, delay), (_, before))| !is_well(*delay) && delay > before);
        let before = known.iter().skip(grew.count());
        let (count, well) = before.fold((0, 0), |(count, well), (_, delay)| {
            (count + 1, well + usize::from(is_well(*delay)))
        });
        let (of, least) = if was_well { (2, 1) } else { (4, 3) };
        count >= USUAL && well * of >= count * least
    }

    /// By how much the newest message was later than the least delay; 0 where nothing is known.
    pub fn late(&self) -> Micros {
        self.newest().map_or(0, |(_, delay)| self.late_by(delay))
    }

    /// By how much what took `delay` was later than what took least; 0 where nothing is known.
    pub fn late_by(&self, delay: Micros) -> Micros {
        let floor = self.floor().unwrap_or(delay);
        delay.saturating_sub(floor).max(0)
    }

    /// What was seen of late says nothing of the queue any more.
    pub fn forget(&mut self) {
        self.samples = [(Micros::MIN, 0); SAMPLES];
        self.noted = 0;
    }

    /// The way has become longer: the least delay of now is the least delay.
    pub fn renew_floor(&mut self) {
        let least = self.window(USUAL).fold(Micros::MAX, Micros::min);
        self.floors = [Micros::MAX; BUCKETS];
        self.floors[0] = least;
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Micros = 1_000;

    #[test]
    fn before_anything_arrived_and_after_all_is_forgotten_nothing_is_late() {
        let mut delay = Delay::new();
        assert_eq!(delay.late_by(-7_000_000), 0);
        delay.note(0, -7_000_000);
        delay.forget();
        delay.renew_floor();
        assert_eq!(delay.late_by(-7_000_000), 0);
        assert!(delay.standing(false).is_none() && !delay.was_steady(1_000_000, true));
    }

    #[test]
    fn a_queue_that_empties_now_and_then_does_not_stand() {
        let mut delay = Delay::new();
        for step in 0..20 {
            let late = if step % 5 == 0 { 0 } else { 200 * MS };
            delay.note(step * 50 * MS, -7_000_000 + late);
        }
        assert_eq!(delay.standing(false), Some(0));
        assert_eq!(delay.late(), 200 * MS);
        for step in 20..30 {
            delay.note(step * 50 * MS, -7_000_000 + 90 * MS);
        }
        assert_eq!(delay.standing(false), Some(90 * MS));
    }

    #[test]
    fn what_is_forgotten_leaves_the_least_delay() {
        let mut delay = Delay::new();
        for step in 0..20 {
            delay.note(step * 50 * MS, step * 20 * MS);
        }
        assert!(delay.standing(false).is_some_and(|queue| queue > 0));
        delay.forget();
        assert_eq!((delay.standing(false), delay.late()), (None, 0));
        for step in 20..24 {
            delay.note(step * 50 * MS, 30 * MS);
        }
        assert_eq!(delay.standing(false), Some(30 * MS));
    }

    #[test]
    fn few_messages_say_nothing() {
        let mut delay = Delay::new();
        for step in 0..10 {
            delay.note(step * 700 * MS, 0);
        }
        assert_eq!(delay.standing(false), None);
    }

    #[test]
    fn the_least_delay_is_forgotten_after_half_a_minute_or_when_told() {
        let mut delay = Delay::new();
        delay.note(0, 0);
        let note = |delay: &mut Delay, from: i64| {
            for step in 0..8 {
                delay.note((from * 1_000 + step * 40) * MS, 80 * MS);
            }
        };
        note(&mut delay, 29);
        assert_eq!(delay.standing(false), Some(80 * MS));
        note(&mut delay, 31);
        assert_eq!(delay.standing(false), Some(0));
        let mut told = Delay::new();
        told.note(0, 0);
        note(&mut told, 1);
        told.renew_floor();
        assert_eq!(told.standing(false), Some(0));
    }

    #[test]
    fn where_packets_overtake_each_other_the_first_of_a_message_counts_and_more_of_them() {
        let mut delay = Delay::new();
        delay.note(0, 0);
        for step in 1..16 {
            let late = if step == 2 { 0 } else { 100 * MS };
            delay.note(step * 50 * MS, late + 20 * MS);
            delay.note(step * 50 * MS, late);
        }
        assert_eq!(delay.standing(true), Some(0));
        assert_eq!(delay.standing(false), Some(100 * MS));
    }
}
