//! What forwarding one packet to one receiver costs, without sockets: `cargo bench -p sfu`.
//!
//! Real peers (ICE, DTLS and SRTP keys of their own) on one shard; one of them publishes video
//! frames of six packets. Timed, as CPU time of the thread, is everything from the published
//! datagrams to the sealed messages for every receiver: decrypt once, number, keep, then select,
//! rewrite and seal per receiver. Allocations are counted over the same stretch; those of arrival are shared by all receivers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use sfu::command::{
    Codec, CodecSpec, Command, ExtensionIds, IceCredentials, MediaKind, PeerSpec, PublicationSpec,
    SlotSpec, Token,
};
use sfu::id::{ConferenceId, Feed, PeerId, Pt, PublicationId, ShardId, Ssrc};
use sfu::path::Path;
use sfu::peer::dtls::{Event, Identity, Session};
use sfu::peer::ice::client::{Check, Role};
use sfu::peer::srtp::{Keys, Profile, Sealer};
use sfu::shard::{Shard, ShardConfig};

/// Packets of one video frame, and bytes of payload of each.
const FRAME: usize = 6;
const PAYLOAD: usize = 1_100;
/// Slots of every receiver: as a site has them.
const VIDEO_SLOTS: u8 = 3;
const AUDIO_SLOTS: u8 = 3;
const MEDIA_SSRC: u32 = 0x5eed;

fn main() {
    println!("forwarding a {FRAME} × {PAYLOAD} B video frame, AES-128-GCM, no sockets");
    println!(
        "{:>9} {:>12} {:>12} {:>14} {:>14}",
        "receivers", "ns/packet", "best", "allocs/packet", "allocs/frame"
    );
    for receivers in [1, 100, 3_400] {
        measure(receivers);
    }
}

fn measure(receivers: u32) {
    let mut stage = Stage::new(receivers);
    let packets = receivers as usize * FRAME;
    // About 400,000 forwarded packets, at least 30 frames.
    let frames = (400_000 / packets).clamp(30, 20_000);
    for _ in 0..frames / 10 + 2 {
        stage.publish_frame();
        assert_eq!(stage.fan_out(), packets, "every receiver gets every packet");
    }
    let mut times = Vec::with_capacity(frames);
    let mut allocations = 0;
    for _ in 0..frames {
        let datagrams = stage.seal_frame();
        let start = ThreadTime::now();
        let counted = allocation_counter::measure(|| {
            stage.arrive(&datagrams);
            assert_eq!(stage.fan_out(), packets);
        });
        times.push(start.elapsed());
        allocations += counted.count_total;
    }
    times.sort_unstable();
    let per_packet = |time: Duration| time.as_nanos() as f64 / packets as f64;
    let per_frame = allocations as f64 / frames as f64;
    // What arrival allocates does not grow with receivers: it is taken off for the second column.
    println!(
        "{receivers:>9} {:>12.0} {:>12.0} {:>14.4} {:>14.1}",
        per_packet(times[times.len() / 2]),
        per_packet(times[0]),
        (per_frame - stage.arrival_allocations()).max(0.0) / packets as f64,
        per_frame,
    );
}

/// A shard with a publisher and its receivers, all connected.
struct Stage {
    shard: Shard,
    now: Instant,
    publisher: (Path, Sealer),
    sequence: u64,
    arrival: f64,
}

impl Stage {
    fn new(receivers: u32) -> Self {
        let identity = Arc::new(Identity::generate().unwrap());
        let client = Identity::generate().unwrap();
        let now = Instant::now();
        let config = ShardConfig {
            id: ShardId(0),
            identity: Arc::clone(&identity),
            seed: [7; 32],
            ntp: 1 << 40,
        };
        let mut shard = Shard::new(now, config);
        let publisher = connect(
            &mut shard,
            now,
            0,
            &identity,
            &client,
            publisher_spec(&client),
        );
        for index in 1..=receivers {
            connect(
                &mut shard,
                now,
                index,
                &identity,
                &client,
                receiver_spec(index, &client),
            );
        }
        let publication = Some(PublicationId {
            peer: PeerId::new(0, ShardId(0)),
            mline: 0,
        });
        shard.handle_command(
            now,
            Command::Show {
                conference: ConferenceId(1),
                stage: 0,
                publication,
            },
        );
        let mut stage = Self {
            shard,
            now,
            publisher,
            sequence: 1,
            arrival: 0.0,
        };
        stage.publish_frame();
        stage.fan_out();
        stage.measure_arrival();
        stage
    }

    /// Allocations of one frame's arrival alone: nobody is served in between.
    fn measure_arrival(&mut self) {
        const FRAMES: usize = 20;
        let mut total = 0;
        for _ in 0..FRAMES {
            let datagrams = self.seal_frame();
            total += allocation_counter::measure(|| self.arrive(&datagrams)).count_total;
            self.fan_out();
        }
        self.arrival = total as f64 / FRAMES as f64;
    }

    fn arrival_allocations(&self) -> f64 {
        self.arrival
    }

    fn publish_frame(&mut self) {
        let datagrams = self.seal_frame();
        self.arrive(&datagrams);
    }

    fn seal_frame(&mut self) -> Vec<Vec<u8>> {
        self.now += Duration::from_millis(33);
        (0..FRAME).map(|index| self.seal(index)).collect()
    }

    fn seal(&mut self, index: usize) -> Vec<u8> {
        let mut packet = vec![0x80, if index + 1 == FRAME { 0xe0 } else { 0x60 }];
        packet.extend((self.sequence as u16).to_be_bytes());
        packet.extend(((self.sequence / FRAME as u64) as u32 * 3_000).to_be_bytes());
        packet.extend(MEDIA_SSRC.to_be_bytes());
        // VP8 descriptor with a 15-bit picture id; every frame is a key frame.
        packet.extend([
            if index == 0 { 0x90 } else { 0x80 },
            0x80,
            0x80 | (self.sequence >> 8 & 0x7f) as u8,
            self.sequence as u8,
            0,
        ]);
        packet.resize(12 + PAYLOAD, 0x42);
        let length = packet.len();
        packet.resize(length + 16, 0);
        self.publisher
            .1
            .seal(&mut packet, 12, length, MEDIA_SSRC, self.sequence)
            .unwrap();
        self.sequence += 1;
        packet
    }

    fn arrive(&mut self, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            self.shard
                .handle_datagram(self.now, self.publisher.0, datagram);
        }
    }

    /// Sends to everybody; returns the number of media packets.
    fn fan_out(&mut self) -> usize {
        self.shard.flush(self.now);
        let mut packets = 0;
        while let Some(transmit) = self.shard.poll_transmit(self.now) {
            if transmit.contents.len() > 900 {
                packets += transmit.segments().count();
            }
            black_box(transmit.contents);
        }
        packets
    }
}

fn token(text: &str) -> Token {
    Token::from(text).unwrap()
}

const VP8: CodecSpec = CodecSpec {
    codec: Codec::Vp8,
    pt: Pt(96),
    rtx_pt: Some(Pt(97)),
};
const OPUS: CodecSpec = CodecSpec {
    codec: Codec::Opus,
    pt: Pt(111),
    rtx_pt: None,
};

fn spec(index: u32, client: &Identity) -> PeerSpec {
    PeerSpec {
        conference: ConferenceId(1),
        ice: IceCredentials {
            ufrag: format!("00peer{index:06}"),
            pwd: "a-password-of-sufficient-length".to_owned(),
        },
        fingerprint: client.fingerprint(),
        extensions: ExtensionIds::default(),
        publications: Vec::new(),
        slots: Vec::new(),
    }
}

fn publisher_spec(client: &Identity) -> PeerSpec {
    let publication = PublicationSpec {
        mline: 0,
        mid: token("0"),
        kind: MediaKind::Video,
        codec: VP8,
        rids: Vec::new(),
        ssrcs: Vec::new(),
    };
    PeerSpec {
        publications: vec![publication],
        ..spec(0, client)
    }
}

fn receiver_spec(index: u32, client: &Identity) -> PeerSpec {
    let slot = |mline: u8, kind, codec, feed| SlotSpec {
        mline,
        mid: token(&mline.to_string()),
        kind,
        codecs: vec![codec],
        ssrc: Ssrc(index * 128 + u32::from(mline) * 2),
        rtx_ssrc: Ssrc(index * 128 + u32::from(mline) * 2 + 1),
        feed,
    };
    let audio = (0..AUDIO_SLOTS).map(|mline| slot(mline, MediaKind::Audio, OPUS, None));
    let video = (0..VIDEO_SLOTS).map(|place| {
        slot(
            AUDIO_SLOTS + place,
            MediaKind::Video,
            VP8,
            Some(Feed::Stage(place)),
        )
    });
    PeerSpec {
        slots: audio.chain(video).collect(),
        ..spec(index, client)
    }
}

/// Adds a peer and takes it through ICE and DTLS; returns its path and its keys for sending.
fn connect(
    shard: &mut Shard,
    now: Instant,
    index: u32,
    server: &Identity,
    client: &Identity,
    spec: PeerSpec,
) -> (Path, Sealer) {
    let [.., b, c, d] = index.to_be_bytes();
    let path = Path::Udp {
        remote: SocketAddr::from(([10, b, c, d], 40_000)),
        local: None,
    };
    let ice = spec.ice.clone();
    shard.handle_command(
        now,
        Command::AddPeer {
            peer: PeerId::new(index.into(), ShardId(0)),
            spec: Box::new(spec),
        },
    );
    let mut check = Vec::new();
    Check {
        server: &ice,
        ufrag: "client",
        role: Role::Controlling,
        tie_breaker: 1,
        priority: 1,
        use_candidate: true,
        transaction: [3; 12],
    }
    .encode(&mut check)
    .unwrap();
    shard.handle_datagram(now, path, &check);
    while shard.poll_transmit(now).is_some() {}
    let config = client.client(&[Profile::AeadAes128Gcm]).unwrap();
    let mut session = Session::client(now, &config, server.fingerprint());
    let keys = handshake(shard, now, path, &mut session);
    (path, Sealer::new(&keys).unwrap())
}

fn handshake(shard: &mut Shard, now: Instant, path: Path, session: &mut Session) -> Keys {
    for _ in 0..10 {
        while let Some(datagram) = session.poll_transmit() {
            shard.handle_datagram(now, path, &datagram);
        }
        shard.handle_timeout(now);
        while let Some(transmit) = shard.poll_transmit(now) {
            for segment in transmit.segments() {
                let _ = session.handle_datagram(now, segment);
            }
        }
        while let Some(event) = session.poll_event() {
            if let Event::Connected(keys) = event {
                while let Some(datagram) = session.poll_transmit() {
                    shard.handle_datagram(now, path, &datagram);
                }
                shard.handle_timeout(now);
                return *keys;
            }
        }
    }
    panic!("no handshake");
}
