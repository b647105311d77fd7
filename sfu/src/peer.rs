//! One participant's peer connection: path, handshake, keys, and what runs over them.

mod crypto;
pub mod dtls;
pub mod ice;
pub mod srtp;
