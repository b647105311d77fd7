//! SRTP and SRTCP (RFC 3711, RFC 7714) of one peer: keys, sealing what we send, opening what we
//! receive. Knows nothing of streams beyond their SSRC and packet index.

mod keys;
mod opener;
mod sealer;

pub use keys::{Keys, Master, Profile, Role};
pub use opener::{KeyError, Opener};
pub use sealer::{SealError, Sealer};

#[cfg(test)]
mod tests;
