//! What a line carries, judged from what was seen of it. Pure: a reading in, a judgement out.
//!
//! Three things are told apart. A queue that stands, or packets lost while packets are late: too
//! much is sent, and what arrives and how fast trains arrive say how much is not. Loss without a
//! queue: the line's own, which sending less does not mend. A delay that stands although trains
//! show much more room than is used and nothing is lost: a longer way.

use crate::line::Micros;
use crate::line::loss::Counted;

/// The least that is estimated, in bits per second: sound alone.
const LEAST: f64 = 24e3;

/// The most: higher than all that a receiver can be shown.
const MOST: f64 = 8e6;

/// What a line is taken to carry before anything is known of it: sound and a small picture.
const START: f64 = 300e3;

/// A queue of this stands in the way. Lower: a queue is drained sooner, and jitter is taken for one.
const STANDING: Micros = 35_000;

/// The same where packets overtake each other: each is held up by itself, which is no queue, and
/// this much where there is one does no harm yet.
const STANDING_REORDERED: Micros = 150_000;

/// A short queue that nothing else tells of stands when it was seen for so long.
const MOMENT: Micros = 120_000;

/// With less standing than this there is room; and with this where packets overtake each other.
const ROOM: Micros = 20_000;
const ROOM_REORDERED: Micros = 70_000;

/// Share of the capacity that is used when a queue stands, and when a long one does: less, so that
/// it drains. Higher: more is used. Lower: it is empty sooner.
const USED: f64 = 0.88;
const USED_TO_DRAIN: f64 = 0.8;
const LONG_QUEUE: Micros = 150_000;

/// Time between two cuts on what one queue shows: what the first has changed is seen by then.
const CUT_GAP: Micros = 400_000;

/// A queue that still stands after so long was caused by something else too: cut again.
const STUBBORN: Micros = 1_200_000;

/// From this share of a moment's packets on, with packets late, a line is flooded.
const FLOOD: f64 = 0.3;
/// See [`FLOOD`].
pub const FLOOD_LATE: Micros = 60_000;

/// So much of what was sent is taken to come through at least, until reports tell.
const LEAST_PASSING: f64 = 0.3;

/// A flood is over when packets are no longer late, after these at the earliest and latest.
const FLOOD_LEAST: Micros = 300_000;
/// See [`FLOOD_LEAST`].
pub const FLOOD_LONGEST: Micros = 1_500_000;

/// Time after a cut before more is tried.
const REST: Micros = 800_000;

/// Growth per second while what is allowed is used.
const GROWTH: f64 = 0.08;

/// The same where no train can be measured.
const BLIND_GROWTH: f64 = 0.3;

/// How far beyond what a line was seen to carry that growth leads, and for how long after.
const TOO_MUCH: f64 = 1.3;
const TOO_MUCH_FOR: Micros = 30_000_000;

/// Share of a train's rate that a probe may lead to, and the most by which it may raise at once:
/// shapers let short trains pass faster than what follows.
const PROBED: f64 = 0.85;
const PROBED_STEP: f64 = 2.0;

/// So soon after a cut it may be found that packets overtook each other.
const GIVEN_BACK: Micros = 5_000_000;

/// Loss without a queue is borne up to this share; beyond, the estimate is bounded.
const BORNE: f64 = 0.25;

/// Over so much that share is smoothed besides: bursts that follow each other closely by chance are
/// no other line.
const BORNE_OVER: Micros = 10_000_000;

/// Share of loss from which a line counts as lossy.
const LOSSY: f64 = 0.03;

/// A delay that stands for longer than this may be a longer way.
const LONGER_WAY: Micros = 1_000_000;

/// It is one where the delay has stood so evenly, or where trains are so many times as fast as what is
/// used: a queue that others fill as well goes up and down, and its trains show the whole line.
///
/// `EVEN` higher, or `FAST` lower: such a queue is taken for a longer way, and stays for half a minute.
/// `EVEN` lower, or `FAST` higher: a longer way with some jitter costs a better picture for longer.
const EVEN: Micros = 15_000;
const FAST: f64 = 8.0;

/// What is known of a line at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The moment.
    pub now: Micros,
    /// The queue that stands, where enough is known.
    pub standing: Option<Micros>,
    /// By how much the newest message was late.
    pub late: Micros,
    /// Rate of the last trains, in bits per second.
    pub train: Option<f64>,
    /// Rate of the last train alone.
    pub last_train: Option<f64>,
    /// When the last train arrived.
    pub train_at: Option<Micros>,
    /// Rate at which packets arrive over half a second, in bits per second; `None` where not every
    /// packet of it was reported.
    pub arriving: Option<f64>,
    /// The same over a quarter.
    pub arriving_now: Option<f64>,
    /// Loss over a moment, half a second, five seconds.
    pub moment: Counted,
    /// See `moment`.
    pub short: Counted,
    /// See `moment`.
    pub long: Counted,
    /// What is being sent, in bits per second.
    pub sending: f64,
    /// When the probe left whose answer is awaited.
    pub probe: Option<Micros>,
    /// A great part of what is sent was asked for again just now, and no report says otherwise.
    pub alarm: bool,
    /// Share of what left that was not asked for again, where requests tell.
    pub passing: Option<f64>,
    /// Packets overtake one another.
    pub reordered: bool,
    /// One message has shown that not half of what is sent is carried: what is, in bits per second.
    pub choked: Option<f64>,
}

/// What a line is like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Verdict {
    /// All arrives, in time.
    #[default]
    Clear,
    /// Packets are lost without a queue: the line's own loss.
    Lossy,
    /// A queue stands.
    Filling,
    /// Much is lost because a queue is full: no picture before it is empty.
    Flooded,
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Judgement {
    /// The estimate was cut.
    pub cut: bool,
    /// A probe was answered, and whether it led higher.
    pub probed: Option<bool>,
    /// The delay that stands is the way itself.
    pub longer_way: bool,
}

/// Since when the delay that stands has been the same, but for [`EVEN`], and between what.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    since: Micros,
    least: Micros,
    most: Micros,
}

impl Level {
    fn note(&mut self, now: Micros, standing: Micros) {
        let (least, most) = (self.least.min(standing), self.most.max(standing));
        *self = if most - least > EVEN {
            Self {
                since: now,
                least: standing,
                most: standing,
            }
        } else {
            Self {
                since: self.since,
                least,
                most,
            }
        };
    }
}

/// The estimate.
#[derive(Clone, Debug)]
pub struct Estimate {
    rate: f64,
    verdict: Verdict,
    capacity: f64,
    capacity_at: Option<Micros>,
    cut_at: Option<Micros>,
    read_at: Micros,
    /// Since when a queue stands, and the estimate before.
    filling: Option<(Micros, f64)>,
    /// Since when a queue has been seen to stand.
    stands: Option<Micros>,
    level: Level,
    flooded: Option<Micros>,
    /// When it was last found to be flooded: what had left before found the same full queue.
    flood: Option<Micros>,
    bound: f64,
    /// The share that is lost, over long.
    loss: f64,
    /// When it was cut first of late, and from what.
    before: Option<(Micros, f64)>,
    /// Packets overtook each other when it was judged last.
    reordered: bool,
}

impl Estimate {
    /// Of a line of which nothing is known but what it carried before.
    pub fn new(before: Option<u32>) -> Self {
        let before = before.map_or(START, |before| f64::from(before) * 0.8);
        Self {
            rate: before.clamp(LEAST, MOST),
            verdict: Verdict::Clear,
            capacity: MOST,
            capacity_at: None,
            cut_at: None,
            read_at: 0,
            filling: None,
            stands: None,
            level: Level::default(),
            flooded: None,
            flood: None,
            bound: MOST,
            loss: 0.0,
            before: None,
            reordered: false,
        }
    }

    /// Bits per second that may be sent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between LEAST and MOST"
    )]
    pub fn rate(&self) -> u32 {
        self.rate as u32
    }

    /// What the line is like.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// When the line was flooded last, or is.
    pub fn flood(&self) -> Option<Micros> {
        self.flood
    }

    /// What filled the queue of a flooded line has come through by now.
    pub fn end_flood(&mut self) {
        self.flooded = None;
        if self.verdict == Verdict::Flooded {
            self.verdict = Verdict::Filling;
        }
    }

    /// Time since the last cut.
    pub fn since_cut(&self, now: Micros) -> Micros {
        self.cut_at.map_or(Micros::MAX, |at| now - at)
    }

    /// Takes in what is known now.
    pub fn judge(&mut self, reading: &Reading) -> Judgement {
        let now = reading.now;
        let mut judgement = Judgement::default();
        self.note_order(reading);
        if let Some(standing) = reading.standing {
            self.level.note(now, standing);
        }
        judgement.cut |= self.note_flood(reading);
        let is_filling = self.is_filling(reading);
        if is_filling && self.is_longer_way(reading) {
            judgement.longer_way = true;
            let (_, before) = self.filling.take().unwrap_or_default();
            let shown = PROBED * reading.train.unwrap_or_default();
            self.raise(shown.min(before));
        } else if is_filling {
            self.filling.get_or_insert((now, self.rate));
            // What fills it had left before it was found to be flooded.
            judgement.cut |= self.flooded.is_none() && self.drain(reading);
        } else {
            self.filling = None;
            judgement.probed = self.grow(reading);
            judgement.cut |= self.correct_guess(reading);
        }
        self.bear(reading);
        self.read_at = now;
        self.verdict = match (self.flooded, is_filling && !judgement.longer_way) {
            (Some(_), _) => Verdict::Flooded,
            (None, true) => Verdict::Filling,
            (None, false) if reading.long.share() > LOSSY => Verdict::Lossy,
            (None, false) => Verdict::Clear,
        };
        judgement
    }

    /// What packets that only overtook each other looked like before that was known is given back.
    fn note_order(&mut self, reading: &Reading) {
        let is_news = reading.reordered && !self.reordered;
        self.reordered = reading.reordered;
        let is_recent = |at: Micros| reading.now - at < GIVEN_BACK;
        let before = self.before.filter(|(at, _)| is_news && is_recent(*at));
        if let Some((_, rate)) = before {
            (self.flooded, self.filling, self.stands) = (None, None, None);
            (self.capacity, self.capacity_at) = (MOST, None);
            self.raise(rate);
        }
    }

    /// Whether too much is sent. A short queue that nothing else tells of must have stood for a
    /// moment: where each packet is held up for another time, a few that come late are none.
    fn is_filling(&mut self, reading: &Reading) -> bool {
        let now = reading.now;
        let (_, longest) = limits(reading);
        let stands = reading.standing.filter(|queue| *queue > longest);
        self.stands = stands.and_then(|_| self.stands.or(Some(now)));
        let is_narrow = reading
            .train
            .is_some_and(|train| train < 1.1 * reading.sending);
        let loss = reading.short.share();
        let is_guess = self.is_guess();
        let is_sure = |queue: Micros| {
            let stood = self.stands.is_some_and(|since| now - since >= MOMENT);
            queue > 2 * STANDING || is_narrow || loss > LOSSY || stood || is_guess
        };
        let is_lossy = loss > 0.15 && is_narrow;
        stands.is_some_and(is_sure) || reading.standing.is_some() && is_lossy
    }

    /// Packets are lost and packets are late: leave room at once.
    fn note_flood(&mut self, reading: &Reading) -> bool {
        let now = reading.now;
        let Counted { lost, all, .. } = reading.moment;
        let is_lost = all >= 6 && f64::from(lost) > FLOOD * f64::from(all);
        let is_flooded =
            is_lost && reading.late > FLOOD_LATE || reading.alarm || reading.choked.is_some();
        if !is_flooded {
            let over = |since: Micros| {
                let passed = now - since;
                passed > FLOOD_LEAST && reading.late < FLOOD_LATE || passed > FLOOD_LONGEST
            };
            self.flooded = self.flooded.filter(|since| !over(*since));
            return false;
        }
        if let Some(since) = self.flooded {
            // What more is told of it is of the same full queue.
            self.flooded = self.flooded.filter(|_| now - since <= FLOOD_LONGEST);
            return false;
        }
        (self.flooded, self.flood) = (Some(now), Some(now));
        if let Some(capacity) = reading.choked {
            (self.capacity, self.capacity_at) = (capacity, Some(now));
            return self.cut(now, USED_TO_DRAIN * capacity);
        }
        let capacity = match (reading.train, reading.arriving_now) {
            (Some(train), Some(arriving)) => arriving.min(1.1 * train),
            (Some(train), None) => {
                let last = reading.last_train.unwrap_or(train);
                train.min(last).min(passing(reading, 1.0))
            }
            (None, Some(arriving)) => arriving,
            (None, None) => passing(reading, 0.5),
        };
        self.note_capacity(now, capacity);
        self.cut(now, 0.7 * capacity)
    }

    /// A queue stands: go below what the line carries. Returns whether the estimate was cut.
    fn drain(&mut self, reading: &Reading) -> bool {
        let now = reading.now;
        let shown = match (reading.train, reading.arriving) {
            (Some(train), Some(arriving)) => {
                train.clamp(0.95 * arriving, arriving.max(0.5 * train))
            }
            (Some(train), None) => train,
            (None, Some(arriving)) => arriving,
            (None, None) => reading.sending,
        };
        self.note_capacity(now, shown);
        let is_long = reading.standing.is_some_and(|queue| queue > LONG_QUEUE);
        let wanted = self.capacity * if is_long { USED_TO_DRAIN } else { USED };
        let rested = self.since_cut(now);
        if wanted < self.rate && (rested > CUT_GAP || reading.sending > 1.3 * self.capacity) {
            return self.cut(now, wanted);
        }
        let is_stubborn = self
            .filling
            .is_some_and(|(since, _)| now - since > STUBBORN);
        if is_stubborn && rested > STUBBORN {
            return self.cut(now, 0.85 * self.rate);
        }
        false
    }

    /// What was guessed at first need not be used up to be found too much: trains tell.
    fn correct_guess(&mut self, reading: &Reading) -> bool {
        let guess = reading.train.filter(|_| self.is_guess());
        let shown = guess.filter(|train| *train < self.rate && reading.now > LONGER_WAY);
        shown.is_some_and(|train| self.cut(reading.now, USED * train))
    }

    /// Nothing has shown yet that as much is carried.
    fn is_guess(&self) -> bool {
        self.cut_at.is_none() && self.rate <= START
    }

    /// Whether the delay that stands is no queue.
    fn is_longer_way(&self, reading: &Reading) -> bool {
        let now = reading.now;
        let used = reading.arriving.unwrap_or_default().max(reading.sending);
        let is_fresh = reading.train_at.is_some_and(|at| now - at < 1_500_000);
        // The trains before the last may have left before the line became narrow.
        let train = reading.train.filter(|_| is_fresh);
        let train = train.map(|train| train.min(reading.last_train.unwrap_or(train)));
        let shows = |times: f64| train.is_some_and(|train| train > times * used);
        let is_even = now - self.level.since >= LONGER_WAY;
        let stands = self
            .filling
            .is_some_and(|(since, _)| now - since > LONGER_WAY);
        let shows_room = shows(FAST) || is_even && shows(1.5);
        stands && shows_room && self.since_cut(now) > 600_000 && reading.short.share() < 0.02
    }

    /// There is no queue: more may be tried. Returns what came of a probe.
    fn grow(&mut self, reading: &Reading) -> Option<bool> {
        let now = reading.now;
        let (room, _) = limits(reading);
        let has_room = reading.standing.is_some_and(|queue| queue < room);
        if !has_room || self.since_cut(now) < REST {
            return None;
        }
        let arriving = reading.arriving.unwrap_or(reading.sending);
        #[expect(clippy::cast_precision_loss, reason = "a fifth of a second at most")]
        let seconds = (now - self.read_at).clamp(0, 200_000) as f64 / 1e6;
        let mut rate = self.rate;
        if reading.reordered {
            // No train tells how much room there is: try, but not far beyond what was too much.
            let known = self.capacity_at.filter(|at| now - at < TOO_MUCH_FOR);
            let most = known.map_or(MOST, |_| TOO_MUCH * self.capacity);
            rate = (rate * (1.0 + BLIND_GROWTH * seconds)).min(most.max(rate));
        }
        if self.cut_at.is_none() {
            // There has never been a queue: the first guess was just that.
            rate = rate.max(1.5 * reading.arriving.unwrap_or_default());
        }
        if reading.sending.max(arriving) > 0.7 * rate {
            rate = (rate * (1.0 + GROWTH * seconds)).min(rate.max(1.5 * arriving));
        }
        let mut probed = None;
        let answered = reading
            .train_at
            .zip(reading.probe)
            .is_some_and(|(train, probe)| train > probe);
        if let Some(train) = reading.train {
            if answered {
                // The trains before it may have left before the line became narrow.
                let shown = PROBED * train.min(reading.last_train.unwrap_or(train));
                probed = Some(shown > rate);
                rate = rate.max(shown.min(PROBED_STEP * rate));
            }
            rate = rate.min(self.rate.max(USED * train));
        }
        self.raise(rate);
        probed
    }

    /// Loss without a queue bounds the estimate only where it is more than repairs can mend. The
    /// bound moves up slowly, so that what is shown does not change to and fro.
    fn bear(&mut self, reading: &Reading) {
        let share = reading.long.share();
        let passed = (reading.now - self.read_at).clamp(0, BORNE_OVER);
        #[expect(clippy::cast_precision_loss, reason = "seconds at most")]
        let weight = passed as f64 / BORNE_OVER as f64;
        self.loss += (share - self.loss) * weight;
        let loss = self.loss.min(share);
        let bound = if loss > BORNE {
            100e3 / (loss - 0.2)
        } else {
            MOST
        };
        self.bound = bound.min(self.bound * 1.02);
        self.rate = self.rate.min(self.bound).max(LEAST);
    }

    /// Nothing was heard of what was sent for a while: be careful when it begins again.
    pub fn doubt(&mut self, now: Micros) {
        self.cut(now, (0.7 * self.rate).max(START.min(self.rate)));
    }

    fn note_capacity(&mut self, now: Micros, shown: f64) {
        let is_recent = self.capacity_at.is_some_and(|at| now - at < 2_000_000);
        self.capacity = if is_recent {
            0.7 * self.capacity + 0.3 * shown
        } else {
            shown
        };
        self.capacity_at = Some(now);
    }

    fn cut(&mut self, now: Micros, to: f64) -> bool {
        let to = to.max(LEAST);
        if to >= self.rate {
            return false;
        }
        let is_recent = |at: Micros| now - at < GIVEN_BACK;
        let first = self.before.filter(|(at, _)| is_recent(*at));
        self.before = first.or(Some((now, self.rate)));
        self.rate = to;
        self.cut_at = Some(now);
        true
    }

    fn raise(&mut self, to: f64) {
        self.rate = to.max(self.rate).min(MOST);
    }
}

/// How much of what is sent comes through: by what was asked for again, by what was lost, or this share.
/// The first requests name whole pictures of which only the last packet came.
fn passing(reading: &Reading, otherwise: f64) -> f64 {
    let Counted { lost, all, .. } = reading.moment;
    let is_told = reading.alarm || all == 0;
    let by_reports = (!is_told).then(|| 1.0 - f64::from(lost) / f64::from(all));
    let share = reading.passing.filter(|_| reading.alarm).or(by_reports);
    share.map_or(otherwise, |share| share.max(LEAST_PASSING)) * reading.sending
}

/// With how much standing there is room, and from how much on it is a queue.
const fn limits(reading: &Reading) -> (Micros, Micros) {
    if reading.reordered {
        (ROOM_REORDERED, STANDING_REORDERED)
    } else {
        (ROOM, STANDING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a delay that stands so long, told of each tenth of a second, is found to be a longer way.
    fn is_longer_way(standing: impl Fn(i64) -> Micros) -> bool {
        let mut estimate = Estimate::new(None);
        (0..30).any(|step| {
            let now = 10_000_000 + step * 100_000;
            let reading = Reading {
                now,
                standing: Some(standing(step)),
                train: Some(600e3),
                train_at: Some(now),
                arriving: Some(150e3),
                sending: 150e3,
                ..Reading::default()
            };
            estimate.judge(&reading).longer_way
        })
    }

    #[test]
    fn a_delay_that_goes_up_and_down_beside_fast_trains_is_a_queue_that_others_fill() {
        assert!(is_longer_way(|_| 80_000));
        assert!(!is_longer_way(|step| 80_000 + step % 4 * 20_000));
    }
}
