//! What an operator may set about the media plane.

use std::net::{IpAddr, Ipv6Addr};

/// Settings of the media plane, checked by [`Sfu::start`](crate::Sfu::start).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Address to bind; the unspecified address binds all interfaces. That of IPv6 binds IPv4 as well,
    /// and alone on a system without IPv6.
    pub bind: IpAddr,
    /// Addresses offered to clients as ICE candidates. Empty: found out from the interfaces.
    pub advertise: Vec<IpAddr>,
    /// UDP and TCP port of shard 0; shard n uses `port + n`. 0 lets the system choose each.
    pub port: u16,
    /// A further UDP port that all shards share, for lines that pass no other. `None`: there is none.
    pub shared_udp_port: Option<u16>,
    /// Number of media threads, 1–64. `None`: one less than the machine's cores, at least 1.
    pub shards: Option<u8>,
    /// Most peers at once; joins beyond are refused with
    /// [`CommandError::Full`](crate::command::CommandError), but for some reserved places.
    pub max_peers: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: Ipv6Addr::UNSPECIFIED.into(),
            advertise: Vec::new(),
            port: 7910,
            shared_udp_port: None,
            shards: None,
            max_peers: 10_000,
        }
    }
}
