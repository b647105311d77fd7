//! What forwarding one packet to one receiver costs: `make bench`.
//!
//! Real peers (ICE, DTLS and SRTP keys of their own) on one shard; one of them publishes. Timed, as
//! CPU time of the thread, is everything from the published datagrams to the sealed messages for
//! every receiver: decrypt once, number, keep, then select, rewrite and seal per receiver. First
//! without sockets, allocations counted; then with sockets, beside the bare loop of the same
//! traffic.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it measures time and opens sockets"
)]

#[path = "forward/bare.rs"]
mod bare;
#[path = "forward/sink.rs"]
mod sink;
#[path = "forward/stage.rs"]
mod stage;
#[path = "forward/wire.rs"]
mod wire;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::stage::{Burst, Stage};
use crate::wire::Traffic;

/// The picture of the measurement without sockets.
const FRAME: Burst = Burst {
    audio: false,
    packets: 6,
    payload: 1_100,
};
const INTERVAL: Duration = Duration::from_millis(33);

/// What the scenarios `country` and `hd` of the load test send, picture by picture.
const TRAFFIC: [Traffic; 2] = [
    Traffic {
        name: "300 kbit/s 15 fps, 60 ms audio",
        video: (&[3, 3, 2], 900, 15),
        audio: (240, 60),
    },
    Traffic {
        name: "1.2 Mbit/s 30 fps, 20 ms audio",
        video: (&[5, 5, 6, 5], 950, 30),
        audio: (80, 20),
    },
];

fn main() {
    println!(
        "forwarding a {} × {} B video frame, AES-128-GCM, no sockets",
        FRAME.packets, FRAME.payload
    );
    println!(
        "{:>9} {:>12} {:>12} {:>14} {:>14} {:>14}",
        "receivers", "ns/packet", "best", "allocs/packet", "allocs/frame", "bytes/receiver"
    );
    for receivers in [1, 100, 3_400] {
        without_sockets(receivers);
    }
    println!("\nwith sockets on loopback, ns of CPU per packet");
    println!(
        "{:<34} {:>9} {:>10} {:>10} {:>7} {:>11}",
        "traffic", "receivers", "dinh", "bare loop", "ratio", "not read"
    );
    for traffic in &TRAFFIC {
        wire::measure(3_400, traffic, 10);
    }
}

fn without_sockets(receivers: u32) {
    let address = |index: u32| {
        let [.., b, c, d] = index.to_be_bytes();
        SocketAddr::from(([10, b, c, d], 40_000))
    };
    let mut stage = None;
    let held = allocation_counter::measure(|| stage = Some(Stage::new(receivers, address)));
    let mut stage = stage.unwrap();
    let packets = receivers as usize * FRAME.packets;
    // About 400,000 forwarded packets, at least 30 frames.
    let frames = (400_000 / packets).clamp(30, 20_000);
    let mut times = Vec::with_capacity(frames);
    let mut allocations = 0;
    let mut arrival = 0;
    let warm_up = frames / 10 + 2;
    for number in 0..warm_up + frames {
        let datagrams = stage.seal(INTERVAL, FRAME);
        let start = ThreadTime::now();
        let arriving = allocation_counter::measure(|| stage.arrive(&datagrams));
        let mut sent = 0;
        let sending = allocation_counter::measure(|| {
            stage.fan_out(|transmit| {
                if transmit.contents.len() > 900 {
                    sent += transmit.segments().count();
                }
                black_box(transmit.contents);
            });
        });
        if number >= warm_up {
            times.push(start.elapsed());
            arrival += arriving.count_total;
            allocations += sending.count_total;
            assert_eq!(sent, packets, "every receiver gets every packet");
        }
    }
    times.sort_unstable();
    let per_packet = |time: Duration| time.as_nanos() as f64 / packets as f64;
    println!(
        "{receivers:>9} {:>12.0} {:>12.0} {:>14.4} {:>14.1} {:>14.0}",
        per_packet(times[times.len() / 2]),
        per_packet(times[0]),
        allocations as f64 / (frames * packets) as f64,
        (arrival + allocations) as f64 / frames as f64,
        held.bytes_current as f64 / f64::from(receivers),
    );
}
