//! What carries requests to the media plane and its answers back: datagrams of UDP, or a stream with
//! frames of ICE-TCP or messages of TURN in it. Each is the way of one peer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use sfu::pieces::{FRAMES, Pieces};
use sfu::turn::relay::Relay;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// Most that is read at once.
const READ_BYTES: usize = 4_096;

/// Bytes of the headers in front of a datagram.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;

/// A line that carries bytes both ways.
pub(super) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// A way that is open.
pub(super) enum Carrier {
    /// By UDP, to one address. Packets are not cut up.
    Datagrams(UdpSocket, Vec<u8>),
    /// By TCP, in one way or another.
    Stream(Box<Stream>),
}

/// A line with messages in it.
pub(super) struct Stream {
    reader: ReadHalf<Box<dyn Line>>,
    writer: WriteHalf<Box<dyn Line>>,
    speech: Speech,
    buffer: Vec<u8>,
    /// What waits to be written. Whoever measures sends some hundred requests on one way, and no more.
    out: Vec<u8>,
    /// Something is to be written, or was and may be kept back.
    is_pending: bool,
    /// What has come and was not asked for yet.
    inbox: VecDeque<Vec<u8>>,
}

/// How messages are put into a line.
enum Speech {
    /// RFC 4571: the length in front of each.
    Frames(Pieces),
    /// A TURN server hands them on.
    Turn(Box<Relay>),
}

impl Carrier {
    /// By UDP.
    pub(super) async fn udp(to: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
        socket.connect(to).await?;
        whole(&socket, to.is_ipv4());
        Ok(Self::Datagrams(socket, vec![0; READ_BYTES]))
    }

    /// By ICE-TCP.
    pub(super) fn frames(line: Box<dyn Line>) -> Self {
        Self::stream(line, Speech::Frames(Pieces::default()))
    }

    /// By a TURN server, once it has let us in.
    pub(super) async fn turn(line: Box<dyn Line>, mut relay: Relay) -> Result<Self, String> {
        let mut out = Vec::new();
        relay.begin(&mut out);
        let mut carrier = Self::stream(line, Speech::Turn(Box::new(relay)));
        if let Self::Stream(stream) = &mut carrier {
            stream.out = out;
            stream.is_pending = true;
            while !stream.is_open() {
                stream.turn_over().await?;
            }
        }
        Ok(carrier)
    }

    fn stream(line: Box<dyn Line>, speech: Speech) -> Self {
        let (reader, writer) = split(line);
        Self::Stream(Box::new(Stream {
            reader,
            writer,
            speech,
            buffer: vec![0; READ_BYTES],
            out: Vec::new(),
            is_pending: false,
            inbox: VecDeque::new(),
        }))
    }

    /// Bytes that stand in front of a message on the way, where each is a packet by itself.
    pub(super) fn headers(&self) -> Option<usize> {
        match self {
            Self::Datagrams(socket, _) => {
                let is_v4 = socket.local_addr().is_ok_and(|at| at.is_ipv4());
                Some(if is_v4 { HEADERS_V4 } else { HEADERS_V6 })
            }
            Self::Stream(_) => None,
        }
    }

    /// Sends a message. By TCP it leaves while the next one is waited for.
    pub(super) async fn send(&mut self, message: &[u8]) {
        match self {
            // What cannot be sent, as it is too long, does not arrive.
            Self::Datagrams(socket, _) => drop(socket.send(message).await),
            Self::Stream(stream) => stream.put(message),
        }
    }

    /// The next message. Nothing is lost when this is given up in between.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, String> {
        match self {
            Self::Datagrams(socket, buffer) => loop {
                // That nobody listens there yet may be said of an earlier one.
                if let Ok(length) = socket.recv(buffer).await {
                    return Ok(buffer.get(..length).unwrap_or_default().to_vec());
                }
            },
            Self::Stream(stream) => loop {
                if let Some(message) = stream.inbox.pop_front() {
                    return Ok(message);
                }
                stream.turn_over().await?;
            },
        }
    }
}

impl Stream {
    fn is_open(&self) -> bool {
        match &self.speech {
            Speech::Frames(_) => true,
            Speech::Turn(relay) => relay.is_open(),
        }
    }

    fn put(&mut self, message: &[u8]) {
        match &self.speech {
            Speech::Frames(_) => {
                let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
                self.out.extend(length.to_be_bytes());
                self.out.extend(message);
            }
            Speech::Turn(_) => Relay::put(message, &mut self.out),
        }
        self.is_pending = true;
    }

    /// Writes or reads something, whichever can be done first.
    async fn turn_over(&mut self) -> Result<(), String> {
        let Self {
            reader,
            writer,
            buffer,
            out,
            is_pending,
            ..
        } = self;
        let writing = async {
            if out.is_empty() {
                writer.flush().await.map(|()| 0)
            } else {
                writer.write(out).await
            }
        };
        let length = tokio::select! {
            written = writing, if *is_pending => {
                let written = written.map_err(|cause| cause.to_string())?;
                out.drain(..written);
                *is_pending = written > 0;
                return Ok(());
            }
            read = reader.read(buffer) => read.map_err(|cause| cause.to_string())?,
        };
        if length == 0 {
            return Err("the connection was closed".to_owned());
        }
        self.take(length)
    }

    /// Takes so many bytes of the buffer.
    fn take(&mut self, length: usize) -> Result<(), String> {
        let Self {
            speech,
            buffer,
            out,
            inbox,
            ..
        } = self;
        let read = buffer.get(..length).unwrap_or_default();
        let taken = match speech {
            Speech::Frames(pieces) => pieces
                .take(FRAMES, read, |frame| {
                    inbox.push_back(frame.get(2..).unwrap_or_default().to_vec());
                })
                .map_err(|_| "what answers does not speak ICE-TCP".to_owned()),
            Speech::Turn(relay) => relay
                .take(Instant::now().into_std(), read, out, |datagram| {
                    inbox.push_back(datagram.to_vec());
                })
                .map_err(|cause| cause.to_string()),
        };
        // A TURN server may have to be answered.
        self.is_pending |= !self.out.is_empty();
        taken
    }
}

/// From now on packets that are too long on the way are lost instead of cut up.
#[cfg(target_os = "linux")]
fn whole(socket: &UdpSocket, is_ipv4: bool) {
    use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
    // Where the system refuses, long packets pass in pieces, and nothing else is different.
    let _ = if is_ipv4 {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)
    } else {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)
    };
}

#[cfg(not(target_os = "linux"))]
const fn whole(_: &UdpSocket, _: bool) {}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn messages_come_out_of_a_stream_as_they_were_put_in_also_where_it_holds_little() {
        let (here, there) = duplex(64);
        let mut carrier = Carrier::frames(Box::new(here));
        for message in [&[7; 100][..], &[8; 30]] {
            carrier.send(message).await;
        }
        // What comes back is what was sent.
        tokio::spawn(async move {
            let (mut from, mut to) = split(there);
            tokio::io::copy(&mut from, &mut to).await
        });
        assert_eq!(carrier.next().await.unwrap(), [7; 100]);
        assert_eq!(carrier.next().await.unwrap(), [8; 30]);
    }

    #[tokio::test]
    async fn a_stream_that_ends_says_so() {
        let (here, there) = duplex(64);
        let mut carrier = Carrier::frames(Box::new(here));
        drop(there);
        let error = carrier.next().await.unwrap_err();
        assert!(error.contains("closed"), "{error}");
    }
}
