//! One connection: its stream, what of a piece has come, and what waits to leave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::queue::Queue;
use super::wire::{Buffers, Read, Wire};
use crate::driver::{Handover, Speaks};
use crate::drop_reason::DropReason;
use crate::id::ShardId;
use crate::outbox::Transmit;
use crate::path::{Path, TcpId};
use crate::peer::ice;
use crate::pieces::{FRAMES, Pieces};
use crate::segment_kind::SegmentKind;
use crate::shard::Shard;
use crate::turn::{Authority, Client, Ending, Envelope, Happening};

/// Bytes of the length in front of each frame (RFC 4571 §2).
const LENGTH: usize = 2;

/// A datagram that was read where its peer is not, and to which of our addresses it was sent.
pub(super) type Carried = (u8, Vec<u8>);

/// One connection of a shard.
#[derive(Debug)]
pub(in crate::driver) struct Connection {
    wire: Wire,
    id: TcpId,
    remote: SocketAddr,
    speech: Speech,
    pub(super) queue: Queue,
    pub(super) is_readable: bool,
    pub(super) accepted: Instant,
    /// Whoever opened it has shown who it is.
    pub(super) is_proven: bool,
    /// A peer of this shard has proved to be there.
    is_home: bool,
}

/// What is spoken on a connection.
#[derive(Debug)]
enum Speech {
    IceTcp(Pieces),
    Turn(Box<Client>),
}

/// A connection on its way to the thread that is to have it.
#[derive(Debug)]
pub(in crate::driver) struct Newcomer {
    pub(super) connection: Box<Connection>,
    /// What was read of its stream and not looked at.
    pub(super) read: Vec<u8>,
    /// Datagrams that came on it and are for a peer of that thread.
    pub(super) carried: Vec<Carried>,
}

/// What came of looking at what was read.
pub(super) enum Progress {
    GoesOn,
    /// Where the next piece begins nobody knows any more.
    Senseless,
    /// It is over without a fault of the stream.
    Over,
    /// It belongs to a peer of another shard, for which these datagrams are.
    Leaves(ShardId, Vec<Carried>),
}

impl Newcomer {
    /// One that came on another port.
    pub(in crate::driver) fn new(
        now: Instant,
        handover: Handover,
        authority: &Arc<Authority>,
    ) -> io::Result<Self> {
        let Handover {
            stream,
            speaks,
            remote,
            tls,
            mut read,
        } = handover;
        stream.set_nonblocking(true)?;
        super::hold_little(&stream);
        let mut wire = Wire::new(TcpStream::from_std(stream), tls);
        wire.take_opened(&mut read);
        let mut connection = Connection::new(now, wire, remote);
        if speaks == Speaks::Turn {
            let client = Client::new(now, Arc::clone(authority), remote);
            connection.speech = Speech::Turn(Box::new(client));
        }
        Ok(Self {
            connection: Box::new(connection),
            read,
            carried: Vec::new(),
        })
    }
}

impl Connection {
    /// An ICE-TCP connection.
    pub(super) fn accepted(now: Instant, stream: TcpStream, remote: SocketAddr) -> Self {
        Self::new(now, Wire::new(stream, None), remote)
    }

    fn new(now: Instant, wire: Wire, remote: SocketAddr) -> Self {
        let _ = wire.stream.set_nodelay(true);
        Self {
            wire,
            id: TcpId(0),
            remote,
            speech: Speech::IceTcp(Pieces::default()),
            queue: Queue::new(),
            is_readable: false,
            accepted: now,
            is_proven: false,
            is_home: false,
        }
    }

    /// Has a poll tell of it; from now on it is known by this id.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        id: TcpId,
    ) -> io::Result<()> {
        self.id = id;
        // Whatever can be read by now the poll tells of.
        self.is_readable = false;
        registry.register(
            &mut self.wire.stream,
            token,
            Interest::READABLE | Interest::WRITABLE,
        )
    }

    /// Has a poll forget it.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        // Closing the descriptor would do so as well.
        let _ = registry.deregister(&mut self.wire.stream);
    }

    pub(super) const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether it is the one of this id, and not one that has its place by now.
    pub(super) fn is(&self, id: TcpId) -> bool {
        self.id == id
    }

    /// The path to one of our addresses.
    pub(super) fn path(&self, to: u8) -> Path {
        let (id, remote) = (self.id, self.remote);
        match &self.speech {
            Speech::IceTcp(_) => Path::Tcp { id, remote },
            Speech::Turn(client) => Path::Turn {
                id,
                to,
                is_tls: self.wire.is_tls(),
                remote: client.relayed().unwrap_or(remote),
            },
        }
    }

    /// Every path that a peer may be at.
    pub(super) fn paths(&self) -> impl Iterator<Item = Path> + use<'_> {
        let count = match &self.speech {
            Speech::IceTcp(_) => 1,
            Speech::Turn(client) => client.peers(),
        };
        (0..count).map(|to| self.path(to))
    }

    /// Whether it is to stay although it is no longer new.
    pub(super) fn is_wanted(&self, now: Instant, shard: &Shard) -> bool {
        match &self.speech {
            Speech::IceTcp(_) => self.paths().any(|path| shard.knows_path(path)),
            // A client keeps what it was given in case it needs it.
            Speech::Turn(_) => self.is_served(now),
        }
    }

    /// Whether a TURN client has an allocation here.
    fn is_served(&self, now: Instant) -> bool {
        matches!(&self.speech, Speech::Turn(client) if client.is_served(now))
    }

    /// Reads up to so many bytes.
    pub(super) fn read<'b>(&mut self, most: usize, buffers: &'b mut Buffers) -> Read<'b> {
        let read = self.wire.read(most, buffers);
        self.is_readable &= !matches!(read, Read::Nothing);
        read
    }

    /// Hands on the datagrams that are whole with what was read.
    pub(super) fn take(&mut self, now: Instant, read: &[u8], shard: &mut Shard) -> Progress {
        let mut inbox = Inbox {
            now,
            is_home: self.is_home,
            leaves: None,
            shard,
        };
        let (id, remote, is_tls) = (self.id, self.remote, self.wire.is_tls());
        let ending = match &mut self.speech {
            Speech::IceTcp(pieces) => {
                let path = Path::Tcp { id, remote };
                let taken = pieces.take(FRAMES, read, |frame| {
                    inbox.take(path, 0, frame.get(LENGTH..).unwrap_or_default());
                });
                taken.err().map(|_| Ending::Senseless)
            }
            Speech::Turn(client) => {
                let queue = &mut self.queue;
                let taken = client.take(now, read, |happening| match happening {
                    Happening::Datagram {
                        to,
                        relayed,
                        datagram,
                    } => {
                        let path = Path::Turn {
                            id,
                            to,
                            is_tls,
                            remote: relayed,
                        };
                        inbox.take(path, to, datagram);
                    }
                    Happening::Answer(answer) => {
                        let control = SegmentKind::Control;
                        if let Err(reason) = queue.push(now, control, Envelope::Bare, answer) {
                            inbox.shard.count_drop(reason);
                        }
                    }
                    Happening::Dropped(reason) => inbox.shard.count_drop(reason),
                });
                self.write_out(now);
                taken.err()
            }
        };
        let leaves = inbox.leaves;
        if !self.is_home {
            let is_home = self.paths().any(|path| shard.knows_path(path));
            self.is_home = is_home;
        }
        self.is_proven = self.is_home || self.is_served(now);
        match (ending, leaves) {
            (Some(Ending::Senseless), _) => Progress::Senseless,
            (Some(Ending::Refused | Ending::Released), _) => Progress::Over,
            (None, Some((home, carried))) => Progress::Leaves(home, carried),
            (None, None) => Progress::GoesOn,
        }
    }

    /// Queues the segments of a message, and sends what the system takes. `drop` is told of each that
    /// is left out.
    pub(super) fn send(
        &mut self,
        now: Instant,
        transmit: &Transmit<'_>,
        mut drop: impl FnMut(DropReason),
    ) {
        let envelope = match (&self.speech, transmit.path) {
            (Speech::IceTcp(_), _) => Some(Envelope::Frame),
            (Speech::Turn(client), Path::Turn { to, .. }) => client.envelope(now, to),
            (Speech::Turn(_), Path::Udp { .. } | Path::Tcp { .. }) => None,
        };
        for (kind, segment) in transmit.sorted() {
            let pushed = match envelope {
                Some(envelope) => self.queue.push(now, kind, envelope, segment),
                None => Err(DropReason::NoPath),
            };
            if let Err(reason) = pushed {
                drop(reason);
            }
        }
        self.write_out(now);
    }

    /// Writes as much of the queue as the system takes. A broken connection shows when it is read.
    pub(super) fn write_out(&mut self, now: Instant) {
        if !self.wire.flush() {
            self.queue.note_blocked();
            return;
        }
        loop {
            let next = self.queue.next(now);
            if next.is_empty() {
                return;
            }
            let (offered, written) = (next.len(), self.wire.write(next));
            self.queue.wrote(written);
            if written < offered {
                self.queue.note_blocked();
            }
            if written == 0 {
                return;
            }
        }
    }
}

/// Where datagrams of one connection go.
struct Inbox<'s> {
    now: Instant,
    is_home: bool,
    leaves: Option<(ShardId, Vec<Carried>)>,
    shard: &'s mut Shard,
}

impl Inbox<'_> {
    fn take(&mut self, path: Path, to: u8, datagram: &[u8]) {
        if let Some((_, carried)) = &mut self.leaves {
            carried.push((to, datagram.to_vec()));
            return;
        }
        let own = self.shard.id();
        match home_of(datagram).filter(|home| !self.is_home && *home != own) {
            Some(home) => self.leaves = Some((home, vec![(to, datagram.to_vec())])),
            None => self.shard.handle_datagram(self.now, path, datagram),
        }
    }
}

/// The shard whose peer a check is for, as its user name says.
fn home_of(datagram: &[u8]) -> Option<ShardId> {
    ice::peek_ufrag(datagram).and_then(ice::shard_of)
}
