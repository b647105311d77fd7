//! A shard with one publisher and its receivers, all connected: ICE, DTLS, keys of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu::command::{
    Command, DeclaredSsrc, DtlsRole, ExtensionIds, IceCredentials, Order, PeerSpec,
    PublicationSpec, SlotSpec, Token,
};
use sfu::id::{ConferenceId, Feed, PeerId, Pt, PublicationId, ShardId, Ssrc};
use sfu::kind::{Codec, CodecSpec, MediaKind};
use sfu::outbox::Transmit;
use sfu::path::Path;
use sfu::peer::dtls::{Event, Identity, Session};
use sfu::peer::ice::client::{Check, Role};
use sfu::peer::srtp::{Keys, Profile, Sealer};
use sfu::shard::{Shard, ShardConfig};

/// Slots of every receiver: as a site has them.
const VIDEO_SLOTS: u8 = 3;
const AUDIO_SLOTS: u8 = 3;
const VIDEO_SSRC: u32 = 0x5eed;
const AUDIO_SSRC: u32 = 0x50f7;

/// What the publisher sends at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    /// Sound rather than picture.
    pub(crate) audio: bool,
    /// Packets.
    pub(crate) packets: usize,
    /// Bytes of payload of each.
    pub(crate) payload: usize,
}

/// A shard with a publisher and its receivers.
pub(crate) struct Stage {
    shard: Shard,
    now: Instant,
    publisher: (Path, Sealer),
    sequence: u64,
    audio_sequence: u64,
    frame: u32,
}

impl Stage {
    /// With receivers at `address(1)` to `address(receivers)`.
    pub(crate) fn new(receivers: u32, address: impl Fn(u32) -> SocketAddr) -> Self {
        let identity = Arc::new(Identity::generate().unwrap());
        let client = Identity::generate().unwrap();
        let now = Instant::now();
        let config = ShardConfig {
            id: ShardId(0),
            identity: Arc::clone(&identity),
            seed: [7; 32],
            ntp: 1 << 40,
            remembered: Arc::default(),
        };
        let mut shard = Shard::new(now, config);
        let mut join = |index, spec| {
            connect(
                &mut shard,
                now,
                index,
                address(index),
                (&identity, &client),
                spec,
            )
        };
        let publisher = join(0, publisher_spec(&client));
        for index in 1..=receivers {
            join(index, receiver_spec(index, &client));
        }
        let publication = |mline| PublicationId {
            peer: PeerId::new(0, ShardId(0)),
            mline,
        };
        let conference = ConferenceId(1);
        let show = Command::Show {
            conference,
            stage: 0,
            publication: Some(publication(0)),
        };
        shard.handle_order(now, Order::Command(show));
        let publications = vec![publication(1)];
        let speak = Command::SetSpeakers {
            conference,
            publications,
            main: None,
            floor: None,
        };
        shard.handle_order(now, Order::Command(speak));
        Self {
            shard,
            now,
            publisher,
            sequence: 1,
            audio_sequence: 1,
            frame: 0,
        }
    }

    /// The publisher's next packets, `after` the ones before.
    pub(crate) fn seal(&mut self, after: Duration, burst: Burst) -> Vec<Vec<u8>> {
        self.now += after;
        self.frame += 1;
        (0..burst.packets)
            .map(|index| self.seal_packet(burst, index))
            .collect()
    }

    fn seal_packet(&mut self, burst: Burst, index: usize) -> Vec<u8> {
        let is_last = index + 1 == burst.packets;
        let (ssrc, pt, rate, sequence) = if burst.audio {
            (AUDIO_SSRC, 111, 960, &mut self.audio_sequence)
        } else {
            (VIDEO_SSRC, 96, 3_000, &mut self.sequence)
        };
        let marker = if is_last && !burst.audio { 0x80 } else { 0 };
        let mut packet = vec![0x80, marker | pt];
        packet.extend((*sequence as u16).to_be_bytes());
        packet.extend((self.frame * rate).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        if !burst.audio {
            // VP8 descriptor with a 15-bit picture id; every frame is a key frame.
            packet.extend([
                if index == 0 { 0x90 } else { 0x80 },
                0x80,
                0x80 | (self.frame >> 8 & 0x7f) as u8,
                self.frame as u8,
                0,
            ]);
        }
        packet.resize(12 + burst.payload, 0x42);
        let length = packet.len();
        packet.resize(length + 16, 0);
        let (_, sealer) = &self.publisher;
        sealer
            .seal(&mut packet, 12, length, ssrc, *sequence)
            .unwrap();
        *sequence += 1;
        packet
    }

    /// The packets arrive.
    pub(crate) fn arrive(&mut self, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            self.shard
                .handle_datagram(self.now, self.publisher.0, datagram);
        }
    }

    /// Hands everything that is to be sent to `send`.
    pub(crate) fn fan_out(&mut self, mut send: impl FnMut(&Transmit<'_>)) {
        self.shard.flush(self.now);
        while let Some(transmit) = self.shard.poll_transmit(self.now) {
            send(&transmit);
        }
    }
}

fn token(text: &str) -> Token {
    Token::from(text).unwrap()
}

const VP8: CodecSpec = CodecSpec {
    codec: Codec::Vp8,
    pt: Pt(96),
    rtx_pt: Some(Pt(97)),
    red_pt: None,
    nack: true,
};
const OPUS: CodecSpec = CodecSpec {
    codec: Codec::Opus,
    pt: Pt(111),
    rtx_pt: None,
    red_pt: None,
    nack: true,
};

fn spec(index: u32, client: &Identity) -> PeerSpec {
    PeerSpec {
        conference: ConferenceId(1),
        ice: IceCredentials {
            ufrag: format!("00peer{index:06}"),
            pwd: "a-password-of-sufficient-length".to_owned(),
        },
        their_ice: IceCredentials {
            ufrag: "bench".to_owned(),
            pwd: "a-password-of-the-same-length".to_owned(),
        },
        fingerprint: client.fingerprint(),
        dtls: DtlsRole::Server,
        extensions: ExtensionIds::default(),
        publications: Vec::new(),
        slots: Vec::new(),
        most_kbps: None,
    }
}

fn publisher_spec(client: &Identity) -> PeerSpec {
    let publication = |mline: u8, kind, codec, ssrc| PublicationSpec {
        mline,
        mid: token(&mline.to_string()),
        kind,
        codec,
        rids: Vec::new(),
        ssrcs: vec![DeclaredSsrc {
            media: Ssrc(ssrc),
            rtx: None,
        }],
    };
    PeerSpec {
        publications: vec![
            publication(0, MediaKind::Video, VP8, VIDEO_SSRC),
            publication(1, MediaKind::Audio, OPUS, AUDIO_SSRC),
        ],
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
    remote: SocketAddr,
    (server, client): (&Identity, &Identity),
    spec: PeerSpec,
) -> (Path, Sealer) {
    let path = Path::Udp {
        remote,
        local: None,
        is_shared: false,
    };
    let ice = spec.ice.clone();
    shard.handle_order(
        now,
        Order::AddPeer {
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
