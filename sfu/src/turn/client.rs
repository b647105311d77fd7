//! One client and its connection: answers its requests, and opens what it sends to us.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_EVEN_PORT, ATTR_LIFETIME, ATTR_NONCE, ATTR_REALM,
    ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_RESERVATION_TOKEN,
    ATTR_UNKNOWN_ATTRIBUTES, ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS,
    ATTR_XORMAPPED_ADDRESS, AttrType,
};
use rtc_stun::error_code::{
    CODE_ADDR_FAMILY_NOT_SUPPORTED, CODE_ALLOC_MISMATCH, CODE_ALLOC_QUOTA_REACHED,
    CODE_BAD_REQUEST, CODE_FORBIDDEN, CODE_INSUFFICIENT_CAPACITY, CODE_PEER_ADDR_FAMILY_MISMATCH,
    CODE_STALE_NONCE, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE, CODE_UNSUPPORTED_TRANS_PROTO,
    CODE_WRONG_CREDENTIALS, ErrorCode,
};

use super::allocation::{Allocation, LIFE, NotBound};
use super::credentials::Key;
use super::envelope::Envelope;
use super::message::{Algorithm, Answer, Class, IPV4, IPV6, Message, is_unknown};
use super::{Authority, REALM};
use crate::budget::Timed;
use crate::drop_reason::DropReason;
use crate::pieces::{Pieces, TURN};

/// Methods (RFC 8489 §18.2, RFC 8656 §17).
const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SEND: u16 = 0x0006;
const CREATE_PERMISSION: u16 = 0x0008;
const CHANNEL_BIND: u16 = 0x0009;

/// The protocol number of UDP, which is what clients take us to relay.
const UDP: u8 = 17;

/// Requests answered at once, and per second. A client asks for a permission and a channel for each of
/// our addresses, and again every few minutes.
const REQUESTS: (u32, u32) = (128, 16);

/// Answers to a client that has not shown who it is; with one more its connection is closed. A client
/// that knows its password is refused once.
const MAX_REFUSALS: u8 = 8;

/// What came of something that a client has sent.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A datagram for us.
    Datagram {
        /// The address that it takes for its own.
        relayed: SocketAddr,
        /// To which of our addresses, as it stands in a path.
        to: u8,
        /// What it sent.
        datagram: &'a [u8],
    },
    /// What it is to be answered.
    Answer(&'a [u8]),
    /// It went no further.
    Dropped(DropReason),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// What it sends is not TURN.
    Senseless,
    /// It does not show who it is.
    Refused,
    /// The client has given back what it had.
    Released,
}

/// See the module.
#[derive(Debug)]
pub struct Client {
    pieces: Pieces,
    state: State,
}

#[derive(Debug)]
struct State {
    authority: Arc<Authority>,
    /// Its address as we see it.
    address: SocketAddr,
    allocation: Option<Allocation>,
    requests: Timed,
    refusals: u8,
}

/// Why a request is refused.
struct Refusal {
    code: ErrorCode,
    unknown: Vec<AttrType>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            unknown: Vec::new(),
        }
    }
}

/// Who has signed a request, and how.
struct Signer<'m> {
    username: &'m str,
    key: Key,
    algorithm: Algorithm,
}

impl Client {
    /// Of a client that was seen at this address.
    pub fn new(now: Instant, authority: Arc<Authority>, client: SocketAddr) -> Self {
        Self {
            pieces: Pieces::default(),
            state: State {
                authority,
                address: SocketAddr::new(client.ip().to_canonical(), client.port()),
                allocation: None,
                requests: Timed::full(now, REQUESTS.0, REQUESTS.1),
                refusals: 0,
            },
        }
    }

    /// Takes what was read of its connection.
    ///
    /// # Errors
    /// When the connection is to be closed, once it was written what it is answered.
    pub fn take(
        &mut self,
        now: Instant,
        read: &[u8],
        mut each: impl FnMut(Happening<'_>),
    ) -> Result<(), Ending> {
        let Self { pieces, state } = self;
        let mut ending = None;
        let taken = pieces.take(TURN, read, |piece| {
            if ending.is_none() {
                ending = state.take(now, piece, &mut each).err();
            }
        });
        taken.map_err(|_| Ending::Senseless)?;
        ending.map_or(Ok(()), Err)
    }

    /// Whether it has an allocation.
    pub fn is_served(&self, now: Instant) -> bool {
        self.state.allocation(now).is_some()
    }

    /// The address that it was given, also when it has it no more.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.state.allocation.as_ref().map(|held| held.relayed)
    }

    /// How many of our addresses it has reached: in paths they are 0 to one less.
    pub fn peers(&self) -> u8 {
        self.state.allocation.as_ref().map_or(0, Allocation::peers)
    }

    /// What a datagram is put into that it is to think comes from this address of ours. `None` if it
    /// may not be sent any.
    pub fn envelope(&self, now: Instant, to: u8) -> Option<Envelope> {
        let allocation = self.state.allocation(now)?;
        let (channel, address) = allocation.way(now, to)?;
        let indication = || {
            let may = allocation.may_reach(now, address.ip());
            may.then_some(Envelope::Indication(address))
        };
        channel.map(Envelope::Channel).or_else(indication)
    }
}

impl State {
    fn allocation(&self, now: Instant) -> Option<&Allocation> {
        self.allocation.as_ref().filter(|held| held.expires > now)
    }

    fn allocation_mut(&mut self, now: Instant) -> Option<&mut Allocation> {
        self.allocation.as_mut().filter(|held| held.expires > now)
    }

    fn take(
        &mut self,
        now: Instant,
        piece: &[u8],
        each: &mut impl FnMut(Happening<'_>),
    ) -> Result<(), Ending> {
        if matches!(piece.first(), Some(0x40..=0x7f)) {
            each(self.on_channel_data(now, piece));
            return Ok(());
        }
        let Some(message) = Message::read(piece) else {
            return Err(Ending::Senseless);
        };
        match (message.class(), message.method()) {
            (Class::Indication, SEND) => {
                each(self.on_send(now, &message));
                Ok(())
            }
            // Signs of life.
            (Class::Indication, BINDING) => Ok(()),
            (Class::Request, _) => self.on_request(now, &message, each),
            (Class::Indication | Class::Answer, _) => {
                each(Happening::Dropped(DropReason::BadTurn));
                Ok(())
            }
        }
    }

    fn on_channel_data<'p>(&self, now: Instant, piece: &'p [u8]) -> Happening<'p> {
        let open = || {
            let (number, rest) = piece.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let datagram = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
            let allocation = self.allocation(now)?;
            let to = allocation.bound(now, u16::from_be_bytes(*number))?;
            Some(Happening::Datagram {
                relayed: allocation.relayed,
                to,
                datagram,
            })
        };
        open().unwrap_or(Happening::Dropped(DropReason::BadTurn))
    }

    /// What is sent before there is a channel (RFC 8656 §11.2).
    fn on_send<'p>(&mut self, now: Instant, message: &Message<'p>) -> Happening<'p> {
        let address = message.address(ATTR_XOR_PEER_ADDRESS);
        let (Some(address), Some(datagram)) = (address, message.get(ATTR_DATA)) else {
            return Happening::Dropped(DropReason::BadTurn);
        };
        let authority = Arc::clone(&self.authority);
        let Some(allocation) = self.allocation_mut(now) else {
            return Happening::Dropped(DropReason::BadTurn);
        };
        let may = allocation.may_reach(now, address.ip())
            && (allocation.known(address).is_some() || authority.is_own(address));
        match may.then(|| allocation.peer(address)).flatten() {
            Some(to) => Happening::Datagram {
                relayed: allocation.relayed,
                to,
                datagram,
            },
            None => Happening::Dropped(DropReason::RelayForbidden),
        }
    }

    fn on_request(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        each: &mut impl FnMut(Happening<'_>),
    ) -> Result<(), Ending> {
        if !self.requests.spend(now, 1) {
            each(Happening::Dropped(DropReason::TurnBudget));
            return Ok(());
        }
        if request.method() == BINDING {
            let answer = request.success();
            let answer = answer.with_address(ATTR_XORMAPPED_ADDRESS, self.address);
            each(Happening::Answer(&answer.unsigned()));
            return Ok(());
        }
        let signer = match self.authenticate(now, request) {
            Ok(signer) => signer,
            Err(code) => {
                each(Happening::Dropped(DropReason::TurnNotAuthenticated));
                each(Happening::Answer(&self.refuse(now, request, code)));
                self.refusals = self.refusals.saturating_add(1);
                return (self.refusals < MAX_REFUSALS)
                    .then_some(())
                    .ok_or(Ending::Refused);
            }
        };
        let done = self.carry_out(now, request, &signer);
        let is_released =
            request.method() == REFRESH && done.is_ok() && self.allocation(now).is_none();
        if matches!(&done, Err(refusal) if refusal.code == CODE_FORBIDDEN) {
            each(Happening::Dropped(DropReason::RelayForbidden));
        }
        let answer = done.unwrap_or_else(|refusal| refusal.answer(request));
        each(Happening::Answer(
            &answer.signed(signer.algorithm, &signer.key),
        ));
        if is_released {
            return Err(Ending::Released);
        }
        Ok(())
    }

    /// Who has signed a request (RFC 8489 §9.2.4).
    fn authenticate<'m>(
        &self,
        now: Instant,
        request: &Message<'m>,
    ) -> Result<Signer<'m>, ErrorCode> {
        let algorithm = request.algorithm().ok_or(CODE_UNAUTHORIZED)?;
        let [username, realm, nonce] =
            [ATTR_USERNAME, ATTR_REALM, ATTR_NONCE].map(|it| request.text(it));
        let (username, nonce) = username
            .zip(nonce)
            .filter(|_| realm.is_some())
            .ok_or(CODE_BAD_REQUEST)?;
        if !self.authority.is_good_nonce(now, nonce) {
            return Err(CODE_STALE_NONCE);
        }
        let held = self.allocation(now);
        let held = held.filter(|held| held.username == username);
        let key = held
            .map(|held| held.key)
            .or_else(|| self.authority.key(username))
            .filter(|key| request.is_signed_with(key))
            .ok_or(CODE_UNAUTHORIZED)?;
        Ok(Signer {
            username,
            key,
            algorithm,
        })
    }

    /// Refuses somebody who has not shown who it is, in as few bytes as there can be: RFC 8489 §9.2.4 has
    /// every such refusal name the realm and a nonce, which is more than a request without a name takes.
    /// It goes back by the connection that the request came by, and so to nobody else.
    fn refuse(&self, now: Instant, request: &Message<'_>, code: ErrorCode) -> Vec<u8> {
        let answer = request.refusal(code.0);
        if code == CODE_BAD_REQUEST {
            return answer.unsigned();
        }
        let nonce = self.authority.nonce(now);
        answer
            .with(ATTR_REALM, REALM.as_bytes())
            .with(ATTR_NONCE, nonce.as_bytes())
            .unsigned()
    }

    fn carry_out(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        signer: &Signer<'_>,
    ) -> Result<Answer, Refusal> {
        let unknown: Vec<_> = request
            .attributes()
            .map(|(attribute, _)| attribute)
            .filter(|attribute| is_unknown(*attribute))
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal {
                code: CODE_UNKNOWN_ATTRIBUTE,
                unknown,
            });
        }
        if request.method() == ALLOCATE {
            return self.allocate(now, request, signer);
        }
        let authority = Arc::clone(&self.authority);
        let allocation = self.allocation_mut(now).ok_or(CODE_ALLOC_MISMATCH)?;
        if allocation.username != signer.username {
            return Err(CODE_WRONG_CREDENTIALS.into());
        }
        match request.method() {
            REFRESH => Ok(self.refresh(now, request)),
            CREATE_PERMISSION => permit(now, request, allocation, &authority),
            CHANNEL_BIND => bind(now, request, allocation, &authority),
            _ => Err(CODE_BAD_REQUEST.into()),
        }
    }

    /// RFC 8656 §7.2.
    fn allocate(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        signer: &Signer<'_>,
    ) -> Result<Answer, Refusal> {
        // One of a connection, also when it has expired: what was known by it must not be another's.
        if self.allocation.is_some() {
            return Err(CODE_ALLOC_MISMATCH.into());
        }
        if !self.authority.is_good(now, signer.username) {
            return Err(CODE_UNAUTHORIZED.into());
        }
        let transport = request.get(ATTR_REQUESTED_TRANSPORT);
        match transport.and_then(<[u8]>::first) {
            Some(&UDP) => {}
            Some(_) => return Err(CODE_UNSUPPORTED_TRANS_PROTO.into()),
            None => return Err(CODE_BAD_REQUEST.into()),
        }
        // There are no ports, so none can be kept either.
        if [ATTR_EVEN_PORT, ATTR_RESERVATION_TOKEN]
            .iter()
            .any(|it| request.get(*it).is_some())
        {
            return Err(CODE_INSUFFICIENT_CAPACITY.into());
        }
        let family = request.get(ATTR_REQUESTED_ADDRESS_FAMILY);
        let family = match family.map(<[u8]>::first) {
            None => None,
            Some(Some(known @ &(IPV4 | IPV6))) => Some(*known),
            Some(_) => return Err(CODE_ADDR_FAMILY_NOT_SUPPORTED.into()),
        };
        let relayed = self.authority.relayed(family);
        let relayed = relayed.ok_or(CODE_ADDR_FAMILY_NOT_SUPPORTED)?;
        let lease = self.authority.lease(signer.username);
        let lease = lease.ok_or(CODE_ALLOC_QUOTA_REACHED)?;
        let whose = (signer.username.to_owned(), signer.key);
        let mut allocation = Allocation::new(now, relayed, whose, lease);
        let life = lifetime(request);
        allocation.expires = now + life;
        self.allocation = Some(allocation);
        Ok(request
            .success()
            .with_address(ATTR_XOR_RELAYED_ADDRESS, relayed)
            .with(ATTR_LIFETIME, &seconds(life))
            .with_address(ATTR_XORMAPPED_ADDRESS, self.address))
    }

    /// RFC 8656 §8.
    fn refresh(&mut self, now: Instant, request: &Message<'_>) -> Answer {
        let is_end = request.get(ATTR_LIFETIME) == Some(&[0; 4]);
        let life = if is_end {
            Duration::ZERO
        } else {
            lifetime(request)
        };
        if let Some(allocation) = &mut self.allocation {
            allocation.expires = now + life;
        }
        request.success().with(ATTR_LIFETIME, &seconds(life))
    }
}

impl Refusal {
    fn answer(&self, request: &Message<'_>) -> Answer {
        let answer = request.refusal(self.code.0);
        if self.unknown.is_empty() {
            return answer;
        }
        let unknown = self.unknown.iter();
        let unknown: Vec<u8> = unknown.flat_map(|it| it.value().to_be_bytes()).collect();
        answer.with(ATTR_UNKNOWN_ATTRIBUTES, &unknown)
    }
}

/// RFC 8656 §9.2. All of what is asked for, or nothing.
fn permit(
    now: Instant,
    request: &Message<'_>,
    allocation: &mut Allocation,
    authority: &Authority,
) -> Result<Answer, Refusal> {
    let mut hosts = Vec::new();
    for address in request.addresses(ATTR_XOR_PEER_ADDRESS) {
        let host = address.ok_or(CODE_BAD_REQUEST)?.ip();
        if host.is_ipv4() != allocation.relayed.is_ipv4() {
            return Err(CODE_PEER_ADDR_FAMILY_MISMATCH.into());
        }
        if !authority.is_own_host(host) {
            return Err(CODE_FORBIDDEN.into());
        }
        hosts.push(host);
    }
    if hosts.is_empty() {
        return Err(CODE_BAD_REQUEST.into());
    }
    let has_room = hosts.iter().all(|host| allocation.permit(now, *host));
    if !has_room {
        return Err(CODE_INSUFFICIENT_CAPACITY.into());
    }
    Ok(request.success())
}

/// RFC 8656 §12.2.
fn bind(
    now: Instant,
    request: &Message<'_>,
    allocation: &mut Allocation,
    authority: &Authority,
) -> Result<Answer, Refusal> {
    let number = request.get(ATTR_CHANNEL_NUMBER);
    let number = number.and_then(<[u8]>::first_chunk);
    let number = u16::from_be_bytes(*number.ok_or(CODE_BAD_REQUEST)?);
    let address = request.address(ATTR_XOR_PEER_ADDRESS);
    let address = address.ok_or(CODE_BAD_REQUEST)?;
    if address.is_ipv4() != allocation.relayed.is_ipv4() {
        return Err(CODE_PEER_ADDR_FAMILY_MISMATCH.into());
    }
    if !authority.is_own(address) {
        return Err(CODE_FORBIDDEN.into());
    }
    allocation
        .bind(now, number, address)
        .map_err(|error| match error {
            NotBound::Wrong => CODE_BAD_REQUEST,
            NotBound::Full => CODE_INSUFFICIENT_CAPACITY,
        })?;
    Ok(request.success())
}

/// How long what is asked for lives.
fn lifetime(request: &Message<'_>) -> Duration {
    let asked = request.get(ATTR_LIFETIME).and_then(<[u8]>::first_chunk);
    let asked = asked.map(|asked| Duration::from_secs(u32::from_be_bytes(*asked).into()));
    asked.map_or(LIFE.0, |asked| asked.clamp(LIFE.0, LIFE.1))
}

fn seconds(life: Duration) -> [u8; 4] {
    u32::try_from(life.as_secs())
        .unwrap_or(u32::MAX)
        .to_be_bytes()
}

#[cfg(test)]
mod tests;
