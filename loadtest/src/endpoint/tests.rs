//! An endpoint against a server made by hand, in memory and on a virtual clock.

use std::net::SocketAddr;

use rtc_rtcp::packet::unmarshal;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use sfu::command::IceCredentials;
use sfu::path::Path;
use sfu::peer::dtls::Identity;
use sfu::peer::ice::Lite;
use sfu::peer::ice::client::{self as check, Check, Role, check_answer};
use sfu::peer::srtp::Profile;

use super::*;
use crate::clip::{AudioFrame, vp8};
use crate::marker::Mark;
use crate::rtp::{Header, NewHeader};
use crate::sdp::{AnswerMedia, Setup, ids};

const VIDEO: u32 = 500;
const VIDEO_RTX: u32 = 501;
const MS: Duration = Duration::from_millis(1);

/// The server's end of one connection.
struct Server {
    ice: Lite,
    dtls: Session,
    keys: Option<(Sealer, Opener)>,
    rtp: Vec<Vec<u8>>,
    rtcp: Vec<u8>,
}

/// Both ends and the clock.
struct World {
    epoch: Instant,
    now: Instant,
    endpoint: Endpoint,
    server: Server,
    effects: Effects,
}

fn media(kind: MediaKind, mid: usize, server_sends: bool) -> AnswerMedia {
    let video = kind == MediaKind::Video;
    AnswerMedia {
        mid: mid.to_string(),
        kind,
        receives: !server_sends,
        sends: server_sends,
        codecs: vec![if video {
            (ids::VP8, Codec::Vp8)
        } else {
            (ids::OPUS, Codec::Opus)
        }],
        rtx_pt: video.then_some(ids::VP8_RTX),
        red_pt: (!video).then_some(ids::OPUS_RED),
        nack: video,
        pli: video,
        ssrc: (video && server_sends).then_some((VIDEO, Some(VIDEO_RTX))),
        rids: Vec::new(),
    }
}

impl World {
    /// A server that is ICE-lite and waits for a ClientHello, as ours.
    fn new(sends: Sends, decrypt: Decrypt) -> Self {
        Self::with(sends, decrypt, Setup::Passive)
    }

    fn with(sends: Sends, decrypt: Decrypt, setup: Setup) -> Self {
        let now = Instant::now();
        let client = Identity::generate().unwrap();
        let fingerprint = client.fingerprint();
        let clip = Clip::builtin(AudioFrame::Ms20)
            .unwrap()
            .with_layers(&["m".to_owned()]);
        let shared = Shared {
            epoch: now,
            epoch_unix: Duration::from_secs(1_800_000_000),
            dtls: client.client(&[Profile::AeadAes128Gcm]).unwrap(),
            identity: client,
            clip: Arc::new(clip),
        };
        let config = EndpointConfig {
            seed: 7,
            sender: 3,
            sends,
            audio_slots: 0,
            video_slots: 1,
            decrypt,
            ..EndpointConfig::default()
        };
        let mut endpoint = Endpoint::new(now, Arc::new(shared), config);
        let ice = IceCredentials {
            ufrag: "00serverufra".to_owned(),
            pwd: "0123456789012345678901234567890".to_owned(),
        };
        let identity = Identity::generate().unwrap();
        let mut answered = match sends {
            Sends::Nothing => Vec::new(),
            _ => vec![
                media(MediaKind::Audio, 0, false),
                media(MediaKind::Video, 1, false),
            ],
        };
        answered.push(media(MediaKind::Video, answered.len(), true));
        let answer = Answer {
            ice: ice.clone(),
            fingerprint: identity.fingerprint(),
            setup,
            candidates: Vec::new(),
            twcc: None,
            audio_level: None,
            media: answered,
        };
        let server = "127.0.0.1:7910".parse().unwrap();
        endpoint.handle_answer(now, &answer, server).unwrap();
        let dtls = match setup {
            Setup::Passive => Session::server(now, &identity, fingerprint),
            Setup::Active => {
                let config = identity.client(&[Profile::AeadAes128Gcm]).unwrap();
                Session::client(now, &config, fingerprint)
            }
        };
        let server = Server {
            ice: Lite::new(now, ice.clone(), ice),
            dtls,
            keys: None,
            rtp: Vec::new(),
            rtcp: Vec::new(),
        };
        Self {
            epoch: now,
            now,
            endpoint,
            server,
            effects: Effects::default(),
        }
    }

    /// Carries everything to and fro for some time.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            if self.endpoint.wake() <= self.now {
                self.endpoint.handle_timeout(self.now, &mut self.effects);
            }
            let sent: Vec<Vec<u8>> = self.effects.datagrams.iter().map(<[u8]>::to_vec).collect();
            self.effects.datagrams.clear();
            for datagram in sent {
                for mut reply in self.server.handle(self.now, &datagram) {
                    self.deliver(&mut reply);
                }
            }
            for mut datagram in self.server.waited(self.now) {
                self.deliver(&mut datagram);
            }
            self.now += MS;
        }
    }

    fn deliver(&mut self, datagram: &mut [u8]) {
        let arrival = self.now - self.epoch;
        self.endpoint
            .handle_datagram(self.now, arrival, datagram, &mut self.effects);
    }

    fn connected(sends: Sends, decrypt: Decrypt) -> Self {
        let mut world = Self::new(sends, decrypt);
        world.run(500 * MS);
        assert!(
            world.endpoint.is_connected(),
            "{:?}",
            world.effects.milestones
        );
        world
    }

    /// A sealed packet of one-packet frames: keyframe or not, sent 2 ms ago.
    fn frame(&self, seq: u16, key: bool) -> Vec<u8> {
        let mut payload = vp8::descriptor(true, seq).to_vec();
        payload.extend([u8::from(!key), 1, 2, 3]);
        let sent = self.now - self.epoch - 2 * MS;
        let mark = Mark {
            sender: 9,
            layer: 0,
            sent,
        };
        payload.extend(mark.to_bytes());
        let header = NewHeader {
            marker: true,
            pt: ids::VP8,
            seq,
            timestamp: u32::from(seq) * 6_000,
            ssrc: VIDEO,
        };
        self.seal(&header, &payload)
    }

    /// A packet of a keyframe that takes the numbers of `frame`.
    fn part(&self, seq: u16, frame: std::ops::RangeInclusive<u16>, sender: u16) -> Vec<u8> {
        let first = seq == *frame.start();
        let mut payload = vp8::descriptor(first, 1).to_vec();
        payload.extend([0, 1, 2, 3]);
        let sent = self.now - self.epoch;
        if seq == *frame.end() {
            let mark = Mark {
                sender,
                layer: 0,
                sent,
            };
            payload.extend(mark.to_bytes());
        }
        let header = NewHeader {
            marker: seq == *frame.end(),
            pt: ids::VP8,
            seq,
            timestamp: u32::from(*frame.start()) * 6_000,
            ssrc: VIDEO,
        };
        self.seal(&header, &payload)
    }

    fn seal(&self, header: &NewHeader, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        rtp::write(header, &[], &mut packet);
        let header_len = packet.len();
        packet.extend(payload);
        let len = packet.len();
        let (sealer, _) = self.server.keys.as_ref().unwrap();
        packet.resize(len + sealer.overhead(), 0);
        let index = u64::from(header.seq);
        sealer
            .seal(&mut packet, header_len, len, header.ssrc, index)
            .unwrap();
        packet
    }
}

impl Server {
    /// What its timers send.
    fn waited(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.dtls.handle_timeout(now);
        let sent = std::iter::from_fn(|| self.dtls.poll_transmit());
        sent.map(|datagram| datagram.to_vec()).collect()
    }

    fn handle(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        match datagram[0] {
            0..=3 => {
                let from: SocketAddr = "127.1.0.0:4000".parse().unwrap();
                let mut reply = Vec::new();
                let path = Path::Udp {
                    remote: from,
                    local: None,
                    is_shared: false,
                };
                self.ice
                    .handle_request(now, path, datagram, &mut reply)
                    .unwrap();
                vec![reply]
            }
            20..=63 => {
                let _ = self.dtls.handle_datagram(now, datagram);
                let replies = std::iter::from_fn(|| self.dtls.poll_transmit());
                let replies = replies.map(|reply| reply.to_vec()).collect();
                while let Some(event) = self.dtls.poll_event() {
                    if let Event::Connected(keys) = event {
                        let opener = Opener::new(&keys).unwrap();
                        self.keys = Some((Sealer::new(&keys).unwrap(), opener));
                    }
                }
                replies
            }
            _ if (192..=223).contains(&datagram[1]) => {
                let (_, opener) = self.keys.as_mut().unwrap();
                self.rtcp.extend(opener.open_rtcp(datagram).unwrap());
                Vec::new()
            }
            _ => {
                let (_, opener) = self.keys.as_mut().unwrap();
                self.rtp.push(opener.open_rtp(datagram).unwrap().to_vec());
                Vec::new()
            }
        }
    }
}

#[test]
fn it_connects_and_sees_the_first_packet_and_keyframe() {
    let mut world = World::connected(Sends::Nothing, Decrypt::All);
    let mut delta = world.frame(10, false);
    world.deliver(&mut delta);
    world.run(40 * MS);
    let mut key = world.frame(11, true);
    let came = world.now - world.epoch;
    world.deliver(&mut key);
    let reached = &world.effects.milestones;
    assert_eq!(
        reached[..2],
        [Milestone::IceConnected, Milestone::Connected]
    );
    assert_eq!(
        reached[2..],
        [
            Milestone::FirstPacket(came - 40 * MS),
            Milestone::FirstKeyFrame(came)
        ]
    );
    let latency = world.effects.latencies.video.summary().unwrap();
    assert_eq!(
        (latency.count, latency.min, latency.max),
        (1, 2.0, 2.0),
        "what was sent before the first packet came does not count"
    );
    assert_eq!(world.endpoint.observed().last_key_frame, Some((9, came)));
}

#[test]
fn a_lost_packet_is_asked_for_within_milliseconds_and_taken_from_the_repair_stream() {
    let mut world = World::connected(Sends::Nothing, Decrypt::All);
    for (seq, is_keyframe) in [(10, true), (12, false)] {
        let mut packet = world.frame(seq, is_keyframe);
        world.deliver(&mut packet);
    }
    world.run(10 * MS);
    let packets = unmarshal(&mut world.server.rtcp.as_slice()).unwrap();
    let asked: Vec<u16> = packets
        .iter()
        .filter_map(|packet| packet.as_any().downcast_ref::<TransportLayerNack>())
        .flat_map(|nack| nack.nacks.iter().flat_map(|pair| pair.packet_list()))
        .collect();
    assert_eq!(asked, [11]);

    let mut payload = 11_u16.to_be_bytes().to_vec();
    payload.extend(vp8::descriptor(true, 11));
    payload.extend([1, 2, 3]);
    let header = NewHeader {
        marker: true,
        pt: ids::VP8_RTX,
        seq: 900,
        timestamp: 66_000,
        ssrc: VIDEO_RTX,
    };
    let mut repair = world.seal(&header, &payload);
    world.deliver(&mut repair);
    let totals = world.endpoint.observed().streams[0].chapters[0];
    assert_eq!(
        (totals.expected, totals.received, totals.repaired),
        (3, 2, 1)
    );
    assert_eq!(totals.frames, 3);
}

#[test]
fn after_the_keyframe_a_sampled_out_endpoint_counts_by_header_alone() {
    for (decrypt, counted, refused) in [(Decrypt::Start, 5, 0), (Decrypt::All, 1, 4)] {
        let mut world = World::connected(Sends::Nothing, decrypt);
        for seq in 10..15 {
            let mut packet = world.frame(seq, true);
            if seq > 10 {
                let last = packet.len() - 1;
                packet[last] ^= 1;
            }
            world.deliver(&mut packet);
        }
        assert_eq!(
            world.endpoint.observed().streams[0].chapters[0].received,
            counted
        );
        assert_eq!(world.endpoint.counts().unauthenticated, refused);
    }
}

#[test]
fn the_awaited_sender_is_told_once_its_keyframe_is_whole() {
    let mut world = World::connected(Sends::Nothing, Decrypt::Start);
    let mut first = world.frame(10, true);
    world.deliver(&mut first);
    world.effects.milestones.clear();
    world.endpoint.await_key_frame(9);
    // The keyframe takes three packets; the one in the middle comes last.
    for seq in [11, 13, 12] {
        assert!(world.effects.milestones.is_empty(), "before {seq}");
        let mut packet = world.part(seq, 11..=13, 9);
        world.deliver(&mut packet);
    }
    let came = world.now - world.epoch;
    assert_eq!(world.effects.milestones, [Milestone::KeyFrameOf(9, came)]);
    let mut again = world.frame(14, true);
    world.deliver(&mut again);
    assert_eq!(world.effects.milestones.len(), 1);
}

#[test]
fn the_first_packet_of_a_stream_must_be_authentic_and_announced() {
    let mut world = World::connected(Sends::Nothing, Decrypt::Start);
    let mut forged = world.frame(10, true);
    forged[20] ^= 1;
    world.deliver(&mut forged);
    let stranger = NewHeader {
        ssrc: 4_711,
        ..NewHeader::default()
    };
    let mut unknown = world.seal(&stranger, b"media");
    world.deliver(&mut unknown);
    assert!(world.endpoint.observed().streams.is_empty());
    let counts = world.endpoint.counts();
    assert_eq!((counts.unauthenticated, counts.unknown_stream), (1, 1));
}

#[test]
fn what_it_publishes_opens_at_the_server_and_follows_a_keyframe_request() {
    let mut world = World::connected(Sends::Encoder, Decrypt::All);
    world.endpoint.set_publishing(world.now, true);
    world.run(500 * MS);
    let video = |world: &World| {
        let packets = world.server.rtp.iter();
        let parsed = packets.map(|packet| (Header::parse(packet).unwrap(), packet.clone()));
        let video: Vec<_> = parsed.filter(|(header, _)| header.pt == ids::VP8).collect();
        video
    };
    let before = video(&world);
    assert!(before.iter().filter(|(header, _)| header.marker).count() >= 7);
    assert!(
        world.server.rtp.len() > before.len(),
        "there is sound as well"
    );

    let mut pli = Vec::new();
    let media_ssrc = before[0].0.ssrc;
    rtcp::append(
        &PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc,
        },
        &mut pli,
    );
    let (_, opener) = world.server.keys.as_mut().unwrap();
    let mut sealed = opener.seal_rtcp(&pli).unwrap().to_vec();
    world.deliver(&mut sealed);
    world.run(100 * MS);
    let after = video(&world);
    let (header, packet) = &after[before.len()];
    assert!(vp8::parse(&packet[header.len..]).unwrap().starts_key_frame);
    assert_eq!(header.seq, before[before.len() - 1].0.seq + 1);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let mut world = World::new(Sends::Nothing, Decrypt::All);
    let mut checks = 0;
    let end = world.now + CONNECT_TIMEOUT + MS;
    while world.now < end {
        world.endpoint.handle_timeout(world.now, &mut world.effects);
        checks += world.effects.datagrams.iter().count();
        world.effects.datagrams.clear();
        world.now = world.endpoint.wake().max(world.now + MS);
    }
    assert_eq!(
        world.effects.milestones,
        [Milestone::Failed("no answer to connectivity checks")]
    );
    assert!((10..30).contains(&checks), "{checks} checks in 20 s");
}

#[test]
fn a_server_that_answers_active_sends_the_client_hello() {
    let mut world = World::with(Sends::Encoder, Decrypt::All, Setup::Active);
    world.run(500 * MS);
    let reached = &world.effects.milestones;
    assert_eq!(*reached, [Milestone::IceConnected, Milestone::Connected]);
    world.endpoint.set_publishing(world.now, true);
    world.run(100 * MS);
    assert!(world.server.rtp.len() > 5, "its media opens at the server");
}

#[test]
fn the_checks_of_a_full_agent_are_answered_with_where_they_came_from_and_roles_are_agreed() {
    let mut world = World::connected(Sends::Nothing, Decrypt::All);
    let client = world.endpoint.ice.local().clone();
    let ask = |world: &mut World, role, tie_breaker| {
        let check = Check {
            server: &client,
            ufrag: "00serverufra",
            role,
            tie_breaker,
            priority: 1,
            use_candidate: false,
            transaction: [9; 12],
        };
        let mut question = Vec::new();
        check.encode(&mut question).unwrap();
        world.effects.datagrams.clear();
        world.deliver(&mut question);
        let answer = world.effects.datagrams.iter().next().unwrap().to_vec();
        world.effects.datagrams.clear();
        check_answer(&answer, &[9; 12], &client).unwrap()
    };
    let fine = check::Answer::Success(Some("127.0.0.1:7910".parse().unwrap()));
    assert_eq!(ask(&mut world, Role::Controlled, 1), fine);
    let refused = check::Answer::Refused(487);
    assert_eq!(ask(&mut world, Role::Controlling, 0), refused);
    // The server insists: from now on the endpoint is controlled, and nominates no more.
    assert_eq!(ask(&mut world, Role::Controlling, u64::MAX), fine);
    assert_eq!(ask(&mut world, Role::Controlled, u64::MAX), refused);
    // A server that takes it for the wrong one refuses its check, and it changes back.
    world.run(6_000 * MS);
    assert_eq!(ask(&mut world, Role::Controlled, 1), fine);
    assert!(world.endpoint.is_connected());
}

#[test]
fn it_says_goodbye_when_it_closes() {
    let mut world = World::connected(Sends::Nothing, Decrypt::All);
    world.endpoint.close(world.now, &mut world.effects);
    let goodbye: Vec<Vec<u8>> = world.effects.datagrams.iter().map(<[u8]>::to_vec).collect();
    assert_eq!(goodbye.len(), 1);
    world
        .server
        .dtls
        .handle_datagram(world.now, &goodbye[0])
        .unwrap();
    assert!(matches!(
        world.server.dtls.poll_event(),
        Some(Event::Closed)
    ));
}
