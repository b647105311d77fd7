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
        /// It came to the port that all shards share; replies leave from there.
        is_shared: bool,
    },
    /// An accepted TCP connection with RFC 4571 framing.
    Tcp {
        /// Which connection.
        id: TcpId,
        /// The peer's address as we see it.
        remote: SocketAddr,
    },
    /// An allocation of our own TURN server, over an accepted TCP connection.
    Turn {
        /// Which connection.
        id: TcpId,
        /// Which of our addresses the peer believes to reach.
        to: u8,
        /// Whether the connection is inside TLS.
        is_tls: bool,
        /// The relayed address that the peer was told, which it takes for its own.
        remote: SocketAddr,
    },
}

/// By what means a path goes, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Means {
    /// UDP.
    Udp,
    /// ICE-TCP.
    Tcp,
    /// TURN over TCP.
    Turn,
    /// TURN inside TLS.
    Turns,
}

impl Means {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Udp, Self::Tcp, Self::Turn, Self::Turns];

    /// What it is called, for the label of a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Turn => "turn",
            Self::Turns => "turns",
        }
    }
}

impl Path {
    /// The peer's address as we see it.
    pub const fn remote(&self) -> SocketAddr {
        match *self {
            Self::Udp { remote, .. } | Self::Tcp { remote, .. } | Self::Turn { remote, .. } => {
                remote
            }
        }
    }

    /// The address that tells the peer's line from those of others. `None` of one that comes by TURN: what
    /// it takes for its own address is made up, and others have the same host.
    pub const fn line(&self) -> Option<IpAddr> {
        match self {
            Self::Udp { remote, .. } | Self::Tcp { remote, .. } => Some(remote.ip()),
            Self::Turn { .. } => None,
        }
    }

    /// By what means it goes.
    pub const fn means(&self) -> Means {
        match self {
            Self::Udp { .. } => Means::Udp,
            Self::Tcp { .. } => Means::Tcp,
            Self::Turn { is_tls: false, .. } => Means::Turn,
            Self::Turn { is_tls: true, .. } => Means::Turns,
        }
    }

    /// Whether this is a TCP connection, with or without something around it: whoever has opened one
    /// receives on it.
    pub const fn is_tcp(&self) -> bool {
        !matches!(self, Self::Udp { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_by_turn_is_not_taken_for_others_who_do() {
        let remote = SocketAddr::from(([192, 0, 2, 1], 1_024));
        let id = TcpId(1);
        let turn = Path::Turn {
            id,
            to: 0,
            is_tls: true,
            remote,
        };
        assert_eq!(turn.line(), None, "its host is everybody's");
        assert_eq!(Path::Tcp { id, remote }.line(), Some(remote.ip()));
    }

    #[test]
    fn a_path_is_small_enough_to_be_compared_for_every_packet() {
        assert!(size_of::<Path>() <= 56, "{} bytes", size_of::<Path>());
    }
}
