//! A receiver behind a line: what a shard does with a [`Line`], and what a browser tells it.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use loadtest::line::{Direction, Impairment};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sfu::allocate::{Allocator, Load, Wish};
use sfu::line::sound::{Seen, Sound};
use sfu::line::{Line, Missed, Padding};
use sfu::packet::Packet;
use sfu::priority::Priority;
use sfu::publication::measure::Measure;
use sfu::rtp::rtcp_packets;
use sfu::rung::Rung;
use sfu::testing::epoch;

/// Sound in frames of 60 ms, with headers, and what each packet costs that it carries beside.
const SOUND: u32 = 48_000;
const COPY: u32 = 30_000;

/// Layers with headers, and their pictures per second.
const LAYERS: [u32; 3] = [110_000, 320_000, 950_000];
const PICTURES: [f64; 3] = [15.0, 15.0, 30.0];

/// Of what is on the line, what is payload.
const PAYLOAD: f64 = 14.0 / 15.0;

/// Base pictures of the lowest layer, each fourth.
const THIN: u32 = 60_000;

/// The way there: whose packets are under way.
pub(super) type Way = Direction<(usize, usize)>;

/// What befalls the reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reports {
    pub(super) every: f64,
    pub(super) loss: f64,
    /// How fast the receiver's clock runs.
    pub(super) clock: f64,
}

pub(super) const REPORTS: Reports = Reports {
    every: 0.0625,
    loss: 0.0,
    clock: 1.0,
};

/// Seldom, some lost, told by a clock that runs fast.
pub(super) const POOR: Reports = Reports {
    every: 0.1,
    loss: 0.1,
    clock: 1.000_1,
};

#[derive(Clone, Copy)]
pub(super) struct Sent {
    number: Option<u16>,
    pub(super) at: f64,
    pub(super) arrival: Option<f64>,
    pub(super) bytes: u32,
    pub(super) is_sound: bool,
    pub(super) is_probe: bool,
}

/// What was so at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: f64,
    pub(super) estimate: f64,
    pub(super) rung: Rung,
}

/// A picture that begins anew.
pub(super) struct Start {
    at: f64,
    rung: Rung,
    /// Its packets among those sent.
    packets: Range<usize>,
}

pub(super) struct Site {
    line: Line,
    allocator: Allocator,
    measures: [Measure; 3],
    sound: Sound,
    sound_rate: u32,
    load: Load,
    reports: Reports,
    dice: SmallRng,
    /// How unevenly what is sent back comes.
    uneven: SmallRng,
    index: usize,
    way_back: Impairment,
    start: f64,
    next_number: u16,
    next_stamp: Instant,
    next_sound: f64,
    next_picture: f64,
    next_report: f64,
    pictures: u32,
    needs_keyframe: bool,
    /// Keyframes come at the same moments for all, and when the last of those came.
    pub(super) is_in_step: bool,
    group: u64,
    shown: Rung,
    reported: usize,
    on_the_way: VecDeque<(f64, Vec<u8>)>,
    /// The packet after the last that has arrived, and those asked for again.
    arrived: usize,
    nacks: VecDeque<(f64, (usize, usize))>,
    /// The packet whose arrival has told of the newest that was asked for.
    asked: usize,
    pub(super) sent: Vec<Sent>,
    pub(super) moments: Vec<Moment>,
    pub(super) changes: Vec<(f64, Rung)>,
    starts: Vec<Start>,
    /// When reports came.
    pub(super) reports_read: Vec<f64>,
}

/// How much the picture moves in a second, more or less: as with the clip of a speaker, of whose
/// seconds some take a fifth more than others.
fn movement(seconds: f64) -> f64 {
    let mut dice = SmallRng::seed_from_u64(seconds.abs() as u64);
    0.9 + 0.2 * dice.random::<f64>()
}

/// A packet of so many bytes, as far as it is measured.
fn piece(now: Instant, bytes: usize) -> Packet {
    Packet {
        arrived: now,
        layer: 0,
        sequence: 0,
        timestamp: 0,
        marker: true,
        seen: sfu::codec::Seen::default(),
        level: None,
        payload: vec![0; bytes].into(),
        redundant: None,
    }
}

fn at(seconds: f64) -> Instant {
    let after = Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 {
        epoch() - after
    } else {
        epoch() + after
    }
}

impl Site {
    pub(super) fn new(index: usize, start: f64, reports: Reports, seed: u64) -> Self {
        let mut site = Self {
            line: Line::new(at(start), None),
            allocator: Allocator::default(),
            measures: Default::default(),
            sound: Sound::default(),
            sound_rate: SOUND,
            load: Load::default(),
            reports,
            dice: SmallRng::seed_from_u64(seed),
            uneven: SmallRng::seed_from_u64(!seed),
            index,
            way_back: Impairment::default(),
            start,
            next_number: 65_000,
            next_stamp: at(start),
            next_sound: start,
            next_picture: start + 0.007,
            next_report: start + 0.1 + 0.017 * index as f64,
            pictures: 0,
            needs_keyframe: true,
            is_in_step: false,
            group: 0,
            shown: Rung::Sound,
            reported: 0,
            on_the_way: VecDeque::new(),
            arrived: 0,
            nacks: VecDeque::new(),
            asked: 0,
            sent: Vec::new(),
            moments: Vec::new(),
            changes: Vec::new(),
            starts: Vec::new(),
            reports_read: Vec::new(),
        };
        // The layers were there before it came.
        for millis in (10..10_000).rev() {
            site.measure(start - f64::from(millis) / 1e3);
        }
        site
    }

    /// The way back is as long as the way there, and as uneven.
    pub(super) fn set_way_back(&mut self, way: Impairment) {
        self.way_back = way;
    }

    /// When what is sent back at a second comes, after `last` unless it may overtake.
    fn comes_back(&mut self, now: f64, last: Option<f64>) -> f64 {
        let Impairment {
            delay,
            jitter,
            reorders,
            ..
        } = self.way_back;
        let due = now + (delay + jitter.mul_f64(self.uneven.random())).as_secs_f64();
        due.max(last.filter(|_| !reorders).unwrap_or(due))
    }

    /// A packet has arrived. What was sent before it and has not is asked for again.
    pub(super) fn arrive(&mut self, number: usize, when: Instant) {
        let seconds = (when - epoch()).as_secs_f64();
        self.sent[number].arrival = Some(seconds);
        // As browsers do: what was overtaken is reported with all that left after it.
        self.reported = self.reported.min(number);
        if self.sent[number].is_sound || self.sent[number].is_probe {
            // Neither has the numbers of pictures.
            return;
        }
        let before = self.sent.get(self.arrived..number).unwrap_or_default();
        let is_missing = |packet: &&Sent| !packet.is_sound && !packet.is_probe;
        let missing = before.iter().filter(is_missing).count();
        self.arrived = self.arrived.max(number + 1);
        if missing > 0 {
            let last = self.nacks.back().map(|(due, _)| *due);
            let due = self.comes_back(seconds + 0.01, last);
            insert(&mut self.nacks, (due, (missing, number)));
        }
    }

    /// What the line is told of packets that were asked for when the one with this number came.
    fn missed(&mut self, now: f64, (packets, told_by): (usize, usize)) -> Missed {
        let pictures = self.sent.get(self.asked..told_by).unwrap_or_default();
        let is_picture = |it: &&Sent| !it.is_sound && !it.is_probe;
        let of = pictures.iter().filter(is_picture).count();
        self.asked = self.asked.max(told_by);
        let way = 2.0 * self.way_back.delay.as_secs_f64();
        let newest = pictures.iter().rev().find(is_picture);
        let age = |it: &Sent| Duration::from_secs_f64(now - it.at);
        Missed {
            packets,
            age: newest.map(age),
            of: if of > 24 { packets } else { of.max(packets) },
            since: Some(age(&self.sent[told_by])),
            round_trip: Some(Duration::from_secs_f64(way)),
        }
    }

    /// Does what is due at a second, a whole millisecond.
    pub(super) fn step(&mut self, now: f64, line: &mut Way) {
        if now < self.start {
            return;
        }
        while let Some((_, bytes)) = self.on_the_way.pop_front_if(|(due, _)| *due <= now) {
            let part = rtcp_packets(&bytes).next().expect("whole");
            self.reports_read.push(now);
            if self.line.on_transport_feedback(at(now), &part, |_, _| {}) {
                self.next_stamp = self.next_stamp.min(at(now));
            }
            self.allocate(now);
        }
        while let Some((_, nack)) = self.nacks.pop_front_if(|(due, _)| *due <= now) {
            let missed = self.missed(now, nack);
            if self.line.on_nack(at(now), missed) {
                self.allocate(now);
            }
            if self.line.is_watched(at(now)) {
                self.next_stamp = self.next_stamp.min(at(now));
            }
        }
        self.measure(now);
        if now >= self.next_sound {
            self.next_sound += 0.06;
            self.send(now, line, &[self.sound_rate * 6 / 800], |packet| {
                packet.is_sound = true;
            });
        }
        if now >= self.next_picture {
            self.send_picture(now, line);
        }
        if now >= self.next_report {
            self.next_report += self.reports.every;
            self.report(now);
        }
        if self.line.wakes().is_some_and(|due| due <= at(now)) {
            self.line.on_tick(at(now));
            self.allocate(now);
        }
        let millis = (now * 1e3).round() as u64;
        if millis.is_multiple_of(50) {
            self.line.on_tick(at(now));
            self.allocate(now);
            self.moments.push(Moment {
                at: now,
                estimate: f64::from(self.line.carries(at(now)).unwrap_or(u32::MAX)),
                rung: self.shown,
            });
        }
    }

    /// Has the layers' rates known as a shard does, where they all arrive whatever is shown.
    fn measure(&mut self, now: f64) {
        let millis = (now * 1e3).round() as i64;
        for ((measure, rate), pictures) in self.measures.iter_mut().zip(LAYERS).zip(PICTURES) {
            if millis % (1e3 / pictures) as i64 == 0 {
                let bytes = f64::from(rate) / 8.0 * PAYLOAD * movement(now) / pictures;
                measure.note(at(now), &piece(at(now), bytes as usize));
            }
        }
    }

    /// How long after a second the first picture on such a rung is there that begins after it, if nothing
    /// of that is lost.
    pub(super) fn seen(&self, after: f64, is_it: impl Fn(Rung) -> bool) -> Option<f64> {
        let mut later = self.starts.iter().filter(|start| start.at > after);
        let start = later.find(|start| is_it(start.rung))?;
        let packets = self.sent.get(start.packets.clone())?.iter();
        let last = packets.map(|packet| packet.arrival);
        let last = last.reduce(|last, arrival| Some(last?.max(arrival?)))??;
        Some(last - after)
    }

    fn rates(&self, of: impl Fn(&Measure) -> Option<u64>) -> [u32; 3] {
        let on_line = |rate: u64| (rate as f64 / PAYLOAD) as u32;
        let rates = self.measures.iter().zip(LAYERS);
        let rates = rates.map(|(measure, assumed)| of(measure).map_or(assumed, on_line));
        rates.collect::<Vec<_>>().try_into().expect("three")
    }

    fn allocate(&mut self, now: f64) {
        let wish = Wish {
            slot: 0,
            priority: Priority::Main,
            ceiling: 2,
            rates: self.rates(Measure::bits_per_second),
            most: self.rates(Measure::most_bits_per_second),
            thin: THIN,
        };
        let carries = self.line.carries(at(now));
        let redundancy = self.sound.judge(
            at(now),
            &Seen {
                lost: self.line.loss(),
                is_own: self.line.is_own_loss(at(now)),
                flooded_for: self.line.flooded_for(at(now)),
                carries,
                plain: SOUND,
                copy: COPY,
                picture: wish.least(),
            },
        );
        let sound = SOUND + COPY * redundancy.copies();
        self.sound_rate = sound;
        let is_held = self.line.is_held(at(now));
        let beside = if is_held { SOUND } else { sound };
        self.load = self.allocator.allocate(at(now), carries, beside, &[wish]);
        self.line.note_load(at(now), self.load, sound);
        let rung = if is_held {
            Rung::Sound
        } else {
            self.allocator.rung(0)
        };
        if rung != self.shown {
            self.shown = rung;
            self.needs_keyframe = true;
            self.changes.push((now, rung));
        }
    }

    fn send_picture(&mut self, now: f64, line: &mut Way) {
        let is_moving = self.shown > Rung::Stills;
        let layer = is_moving.then(|| usize::from(self.shown.level()));
        let is_thin = self.shown == Rung::LowThin;
        let pictures = layer.map_or(15.0, |layer| PICTURES[layer]);
        let pictures = if is_thin { pictures / 4.0 } else { pictures };
        self.next_picture += 1.0 / pictures;
        if let Some(layer) = layer {
            self.pictures += 1;
            let begins = std::mem::take(&mut self.needs_keyframe);
            let group = (now / 2.0) as u64;
            let is_due = if self.is_in_step {
                group != std::mem::replace(&mut self.group, group)
            } else {
                self.pictures.is_multiple_of(2 * pictures as u32)
            };
            let is_keyframe = begins || is_due;
            let whole = f64::from(LAYERS[layer]) * movement(now) / PICTURES[layer] / 8.0;
            let mean = if is_thin {
                f64::from(THIN) / pictures / 8.0 * 0.7
            } else {
                whole
            };
            let bytes = if is_keyframe {
                let times = if self.is_in_step { 4.5 } else { 6.0 };
                times * whole
            } else {
                mean * 0.83 * (0.7 + 0.6 * self.dice.random::<f64>())
            };
            let count = (bytes / 1_100.0).ceil().max(1.0);
            let packets = vec![(bytes / count) as u32; count as usize];
            let first = self.sent.len();
            self.send(now, line, &packets, |_| ());
            self.starts.extend(begins.then_some(Start {
                at: now,
                rung: self.shown,
                packets: first..self.sent.len(),
            }));
        }
        self.send_padding(now, line);
    }

    fn send_padding(&mut self, now: f64, line: &mut Way) {
        if let Some(Padding { packets, bytes }) = self.line.padding(at(now)) {
            self.next_stamp = self.next_stamp.min(at(now));
            let packets = vec![u32::from(bytes) + 36; packets as usize];
            self.send(now, line, &packets, |packet| packet.is_probe = true);
        }
    }

    /// Sends one message.
    fn send(&mut self, now: f64, line: &mut Way, sizes: &[u32], mark: impl Fn(&mut Sent)) {
        let mut model = Sent {
            number: None,
            at: now,
            arrival: None,
            bytes: 0,
            is_sound: false,
            is_probe: false,
        };
        mark(&mut model);
        let is_stamped = self.next_stamp <= at(now) && !model.is_sound;
        let first = self.next_number;
        for bytes in sizes {
            let packet = Sent {
                number: is_stamped.then_some(self.next_number),
                bytes: *bytes,
                ..model
            };
            let datagram = [0; 2_000];
            let ends = (self.index, self.sent.len());
            line.push(at(now), &datagram[..*bytes as usize], ends);
            if is_stamped {
                self.next_number = self.next_number.wrapping_add(1);
            }
            self.sent.push(packet);
        }
        if is_stamped {
            let (count, bytes) = (sizes.len() as u16, sizes.iter().sum());
            self.next_stamp = self.line.note_departure(at(now), first, count, bytes);
        }
    }

    /// Reports everything up to what arrived last.
    fn report(&mut self, now: f64) {
        let arrived = |packet: &Sent| packet.arrival.is_some_and(|arrival| arrival <= now);
        let new = &self.sent[self.reported..];
        let stamped_and_here = |packet: &Sent| packet.number.is_some() && arrived(packet);
        let Some(last) = new.iter().rposition(stamped_and_here) else {
            return;
        };
        let told: Vec<_> = new[..=last]
            .iter()
            .filter_map(|packet| {
                let arrival = packet.arrival.filter(|_| arrived(packet));
                let clock = |arrival: f64| (arrival * self.reports.clock * 4e3) as i64;
                Some((packet.number?, arrival.map(clock)))
            })
            .collect();
        self.reported += last + 1;
        if self.dice.random::<f64>() >= self.reports.loss {
            let last = self.on_the_way.back().map(|(due, _)| *due);
            let due = self.comes_back(now, last);
            insert(&mut self.on_the_way, (due, feedback(&told)));
        }
    }
}

/// Puts what is due at a second among what is due at others.
fn insert<T>(all: &mut VecDeque<(f64, T)>, new: (f64, T)) {
    let place = all.partition_point(|(due, _)| *due <= new.0);
    all.insert(place, new);
}

/// Transport-wide feedback about packets with consecutive numbers.
pub(super) fn feedback(told: &[(u16, Option<i64>)]) -> Vec<u8> {
    let first = told.iter().find_map(|(_, arrival)| *arrival).expect("one");
    let reference = first.div_euclid(256);
    let mut last = reference * 256;
    let (mut chunks, mut deltas) = (Vec::new(), Vec::new());
    for seven in told.chunks(7) {
        let mut chunk = 0xc000u16;
        for (place, (_, arrival)) in seven.iter().enumerate() {
            let Some(arrival) = arrival else { continue };
            let delta = i16::try_from(arrival - last).expect("close");
            last = *arrival;
            chunk |= 2 << (12 - 2 * place);
            deltas.extend(delta.to_be_bytes());
        }
        chunks.extend(chunk.to_be_bytes());
    }
    let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend(told[0].0.to_be_bytes());
    bytes.extend((told.len() as u16).to_be_bytes());
    bytes.extend(&((reference as u32) << 8).to_be_bytes()[..3]);
    bytes.push(0);
    bytes.extend(chunks);
    bytes.extend(deltas);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let words = u16::try_from(bytes.len() / 4 - 1).expect("short");
    bytes[2..4].copy_from_slice(&words.to_be_bytes());
    bytes
}
