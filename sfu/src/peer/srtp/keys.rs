//! Master keys from the DTLS exporter (RFC 5764 §4.2) and session keys from master keys
//! (RFC 3711 §4.3).

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// How packets are protected. Others are never offered and never accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM` (RFC 7714): several times cheaper than the other, preferred.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 5764), for clients without the first.
    Aes128CmSha1_80,
}

impl Profile {
    /// Bytes of a master salt.
    pub const fn salt_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Bytes that sealing adds to an RTP packet.
    pub const fn overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 16,
            Self::Aes128CmSha1_80 => 10,
        }
    }

    /// Bytes of keying material that the exporter must give: two keys and two salts.
    pub const fn material_length(self) -> usize {
        2 * (KEY_LENGTH + self.salt_length())
    }
}

/// Which side of the DTLS handshake we were: it decides which keys are ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// We sent the ClientHello.
    Client,
    /// We answered it.
    Server,
}

/// Bytes of an AES-128 key.
pub(super) const KEY_LENGTH: usize = 16;

/// Labels of the key derivation (RFC 3711 §4.3.1).
const LABEL_RTP_ENCRYPTION: u8 = 0;
const LABEL_RTP_AUTHENTICATION: u8 = 1;
const LABEL_RTP_SALT: u8 = 2;

/// Master key and salt of one direction. Prints as `Master(…)`: secrets never reach a log.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Master {
    key: [u8; KEY_LENGTH],
    /// Twelve bytes with GCM: the last two are zero, as its key derivation wants them.
    salt: [u8; 14],
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(…)")
    }
}

impl Master {
    /// `None` unless the lengths are those of `profile`.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        let mut master = Self {
            key: key.try_into().ok()?,
            salt: [0; 14],
        };
        if salt.len() != profile.salt_length() {
            return None;
        }
        master.salt.get_mut(..salt.len())?.copy_from_slice(salt);
        Some(master)
    }

    pub(super) const fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn salt(&self, profile: Profile) -> &[u8] {
        self.salt.get(..profile.salt_length()).unwrap_or(&self.salt)
    }

    /// Session encryption key for RTP.
    pub fn rtp_key(&self) -> [u8; KEY_LENGTH] {
        self.derive(LABEL_RTP_ENCRYPTION)
    }

    /// Session authentication key for RTP.
    pub(super) fn rtp_authentication_key(&self) -> [u8; 20] {
        self.derive(LABEL_RTP_AUTHENTICATION)
    }

    /// Session salt for RTP, of as many bytes as the profile's salt has.
    pub fn rtp_salt<const N: usize>(&self) -> [u8; N] {
        self.derive(LABEL_RTP_SALT)
    }

    /// AES in counter mode over `label` and the master salt, key derivation rate 0.
    fn derive<const N: usize>(&self, label: u8) -> [u8; N] {
        let cipher = Aes128::new(&self.key.into());
        let mut out = [0; N];
        for (counter, chunk) in out.chunks_mut(16).enumerate() {
            let mut block = [0; 16];
            for (to, from) in block.iter_mut().zip(self.salt) {
                *to = from;
            }
            if let Some(byte) = block.get_mut(7) {
                *byte ^= label;
            }
            if let Some(byte) = block.last_mut() {
                *byte = counter.to_le_bytes()[0];
            }
            let mut block = block.into();
            cipher.encrypt_block(&mut block);
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
        out
    }
}

/// The keys of one peer connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keys {
    /// What they are for.
    pub profile: Profile,
    /// Protects what we send.
    pub local: Master,
    /// Protects what we receive.
    pub remote: Master,
}

impl Keys {
    /// Splits the exporter's output: client key, server key, client salt, server salt.
    /// `None` unless it has [`Profile::material_length`] bytes.
    pub fn from_exporter(profile: Profile, material: &[u8], role: Role) -> Option<Self> {
        if material.len() != profile.material_length() {
            return None;
        }
        let (keys, salts) = material.split_at_checked(2 * KEY_LENGTH)?;
        let (client_key, server_key) = keys.split_at_checked(KEY_LENGTH)?;
        let (client_salt, server_salt) = salts.split_at_checked(profile.salt_length())?;
        let client = Master::new(profile, client_key, client_salt)?;
        let server = Master::new(profile, server_key, server_salt)?;
        let (local, remote) = match role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Some(Self {
            profile,
            local,
            remote,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn session_keys_are_those_of_the_rfc() {
        let key = [
            0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde,
            0x41, 0x39,
        ];
        let salt = [
            0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
        ];
        let master = Master::new(Profile::Aes128CmSha1_80, &key, &salt).unwrap();
        assert_eq!(
            master.rtp_key(),
            [
                0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee, 0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7,
                0xa0, 0x87
            ]
        );
        assert_eq!(
            master.rtp_salt::<14>(),
            [
                0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c, 0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1
            ]
        );
        assert_eq!(
            master.rtp_authentication_key(),
            [
                0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71, 0x6b, 0x6f, 0xd4, 0xab, 0x49, 0xaf, 0x25,
                0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4
            ]
        );
    }

    #[test]
    fn both_roles_split_the_material_alike() {
        for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80] {
            let material: Vec<u8> = (0..profile.material_length() as u8).collect();
            let client = Keys::from_exporter(profile, &material, Role::Client).unwrap();
            let server = Keys::from_exporter(profile, &material, Role::Server).unwrap();
            assert_eq!((client.local, client.remote), (server.remote, server.local));
            assert_ne!(client.local, client.remote);
            assert_eq!(
                Keys::from_exporter(profile, &material[1..], Role::Client),
                None
            );
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let master = Master::new(Profile::AeadAes128Gcm, &[0xab; 16], &[0xcd; 12]).unwrap();
        assert_eq!(format!("{master:?}"), "Master(…)");
    }
}
