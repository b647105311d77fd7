//! The receiving side: sockets that a thread empties, as a load generator does.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use rustix::net::sockopt;

/// Largest message with receive offload, bytes.
const MESSAGE: usize = 65_535;
/// Kernel buffer asked for, bytes.
const BUFFER: usize = 64 * 1_024 * 1_024;

/// One socket on all of 127.0.0.0/8, emptied every millisecond with receive offload.
pub(crate) struct Sink {
    port: u16,
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    pub(crate) fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The privileged option goes past the system's limit. What is lost is printed.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, BUFFER)?;
        }
        let port = socket.local_addr()?.port();
        let received = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
            move || drain(&socket, &state, &received, &stop)
        });
        Ok(Self {
            port,
            received,
            stop,
            thread: Some(thread),
        })
    }

    /// The address of receiver `index`.
    pub(crate) fn address(&self, index: u32) -> SocketAddr {
        let [.., b, c, d] = index.to_be_bytes();
        SocketAddr::from(([127, 1 + b, c, d], self.port))
    }

    /// Packets received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn drain(socket: &UdpSocket, state: &UdpSocketState, received: &AtomicU64, stop: &AtomicBool) {
    let mut buffer = vec![0; MESSAGE * BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    while !stop.load(Ordering::Relaxed) {
        let mut slices: Vec<_> = buffer.chunks_mut(MESSAGE).map(IoSliceMut::new).collect();
        match state.recv(UdpSockRef::from(socket), &mut slices, &mut metas) {
            Ok(count) => {
                let packets = |meta: &RecvMeta| meta.len.div_ceil(meta.stride.max(1)) as u64;
                let sum = metas.iter().take(count).map(packets).sum();
                received.fetch_add(sum, Ordering::Relaxed);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}
