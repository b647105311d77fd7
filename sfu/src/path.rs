//! Where a peer's packets come from and where ours go.

use std::net::{IpAddr, SocketAddr};

/// One accepted ICE-TCP connection (RFC 6544). Never reused within a process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TcpId(pub u64);

/// One way to reach a peer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Path {
    /// A UDP address pair.
    Udp {
        /// The peer's address as we see it.
        remote: SocketAddr,
        /// Our address that the peer sent to; replies leave from it. `None` when unknown.
        ///
        /// Two paths that differ only here are different paths: behind a NAT that filters by
        /// address a reply from another address of ours does not arrive.
        local: Option<IpAddr>,
    },
    /// An accepted TCP connection with RFC 4571 framing.
    Tcp {
        /// Which connection.
        id: TcpId,
        /// The peer's address as we see it.
        remote: SocketAddr,
    },
}

impl Path {
    /// The peer's address as we see it.
    pub const fn remote(&self) -> SocketAddr {
        match *self {
            Self::Udp { remote, .. } | Self::Tcp { remote, .. } => remote,
        }
    }

    /// Whether this is a TCP connection.
    pub const fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }
}
