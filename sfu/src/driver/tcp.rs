//! ICE-TCP (RFC 6544, passive) with the framing of RFC 4571, for lines that pass no UDP.

mod connection;
mod lane;
mod queue;
mod unproven;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use slab::Slab;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use self::connection::Progress;
pub(super) use self::connection::{Connection, Newcomer};
use self::unproven::Unproven;
use self::wire::{Buffers, Read};
use super::FIRST_CONNECTION;
use crate::drop_reason::{DropCounters, DropReason};
use crate::id::ShardId;
use crate::outbox::Transmit;
use crate::path::TcpId;
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
/// and doubles what it is told. When a line becomes narrow it is full of them: all arrive before
/// anything else does, and what a router's queue has no room for is sent again first.
///
/// Higher: sound is missing for longer then, with 64 KiB for 1.2 s at 400 kbit/s, with these for 0.7 s.
/// Lower: a long line carries less (24 KiB and 250 ms there and back are 1.2 Mbit/s).
const ON_THE_WAY: usize = 24 * 1_024;

/// How long a connection may stay without an authenticated check.
const UNPROVEN: Duration = Duration::from_secs(10);

/// How often unproven connections are looked for.
const SWEEP: Duration = Duration::from_secs(2);

/// Bytes read from one connection per turn, and until it has proved to belong to a peer.
const READ: usize = 64 * 1_024;
const READ_UNPROVEN: usize = 2_048;

/// The listener and its connections, and those that came by another port.
pub(super) struct Tcp {
    listener: TcpListener,
    connections: Slab<Box<Connection>>,
    unproven: Unproven,
    /// Readable connections, by key.
    ready: Vec<usize>,
    /// Connections for which there is room again, or for which a keyframe could leave.
    writable: Vec<usize>,
    /// Connections that belong to peers of other shards.
    leaving: Vec<(ShardId, Newcomer)>,
    /// What was dropped since the shard was told.
    drops: DropCounters,
    acceptable: bool,
    /// The poll tells of those that wait only once, so that they are asked for again then.
    accept_again: Option<Instant>,
    next_id: u64,
    next_sweep: Option<Instant>,
    buffers: Buffers,
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
            leaving: Vec::new(),
            drops: DropCounters::default(),
            acceptable: true,
            accept_again: None,
            next_id: 0,
            next_sweep: None,
            buffers: Buffers::new(READ),
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
        if (event.is_readable() || event.is_error()) && !connection.is_readable {
            connection.is_readable = true;
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
            match self.listener.accept() {
                Ok((stream, remote)) => {
                    let connection = Box::new(Connection::accepted(now, stream, remote));
                    self.enter(now, connection, registry, shard);
                }
                Err(error) => {
                    self.acceptable = false;
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.miss(now, registry, shard);
                    }
                    return;
                }
            }
        }
    }

    /// Takes a connection in, if there is room or one that nobody knows makes some.
    fn enter(
        &mut self,
        now: Instant,
        mut connection: Box<Connection>,
        registry: &Registry,
        shard: &mut Shard,
    ) -> Option<usize> {
        if self.connections.len() >= MAX_CONNECTIONS {
            let idlest = self.unproven.give_up()?;
            self.close(now, idlest, registry, shard);
        }
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        // The key is part of the id, so that a transmit finds its connection at once.
        let id = TcpId(self.next_id << 16 | key as u64);
        self.next_id += 1;
        let token = Token(FIRST_CONNECTION + key);
        connection.register(registry, token, id).ok()?;
        let remote = connection.remote();
        entry.insert(connection);
        if let Some(idlest) = self.unproven.add(now, key, remote.ip()) {
            self.close(now, idlest, registry, shard);
        }
        self.next_sweep.get_or_insert(now + SWEEP);
        Some(key)
    }

    /// Takes in a connection that somebody else has accepted, and what came on it so far.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        newcomer: Newcomer,
        registry: &Registry,
        shard: &mut Shard,
    ) {
        let Newcomer {
            connection,
            read,
            carried,
        } = newcomer;
        let Some(key) = self.enter(now, connection, registry, shard) else {
            self.drops.count(DropReason::NotAccepted);
            return;
        };
        if let Some(connection) = self.connections.get_mut(key) {
            for (to, datagram) in &carried {
                shard.handle_datagram(now, connection.path(*to), datagram);
            }
        }
        self.look_at(now, key, &read, registry, shard);
    }

    /// The next connection that is another shard's, to be passed on.
    pub(super) fn poll_leaving(&mut self) -> Option<(ShardId, Newcomer)> {
        self.leaving.pop()
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
        let most = if connection.is_proven {
            READ
        } else {
            READ_UNPROVEN
        };
        let mut buffers = std::mem::take(&mut self.buffers);
        let may_have_more = match connection.read(most, &mut buffers) {
            Read::Some(read) => self.look_at(now, key, read, registry, shard),
            Read::Nothing => false,
            Read::Again => true,
            Read::Ended => {
                self.close(now, key, registry, shard);
                false
            }
        };
        self.buffers = buffers;
        may_have_more
    }

    /// Looks at what was read of a connection. Returns whether it is still here.
    fn look_at(
        &mut self,
        now: Instant,
        key: usize,
        read: &[u8],
        registry: &Registry,
        shard: &mut Shard,
    ) -> bool {
        let Some(connection) = self.connections.get_mut(key) else {
            return false;
        };
        let was_proven = connection.is_proven;
        match connection.take(now, read, shard) {
            Progress::GoesOn if was_proven => true,
            Progress::GoesOn => {
                if connection.is_proven {
                    self.unproven.remove(key);
                } else {
                    self.unproven.hear(now, key);
                }
                true
            }
            Progress::Senseless => {
                shard.count_drop(DropReason::BadFraming);
                self.close(now, key, registry, shard);
                false
            }
            Progress::Over => {
                self.close(now, key, registry, shard);
                false
            }
            Progress::Leaves(home, carried) => {
                if let Some(connection) = self.close(now, key, registry, shard) {
                    let newcomer = Newcomer {
                        connection,
                        read: Vec::new(),
                        carried,
                    };
                    self.leaving.push((home, newcomer));
                }
                false
            }
        }
    }

    /// Forgets a connection, which is closed when it is dropped.
    fn close(
        &mut self,
        now: Instant,
        key: usize,
        registry: &Registry,
        shard: &mut Shard,
    ) -> Option<Box<Connection>> {
        let mut connection = self.connections.try_remove(key)?;
        connection.deregister(registry);
        self.unproven.remove(key);
        for path in connection.paths() {
            shard.handle_path_closed(now, path);
        }
        Some(connection)
    }

    /// Closes connections that never proved to belong to a peer or to a client of TURN, or whose peer
    /// or allocation is gone.
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
            .filter(|(_, connection)| !connection.is_wanted(now, shard))
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
        if let Some(ssrc) = connection.queue.poll_keyframe(now)
            && let Some(path) = connection.paths().find(|path| shard.knows_path(*path))
        {
            shard.handle_picture_left_out(now, path, ssrc);
        }
        shard.count_drops(&std::mem::take(&mut self.drops));
    }

    /// Queues the segments of a message, and sends what the system takes.
    pub(super) fn send(&mut self, now: Instant, id: TcpId, transmit: &Transmit<'_>) {
        let key = usize::try_from(id.0 & 0xffff).unwrap_or(usize::MAX);
        let connection = self.connections.get_mut(key).filter(|it| it.is(id));
        let Some(connection) = connection else {
            self.drops.count(DropReason::NoPath);
            return;
        };
        connection.send(now, transmit, |reason| self.drops.count(reason));
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
    // What is accepted inherits it.
    hold_little(&socket);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Has the system keep little of what it has not sent. One that does not know how is later on narrow
/// lines.
fn hold_little<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    let _ = socket.set_tcp_notsent_lowat(NOT_SENT);
    let _ = socket.set_send_buffer_size(ON_THE_WAY);
}

#[cfg(test)]
mod tests;
