//! Opens received RTP in place, any packet by itself.
//!
//! An endpoint need not decrypt every packet, so the opener takes the packet's index from its
//! stream instead of following the sequence numbers on its own.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sfu::peer::srtp::{Keys, Opener, Profile};

/// Opens what one server sends.
pub(super) enum RtpOpener {
    /// RFC 7714.
    Gcm {
        /// Session key.
        key: Box<LessSafeKey>,
        /// Session salt.
        salt: [u8; 12],
    },
    /// RFC 3711; follows sequence numbers, so it sees every packet.
    Other(Box<Opener>),
}

impl std::fmt::Debug for RtpOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gcm { .. } => "RtpOpener::Gcm(…)",
            Self::Other(_) => "RtpOpener::Other(…)",
        })
    }
}

impl RtpOpener {
    /// `None` when the crypto back-end refuses the keys.
    pub(super) fn new(keys: &Keys) -> Option<Self> {
        match keys.profile {
            Profile::AeadAes128Gcm => {
                let key = UnboundKey::new(&AES_128_GCM, &keys.remote.rtp_key()).ok()?;
                Some(Self::Gcm {
                    key: Box::new(LessSafeKey::new(key)),
                    salt: keys.remote.rtp_salt(),
                })
            }
            Profile::Aes128CmSha1_80 => Opener::new(keys).ok().map(Box::new).map(Self::Other),
        }
    }

    /// Must see every packet in order to open any.
    pub(super) const fn needs_every_packet(&self) -> bool {
        matches!(self, Self::Other(_))
    }

    /// Bytes of a packet that are there for its protection only.
    pub(super) const fn overhead(&self) -> usize {
        match self {
            Self::Gcm { .. } => Profile::AeadAes128Gcm.overhead(),
            Self::Other(_) => Profile::Aes128CmSha1_80.overhead(),
        }
    }

    /// The payload of an authentic packet with this extended sequence number, else `None`.
    pub(super) fn open<'a>(
        &mut self,
        packet: &'a mut [u8],
        header_bytes: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<&'a [u8]> {
        match self {
            Self::Gcm { key, salt } => {
                let (header, sealed) = packet.split_at_mut_checked(header_bytes)?;
                let nonce = Nonce::assume_unique_for_key(nonce(*salt, ssrc, index));
                let plain = key.open_in_place(nonce, Aad::from(&*header), sealed).ok()?;
                Some(plain)
            }
            Self::Other(opener) => {
                let plain = opener.open_rtp(packet).ok()?;
                let target = packet.get_mut(..plain.len())?;
                target.copy_from_slice(&plain);
                target.get(header_bytes..)
            }
        }
    }
}

/// RFC 7714 §8.1: the salt xor two zero bytes, the SSRC and the 48 bits of the index.
fn nonce(mut salt: [u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let [_, _, index @ ..] = index.to_be_bytes();
    let input = ssrc.to_be_bytes().into_iter().chain(index);
    for (byte, input) in salt.iter_mut().skip(2).zip(input) {
        *byte ^= input;
    }
    salt
}
