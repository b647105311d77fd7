//! Identifiers of the media plane. Each is its own type, so that two can never be swapped.

use std::fmt;

/// A conference, as numbered by whoever commands the SFU.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConferenceId(pub u64);

/// One participant's peer connection. Never reused within a process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerId(pub u64);

/// One transceiver that a peer sends on: the peer and the index of its m-line in the offer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicationId {
    /// The sending peer.
    pub peer: PeerId,
    /// Index of the m-line in the peer's offer, from 0.
    pub mline: u8,
}

/// One negotiated receive position of a peer: the peer and the index of its m-line in the offer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SlotId {
    /// The receiving peer.
    pub peer: PeerId,
    /// Index of the m-line in the peer's offer, from 0.
    pub mline: u8,
}

/// One media thread. Its number is part of the ICE ufrag of every peer that lives on it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShardId(pub u8);

/// A named thing to look at in one conference.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Feed {
    /// A place on the stage, numbered by whoever commands the SFU; what it shows is set by
    /// [`Command::Show`](crate::command::Command::Show) for all slots at once.
    Stage(u8),
    /// One particular publication.
    Publication(PublicationId),
}

/// RTP synchronization source (RFC 3550 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ssrc(pub u32);

/// RTP payload type, 7 bits (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pt(pub u8);

impl fmt::Display for ConferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.peer, self.mline)
    }
}

impl PeerId {
    /// The n-th peer of a shard. The shard is part of the number, so that any shard can tell where
    /// a peer lives.
    pub const fn new(counter: u64, shard: ShardId) -> Self {
        Self(counter << 8 | shard.0 as u64)
    }

    /// The shard that the peer lives on.
    pub const fn shard(self) -> ShardId {
        ShardId((self.0 & 0xff) as u8)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
