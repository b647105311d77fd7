//! A UDP socket of one endpoint's own, where the server is not on loopback.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

/// Largest datagram read; anything longer is cut off, which no protocol here survives.
pub(super) const DATAGRAM_BYTES: usize = 2_048;

/// The socket, connected to the endpoint's server.
#[derive(Debug)]
pub(super) struct OwnSocket(UdpSocket);

impl OwnSocket {
    pub(super) fn open(to: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut socket = UdpSocket::bind((any, 0).into())?;
        socket.connect(to)?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Self(socket))
    }

    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.0.send(datagram).map(drop)
    }

    /// The next datagram's length, `None` when nothing is there.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.0.recv(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // An ICMP answer to what was sent: the server is not there (yet).
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error),
        }
    }
}
