//! A bounds-checked look at a STUN message (RFC 8489 §5) that allocates nothing.

use rtc_stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY,
    ATTR_PADDING, ATTR_USE_CANDIDATE, ATTR_USERNAME, ATTR_XORMAPPED_ADDRESS,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    ATTRIBUTE_HEADER_SIZE, MAGIC_COOKIE, MESSAGE_HEADER_SIZE, Message, TRANSACTION_ID_SIZE,
};

use crate::drop_reason::DropReason;
use crate::peer::crypto;

/// Message type of a Binding request.
pub(super) const BINDING_REQUEST: u16 = 0x0001;
/// Message type of a Binding success response.
pub(super) const BINDING_SUCCESS: u16 = 0x0101;
/// Message type of a Binding error response.
pub(super) const BINDING_ERROR: u16 = 0x0111;

/// Length of a MESSAGE-INTEGRITY value (RFC 8489 §14.5).
const INTEGRITY_LENGTH: usize = 20;

/// What ends a message: MESSAGE-INTEGRITY and FINGERPRINT, with their headers.
const ENDING: usize = ATTRIBUTE_HEADER_SIZE + INTEGRITY_LENGTH + ATTRIBUTE_HEADER_SIZE + 4;

/// What a STUN message says before its MESSAGE-INTEGRITY.
///
/// Attributes behind MESSAGE-INTEGRITY are not covered by it and are not looked at
/// (RFC 8489 §14.5), so that nobody can append USE-CANDIDATE to somebody else's check.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View<'a> {
    /// Message type: method and class.
    pub(super) kind: u16,
    /// Transaction id.
    pub(super) transaction: [u8; TRANSACTION_ID_SIZE],
    /// USERNAME.
    pub(super) username: Option<&'a str>,
    /// USE-CANDIDATE (RFC 8445 §7.1.2).
    pub(super) use_candidate: bool,
    /// ICE-CONTROLLED (RFC 8445 §7.1.3): the sender takes itself for the controlled side.
    pub(super) controlled: bool,
    /// Tie-breaker of ICE-CONTROLLING or ICE-CONTROLLED, if it has one.
    pub(super) tie_breaker: Option<u64>,
    /// XOR-MAPPED-ADDRESS, still masked.
    pub(super) mapped: Option<&'a [u8]>,
    /// A MESSAGE-INTEGRITY of the right length is there.
    pub(super) integrity: bool,
    /// Bytes of the whole message.
    pub(super) length: usize,
    /// Bytes of its PADDING (RFC 5780 §7.6), by which the answer is to be made as long.
    pub(super) padding: usize,
}

impl<'a> View<'a> {
    /// Reads a message that fills `datagram` exactly; `None` if it is not well-formed STUN.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = datagram.split_at_checked(MESSAGE_HEADER_SIZE)?;
        let length = usize::from(u16_at(header, 2)?);
        let cookie = header.get(4..8)?;
        if cookie != MAGIC_COOKIE.to_be_bytes() || rest.len() != length {
            return None;
        }
        let mut view = Self {
            kind: u16_at(header, 0)?,
            transaction: header.get(8..)?.try_into().ok()?,
            length: datagram.len(),
            ..Self::default()
        };
        while !rest.is_empty() {
            let (attribute, tail) = rest.split_at_checked(4)?;
            let length = usize::from(u16_at(attribute, 2)?);
            let (padded, tail) = tail.split_at_checked(length.next_multiple_of(4))?;
            view.note(u16_at(attribute, 0)?, padded.get(..length)?)?;
            rest = tail;
        }
        Some(view)
    }

    /// Takes note of one attribute; `None` if it is malformed or stands where it must not.
    fn note(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        if self.integrity {
            // A second MESSAGE-INTEGRITY would leave open which of them counts.
            return (kind != ATTR_MESSAGE_INTEGRITY.value()).then_some(());
        }
        match kind {
            kind if kind == ATTR_USERNAME.value() => {
                self.username = Some(std::str::from_utf8(value).ok()?);
            }
            kind if kind == ATTR_USE_CANDIDATE.value() => self.use_candidate = true,
            kind if kind == ATTR_ICE_CONTROLLED.value() => {
                self.controlled = true;
                self.tie_breaker = value.try_into().ok().map(u64::from_be_bytes);
            }
            kind if kind == ATTR_ICE_CONTROLLING.value() => {
                self.tie_breaker = value.try_into().ok().map(u64::from_be_bytes);
            }
            kind if kind == ATTR_XORMAPPED_ADDRESS.value() => self.mapped = Some(value),
            kind if kind == ATTR_PADDING.value() => self.padding = value.len(),
            kind if kind == ATTR_MESSAGE_INTEGRITY.value() => {
                if value.len() != INTEGRITY_LENGTH {
                    return None;
                }
                self.integrity = true;
            }
            // FINGERPRINT before MESSAGE-INTEGRITY is not last, as it has to be.
            kind if kind == ATTR_FINGERPRINT.value() => return None,
            _ => {}
        }
        Some(())
    }

    /// Bytes of PADDING for an answer that has so many bytes before its ending: as many as the request
    /// has, as far as the answer does not become longer than that.
    pub(super) const fn padding_of_answer(&self, before: usize) -> usize {
        let room = self
            .length
            .saturating_sub(before + ATTRIBUTE_HEADER_SIZE + ENDING);
        let most = if self.padding < room {
            self.padding
        } else {
            room
        };
        most / 4 * 4
    }

    /// The receiver's half of USERNAME, `receiver:sender` (RFC 8445 §7.2.2).
    pub(super) fn receiver_ufrag(&self) -> Option<&'a str> {
        self.username?.split_once(':').map(|(receiver, _)| receiver)
    }
}

/// Checks MESSAGE-INTEGRITY with `pwd`, and FINGERPRINT, of a message that [`View::parse`] took.
pub(super) fn authenticate(datagram: &[u8], pwd: &str) -> Result<(), DropReason> {
    let mut message = Message::new();
    message
        .unmarshal_binary(datagram)
        .map_err(|_| DropReason::BadStun)?;
    MessageIntegrity::check(&mut message, pwd.as_bytes(), crypto::algorithms())
        .and_then(|()| FINGERPRINT.check(&message))
        .map_err(|_| DropReason::StunNotAuthenticated)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let [high, low] = bytes.get(at..at.checked_add(2)?)? else {
        return None;
    };
    Some(u16::from_be_bytes([*high, *low]))
}
