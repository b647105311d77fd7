//! One received media packet, decrypted once and shared by everyone who forwards it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::codec::Seen;
use crate::redundancy::{Payload, Redundancy, Redundant};

/// A media packet as its layer numbered it. Shared, never changed.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it arrived at this process.
    pub arrived: Instant,
    /// Which layer of its publication, in the order of the offer.
    pub layer: u8,
    /// Extended sequence number within the layer.
    pub sequence: u64,
    /// RTP timestamp as published.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// What the codec's payload format told.
    pub seen: Seen,
    /// Audio level of RFC 6464, −dBov: 0 loudest, 127 silence.
    pub level: Option<u8>,
    /// Payload without header and padding. Empty for a padding packet, which only moves numbers on.
    pub payload: Bytes,
    /// Of sound, the payload with what came before it.
    pub redundant: Option<Box<Redundant>>,
}

impl Packet {
    /// The payload that carries what came before as well.
    #[inline]
    pub fn carrying(&self, redundancy: Redundancy) -> Option<&Payload> {
        self.redundant.as_ref()?.at(redundancy)
    }
}

/// How packets travel: one allocation at arrival, a counter afterwards.
pub type SharedPacket = Arc<Packet>;
