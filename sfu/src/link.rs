//! What one shard says to another: subscribe to a publication once, fan out locally.

use crate::id::{ConferenceId, PublicationId, ShardId};
use crate::kind::{Codec, MediaKind};
use crate::packet::SharedPacket;
use crate::publication::layer::ClockPair;

/// A message between shards. The shard a publication lives on is part of its id.
#[derive(Clone, Debug)]
pub enum LinkMessage {
    /// Send me every packet of this publication. Repeated until [`Described`](Self::Described).
    Subscribe {
        /// Who asks.
        from: ShardId,
        /// For what.
        publication: PublicationId,
    },
    /// No longer.
    Unsubscribe {
        /// Who asks.
        from: ShardId,
        /// For what.
        publication: PublicationId,
    },
    /// The answer to a subscription: what its packets are.
    Described {
        /// Which.
        publication: PublicationId,
        /// In which conference.
        conference: ConferenceId,
        /// Sound or picture.
        kind: MediaKind,
        /// Negotiated codec.
        codec: Codec,
        /// Number of layers.
        layers: u8,
    },
    /// What has come since the newest keyframe of a layer, for who comes late there.
    Held {
        /// Of which publication.
        publication: PublicationId,
        /// In order; bounded as a ring is.
        packets: Vec<SharedPacket>,
    },
    /// One packet, shared.
    Packet {
        /// Of which publication.
        publication: PublicationId,
        /// The packet.
        packet: SharedPacket,
    },
    /// A layer's clock, from a sender report.
    Clock {
        /// Of which publication.
        publication: PublicationId,
        /// Of which layer.
        layer: u8,
        /// The clock.
        clock: ClockPair,
    },
    /// Somebody there waits for a keyframe.
    KeyframeWanted {
        /// Of which publication.
        publication: PublicationId,
        /// Of which layer.
        layer: u8,
    },
    /// The slots there wish for so many of its layers, the lowest first.
    LayersWished {
        /// Who says so.
        from: ShardId,
        /// Of which publication.
        publication: PublicationId,
        /// How many.
        layers: u8,
    },
    /// The publication is gone.
    Ended {
        /// Which.
        publication: PublicationId,
    },
}

impl LinkMessage {
    /// Whether losing it costs no more than losing a packet on the network.
    pub const fn is_media(&self) -> bool {
        matches!(self, Self::Packet { .. })
    }
}
