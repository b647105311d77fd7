//! What tests share: a fixed point in time, so that nothing else reads the clock, and where media
//! threads listen.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where tests take their base time"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::time::Instant;

use crate::config::Config;

/// The same instant for every caller of one process.
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// The loopback, on ports that the system chooses.
pub fn config() -> Config {
    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Config {
        bind: LOOPBACK,
        advertise: vec![LOOPBACK],
        port: 0,
        ..Config::default()
    }
}
