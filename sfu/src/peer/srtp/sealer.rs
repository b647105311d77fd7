//! Seals the RTP packets we send, in place and without allocating.

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher};
use ctr::CtrCore;
use ctr::cipher::StreamCipherCoreWrapper;
use ctr::flavors::Ctr128BE;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::keys::{Keys, Master, Profile};
use super::opener::KeyError;

/// Why a packet could not be sealed. Either is a mistake of the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The buffer ends before the tag would.
    #[error("the buffer has no room for the tag")]
    NoRoom,
    /// The header is longer than the packet.
    #[error("the header does not fit into the packet")]
    BadHeader,
}

/// Protects the RTP packets of one peer, whatever their SSRC.
///
/// # Security
/// The caller must never seal two different packets with the same SSRC and index: with GCM that
/// gives away the authentication key. So one owner per SSRC counts one `u64` upwards, and a
/// retransmission goes out on its own SSRC with its own fresh index (RFC 4588). Where that was not
/// negotiated the original is sealed again, bit by bit the same, header and padding included; the
/// [way out](crate::egress) writes nothing into such a packet that does not follow from it and from
/// numbers that never change.
#[expect(
    clippy::large_enum_variant,
    reason = "the GCM key stays inline: one cache miss less for nearly every packet sent"
)]
pub enum Sealer {
    /// RFC 7714.
    Gcm {
        /// Expanded session key.
        key: LessSafeKey,
        /// Session salt.
        salt: [u8; 12],
    },
    /// RFC 3711, boxed because few clients need it.
    Cm(Box<Cm>),
}

/// State of `SRTP_AES128_CM_HMAC_SHA1_80`.
pub struct Cm {
    cipher: Aes128,
    salt: [u8; 14],
    authentication: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gcm { .. } => f.write_str("Sealer::Gcm(…)"),
            Self::Cm(_) => f.write_str("Sealer::Cm(…)"),
        }
    }
}

impl std::fmt::Debug for Cm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cm(…)")
    }
}

impl Sealer {
    /// The sealer of everything we send under `keys`.
    ///
    /// # Errors
    /// When the crypto back-end refuses the key; it never does for keys of the right length.
    pub fn new(keys: &Keys) -> Result<Self, KeyError> {
        Self::with_master(keys.profile, &keys.local)
    }

    fn with_master(profile: Profile, master: &Master) -> Result<Self, KeyError> {
        match profile {
            Profile::AeadAes128Gcm => {
                let key = UnboundKey::new(&AES_128_GCM, &master.rtp_key()).map_err(|_| KeyError)?;
                Ok(Self::Gcm {
                    key: LessSafeKey::new(key),
                    salt: master.rtp_salt(),
                })
            }
            Profile::Aes128CmSha1_80 => Ok(Self::Cm(Box::new(Cm {
                cipher: Aes128::new(&master.rtp_key().into()),
                salt: master.rtp_salt(),
                authentication: hmac::Key::new(
                    hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                    &master.rtp_authentication_key(),
                ),
            }))),
        }
    }

    /// Bytes that [`seal`](Self::seal) adds.
    #[inline]
    pub const fn overhead(&self) -> usize {
        match self {
            Self::Gcm { .. } => Profile::AeadAes128Gcm.overhead(),
            Self::Cm(_) => Profile::Aes128CmSha1_80.overhead(),
        }
    }

    /// Seals the plain packet `buf[..packet_len]` whose first `header_len` bytes (fixed header,
    /// CSRCs, extension) stay readable, and returns the length of the sealed packet in `buf`.
    ///
    /// `index` is the 48-bit packet index (RFC 3711 §3.3.1): roll-over counter, then sequence
    /// number. A receiver starts counting at roll-over 0, so the index of the first packet of an
    /// SSRC must be below 2^16, and below 2^15 to leave room for loss.
    ///
    /// # Errors
    /// When the lengths do not fit; `buf` is then unchanged.
    #[inline]
    pub fn seal(
        &self,
        buf: &mut [u8],
        header_len: usize,
        packet_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SealError> {
        let sealed_len = packet_len
            .checked_add(self.overhead())
            .ok_or(SealError::NoRoom)?;
        let sealed = buf.get_mut(..sealed_len).ok_or(SealError::NoRoom)?;
        let (packet, tag) = sealed.split_at_mut(packet_len);
        let (header, payload) = packet
            .split_at_mut_checked(header_len)
            .ok_or(SealError::BadHeader)?;
        match self {
            Self::Gcm { key, salt } => {
                let nonce = Nonce::assume_unique_for_key(gcm_nonce(*salt, ssrc, index));
                // Sealing fails only for packets of gigabytes.
                let made = key
                    .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload)
                    .map_err(|_| SealError::NoRoom)?;
                tag.copy_from_slice(made.as_ref());
            }
            Self::Cm(cm) => cm.seal(packet, header_len, tag, ssrc, index),
        }
        Ok(sealed_len)
    }
}

impl Cm {
    fn seal(&self, packet: &mut [u8], header_len: usize, tag: &mut [u8], ssrc: u32, index: u64) {
        let core = CtrCore::<&Aes128, Ctr128BE>::inner_iv_init(
            &self.cipher,
            &cm_iv(self.salt, ssrc, index).into(),
        );
        let payload = packet.get_mut(header_len..).unwrap_or_default();
        StreamCipherCoreWrapper::from_core(core).apply_keystream(payload);
        let mut mac = hmac::Context::with_key(&self.authentication);
        mac.update(packet);
        mac.update(&roll_over(index));
        let made = mac.sign();
        for (to, from) in tag.iter_mut().zip(made.as_ref()) {
            *to = *from;
        }
    }
}

/// The roll-over counter, the upper 32 of the 48 bits of an index.
#[inline]
fn roll_over(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

/// RFC 7714 §8.1: salt xor (00 00 | SSRC | ROC | SEQ).
#[inline]
pub(super) fn gcm_nonce(mut salt: [u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let [_, _, index @ ..] = index.to_be_bytes();
    let input = ssrc.to_be_bytes().into_iter().chain(index);
    for (byte, input) in salt.iter_mut().skip(2).zip(input) {
        *byte ^= input;
    }
    salt
}

/// RFC 3711 §4.1.1: (salt << 16) xor (SSRC << 64) xor (index << 16).
#[inline]
pub(super) fn cm_iv(salt: [u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    for (to, from) in iv.iter_mut().zip(salt) {
        *to = from;
    }
    let [_, _, index @ ..] = index.to_be_bytes();
    let input = ssrc.to_be_bytes().into_iter().chain(index);
    for (byte, input) in iv.iter_mut().skip(4).zip(input) {
        *byte ^= input;
    }
    iv
}
