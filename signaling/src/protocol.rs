//! The WebSocket protocol, version 1, as plain data. `PROTOCOL.md` explains it.
//!
//! No sockets, tasks or rules in here: only what the messages are.

pub mod client;
pub mod closing;
pub mod condition;
pub mod crowd;
pub mod endings;
pub mod line;
pub mod server;
mod view;

pub use client::{
    ClientMessage, FloorMessage, OpeningMessage, PageMessage, PeerMessage, PeopleMessage,
    SourcesMessage, StageMessage,
};
pub use closing::CloseReason;
pub use condition::{Capture, Condition};
pub use server::ServerMessage;
pub(crate) use view::departed_entry;
pub use view::{RosterEntry, RosterView, Snapshot};

/// Words of the conference that its messages are made of.
pub use crate::conference::{Arriving, Counts, LastTurn, Phase, Place, Source};
pub use crate::refusal::ErrorCode;

/// The one version of the protocol that is spoken here.
pub const VERSION: u32 = 1;

/// Largest frame that the server reads, in bytes. A larger one closes the connection.
///
/// Higher: a client can make us hold more before it is known. Lower: an offer with many m-lines
/// (25–30 KiB from browsers) would not fit.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
