//! One UDP socket for all peers of a shard, with segmentation offload in both directions.
#![expect(clippy::disallowed_types, reason = "the driver is the I/O edge")]

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use crate::drop_reason::DropReason;
use crate::outbox::Transmit;
use crate::path::Path;

/// Messages per receive call.
const BATCH: usize = 8;

/// Receive calls per turn.
const CALLS_PER_TURN: usize = 8;

/// Bytes of one received message: with receive offload, up to 64 KiB of segments.
const MESSAGE: usize = 65_536;

/// Kernel buffers, in bytes: some 100 ms of a full fan-out. The system may grant less.
const KERNEL_BUFFER: usize = 8 * 1_024 * 1_024;

/// The socket and its receive buffers.
pub(super) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    buffers: Box<[u8]>,
    readable: bool,
    writable: bool,
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Udp {
    pub(super) fn bind(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            // One socket serves both families when bound to all addresses.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        // A smaller buffer than wished for is no reason not to start.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        let socket: UdpSocket = socket.into();
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&socket.as_raw_fd()), token, interest)?;
        let buffers = vec![0; BATCH * MESSAGE].into_boxed_slice();
        Ok(Self {
            socket,
            state,
            local,
            buffers,
            readable: true,
            writable: true,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.local.port()
    }

    pub(super) fn on_ready(&mut self, event: &Event) {
        self.readable |= event.is_readable();
        self.writable |= event.is_writable();
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Reads what has arrived, up to a turn's share. Returns whether there may be more.
    pub(super) fn receive(&mut self, mut each: impl FnMut(Path, &[u8])) -> bool {
        for _ in 0..CALLS_PER_TURN {
            if !self.readable {
                return false;
            }
            let mut metas = [RecvMeta::default(); BATCH];
            let mut chunks = self.buffers.chunks_exact_mut(MESSAGE).map(IoSliceMut::new);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| chunks.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let received =
                match self
                    .state
                    .recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
                {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.readable = false;
                        return false;
                    }
                    // An ICMP error of an earlier send; the next call reads on.
                    Err(_) => continue,
                };
            for (meta, buffer) in metas.iter().zip(&slices).take(received) {
                let path = Path::Udp {
                    remote: unmapped(meta.addr),
                    local: meta.dst_ip,
                };
                let Some(contents) = buffer.get(..meta.len) else {
                    continue;
                };
                for datagram in contents.chunks(meta.stride.max(1)) {
                    each(path, datagram);
                }
            }
        }
        true
    }

    /// Sends one message, by segmentation offload where the kernel has it.
    pub(super) fn send(
        &mut self,
        destination: SocketAddr,
        local: Option<IpAddr>,
        transmit: &Transmit<'_>,
    ) -> Result<(), DropReason> {
        // Only a socket bound to all addresses can and must choose where it sends from.
        let src_ip = local.filter(|_| self.local.ip().is_unspecified());
        let destination = if self.local.is_ipv6() {
            mapped(destination)
        } else {
            destination
        };
        let is_one = transmit.contents.len() <= transmit.segment;
        if is_one || self.state.max_gso_segments() > 1 {
            let segment_size = (!is_one).then_some(transmit.segment);
            return self.try_send(destination, src_ip, transmit.contents, segment_size);
        }
        transmit
            .segments()
            .try_for_each(|segment| self.try_send(destination, src_ip, segment, None))
    }

    fn try_send(
        &mut self,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> Result<(), DropReason> {
        let transmit = quinn_udp::Transmit {
            destination,
            ecn: None,
            contents,
            segment_size,
            src_ip,
        };
        match self
            .state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
        {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.writable = false;
                Err(DropReason::SendQueueFull)
            }
            Err(_) => Err(DropReason::SendQueueFull),
        }
    }
}

/// An IPv4 address that arrived on an IPv6 socket, as IPv4.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An IPv4 address as an IPv6 socket wants it.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V6(_) => address,
    }
}
