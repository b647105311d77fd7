//! A client made of the media plane's own parts: small, fast, and it does exactly what it is told.

mod offer;
mod publish;
mod watch;

use std::any::Any;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use loadtest::receive::twcc::Arrivals;
use sfu::command::IceCredentials;
use sfu::demux::{Class, classify};
use sfu::kind::MediaKind;
use sfu::peer::dtls::{ClientConfig, Event, Identity, Session};
use sfu::peer::ice::client::{Answer as CheckAnswer, Check, Role, answer_check, check_answer};
use sfu::peer::srtp::{Keys, Opener, Profile, Sealer};
use sfu::rtp::{Header, Rtcp, rtcp_packets};

use super::client::Client;
use super::media::Encoder;
use offer::{Answer, Offer};
use publish::Publisher;
pub use watch::{Arrived, Watched};

/// One certificate for all: nobody can tell them apart by it.
static IDENTITY: LazyLock<Identity> =
    LazyLock::new(|| Identity::generate().expect("the machine has randomness"));

/// Time between two checks until one is answered.
const CHECK_FAST: Duration = Duration::from_millis(100);
/// Time between two receiver or sender reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// SSRC of its feedback.
const FEEDBACK_SSRC: u32 = 1;

/// Whose habits the client has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Habits {
    /// Nominates with every check but the first, every 2.5 s; offers CM80 before GCM.
    Chromium,
    /// Nominates with its first checks only, and checks every 5 s; offers GCM first.
    Firefox,
    /// Has no GCM at all.
    Old,
    /// Waits for the server to begin the handshake (`a=setup:passive`) and answers no check of the
    /// server's, as FFmpeg's muxer does.
    Called,
}

/// What a light client is to do.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Mark of what it publishes, if it publishes.
    pub source: Option<u8>,
    /// Layers of its picture; empty for one without simulcast.
    pub rids: &'static [&'static str],
    /// Audio slots.
    pub audio: usize,
    /// Video slots.
    pub video: usize,
    /// Whose habits.
    pub habits: Habits,
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
            encoder: Encoder::BROWSER,
        }
    }
}

/// The client.
pub struct Light {
    wishes: Wishes,
    own: IceCredentials,
    server: Option<Answer>,
    next_check: Option<Instant>,
    check: [u8; 12],
    checks: u64,
    answered: bool,
    dtls: Option<Session>,
    secured: Option<(Sealer, Opener)>,
    publisher: Option<Publisher>,
    /// Its slots, in the order of the answer.
    pub slots: Vec<Watched>,
    next_report: Option<Instant>,
    out: VecDeque<Vec<u8>>,
    /// What has arrived with a transport-wide number and is to be reported, and since when counted.
    arrivals: (Arrivals, Option<Instant>),
    /// It asks again for what it misses.
    pub repairs: bool,
    /// The server said goodbye or the handshake failed.
    pub closed: bool,
    /// Keys, for tests that forge.
    pub keys: Option<Keys>,
    /// Last sender report per SSRC: NTP time and RTP time.
    pub reports: Vec<(u32, u64, u32)>,
    /// Checks of the server's that it has answered.
    pub asked: u64,
    /// Packets that could not be used.
    pub refused: u64,
    /// RTCP compounds that have come.
    pub compounds: u64,
    /// Reports about what it sends (RFC 3550 §6.4.2).
    pub receiver_reports: u64,
    /// Transport-wide feedback about what it sends.
    pub transport_feedback: u64,
}

impl std::fmt::Debug for Light {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Light")
            .field("wishes", &self.wishes)
            .finish_non_exhaustive()
    }
}

impl Light {
    /// One that has done nothing yet.
    pub fn new(wishes: Wishes) -> Self {
        Self {
            wishes,
            own: credentials(0),
            server: None,
            next_check: None,
            check: [0; 12],
            checks: 0,
            answered: false,
            dtls: None,
            secured: None,
            publisher: None,
            slots: Vec::new(),
            next_report: None,
            arrivals: (Arrivals::default(), None),
            out: VecDeque::new(),
            repairs: true,
            closed: false,
            keys: None,
            reports: Vec::new(),
            asked: 0,
            refused: 0,
            compounds: 0,
            receiver_reports: 0,
            transport_feedback: 0,
        }
    }

    /// Whether media may flow.
    pub const fn is_connected(&self) -> bool {
        self.secured.is_some()
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
        self.publisher
            .as_ref()
            .map_or(0, |publisher| publisher.plis)
    }

    /// Packets of media sent, without repairs.
    pub fn sent(&self, kind: MediaKind) -> u64 {
        let of = usize::from(kind == MediaKind::Video);
        self.publisher
            .as_ref()
            .map_or(0, |publisher| publisher.sent[of])
    }

    /// Repairs that it was asked for and sent.
    pub fn repaired(&self) -> u64 {
        self.publisher
            .as_ref()
            .map_or(0, |publisher| publisher.repaired)
    }

    /// Stops sending media, or begins again.
    pub fn set_paused(&mut self, paused: bool) {
        if let Some(publisher) = &mut self.publisher {
            publisher.paused = paused;
        }
    }

    /// Sends only so many layers, from the lowest.
    pub fn set_layers(&mut self, layers: usize) {
        if let Some(publisher) = &mut self.publisher {
            publisher.layers = layers;
        }
    }

    /// Speaks louder or lower: 0 is the loudest, 127 silence.
    pub fn set_level(&mut self, level: u8) {
        if let Some(publisher) = &mut self.publisher {
            publisher.level = level;
        }
    }

    /// Asks for a keyframe in its n-th video slot.
    pub fn ask_for_keyframe(&mut self, number: usize) {
        let media = self.slot(MediaKind::Video, number).ssrc;
        let mut pli = vec![0x81, 206, 0, 2];
        pli.extend(FEEDBACK_SSRC.to_be_bytes());
        pli.extend(media.to_be_bytes());
        self.send_rtcp(&pli);
    }

    /// Seals an RTCP compound, for tests that send it themselves.
    ///
    /// # Panics
    /// When it is not connected, or this is no RTCP.
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Vec<u8> {
        let (_, opener) = self.secured.as_mut().expect("the client is connected");
        opener.seal_rtcp(compound).expect("it is RTCP").to_vec()
    }

    /// Says goodbye and falls silent.
    pub fn close(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
            self.pump_dtls(now);
        }
        self.vanish();
    }

    /// Falls silent without a word, as a killed tab does.
    pub fn vanish(&mut self) {
        self.next_check = None;
        self.next_report = None;
        self.publisher = None;
        self.secured = None;
        self.dtls = None;
    }

    fn profiles(&self) -> &'static [Profile] {
        match self.wishes.habits {
            Habits::Chromium => &[Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm],
            Habits::Firefox => &[Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80],
            Habits::Old | Habits::Called => &[Profile::Aes128CmSha1_80],
        }
    }

    fn make_offer(&self) -> String {
        Offer {
            ice: &self.own,
            fingerprint: IDENTITY.fingerprint(),
            setup: match self.wishes.habits {
                Habits::Called => "passive",
                Habits::Chromium | Habits::Firefox | Habits::Old => "actpass",
            },
            sends: self.wishes.source.is_some(),
            rids: self.wishes.rids,
            audio: self.wishes.audio,
            video: self.wishes.video,
            codec: self.wishes.encoder.codec,
        }
        .to_sdp()
    }

    fn send_check(&mut self, now: Instant) {
        let Some(server) = &self.server else { return };
        self.checks += 1;
        let [a, b, c, d, e, f, g, h] = self.checks.to_be_bytes();
        self.check = [1, 2, 3, 4, a, b, c, d, e, f, g, h];
        let first = self.checks == 1;
        let check = Check {
            server: &server.ice,
            ufrag: &self.own.ufrag,
            role: Role::Controlling,
            tie_breaker: 1,
            priority: 1_853_824_767,
            use_candidate: match self.wishes.habits {
                Habits::Firefox => !self.answered,
                Habits::Chromium | Habits::Old | Habits::Called => !first,
            },
            transaction: self.check,
        };
        let mut datagram = Vec::new();
        check.encode(&mut datagram).expect("a check can be built");
        self.out.push_back(datagram);
        let pause = match (self.answered, self.wishes.habits) {
            (false, _) => CHECK_FAST,
            (true, Habits::Firefox) => Duration::from_secs(5),
            (true, _) => Duration::from_millis(2_500),
        };
        self.next_check = Some(now + pause);
    }

    fn on_stun(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(server) = &self.server else { return };
        let mut answer = Vec::new();
        let answers = self.wishes.habits != Habits::Called;
        let role = (Role::Controlling, 1);
        if answers && answer_check(datagram, &self.own, from, role, &mut answer).is_ok() {
            self.asked += 1;
            self.out.push_back(answer);
            return;
        }
        let Ok(CheckAnswer::Success(_)) = check_answer(datagram, &self.check, &server.ice) else {
            self.refused += 1;
            return;
        };
        if self.answered {
            return;
        }
        self.answered = true;
        self.next_check = Some(now + Duration::from_millis(50));
        if self.dtls.is_none() {
            let fingerprint = server.fingerprint;
            self.dtls = Some(if self.wishes.habits == Habits::Called {
                Session::server(now, &IDENTITY, fingerprint)
            } else {
                let config: ClientConfig =
                    IDENTITY.client(self.profiles()).expect("profiles of ours");
                Session::client(now, &config, fingerprint)
            });
            self.pump_dtls(now);
        }
    }

    fn pump_dtls(&mut self, now: Instant) {
        let Some(dtls) = &mut self.dtls else { return };
        while let Some(datagram) = dtls.poll_transmit() {
            self.out.push_back(datagram.to_vec());
        }
        while let Some(event) = self.dtls.as_mut().and_then(Session::poll_event) {
            match event {
                Event::Connected(keys) => {
                    let sealer = Sealer::new(&keys).expect("keys of the right length");
                    let opener = Opener::new(&keys).expect("keys of the right length");
                    self.secured = Some((sealer, opener));
                    self.keys = Some(*keys);
                    self.next_report = Some(now + REPORT_EVERY);
                    let wishes = &self.wishes;
                    self.publisher = wishes
                        .source
                        .map(|source| Publisher::new(now, source, wishes.rids, wishes.encoder));
                }
                Event::Closed | Event::Failed(_) => self.closed = true,
            }
        }
    }

    fn on_rtp(&mut self, now: Instant, datagram: &[u8]) {
        let Some((_, opener)) = &mut self.secured else {
            return;
        };
        let Ok(packet) = opener.open_rtp(datagram) else {
            self.refused += 1;
            return;
        };
        let Some(header) = Header::parse(&packet) else {
            return;
        };
        let ssrc = header.ssrc.0;
        let mut slots = self.slots.iter_mut();
        if let Some(slot) = slots.find(|slot| slot.ssrc == ssrc || slot.rtx == Some(ssrc)) {
            slot.take(now, &header, &packet);
            self.note_number(now, &header, &packet);
        } else {
            self.refused += 1;
        }
    }

    fn on_rtcp(&mut self, datagram: &[u8]) {
        let Some((_, opener)) = &mut self.secured else {
            return;
        };
        let Ok(compound) = opener.open_rtcp(datagram) else {
            self.refused += 1;
            return;
        };
        self.compounds += 1;
        for part in rtcp_packets(&compound) {
            match (part.kind, part.count) {
                (Rtcp::SR, _) => self.note_report(&part),
                (201, count) if count > 0 => self.receiver_reports += 1,
                (Rtcp::RTPFB, 15) => self.transport_feedback += 1,
                (Rtcp::RTPFB, 1) => {
                    let numbers: Vec<u16> = (12..part.bytes.len())
                        .step_by(4)
                        .filter_map(|at| part.word(at))
                        .flat_map(requested)
                        .collect();
                    if let (Some(publisher), Some(ssrc)) = (&mut self.publisher, part.word(8)) {
                        publisher.on_nack(ssrc, &numbers);
                    }
                }
                (Rtcp::PSFB, 1) => {
                    if let (Some(publisher), Some(ssrc)) = (&mut self.publisher, part.word(8)) {
                        publisher.on_pli(ssrc);
                    }
                }
                _ => {}
            }
        }
        self.flush_media();
    }

    fn note_report(&mut self, report: &Rtcp<'_>) {
        let words = [4, 8, 12, 16].map(|at| report.word(at).unwrap_or_default());
        let [ssrc, high, low, rtp] = words;
        self.reports.retain(|known| known.0 != ssrc);
        self.reports
            .push((ssrc, u64::from(high) << 32 | u64::from(low), rtp));
    }

    fn flush_media(&mut self) {
        let (Some(publisher), Some((sealer, _))) = (&mut self.publisher, &self.secured) else {
            return;
        };
        for plain in publisher.take() {
            let mut buf = plain.bytes;
            let length = buf.len();
            buf.resize(length + sealer.overhead(), 0);
            let sealed = sealer.seal(&mut buf, plain.header, length, plain.ssrc, plain.index);
            sealed.expect("there is room");
            self.out.push_back(buf);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8]) {
        if let Some((_, opener)) = &mut self.secured {
            let sealed = opener.seal_rtcp(compound).expect("it is RTCP");
            self.out.push_back(sealed.to_vec());
        }
    }

    /// Notes that a packet has arrived, by its transport-wide number.
    fn note_number(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        let number = header.extension(packet, offer::TWCC);
        if let Some([high, low]) = number.and_then(|bytes| bytes.first_chunk()) {
            let (arrivals, since) = &mut self.arrivals;
            let arrival = now - *since.get_or_insert(now);
            arrivals.on_packet(now, arrival, u16::from_be_bytes([*high, *low]));
        }
    }

    fn report_arrivals(&mut self, now: Instant) {
        let mut compound = Vec::new();
        if self.arrivals.0.poll(now, 1, 2, &mut compound) {
            self.send_rtcp(&compound);
        }
    }

    fn ask_for_missing(&mut self, now: Instant) {
        if !self.repairs {
            return;
        }
        let asked: Vec<(u32, Vec<u16>)> = self
            .slots
            .iter_mut()
            .map(|slot| (slot.ssrc, slot.ask(now)))
            .collect();
        for (ssrc, numbers) in asked.into_iter().filter(|(_, numbers)| !numbers.is_empty()) {
            let mut nack = vec![0x81, 205];
            nack.extend((2 + numbers.len() as u16).to_be_bytes());
            nack.extend(FEEDBACK_SSRC.to_be_bytes());
            nack.extend(ssrc.to_be_bytes());
            for number in numbers {
                nack.extend(number.to_be_bytes());
                nack.extend([0, 0]);
            }
            self.send_rtcp(&nack);
        }
    }

    fn send_reports(&mut self, now: Instant) {
        self.next_report = Some(now + REPORT_EVERY);
        if let Some(publisher) = &self.publisher {
            let compound = publisher.reports(now);
            self.send_rtcp(&compound);
        }
        let blocks: Vec<(u32, u64)> = self
            .slots
            .iter()
            .filter_map(|slot| Some((slot.ssrc, slot.highest()?)))
            .collect();
        let mut report = vec![0x80 | blocks.len() as u8, 201];
        report.extend((1 + 6 * blocks.len() as u16).to_be_bytes());
        report.extend(FEEDBACK_SSRC.to_be_bytes());
        for (ssrc, highest) in blocks {
            report.extend(ssrc.to_be_bytes());
            report.extend([0; 4]);
            report.extend((highest as u32).to_be_bytes());
            report.extend([0; 12]);
        }
        self.send_rtcp(&report);
    }
}

impl Client for Light {
    fn offer(&mut self, _now: Instant, _address: SocketAddr) -> String {
        self.make_offer()
    }

    fn answer(&mut self, now: Instant, answer: &str) {
        let answer = Answer::parse(answer);
        if self.slots.is_empty() {
            self.slots = answer.announced.iter().copied().map(Watched::new).collect();
        }
        self.server = Some(answer);
        self.answered = false;
        self.next_check = Some(now);
    }

    fn restart_ice(&mut self, _now: Instant) -> String {
        self.own = credentials(self.checks);
        self.make_offer()
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, _: SocketAddr, datagram: &[u8]) {
        match classify(datagram) {
            Some(Class::Stun) => self.on_stun(now, from, datagram),
            Some(Class::Dtls) => {
                if let Some(dtls) = &mut self.dtls {
                    let _ = dtls.handle_datagram(now, datagram);
                    self.pump_dtls(now);
                }
            }
            Some(Class::Rtp) => self.on_rtp(now, datagram),
            Some(Class::Rtcp) => self.on_rtcp(datagram),
            None => self.refused += 1,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.next_check.is_some_and(|at| at <= now) {
            self.send_check(now);
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now);
            self.pump_dtls(now);
        }
        if let Some(publisher) = &mut self.publisher {
            publisher.run(now);
            self.flush_media();
        }
        self.ask_for_missing(now);
        self.report_arrivals(now);
        if self.next_report.is_some_and(|at| at <= now) {
            self.send_reports(now);
        }
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(Session::poll_timeout);
        let media = self.publisher.as_ref().map(Publisher::next);
        let asks = self
            .slots
            .iter()
            .filter_map(Watched::next_ask)
            .filter(|_| self.repairs);
        let arrivals = self.arrivals.0.poll_timeout();
        [self.next_check, dtls, media, self.next_report, arrivals]
            .into_iter()
            .flatten()
            .chain(asks)
            .min()
    }

    fn poll_transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

fn credentials(number: u64) -> IceCredentials {
    IceCredentials {
        ufrag: format!("light{number}"),
        pwd: "light-password-light-password".to_owned(),
    }
}

/// The sequence numbers of one NACK entry (RFC 4585 §6.2.1).
fn requested(word: u32) -> impl Iterator<Item = u16> {
    let (first, mask) = ((word >> 16) as u16, word as u16);
    let more = (0..16)
        .filter(move |bit| mask >> bit & 1 == 1)
        .map(move |bit| first.wrapping_add(bit + 1));
    std::iter::once(first).chain(more)
}
