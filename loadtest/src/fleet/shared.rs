//! UDP sockets that all endpoints on loopback share.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt;

use super::FleetConfig;

/// The first endpoint's address; the others follow. 127.0.x.x is left to servers.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 0]);
/// Largest GRO message.
const MESSAGE_BYTES: usize = 65_535;

/// A message: datagrams of `stride` bytes each, the last perhaps shorter.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) slot: usize,
    pub(super) bytes: &'a mut [u8],
    pub(super) stride: usize,
    /// When the kernel got it, since 1970.
    pub(super) arrival: Option<Duration>,
}

/// The sockets with the buffers to read them.
#[derive(Debug)]
pub(super) struct SharedSockets {
    sockets: Vec<(UdpSocket, UdpSocketState)>,
    buffer: Vec<u8>,
    metas: Vec<RecvMeta>,
    receive_buffer: usize,
}

impl SharedSockets {
    pub(super) fn open(config: &FleetConfig) -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut receive_buffer = usize::MAX;
        for _ in 0..config.shared_sockets.max(1) {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            let state = UdpSocketState::new((&socket).into())?;
            // The privileged option goes past the system's limit; without privilege take the limit.
            if sockopt::set_socket_recv_buffer_size_force(&socket, config.receive_buffer).is_err() {
                sockopt::set_socket_recv_buffer_size(&socket, config.receive_buffer)?;
            }
            receive_buffer = receive_buffer.min(sockopt::socket_recv_buffer_size(&socket)?);
            sockets.push((socket, state));
        }
        Ok(Self {
            sockets,
            buffer: vec![0; MESSAGE_BYTES * BATCH_SIZE],
            metas: vec![RecvMeta::default(); BATCH_SIZE],
            receive_buffer,
        })
    }

    pub(super) const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    pub(super) const fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Local ports, for looking up what the kernel dropped.
    pub(super) fn ports(&self) -> Vec<u16> {
        let addresses = self
            .sockets
            .iter()
            .filter_map(|(socket, _)| socket.local_addr().ok());
        addresses.map(|address| address.port()).collect()
    }

    /// Reads one batch from one socket and hands its messages on. `false`: nothing was there.
    pub(super) fn receive(
        &mut self,
        socket: usize,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<bool> {
        let Some((socket, state)) = self.sockets.get(socket) else {
            return Ok(false);
        };
        let mut slices: Vec<IoSliceMut<'_>> = self
            .buffer
            .chunks_mut(MESSAGE_BYTES)
            .map(IoSliceMut::new)
            .collect();
        let count = match state.recv(socket.into(), &mut slices, &mut self.metas) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (meta, slice) in self.metas.iter().zip(&mut slices).take(count) {
            let Some(slot) = meta.dst_ip.and_then(slot_of) else {
                continue;
            };
            let Some(bytes) = slice.get_mut(..meta.len) else {
                continue;
            };
            each(Message {
                slot,
                bytes,
                stride: meta.stride.max(1),
                arrival: meta.timestamp,
            });
        }
        Ok(count == BATCH_SIZE)
    }

    /// Sends one datagram from the address of a slot.
    pub(super) fn send(&self, slot: usize, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let Some((socket, state)) = self.sockets.get(slot % self.sockets.len()) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        state.try_send(
            socket.into(),
            &Transmit {
                destination: to,
                ecn: None,
                contents: datagram,
                segment_size: None,
                src_ip: address_of(slot).map(IpAddr::V4),
            },
        )
    }
}

fn address_of(slot: usize) -> Option<Ipv4Addr> {
    let number = FIRST.checked_add(u32::try_from(slot).ok()?)?;
    let address = Ipv4Addr::from_bits(number);
    address.is_loopback().then_some(address)
}

fn slot_of(address: IpAddr) -> Option<usize> {
    match address {
        IpAddr::V4(address) => address
            .to_bits()
            .checked_sub(FIRST)
            .map(|slot| slot as usize),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_an_address_of_its_own_on_loopback() {
        for slot in [0, 1, 255, 256, 65_536, 200_000] {
            let address = address_of(slot).unwrap();
            assert!(address.is_loopback());
            assert_eq!(slot_of(address.into()), Some(slot));
        }
        assert_eq!(address_of(1 << 24), None, "beyond 127.0.0.0/8");
        assert_eq!(slot_of("127.0.0.1".parse().unwrap()), None);
    }

    #[test]
    fn a_datagram_reaches_the_slot_it_is_addressed_to_and_answers_from_there() {
        let mut sockets = SharedSockets::open(&FleetConfig::default()).unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        sockets
            .send(777, server.local_addr().unwrap(), b"hello")
            .unwrap();
        let mut buffer = [0; 16];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"hello");
        assert_eq!(slot_of(from.ip()), Some(777));
        server.send_to(b"back", from).unwrap();
        let mut got = Vec::new();
        while got.is_empty() {
            sockets
                .receive(777 % 2, |message| {
                    got.push((message.slot, message.bytes.to_vec()));
                })
                .unwrap();
        }
        assert_eq!(got, [(777, b"back".to_vec())]);
    }
}
