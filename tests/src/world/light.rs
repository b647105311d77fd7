//! A simulated browser of the load test in the world: small, fast, and it does what it is told.

use std::any::Any;
use std::collections::VecDeque;
use std::hash::{Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use loadtest::endpoint::{Effects, Endpoint, EndpointConfig, Habits, Milestone, Sends, Shared};
use loadtest::publish::Told;
use loadtest::receive::playout::Played;
use loadtest::sdp::Answer;
use sfu::kind::MediaKind;
use sfu::peer::dtls::Identity;
use sfu::peer::srtp::Keys;

use super::client::Client;
use super::media::Encoder;
use super::watched::Watched;

/// Number of the first packet of everything: close to the end of the 16 bits, so that every run
/// goes over it.
const FIRST: u16 = 65_300;

/// One certificate for all: nobody can tell them apart by it.
static IDENTITY: LazyLock<Identity> =
    LazyLock::new(|| Identity::generate().expect("the machine has randomness"));

/// What a light client is to do.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// Mark of what it publishes, if it publishes; further layers have the marks that follow.
    pub source: Option<u8>,
    /// Layers of its picture; empty for one without simulcast.
    pub rids: &'static [&'static str],
    /// Audio slots.
    pub audio: usize,
    /// Video slots.
    pub video: usize,
    /// Whose habits.
    pub habits: Habits,
    /// It does not ask again for what it misses.
    pub without_repairs: bool,
    /// How it encodes its picture.
    pub encoder: Encoder,
}

impl Wishes {
    /// Publishes sound and one picture.
    pub const fn publish(source: u8) -> Self {
        Self {
            source: Some(source),
            rids: &[],
            audio: 0,
            video: 0,
            habits: Habits::Chromium,
            without_repairs: false,
            encoder: Encoder::BROWSER,
        }
    }

    /// Receives one sound and one picture.
    pub const fn watch() -> Self {
        Self {
            source: None,
            rids: &[],
            audio: 1,
            video: 1,
            habits: Habits::Chromium,
            without_repairs: false,
            encoder: Encoder::BROWSER,
        }
    }
}

/// The client.
pub struct Light {
    shared: Arc<Shared>,
    config: EndpointConfig,
    endpoint: Endpoint,
    effects: Effects,
    out: VecDeque<Vec<u8>>,
    /// Its slots, in the order of the answer.
    pub slots: Vec<Watched>,
    /// The server said goodbye, or it was never reached.
    pub closed: bool,
    /// It does nothing any more, and says nothing.
    vanished: bool,
}

impl std::fmt::Debug for Light {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Light")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Light {
    /// One that has done nothing yet.
    ///
    /// # Panics
    /// When the machine has no randomness for a certificate.
    pub fn new(wishes: Wishes) -> Self {
        let epoch = sfu::testing::epoch();
        let clip = wishes.encoder.clip(wishes.source.map(|_| wishes.rids));
        let shared = Arc::new(Shared {
            epoch,
            epoch_unix: Duration::from_secs(1_800_000_000),
            identity: IDENTITY.clone(),
            dtls: IDENTITY
                .client(wishes.habits.profiles())
                .expect("profiles of ours"),
            clip: Arc::new(clip),
        });
        let source = wishes.source.map(u16::from);
        let config = EndpointConfig {
            sender: source.unwrap_or_default(),
            encoder: wishes.encoder.habits(),
            sends: source.map_or(Sends::Nothing, |_| Sends::Encoder),
            audio_slots: wishes.audio,
            video_slots: wishes.video,
            decodes_h264: true,
            habits: wishes.habits,
            without_repairs: wishes.without_repairs,
            first: Some(FIRST),
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(epoch, Arc::clone(&shared), config.clone()),
            shared,
            config,
            effects: Effects {
                packets: Some(Vec::new()),
                ..Effects::default()
            },
            out: VecDeque::new(),
            slots: Vec::new(),
            closed: false,
            vanished: false,
        }
    }

    /// Whether media may flow.
    pub const fn is_connected(&self) -> bool {
        self.endpoint.is_connected()
    }

    /// The n-th slot of a kind.
    ///
    /// # Panics
    /// When it has fewer.
    pub fn slot(&self, kind: MediaKind, number: usize) -> &Watched {
        let mut slots = self.slots.iter().filter(|slot| slot.kind == kind);
        slots.nth(number).expect("the client has that many slots")
    }

    /// Keyframe requests that reached it.
    pub fn plis(&self) -> u64 {
        self.endpoint
            .sent()
            .map_or(0, |sent| sent.key_frame_requests)
    }

    /// Packets of media sent, without repairs.
    pub fn sent(&self, kind: MediaKind) -> u64 {
        self.endpoint.packets_sent(kind)
    }

    /// Repairs that it was asked for and sent.
    pub fn repaired(&self) -> u64 {
        self.endpoint.sent().map_or(0, |sent| sent.retransmitted)
    }

    /// Packets of a slot that arrived although they had arrived before.
    pub fn repeated(&self, kind: MediaKind, number: usize) -> u64 {
        let ssrc = self.slot(kind, number).ssrc;
        let streams = self.endpoint.observed().streams;
        let of_slot = streams.iter().filter(|stream| stream.ssrc == ssrc);
        of_slot
            .flat_map(|stream| &stream.chapters)
            .map(|chapter| chapter.duplicates)
            .sum()
    }

    /// What was heard of its sounds, and what had to be made up.
    pub fn played(&self) -> Played {
        let mut played = Played::default();
        for stream in self.endpoint.observed().streams {
            for chapter in &stream.chapters {
                played.add(&chapter.played);
            }
        }
        played
    }

    /// What it was told about what it sends.
    pub fn told(&self) -> Told {
        self.endpoint.told()
    }

    /// RTCP compounds that have come.
    pub const fn compounds(&self) -> u64 {
        self.endpoint.compounds()
    }

    /// NTP and RTP time of the last sender report about a slot.
    pub fn report(&self, ssrc: u32) -> Option<(u64, u32)> {
        self.endpoint.sender_report(ssrc)
    }

    /// Stops sending media.
    pub fn pause(&mut self, now: Instant) {
        self.endpoint.set_publishing(now, false);
    }

    /// Sends only so many layers, from the lowest.
    pub fn set_layers(&mut self, layers: usize) {
        self.endpoint.set_layers(layers);
    }

    /// Speaks louder or lower: 0 is the loudest, 127 silence.
    pub fn set_level(&mut self, level: u8) {
        self.endpoint.set_level(level);
    }

    /// Asks for a keyframe in its n-th video slot.
    pub fn ask_for_keyframe(&mut self, number: usize) {
        let media = self.slot(MediaKind::Video, number).ssrc;
        let mut pli = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
        pli.extend(media.to_be_bytes());
        let pli = self.seal_rtcp(&pli);
        self.out.push_back(pli);
    }

    /// Its keys, for tests that forge.
    ///
    /// # Panics
    /// When it is not connected.
    pub fn keys(&self) -> Keys {
        self.endpoint.keys().expect("the client is connected")
    }

    /// Seals an RTCP compound, for tests that send it themselves.
    ///
    /// # Panics
    /// When it is not connected, or this is no RTCP.
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Vec<u8> {
        let sealed = self.endpoint.seal_rtcp(compound);
        sealed.expect("the client is connected, and it is RTCP")
    }

    /// Says goodbye and falls silent.
    pub fn close(&mut self, now: Instant) {
        self.endpoint.close(now, &mut self.effects);
        self.take_effects(now);
    }

    /// Falls silent without a word, as a killed tab does.
    pub const fn vanish(&mut self) {
        self.vanished = true;
    }

    fn take_effects(&mut self, now: Instant) {
        let datagrams = self.effects.datagrams.iter().map(<[u8]>::to_vec);
        self.out.extend(datagrams);
        self.effects.datagrams.clear();
        for milestone in self.effects.milestones.drain(..) {
            match milestone {
                Milestone::Connected => self.endpoint.set_publishing(now, true),
                Milestone::Failed(_) => self.closed = true,
                Milestone::IceConnected
                | Milestone::FirstPacket(_)
                | Milestone::FirstKeyFrame(_)
                | Milestone::KeyFrameOf(..) => {}
            }
        }
        for packet in self
            .effects
            .packets
            .iter_mut()
            .flat_map(|all| all.drain(..))
        {
            let mut slots = self.slots.iter_mut();
            if let Some(slot) = slots.find(|slot| slot.ssrc == packet.ssrc) {
                slot.note(now, &packet);
            }
        }
    }
}

impl Client for Light {
    fn offer(&mut self, now: Instant, address: SocketAddr) -> String {
        // What it draws is not what others draw, and the same in every run.
        let mut seed = std::hash::DefaultHasher::new();
        address.hash(&mut seed);
        self.config.seed = seed.finish();
        self.endpoint = Endpoint::new(now, Arc::clone(&self.shared), self.config.clone());
        self.endpoint.offer()
    }

    fn answer(&mut self, now: Instant, answer: &str) {
        let answer = Answer::parse(answer).expect("the answer is complete");
        let server = answer.candidates.first().expect("it has a candidate");
        self.endpoint
            .handle_answer(now, &answer, server.address)
            .expect("the answer fits");
        if self.slots.is_empty() {
            self.slots = answer.media.iter().filter_map(Watched::new).collect();
        }
    }

    fn restart_ice(&mut self, _now: Instant) -> String {
        self.endpoint.restart_ice();
        self.endpoint.offer()
    }

    fn handle_datagram(&mut self, now: Instant, _: SocketAddr, _: SocketAddr, datagram: &[u8]) {
        if self.vanished {
            return;
        }
        let arrival = now.saturating_duration_since(sfu::testing::epoch());
        let mut datagram = datagram.to_vec();
        self.endpoint
            .handle_datagram(now, arrival, &mut datagram, &mut self.effects);
        self.take_effects(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now, &mut self.effects);
        self.take_effects(now);
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        (!self.vanished).then(|| self.endpoint.wake())
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.out.pop_front().filter(|_| !self.vanished)
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
