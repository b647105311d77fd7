//! STUN messages as TURN uses them (RFC 8489 §5): a look at one that allocates nothing, and the making
//! of answers.
//!
//! The readers of `rtc-stun` copy every attribute, and find only the first of several
//! XOR-PEER-ADDRESSes; a client may send one of these for each of our addresses.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;
use rtc_stun::attributes::{
    ATTR_ERROR_CODE, ATTR_FINGERPRINT, ATTR_MESSAGE_INTEGRITY, ATTR_MESSAGE_INTEGRITY_SHA256,
    AttrType,
};
use rtc_stun::message::{
    ATTRIBUTE_HEADER_SIZE, MAGIC_COOKIE, MESSAGE_HEADER_SIZE, TRANSACTION_ID_SIZE,
};

/// What identifies a request and its answer.
pub type Transaction = [u8; TRANSACTION_ID_SIZE];

/// Families of addresses (RFC 8489 §14.1).
pub const IPV4: u8 = 1;
/// See [`IPV4`].
pub const IPV6: u8 = 2;

/// Bits of a type that say its class (RFC 8489 §5).
const CLASS: u16 = 0x0110;

/// What a message is to its receiver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// To be answered.
    Request,
    /// Not to be answered.
    Indication,
    /// An answer, which nobody sends to a server.
    Answer,
}

/// How a message is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// MESSAGE-INTEGRITY.
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256.
    Sha256,
}

impl Algorithm {
    fn of(attribute: AttrType) -> Option<Self> {
        match attribute {
            ATTR_MESSAGE_INTEGRITY => Some(Self::Sha1),
            ATTR_MESSAGE_INTEGRITY_SHA256 => Some(Self::Sha256),
            _ => None,
        }
    }

    const fn attribute(self) -> AttrType {
        match self {
            Self::Sha1 => ATTR_MESSAGE_INTEGRITY,
            Self::Sha256 => ATTR_MESSAGE_INTEGRITY_SHA256,
        }
    }

    /// Bytes of a signature. Shorter ones of SHA-256 are allowed and not taken.
    const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn key(self, key: &[u8]) -> hmac::Key {
        match self {
            Self::Sha1 => hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key),
            Self::Sha256 => hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }
}

/// A message that was received.
///
/// What stands behind the signature is not covered by it and is not looked at (RFC 8489 §14.5).
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    raw: &'m [u8],
    kind: u16,
    transaction: Transaction,
    /// Those in front of the signature.
    attributes: &'m [u8],
    signature: Option<(Algorithm, &'m [u8])>,
}

impl<'m> Message<'m> {
    /// Reads a message that fills `raw` exactly; `None` if it is not well-formed.
    pub fn read(raw: &'m [u8]) -> Option<Self> {
        let (header, body) = raw.split_at_checked(MESSAGE_HEADER_SIZE)?;
        let (kind, length) = (word(header, 0)?, word(header, 2)?);
        let is_stun = kind >> 14 == 0 && header.get(4..8)? == MAGIC_COOKIE.to_be_bytes();
        if !is_stun || body.len() != usize::from(length) {
            return None;
        }
        let mut message = Self {
            raw,
            kind,
            transaction: header.get(8..)?.try_into().ok()?,
            attributes: body,
            signature: None,
        };
        let mut rest = body;
        while !rest.is_empty() {
            let (attribute, value, behind) = split_attribute(rest)?;
            if let (None, Some(algorithm)) = (message.signature, Algorithm::of(attribute)) {
                if value.len() != algorithm.length() {
                    return None;
                }
                message.attributes = body.get(..body.len() - rest.len())?;
                message.signature = Some((algorithm, value));
            }
            rest = behind;
        }
        Some(message)
    }

    /// What it is to us.
    pub const fn class(&self) -> Class {
        match self.kind & CLASS {
            0 => Class::Request,
            0x0010 => Class::Indication,
            _ => Class::Answer,
        }
    }

    /// Its method, as in the type of a request.
    pub const fn method(&self) -> u16 {
        self.kind & !CLASS
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (AttrType, &'m [u8])> + use<'m> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || {
            let (attribute, value, behind) = split_attribute(rest)?;
            rest = behind;
            Some((attribute, value))
        })
    }

    /// The value of its first attribute of this type.
    pub fn get(&self, wanted: AttrType) -> Option<&'m [u8]> {
        let mut all = self.attributes();
        all.find(|(attribute, _)| *attribute == wanted)
            .map(|(_, value)| value)
    }

    /// The text of its first attribute of this type.
    pub fn text(&self, wanted: AttrType) -> Option<&'m str> {
        std::str::from_utf8(self.get(wanted)?).ok()
    }

    /// The addresses in its attributes of this type; `None` if one makes no sense.
    pub fn addresses(
        &self,
        wanted: AttrType,
    ) -> impl Iterator<Item = Option<SocketAddr>> + use<'m> {
        let transaction = self.transaction;
        self.attributes()
            .filter(move |(attribute, _)| *attribute == wanted)
            .map(move |(_, value)| unmask(value, &transaction))
    }

    /// The address in its one attribute of this type.
    pub fn address(&self, wanted: AttrType) -> Option<SocketAddr> {
        self.addresses(wanted).next()?
    }

    /// How it is signed, if it is.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.signature.map(|(algorithm, _)| algorithm)
    }

    /// Whether it was signed with this key.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        let Some((algorithm, signature)) = self.signature else {
            return false;
        };
        let end = MESSAGE_HEADER_SIZE + self.attributes.len();
        let Some(mut text) = self.raw.get(..end).map(<[u8]>::to_vec) else {
            return false;
        };
        set_length(&mut text, ATTRIBUTE_HEADER_SIZE + algorithm.length());
        hmac::verify(&algorithm.key(key), &text, signature).is_ok()
    }

    /// An answer to it that says it was done.
    pub fn success(&self) -> Answer {
        Answer::new(self.kind | 0x0100, self.transaction)
    }

    /// An answer to it that refuses it.
    pub fn refusal(&self, code: u16) -> Answer {
        let (class, number) = (code / 100, code % 100);
        // Without a sentence: no client shows it, and whoever knows no password is told no more than
        // need be.
        let value = [0, 0, class.to_be_bytes()[1], number.to_be_bytes()[1]];
        Answer::new(self.kind | CLASS, self.transaction).with(ATTR_ERROR_CODE, &value)
    }
}

/// A message that is being made.
#[derive(Debug)]
pub struct Answer {
    raw: Vec<u8>,
    transaction: Transaction,
}

impl Answer {
    /// An empty one of this type.
    pub fn new(kind: u16, transaction: Transaction) -> Self {
        let mut raw = Vec::with_capacity(128);
        raw.extend(kind.to_be_bytes());
        raw.extend([0, 0]);
        raw.extend(MAGIC_COOKIE.to_be_bytes());
        raw.extend(transaction);
        Self { raw, transaction }
    }

    /// With a further attribute.
    #[must_use]
    pub fn with(mut self, attribute: AttrType, value: &[u8]) -> Self {
        self.raw.extend(attribute.value().to_be_bytes());
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.raw.extend(length.to_be_bytes());
        self.raw.extend(value);
        self.raw.resize(self.raw.len().next_multiple_of(4), 0);
        set_length(&mut self.raw, 0);
        self
    }

    /// With an address.
    #[must_use]
    pub fn with_address(self, attribute: AttrType, address: SocketAddr) -> Self {
        let mut value = [0; MASKED];
        let length = mask(address, &self.transaction, &mut value);
        let value = value.get(..length).unwrap_or_default().to_vec();
        self.with(attribute, &value)
    }

    /// Signed, and whole.
    pub fn signed(mut self, algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
        set_length(&mut self.raw, ATTRIBUTE_HEADER_SIZE + algorithm.length());
        let signature = hmac::sign(&algorithm.key(key), &self.raw);
        self.with(algorithm.attribute(), signature.as_ref()).raw
    }

    /// Whole as it is.
    pub fn unsigned(self) -> Vec<u8> {
        self.raw
    }
}

/// Bytes of an address in an attribute, at most.
pub const MASKED: usize = 20;

/// Writes an address as it stands in an attribute (RFC 8489 §14.2). Returns how many bytes it takes.
pub fn mask(address: SocketAddr, transaction: &Transaction, into: &mut [u8; MASKED]) -> usize {
    let [high, low, ..] = MAGIC_COOKIE.to_be_bytes();
    let [port_high, port_low] = address.port().to_be_bytes();
    let mut put = |family, octets: &[u8]| {
        let head = [0, family, port_high ^ high, port_low ^ low];
        let masked = octets.iter().zip(masks(transaction)).map(|(a, b)| a ^ b);
        let all = head.into_iter().chain(masked);
        into.iter_mut().zip(all).for_each(|(to, byte)| *to = byte);
        4 + octets.len()
    };
    match address.ip() {
        IpAddr::V4(v4) => put(IPV4, &v4.octets()),
        IpAddr::V6(v6) => put(IPV6, &v6.octets()),
    }
}

fn unmask(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let (head, octets) = value.split_at_checked(4)?;
    let [_, family, ..] = *head else { return None };
    let [high, low, ..] = MAGIC_COOKIE.to_be_bytes();
    let port = word(head, 2)? ^ u16::from_be_bytes([high, low]);
    let mut plain = [0; 16];
    let unmasked = octets.iter().zip(masks(transaction)).map(|(a, b)| a ^ b);
    plain
        .iter_mut()
        .zip(unmasked)
        .for_each(|(to, byte)| *to = byte);
    let ip: IpAddr = match (family, octets.len()) {
        (IPV4, 4) => plain.first_chunk::<4>().copied()?.into(),
        (IPV6, 16) => plain.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn masks(transaction: &Transaction) -> impl Iterator<Item = u8> {
    MAGIC_COOKIE.to_be_bytes().into_iter().chain(*transaction)
}

/// The first attribute, its value, and what stands behind it.
fn split_attribute(bytes: &[u8]) -> Option<(AttrType, &[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(ATTRIBUTE_HEADER_SIZE)?;
    let length = usize::from(word(header, 2)?);
    let (padded, behind) = rest.split_at_checked(length.next_multiple_of(4))?;
    Some((AttrType(word(header, 0)?), padded.get(..length)?, behind))
}

/// Notes the length of a message that is to have so many bytes more.
fn set_length(raw: &mut [u8], more: usize) {
    let length = raw.len().saturating_sub(MESSAGE_HEADER_SIZE) + more;
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(place) = raw.get_mut(2..4) {
        place.copy_from_slice(&length);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*pair))
}

/// Whether an attribute must be understood by whoever reads it, and is not by us.
pub fn is_unknown(attribute: AttrType) -> bool {
    use rtc_stun::attributes::{
        ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_DONT_FRAGMENT, ATTR_EVEN_PORT, ATTR_LIFETIME,
        ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT,
        ATTR_RESERVATION_TOKEN, ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS,
    };
    let known = [
        ATTR_CHANNEL_NUMBER,
        ATTR_DATA,
        ATTR_DONT_FRAGMENT,
        ATTR_EVEN_PORT,
        ATTR_FINGERPRINT,
        ATTR_LIFETIME,
        ATTR_NONCE,
        ATTR_REALM,
        ATTR_REQUESTED_ADDRESS_FAMILY,
        ATTR_REQUESTED_TRANSPORT,
        ATTR_RESERVATION_TOKEN,
        ATTR_USERNAME,
        ATTR_XOR_PEER_ADDRESS,
    ];
    attribute.required() && !known.contains(&attribute)
}

#[cfg(test)]
mod tests {
    use rtc_stun::attributes::{ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS, ATTR_XORMAPPED_ADDRESS};
    use rtc_stun::integrity::MessageIntegrity;
    use rtc_stun::message::{Getter as _, Message as Stun};
    use rtc_stun::xoraddr::XorMappedAddress;

    use super::*;
    use crate::peer::crypto;

    const TRANSACTION: Transaction = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    fn made() -> Answer {
        Answer::new(0x0003, TRANSACTION).with(ATTR_USERNAME, b"a user")
    }

    #[test]
    fn what_is_made_is_what_another_library_reads() {
        for address in ["192.0.2.7:4711", "[2001:db8::7]:4711"] {
            let address: SocketAddr = address.parse().unwrap();
            let made = made().with_address(ATTR_XORMAPPED_ADDRESS, address);
            let raw = made.signed(Algorithm::Sha1, b"a key");
            let mut read = Stun::new();
            read.unmarshal_binary(&raw).unwrap();
            let mut mapped = XorMappedAddress::default();
            mapped.get_from(&read).unwrap();
            assert_eq!((mapped.ip, mapped.port), (address.ip(), address.port()));
            MessageIntegrity::check(&mut read, b"a key", crypto::algorithms()).unwrap();
            let own = Message::read(&raw).unwrap();
            assert_eq!(own.address(ATTR_XORMAPPED_ADDRESS), Some(address));
        }
    }

    #[test]
    fn only_the_key_that_signed_is_taken() {
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
            let raw = made().signed(algorithm, b"a key");
            let message = Message::read(&raw).unwrap();
            assert!(message.is_signed_with(b"a key"));
            assert!(!message.is_signed_with(b"another"));
            let mut altered = raw.clone();
            altered[25] ^= 1;
            assert!(!Message::read(&altered).unwrap().is_signed_with(b"a key"));
        }
        let raw = made().unsigned();
        assert!(!Message::read(&raw).unwrap().is_signed_with(b"a key"));
    }

    #[test]
    fn what_was_put_behind_the_signature_is_not_there() {
        let address = "192.0.2.7:1".parse().unwrap();
        let raw = made().signed(Algorithm::Sha1, b"a key");
        let forged = Answer {
            raw,
            transaction: TRANSACTION,
        };
        let raw = forged.with_address(ATTR_XOR_PEER_ADDRESS, address).raw;
        let message = Message::read(&raw).unwrap();
        assert!(message.is_signed_with(b"a key"));
        assert_eq!(message.address(ATTR_XOR_PEER_ADDRESS), None);
        assert_eq!(message.text(ATTR_USERNAME), Some("a user"));
    }

    #[test]
    fn half_a_message_is_none() {
        let raw = made().signed(Algorithm::Sha256, b"a key");
        for length in 0..raw.len() {
            assert!(Message::read(&raw[..length]).is_none(), "{length}");
        }
        let mut shorter = raw.clone();
        shorter.truncate(raw.len() - 4);
        set_length(&mut shorter, 0);
        assert!(Message::read(&shorter).is_none(), "a part of a signature");
    }
}
