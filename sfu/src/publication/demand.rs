//! How many layers of a publication somebody's slot wishes for, and when its sender hears of it.
//!
//! That more is wished for is said at once: somebody waits for a picture. That it is less is said
//! when it has been so for a while: a slot that is pointed elsewhere and back costs no keyframe.

use std::time::{Duration, Instant};

use crate::id::ShardId;
use crate::publication::MAX_LAYERS;

/// How long less is wished for before it is said.
///
/// Higher: more is sent that nobody looks at. Lower: who looks through many pictures makes their
/// encoders start again and again.
pub const LINGER: Duration = Duration::from_secs(4);

/// A sender that was told that nobody looks has stopped for that reason if it stops so soon.
const COMPLIANCE: Duration = Duration::from_secs(2);

/// What a sender sends that has been told nothing.
#[expect(clippy::cast_possible_truncation, reason = "three")]
const ALL: u8 = MAX_LAYERS as u8;

/// Why nothing of a publication arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Silence {
    /// Nobody looks, and the sender has stopped when it heard so.
    Asleep,
    /// It has just heard that somebody looks again.
    Starting,
    /// It should send and does not.
    Stopped,
}

/// Wishes for one publication, on the shard where it arrives those of all shards.
#[derive(Debug, Default)]
pub struct Demand {
    here: u8,
    /// By number of layers, the other shards that wish for as many or more, one bit each.
    elsewhere: [u64; MAX_LAYERS],
    told: Option<(u8, Instant)>,
    less_since: Option<Instant>,
    /// It was told that somebody looks again, and nothing has come since.
    woken: Option<Instant>,
    /// It has stopped because nobody looked.
    sleeps: bool,
}

impl Demand {
    /// Slots of this shard wish for so many layers, the lowest first. Returns whether that is news.
    pub fn wish_here(&mut self, layers: u8) -> bool {
        std::mem::replace(&mut self.here, layers) != layers
    }

    /// Slots of another shard wish for so many layers.
    pub fn wish_elsewhere(&mut self, shard: ShardId, layers: u8) {
        for (level, shards) in (1u8..).zip(&mut self.elsewhere) {
            *shards &= !(1 << shard.0);
            *shards |= u64::from(level <= layers) << shard.0;
        }
    }

    /// How many layers are wished for, the lowest first.
    pub fn layers(&self) -> u8 {
        let elsewhere = self.elsewhere.iter().filter(|shards| **shards != 0).count();
        self.here.max(u8::try_from(elsewhere).unwrap_or(ALL))
    }

    /// What the sender is to be told now. `arrives` says whether it sends.
    pub fn poll(&mut self, now: Instant, arrives: bool) -> Option<u8> {
        let layers = self.layers();
        let told = self.told.map(|(told, _)| told);
        if layers > told.unwrap_or(0) {
            if self.sleeps || told == Some(0) {
                self.woken = Some(now);
            }
        } else {
            let sends = told.unwrap_or(if arrives { ALL } else { 0 });
            if layers >= sends {
                self.less_since = None;
                return None;
            }
            let since = *self.less_since.get_or_insert(now);
            if now.saturating_duration_since(since) < LINGER {
                return None;
            }
        }
        self.less_since = None;
        self.told = Some((layers, now));
        Some(layers)
    }

    /// Whether [`poll`](Self::poll) has something to say later.
    pub const fn is_waiting(&self) -> bool {
        self.less_since.is_some()
    }

    /// What it says of the sender that nothing arrives. `last` is when it sent last.
    pub fn judge_silence(
        &mut self,
        now: Instant,
        last: Option<Instant>,
        patience: Duration,
    ) -> Silence {
        if let Some(woken) = self.woken {
            return if now.saturating_duration_since(woken) < patience {
                Silence::Starting
            } else {
                Silence::Stopped
            };
        }
        let complied = |(told, at)| told == 0 && last.is_none_or(|last| last < at + COMPLIANCE);
        self.sleeps = self.told.is_some_and(complied);
        if self.sleeps {
            Silence::Asleep
        } else {
            Silence::Stopped
        }
    }

    /// Something has arrived.
    pub const fn arrived(&mut self) {
        self.woken = None;
        self.sleeps = false;
    }

    /// Whether it has stopped because nobody looked: what is held of it is of long ago.
    pub const fn sleeps(&self) -> bool {
        self.sleeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn at(ms: u64) -> Instant {
        epoch() + Duration::from_millis(ms)
    }

    #[test]
    fn more_is_said_at_once_and_less_when_it_has_been_so_for_a_while() {
        let mut demand = Demand::default();
        assert_eq!(
            demand.poll(at(0), false),
            None,
            "nobody asked, nothing comes"
        );
        demand.wish_here(1);
        assert_eq!(demand.poll(at(0), false), Some(1));
        demand.wish_elsewhere(ShardId(3), 3);
        assert_eq!(demand.poll(at(10), true), Some(3));
        demand.wish_elsewhere(ShardId(3), 0);
        assert_eq!(demand.poll(at(100), true), None);
        assert!(demand.is_waiting());
        assert_eq!(demand.poll(at(4_099), true), None);
        assert_eq!(demand.poll(at(4_100), true), Some(1));
        assert!(!demand.is_waiting());
        demand.wish_here(0);
        assert_eq!(demand.poll(at(5_000), true), None);
        demand.wish_here(1);
        assert_eq!(demand.poll(at(8_000), true), None, "as it was told");
        demand.wish_here(0);
        assert_eq!(demand.poll(at(11_000), true), None, "counted anew");
        assert_eq!(demand.poll(at(15_000), true), Some(0));
    }

    #[test]
    fn whoever_sends_unasked_hears_that_nobody_looks() {
        let mut demand = Demand::default();
        assert_eq!(demand.poll(at(0), true), None);
        assert_eq!(demand.poll(at(4_000), true), Some(0));
        assert_eq!(demand.poll(at(9_000), true), None, "and only once");
    }

    #[test]
    fn what_many_shards_wish_is_what_the_one_wishes_that_wishes_most() {
        let mut demand = Demand::default();
        demand.wish_elsewhere(ShardId(0), 1);
        demand.wish_elsewhere(ShardId(63), 2);
        assert_eq!(demand.layers(), 2);
        demand.wish_elsewhere(ShardId(63), 1);
        assert_eq!(demand.layers(), 1);
        demand.wish_elsewhere(ShardId(0), 0);
        demand.wish_elsewhere(ShardId(63), 0);
        assert_eq!(demand.layers(), 0);
    }

    #[test]
    fn silence_is_explained_where_nobody_looks_and_not_where_somebody_does() {
        let mut demand = Demand::default();
        let judge = |demand: &mut Demand, now, last| {
            demand.judge_silence(at(now), Some(at(last)), Duration::from_secs(3))
        };
        demand.poll(at(0), true);
        assert_eq!(demand.poll(at(4_000), true), Some(0));
        assert_eq!(
            judge(&mut demand, 9_500, 6_500),
            Silence::Stopped,
            "it went on, and stopped later by itself"
        );
        assert_eq!(judge(&mut demand, 8_000, 4_200), Silence::Asleep);
        assert!(demand.sleeps());
        demand.wish_here(3);
        assert_eq!(demand.poll(at(20_000), false), Some(3));
        assert_eq!(judge(&mut demand, 22_000, 4_200), Silence::Starting);
        assert_eq!(judge(&mut demand, 23_000, 4_200), Silence::Stopped);
        demand.arrived();
        assert!(!demand.sleeps());
        assert_eq!(judge(&mut demand, 30_000, 24_000), Silence::Stopped);
    }
}
