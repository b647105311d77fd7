//! What each slot shows of what a line carries. Pure: wishes and an estimate in, rungs out.
//!
//! Sound comes first. Then every picture gets its lowest layer, the most important first, and then
//! each in turn as much as still fits. Down it goes at once. Up it goes when there has been room for
//! a while, and the longer the oftener a rung did not hold: so nothing flaps.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::priority::Priority;
use crate::publication::MAX_LAYERS;
use crate::rung::Rung;

/// Pictures of one peer that are shared out without allocating: all but those of a large wall.
const USUAL: usize = 16;

/// How long there must have been room before a picture goes up.
///
/// Lower: a better picture sooner. Higher: less to and fro.
const PATIENCE: Duration = Duration::from_secs(1);

/// A rung that was left again did not hold: the next attempt waits so many times as long, at most
/// [`LONGEST`]. One that has held for [`LONGEST`] may be tried at once again.
///
/// Higher: several who share one line leave each other alone sooner. Lower: a line that has become a
/// little better is used sooner.
const TIMES: u32 = 4;
const LONGEST: Duration = Duration::from_secs(240);

/// So much more than what was thought to carry a rung that did not hold is another line: there is
/// nothing to wait for. In percent.
const ANOTHER_LINE: u64 = 140;

/// A rung that needs no more than this part of what is carried now did not fail by itself: the line
/// did, and is another one now.
///
/// Higher: a line that swings is without a picture for longer. Lower: a line that is taken for wider
/// than it is shows and loses the picture by turns.
const AMPLE: u64 = 3;

/// Room that must be left over before a picture goes up, in percent of the estimate.
const SPARE: u64 = 8;

/// Stills: what the keyframes of the lowest layer cost, as a share of it.
const STILLS_PART: u32 = 6;

/// One picture that is wished for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wish {
    /// Index of the slot in its peer.
    pub slot: u8,
    /// How dearly.
    pub priority: Priority,
    /// The highest layer that is of use there.
    pub ceiling: u8,
    /// Bits per second of each layer; 0 of one that is not sent.
    pub rates: [u32; MAX_LAYERS],
    /// The same in the second, of the last few, in which it was most.
    pub most: [u32; MAX_LAYERS],
    /// Bits per second of the lowest layer's base pictures alone; 0 where they cannot be told apart.
    pub thin: u32,
}

impl Wish {
    /// What a rung costs in bits per second; `None` of one that there is not.
    pub fn cost(&self, rung: Rung) -> Option<u32> {
        let lowest = self.rates.iter().position(|rate| *rate > 0);
        let lowest = lowest.and_then(|at| self.rates.get(at)).copied();
        match rung {
            Rung::Sound => Some(0),
            Rung::Stills => lowest.map(|rate| rate / STILLS_PART),
            Rung::LowThin => Some(self.thin).filter(|rate| *rate > 0 && lowest.is_some()),
            Rung::Low => lowest,
            Rung::Middle | Rung::High => {
                let level = Some(rung.level()).filter(|level| *level <= self.ceiling)?;
                let rate = self.rates.get(usize::from(level)).copied();
                rate.filter(|rate| *rate > 0)
            }
        }
    }

    /// The wish as it is where each layer needs as much as it did lately at most.
    const fn at_most(&self) -> Self {
        Self {
            rates: self.most,
            ..*self
        }
    }

    /// What its lowest layer needs, so that it can be shown and stays: in bits per second, 0 where there
    /// is none.
    pub fn least(&self) -> u32 {
        let least = u64::from(self.at_most().cost(Rung::Low).unwrap_or(0));
        u32::try_from(least * 100 / (100 - SPARE)).unwrap_or(u32::MAX)
    }

    /// The highest rung that there is, and what it costs.
    pub fn best(&self) -> (Rung, u32) {
        self.within(u64::MAX)
    }

    /// The highest rung within a budget, and what it costs.
    fn within(&self, budget: u64) -> (Rung, u32) {
        let affordable = Rung::ALL.into_iter().rev().find_map(|rung| {
            let cost = self.cost(rung)?;
            (u64::from(cost) <= budget).then_some((rung, cost))
        });
        affordable.unwrap_or((Rung::Sound, 0))
    }
}

/// What one slot may show, and what became of its attempts to show more.
#[derive(Clone, Debug)]
struct Climb {
    slot: u8,
    rung: Rung,
    reached: Option<Instant>,
    /// Since when there has been room above.
    roomy: Option<Instant>,
    /// What seemed to be carried when the rung was reached.
    seemed: u64,
    /// Rungs that did not hold, each once; on a good line none.
    failed: Vec<Failed>,
}

/// A rung that did not hold: for how long and until when it is not tried, and what had seemed to
/// carry it.
#[derive(Clone, Copy, Debug)]
struct Failed {
    rung: Rung,
    patience: Duration,
    until: Instant,
    seemed: u64,
}

impl Failed {
    fn bars(&self, now: Instant, rung: Rung, budget: u64) -> bool {
        // What seemed to carry everything had no bound.
        let is_another_line = budget > (self.seemed / 100).saturating_mul(ANOTHER_LINE);
        rung >= self.rung && now < self.until && !is_another_line
    }
}

impl Climb {
    /// One that begins where the line allows.
    const fn new(slot: u8, rung: Rung, budget: u64) -> Self {
        Self {
            slot,
            rung,
            reached: None,
            roomy: None,
            seemed: budget,
            failed: Vec::new(),
        }
    }

    fn fall(&mut self, now: Instant, to: Rung) {
        let held = self.reached.map(|at| now.saturating_duration_since(at));
        let known = self.failed.iter().position(|it| it.rung == self.rung);
        let known = known.map(|at| self.failed.swap_remove(at).patience);
        let before = known.unwrap_or(PATIENCE);
        let patience = match held {
            Some(held) if held < LONGEST => (before * TIMES).min(LONGEST),
            _ => PATIENCE,
        };
        self.failed.push(Failed {
            rung: self.rung,
            patience,
            until: now + patience,
            seemed: self.seemed,
        });
        (self.rung, self.reached, self.roomy) = (to, None, None);
    }

    /// Goes up, once there has been room for long enough, to the highest rung of its wish for which there
    /// is room and that nothing bars.
    fn climb(&mut self, now: Instant, wish: &Wish, room: &Room, budget: u64) {
        let since = *self.roomy.get_or_insert(now);
        if now.saturating_duration_since(since) < PATIENCE {
            return;
        }
        let is_barred = |rung: Rung| {
            let is_ample = rung <= room.ample;
            !is_ample && self.failed.iter().any(|it| it.bars(now, rung, budget))
        };
        let may = |rung: &Rung| {
            (self.rung < *rung && *rung <= room.spare)
                && wish.cost(*rung).is_some()
                && !is_barred(*rung)
        };
        if let Some(rung) = Rung::ALL.into_iter().rev().find(may) {
            (self.rung, self.reached, self.roomy) = (rung, Some(now), None);
            self.seemed = budget;
        }
    }
}

/// The highest rungs of a slot for which there is room, with what must be left over, and with so much
/// that none of them can be too much.
#[derive(Clone, Copy, Debug)]
struct Room {
    spare: Rung,
    ample: Rung,
}

/// Shares one line out among a peer's slots.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    climbs: Vec<Climb>,
}

/// What was shared out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Bits per second of sound and pictures.
    pub sending: u32,
    /// What they would be on a line that carries all.
    pub desired: u32,
    /// The same in the second, of the last few, in which it was most: with so much and a tenth more
    /// everything is shown.
    pub most: u32,
}

impl Allocator {
    /// Shares out what a line `carries`, of which `sound` is taken. Wishes come in the order of
    /// their slots.
    pub fn allocate(
        &mut self,
        now: Instant,
        carries: Option<u32>,
        sound: u32,
        wishes: &[Wish],
    ) -> Load {
        let budget = carries.map_or(u64::MAX, |rate| u64::from(rate.saturating_sub(sound)));
        let spare = budget - budget / 100 * SPARE;
        let fitting = share_out(budget, &wishes.iter().copied());
        // What is reached must hold when the picture moves more than now.
        let roomy = share_out(spare, &wishes.iter().map(Wish::at_most));
        let ample = share_out(budget / AMPLE, &wishes.iter().map(Wish::at_most));
        let rooms = roomy.into_iter().zip(ample);
        let rooms = rooms.map(|(spare, ample)| Room { spare, ample });
        self.climbs
            .retain(|climb| wishes.iter().any(|wish| wish.slot == climb.slot));
        let mut load = Load {
            sending: sound,
            desired: sound,
            most: sound,
        };
        for ((wish, fits), room) in wishes.iter().zip(fitting).zip(rooms) {
            let known = self.climbs.iter_mut().find(|climb| climb.slot == wish.slot);
            let climb = match known {
                Some(climb) => climb,
                None => {
                    self.climbs.push(Climb::new(wish.slot, fits, budget));
                    let Some(new) = self.climbs.last_mut() else {
                        continue;
                    };
                    new
                }
            };
            let held = wish.cost(climb.rung).map(|_| climb.rung);
            match held {
                // What it showed is not sent any more, or nothing bounds the line.
                None => climb.rung = fits,
                Some(_) if carries.is_none() => climb.rung = fits,
                Some(rung) if fits < rung => climb.fall(now, fits),
                Some(rung) if room.spare > rung => climb.climb(now, wish, &room, budget),
                Some(_) => climb.roomy = None,
            }
            load.sending += wish.cost(climb.rung).unwrap_or(0);
            load.desired += wish.best().1;
            load.most += wish.at_most().best().1;
        }
        load
    }

    /// What a slot may show; all, where its line was never shared out.
    pub fn rung(&self, slot: u8) -> Rung {
        let known = self.climbs.iter().find(|climb| climb.slot == slot);
        known.map_or(Rung::High, |climb| climb.rung)
    }
}

/// The rungs that fit a budget, in the order of the wishes.
fn share_out(
    budget: u64,
    wishes: &(impl ExactSizeIterator<Item = Wish> + Clone),
) -> SmallVec<[Rung; USUAL]> {
    let nothing = (Rung::Sound, 0u32);
    let mut shares: SmallVec<[_; USUAL]> = SmallVec::from_elem(nothing, wishes.len());
    let mut left = budget;
    for is_first in [true, false] {
        for priority in Priority::ALL.into_iter().rev() {
            let of_it = wishes.clone().zip(&mut shares);
            for (wish, share) in of_it.filter(|(wish, _)| wish.priority == priority) {
                let within = left + u64::from(share.1);
                let lowest = wish.cost(Rung::Low).map_or(0, u64::from);
                let most = if is_first { within.min(lowest) } else { within };
                *share = wish.within(most);
                left = within - u64::from(share.1);
            }
        }
    }
    shares.into_iter().map(|(rung, _)| rung).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const LAYERS: [u32; MAX_LAYERS] = [110_000, 320_000, 950_000];

    const fn wish(slot: u8, priority: Priority) -> Wish {
        Wish {
            slot,
            priority,
            ceiling: 2,
            rates: LAYERS,
            most: LAYERS,
            thin: 0,
        }
    }

    const STAGE: [Wish; 3] = [
        wish(1, Priority::Main),
        wish(2, Priority::Second),
        wish(3, Priority::Thumbnail),
    ];

    fn rungs(carries: u32) -> [Rung; 3] {
        let mut allocator = Allocator::default();
        allocator.allocate(epoch(), Some(carries), 50_000, &STAGE);
        [1, 2, 3].map(|slot| allocator.rung(slot))
    }

    #[test]
    fn the_most_important_get_more_and_all_get_something_first() {
        use Rung::{High, Low, Middle, Sound, Stills};
        assert_eq!(rungs(60_000), [Sound, Sound, Sound]);
        assert_eq!(rungs(80_000), [Stills, Sound, Sound]);
        assert_eq!(rungs(110_000), [Stills, Stills, Stills]);
        assert_eq!(rungs(250_000), [Low, Stills, Stills]);
        assert_eq!(rungs(400_000), [Low, Low, Low]);
        assert_eq!(rungs(600_000), [Middle, Low, Low]);
        assert_eq!(rungs(1_300_000), [High, Low, Low]);
        assert_eq!(rungs(4_000_000), [High, High, High]);
    }

    #[test]
    fn what_did_not_hold_while_nothing_bounded_the_line_is_barred_for_its_time() {
        let mut climb = Climb::new(1, Rung::High, u64::MAX);
        climb.fall(epoch(), Rung::Middle);
        let bars = |after| climb.failed[0].bars(epoch() + after, Rung::High, u64::MAX);
        assert!(bars(Duration::ZERO));
        assert!(!bars(PATIENCE));
    }

    #[test]
    fn where_pictures_can_be_left_out_fewer_move_on_a_line_too_narrow_for_all() {
        let only = [Wish {
            thin: 45_000,
            ..wish(1, Priority::Main)
        }];
        let rung = |carries| {
            let mut allocator = Allocator::default();
            allocator.allocate(epoch(), Some(carries), 50_000, &only);
            allocator.rung(1)
        };
        let rungs = [80_000, 96_000, 159_000, 161_000].map(rung);
        assert_eq!(
            rungs,
            [Rung::Stills, Rung::LowThin, Rung::LowThin, Rung::Low]
        );
    }

    #[test]
    fn a_line_without_bound_carries_all_at_once() {
        let mut allocator = Allocator::default();
        allocator.allocate(epoch(), Some(100_000), 50_000, &STAGE);
        let load = allocator.allocate(epoch(), None, 50_000, &STAGE);
        assert_eq!(allocator.rung(1), Rung::High);
        assert_eq!(load.sending, load.desired);
    }

    #[test]
    fn it_goes_down_at_once_and_up_after_a_second_of_room() {
        let only = [wish(1, Priority::Main)];
        let mut allocator = Allocator::default();
        allocator.allocate(epoch(), Some(2_000_000), 50_000, &only);
        allocator.allocate(epoch(), Some(900_000), 50_000, &only);
        assert_eq!(allocator.rung(1), Rung::Middle);
        let mut up_at = None;
        for step in 1..100 {
            let now = epoch() + Duration::from_millis(50 * step);
            allocator.allocate(now, Some(2_000_000), 50_000, &only);
            if allocator.rung(1) == Rung::High {
                up_at.get_or_insert(50 * step);
            }
        }
        assert_eq!(up_at, Some(1_050));
    }

    #[test]
    fn a_rung_that_does_not_hold_is_tried_ever_more_rarely() {
        let only = [wish(1, Priority::Main)];
        let mut allocator = Allocator::default();
        let mut ups = Vec::new();
        let mut last = Rung::Low;
        allocator.allocate(epoch(), Some(200_000), 50_000, &only);
        for step in 0..2_400 {
            let now = epoch() + Duration::from_millis(50 * step);
            // There seems to be room for the middle until it is shown.
            let is_up = allocator.rung(1) > Rung::Low;
            let carries = if is_up { 350_000 } else { 450_000 };
            allocator.allocate(now, Some(carries), 50_000, &only);
            if allocator.rung(1) > last {
                ups.push(step);
            }
            last = allocator.rung(1);
        }
        assert!(ups.len() <= 8, "{ups:?} in two minutes");
    }

    /// How often what is shown changes from one minute to another, of which each fifth of a second is
    /// told what the line carries.
    fn changes(
        minutes: std::ops::Range<u64>,
        carries: impl Fn(u64) -> u32,
        wish: impl Fn(u64) -> Wish,
    ) -> usize {
        let mut allocator = Allocator::default();
        let (mut count, mut last) = (0, None);
        for step in 0..minutes.end * 300 {
            let now = epoch() + Duration::from_millis(200 * step);
            allocator.allocate(now, Some(carries(step)), 50_000, &[wish(step)]);
            let is_other = last.is_some_and(|last| last != allocator.rung(1));
            count += usize::from(is_other && step >= minutes.start * 300);
            last = Some(allocator.rung(1));
        }
        count
    }

    #[test]
    fn a_layer_that_needs_more_than_there_is_now_and_then_is_left_alone() {
        let moving = |step: u64| {
            let mut wish = wish(1, Priority::Main);
            let is_much = (step / 10).is_multiple_of(2);
            wish.rates[1] = if is_much { 340_000 } else { 300_000 };
            wish.most[1] = 340_000;
            wish
        };
        assert!(changes(0..1, |_| 380_000, moving) <= 1);
    }

    #[test]
    fn what_held_for_a_while_and_then_did_not_is_tried_ever_more_rarely() {
        // Each twelve seconds the line is thought to carry less for one.
        let carries = |step: u64| if step % 60 < 55 { 450_000 } else { 350_000 };
        let often = changes(1..5, carries, |_| wish(1, Priority::Main));
        assert!(often <= 4, "{often} in four minutes");
    }

    #[test]
    fn what_fits_a_line_with_ease_is_shown_however_often_it_did_not() {
        // Five seconds of a line that carries no picture, ten of one that carries all.
        let carries = |step: u64| if step % 75 < 25 { 60_000 } else { 2_000_000 };
        let mut allocator = Allocator::default();
        let (mut without, mut longest) = (0, 0);
        for step in 0..3_000 {
            let now = epoch() + Duration::from_millis(200 * step);
            let main = [wish(1, Priority::Main)];
            allocator.allocate(now, Some(carries(step)), 50_000, &main);
            let is_shown = allocator.rung(1) >= Rung::Low;
            without = if is_shown { 0 } else { without + 1 };
            longest = longest.max(without);
        }
        assert!(longest <= 25 + 6, "{longest} fifths of a second");
    }

    #[test]
    fn while_a_better_picture_is_barred_the_next_best_is_shown() {
        let only = [wish(1, Priority::Main)];
        let mut allocator = Allocator::default();
        let mut go = |millis, carries| {
            let now = epoch() + Duration::from_millis(millis);
            allocator.allocate(now, Some(carries), 50_000, &only);
            allocator.rung(1)
        };
        assert_eq!(go(0, 500_000), Rung::Middle);
        go(100, 1_200_000);
        assert_eq!(go(1_100, 1_200_000), Rung::High);
        assert_eq!(go(1_200, 200_000), Rung::Low, "it did not hold");
        go(1_300, 1_200_000);
        assert_eq!(go(2_300, 1_200_000), Rung::Middle);
        go(2_400, 1_200_000);
        assert_eq!(go(5_100, 1_200_000), Rung::Middle);
        assert_eq!(go(5_300, 1_200_000), Rung::High);
    }

    #[test]
    fn a_tenth_more_than_is_needed_at_most_carries_all() {
        let mut moving = wish(1, Priority::Main);
        moving.most[2] = 1_100_000;
        let mut allocator = Allocator::default();
        let most = allocator
            .allocate(epoch(), Some(400_000), 50_000, &[moving])
            .most;
        for step in 1..20 {
            let now = epoch() + Duration::from_millis(200 * step);
            allocator.allocate(now, Some(most / 10 * 11), 50_000, &[moving]);
        }
        assert_eq!(allocator.rung(1), Rung::High);
    }

    #[test]
    fn a_layer_that_is_not_sent_any_more_is_no_rung() {
        let mut allocator = Allocator::default();
        let mut only = [wish(1, Priority::Main)];
        allocator.allocate(epoch(), Some(600_000), 50_000, &only);
        assert_eq!(allocator.rung(1), Rung::Middle);
        only[0].rates[1] = 0;
        allocator.allocate(epoch(), Some(600_000), 50_000, &only);
        assert_eq!(allocator.rung(1), Rung::Low);
        allocator.allocate(epoch(), Some(600_000), 50_000, &[]);
        assert_eq!(allocator.rung(1), Rung::High, "nothing is known of it");
    }
}
