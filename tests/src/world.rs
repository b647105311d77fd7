//! A whole media plane with its clients in one thread, on a virtual clock and a seeded network that
//! loses, delays, reorders and repeats datagrams.
//!
//! ```text
//! Client ──▶ Line (up) ──▶ Shard ⇄ Shard
//!    ▲                       │
//!    └────── Line (down) ◀───┘
//! ```
//!
//! Nothing sleeps, and all that the network does follows from the seed. Certificates and DTLS draw
//! from the system: the lengths of some handshake messages differ from run to run.

mod browser;
mod client;
mod light;
pub mod media;
mod watched;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadtest::line::Line;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sfu::command::{
    Command, CommandError, Event, HostCandidate, IceCredentials, Order, PeerPolicy, PeerSpec,
};
use sfu::desk::{Addressee, Desk, DeskConfig};
use sfu::id::{ConferenceId, PeerId, ShardId};
use sfu::path::{Path, TcpId};
use sfu::peer::dtls::Identity;
use sfu::shard::{Shard, ShardConfig};
use sfu::stats::Stats;

pub use browser::{Browser, Heard, Wants};
pub use client::Client;
pub use light::{Light, Wishes};
pub use loadtest::endpoint::Habits;
pub use loadtest::line::{Impairment, Link};
pub use media::Encoder;
pub use watched::{Arrived, Watched};

/// The conference that everybody in a world joins.
pub const CONFERENCE: ConferenceId = ConferenceId(1);

/// Turns at one instant after which the world is taken to be stuck.
const MAX_TURNS: usize = 10_000;

/// Number of a client in its world.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(usize);

/// Everything, and the time.
pub struct World {
    /// Virtual time.
    pub now: Instant,
    start: Instant,
    desk: Desk,
    shards: Vec<Shard>,
    clients: Vec<Entry>,
    by_address: HashMap<SocketAddr, usize>,
    lines: Vec<Line<Ends>>,
    /// What the lines draw from.
    rng: StdRng,
    /// What sending one packet costs a shard, and until when each shard is at it.
    packet_cost: Duration,
    busy_until: Vec<Instant>,
    events: Vec<(Duration, Event)>,
    /// Bytes that were sent to addresses which nobody has.
    swallowed: HashMap<SocketAddr, usize>,
}

/// From where to where a datagram goes.
pub type Ends = (SocketAddr, SocketAddr);

struct Entry {
    client: Box<dyn Client>,
    address: SocketAddr,
    shard: ShardId,
    /// Its line; it may share it with others.
    line: usize,
    peer: PeerId,
    spec: PeerSpec,
    /// Copies of what it sends, if somebody listens in.
    tap: Option<Vec<Vec<u8>>>,
    /// Its connection, while it uses TCP.
    tcp: Option<TcpId>,
    /// Bytes that were sent to it, whether they arrive or not.
    offered: u64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("after", &self.elapsed())
            .finish_non_exhaustive()
    }
}

impl World {
    /// A world of `shards` media threads and nobody in it.
    ///
    /// # Panics
    /// When the machine has no randomness for a certificate.
    pub fn new(shards: u8, seed: u64) -> Self {
        Self::with_places(shards, seed, usize::MAX)
    }

    /// As [`new`](Self::new), with a limit of peers.
    ///
    /// # Panics
    /// When the machine has no randomness for a certificate.
    pub fn with_places(shards: u8, seed: u64, max_peers: usize) -> Self {
        let start = sfu::testing::epoch();
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = Arc::new(Identity::generate().expect("the machine has randomness"));
        let busy_until = vec![start; usize::from(shards)];
        let candidates = (0..shards).map(|shard| vec![candidate(ShardId(shard))]);
        let desk = Desk::new(DeskConfig {
            fingerprint: identity.fingerprint(),
            candidates: candidates.collect(),
            max_peers,
            seed: rng.random(),
        });
        let remembered = Arc::default();
        let shards = (0..shards)
            .map(|number| {
                let config = ShardConfig {
                    id: ShardId(number),
                    identity: Arc::clone(&identity),
                    seed: rng.random(),
                    ntp: 0xe000_0000_0000_0000,
                    remembered: Arc::clone(&remembered),
                };
                Shard::new(start, config)
            })
            .collect();
        Self {
            now: start,
            start,
            desk,
            shards,
            clients: Vec::new(),
            by_address: HashMap::new(),
            lines: Vec::new(),
            rng,
            packet_cost: Duration::ZERO,
            busy_until,
            events: Vec::new(),
            swallowed: HashMap::new(),
        }
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Lets a client join: its offer is answered at once, its datagrams travel over `link`.
    ///
    /// # Panics
    /// When the offer is refused; see [`try_join`](Self::try_join).
    pub fn join(
        &mut self,
        client: impl Client + 'static,
        policy: impl Borrow<PeerPolicy>,
        link: Link,
    ) -> ClientId {
        self.try_join(client, policy, link)
            .expect("the offer can be answered")
    }

    /// Lets a client join.
    ///
    /// # Errors
    /// When its offer is refused, or there is no place.
    ///
    /// # Panics
    /// When the desk makes no peer of whom it lets in.
    pub fn try_join(
        &mut self,
        client: impl Client + 'static,
        policy: impl Borrow<PeerPolicy>,
        link: Link,
    ) -> Result<ClientId, CommandError> {
        let mut client: Box<dyn Client> = Box::new(client);
        let index = self.clients.len();
        let address = client_address(index, 0);
        let offer = client.offer(self.now, address);
        let arrival = self.desk.join(CONFERENCE, &offer, policy.borrow())?;
        let shard = arrival.shard();
        let mut ordered = None;
        let joined = arrival.queue(|order| {
            ordered = Some(order);
            Ok(())
        })?;
        let order = ordered.expect("a peer that joins is ordered");
        let Order::AddPeer { spec, .. } = &order else {
            unreachable!("a peer that joins is added");
        };
        let spec = PeerSpec::clone(spec);
        let now = self.now;
        self.shard(shard).handle_order(now, order);
        client.answer(self.now, &joined.answer);
        self.by_address.insert(address, index);
        let entry = Entry {
            client,
            address,
            shard,
            line: self.lines.len(),
            peer: joined.peer,
            spec,
            tap: None,
            tcp: None,
            offered: 0,
        };
        self.lines.push(Line::new(link, self.rng.random()));
        self.clients.push(entry);
        Ok(ClientId(index))
    }

    /// Answers a further offer of the client, made with new ICE credentials.
    ///
    /// # Panics
    /// When the offer is refused.
    pub fn restart_ice(&mut self, id: ClientId) {
        let entry = &mut self.clients[id.0];
        let offer = entry.client.restart_ice(self.now);
        let renewal = self
            .desk
            .restart_ice(entry.peer, &offer)
            .expect("a restart is answered");
        let now = self.now;
        self.shard(renewal.shard).handle_order(now, renewal.order);
        self.clients[id.0].client.answer(now, &renewal.answer);
    }

    /// Moves a client to another address, as a NAT or another network does. Its old one is dead.
    pub fn roam(&mut self, id: ClientId) {
        let entry = &mut self.clients[id.0];
        self.by_address.remove(&entry.address);
        entry.address.set_port(entry.address.port() + 1);
        self.by_address.insert(entry.address, id.0);
    }

    /// From now on a client sends over a TCP connection, from another port.
    pub fn use_tcp(&mut self, id: ClientId, connection: TcpId) {
        self.roam(id);
        self.clients[id.0].tcp = Some(connection);
    }

    /// The client's TCP connection breaks; it goes on over UDP.
    pub fn break_tcp(&mut self, id: ClientId) {
        let (now, entry) = (self.now, &mut self.clients[id.0]);
        let (remote, shard) = (entry.address, entry.shard);
        if let Some(connection) = entry.tcp.take() {
            let path = Path::Tcp {
                id: connection,
                remote,
            };
            self.shard(shard).handle_path_closed(now, path);
        }
        self.roam(id);
    }

    /// Changes what a client's network does, for all that share it.
    pub fn set_link(&mut self, id: ClientId, link: Link) {
        let now = self.now;
        self.line(id).set(now, link);
    }

    /// Puts clients behind one line.
    pub fn share_line(&mut self, ids: &[ClientId], link: Link) {
        for id in ids {
            self.clients[id.0].line = self.lines.len();
        }
        self.lines.push(Line::new(link, self.rng.random()));
    }

    /// A client's line.
    pub fn line(&mut self, id: ClientId) -> &mut Line<Ends> {
        &mut self.lines[self.clients[id.0].line]
    }

    /// Has something done by the shards that it concerns.
    pub fn command(&mut self, command: &Command) {
        let now = self.now;
        let order = || Order::Command(command.clone());
        match self.desk.address(command) {
            Addressee::One(shard) => self.shard(shard).handle_order(now, order()),
            Addressee::All => {
                for shard in &mut self.shards {
                    shard.handle_order(now, order());
                }
            }
        }
    }

    /// How many places are taken.
    pub fn peers(&self) -> usize {
        self.desk.peers()
    }

    /// How many conferences the shards know, each counted on every shard.
    pub fn conferences(&self) -> usize {
        self.shards.iter().map(Shard::conferences_len).sum()
    }

    /// The client as what it is.
    ///
    /// # Panics
    /// When it is of another kind.
    pub fn client<C: Client + 'static>(&mut self, id: ClientId) -> &mut C {
        self.clients[id.0]
            .client
            .as_any()
            .downcast_mut()
            .expect("a client of this kind")
    }

    /// The id of a client's peer.
    pub fn peer(&self, id: ClientId) -> PeerId {
        self.clients[id.0].peer
    }

    /// What was negotiated with a client.
    pub fn spec(&self, id: ClientId) -> &PeerSpec {
        &self.clients[id.0].spec
    }

    /// The credentials that a client's checks must carry, for those who forge.
    pub fn credentials(&self, id: ClientId) -> &IceCredentials {
        &self.clients[id.0].spec.ice
    }

    /// Where a client's datagrams come from.
    pub fn address(&self, id: ClientId) -> SocketAddr {
        self.clients[id.0].address
    }

    /// What the shards have reported so far.
    pub fn events(&self) -> &[(Duration, Event)] {
        &self.events
    }

    /// How often an event was reported.
    pub fn count(&self, wanted: Event) -> usize {
        self.events
            .iter()
            .filter(|(_, event)| *event == wanted)
            .count()
    }

    /// Whether a client's peer has been reported as connected.
    pub fn is_connected(&self, id: ClientId) -> bool {
        self.count(Event::PeerConnected {
            peer: self.peer(id),
        }) > 0
    }

    /// Counters of all shards together.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for shard in &self.shards {
            sum.add(&shard.stats());
        }
        sum
    }

    /// Paths and ufrags that the shards know.
    pub fn known(&self) -> (usize, usize) {
        self.shards
            .iter()
            .map(Shard::demux_len)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Begins to listen in on what a client sends.
    pub fn tap(&mut self, id: ClientId) {
        self.clients[id.0].tap = Some(Vec::new());
    }

    /// What was heard since [`tap`](Self::tap), or since the last call.
    pub fn tapped(&mut self, id: ClientId) -> Vec<Vec<u8>> {
        self.clients[id.0]
            .tap
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Hands a shard a datagram from any address, past the network.
    pub fn inject(&mut self, shard: ShardId, from: SocketAddr, datagram: &[u8]) {
        self.inject_all(shard, &[(from, datagram.to_vec())]);
    }

    /// Hands a shard datagrams that have waited together, before it can answer any.
    pub fn inject_all(&mut self, shard: ShardId, datagrams: &[(SocketAddr, Vec<u8>)]) {
        let now = self.now;
        for (from, datagram) in datagrams {
            self.shard(shard)
                .handle_datagram(now, path(*from), datagram);
        }
        self.settle();
    }

    /// How many bytes were sent to a client, whether they arrived or not.
    pub fn offered(&self, id: ClientId) -> u64 {
        self.clients[id.0].offered
    }

    /// How many bytes were sent to an address that nobody has.
    pub fn swallowed_by(&self, address: SocketAddr) -> usize {
        self.swallowed.get(&address).copied().unwrap_or_default()
    }

    /// What sending a packet costs from now on: so slow is the machine.
    pub fn set_packet_cost(&mut self, cost: Duration) {
        self.packet_cost = cost;
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_while(end, |_| true);
    }

    /// Lets time pass until `done`, but no longer than `span`. Returns whether it was done.
    pub fn run_until(&mut self, span: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + span;
        let mut reached = false;
        self.run_while(end, |world| {
            reached = done(world);
            !reached
        });
        reached
    }

    fn run_while(&mut self, end: Instant, mut go_on: impl FnMut(&mut Self) -> bool) {
        let mut turns = 0;
        self.settle();
        while go_on(self) {
            let Some(next) = self.next_time().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            turns = if next > self.now { 0 } else { turns + 1 };
            assert!(
                turns < MAX_TURNS,
                "somebody asks to be called again and again: {self:?}"
            );
            self.now = self.now.max(next);
            self.deliver();
            self.fire_timers();
            self.settle();
        }
    }

    fn next_time(&mut self) -> Option<Instant> {
        let shards = self.shards.iter().filter_map(Shard::poll_timeout);
        let sending = self.shards.iter().zip(&self.busy_until);
        let sending = sending
            .filter(|(shard, _)| shard.has_transmit())
            .map(|(_, until)| *until);
        // A client that wants to be called in the past is called once per millisecond.
        let soonest = self.now + Duration::from_millis(1);
        let clients = self
            .clients
            .iter_mut()
            .filter_map(|entry| entry.client.poll_timeout())
            .map(|at| at.max(soonest));
        self.lines
            .iter()
            .filter_map(Line::poll_timeout)
            .chain(shards)
            .chain(sending)
            .chain(clients)
            .min()
    }

    fn deliver(&mut self) {
        let now = self.now;
        for line in 0..self.lines.len() {
            while let Some((_, datagram, (from, to))) = self.lines[line].up.pop(now) {
                let path = self.path_of(from);
                if let Some(shard) = shard_at(to) {
                    self.shard(shard).handle_datagram(now, path, &datagram);
                }
            }
            while let Some((_, datagram, (from, to))) = self.lines[line].down.pop(now) {
                if let Some(client) = self.by_address.get(&to) {
                    let client = &mut self.clients[*client].client;
                    client.handle_datagram(now, from, to, &datagram);
                }
            }
        }
    }

    fn fire_timers(&mut self) {
        for shard in &mut self.shards {
            if shard.poll_timeout().is_some_and(|at| at <= self.now) {
                shard.handle_timeout(self.now);
            }
        }
        for entry in &mut self.clients {
            if entry.client.poll_timeout().is_some_and(|at| at <= self.now) {
                entry.client.handle_timeout(self.now);
            }
        }
    }

    /// Takes out everything that is decided already, until nobody has anything left to say.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for index in 0..self.shards.len() {
                moved |= self.settle_shard(index);
            }
            for index in 0..self.clients.len() {
                moved |= self.settle_client(index);
            }
            if !moved {
                return;
            }
        }
    }

    fn settle_client(&mut self, index: usize) -> bool {
        let entry = &mut self.clients[index];
        let mut moved = false;
        while let Some(datagram) = entry.client.poll_transmit(self.now) {
            moved = true;
            if let Some(tap) = &mut entry.tap {
                tap.push(datagram.clone());
            }
            let to = shard_address(entry.shard);
            let line = &mut self.lines[entry.line].up;
            line.push(self.now, &datagram, (entry.address, to));
        }
        moved
    }

    fn settle_shard(&mut self, index: usize) -> bool {
        let mut moved = false;
        let (now, elapsed) = (self.now, self.elapsed());
        let shard = &mut self.shards[index];
        shard.flush(now);
        while self.busy_until[index] <= now
            && let Some(transmit) = shard.poll_transmit(now)
        {
            moved = true;
            let packets = transmit.segments().count() as u32;
            self.busy_until[index] = now + self.packet_cost * packets;
            let (from, to) = (shard_address(ShardId(index as u8)), transmit.path.remote());
            // An address that nobody has any more swallows what is sent there.
            let Some(client) = self.by_address.get(&to) else {
                *self.swallowed.entry(to).or_default() += transmit.contents.len();
                continue;
            };
            let entry = &mut self.clients[*client];
            entry.offered += transmit.contents.len() as u64;
            let line = &mut self.lines[entry.line].down;
            for segment in transmit.segments() {
                line.push(now, segment, (from, to));
            }
        }
        while let Some(event) = shard.poll_event() {
            self.desk.observe(&event);
            self.events.push((elapsed, event));
        }
        while let Some((to, message)) = self.shards[index].poll_link() {
            moved = true;
            self.shard(to).handle_link(now, message);
        }
        moved
    }

    /// How what comes from an address comes.
    fn path_of(&self, remote: SocketAddr) -> Path {
        let client = self
            .by_address
            .get(&remote)
            .map(|client| &self.clients[*client]);
        match client.and_then(|entry| entry.tcp) {
            Some(id) => Path::Tcp { id, remote },
            None => path(remote),
        }
    }

    fn shard(&mut self, id: ShardId) -> &mut Shard {
        &mut self.shards[usize::from(id.0)]
    }
}

const fn path(remote: SocketAddr) -> Path {
    Path::Udp {
        remote,
        local: None,
        is_shared: false,
    }
}

fn client_address(index: usize, port: u16) -> SocketAddr {
    let [.., high, low] = (index + 1).to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 40_000 + port))
}

fn shard_address(shard: ShardId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 7_910 + u16::from(shard.0)))
}

fn shard_at(address: SocketAddr) -> Option<ShardId> {
    let number = address.port().checked_sub(7_910)?;
    u8::try_from(number).ok().map(ShardId)
}

fn candidate(shard: ShardId) -> HostCandidate {
    HostCandidate {
        address: shard_address(shard),
        tcp: false,
    }
}
