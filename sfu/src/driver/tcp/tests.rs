//! ICE-TCP over real sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use mio::Poll;
use socket2::SockAddr;

use super::*;
use crate::id::ShardId;
use crate::path::Path;
use crate::peer::dtls::Identity;
use crate::pieces::{FRAMES, Pieces};
use crate::segment_kind::SegmentKind;
use crate::shard::ShardConfig;
use crate::turn::Envelope;

const SOUND: u32 = 1;
const PICTURES: u32 = 2;

/// What a line carries, bytes per second.
const RATE: f64 = 50_000.0;

/// A packet that says when it was sent.
fn packet(ssrc: u32, since: Duration, length: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0];
    packet.extend(u32::try_from(since.as_millis()).unwrap().to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(length, 7);
    packet
}

/// The other end of a line that carries [`RATE`] and keeps little: reads that much, and says of
/// each packet which it was, how late, and how long.
fn read_slowly(stream: &mut TcpStream, started: Instant) -> Vec<(u32, Duration, usize)> {
    let (mut pieces, mut came) = (Pieces::default(), Vec::new());
    let mut buffer = [0; 500];
    let mut total = 0.0;
    while let Ok(read) = stream.read(&mut buffer)
        && read > 0
    {
        let now = started.elapsed();
        let each = |frame: &[u8]| {
            let frame = &frame[2..];
            let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
            let sent = Duration::from_millis(word(4).into());
            came.push((word(8), now.saturating_sub(sent), frame.len()));
        };
        pieces.take(FRAMES, &buffer[..read], each).unwrap();
        total += read as f64;
        let due = Duration::from_secs_f64(total / RATE);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
    }
    came
}

fn shard(now: Instant) -> Shard {
    Shard::new(
        now,
        ShardConfig {
            id: ShardId(0),
            identity: Arc::new(Identity::generate().unwrap()),
            seed: [7; 32],
            ntp: 0,
            remembered: Arc::default(),
        },
    )
}

/// A client whose system keeps so much for it.
fn client(server: SocketAddr, kept: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.set_recv_buffer_size(kept).unwrap();
    socket.connect(&SockAddr::from(server)).unwrap();
    socket.into()
}

#[test]
fn over_a_narrow_line_sound_comes_in_time() {
    let mut poll = Poll::new().unwrap();
    let listener = Token(0);
    let mut tcp = Tcp::bind(([127, 0, 0, 1], 0).into(), poll.registry(), listener).unwrap();
    let server = tcp.listener.local_addr().unwrap();
    let started = crate::driver::now();
    let mut shard = shard(started);
    let mut stream = client(server, 4 * 1_024);
    let slow = std::thread::spawn(move || read_slowly(&mut stream, started));

    let mut events = mio::Events::with_capacity(64);
    let mut ticks = 0;
    let mut is_begun = false;
    while started.elapsed() < Duration::from_secs(5) {
        let wait = Some(Duration::from_millis(5));
        poll.poll(&mut events, wait).unwrap();
        for event in &events {
            match event.token() {
                Token(0) => tcp.on_listener_ready(),
                token => tcp.on_ready(token, event),
            }
        }
        let now = crate::driver::now();
        tcp.receive(now, poll.registry(), &mut shard);
        let since = started.elapsed();
        // 1 Mbit/s: a picture of 5 KB every 40 ms, and sound behind every second one.
        if let Some((_, connection)) = tcp.connections.iter().next()
            && since >= Duration::from_millis(40) * ticks
            && let path @ Path::Tcp { id, .. } = connection.path(0)
        {
            ticks += 1;
            let needs_keyframe = !is_begun || connection.queue.is_broken();
            is_begun = true;
            let first = if needs_keyframe {
                SegmentKind::Keyframe
            } else {
                SegmentKind::Picture
            };
            let mut contents = packet(PICTURES, since, 1_000).repeat(5);
            let mut kinds = vec![first];
            kinds.resize(5, SegmentKind::Picture);
            if ticks % 2 == 0 {
                contents.extend(packet(SOUND, since, 300));
                kinds.push(SegmentKind::Sound);
            }
            let transmit = Transmit {
                path,
                contents: &contents,
                segment: 1_000,
                kinds: &kinds,
            };
            tcp.send(now, id, &transmit);
        }
    }
    drop(tcp);
    let came = slow.join().unwrap();
    let late = |ssrc| came.iter().filter(move |(of, ..)| *of == ssrc);
    let sound = late(SOUND).map(|(_, late, _)| *late).max().unwrap();
    assert!(sound <= Duration::from_millis(800), "sound {sound:?} late");
    assert!(
        late(SOUND).count() >= 50,
        "{} of 62 sounds",
        late(SOUND).count()
    );
    let picture = late(PICTURES).map(|(_, late, _)| *late).max().unwrap();
    assert!(
        picture <= Duration::from_secs(3),
        "picture {picture:?} late"
    );
    assert!(late(PICTURES).count() >= 50);
}

#[test]
fn a_connection_whose_frames_make_no_sense_is_closed_and_counted() {
    let mut poll = Poll::new().unwrap();
    let mut tcp = Tcp::bind(([127, 0, 0, 1], 0).into(), poll.registry(), Token(0)).unwrap();
    let server = tcp.listener.local_addr().unwrap();
    let started = crate::driver::now();
    let mut shard = shard(started);
    let mut stream = client(server, 4 * 1_024);
    // RTP where the length of a frame should be.
    stream.write_all(&[0x80, 96, 0, 1, 0, 0]).unwrap();
    let mut events = mio::Events::with_capacity(64);
    let counted = |shard: &Shard| shard.stats().drops.of(DropReason::BadFraming);
    while counted(&shard) == 0 && started.elapsed() < Duration::from_secs(10) {
        let wait = Some(Duration::from_millis(5));
        poll.poll(&mut events, wait).unwrap();
        for event in &events {
            match event.token() {
                Token(0) => tcp.on_listener_ready(),
                token => tcp.on_ready(token, event),
            }
        }
        tcp.receive(crate::driver::now(), poll.registry(), &mut shard);
    }
    assert_eq!(counted(&shard), 1);
    assert!(tcp.connections.is_empty());
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0, "it is closed");
}

#[test]
fn a_crowd_that_comes_at_once_need_not_knock_twice() {
    // Nobody takes them: the system keeps them all, and a further SYN would be dropped.
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let crowd: Vec<_> = (0..600)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900)))
        .collect();
    assert!(crowd.iter().all(Result::is_ok), "a SYN was dropped");
}

#[test]
fn the_system_keeps_little_that_it_has_not_sent() {
    let poll = Poll::new().unwrap();
    let mut tcp = Tcp::bind(([127, 0, 0, 1], 0).into(), poll.registry(), Token(0)).unwrap();
    let now = crate::driver::now();
    let mut shard = shard(now);
    let mut client = client(tcp.listener.local_addr().unwrap(), 64 * 1_024);
    while tcp.connections.is_empty() {
        tcp.on_listener_ready();
        tcp.receive(now, poll.registry(), &mut shard);
    }
    let (_, connection) = tcp.connections.iter_mut().next().unwrap();
    for _ in 0..200 {
        let picture = packet(PICTURES, Duration::ZERO, 1_000);
        let kind = SegmentKind::Picture;
        connection
            .queue
            .push(now, kind, Envelope::Frame, &picture)
            .unwrap();
    }
    // Until the client's system takes no more, and then some.
    let mut arrived = vec![0; 512 * 1_024];
    for _ in 0..20 {
        connection.write_out(now);
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = client.peek(&mut arrived).unwrap();
    // With room for all of it the rest comes too.
    client
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut all = 0;
    while let Ok(read) = client.read(&mut arrived) {
        all += read;
    }
    assert!(all < 200 * 1_002, "it was not full");
    assert!(all - sent <= 16 * 1_024, "{} bytes kept", all - sent);
}

#[test]
fn little_is_on_its_way_when_a_line_becomes_narrow() {
    let poll = Poll::new().unwrap();
    let tcp = Tcp::bind(([127, 0, 0, 1], 0).into(), poll.registry(), Token(0)).unwrap();
    // What is accepted inherits it, and a second at 400 kbit/s is 50 KB.
    let held = SockRef::from(&tcp.listener).send_buffer_size().unwrap();
    assert!(held <= 50_000, "{held} bytes");
}
