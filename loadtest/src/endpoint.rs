//! One simulated browser, sans-I/O: ICE, DTLS, SRTP, what it publishes and what it watches.
//!
//! Datagrams, instants and commands go in; datagrams, milestones and measurements come out in
//! [`Effects`]. It never touches a socket or a clock.

mod effects;
mod forge;
mod habits;
mod ice;
mod negotiation;
mod opener;
mod rtcp;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;
use sfu::command::{Fingerprint, HostCandidate};
use sfu::kind::{Codec, MediaKind};
use sfu::peer::dtls::{ClientConfig, Event, Identity, Session};
use sfu::peer::srtp::{Keys, Opener, Sealer};

use crate::clip::Clip;
use crate::publish::{Encoder, Outgoing, Publisher, Sent, Told};
use crate::rtp;
use crate::sdp::{Answer, Offer, SendTrack, Setup};
pub use effects::{Datagrams, Effects, Milestone, Packet};
pub use forge::Forgery;
pub use habits::Habits;
use ice::Ice;
pub use negotiation::{NegotiationError, Sends};
use opener::RtpOpener;
use watch::Watch;
pub use watch::{Observed, ObservedStream};

/// How long connectivity checks and the handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// What a receiver takes a round trip for that it does not know: libwebrtc's default.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(100);

/// What all endpoints of a run have in common.
#[derive(Debug)]
pub struct Shared {
    /// What marks and arrivals count from.
    pub epoch: Instant,
    /// Wall clock at `epoch`, since 1970: for sender reports.
    pub epoch_unix: Duration,
    /// Certificate of all endpoints: nobody can tell them apart by it.
    pub identity: Identity,
    /// Their DTLS, where they are the client.
    pub dtls: ClientConfig,
    /// What publishers publish.
    pub clip: Arc<Clip>,
}

/// Which packets are decrypted and looked into.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Decrypt {
    /// Every one.
    #[default]
    All,
    /// The first of each stream, video until a keyframe has come, and every retransmission.
    /// The rest is judged by its header.
    Start,
}

/// What one endpoint is to do.
#[derive(Clone, Debug, Default)]
pub struct EndpointConfig {
    /// Seed of everything random about it.
    pub seed: u64,
    /// Number in the send-time marks of what it publishes.
    pub sender: u16,
    /// What it may send.
    pub sends: Sends,
    /// How the pictures that it sends are made.
    pub encoder: Encoder,
    /// How many audio streams it can receive.
    pub audio_slots: usize,
    /// How many video streams it can receive.
    pub video_slots: usize,
    /// It can receive H.264 beside VP8.
    pub decodes_h264: bool,
    /// Which packets are decrypted.
    pub decrypt: Decrypt,
    /// Whose habits it has while it connects.
    pub habits: Habits,
    /// It does not ask again for what it misses.
    pub without_repairs: bool,
    /// It does not say when each packet came: of its line no more is known than receiver reports tell.
    pub without_feedback: bool,
    /// Number of the first packet of each of its streams; any that a browser might have unless given.
    pub first: Option<u16>,
}

/// One simulated browser.
#[derive(Debug)]
pub struct Endpoint {
    shared: Arc<Shared>,
    config: EndpointConfig,
    tracks: Vec<SendTrack>,
    ice: Ice,
    rng: SmallRng,
    state: State,
    watch: Watch,
    publisher: Option<Box<Publisher>>,
    outgoing: Outgoing,
    next_report: Instant,
    wake: Instant,
    counts: Counts,
    /// RTCP compounds that have come.
    compounds: u64,
}

#[derive(Debug)]
enum State {
    /// Made an offer, or not even that.
    New,
    /// Connectivity checks go out.
    Checking {
        deadline: Instant,
        fingerprint: Fingerprint,
        setup: Setup,
    },
    /// The handshake runs.
    Handshaking {
        deadline: Instant,
        session: Box<Session>,
    },
    /// Media may flow.
    Connected(Box<Secured>),
    /// Over.
    Closed,
}

/// Everything that has keys.
#[derive(Debug)]
struct Secured {
    session: Session,
    keys: Keys,
    opener: RtpOpener,
    rtcp: Opener,
    sealer: Sealer,
}

/// Datagrams that were of no use, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Not STUN, DTLS, RTP or RTCP, or before their time.
    pub unexpected: u64,
    /// Failed authentication.
    pub unauthenticated: u64,
    /// RTP of a stream that the answer does not announce.
    pub unknown_stream: u64,
}

impl Endpoint {
    /// An endpoint that has done nothing yet.
    pub fn new(now: Instant, shared: Arc<Shared>, config: EndpointConfig) -> Self {
        let mut rng = SmallRng::seed_from_u64(config.seed);
        let tracks = config.sends.tracks(&shared.clip, &mut rng);
        Self {
            ice: Ice::new(now, config.habits, &mut rng),
            rng,
            tracks,
            watch: Watch::new(config.decrypt),
            shared,
            config,
            state: State::New,
            publisher: None,
            outgoing: Outgoing::default(),
            next_report: now,
            wake: now,
            counts: Counts::default(),
            compounds: 0,
        }
    }

    /// The offer, complete without candidates: the server learns the address from the first check.
    pub fn offer(&self) -> String {
        Offer {
            ice: self.ice.local(),
            fingerprint: &negotiation::colons(self.shared.identity.fingerprint()),
            setup: self.config.habits.setup(),
            encoder: self.config.encoder,
            decodes: if self.config.decodes_h264 {
                &[Codec::Vp8, Codec::H264]
            } else {
                &[Codec::Vp8]
            },
            keeps_sound_whole: self.config.habits.keeps_sound_whole(),
            reports_arrivals: !self.config.without_feedback,
            sends: &self.tracks,
            audio_slots: self.config.audio_slots,
            video_slots: self.config.video_slots,
        }
        .to_sdp()
    }

    /// What each sending MID of the offer is, as the signaling protocol names it.
    pub fn sources(&self) -> Vec<(String, &'static str)> {
        self.config.sends.sources()
    }

    /// Has new ICE credentials (RFC 8445 §9) from the next offer on, whose answer begins the checks
    /// anew; what has been agreed otherwise stays.
    pub fn restart_ice(&mut self) {
        self.ice.restart(&mut self.rng);
    }

    /// Takes the answer and begins connectivity checks; `server` is the candidate they go to.
    ///
    /// # Errors
    /// When the answer does not fit the offer.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        answer: &Answer,
        server: SocketAddr,
    ) -> Result<(), NegotiationError> {
        self.ice.start(now, answer.ice.clone(), server);
        self.wake = now;
        if self.is_live() {
            return Ok(());
        }
        let expected = self.tracks.len() + self.config.audio_slots + self.config.video_slots;
        if answer.media.len() != expected {
            return Err(NegotiationError::MediaCount {
                expected,
                found: answer.media.len(),
            });
        }
        let (sending, receiving) = answer.media.split_at(self.tracks.len());
        let encoder = self.config.encoder;
        let playing = (&*self.shared.clip, encoder, self.config.first);
        let specs = negotiation::track_specs(&self.tracks, sending, answer, playing)?;
        if !specs.is_empty() {
            let made = (Arc::clone(&self.shared.clip), encoder);
            let sender = self.config.sender;
            let publisher = Publisher::new(self.shared.epoch, made, sender, specs);
            self.publisher = Some(Box::new(publisher));
        }
        let repairs = !self.config.without_repairs;
        self.watch.expect(receiving, answer.twcc, repairs);
        self.state = State::Checking {
            deadline: now + CONNECT_TIMEOUT,
            fingerprint: answer.fingerprint,
            setup: answer.setup,
        };
        Ok(())
    }

    /// The candidate of an answer to use, by transport.
    pub fn choose_candidate(answer: &Answer, tcp: bool) -> Option<HostCandidate> {
        let mut usable = answer
            .candidates
            .iter()
            .filter(|candidate| candidate.tcp == tcp);
        usable
            .find(|candidate| candidate.address.is_ipv4())
            .copied()
    }

    /// Begins or stops to publish. Without effect when nothing to send was negotiated.
    pub fn set_publishing(&mut self, now: Instant, active: bool) {
        if let Some(publisher) = &mut self.publisher {
            publisher.set_active(now, active);
            self.wake = now;
        }
    }

    /// Publishes only so many layers, from the lowest.
    pub fn set_layers(&mut self, layers: usize) {
        if let Some(publisher) = &mut self.publisher {
            publisher.set_layers(layers);
        }
    }

    /// Speaks so loud from now on: 0 is the loudest, 127 silence.
    pub fn set_level(&mut self, level: u8) {
        if let Some(publisher) = &mut self.publisher {
            publisher.set_level(level);
        }
    }

    /// Tells the next complete keyframe of a sender, by its number in the marks, as
    /// [`Milestone::KeyFrameOf`].
    pub const fn await_key_frame(&mut self, sender: u16) {
        self.watch.await_key_frame(sender);
    }

    /// Counts anew from `at` on, which begins this chapter of the run.
    pub fn cut(&mut self, at: Duration, chapter: usize) {
        self.watch.cut(at, chapter);
    }

    /// Takes one datagram, decrypting it in place; `arrival` is when the system got it, counted
    /// from the start of the run.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        arrival: Duration,
        datagram: &mut [u8],
        effects: &mut Effects,
    ) {
        // RFC 7983, and RFC 5761 for RTP against RTCP.
        match (datagram.first(), datagram.get(1)) {
            (Some(128..=191), Some(192..=223)) => self.handle_rtcp(now, datagram),
            (Some(128..=191), Some(_)) => self.handle_rtp(now, arrival, datagram, effects),
            (Some(0..=3), _) => self.handle_stun(now, datagram, effects),
            (Some(20..=63), _) => self.handle_dtls(now, datagram, effects),
            _ => self.counts.unexpected += 1,
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, effects: &mut Effects) {
        match &mut self.state {
            State::New | State::Closed => {}
            State::Checking { deadline, .. } | State::Handshaking { deadline, .. }
                if *deadline <= now =>
            {
                let what = match self.state {
                    State::Checking { .. } => "no answer to connectivity checks",
                    _ => "the DTLS handshake was not completed",
                };
                self.fail(what, effects);
            }
            State::Checking { .. } => {}
            State::Handshaking { session, .. } => {
                session.handle_timeout(now);
                self.pump_dtls(now, effects);
            }
            State::Connected(_) => self.run_media(now, effects),
        }
        if self.is_live() {
            self.ice.handle_timeout(now, &mut self.rng, effects);
            if self.ice.is_expired(now) {
                self.fail("the server stopped answering connectivity checks", effects);
            }
        }
        self.wake = self.next_timeout(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called. Also changes by itself
    /// when a datagram is handled.
    pub const fn wake(&self) -> Instant {
        self.wake
    }

    /// Says goodbye and takes part no more.
    pub fn close(&mut self, now: Instant, effects: &mut Effects) {
        if let State::Connected(secured) = &mut self.state {
            secured.session.close(now);
            while let Some(datagram) = secured.session.poll_transmit() {
                effects.datagrams.push(&datagram);
            }
        }
        self.state = State::Closed;
    }

    /// Its connection to the server broke.
    pub fn on_broken_link(&mut self, effects: &mut Effects) {
        if self.is_live() {
            self.fail("the connection broke", effects);
        }
    }

    /// Media may flow.
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Everything it has observed so far.
    pub fn observed(&self) -> Observed {
        Observed {
            has_published: self.sent().is_some_and(|sent| sent.packets > 0),
            ..self.watch.observed()
        }
    }

    /// What it has sent, if it was to send anything.
    pub fn sent(&self) -> Option<Sent> {
        self.publisher.as_ref().map(|publisher| publisher.sent())
    }

    /// What has been said about what it sends.
    pub fn told(&self) -> Told {
        let publisher = self.publisher.as_ref();
        publisher.map_or_else(Told::default, |publisher| publisher.told())
    }

    /// Packets of media of one kind that it has sent, without repairs.
    pub fn packets_sent(&self, kind: MediaKind) -> u64 {
        let publisher = self.publisher.as_ref();
        publisher.map_or(0, |publisher| publisher.packets(kind))
    }

    /// NTP and RTP time of the last sender report about a stream that it watches.
    pub fn sender_report(&self, ssrc: u32) -> Option<(u64, u32)> {
        self.watch.sender_report(ssrc)
    }

    /// RTCP compounds that have come.
    pub const fn compounds(&self) -> u64 {
        self.compounds
    }

    /// Datagrams that were of no use.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Round-trip time of the last connectivity check.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.ice.round_trip()
    }

    const fn is_live(&self) -> bool {
        !matches!(self.state, State::New | State::Closed)
    }

    fn fail(&mut self, reason: &'static str, effects: &mut Effects) {
        self.state = State::Closed;
        effects.milestones.push(Milestone::Failed(reason));
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8], effects: &mut Effects) {
        let answers = self.is_live() && self.config.habits.answers_checks();
        if answers && self.ice.handle_check(datagram, effects) {
            return;
        }
        if !self.is_live() || !self.ice.handle_answer(now, datagram) {
            self.counts.unexpected += 1;
            return;
        }
        if self.ice.is_connected() {
            self.begin_handshake(now, effects);
        }
        self.wake = self.next_timeout(now);
    }

    /// The path works.
    fn begin_handshake(&mut self, now: Instant, effects: &mut Effects) {
        let State::Checking {
            deadline,
            fingerprint,
            setup,
        } = self.state
        else {
            return;
        };
        effects.milestones.push(Milestone::IceConnected);
        let session = match setup {
            Setup::Passive => Session::client(now, &self.shared.dtls, fingerprint),
            Setup::Active => Session::server(now, &self.shared.identity, fingerprint),
        };
        self.state = State::Handshaking {
            deadline,
            session: Box::new(session),
        };
        self.pump_dtls(now, effects);
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8], effects: &mut Effects) {
        if let State::Checking {
            setup: Setup::Active,
            ..
        } = self.state
        {
            // The server's checks were answered before ours: to wait for its next ClientHello
            // would take a second.
            self.begin_handshake(now, effects);
        }
        let taken = match &mut self.state {
            State::Handshaking { session, .. } => session.handle_datagram(now, datagram),
            State::Connected(secured) => secured.session.handle_datagram(now, datagram),
            State::New | State::Checking { .. } | State::Closed => {
                self.counts.unexpected += 1;
                return;
            }
        };
        if taken.is_err() {
            self.counts.unexpected += 1;
        }
        self.pump_dtls(now, effects);
        self.wake = self.next_timeout(now);
    }

    fn pump_dtls(&mut self, now: Instant, effects: &mut Effects) {
        let session = match &mut self.state {
            State::Handshaking { session, .. } => session.as_mut(),
            State::Connected(secured) => &mut secured.session,
            State::New | State::Checking { .. } | State::Closed => return,
        };
        while let Some(datagram) = session.poll_transmit() {
            effects.datagrams.push(&datagram);
        }
        while let Some(event) = match &mut self.state {
            State::Handshaking { session, .. } => session.poll_event(),
            State::Connected(secured) => secured.session.poll_event(),
            State::New | State::Checking { .. } | State::Closed => None,
        } {
            match event {
                Event::Connected(keys) => self.on_keys(now, &keys, effects),
                Event::Closed => self.fail("the server closed the connection", effects),
                Event::Failed(_) => self.fail("the DTLS handshake failed", effects),
            }
        }
    }

    fn on_keys(&mut self, now: Instant, keys: &Keys, effects: &mut Effects) {
        let (Some(opener), Ok(rtcp), Ok(sealer)) =
            (RtpOpener::new(keys), Opener::new(keys), Sealer::new(keys))
        else {
            self.fail("the SRTP keys cannot be used", effects);
            return;
        };
        let State::Handshaking { session, .. } = std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        self.state = State::Connected(Box::new(Secured {
            session: *session,
            keys: *keys,
            opener,
            rtcp,
            sealer,
        }));
        self.next_report = now + rtcp::first_report_delay(&mut self.rng);
        effects.milestones.push(Milestone::Connected);
    }

    fn handle_rtp(
        &mut self,
        now: Instant,
        arrival: Duration,
        datagram: &mut [u8],
        effects: &mut Effects,
    ) {
        let State::Connected(secured) = &mut self.state else {
            self.counts.unexpected += 1;
            return;
        };
        let Some(header) = rtp::Header::parse(datagram) else {
            self.counts.unexpected += 1;
            return;
        };
        let opener = &mut secured.opener;
        let incoming = watch::Incoming {
            time: watch::Time { now, arrival },
            header: &header,
            packet: datagram,
        };
        match self.watch.on_rtp(incoming, opener, effects) {
            Ok(wake) => self.wake = wake.map_or(self.wake, |wake| wake.min(self.wake)),
            Err(watch::Refused::UnknownStream) => self.counts.unknown_stream += 1,
            Err(watch::Refused::Unauthenticated) => self.counts.unauthenticated += 1,
        }
    }

    fn handle_rtcp(&mut self, now: Instant, datagram: &[u8]) {
        let State::Connected(secured) = &mut self.state else {
            self.counts.unexpected += 1;
            return;
        };
        let Ok(plain) = secured.rtcp.open_rtcp(datagram) else {
            self.counts.unauthenticated += 1;
            return;
        };
        self.compounds += 1;
        let publisher = self.publisher.as_deref_mut();
        rtcp::handle(now, &plain, &mut self.watch, publisher, &mut self.outgoing);
        if !self.outgoing.is_empty() || self.publisher.is_some() {
            // Repairs and the jump to a keyframe go out in the next turn of the timers.
            self.wake = now;
        }
    }

    /// Publishes, gives feedback, reports.
    fn run_media(&mut self, now: Instant, effects: &mut Effects) {
        let State::Connected(secured) = &mut self.state else {
            return;
        };
        let mut compound = Vec::new();
        if let Some(publisher) = &mut self.publisher {
            publisher.handle_timeout(now, &mut self.outgoing);
            let unix = self.shared.epoch_unix + now.saturating_duration_since(self.shared.epoch);
            rtcp::sender_reports(now, unix, publisher, &mut compound);
        }
        for (plain, bytes) in self.outgoing.iter() {
            let mut sealed = bytes.to_vec();
            let ssrc = rtp::Header::parse(bytes).map_or(0, |header| header.ssrc);
            sealed.resize(bytes.len() + secured.sealer.overhead(), 0);
            let index = plain.index;
            if let Ok(length) =
                secured
                    .sealer
                    .seal(&mut sealed, plain.header_bytes, bytes.len(), ssrc, index)
            {
                effects
                    .datagrams
                    .push(sealed.get(..length).unwrap_or_default());
            }
        }
        self.outgoing.clear();
        // libwebrtc knows a round trip by reports about what it sends itself.
        let known = self.ice.round_trip().filter(|_| self.publisher.is_some());
        let round_trip = known.unwrap_or(UNKNOWN_ROUND_TRIP);
        if self.next_report <= now {
            self.next_report = now + rtcp::report_interval(&mut self.rng);
            rtcp::receiver_report(now, &mut self.watch, &mut compound);
        }
        self.watch.poll_feedback(now, round_trip, &mut compound);
        if !compound.is_empty()
            && let Ok(sealed) = secured.rtcp.seal_rtcp(&compound)
        {
            effects.datagrams.push(&sealed);
        }
    }

    fn next_timeout(&self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(1);
        let own = match &self.state {
            State::New | State::Closed => return now + Duration::from_secs(3_600),
            State::Checking { deadline, .. } => *deadline,
            State::Handshaking { deadline, session } => session
                .poll_timeout()
                .map_or(*deadline, |due| due.min(*deadline)),
            State::Connected(_) => {
                let publisher = self
                    .publisher
                    .as_ref()
                    .and_then(|publisher| publisher.poll_timeout());
                let due = publisher.into_iter().chain(self.watch.poll_timeout());
                due.min()
                    .map_or(self.next_report, |due| due.min(self.next_report))
            }
        };
        own.min(self.ice.poll_timeout()).min(far).max(now)
    }
}

#[cfg(test)]
mod tests;
