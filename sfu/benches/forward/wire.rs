//! Forwarding with sockets, beside the bare loop of the same traffic, turn by turn in one process.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use sfu::outbox;

use crate::bare::Bare;
use crate::sink::Sink;
use crate::stage::{Burst, Stage};

/// Media as one publisher sends them.
pub(crate) struct Traffic {
    pub(crate) name: &'static str,
    /// Packets of the pictures in turn, bytes of payload of each, and pictures a second.
    pub(crate) video: (&'static [usize], usize, u32),
    /// Bytes of payload of a sound packet, and its milliseconds.
    pub(crate) audio: (usize, u32),
}

/// CPU of one way, in ns per packet, turn by turn.
#[derive(Default)]
struct Way {
    turns: Vec<f64>,
}

impl Way {
    fn note(&mut self, spent: Duration, packets: usize) {
        self.turns.push(spent.as_nanos() as f64 / packets as f64);
    }

    fn median(&mut self) -> f64 {
        self.turns.sort_unstable_by(f64::total_cmp);
        self.turns[self.turns.len() / 2]
    }
}

struct Wire {
    socket: UdpSocket,
    state: UdpSocketState,
    sent: u64,
}

impl Wire {
    fn send(&mut self, transmit: &Transmit<'_>) {
        let length = transmit.contents.len();
        let segments = length.div_ceil(transmit.segment_size.unwrap_or(length));
        let sent = self
            .state
            .try_send(UdpSockRef::from(&self.socket), transmit);
        self.sent += if sent.is_ok() { segments as u64 } else { 0 };
    }
}

/// Measures and prints one line.
pub(crate) fn measure(receivers: u32, traffic: &Traffic, turns: usize) {
    let sink = Sink::start().unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
    let mut wire = Wire {
        socket,
        state,
        sent: 0,
    };
    let mut stage = Stage::new(receivers, |index| sink.address(index));
    let mut bare = Bare::new(receivers, |index| sink.address(index));
    let bursts = second_of(traffic);
    let (mut ours, mut least) = (Way::default(), Way::default());
    for turn in 0..=turns {
        for (way, is_ours) in [(&mut least, false), (&mut ours, true)] {
            let (mut spent, sent) = (Duration::ZERO, wire.sent);
            let begun = Instant::now();
            let mut due = Duration::ZERO;
            for (after, burst) in &bursts {
                let datagrams = is_ours.then(|| stage.seal(*after, *burst));
                // At the pace of real media: what has left the caches in between is part of it.
                due += *after;
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
                let start = ThreadTime::now();
                if let Some(datagrams) = datagrams {
                    stage.arrive(&datagrams);
                    stage.fan_out(|transmit| wire.send(&as_quinn(transmit)));
                } else {
                    bare.fan_out(*burst, |transmit| wire.send(transmit));
                }
                spent += start.elapsed();
            }
            let packets: usize = bursts.iter().map(|(_, burst)| burst.packets).sum();
            let expected = packets * receivers as usize;
            let sent = (wire.sent - sent) as usize;
            assert!(sent >= expected, "{sent} of {expected} packets left");
            // The first turn warms up.
            if turn > 0 {
                way.note(spent, expected);
            }
        }
    }
    let (ours, least) = (ours.median(), least.median());
    // What is under way arrives within the sink's sleep.
    std::thread::sleep(Duration::from_millis(20));
    let lost = 1.0 - sink.received() as f64 / wire.sent as f64;
    println!(
        "{:<34} {receivers:>9} {ours:>10.0} {least:>10.0} {:>7.2} {:>9.2} %",
        traffic.name,
        ours / least,
        100.0 * lost,
    );
}

fn as_quinn<'t>(transmit: &outbox::Transmit<'t>) -> Transmit<'t> {
    let is_one = transmit.contents.len() <= transmit.segment;
    Transmit {
        destination: transmit.path.remote(),
        ecn: None,
        contents: transmit.contents,
        segment_size: (!is_one).then_some(transmit.segment),
        src_ip: None,
    }
}

/// What is sent in one second, in order, each with the time since the one before.
fn second_of(traffic: &Traffic) -> Vec<(Duration, Burst)> {
    let (pattern, payload, rate) = traffic.video;
    let (audio_payload, ms) = traffic.audio;
    let pictures = (0..rate).zip(pattern.iter().cycle());
    let video = pictures.map(|(n, &packets)| {
        let burst = Burst {
            audio: false,
            packets,
            payload,
        };
        (Duration::from_secs(1) * n / rate, burst)
    });
    let audio = (0..1_000 / ms).map(|n| {
        let burst = Burst {
            audio: true,
            packets: 1,
            payload: audio_payload,
        };
        (Duration::from_millis((n * ms + ms / 2).into()), burst)
    });
    let mut all: Vec<_> = video.chain(audio).collect();
    all.sort_by_key(|(at, _)| *at);
    let mut last = Duration::ZERO;
    for (at, _) in &mut all {
        (*at, last) = (*at - last, *at);
    }
    all
}
