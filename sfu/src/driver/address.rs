//! Under which addresses clients find this machine.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::command::HostCandidate;
use crate::config::Config;

/// The configured addresses; else the bound one; else this machine's own and the loopback address.
pub(super) fn advertised(config: &Config) -> Vec<IpAddr> {
    if !config.advertise.is_empty() {
        return config.advertise.clone();
    }
    if !config.bind.is_unspecified() {
        return vec![config.bind];
    }
    let loopback = IpAddr::from([127, 0, 0, 1]);
    own().into_iter().chain([loopback]).collect()
}

/// The address that this machine uses towards others: the one a datagram to a far host would leave
/// from. Nothing is sent.
fn own() -> Option<IpAddr> {
    let socket = UdpSocket::bind((IpAddr::from([0, 0, 0, 0]), 0)).ok()?;
    // Any routed address will do; this one is for documentation (RFC 5737) and answers nothing.
    socket.connect((IpAddr::from([192, 0, 2, 1]), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// One UDP and one ICE-TCP candidate per address.
pub(super) fn candidates(addresses: &[IpAddr], port: u16) -> Vec<HostCandidate> {
    let both = |address: &IpAddr| {
        [false, true].map(|tcp| HostCandidate {
            address: SocketAddr::new(*address, port),
            tcp,
        })
    };
    addresses.iter().flat_map(both).collect()
}
