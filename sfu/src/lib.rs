//! The media plane: forwards what a few publish to the many who watch.
//!
//! Two layers. [`shard::Shard`] decides: bytes, commands and the time go in; messages to send,
//! events and link messages come out. It touches no socket, no clock, no thread. [`driver`] acts:
//! one thread per shard with its UDP and TCP sockets. [`Sfu`] is what the signaling plane holds: a
//! [`desk::Desk`], which knows who is there, and the way to the threads.
//!
//! What it does not have: names, roles, tokens, sites, transcoding, mixing, a jitter buffer.

pub mod allocate;
pub mod budget;
pub mod codec;
pub mod command;
pub mod conference;
pub mod config;
pub mod demux;
pub mod desk;
pub mod driver;
pub mod drop_reason;
pub mod egress;
pub mod events;
pub mod fanout;
pub mod feed;
pub mod handle;
pub mod id;
pub mod kind;
pub mod line;
pub mod link;
pub mod media;
pub mod outbox;
pub mod overload;
pub mod packet;
pub mod path;
pub mod peer;
pub mod pieces;
pub mod prefetch;
pub mod priority;
pub mod publication;
pub mod redundancy;
pub mod rtp;
pub mod rung;
pub mod sdp;
pub mod segment_kind;
pub mod shard;
pub mod slot;
pub mod speakers;
pub mod stats;
pub mod table;
pub mod testing;
pub mod turn;

pub use config::Config;
pub use driver::{Handover, Speaks, StartError, local_addresses, offload};
pub use events::Events;
pub use handle::Sfu;
pub use media::Media;
