//! Drives a sans-I/O client at a real server: over a UDP socket, over one TCP connection with the
//! framing of RFC 4571, or by TURN.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use loadtest::tls::Tls;
use rtc_shared::tcp_framing::{TcpFrameDecoder, frame_packet};
use sfu::turn::relay::Relay;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::world::{Browser, Client};

/// Longest sleep between two looks at the clock.
const TICK: Duration = Duration::from_millis(5);

/// How a client reaches the server.
#[derive(Debug)]
pub enum Socket {
    /// A socket of its own.
    Udp(UdpSocket),
    /// A connection of its own.
    Tcp(TcpStream, TcpFrameDecoder),
    /// An allocation at a TURN server, which is open.
    Turn(Box<Allocation>),
}

/// See [`Socket::turn`].
pub struct Allocation {
    stream: Box<dyn Stream>,
    relay: Relay,
    peer: SocketAddr,
}

impl std::fmt::Debug for Allocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allocation")
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where a TURN server is, and who one is there.
#[derive(Clone, Debug)]
pub struct TurnServer {
    /// Its address.
    pub address: SocketAddr,
    /// The name in its certificate, and how it is believed, for TURN inside TLS.
    pub tls: Option<(String, Tls)>,
    /// A user.
    pub username: String,
    /// And its password.
    pub credential: String,
}

impl Socket {
    /// A UDP socket on loopback.
    ///
    /// # Errors
    /// When the system has none.
    pub async fn udp() -> io::Result<Self> {
        Ok(Self::Udp(UdpSocket::bind("127.0.0.1:0").await?))
    }

    /// A TCP connection to the server.
    ///
    /// # Errors
    /// When nobody accepts it.
    pub async fn tcp(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream, TcpFrameDecoder::new()))
    }

    /// An allocation at a TURN server, with a channel to a peer.
    ///
    /// # Errors
    /// When there is no connection, or the server refuses.
    pub async fn turn(server: &TurnServer, peer: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &server.tls {
            None => Box::new(stream),
            Some((name, tls)) => {
                let secured = tls.connect(name, stream).await;
                Box::new(secured.map_err(io::Error::other)?)
            }
        };
        let mut relay = Relay::new(&server.username, &server.credential, peer);
        let mut out = Vec::new();
        relay.begin(&mut out);
        while !relay.is_open() {
            stream.write_all(&std::mem::take(&mut out)).await?;
            let mut buffer = [0; 2_048];
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            relay
                .take(Instant::now(), &buffer[..length], &mut out, |_| {})
                .map_err(io::Error::other)?;
        }
        Ok(Self::Turn(Box::new(Allocation {
            stream,
            relay,
            peer,
        })))
    }

    /// The client's own address.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(stream, _) => stream.local_addr(),
            Self::Turn(allocation) => allocation
                .relay
                .relayed()
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        }
    }

    /// Lets the client send and receive until `done` says so. Returns whether it did within `most`.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn run(
        &mut self,
        browser: &mut Browser,
        most: Duration,
        mut done: impl FnMut(&Browser) -> bool,
    ) -> io::Result<bool> {
        let end = Instant::now() + most;
        while Instant::now() < end {
            while let Some(datagram) = browser.poll_transmit(Instant::now()) {
                self.send(browser.server(), &datagram).await?;
            }
            if done(browser) {
                return Ok(true);
            }
            let due = browser
                .poll_timeout()
                .unwrap_or(end)
                .min(Instant::now() + TICK);
            let sleep = due.saturating_duration_since(Instant::now());
            if let Ok(arrived) = timeout(sleep, self.receive()).await {
                let (from, datagrams) = arrived?;
                let to = self.address()?;
                for datagram in datagrams {
                    browser.handle_datagram(Instant::now(), from, to, &datagram);
                }
            }
            if browser
                .poll_timeout()
                .is_some_and(|due| due <= Instant::now())
            {
                browser.handle_timeout(Instant::now());
            }
        }
        Ok(false)
    }

    async fn send(&mut self, server: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send_to(datagram, server).await.map(drop),
            Self::Tcp(stream, _) => stream.write_all(&frame_packet(datagram)).await,
            Self::Turn(allocation) => {
                let mut out = Vec::new();
                Relay::put(datagram, &mut out);
                allocation.stream.write_all(&out).await
            }
        }
    }

    async fn receive(&mut self) -> io::Result<(SocketAddr, Vec<Vec<u8>>)> {
        let mut buffer = [0; 2_048];
        match self {
            Self::Udp(socket) => {
                let (length, from) = socket.recv_from(&mut buffer).await?;
                Ok((from, vec![buffer[..length].to_vec()]))
            }
            Self::Tcp(stream, decoder) => {
                let length = stream.read(&mut buffer).await?;
                if length == 0 {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                decoder.extend_from_slice(&buffer[..length]);
                let frames = std::iter::from_fn(|| decoder.next_packet()).collect();
                Ok((stream.peer_addr()?, frames))
            }
            Self::Turn(allocation) => {
                let length = allocation.stream.read(&mut buffer).await?;
                if length == 0 {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                let (mut out, mut datagrams) = (Vec::new(), Vec::new());
                let relay = &mut allocation.relay;
                relay
                    .take(Instant::now(), &buffer[..length], &mut out, |datagram| {
                        datagrams.push(datagram.to_vec());
                    })
                    .map_err(io::Error::other)?;
                allocation.stream.write_all(&out).await?;
                Ok((allocation.peer, datagrams))
            }
        }
    }
}
