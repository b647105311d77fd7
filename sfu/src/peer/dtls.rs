//! The DTLS 1.2 handshake of a peer (RFC 6347, RFC 5764): certificate, both roles, SRTP keys.

mod fragments;
mod identity;
mod record;
mod session;

pub use identity::{ClientConfig, Identity, IdentityError};
pub use session::{Event, Failure, Session};
