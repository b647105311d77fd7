//! What is known of the way to one receiver, and what may be sent there.
//!
//! Told what left, what the receiver reports, and the time; asks nobody. One for each connected
//! peer that receives, little more than 1 KB, behind a pointer: fan-out touches it only for messages
//! whose arrival is to be reported.

pub mod announced;
pub mod arriving;
pub mod coarse;
pub mod delay;
pub mod departures;
pub mod estimate;
pub mod feedback;
pub mod loss;
pub mod probe;
pub mod remembered;
pub mod sound;
pub mod train;

use std::num::NonZero;
use std::time::{Duration, Instant};

use crate::allocate::Load;
use crate::line::announced::{Announced, Said};
use crate::line::arriving::Arriving;
use crate::line::coarse::Coarse;
use crate::line::delay::Delay;
use crate::line::departures::{Departure, Departures, HEADERS};
use crate::line::estimate::{Estimate, Judgement, Reading, Verdict};
use crate::line::feedback::{Fate, TICK, TransportFeedback};
use crate::line::loss::Loss;
use crate::line::probe::Probe;
use crate::line::train::{Arrived, Train};
use crate::rtp::Rtcp;
use crate::rung::Rung;

/// Microseconds since a line was made, or by a receiver's clock.
pub type Micros = i64;

/// Packets of one report that are looked at: more than are sent between two.
const MAX_REPORTED: usize = 1_024;

/// How often a message is to be reported while all is calm, and after long calm. Where a queue is
/// short, requests for what was lost tell of trouble earlier; where it is long, there is time.
///
/// Lower: trouble is seen sooner. Higher: fewer reports to read, each of which costs a datagram.
const SPARSE: Duration = Duration::from_millis(500);
const SPARSEST: Duration = Duration::from_secs(1);
const LONG_CALM: Micros = 20_000_000;

/// A line is calm when nothing has happened for so long, and a new one when it has carried all that
/// there is for so long.
const CALM: Micros = 10_000_000;
const NEW: Micros = 1_500_000;

/// How long every packet is to be reported after an alarm.
const ALARM: Micros = 3_000_000;

/// Half a second: over so much the rate of arrivals is told.
const HALF: Micros = 500_000;

/// So many packets asked for again at once are an alarm, and a flood where they are most of what left
/// and what came after them was so late.
///
/// Lower: a request that was lost itself and comes again 100 ms later is taken for a queue. Higher: a
/// short queue that is full is known later.
const ALARMING: usize = 4;
const QUEUED: Micros = 150_000;

/// A flooded line shows no picture for so long at least: a short queue is full again at once.
const SHORTEST_HOLD: Micros = 100_000;

/// So many within half a second, and a quarter of what is sent, are a flood, unless what came after them
/// was no later than this: where they had met a full queue it has met it as well.
///
/// Lower: a long burst of loss is taken for a flood. Higher: a very short queue that is full is known later.
const LOUD: usize = 12;
const ON_TIME: Micros = 20_000;

/// A message this late has met a queue.
const LATE: Micros = 60_000;

/// A line that carries less than so many times what there is to send at most is heard of with every
/// packet: it need not become much narrower to carry it no more.
///
/// Higher: more lines are followed down sooner. Lower: fewer reports.
const AMPLE: f64 = 2.5;

/// A line chokes when it carries less than this share of what is sent, by three packets in a row of which
/// each came so much after the one before and the last was so late, where nothing was late before.
///
/// Share higher: a queue that fills slowly is taken for one that is full at once. Lateness higher: it is
/// known later. Lower: a line with a little jitter is suspected.
const CHOKED: f64 = 0.5;
const CHOKED_LATE: Micros = 130_000;

/// Bytes of a packet of a picture.
const PACKET: u32 = 1_100;

/// A receiver that reports nothing for so long reports no arrivals at all.
const MUTE: Micros = 3_000_000;

/// Silence of a receiver that has reported before, from which on less is sent.
const SILENCE: Micros = 1_500_000;

/// From so long a silence on no picture is sent until something is reported again: whoever is gone, or
/// whose line is cut, has nothing of it, and who shares the line has less.
///
/// Higher: a page that was closed takes from its neighbours for longer. Lower: on a line whose reports are
/// lost in a row the picture stands still.
const GONE: Micros = 3_000_000;

/// What a picture may begin with lasts so long.
///
/// Higher: fewer keyframes asked for when somebody comes. Lower: less of a queue on a weak line.
const BEGINNING: Duration = Duration::from_secs(1);

/// Of that, what may be sent at once to a line that has shown trouble: its queue may be no longer.
const WEAK_BURST: Duration = Duration::from_millis(300);

/// How much one report of sound counts. Lower: a single burst is no loss. Higher: seen sooner.
const SOUND_LOSS_WEIGHT: f64 = 0.4;

/// Without pictures so much padding leaves, so that delays are known: an eighth of a sound's rate.
const PULSE: Micros = 110_000;

/// Packets that carry nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Padding {
    /// How many.
    pub packets: u32,
    /// Bytes of padding in each.
    pub bytes: u8,
}

/// Bytes that a picture may begin with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// At once.
    pub at_once: usize,
    /// In all, as fast as it is caught up with.
    pub all: usize,
}

/// A message whose packets are being reported.
#[derive(Clone, Copy, Debug)]
struct Open {
    departure: Departure,
    first: Micros,
    last: Micros,
    arrived: u32,
}

/// The packet reported last, how long it is, and how long after the one that left before it it came, if that
/// came. Of no bytes while there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    at: Micros,
    after: Option<NonZero<u32>>,
    number: u16,
    bytes: u16,
}

/// So long what a flood has cost counts as loss: until the longest share that is counted is of later.
const FLOOD_COUNTS: Micros = 7_000_000;

/// What fills a line that chokes, of whose queue is known how fast it grew.
#[derive(Clone, Copy, Debug)]
struct Choked {
    /// When it was noticed.
    at: Micros,
    /// What comes through, and what was sent, in bits per second.
    carried: f64,
    sent: f64,
    /// Something of what was sent by then was lost: the queue was full.
    is_full: bool,
    /// How late something was at most.
    late: Micros,
}

/// Whether a number was reported before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    First,
    /// As lost.
    CameAfterAll,
    Again,
}

/// Packets that a receiver asks for, each the first time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Missed {
    /// How many.
    pub packets: usize,
    /// Out of how many.
    pub of: usize,
    /// How long ago the newest of them left.
    pub age: Option<Duration>,
    /// How long ago the packet after them left, whose arrival has told of them: so long it was on its
    /// way, and the request on its way back.
    pub since: Option<Duration>,
    /// The time there and back while nothing was missed.
    pub round_trip: Option<Duration>,
}

impl Missed {
    /// How much later than usual the packet came that told of them, where that is known.
    fn late(&self) -> Option<Micros> {
        let (since, way) = self.since.zip(self.round_trip)?;
        let late = since.saturating_sub(way).as_micros();
        Some(Micros::try_from(late).unwrap_or(Micros::MAX))
    }
}

/// What was asked for within half a second.
#[derive(Clone, Copy, Debug)]
struct Nacked {
    since: Micros,
    packets: usize,
    of: usize,
    late: Micros,
    /// What told of them has met no queue, each time.
    on_time: bool,
}

/// What is known of one line.
#[derive(Debug)]
pub struct Line {
    born: Instant,
    departures: Departures,
    /// The number after the last that was sent.
    next: u16,
    /// The newest number reported, and which of the 128 up to it have arrived, the newest first.
    newest: Option<u16>,
    came: u128,
    /// When the newest message left of which something has arrived.
    newest_at: Micros,
    /// When the first message left since which all are reported.
    gapless_since: Micros,
    /// The last reference time, continued.
    reference: Option<i64>,
    open: Option<Open>,
    last: Came,
    delay: Delay,
    train: Train,
    arriving: Arriving,
    loss: Loss,
    /// How late the last packets came that others had overtaken, at most.
    overtaken_by: Option<Micros>,
    estimate: Estimate,
    probe: Probe,
    coarse: Coarse,
    /// When something was reported last, and when something to be reported left first after that.
    reported: Option<Micros>,
    departed: Option<Micros>,
    /// When something was reported again after a silence.
    returned: Option<Micros>,
    unanswered: Option<Micros>,
    /// Whether pictures leave with numbers whose arrival may be reported.
    is_numbered: bool,
    /// Since when every packet is stamped.
    all_since: Option<Micros>,
    troubled: Option<Micros>,
    alarmed: Option<Micros>,
    /// Since when it carries all that there is to send.
    roomy_since: Option<Micros>,
    /// The number after the last that had left when it was found to be flooded, until something is told
    /// of what left since.
    flooded_from: Option<u16>,
    /// Packets that were asked for again of late.
    nacked: Option<Nacked>,
    /// When the queue of a flooded line has become short, by how long it was.
    drained: Option<Micros>,
    /// What the packets show by which a line is seen to choke, in bits per second, while a report is read.
    chokes_at: Option<f64>,
    /// See [`Choked`]; while the line is flooded.
    choked: Option<Choked>,
    load: Load,
    sound: u32,
    /// It has shown that it does not carry all.
    settled: bool,
    /// What it leaves of the most important picture.
    rung: Rung,
    /// Share of the sound that receiver reports say is lost.
    sound_loss: f64,
    announced: Announced,
}

impl Line {
    /// A line of which nothing is known but what it carried before, if it did not carry all.
    pub fn new(now: Instant, before: Option<u32>) -> Self {
        Self {
            born: now,
            departures: Departures::new(),
            next: 0,
            newest: None,
            came: 0,
            newest_at: 0,
            gapless_since: 0,
            reference: None,
            open: None,
            last: Came::default(),
            delay: Delay::new(),
            train: Train::default(),
            arriving: Arriving::default(),
            loss: Loss::default(),
            overtaken_by: None,
            estimate: Estimate::new(before),
            probe: Probe::new(),
            coarse: Coarse::default(),
            reported: None,
            departed: None,
            returned: None,
            unanswered: None,
            is_numbered: true,
            all_since: Some(0),
            troubled: None,
            roomy_since: None,
            alarmed: None,
            nacked: None,
            flooded_from: None,
            drained: None,
            chokes_at: None,
            choked: None,
            load: Load::default(),
            sound: 0,
            settled: before.is_some(),
            rung: Rung::High,
            sound_loss: 0.0,
            announced: Announced::default(),
        }
    }

    fn micros(&self, now: Instant) -> Micros {
        let since = now.saturating_duration_since(self.born);
        Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
    }

    /// Notes that `count` packets with numbers from `first` on left in one message of `bytes`.
    /// Returns when the next message is to be reported.
    pub fn note_departure(&mut self, now: Instant, first: u16, count: u16, bytes: u32) -> Instant {
        let at = self.micros(now);
        self.next = first.wrapping_add(count);
        self.departures.note(Departure {
            at,
            bytes: bytes + u32::from(count) * HEADERS,
            first,
            count,
        });
        self.departed = Some(at);
        self.unanswered.get_or_insert(at);
        if self.is_calm(at) {
            self.all_since = None;
            self.departures.make_room(false);
            return now + self.pause(at);
        }
        self.all_since.get_or_insert(at);
        self.departures.make_room(true);
        now
    }

    /// Whether it is enough to hear of a message now and then.
    fn is_calm(&self, now: Micros) -> bool {
        let is_alarmed = self.alarmed.is_some_and(|at| now - at < ALARM);
        let is_troubled = self.troubled.is_some_and(|at| now - at <= CALM);
        let is_roomy = self.roomy_since.is_some_and(|since| now - since >= NEW);
        let is_known = is_roomy && !self.is_tight(now) || !self.reports_arrivals(now);
        !is_alarmed && !is_troubled && is_known
    }

    /// Whether trains show that it carries little more than all there is.
    fn is_tight(&self, now: Micros) -> bool {
        let shown = self.train.rate(now).filter(|_| !self.loss.is_reordered());
        shown.is_some_and(|rate| rate < AMPLE * f64::from(self.load.most))
    }

    /// How long nothing need be reported while all is calm.
    fn pause(&self, now: Micros) -> Duration {
        let calm_since = self.troubled.max(self.alarmed).unwrap_or_default();
        if now - calm_since > LONG_CALM {
            SPARSEST
        } else {
            SPARSE
        }
    }

    /// Whether what its slots show may change with what the next report says: where all is shown
    /// and arrives, time alone changes nothing.
    pub fn is_open(&self) -> bool {
        !self.has_room()
            || self.load.sending < self.load.desired
            || self.verdict() != Verdict::Clear
    }

    /// Whether the receiver reports arrivals, or may begin to.
    fn reports_arrivals(&self, now: Micros) -> bool {
        self.is_numbered && (self.reported.is_some() || now < MUTE)
    }

    /// Says whether pictures leave with transport-wide numbers. Where they do not, receiver reports
    /// and REMB count alone.
    pub fn set_numbered(&mut self, is_numbered: bool) {
        self.is_numbered = is_numbered;
    }

    /// Notes what is sent, and how much of it as sound, whose arrival is not reported, and what
    /// would be sent on a line that carries all; in bits per second.
    pub fn note_load(&mut self, now: Instant, load: Load, sound: u32) {
        (self.load, self.sound) = (load, sound);
        let at = self.micros(now);
        self.roomy_since = self.roomy_since.or(Some(at)).filter(|_| self.has_room());
    }

    /// Notes what is left of the most important picture, the highest rung where that is all of it.
    pub fn note_rung(&mut self, rung: Rung) {
        self.rung = rung;
    }

    /// Notes which share of the sound a receiver report says was lost.
    pub fn note_sound_loss(&mut self, lost: f64) {
        self.sound_loss += (lost - self.sound_loss) * SOUND_LOSS_WEIGHT;
    }

    /// What is to be said of it to the conference, if anything. `redundant` is whether sound leaves with
    /// what came before it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a hundred"
    )]
    pub fn announce(
        &mut self,
        now: Instant,
        round_trip: Option<Duration>,
        redundant: bool,
    ) -> Option<Said> {
        let at = self.micros(now);
        let millis = round_trip.map_or(0, |it| it.as_millis());
        // What is left out while nothing is known yet says nothing about the line.
        let is_known = self.settled || !self.reports_arrivals(at);
        let seen = Said {
            rung: if is_known { self.rung } else { Rung::High },
            redundant,
            loss: (self.sound_loss * 100.0).round().clamp(0.0, 100.0) as u8,
            round_trip: u16::try_from(millis).unwrap_or(u16::MAX),
        };
        self.announced.note(now, seen)
    }

    /// Takes in transport-wide feedback, and says what became of each packet that it tells of first.
    /// Returns whether it changed the verdict for the worse, or cut the estimate: then less must be
    /// sent at once.
    pub fn on_transport_feedback(
        &mut self,
        now: Instant,
        packet: &Rtcp<'_>,
        mut say: impl FnMut(u16, Fate),
    ) -> bool {
        let Some(feedback) = TransportFeedback::parse(packet) else {
            return false;
        };
        let at = self.micros(now);
        let reference = self.continue_reference(feedback.reference());
        self.note_gap(feedback.base());
        let (mut lost, mut all, mut is_news) = (0, 0, false);
        let mut is_full = false;
        for (number, arrival) in feedback.packets().take(MAX_REPORTED) {
            let behind = self.next.wrapping_sub(number);
            if behind == 0 || behind > u16::MAX / 2 {
                // Never sent.
                break;
            }
            let arrival = arrival.map(|ticks| (reference + ticks) * TICK);
            match self.look_up(number, arrival.is_some()) {
                Told::First => {}
                Told::CameAfterAll => {
                    say(number, Fate::Came);
                    self.note_overtaken(number, arrival.unwrap_or_default());
                    continue;
                }
                Told::Again => continue,
            }
            let came = arrival.is_some();
            say(number, if came { Fate::Came } else { Fate::Lost });
            is_news = true;
            is_full |= !came;
            let counts = u32::from(!self.is_of_before_flood(number));
            all += counts;
            match arrival {
                Some(arrival) => self.note_arrival(at, number, arrival),
                None => lost += counts,
            }
            self.close(at, number);
        }
        let is_back = self.is_gone(at);
        if self.is_silent(at) {
            // The line was cut: what was lost meanwhile says nothing about what it carries.
            self.loss = Loss::default();
        } else {
            self.loss.note(at, lost, all);
        }
        if is_news {
            self.reported = Some(at);
            self.unanswered = None;
        }
        let is_other = self.judge(at);
        self.follow_queue(self.delay.late(), is_full) || is_other || is_back
    }

    /// Notes that a report begins with `base`: of what left before it and was not told of nothing will
    /// be known.
    fn note_gap(&mut self, base: u16) {
        let next = self.newest.map(|newest| newest.wrapping_add(1));
        let is_gap = |next: u16| base.wrapping_sub(next).cast_signed() > 0;
        if next.is_some_and(is_gap)
            && let Some(departure) = self.departures.find(base)
        {
            self.gapless_since = departure.at;
        }
    }

    /// Whether a packet had left before the line was known to be flooded: it found the same full queue.
    fn is_of_before_flood(&mut self, number: u16) -> bool {
        let is_before = |next: &u16| number.wrapping_sub(*next).cast_signed() < 0;
        self.flooded_from = self.flooded_from.filter(is_before);
        self.flooded_from.is_some()
    }

    /// Whether a receiver that has reported before does so no more.
    fn is_silent(&self, now: Micros) -> bool {
        self.reported
            .is_some_and(|reported| now - reported > SILENCE)
    }

    fn continue_reference(&mut self, reference: i64) -> i64 {
        let wrap = TransportFeedback::WRAP;
        let last = self.reference.unwrap_or(reference);
        let step = (reference - last + wrap / 2).rem_euclid(wrap) - wrap / 2;
        self.reference = Some(last + step);
        last + step
    }

    /// Whether a number was told of before.
    fn look_up(&mut self, number: u16, came: bool) -> Told {
        let newest = self.newest.unwrap_or_else(|| number.wrapping_sub(1));
        let ahead = number.wrapping_sub(newest).cast_signed();
        if ahead > 0 {
            let shift = u32::from(ahead.unsigned_abs());
            self.came = self.came.checked_shl(shift).unwrap_or(0) | u128::from(came);
            self.newest = Some(number);
            return Told::First;
        }
        let bit = 1u128.checked_shl(u32::from(ahead.unsigned_abs()));
        match bit.filter(|bit| came && self.came & bit == 0) {
            Some(bit) => {
                self.came |= bit;
                Told::CameAfterAll
            }
            None => Told::Again,
        }
    }

    /// Notes a packet that was taken for lost and had only been overtaken.
    fn note_overtaken(&mut self, number: u16, arrival: Micros) {
        self.loss.recover(1);
        if let Some(departure) = self.departures.find(number) {
            let late = self.delay.late_by(arrival - departure.at);
            let known = self.overtaken_by.filter(|_| self.loss.is_reordered());
            self.overtaken_by = Some(known.map_or(late, |known| known.max(late)));
            self.arriving.note(arrival, departure.packet());
            self.note_delay(&departure, number, arrival);
        }
    }

    /// The first of a message shows how long it was on its way, unless others overtake it.
    fn note_delay(&mut self, departure: &Departure, number: u16, arrival: Micros) {
        if number == departure.first || self.loss.is_reordered() {
            self.delay.note(departure.at, arrival - departure.at);
        }
    }

    fn note_arrival(&mut self, now: Micros, number: u16, arrival: Micros) {
        if let Some(open) = &mut self.open
            && number.wrapping_sub(open.departure.first) < open.departure.count
        {
            if arrival < open.last {
                self.loss.overtake(1);
            }
            open.first = open.first.min(arrival);
            open.last = open.last.max(arrival);
            open.arrived += 1;
            let open = *open;
            self.arriving.note(arrival, open.departure.packet());
            self.note_delay(&open.departure, number, arrival);
            self.note_choking(&open.departure, number, arrival);
            return;
        }
        self.close_open(now);
        let Some(departure) = self.departures.find(number) else {
            return;
        };
        self.newest_at = self.newest_at.max(departure.at);
        self.note_delay(&departure, number, arrival);
        self.note_choking(&departure, number, arrival);
        self.arriving.note(arrival, departure.packet());
        self.open = Some(Open {
            departure,
            first: arrival,
            last: arrival,
            arrived: 1,
        });
    }

    /// Notes whether a packet shows that the line chokes: it and two that left just before it came at the same
    /// slow pace. Where each was held up for another time before, slow ones show nothing. Where there was
    /// trouble of late, the three must be of one message: between others of a queue that several fill there is
    /// what the others sent.
    fn note_choking(&mut self, departure: &Departure, number: u16, arrival: Micros) {
        let is_before = |it: &Came| it.bytes > 0 && it.number.wrapping_add(1) == number;
        let before = Some(self.last).filter(is_before);
        let bytes = departure.packet();
        let after = before.and_then(|it| u32::try_from(arrival - it.at).ok());
        self.last = Came {
            at: arrival,
            after: after.and_then(NonZero::new),
            number,
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
        };
        let late = self.delay.late_by(arrival - departure.at);
        let paces = before.and_then(|it| {
            let pace = |bytes: u32, after: u32| f64::from(bytes) * 8e6 / f64::from(after);
            Some((pace(it.bytes.into(), it.after?.get()), pace(bytes, after?)))
        });
        let Some((one, other)) = paces.filter(|_| late >= CHOKED_LATE) else {
            return;
        };
        let (slowest, fastest) = (one.min(other), one.max(other));
        let is_too_slow = fastest < CHOKED * f64::from(self.load.sending);
        let was_well = self.troubled.is_none_or(|at| self.newest_at - at > CALM);
        let is_of_one = number.wrapping_sub(departure.first) >= 2;
        let is_even = fastest <= 2.0 * slowest && !self.loss.is_reordered();
        let is_queue = is_even && (was_well || is_of_one);
        if is_too_slow && is_queue && self.delay.was_steady(departure.at, was_well) {
            // Between messages there may have been sound, whose arrival is not reported.
            let sound = if is_of_one { 0 } else { self.sound };
            let mean = 2.0 * slowest * fastest / (slowest + fastest);
            self.chokes_at = Some(fastest.min(mean + f64::from(sound)));
        }
    }

    /// Of the queue of a line that chokes, `late` of what was sent before that is known by now; `is_full`
    /// where something found no room in it. Returns whether what waits for it to become short has waited
    /// for long enough, or must be told.
    fn follow_queue(&mut self, late: Micros, is_full: bool) -> bool {
        let Some(choked) = self.choked.as_mut() else {
            return false;
        };
        choked.is_full |= is_full;
        choked.late = choked.late.max(late);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "seconds at most"
        )]
        let grown = {
            let growth = (choked.sent / choked.carried - 1.0).max(0.0);
            ((choked.at - self.newest_at).max(0) as f64 * growth) as Micros
        };
        let queue = if choked.is_full {
            choked.late
        } else {
            choked.late.max(late + grown)
        };
        // Sound goes on, and takes its part of what drains it.
        let drains = (1.0 - f64::from(self.sound) / choked.carried).max(0.4);
        let hold = ((queue - estimate::FLOOD_LATE) as f64 / drains) as Micros;
        let due = choked.at + hold.clamp(SHORTEST_HOLD, estimate::FLOOD_LONGEST);
        let is_other = self.drained != Some(due);
        self.drained = Some(due);
        is_other
    }

    /// Ends the open message with its last number.
    fn close(&mut self, now: Micros, number: u16) {
        let ends = |open: &Open| {
            let Departure { first, count, .. } = open.departure;
            first.wrapping_add(count) == number.wrapping_add(1)
        };
        if self.open.as_ref().is_some_and(ends) {
            self.close_open(now);
        }
    }

    fn close_open(&mut self, now: Micros) {
        if let Some(open) = self.open.take() {
            let arrived = Arrived {
                packets: open.arrived,
                packet: open.departure.packet(),
                spread: open.last - open.first,
            };
            self.train.note(now, arrived);
        }
    }

    fn judge(&mut self, at: Micros) -> bool {
        // Where something was not stamped, or a report was lost, the rate is not known.
        let since = self.all_since.map(|since| since.max(self.gapless_since));
        // What comes while nothing is sent but sound tells as little.
        let since = since.filter(|_| self.verdict() != Verdict::Flooded);
        let whole = since.map_or(0, |since| self.newest_at - since);
        let sound = f64::from(self.sound) * (1.0 - self.loss.short().share());
        let reading = Reading {
            now: at,
            standing: self.delay.standing(self.loss.is_reordered()),
            late: self.delay.late(),
            // Where packets overtake one another, the space between them says nothing.
            train: self.train.rate(at).filter(|_| !self.loss.is_reordered()),
            last_train: self.train.last(at),
            train_at: self.train.at(),
            arriving: (whole > HALF).then(|| sound + self.arriving.rate()),
            arriving_now: (whole > HALF / 2).then(|| sound + self.arriving.rate_now()),
            moment: self.loss.moment(),
            short: self.loss.short(),
            long: self.loss.long(),
            sending: f64::from(self.load.sending),
            probe: self.probe.awaited(),
            alarm: self.is_flooded_by_nacks(at),
            passing: self.passing(at),
            reordered: self.loss.is_reordered(),
            choked: self.chokes_at,
        };
        let before = self.estimate.verdict();
        let judgement = self.estimate.judge(&reading);
        self.act_on(judgement);
        let verdict = self.estimate.verdict();
        self.note_flood(at, before);
        if let Some(carried) = self.chokes_at.take() {
            self.train.renew(at, carried);
        }
        self.settled |= judgement.cut || matches!(verdict, Verdict::Filling | Verdict::Flooded);
        let is_suspect = reading.late > 35_000 || reading.moment.lost >= 3;
        if is_suspect {
            self.alarmed = Some(at);
        }
        if verdict != Verdict::Clear || judgement.cut {
            self.troubled = Some(at);
        }
        judgement.cut || before != verdict
    }

    fn act_on(&mut self, judgement: Judgement) {
        if judgement.cut {
            self.probe.on_cut();
        }
        if let Some(higher) = judgement.probed {
            self.probe.on_answer(higher);
        }
        if judgement.longer_way {
            self.delay.renew_floor();
        }
    }

    /// How late packets come that others have overtaken; `None` where they keep their order.
    pub fn overtaken_by(&self) -> Option<Duration> {
        let late = self.overtaken_by.filter(|_| self.loss.is_reordered())?;
        Some(Duration::from_micros(u64::try_from(late).unwrap_or(0)))
    }

    /// Notes what a receiver asks for again: it tells of trouble before its report. Returns whether
    /// less must be sent at once.
    pub fn on_nack(&mut self, now: Instant, missed: Missed) -> bool {
        let at = self.micros(now);
        if !self.reports_arrivals(at) {
            return self.is_asked_too_much(at, missed.packets);
        }
        let is_back = self
            .returned
            .is_some_and(|returned| at - returned < 2 * HALF);
        let is_old = self.is_missed_before_flood(at, &missed);
        if is_old && self.choked.is_some() {
            return self.follow_queue(missed.late().unwrap_or(0), true);
        }
        if self.verdict() == Verdict::Lossy || is_back || is_old || self.is_silent(at) {
            return false;
        }
        let late = missed.late();
        let before = self.nacked.filter(|it| at - it.since < HALF);
        let nacked = Nacked {
            since: before.map_or(at, |it| it.since),
            packets: before.map_or(0, |it| it.packets) + missed.packets,
            of: before.map_or(0, |it| it.of) + missed.of,
            late: late.unwrap_or(0).max(before.map_or(0, |it| it.late)),
            on_time: late.is_some_and(|late| late < ON_TIME) && before.is_none_or(|it| it.on_time),
        };
        self.nacked = Some(nacked);
        if nacked.packets >= ALARMING {
            self.alarmed = Some(at);
        }
        self.reported.is_some() && self.judge(at)
    }

    /// Whether what is missed left before it was known that the line is flooded. It is asked for when the
    /// next picture comes, after the flood.
    fn is_missed_before_flood(&self, now: Micros, missed: &Missed) -> bool {
        let age = missed.age.map_or(0, |age| age.as_micros());
        let left = now - Micros::try_from(age).unwrap_or(Micros::MAX);
        self.estimate.flood().is_some_and(|flood| left < flood)
    }

    /// Takes in what a receiver asks for again that reports no arrivals. Returns whether less must be
    /// sent.
    fn is_asked_too_much(&mut self, now: Micros, packets: usize) -> bool {
        let begun = self.nacked.filter(|it| now - it.since < 4 * HALF);
        let nacked = Nacked {
            since: begun.map_or(now, |it| it.since),
            packets: begun.map_or(0, |it| it.packets) + packets,
            of: 0,
            late: 0,
            on_time: false,
        };
        let asked = (nacked.since, nacked.packets);
        let sending = f64::from(self.load.sending);
        let is_too_much = self.coarse.on_asked(now, asked, PACKET, sending);
        self.nacked = Some(nacked).filter(|_| !is_too_much);
        is_too_much
    }

    /// Whether half a second's requests are so many that no single burst explains them: fewer where
    /// what came after them had met a queue.
    fn is_flooded_by_nacks(&self, now: Micros) -> bool {
        let is_recent = self
            .reported
            .is_some_and(|reported| now - reported < HALF / 2);
        // What was overtaken is asked for as well: reports say that nothing is lost.
        let is_overtaken = self.loss.long().overtaken > 0 && self.loss.moment().lost == 0;
        let is_well = self.delay.late() < LATE || is_overtaken;
        if self.loss.is_reordered() || is_recent && is_well {
            return false;
        }
        let sent = self.load.sending / 8 / PACKET / 2;
        let recent = self.nacked.filter(|it| now - it.since < HALF);
        recent.is_some_and(|it| {
            let is_most = it.packets * 2 >= it.of;
            let is_queued = it.late >= QUEUED && it.packets >= ALARMING && is_most;
            let is_loud = it.packets >= LOUD.max(sent as usize / 4);
            is_queued || is_loud && !it.on_time
        })
    }

    /// Which share of what left came through, as far as requests of late tell.
    fn passing(&self, now: Micros) -> Option<f64> {
        let recent = self.nacked.filter(|it| now - it.since < HALF && it.of > 0);
        #[expect(clippy::cast_precision_loss, reason = "packets of half a second")]
        recent.map(|it| 1.0 - it.packets as f64 / it.of as f64)
    }

    /// Notes that the line has become flooded, or is no longer, which it was `before`.
    fn note_flood(&mut self, now: Micros, before: Verdict) {
        let sending = self.load.sending;
        match (before, self.verdict()) {
            (Verdict::Flooded, Verdict::Flooded) => {}
            (_, Verdict::Flooded) => {
                // By then its queue has become short, unless a report says so before.
                let by_request = self.nacked.map_or(0, |it| it.late);
                let queue = self.delay.late().max(by_request) - estimate::FLOOD_LATE;
                let hold = queue.clamp(SHORTEST_HOLD, estimate::FLOOD_LONGEST);
                self.drained = (queue > 0).then_some(now + hold);
                self.flooded_from = Some(self.next);
                self.nacked = None;
                self.choked = self.chokes_at.map(|carried| Choked {
                    at: now,
                    carried,
                    sent: f64::from(sending),
                    is_full: false,
                    late: 0,
                });
            }
            (Verdict::Flooded, _) => {
                self.drained = None;
                self.choked = None;
                // What a full queue has cost is no loss of the line's own.
                self.loss.forget();
                self.gapless_since = now;
            }
            _ => {}
        }
    }

    /// When [`on_tick`](Self::on_tick) has something to do that cannot wait.
    pub fn wakes(&self) -> Option<Instant> {
        let drained = u64::try_from(self.drained?).ok()?;
        Some(self.born + Duration::from_micros(drained))
    }

    /// Whether everything is to be reported.
    pub fn is_watched(&self, now: Instant) -> bool {
        let at = self.micros(now);
        !self.is_calm(at)
    }

    /// Takes in the share lost of one slot's packets by a receiver report, and the round trip.
    pub fn on_report(&mut self, now: Instant, lost: f64, round_trip: Option<Duration>) {
        let at = self.micros(now);
        self.coarse
            .on_report(at, lost, round_trip, f64::from(self.load.sending));
    }

    /// Takes in a receiver's own estimate.
    pub fn on_remb(&mut self, now: Instant, rate: u32) {
        let at = self.micros(now);
        self.coarse.on_remb(at, rate);
    }

    /// Looks after what time alone changes: a receiver that has fallen silent.
    pub fn on_tick(&mut self, now: Instant) {
        let at = self.micros(now);
        if self.drained.is_some_and(|due| due <= at) {
            self.delay.forget();
            self.estimate.end_flood();
            self.note_flood(at, Verdict::Flooded);
        }
        let is_silent = self.unanswered.is_some_and(|since| at - since > SILENCE);
        if self.reported.is_some() && is_silent {
            self.unanswered = Some(at);
            self.troubled = Some(at);
            self.estimate.doubt(at);
        }
    }

    /// Padding to send behind what leaves now: a probe, to learn whether the line carries more, or
    /// a pulse, where nothing else tells how late packets are.
    pub fn padding(&mut self, now: Instant) -> Option<Padding> {
        let at = self.micros(now);
        if !self.reports_arrivals(at) {
            return None;
        }
        let packets = if self.may_probe(at) {
            let rate = f64::from(self.estimate.rate());
            let since_cut = self.estimate.since_cut(at);
            self.probe.due(at, rate, since_cut)
        } else {
            None
        };
        if let Some(packets) = packets {
            return Some(Padding {
                packets,
                bytes: probe::PADDING,
            });
        }
        let is_quiet = self.departed.is_none_or(|departed| at - departed >= PULSE);
        (is_quiet && !self.is_calm(at)).then_some(Padding {
            packets: 1,
            bytes: 1,
        })
    }

    fn may_probe(&self, now: Micros) -> bool {
        let is_wanted = !self.has_room() && self.reported.is_some() && !self.is_gone(now);
        let is_allowed = match self.estimate.verdict() {
            Verdict::Clear | Verdict::Lossy => true,
            // Is it a queue, or has the way become longer? Only a train can tell.
            Verdict::Filling => self.train.at().is_none_or(|train| now - train > HALF),
            Verdict::Flooded => false,
        };
        is_wanted && is_allowed
    }

    /// Whether the line carries all that there is to send.
    fn has_room(&self) -> bool {
        u64::from(self.estimate.rate()) * 10 >= u64::from(self.load.most) * 11
    }

    /// Bits per second that may be sent; `None` while nothing bounds them.
    pub fn carries(&self, now: Instant) -> Option<u32> {
        let at = self.micros(now);
        if self.reports_arrivals(at) {
            return Some(self.estimate.rate());
        }
        self.coarse.rate(at)
    }

    /// Whether it has shown that it does not carry all; until then the estimate is a first guess that
    /// grows, and no reason to hold a stage's only picture back.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Bytes that a picture may begin with; `None` while nothing bounds them.
    pub fn room(&self, now: Instant) -> Option<Room> {
        let rate = u128::from(self.carries(now)?);
        let bytes = |span: Duration| (rate * span.as_millis() / 8_000) as usize;
        let at_once = if self.settled { WEAK_BURST } else { BEGINNING };
        Some(Room {
            at_once: bytes(at_once),
            all: bytes(BEGINNING),
        })
    }

    /// Bits per second that are sent.
    pub fn sending(&self) -> u32 {
        self.load.sending
    }

    /// Whether what is lost is its own: it loses, and has not been flooded for longer than losses count.
    pub fn is_own_loss(&self, now: Instant) -> bool {
        let at = self.micros(now);
        let is_recent = |flood| at - flood < FLOOD_COUNTS;
        self.verdict() == Verdict::Lossy && !self.estimate.flood().is_some_and(is_recent)
    }

    /// Whether no picture is sent for now: the line is flooded, or nothing has been heard of what was sent
    /// for long.
    pub fn is_held(&self, now: Instant) -> bool {
        self.verdict() == Verdict::Flooded || self.is_gone(self.micros(now))
    }

    /// Whether a receiver that has reported before has reported nothing of what left for long.
    fn is_gone(&self, now: Micros) -> bool {
        let is_over = |reported| self.departed > Some(reported) && now - reported > GONE;
        self.reported.is_some_and(is_over)
    }

    /// For how long it has been flooded, if it is.
    pub fn flooded_for(&self, now: Instant) -> Option<Duration> {
        let since = self.estimate.flood()?;
        let passed = u64::try_from(self.micros(now) - since).unwrap_or(0);
        (self.verdict() == Verdict::Flooded).then(|| Duration::from_micros(passed))
    }

    /// What the line is like.
    pub fn verdict(&self) -> Verdict {
        self.estimate.verdict()
    }

    /// The share of packets that was lost in the last seconds.
    pub fn loss(&self) -> f64 {
        self.loss.long().share()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::rtcp_packets;
    use crate::testing::epoch;

    /// A report that a packet has arrived.
    const ARRIVED: [u8; 24] = [
        0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0, 1, 0, 0, 1, 0, 0x20, 1, 4, 0,
    ];

    /// What is found of a line from which nothing comes for a while, and then requests for most of what
    /// left, of which a later packet has told that was so long on its way there and back.
    fn found(told_after: Option<Duration>) -> Verdict {
        let ms = Duration::from_millis;
        let start = epoch();
        let mut line = Line::new(start, None);
        let load = Load {
            sending: 1_000_000,
            ..Load::default()
        };
        line.note_load(start, load, 0);
        line.note_departure(start, 7, 1, 1_000);
        let report = rtcp_packets(&ARRIVED).next().expect("one");
        line.on_transport_feedback(start + ms(10), &report, |_, _| {});
        let missed = Missed {
            packets: 30,
            of: 36,
            age: Some(ms(300)),
            since: told_after,
            round_trip: Some(ms(30)),
        };
        line.on_nack(start + ms(600), missed);
        line.verdict()
    }

    #[test]
    fn a_long_burst_of_loss_is_no_flood_where_what_came_after_it_has_met_no_queue() {
        let ms = Duration::from_millis;
        assert_eq!(found(Some(ms(31))), Verdict::Clear);
        assert_eq!(found(Some(ms(90))), Verdict::Flooded);
        assert_eq!(found(None), Verdict::Flooded);
    }

    /// A country has one for each site.
    #[test]
    fn a_line_takes_little_more_than_a_kilobyte() {
        let bytes = size_of::<Line>();
        assert!(bytes <= 1_408, "{bytes} bytes");
        let departures = 8 * size_of::<Departure>();
        assert!(departures <= 128, "{departures} bytes");
    }
}
