//! The offering side of ICE as far as a client with one pair needs it: builds Binding requests,
//! checks the answers, and answers the server's own. Keeps no state; used by tests and the load
//! generator.

use std::net::SocketAddr;

use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PADDING, ATTR_PRIORITY, ATTR_USE_CANDIDATE,
    ATTR_USERNAME, AttrType,
};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Getter, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use super::stun;
use crate::command::IceCredentials;
use crate::drop_reason::DropReason;
use crate::peer::crypto;

/// Which side the client takes itself for (RFC 8445 §6.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// As every client of a lite server must.
    Controlling,
    /// Wrong towards a lite server; it answers 487.
    Controlled,
}

impl Role {
    /// What the other side is.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// What became of a check of the server's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// Answered.
    Answered,
    /// Refused with 487: the server takes itself for what we are, and has to yield.
    Refused,
    /// Answered; the server takes itself for what we are, and we have to yield.
    Yielding,
}

/// One connectivity check (RFC 8445 §7.2.2).
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The server's credentials, from its answer.
    pub server: &'a IceCredentials,
    /// The client's own ufrag, from its offer.
    pub ufrag: &'a str,
    /// Which side the client takes itself for.
    pub role: Role,
    /// Tie-breaker sent with the role, any constant per client.
    pub tie_breaker: u64,
    /// PRIORITY that a candidate found by this check would have.
    pub priority: u32,
    /// Nominate the pair this check is sent on.
    pub use_candidate: bool,
    /// Transaction id, random for each check.
    pub transaction: [u8; 12],
}

/// What makes a check longer than it need be, to see what the way takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Filling {
    /// So many bytes that the answer does not have.
    There(u16),
    /// So many bytes, and the answer has as many (RFC 5780 §7.6).
    ThereAndBack(u16),
}

/// An attribute that nobody knows and nobody has to (RFC 8489 §14).
const FILLER: AttrType = AttrType(0xdfff);

/// What a server's answer says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The pair works; the other side sees us at this address, if it says so: FFmpeg's muxer answers
    /// without one, and what proves that it has been reached is the transaction and its signature.
    Success(Option<SocketAddr>),
    /// The server refused, with this code: 487 is a role conflict (RFC 8445 §7.2.5.1).
    Refused(u16),
}

impl Check<'_> {
    /// Appends the request to `out`.
    ///
    /// # Errors
    /// When a credential is too long to be one.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), DropReason> {
        self.write(None, out)
    }

    /// The same, made longer.
    ///
    /// # Errors
    /// When a credential is too long to be one.
    pub fn encode_filled(&self, filling: Filling, out: &mut Vec<u8>) -> Result<(), DropReason> {
        self.write(Some(filling), out)
    }

    fn write(&self, filling: Option<Filling>, out: &mut Vec<u8>) -> Result<(), DropReason> {
        let username = format!("{}:{}", self.server.ufrag, self.ufrag);
        let role = match self.role {
            Role::Controlling => ATTR_ICE_CONTROLLING,
            Role::Controlled => ATTR_ICE_CONTROLLED,
        };
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            self.server.pwd.clone(),
            crypto::algorithms(),
        );
        let username = Attribute(ATTR_USERNAME, username.as_bytes());
        let tie_breaker = self.tie_breaker.to_be_bytes();
        let role = Attribute(role, &tie_breaker);
        let priority = self.priority.to_be_bytes();
        let priority = Attribute(ATTR_PRIORITY, &priority);
        let nomination = Attribute(ATTR_USE_CANDIDATE, &[]);

        let mut setters: Vec<&dyn Setter> = vec![&BINDING_REQUEST];
        let transaction = TransactionId(self.transaction);
        setters.push(&transaction);
        setters.push(&username);
        setters.push(&role);
        if self.use_candidate {
            setters.push(&nomination);
        }
        let (kind, length) = match filling {
            None => (FILLER, 0),
            Some(Filling::There(length)) => (FILLER, length),
            Some(Filling::ThereAndBack(length)) => (ATTR_PADDING, length),
        };
        let zeros = vec![0; usize::from(length)];
        let filler = Attribute(kind, &zeros);
        if filling.is_some() {
            setters.push(&filler);
        }
        setters.extend([&priority as &dyn Setter, &integrity, &FINGERPRINT]);

        let mut message = Message::new();
        message.write_header();
        for setter in setters {
            setter
                .add_to(&mut message)
                .map_err(|_| DropReason::BadStun)?;
        }
        out.extend_from_slice(&message.raw);
        Ok(())
    }
}

/// Checks that `datagram` is the server's authentic answer to the check with `transaction`.
///
/// # Errors
/// When it is not STUN, not an answer, an answer to another check, or not authenticated.
pub fn check_answer(
    datagram: &[u8],
    transaction: &[u8; 12],
    server: &IceCredentials,
) -> Result<Answer, DropReason> {
    let view = stun::View::parse(datagram)
        .filter(|view| matches!(view.kind, stun::BINDING_SUCCESS | stun::BINDING_ERROR))
        .filter(|view| view.transaction == *transaction)
        .ok_or(DropReason::BadStun)?;
    if !view.integrity {
        return Err(DropReason::StunNotAuthenticated);
    }
    stun::authenticate(datagram, &server.pwd)?;
    let mut message = Message::new();
    message
        .unmarshal_binary(datagram)
        .map_err(|_| DropReason::BadStun)?;
    if view.kind == stun::BINDING_ERROR {
        let mut error = ErrorCodeAttribute::default();
        error.get_from(&message).map_err(|_| DropReason::BadStun)?;
        return Ok(Answer::Refused(error.code.0));
    }
    let mut mapped = XorMappedAddress::default();
    match view.mapped {
        None => return Ok(Answer::Success(None)),
        Some(value) if value.len() < 8 => return Err(DropReason::BadStun),
        Some(_) => {}
    }
    mapped
        .get_from_as(&message, rtc_stun::attributes::ATTR_XORMAPPED_ADDRESS)
        .map_err(|_| DropReason::BadStun)?;
    Ok(Answer::Success(Some(SocketAddr::new(
        mapped.ip,
        mapped.port,
    ))))
}

/// Answers a check of the server's own that came from `server`, as a full agent must (RFC 8445
/// §7.3); the answer is appended to `out`. `side` is what the client takes itself for, and its
/// tie-breaker: of two that take themselves for the same the greater one stays so.
///
/// # Errors
/// When it is no Binding request for the client with the credentials `own`, or is not authentic.
pub fn answer_check(
    datagram: &[u8],
    own: &IceCredentials,
    server: SocketAddr,
    (role, tie_breaker): (Role, u64),
    out: &mut Vec<u8>,
) -> Result<Asked, DropReason> {
    let view = stun::View::parse(datagram)
        .filter(|view| view.kind == stun::BINDING_REQUEST)
        .ok_or(DropReason::BadStun)?;
    if view.receiver_ufrag() != Some(&own.ufrag) {
        return Err(DropReason::UnknownUfrag);
    }
    if !view.integrity {
        return Err(DropReason::StunNotAuthenticated);
    }
    stun::authenticate(datagram, &own.pwd)?;
    let conflict = view.controlled == (role == Role::Controlled);
    let ours = view.tie_breaker.is_none_or(|theirs| tie_breaker >= theirs);
    let asked = match (conflict && view.tie_breaker.is_some(), role, ours) {
        (false, ..) => Asked::Answered,
        (true, Role::Controlling, true) | (true, Role::Controlled, false) => Asked::Refused,
        (true, Role::Controlling, false) | (true, Role::Controlled, true) => Asked::Yielding,
    };
    let body = if asked == Asked::Refused {
        super::role_conflict()
    } else {
        super::mapped_address(server)
    };
    super::write_reply(&view, own, &body, out)?;
    Ok(asked)
}

/// The transaction id of an answer, for finding the check it belongs to. Allocates nothing.
pub fn peek_transaction(datagram: &[u8]) -> Option<[u8; 12]> {
    stun::View::parse(datagram)
        .filter(|view| matches!(view.kind, stun::BINDING_SUCCESS | stun::BINDING_ERROR))
        .map(|view| view.transaction)
}

struct Attribute<'a>(AttrType, &'a [u8]);

impl Setter for Attribute<'_> {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, self.1);
        Ok(())
    }
}
