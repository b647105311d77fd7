//! TURN (RFC 8656) over TCP and TLS, and only towards ourselves: for clients whose firewall lets
//! nothing else through.
//!
//! ```text
//! bytes of a connection ─▶ Client ─▶  datagrams for the shard, answers for the client
//!  datagram of the shard ─▶ Envelope ─▶ bytes of the connection
//! ```
//!
//! Nothing is relayed. What a client sends to one of our own media addresses is handed to the shard as
//! if it had come there, and any other address is refused. The relayed address that a client is told
//! is made up: there is no socket behind it, so there are no ports to be opened and nothing for
//! strangers to use.

pub mod allocation;
pub mod authority;
pub mod client;
pub mod credentials;
pub mod envelope;
pub mod message;
pub mod nonce;
pub mod relay;

pub use authority::Authority;
pub use client::{Client, Ending, Happening};
pub use credentials::Credentials;
pub use envelope::Envelope;
pub use rtc_stun::attributes;

/// The realm of every password. Short, as it is in every refusal.
pub const REALM: &str = "dinh";
