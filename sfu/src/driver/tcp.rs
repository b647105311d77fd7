//! ICE-TCP (RFC 6544, passive) with the framing of RFC 4571, for lines that pass no UDP.

mod frames;
mod lane;
mod queue;
mod unproven;

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::SendFlags;
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

use self::frames::{Frames, TooLong};
use self::queue::Queue;
use self::unproven::Unproven;
use super::FIRST_CONNECTION;
use crate::drop_reason::{DropCounters, DropReason};
use crate::outbox::Transmit;
use crate::path::{Path, TcpId};
use crate::shard::Shard;

/// Most connections of one shard. For a further one, one that has not proved to belong to a peer
/// is closed; if there is none, itself.
const MAX_CONNECTIONS: usize = 8_192;

/// Connections that may wait to be accepted; the system may allow fewer. Beyond it, the system drops
/// SYNs, and clients try again after a second.
const BACKLOG: i32 = 4_096;

/// Connections accepted per turn, so that those accepted are read before more come.
const ACCEPTS_PER_TURN: usize = 64;

/// How long until another attempt when the system gives no connection. Higher: those who wait wait
/// longer. Lower: more is tried in vain.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bytes that the system keeps of one connection beyond what is on its way. What is there leaves in
/// the order in which it came, however late it is.
///
/// Higher: sound waits longer on a narrow line, 160 ms at 400 kbit/s twice as long. Lower: more
/// calls.
const NOT_SENT: u32 = 4 * 1_024;

/// Bytes that may be on their way and not acknowledged: the system counts its own structures too,
/// and doubles what it is told.
///
/// Higher: a router's long queue is filled for longer. Lower: a long line carries less (64 KiB and
/// 250 ms there and back are 2 Mbit/s).
const ON_THE_WAY: usize = 64 * 1_024;

/// How long a connection may stay without an authenticated check.
const UNPROVEN: Duration = Duration::from_secs(10);

/// How often unproven connections are looked for.
const SWEEP: Duration = Duration::from_secs(2);

/// Bytes read from one connection per turn, and until it has proved to belong to a peer.
const READ: usize = 64 * 1_024;
const READ_UNPROVEN: usize = 2_048;

struct Connection {
    stream: TcpStream,
    path: Path,
    frames: Frames,
    queue: Queue,
    readable: bool,
    accepted: Instant,
    /// It has proved to belong to a peer.
    proven: bool,
}

/// The listener and its connections.
pub(super) struct Tcp {
    listener: TcpListener,
    connections: Slab<Connection>,
    unproven: Unproven,
    /// Readable connections, by key.
    ready: Vec<usize>,
    /// Connections for which there is room again, or for which a keyframe could leave.
    writable: Vec<usize>,
    /// What was dropped since the shard was told.
    drops: DropCounters,
    acceptable: bool,
    /// The poll tells of those that wait only once, so that they are asked for again then.
    accept_again: Option<Instant>,
    next_id: u64,
    next_sweep: Option<Instant>,
    buffer: Box<[u8]>,
}

impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tcp")
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

impl Tcp {
    pub(super) fn bind(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut listener = listen(address)?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Self {
            listener,
            connections: Slab::new(),
            unproven: Unproven::default(),
            ready: Vec::new(),
            writable: Vec::new(),
            drops: DropCounters::default(),
            acceptable: true,
            accept_again: None,
            next_id: 0,
            next_sweep: None,
            buffer: vec![0; READ].into_boxed_slice(),
        })
    }

    pub(super) fn on_listener_ready(&mut self) {
        self.acceptable = true;
    }

    pub(super) fn on_ready(&mut self, token: Token, event: &Event) {
        let key = token.0.wrapping_sub(FIRST_CONNECTION);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if event.is_writable() {
            self.writable.push(key);
        }
        if (event.is_readable() || event.is_error()) && !connection.readable {
            connection.readable = true;
            self.ready.push(key);
        }
    }

    /// Accepts, reads, writes what had to wait, closes. Returns whether there may be more to read at
    /// once.
    pub(super) fn receive(&mut self, now: Instant, registry: &Registry, shard: &mut Shard) -> bool {
        for key in std::mem::take(&mut self.writable) {
            self.write(now, key, shard);
        }
        if self.accept_again.is_some_and(|due| due <= now) {
            self.accept_again = None;
            self.acceptable = true;
        }
        self.accept(now, registry, shard);
        let mut ready = std::mem::take(&mut self.ready);
        ready.retain(|key| self.read(now, *key, registry, shard));
        self.ready.append(&mut ready);
        self.sweep(now, registry, shard);
        self.acceptable || !self.ready.is_empty()
    }

    fn accept(&mut self, now: Instant, registry: &Registry, shard: &mut Shard) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.acceptable {
                return;
            }
            let (mut stream, remote) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.acceptable = false;
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.miss(now, registry, shard);
                    }
                    return;
                }
            };
            if self.connections.len() >= MAX_CONNECTIONS {
                let Some(idlest) = self.unproven.give_up() else {
                    continue;
                };
                self.close(now, idlest, registry, shard);
            }
            let _ = stream.set_nodelay(true);
            let entry = self.connections.vacant_entry();
            let token = Token(FIRST_CONNECTION + entry.key());
            let interest = Interest::READABLE | Interest::WRITABLE;
            if registry.register(&mut stream, token, interest).is_err() {
                continue;
            }
            // The key is part of the id, so that a transmit finds its connection at once.
            let id = TcpId(self.next_id << 16 | entry.key() as u64);
            self.next_id += 1;
            let key = entry.key();
            entry.insert(Connection {
                stream,
                path: Path::Tcp { id, remote },
                frames: Frames::default(),
                queue: Queue::new(),
                readable: false,
                accepted: now,
                proven: false,
            });
            if let Some(idlest) = self.unproven.add(now, key, remote.ip()) {
                self.close(now, idlest, registry, shard);
            }
            self.next_sweep.get_or_insert(now + SWEEP);
        }
    }

    /// The system gave no connection: one that nobody knows makes room, and the next turn tries again.
    fn miss(&mut self, now: Instant, registry: &Registry, shard: &mut Shard) {
        shard.count_drop(DropReason::NotAccepted);
        self.accept_again = Some(now + ACCEPT_PAUSE);
        if let Some(idlest) = self.unproven.give_up() {
            self.close(now, idlest, registry, shard);
        }
    }

    /// Reads one connection. Returns whether it may have more.
    fn read(&mut self, now: Instant, key: usize, registry: &Registry, shard: &mut Shard) -> bool {
        let Some(connection) = self.connections.get_mut(key) else {
            return false;
        };
        let most = if connection.proven {
            READ
        } else {
            READ_UNPROVEN
        };
        let buffer = self.buffer.get_mut(..most).unwrap_or_default();
        match connection.stream.read(buffer) {
            Ok(0) => {}
            Ok(length) => {
                let path = connection.path;
                let read = self.buffer.get(..length).unwrap_or_default();
                let each = |frame: &[u8]| shard.handle_datagram(now, path, frame);
                match connection.frames.take(read, each) {
                    Ok(()) => {
                        if !connection.proven {
                            connection.proven = shard.knows_path(path);
                            self.note_unproven(now, key);
                        }
                        return true;
                    }
                    // Where the next frame begins nobody knows any more.
                    Err(TooLong) => shard.count_drop(DropReason::BadFraming),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                connection.readable = false;
                return false;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(_) => {}
        }
        self.close(now, key, registry, shard);
        false
    }

    /// Something came on a connection that had not proved to belong to a peer.
    fn note_unproven(&mut self, now: Instant, key: usize) {
        let connection = self.connections.get(key);
        if connection.is_some_and(|connection| connection.proven) {
            self.unproven.remove(key);
        } else {
            self.unproven.hear(now, key);
        }
    }

    fn close(&mut self, now: Instant, key: usize, registry: &Registry, shard: &mut Shard) {
        if let Some(mut connection) = self.connections.try_remove(key) {
            // Closing the descriptor takes it out of the poll as well.
            let _ = registry.deregister(&mut connection.stream);
            self.unproven.remove(key);
            shard.handle_path_closed(now, connection.path);
        }
    }

    /// Closes connections that never proved to belong to a peer, or whose peer is gone.
    fn sweep(&mut self, now: Instant, registry: &Registry, shard: &mut Shard) {
        if self.next_sweep.is_none_or(|due| due > now) {
            return;
        }
        let stale: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                now.saturating_duration_since(connection.accepted) >= UNPROVEN
            })
            .filter(|(_, connection)| !shard.knows_path(connection.path))
            .map(|(key, _)| key)
            .collect();
        for key in stale {
            self.close(now, key, registry, shard);
        }
        self.next_sweep = (!self.connections.is_empty()).then_some(now + SWEEP);
    }

    /// Writes what waits for a connection, and asks for a keyframe where that would now leave.
    fn write(&mut self, now: Instant, key: usize, shard: &mut Shard) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.write_out(now);
        let late = connection.queue.take_too_late();
        self.drops.count_many(DropReason::TooLate, late);
        if let Some(ssrc) = connection.queue.poll_keyframe(now) {
            shard.handle_picture_left_out(now, connection.path, ssrc);
        }
        shard.count_drops(&std::mem::take(&mut self.drops));
    }

    /// Queues the segments of a message, and sends what the system takes.
    pub(super) fn send(&mut self, now: Instant, id: TcpId, transmit: &Transmit<'_>) {
        let key = usize::try_from(id.0 & 0xffff).unwrap_or(usize::MAX);
        let is_it = |connection: &&mut Connection| matches!(connection.path, Path::Tcp { id: known, .. } if known == id);
        let Some(connection) = self.connections.get_mut(key).filter(is_it) else {
            self.drops.count(DropReason::NoPath);
            return;
        };
        for (kind, segment) in transmit.sorted() {
            if let Err(reason) = connection.queue.push(now, kind, segment) {
                self.drops.count(reason);
            }
        }
        connection.write_out(now);
        if connection.queue.is_broken() {
            self.writable.push(key);
        }
    }
}

/// A socket that takes connections.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // One socket serves both families when bound to all addresses.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    // What is accepted inherits these. A system that knows them not is later on narrow lines.
    let _ = socket.set_tcp_notsent_lowat(NOT_SENT);
    let _ = socket.set_send_buffer_size(ON_THE_WAY);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

impl Connection {
    /// Writes as much of the queue as the system takes. A broken connection shows when it is read.
    ///
    /// Each write is a record of its own (MSG_EOR): to one that it has begun, the system adds up to
    /// 64 KiB without asking whether [`NOT_SENT`] is exceeded.
    fn write_out(&mut self, now: Instant) {
        loop {
            let next = self.queue.next(now);
            if next.is_empty() {
                return;
            }
            let flags = SendFlags::EOR | SendFlags::NOSIGNAL;
            match rustix::net::send(&self.stream, next, flags) {
                Ok(written) if written > 0 => self.queue.wrote(written),
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
