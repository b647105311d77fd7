//! One handshake, driven to its end over a network that loses packets.

use std::time::Instant;

use bytes::Bytes;

use super::identity::{ClientConfig, Identity};
use crate::command::Fingerprint;
use crate::drop_reason::DropReason;
use crate::peer::srtp::Keys;

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
#[derive(Debug)]
pub struct Session {
    _private: (),
}

impl Session {
    /// Waits for a ClientHello. `expected` is the fingerprint from the client's offer.
    pub fn server(_now: Instant, _identity: &Identity, _expected: Fingerprint) -> Self {
        Self { _private: () }
    }

    /// Sends a ClientHello. `expected` is the fingerprint from the server's answer.
    pub fn client(_now: Instant, _config: &ClientConfig, _expected: Fingerprint) -> Self {
        Self { _private: () }
    }

    /// Takes one datagram from a verified path. At most one handshake step is done, at a cost of up
    /// to 300 µs; callers bound how many they allow per turn.
    ///
    /// # Errors
    /// When the datagram is of no use. The session goes on.
    pub fn handle_datagram(&mut self, _now: Instant, _datagram: &[u8]) -> Result<(), DropReason> {
        Err(DropReason::BadDtls)
    }

    /// Retransmits and gives up as time passes. Harmless when called too early.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` once the handshake
    /// is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next datagram to send on the selected path.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        None
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Queues a close_notify and forgets everything else.
    pub fn close(&mut self, _now: Instant) {}
}
