//! The other side: a client of TURN (RFC 8656) over a stream, as far as one with one peer needs it, an
//! allocation and a channel to that peer. Used by whoever tries the way to a server, and by the load
//! generator.
//!
//! ```text
//! begin ─▶ Allocate ─▶ refused, with a nonce ─▶ Allocate, signed ─▶ ChannelBind ─▶ data both ways
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_ERROR_CODE, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT,
    ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS,
};
use super::credentials::{Key, key_of};
use super::message::{Algorithm, Answer as Request, Class, Message, Transaction};
use crate::pieces::{Pieces, TURN};

/// Methods (RFC 8656 §17).
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const CHANNEL_BIND: u16 = 0x0009;

/// The protocol number of UDP.
const UDP: u8 = 17;

/// The one channel.
const CHANNEL: u16 = 0x4000;

/// How often what was given is asked for again: a permission lasts five minutes.
const RENEWAL: Duration = Duration::from_secs(240);

/// Bytes in front of what is sent by a channel.
const CHANNEL_HEADER: usize = 4;

/// Codes of refusals that are answered with another attempt (RFC 8489 §14.8).
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

/// Why there is no way by this server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RelayError {
    /// It sends something else.
    #[error("the server does not speak TURN")]
    Senseless,
    /// It refuses a request, with this code.
    #[error("the TURN server refuses: {0}")]
    Refused(u16),
}

/// One allocation.
#[derive(Debug)]
pub struct Relay {
    username: String,
    password: String,
    peer: SocketAddr,
    realm: String,
    nonce: String,
    key: Option<Key>,
    pieces: Pieces,
    relayed: Option<SocketAddr>,
    is_open: bool,
    requests: u64,
    renew: Option<Instant>,
}

impl Relay {
    /// One that has asked for nothing yet, for the way to this peer.
    pub fn new(username: &str, password: &str, peer: SocketAddr) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            peer,
            realm: String::new(),
            nonce: String::new(),
            key: None,
            pieces: Pieces::default(),
            relayed: None,
            is_open: false,
            requests: 0,
            renew: None,
        }
    }

    /// The first request.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let request = self.allocation();
        out.extend(request.unsigned());
    }

    /// Whether data goes both ways.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// The address that it was given.
    pub const fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Puts a datagram for the peer into the stream.
    pub fn put(datagram: &[u8], out: &mut Vec<u8>) {
        out.extend(CHANNEL.to_be_bytes());
        let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
        out.extend(length.to_be_bytes());
        out.extend(datagram);
        out.resize(out.len().next_multiple_of(4), 0);
    }

    /// When it has to ask again for what it has.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.renew
    }

    /// Asks again, if it is time.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.renew.is_some_and(|due| due <= now) {
            self.renew = Some(now + RENEWAL);
            let refresh = self.request(REFRESH);
            out.extend(self.sign(refresh));
            out.extend(self.binding());
        }
    }

    /// Takes what was read of the stream; answers are appended to `out`, and datagrams of the peer are
    /// handed on.
    ///
    /// # Errors
    /// When the server refuses, or does not speak TURN.
    pub fn take(
        &mut self,
        now: Instant,
        read: &[u8],
        out: &mut Vec<u8>,
        mut each: impl FnMut(&mut [u8]),
    ) -> Result<(), RelayError> {
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut outcome = Ok(());
        let taken = pieces.take(TURN, read, |piece| {
            if let Some(data) = piece.strip_prefix(&CHANNEL.to_be_bytes()) {
                let length = data.first_chunk().copied().map_or(0, u16::from_be_bytes);
                let end = CHANNEL_HEADER + usize::from(length);
                let datagram = piece.get(CHANNEL_HEADER..end).unwrap_or_default();
                each(&mut datagram.to_vec());
            } else if outcome.is_ok() {
                outcome = self.on_message(now, piece, out);
            }
        });
        self.pieces = pieces;
        taken.map_err(|_| RelayError::Senseless)?;
        outcome
    }

    fn on_message(
        &mut self,
        now: Instant,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RelayError> {
        let message = Message::read(piece).ok_or(RelayError::Senseless)?;
        if message.class() != Class::Answer {
            return Ok(());
        }
        if let Some([_, _, class, number, ..]) = message.get(ATTR_ERROR_CODE) {
            let code = u16::from(*class) * 100 + u16::from(*number);
            return self.on_refusal(code, &message, out);
        }
        match message.method() {
            ALLOCATE => {
                self.relayed = message.address(ATTR_XOR_RELAYED_ADDRESS);
                out.extend(self.binding());
            }
            CHANNEL_BIND if !self.is_open => {
                self.is_open = true;
                self.renew = Some(now + RENEWAL);
            }
            _ => {}
        }
        Ok(())
    }

    fn on_refusal(
        &mut self,
        code: u16,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RelayError> {
        let is_first = code == UNAUTHORIZED && self.key.is_none();
        if !is_first && code != STALE_NONCE {
            return Err(RelayError::Refused(code));
        }
        let text = |attribute| message.text(attribute).unwrap_or_default().to_owned();
        self.realm = text(ATTR_REALM);
        self.nonce = text(ATTR_NONCE);
        self.key = key_of(&self.username, &self.realm, &self.password);
        let again = match message.method() {
            ALLOCATE => self.allocation(),
            REFRESH => self.request(REFRESH),
            _ => {
                out.extend(self.binding());
                return Ok(());
            }
        };
        out.extend(self.sign(again));
        Ok(())
    }

    fn request(&mut self, method: u16) -> Request {
        self.requests += 1;
        let mut transaction = Transaction::default();
        let number = self.requests.to_be_bytes();
        transaction
            .iter_mut()
            .zip(number)
            .for_each(|(to, byte)| *to = byte);
        Request::new(method, transaction)
    }

    fn allocation(&mut self) -> Request {
        let request = self.request(ALLOCATE);
        request.with(ATTR_REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
    }

    fn binding(&mut self) -> Vec<u8> {
        let [high, low] = CHANNEL.to_be_bytes();
        let request = self
            .request(CHANNEL_BIND)
            .with(ATTR_CHANNEL_NUMBER, &[high, low, 0, 0])
            .with_address(ATTR_XOR_PEER_ADDRESS, self.peer);
        self.sign(request)
    }

    fn sign(&self, request: Request) -> Vec<u8> {
        request
            .with(ATTR_USERNAME, self.username.as_bytes())
            .with(ATTR_REALM, self.realm.as_bytes())
            .with(ATTR_NONCE, self.nonce.as_bytes())
            .signed(Algorithm::Sha1, &self.key.unwrap_or_default())
    }
}
