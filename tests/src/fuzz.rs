//! Targets of fuzzing: every parser that strangers can reach, and a whole shard.
//!
//! A target is a function of bytes that must return, whatever they are. Two runners use the same
//! list: `tests/tests/fuzz.rs` for a short seeded run in `cargo test`, and `tests/fuzz`, a shell for
//! libFuzzer that follows coverage (`make fuzz`).

pub mod mutate;
mod parsers;
mod people;
mod reports;
mod shard;
mod transport;
mod turn;

/// One thing to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// How it is called on a command line.
    pub name: &'static str,
    /// Valid inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Takes any input, and panics where it has found a fault.
    pub run: fn(&[u8]),
    /// How many inputs the short run gives it; slow targets get fewer.
    pub short: u32,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    parsers::OFFER,
    parsers::RTP,
    parsers::RTCP,
    parsers::PAYLOAD,
    parsers::FRAMING,
    parsers::ANSWER,
    reports::LINE,
    reports::FEEDBACK,
    reports::HEADER,
    transport::STUN,
    transport::DTLS,
    transport::SRTP,
    turn::TURN,
    shard::SHARD,
    people::MESSAGE,
    people::EVENT,
    people::SITES,
    people::TOKEN,
    people::SETTINGS,
    people::WHIP,
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
