//! One handshake, driven to its end over a network that loses packets.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use bytes::{Bytes, BytesMut};
use rtc_dtls::config::HandshakeConfig;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::fragments::{Fragments, Verdict};
use super::identity::{ClientConfig, Identity, fingerprint_of, is_verifiable};
use super::record::{self, Numbering, Summary};
use crate::command::Fingerprint;
use crate::drop_reason::DropReason;
use crate::peer::crypto;
use crate::peer::srtp::{Keys, Profile, Role};

/// How long a handshake may take from its first datagram, and how long a server waits for that.
///
/// Higher: joins survive worse networks. Lower: dead ones are cleaned up sooner.
const DEADLINE: Duration = Duration::from_secs(30);

/// Wait before the first repetition of a flight, doubled with each up to [`MAX_BACKOFF`].
///
/// Lower: a lost datagram costs less time. Higher: fewer needless repetitions on slow paths. A
/// flight is 50 to 1,500 bytes, so repeating it too early costs little.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait between two repetitions of a flight.
const MAX_BACKOFF: Duration = Duration::from_millis(400);

/// Repetitions per handshake, by timer or because the peer repeated its own flight.
///
/// Bounds what a peer can make us send: 200 flights of at most 1,500 bytes in 30 s, and only to an
/// address that passed an authenticated check.
const MAX_REPEATS: u32 = 200;

/// Datagrams kept for replay into the second server configuration: a ClientHello comes in two.
const MAX_SAVED: usize = 6;

/// Bytes and records that one handshake may receive; a handshake in 30 s of heavy loss takes a
/// third of it. rtc-dtls queues what it cannot use yet, so both are bounded here; see also
/// [`Fragments`].
const MAX_BYTES: usize = 256 * 1_024;
/// See [`MAX_BYTES`].
const MAX_RECORDS: usize = 800;

/// Label of the SRTP keys (RFC 5764 §4.2).
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// rtc-dtls tells associations apart by address. There is one per session, always under this name,
/// so that the handshake does not notice when the peer's path changes.
const ASSOCIATION: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 65_535));

/// Why a handshake came to nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// Not complete within the deadline.
    Timeout,
    /// The peer's certificate is not the one named in SDP.
    WrongFingerprint,
    /// The peer refused, or offered nothing that we have.
    NoAgreement,
    /// The peer sent more than any handshake needs.
    Flood,
}

/// What a session reports, each at most once.
#[derive(Debug)]
pub enum Event {
    /// The handshake is complete and the certificate is the expected one.
    Connected(Box<Keys>),
    /// The peer closed the connection (close_notify).
    Closed,
    /// There will be no connection.
    Failed(Failure),
}

/// The DTLS state of one peer, in either role.
///
/// The retransmission of rtc-dtls is not used: it loses its timer as soon as an incomplete or
/// repeated message arrives, which browsers cause in nearly every lossy handshake. Instead the last
/// flight is kept here and repeated when the peer repeats its own or when the timer of this session
/// fires.
///
/// A client repeats under new record numbers, so that a server that has had the flight and dropped
/// its answer on the way notices. A server repeats the very same records: a client that lacks them
/// takes them, and one that has them drops them, which matters if it is an rtc-dtls of its own
/// whose timer a new record would stop.
///
/// ```text
/// (Waiting ──begin──▶) Handshaking ──complete, certificate as expected──▶ Connected ──close_notify──▶ Over
///                           └───────────── deadline, refusal, wrong certificate, flood ────────────────▲
/// ```
///
/// While connected it holds about 4 KB: all that was needed for the handshake alone is freed.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    transmits: VecDeque<Bytes>,
    events: ArrayVec<Event, 2>,
}

enum Stage {
    /// A client that has nowhere to send its ClientHello yet.
    Waiting(Waiting),
    Handshaking(Box<Handshake>),
    Connected(Box<Connected>),
    Over,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Waiting(_) => "Waiting",
            Self::Handshaking(_) => "Handshaking",
            Self::Connected(_) => "Connected",
            Self::Over => "Over",
        })
    }
}

struct Waiting {
    config: ClientConfig,
    expected: Fingerprint,
}

struct Handshake {
    endpoint: Endpoint,
    config: Arc<HandshakeConfig>,
    role: Role,
    expected: Fingerprint,
    fallback: Option<Fallback>,
    flight: Vec<BytesMut>,
    /// Only a client renumbers.
    numbering: Option<Numbering>,
    deadline: Instant,
    repeat_at: Option<Instant>,
    backoff: Duration,
    repeats: u32,
    bytes: usize,
    records: usize,
    fragments: Fragments,
}

/// What a server tries when the client does not have the first SRTP profile.
struct Fallback {
    config: Arc<HandshakeConfig>,
    saved: ArrayVec<Bytes, MAX_SAVED>,
}

/// What is left of a finished handshake: enough to close, to be closed, and to repeat our last
/// flight to a client that lost it.
struct Connected {
    endpoint: Endpoint,
    /// Ours, if ours was the last flight of the handshake.
    last_flight: Vec<BytesMut>,
    repeats: u32,
}

/// What one datagram did to a handshake.
enum Step {
    Continue,
    Useless,
    Complete,
    Fail(Failure),
}

impl Session {
    /// Waits for a ClientHello. `expected` is the fingerprint from the client's offer.
    pub fn server(now: Instant, identity: &Identity, expected: Fingerprint) -> Self {
        let config = identity.gcm();
        let fallback = Fallback {
            config: identity.cm(),
            saved: ArrayVec::new(),
        };
        let endpoint = server_endpoint(&config);
        let handshake = Handshake::new(
            now,
            endpoint,
            config,
            Role::Server,
            expected,
            Some(fallback),
        );
        Self::with(Stage::Handshaking(Box::new(handshake)))
    }

    /// Sends a ClientHello. `expected` is the fingerprint from the server's answer.
    pub fn client(now: Instant, config: &ClientConfig, expected: Fingerprint) -> Self {
        let config = config.clone();
        let mut session = Self::with(Stage::Waiting(Waiting { config, expected }));
        session.begin(now);
        session
    }

    /// Sends a ClientHello once [`begin`](Self::begin) is called. `expected` is the fingerprint from
    /// the offer of a peer that wants to be the server.
    pub fn dialing(identity: &Identity, expected: Fingerprint) -> Self {
        let config = identity.every_profile().clone();
        Self::with(Stage::Waiting(Waiting { config, expected }))
    }

    /// There is a path now. Returns whether this began a handshake.
    pub fn begin(&mut self, now: Instant) -> bool {
        let Stage::Waiting(Waiting { config, expected }) = &self.stage else {
            return false;
        };
        let (config, expected) = (Arc::clone(&config.0), *expected);
        let mut endpoint = Endpoint::new(ASSOCIATION, TransportProtocol::UDP, None);
        let connected = endpoint.connect(now, ASSOCIATION, Arc::clone(&config), None);
        if connected.is_err() {
            self.fail(Failure::NoAgreement);
            return true;
        }
        let mut handshake = Handshake::new(now, endpoint, config, Role::Client, expected, None);
        handshake.send_new_flight(now, &mut self.transmits);
        self.stage = Stage::Handshaking(Box::new(handshake));
        true
    }

    const fn with(stage: Stage) -> Self {
        Self {
            stage,
            transmits: VecDeque::new(),
            events: ArrayVec::new_const(),
        }
    }

    /// Takes one datagram from a verified path. At most one handshake step is done, at a cost of up
    /// to 300 µs (two P-256 operations and a signature); callers bound how many they allow per turn.
    ///
    /// # Errors
    /// When the datagram is of no use. The session goes on.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DropReason> {
        let summary = record::summarize(datagram).ok_or(DropReason::BadDtls)?;
        match &mut self.stage {
            Stage::Handshaking(handshake) => {
                match handshake.handle_datagram(now, datagram, summary, &mut self.transmits) {
                    Step::Continue => Ok(()),
                    Step::Useless => Err(DropReason::BadDtls),
                    Step::Complete => {
                        self.complete(now);
                        Ok(())
                    }
                    Step::Fail(failure) => {
                        self.fail(failure);
                        Ok(())
                    }
                }
            }
            Stage::Connected(connected) => {
                let closed =
                    connected.handle_datagram(now, datagram, summary, &mut self.transmits)?;
                if closed {
                    self.stage = Stage::Over;
                    self.push(Event::Closed);
                }
                Ok(())
            }
            Stage::Waiting(_) | Stage::Over => Err(DropReason::BadDtls),
        }
    }

    /// Repeats a flight or gives up as time passes. Harmless when called too early.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Stage::Handshaking(handshake) = &mut self.stage else {
            return;
        };
        if now >= handshake.deadline {
            self.fail(Failure::Timeout);
        } else if handshake.repeat_at.is_some_and(|at| now >= at) {
            handshake.repeat(now, &mut self.transmits);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` before the handshake
    /// has begun and once it is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Handshaking(handshake) => {
                let deadline = handshake.deadline;
                Some(handshake.repeat_at.map_or(deadline, |at| at.min(deadline)))
            }
            Stage::Waiting(_) | Stage::Connected(_) | Stage::Over => None,
        }
    }

    /// The next datagram to send on the selected path.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_at(0)
    }

    /// Queues a close_notify and forgets everything else.
    pub fn close(&mut self, now: Instant) {
        let (mut endpoint, mut numbering) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Handshaking(handshake) => (handshake.endpoint, handshake.numbering),
            Stage::Connected(connected) => (connected.endpoint, None),
            Stage::Waiting(_) | Stage::Over => return,
        };
        // Closing queues the alert and cannot fail otherwise.
        let _ = endpoint.close(now);
        let farewell: Vec<BytesMut> = drain(&mut endpoint).collect();
        send(&farewell, numbering.as_mut(), &mut self.transmits);
    }

    fn complete(&mut self, now: Instant) {
        let Stage::Handshaking(handshake) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        match handshake.keys() {
            Ok(keys) => {
                self.stage = Stage::Connected(Box::new(handshake.into_connected(now)));
                self.push(Event::Connected(Box::new(keys)));
            }
            Err(failure) => {
                self.stage = Stage::Handshaking(handshake);
                self.close(now);
                self.push(Event::Failed(failure));
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.stage = Stage::Over;
        self.push(Event::Failed(failure));
    }

    fn push(&mut self, event: Event) {
        // At most two are ever reported: connected, then closed.
        let _ = self.events.try_push(event);
    }
}

impl Handshake {
    fn new(
        now: Instant,
        endpoint: Endpoint,
        config: Arc<HandshakeConfig>,
        role: Role,
        expected: Fingerprint,
        fallback: Option<Fallback>,
    ) -> Self {
        Self {
            endpoint,
            config,
            role,
            expected,
            fallback,
            flight: Vec::new(),
            numbering: (role == Role::Client).then(Numbering::default),
            deadline: now + DEADLINE,
            repeat_at: None,
            backoff: FIRST_BACKOFF,
            repeats: 0,
            bytes: 0,
            records: 0,
            fragments: Fragments::default(),
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        summary: Summary,
        transmits: &mut VecDeque<Bytes>,
    ) -> Step {
        if self.bytes == 0 && self.role == Role::Server {
            self.deadline = now + DEADLINE;
        }
        self.bytes += datagram.len();
        self.records += summary.records;
        if self.bytes > MAX_BYTES || self.records > MAX_RECORDS {
            return Step::Fail(Failure::Flood);
        }
        match self.fragments.judge(datagram) {
            Verdict::Useful => {}
            Verdict::Repeated => {
                if summary.ends_flight {
                    self.repeat(now, transmits);
                }
                return Step::Continue;
            }
            Verdict::Senseless => return Step::Useless,
        }
        if let Some(fallback) = &mut self.fallback {
            // A full list only means that the client has to repeat its ClientHello.
            let _ = fallback.saved.try_push(Bytes::copy_from_slice(datagram));
        }
        let mut result = self
            .endpoint
            .read(now, ASSOCIATION, None, BytesMut::from(datagram));
        if matches!(result, Err(Error::ErrServerNoMatchingSrtpProfile))
            && let Some(fallback) = self.fallback.take()
        {
            result = self.fall_back(now, fallback);
        }
        match result {
            Ok(events) => self.after_read(now, &events, summary, transmits),
            Err(error) => self.after_error(&error, transmits),
        }
    }

    /// Replays what came so far into an endpoint with the other profile. What the first one wanted
    /// to send, an alert, is dropped with it, so the client notices nothing.
    fn fall_back(&mut self, now: Instant, fallback: Fallback) -> Result<Vec<EndpointEvent>, Error> {
        self.endpoint = server_endpoint(&fallback.config);
        self.config = fallback.config;
        for datagram in fallback.saved {
            self.endpoint
                .read(now, ASSOCIATION, None, BytesMut::from(&*datagram))?;
        }
        // No handshake completes on its first flight.
        Ok(Vec::new())
    }

    fn after_read(
        &mut self,
        now: Instant,
        events: &[EndpointEvent],
        summary: Summary,
        transmits: &mut VecDeque<Bytes>,
    ) -> Step {
        if events
            .iter()
            .any(|event| matches!(event, EndpointEvent::PeerClosed))
        {
            return Step::Fail(Failure::NoAgreement);
        }
        let progressed = self.send_new_flight(now, transmits);
        if events
            .iter()
            .any(|event| matches!(event, EndpointEvent::HandshakeComplete))
        {
            return Step::Complete;
        }
        if progressed {
            // The profile is agreed on: there is nothing to fall back to any more.
            self.fallback = None;
        } else if summary.ends_flight {
            self.repeat(now, transmits);
        }
        Step::Continue
    }

    fn after_error(&mut self, error: &Error, transmits: &mut VecDeque<Bytes>) -> Step {
        let refusal: Vec<BytesMut> = drain(&mut self.endpoint).collect();
        let is_final = match error {
            Error::ErrServerNoMatchingSrtpProfile
            | Error::ErrClientNoMatchingSrtpProfile
            | Error::ErrRequestedButNoSrtpExtension
            | Error::ErrCipherSuiteNoIntersection
            | Error::ErrNoSupportedEllipticCurves
            | Error::ErrServerRequiredButNoClientEms
            | Error::ErrClientRequiredButNoServerEms
            | Error::ErrUnsupportedProtocolVersion => true,
            Error::ErrAlertFatalOrClose => return Step::Fail(Failure::NoAgreement),
            // Anybody who can forge the peer's address can send nonsense: it is dropped without a
            // word (RFC 6347 §4.1.2.7), and the handshake goes on.
            _ => self.never_verifies(),
        };
        if !is_final {
            return Step::Useless;
        }
        send(&refusal, self.numbering.as_mut(), transmits);
        Step::Fail(Failure::NoAgreement)
    }

    /// Whether the peer has shown the certificate from SDP, and its key is of a kind that we cannot
    /// verify: no message that it sends will do.
    fn never_verifies(&self) -> bool {
        let state = self.endpoint.get_connection_state(ASSOCIATION);
        let certificate = state.and_then(|state| state.peer_certificates.first());
        certificate
            .is_some_and(|der| !is_verifiable(der) && fingerprint_of(der) == Some(self.expected))
    }

    /// Takes the flight that the endpoint has made, if any, and sends it.
    fn send_new_flight(&mut self, now: Instant, transmits: &mut VecDeque<Bytes>) -> bool {
        let flight: Vec<BytesMut> = drain(&mut self.endpoint)
            .filter(|datagram| !record::is_alert(datagram))
            .collect();
        if flight.is_empty() {
            return false;
        }
        let by_timer = !flight
            .iter()
            .any(|datagram| record::is_hello_verify(datagram));
        self.flight = flight;
        self.backoff = FIRST_BACKOFF;
        self.repeat_at = by_timer.then(|| now + self.backoff);
        send(&self.flight, self.numbering.as_mut(), transmits);
        true
    }

    /// Sends the last flight again and waits longer for the next time.
    fn repeat(&mut self, now: Instant, transmits: &mut VecDeque<Bytes>) {
        if self.repeats >= MAX_REPEATS {
            self.repeat_at = None;
            return;
        }
        self.repeats += 1;
        send(&self.flight, self.numbering.as_mut(), transmits);
        if self.repeat_at.is_some() {
            self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
            self.repeat_at = Some(now + self.backoff);
        }
    }

    /// The SRTP keys, if the certificate is the expected one.
    fn keys(&self) -> Result<Keys, Failure> {
        let state = self
            .endpoint
            .get_connection_state(ASSOCIATION)
            .ok_or(Failure::NoAgreement)?;
        let certificate = state
            .peer_certificates
            .first()
            .ok_or(Failure::WrongFingerprint)?;
        if fingerprint_of(certificate) != Some(self.expected) {
            return Err(Failure::WrongFingerprint);
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1_80,
            // Neither offered nor accepted by any configuration of ours.
            _ => return Err(Failure::NoAgreement),
        };
        let material = state
            .export_keying_material(EXPORTER_LABEL, &[], profile.material_length())
            .map_err(|_| Failure::NoAgreement)?;
        Keys::from_exporter(profile, material.as_ref(), self.role).ok_or(Failure::NoAgreement)
    }

    fn into_connected(self, now: Instant) -> Connected {
        let last_flight = match self.role {
            Role::Server => self.flight,
            Role::Client => Vec::new(),
        };
        let slim = slim(now, &self.endpoint, &self.config);
        Connected {
            endpoint: slim.unwrap_or(self.endpoint),
            last_flight,
            repeats: 0,
        }
    }
}

impl Connected {
    /// Whether the peer closed.
    fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        summary: Summary,
        transmits: &mut VecDeque<Bytes>,
    ) -> Result<bool, DropReason> {
        if summary.plain {
            // Nothing in the clear means anything any more, except that the client repeats its last
            // flight because ours was lost (RFC 6347 §4.2.4).
            let lost = summary.plain_handshake && !self.last_flight.is_empty();
            if !lost || self.repeats >= MAX_REPEATS {
                return Err(DropReason::BadDtls);
            }
            self.repeats += 1;
            send(&self.last_flight, None, transmits);
            return Ok(false);
        }
        if !record::has_only_alerts(datagram) {
            // Nothing else is expected: what rtc-dtls would keep of it would never be used.
            return Err(DropReason::BadDtls);
        }
        let result = self
            .endpoint
            .read(now, ASSOCIATION, None, BytesMut::from(datagram));
        transmits.extend(drain(&mut self.endpoint).map(BytesMut::freeze));
        match result {
            Ok(events) => Ok(events
                .iter()
                .any(|event| matches!(event, EndpointEvent::PeerClosed))),
            Err(Error::ErrAlertFatalOrClose) => Ok(true),
            Err(_) => Err(DropReason::BadDtls),
        }
    }
}

fn server_endpoint(config: &Arc<HandshakeConfig>) -> Endpoint {
    Endpoint::new(
        ASSOCIATION,
        TransportProtocol::UDP,
        Some(Arc::clone(config)),
    )
}

/// The same association without what only the handshake needed: messages, fragments, flights.
fn slim(now: Instant, full: &Endpoint, config: &Arc<HandshakeConfig>) -> Option<Endpoint> {
    let old = full.get_connection_state(ASSOCIATION)?;
    let mut state = State::new(Arc::clone(crypto::provider()), old.is_client());
    state.unmarshal_binary(&old.marshal_binary().ok()?).ok()?;
    let mut endpoint = Endpoint::new(ASSOCIATION, TransportProtocol::UDP, None);
    endpoint
        .connect(now, ASSOCIATION, Arc::clone(config), Some(state))
        .ok()?;
    Some(endpoint)
}

fn drain(endpoint: &mut Endpoint) -> impl Iterator<Item = BytesMut> {
    std::iter::from_fn(|| endpoint.poll_transmit().map(|transmit| transmit.message))
}

fn send(
    flight: &[BytesMut],
    mut numbering: Option<&mut Numbering>,
    transmits: &mut VecDeque<Bytes>,
) {
    for datagram in flight {
        let mut copy = datagram.clone();
        if let Some(numbering) = &mut numbering {
            numbering.stamp(&mut copy);
        }
        transmits.push_back(copy.freeze());
    }
}

#[cfg(test)]
mod tests;
