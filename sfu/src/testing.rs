//! What tests share: a fixed point in time, so that nothing else reads the clock, and where media
//! threads and other servers listen.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place where tests take their base time, and look for a port that is free"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// A port of the loopback, of TCP and of UDP, that nobody has and that no other caller is told.
///
/// None of those that the system gives to whoever asks for any, which begin at 32768: of those, a connection
/// of somebody else could have it before a server does or while the server restarts, and a client that tries
/// a server that is away could connect to itself.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u32 = 20_000;
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    // Processes begin far from each other.
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(7_919)));
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = u16::try_from(turn).map_or(FIRST, |turn| FIRST.saturating_add(turn));
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return port;
        }
    }
}
