//! Which peer a datagram is for: by its path, or by the ufrag of an authenticated check.

use rustc_hash::FxHashMap;

use crate::path::Path;
use crate::peer::PeerKey;

/// What a datagram is, by its first byte (RFC 7983 §7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// STUN, 0–3.
    Stun,
    /// DTLS, 20–63.
    Dtls,
    /// SRTP, 128–191.
    Rtp,
    /// SRTCP, 128–191 with a packet type of RTCP (RFC 5761 §4).
    Rtcp,
}

/// The class of a datagram, or `None` if it is none of ours.
#[inline]
pub fn classify(datagram: &[u8]) -> Option<Class> {
    match datagram.first()? {
        0..=3 => Some(Class::Stun),
        20..=63 => Some(Class::Dtls),
        128..=191 if crate::rtp::is_rtcp(datagram) => Some(Class::Rtcp),
        128..=191 => Some(Class::Rtp),
        _ => None,
    }
}

/// Paths and ufrags of the peers of one shard. Paths enter only after an authenticated check.
#[derive(Debug, Default)]
pub struct Demux {
    by_path: FxHashMap<Path, PeerKey>,
    by_ufrag: FxHashMap<String, PeerKey>,
}

impl Demux {
    /// The peer that proved to be at this path.
    #[inline]
    pub fn at(&self, path: Path) -> Option<PeerKey> {
        self.by_path.get(&path).copied()
    }

    /// The peer that was given this ufrag.
    pub fn with_ufrag(&self, ufrag: &str) -> Option<PeerKey> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Hands out a ufrag.
    pub fn add_ufrag(&mut self, ufrag: &str, peer: PeerKey) {
        self.by_ufrag.insert(ufrag.to_owned(), peer);
    }

    /// Takes a ufrag back.
    pub fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// A peer proved to be at this path. Returns whether that is new.
    pub fn add_path(&mut self, path: Path, peer: PeerKey) -> bool {
        self.by_path.insert(path, peer) != Some(peer)
    }

    /// The peer is no longer at this path. Another peer's claim to it stays.
    pub fn remove_path(&mut self, path: Path, peer: PeerKey) {
        if self.by_path.get(&path) == Some(&peer) {
            self.by_path.remove(&path);
        }
    }

    /// Number of paths and ufrags, for tests that hostile traffic leaves nothing behind.
    pub fn len(&self) -> (usize, usize) {
        (self.by_path.len(), self.by_ufrag.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_are_classified() {
        let cases: [(&[u8], Option<Class>); 8] = [
            (&[], None),
            (&[0, 1], Some(Class::Stun)),
            (&[4], None),
            (&[22, 254, 253], Some(Class::Dtls)),
            (&[64], None),
            (&[0x80, 96], Some(Class::Rtp)),
            (&[0x80, 200], Some(Class::Rtcp)),
            (&[192], None),
        ];
        for (datagram, class) in cases {
            assert_eq!(classify(datagram), class, "{datagram:?}");
        }
    }

    #[test]
    fn a_path_that_changed_hands_is_not_taken_from_its_new_owner() {
        let mut demux = Demux::default();
        let path = Path::Udp {
            remote: ([10, 0, 0, 1], 5).into(),
            local: None,
            is_shared: false,
        };
        let [first, second] = [1, 2].map(|index| PeerKey::new(index, 0));
        assert!(demux.add_path(path, first));
        assert!(!demux.add_path(path, first));
        assert!(demux.add_path(path, second));
        demux.remove_path(path, first);
        assert_eq!(demux.at(path), Some(second));
    }
}
