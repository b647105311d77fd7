//! A client made of webrtc-rs' full, sans-I/O `RTCPeerConnection`.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use rtc::ice::network_type::NetworkType;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::{
    Registry, register_default_interceptors,
};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCIceCandidate, RTCIceCandidateInit,
    RTCIceTcpCandidateType,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpSenderId, RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use sfu::kind::MediaKind;

use super::client::Client;
use super::media::{self, Mark};

/// Frames between two keyframes that nobody asked for.
const KEYFRAME_EVERY: u32 = 25;

/// What a browser wants of its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wants {
    /// Send a microphone and a camera, as a WHIP encoder.
    Publish {
        /// Mark of everything it sends.
        source: u8,
    },
    /// Receive so many of each, as a WHEP player.
    Watch {
        /// Audio slots.
        audio: usize,
        /// Video slots.
        video: usize,
    },
}

/// One packet that came out of the peer connection, after its own repair.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// SSRC.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// RTP time.
    pub timestamp: u32,
    /// Sound or picture.
    pub kind: MediaKind,
    /// What it says about itself.
    pub mark: Mark,
}

/// A browser tab without a browser.
pub struct Browser {
    wants: Wants,
    transport: TransportProtocol,
    pc: Option<RTCPeerConnection>,
    local: SocketAddr,
    server: SocketAddr,
    senders: Vec<(MediaKind, RTCRtpSenderId, u32)>,
    state: RTCPeerConnectionState,
    next_frame: BTreeMap<u8, Instant>,
    frames: [u32; 2],
    sequences: [u16; 2],
    sent: [u64; 2],
    out: VecDeque<Vec<u8>>,
    heard: Vec<Heard>,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser")
            .field("wants", &self.wants)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Browser {
    /// One that has done nothing yet.
    pub fn new(wants: Wants) -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            wants,
            transport: TransportProtocol::UDP,
            pc: None,
            local: nowhere,
            server: nowhere,
            senders: Vec::new(),
            state: RTCPeerConnectionState::New,
            next_frame: BTreeMap::new(),
            frames: [0; 2],
            sequences: [65_500, 65_500],
            sent: [0; 2],
            out: VecDeque::new(),
            heard: Vec::new(),
        }
    }

    /// One whose line passes nothing but TCP (RFC 6544): it opens the connection itself.
    pub fn over_tcp(wants: Wants) -> Self {
        Self {
            transport: TransportProtocol::TCP,
            ..Self::new(wants)
        }
    }

    /// Where the answer says that the server is.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether its own side says that it is connected.
    pub fn is_connected(&self) -> bool {
        self.state == RTCPeerConnectionState::Connected
    }

    /// Everything of one kind that was received, in order.
    pub fn heard(&self, kind: MediaKind) -> Vec<Heard> {
        self.heard
            .iter()
            .filter(|heard| heard.kind == kind)
            .copied()
            .collect()
    }

    /// Packets of media sent.
    pub fn sent(&self, kind: MediaKind) -> u64 {
        self.sent[index(kind)]
    }

    /// Closes the connection.
    ///
    /// # Panics
    /// When it is closed already.
    pub fn close(&mut self) {
        if let Some(pc) = &mut self.pc {
            pc.close().expect("closing works once");
            self.drain();
        }
    }
}

impl Client for Browser {
    fn offer(&mut self, now: Instant, address: SocketAddr) -> String {
        self.local = address;
        let mut pc = peer_connection(now, self.transport);
        match self.wants {
            Wants::Publish { source } => {
                for kind in [MediaKind::Audio, MediaKind::Video] {
                    let ssrc = 1_000 * u32::from(source) + index(kind) as u32 + 1;
                    let sender = pc
                        .add_track(track(kind, ssrc))
                        .expect("a track can be added");
                    self.senders.push((kind, sender, ssrc));
                }
            }
            Wants::Watch { audio, video } => {
                let kinds = [(RtpCodecKind::Audio, audio), (RtpCodecKind::Video, video)];
                for (kind, count) in kinds {
                    for _ in 0..count {
                        let init = RTCRtpTransceiverInit {
                            direction: RTCRtpTransceiverDirection::Recvonly,
                            streams: vec![],
                            send_encodings: vec![],
                        };
                        pc.add_transceiver_from_kind(kind, Some(init))
                            .expect("a transceiver can be added");
                    }
                }
            }
        }
        add_candidate(&mut pc, address, self.transport);
        let offer = pc.create_offer(None).expect("an offer can be made");
        pc.set_local_description(now, offer.clone())
            .expect("the own offer is valid");
        self.pc = Some(pc);
        offer.sdp
    }

    fn answer(&mut self, now: Instant, answer: &str) {
        let wanted = network(self.transport);
        let words: Vec<&str> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"))
            .map(|candidate| candidate.split(' ').collect())
            .find(|words: &Vec<&str>| words[2] == wanted)
            .expect("the answer is complete");
        self.server = format!("{}:{}", words[4], words[5])
            .parse()
            .expect("an address");
        let answer = RTCSessionDescription::answer(answer.to_owned()).expect("the answer is SDP");
        self.pc()
            .set_remote_description(now, answer)
            .expect("the answer fits the offer");
        self.drain();
    }

    fn restart_ice(&mut self, now: Instant) -> String {
        let (local, transport) = (self.local, self.transport);
        let pc = self.pc();
        pc.restart_ice();
        let offer = pc.create_offer(None).expect("an offer can be made");
        pc.set_local_description(now, offer.clone())
            .expect("the own offer is valid");
        add_candidate(pc, local, transport);
        offer.sdp
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        _to: SocketAddr,
        datagram: &[u8],
    ) {
        // The tab does not know what a NAT makes of its address.
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            transport_protocol: self.transport,
            ecn: None,
        };
        let message = BytesMut::from(datagram);
        // What it cannot use it refuses; that is its own affair.
        let _ = self.pc().handle_read(TaggedBytesMut {
            now,
            transport,
            message,
        });
        self.drain_at(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let _ = self.pc().handle_timeout(now);
        self.publish(now);
        self.drain_at(now);
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let own = self.next_frame.values().min().copied();
        let pc = self.pc.as_mut().and_then(Protocol::poll_timeout);
        own.into_iter().chain(pc).min()
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Browser {
    fn pc(&mut self) -> &mut RTCPeerConnection {
        self.pc.as_mut().expect("an offer was made first")
    }

    fn drain_at(&mut self, now: Instant) {
        self.drain();
        if self.is_connected() && self.next_frame.is_empty() && !self.senders.is_empty() {
            self.next_frame = [(0, now), (1, now)].into();
        }
        while let Some(message) = self.pc().poll_read() {
            let RTCMessage::RtpPacket(_, packet) = message.message else {
                continue;
            };
            // Opus has one stereo payload type in the default engine, everything else is picture.
            let kind = if packet.header.payload_type == 111 {
                MediaKind::Audio
            } else {
                MediaKind::Video
            };
            let Some(mark) = Mark::read(kind, &packet.payload) else {
                continue;
            };
            self.heard.push(Heard {
                at: now,
                ssrc: packet.header.ssrc,
                sequence: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                kind,
                mark,
            });
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.pc().poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                self.state = state;
            }
        }
        while let Some(datagram) = self.pc().poll_write() {
            self.out.push_back(datagram.message.to_vec());
        }
    }

    fn publish(&mut self, now: Instant) {
        let Wants::Publish { source } = self.wants else {
            return;
        };
        for (kind, sender, ssrc) in self.senders.clone() {
            let at = index(kind);
            while let Some(due) = self
                .next_frame
                .get(&(at as u8))
                .copied()
                .filter(|due| *due <= now)
            {
                let frame = self.frames[at];
                self.frames[at] += 1;
                let sent = now.saturating_duration_since(sfu::testing::epoch());
                let is_key = frame.is_multiple_of(KEYFRAME_EVERY);
                let (packets, step, gap, pt) = match kind {
                    MediaKind::Audio => (vec![media::audio(source, sent)], 960, media::SOUND, 111),
                    MediaKind::Video => (
                        media::video(source, sent, frame as u16, is_key),
                        3_600,
                        media::PICTURE,
                        96,
                    ),
                };
                self.next_frame.insert(at as u8, due + gap);
                let last = packets.len() - 1;
                for (number, payload) in packets.into_iter().enumerate() {
                    let header = rtc::rtp::Header {
                        version: 2,
                        payload_type: pt,
                        sequence_number: self.sequences[at],
                        timestamp: frame.wrapping_mul(step),
                        marker: number == last,
                        ssrc,
                        ..Default::default()
                    };
                    self.sequences[at] = self.sequences[at].wrapping_add(1);
                    self.sent[at] += 1;
                    let packet = rtc::rtp::Packet { header, payload };
                    let mut sender = self.pc().rtp_sender(sender).expect("a sender stays");
                    sender
                        .write_rtp(now, packet)
                        .expect("the packet is as negotiated");
                }
            }
        }
    }
}

const fn index(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Audio => 0,
        MediaKind::Video => 1,
    }
}

fn peer_connection(now: Instant, transport: TransportProtocol) -> RTCPeerConnection {
    let provider = rtc::crypto::default_provider().expect("rtc is built with ring");
    let parameters = CertificateParams::new(vec!["browser".to_owned()]).expect("a plain name");
    let scheme = rtc::crypto::SignatureScheme::EcdsaP256Sha256;
    let certificate =
        RTCCertificate::generate(provider.crypto(), scheme, parameters).expect("randomness");
    let network_type = match transport {
        TransportProtocol::UDP => NetworkType::Udp4,
        _ => NetworkType::Tcp4,
    };
    let mut engine = MediaEngine::default();
    engine
        .register_default_codecs()
        .expect("the default codecs agree");
    let registry = register_default_interceptors(Registry::new(), &mut engine)
        .expect("the default interceptors agree");
    RTCPeerConnectionBuilder::new()
        .with_configuration(
            RTCConfigurationBuilder::new()
                .with_certificates(vec![certificate])
                .build(),
        )
        .with_media_engine(engine)
        .with_setting_engine(
            SettingEngineBuilder::new()
                .with_network_types(vec![network_type])
                .build(),
        )
        .with_interceptor_registry(registry)
        .build(now)
        .expect("the configuration is valid")
}

const fn network(transport: TransportProtocol) -> &'static str {
    match transport {
        TransportProtocol::UDP => "udp",
        _ => "tcp",
    }
}

fn add_candidate(pc: &mut RTCPeerConnection, address: SocketAddr, transport: TransportProtocol) {
    // Who opens the connection has no port to be reached at (RFC 6544 §4.5).
    let (port, tcp_type) = match transport {
        TransportProtocol::UDP => (address.port(), RTCIceTcpCandidateType::Unspecified),
        _ => (9, RTCIceTcpCandidateType::Active),
    };
    let base_config = CandidateConfig {
        network: network(transport).to_owned(),
        address: address.ip().to_string(),
        port,
        component: 1,
        ..CandidateConfig::default()
    };
    let config = CandidateHostConfig {
        base_config,
        tcp_type: tcp_type.to_ice(),
    };
    let candidate = config
        .new_candidate_host()
        .expect("an address of the world");
    let candidate = RTCIceCandidate::from(&candidate)
        .to_json()
        .expect("a host candidate");
    pc.add_local_candidate(candidate)
        .expect("the first candidate");
    pc.add_local_candidate(RTCIceCandidateInit::default())
        .expect("the end of candidates");
}

fn track(kind: MediaKind, ssrc: u32) -> MediaStreamTrack {
    let (kind, mime_type, clock_rate, channels, fmtp) = match kind {
        MediaKind::Audio => (
            RtpCodecKind::Audio,
            MIME_TYPE_OPUS,
            48_000,
            2,
            "minptime=10;useinbandfec=1",
        ),
        MediaKind::Video => (RtpCodecKind::Video, MIME_TYPE_VP8, 90_000, 0, ""),
    };
    let codec = RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: vec![],
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec,
        ..Default::default()
    };
    MediaStreamTrack::new(
        "hall".to_owned(),
        format!("t{ssrc}"),
        format!("l{ssrc}"),
        kind,
        vec![encoding],
    )
}
