//! One UDP socket for all peers of a shard, with segmentation offload in both directions.
#![expect(clippy::disallowed_types, reason = "the driver is the I/O edge")]

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Instant;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::socket::sockopt::Ipv6DontFrag;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};

use super::offload::{Offload, Refusal};
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
    offload: Offload,
    local: SocketAddr,
    /// What is left of it by other shards is theirs.
    is_shared: bool,
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
    /// Binds a port of its own.
    pub(super) fn bind(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let socket = unbound(address)?;
        socket.bind(&address.into())?;
        Self::new(socket, false, registry, token)
    }

    /// Binds a port that other shards of this process bind as well: the system gives each datagram to
    /// one of them, by the addresses it is from and to.
    pub(super) fn bind_shared(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = unbound(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        Self::new(socket, true, registry, token)
    }

    fn new(socket: Socket, is_shared: bool, registry: &Registry, token: Token) -> io::Result<Self> {
        // A smaller buffer than wished for is no reason not to start.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        let socket: UdpSocket = socket.into();
        let state = prepare(&socket)?;
        let local = socket.local_addr()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&socket.as_raw_fd()), token, interest)?;
        let buffers = vec![0; BATCH * MESSAGE].into_boxed_slice();
        Ok(Self {
            socket,
            state,
            offload: Offload::default(),
            local,
            is_shared,
            buffers,
            readable: true,
            writable: true,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.local.port()
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.local.ip()
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
                    is_shared: self.is_shared,
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

    /// Whether each packet is sent by itself because the system has refused to cut messages up.
    pub(super) const fn is_offload_off(&self) -> bool {
        self.offload.is_off()
    }

    /// Sends one message, by segmentation offload where the kernel has it.
    pub(super) fn send(
        &mut self,
        now: Instant,
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
        if transmit.contents.len() <= transmit.segment {
            let sent = self.try_send(destination, src_ip, transmit.contents, None);
            return sent.map_err(|error| self.why(&error));
        }
        if self.state.max_gso_segments() > 1 && self.offload.may_segment(now, destination.ip()) {
            let segment = Some(transmit.segment);
            match self.try_send(destination, src_ip, transmit.contents, segment) {
                Ok(()) => {
                    self.offload.note_taken();
                    return Ok(());
                }
                Err(error) if is_refusal(&error) => self.on_refusal(now, destination.ip(), &error),
                Err(error) => return Err(self.why(&error)),
            }
        }
        transmit.segments().try_for_each(|segment| {
            let sent = self.try_send(destination, src_ip, segment, None);
            sent.map_err(|error| self.why(&error))
        })
    }

    /// The system cuts nothing up for this destination. That is one destination's affair as long as
    /// others' messages are taken.
    fn on_refusal(&mut self, now: Instant, destination: IpAddr, error: &io::Error) {
        // It remembers the first refusal for ever, and for all destinations.
        if let Ok(state) = prepare(&self.socket) {
            self.state = state;
        }
        match self.offload.note_refused(now, destination) {
            Refusal::Destination => {
                tracing::debug!(%destination, %error, "packets leave one by one for a while");
            }
            Refusal::System => tracing::warn!(
                port = self.local.port(),
                %error,
                "the system cuts no messages up (UDP_SEGMENT): for half a minute each packet \
                 leaves by itself, which costs several times as much"
            ),
        }
    }

    /// Why something was not sent.
    fn why(&mut self, error: &io::Error) -> DropReason {
        if error.kind() == io::ErrorKind::WouldBlock {
            self.writable = false;
        }
        if error.raw_os_error() == Some(EMSGSIZE) {
            DropReason::TooBig
        } else {
            DropReason::SendQueueFull
        }
    }

    fn try_send(
        &self,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination,
            ecn: None,
            contents,
            segment_size,
            src_ip,
        };
        self.state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}

/// `EINVAL`, `EIO` and `EMSGSIZE`, which have no [`io::ErrorKind`] of their own.
const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
const EMSGSIZE: i32 = rustix::io::Errno::MSGSIZE.raw_os_error();

/// Whether the system has said that it does not cut this message up.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EINVAL | EIO | EMSGSIZE))
}

/// Into how many packets the system would cut a message, and of how many that arrive it would make one.
///
/// # Errors
/// When no socket can be had.
pub fn offload(bind: IpAddr) -> io::Result<(usize, usize)> {
    let state = prepare(&UdpSocket::bind((bind, 0))?)?;
    Ok((state.max_gso_segments(), state.gro_segments()))
}

fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // One socket serves both families when bound to all addresses.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Has the socket tell where datagrams came to, and cut them up.
fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    // What is larger than the way takes is cut up by whoever meets that, and not lost: payloaders
    // make packets of up to 1,400 bytes, and tunnels take less. Made for QUIC, the state above
    // forbids it. An IPv6 router cuts nothing up, but says what it takes, and then the system does.
    let forbidden = if socket.local_addr()?.is_ipv4() {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)
    } else {
        // Of IPv4 addresses on an IPv6 socket.
        let _ = sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT);
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)
            .and_then(|()| allow_fragments(socket))
    };
    if let Err(error) = forbidden {
        tracing::debug!(%error, "packets larger than a way takes are lost");
    }
    Ok(state)
}

/// Has the system cut up what is larger than the way is known to take (RFC 3542 §11.2).
fn allow_fragments(socket: &UdpSocket) -> rustix::io::Result<()> {
    let allowed = nix::sys::socket::setsockopt(socket, Ipv6DontFrag, &false);
    allowed.map_err(|error| rustix::io::Errno::from_raw_os_error(error as i32))
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

#[cfg(test)]
mod tests {
    use mio::Poll;

    use super::*;
    use crate::segment_kind::SegmentKind;

    fn bound(poll: &Poll) -> Udp {
        Udp::bind(([127, 0, 0, 1], 0).into(), poll.registry(), Token(0)).unwrap()
    }

    fn send(udp: &mut Udp, length: usize, segment: usize) -> Result<(), DropReason> {
        let (contents, kinds) = (vec![7; length], [SegmentKind::Picture; 64]);
        let remote = udp.local;
        let transmit = Transmit {
            path: Path::Udp {
                remote,
                local: None,
                is_shared: false,
            },
            contents: &contents,
            segment,
            kinds: &kinds,
        };
        udp.send(crate::driver::now(), remote, None, &transmit)
    }

    #[test]
    fn what_is_larger_than_a_way_takes_may_be_cut_up_or_is_counted() {
        let poll = Poll::new().unwrap();
        let mut udp = bound(&poll);
        let allowed = sockopt::ip_mtu_discover(&udp.socket).unwrap();
        assert_eq!(allowed, Ipv4PathMtuDiscovery::DONT);
        assert_eq!(send(&mut udp, 66_000, 66_000), Err(DropReason::TooBig));
        assert_eq!(send(&mut udp, 1_200, 1_200), Ok(()));
    }

    #[test]
    fn one_socket_serves_both_families_and_answers_from_where_it_was_asked() {
        let poll = Poll::new().unwrap();
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
        let mut udp = Udp::bind(any, poll.registry(), Token(0)).unwrap();
        let homes = ["127.0.0.1", "::1"].map(|home| home.parse::<IpAddr>().unwrap());
        // Not every system has IPv6.
        let clients = homes.map(|home| UdpSocket::bind((home, 0)).ok());
        for client in clients.into_iter().flatten() {
            let own = client.local_addr().unwrap();
            let patience = Some(std::time::Duration::from_secs(5));
            client.set_read_timeout(patience).unwrap();
            client.send_to(b"asked", (own.ip(), udp.port())).unwrap();
            let mut asked = None;
            while asked.is_none() {
                udp.readable = true;
                udp.receive(|path, _| asked = Some(path));
            }
            let Some(path @ Path::Udp { remote, local, .. }) = asked else {
                panic!("{asked:?}")
            };
            assert_eq!(remote, own);
            let contents = vec![7; 3_000];
            let transmit = Transmit {
                path,
                contents: &contents,
                segment: 1_000,
                kinds: &[SegmentKind::Picture; 3],
            };
            udp.send(crate::driver::now(), remote, local, &transmit)
                .unwrap();
            for _ in 0..3 {
                let mut read = [0; 2_000];
                let (length, from) = client.recv_from(&mut read).unwrap();
                assert_eq!((length, from), (1_000, (own.ip(), udp.port()).into()));
            }
        }
    }

    #[test]
    fn a_refusal_is_not_remembered_for_ever_and_for_all() {
        let poll = Poll::new().unwrap();
        let mut udp = bound(&poll);
        let segments = udp.state.max_gso_segments();
        // More segments than a message may have: EINVAL, as where a device takes less.
        for _ in 0..3 {
            assert_eq!(send(&mut udp, 1_300, 10), Ok(()), "one by one");
        }
        assert_eq!(udp.state.max_gso_segments(), segments);
        assert!(!udp.is_offload_off());
        let allowed = sockopt::ip_mtu_discover(&udp.socket).unwrap();
        assert_eq!(allowed, Ipv4PathMtuDiscovery::DONT);
    }

    #[test]
    fn packets_larger_than_an_ipv6_way_takes_are_cut_up() {
        let poll = Poll::new().unwrap();
        let any = (std::net::Ipv6Addr::UNSPECIFIED, 0).into();
        let udp = Udp::bind(any, poll.registry(), Token(0)).unwrap();
        assert!(!nix::sys::socket::getsockopt(&udp.socket, Ipv6DontFrag).unwrap());
        let allowed = sockopt::ipv6_mtu_discover(&udp.socket).unwrap();
        assert_eq!(allowed, Ipv6PathMtuDiscovery::DONT);
    }
}
