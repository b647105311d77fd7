//! TURN over one connection, in the clear or inside TLS: for lines that pass nothing else.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use sfu::turn::relay::Relay;

/// Most bytes waiting to be written. What comes when it is full is dropped, as on UDP.
const MAX_UNSENT: usize = 256 * 1_024;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1_024;

/// A TURN server, and who one is there.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its address.
    pub server: SocketAddr,
    /// For TURN inside TLS: the name in its certificate, and how it is believed.
    pub tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    /// A user.
    pub username: String,
    /// And its password.
    pub credential: String,
}

/// One endpoint's connection.
#[derive(Debug)]
pub(super) struct RelayLink {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    relay: Relay,
    connected: bool,
    /// What was not sent yet, before it is put into TLS.
    unsent: Vec<u8>,
}

impl RelayLink {
    pub(super) fn open(
        way: Way,
        peer: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(way.server)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let tls = way
            .tls
            .map(|(name, config)| ClientConnection::new(config, name));
        let tls = tls.transpose().map_err(io::Error::other)?;
        let mut relay = Relay::new(&way.username, &way.credential, peer);
        let mut unsent = Vec::new();
        relay.begin(&mut unsent);
        Ok(Self {
            stream,
            tls: tls.map(Box::new),
            relay,
            connected: false,
            unsent,
        })
    }

    /// Queues a packet and writes what can be written. Before there is a channel it is lost, as on a
    /// network that is not there yet.
    pub(super) fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        if !self.relay.is_open() || self.unsent.len() + packet.len() > MAX_UNSENT {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Relay::put(packet, &mut self.unsent);
        self.flush()
    }

    /// Writes what can be written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.connected {
            self.connected = self.stream.peer_addr().is_ok();
            if !self.connected {
                return Ok(());
            }
            self.stream.set_nodelay(true)?;
        }
        self.relay.handle_timeout(Instant::now(), &mut self.unsent);
        let written = match &mut self.tls {
            None => write_all(&mut self.stream, &mut self.unsent),
            Some(tls) => write_sealed(&mut self.stream, tls, &mut self.unsent),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            outcome => outcome,
        }
    }

    /// Reads what is there and hands whole packets on.
    pub(super) fn receive(&mut self, mut each: impl FnMut(&mut [u8])) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let length = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
                    ) =>
                {
                    return self.flush();
                }
                Err(error) => return Err(error),
            };
            let mut read = buffer.get(..length).unwrap_or_default();
            let mut plain = Vec::new();
            if let Some(tls) = &mut self.tls {
                while !read.is_empty() {
                    tls.read_tls(&mut read)?;
                    tls.process_new_packets().map_err(io::Error::other)?;
                    // Ends where nothing more was opened.
                    let _ = tls.reader().read_to_end(&mut plain);
                }
                read = &plain;
            }
            self.relay
                .take(Instant::now(), read, &mut self.unsent, &mut each)
                .map_err(io::Error::other)?;
        }
    }
}

fn write_all(stream: &mut TcpStream, unsent: &mut Vec<u8>) -> io::Result<()> {
    while !unsent.is_empty() {
        let written = stream.write(unsent)?;
        unsent.drain(..written);
    }
    Ok(())
}

/// What TLS does not take yet, as it shakes hands, waits here.
fn write_sealed(
    stream: &mut TcpStream,
    tls: &mut ClientConnection,
    unsent: &mut Vec<u8>,
) -> io::Result<()> {
    if !tls.is_handshaking() {
        let taken = tls.writer().write(unsent)?;
        unsent.drain(..taken);
    }
    while tls.wants_write() {
        tls.write_tls(stream)?;
    }
    Ok(())
}
