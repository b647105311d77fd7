//! The I/O edge of the media plane: one thread per shard with its sockets and its clock.
//!
//! The only files of this crate that touch sockets, threads or the clock. They decide nothing.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the driver is the I/O edge"
)]

mod address;
mod addresses;
mod handover;
mod heartbeat;
mod offload;
mod start;
mod strays;
mod tcp;
mod udp;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use mio::{Events, Poll, Token, Waker};
use tokio::sync::mpsc;

use crate::command::{Event, Order};
use crate::driver::heartbeat::Heartbeat;
use crate::driver::strays::{Homes, Stray, named_by};
use crate::driver::tcp::{Newcomer, Tcp};
use crate::driver::udp::Udp;
use crate::drop_reason::DropReason;
use crate::id::ShardId;
use crate::link::LinkMessage;
use crate::path::Path;
use crate::shard::{MAX_DATAGRAM, Shard, ShardConfig};
use crate::stats::Stats;

pub use address::local_addresses;
pub use handover::{Handover, Speaks};
pub use start::StartError;
pub(crate) use start::{Threads, start};
pub use udp::offload;

const UDP: Token = Token(0);
const WAKE: Token = Token(1);
const LISTENER: Token = Token(2);
const SHARED_UDP: Token = Token(3);
/// Tokens from here on are TCP connections.
const FIRST_CONNECTION: usize = 4;

/// Orders that may wait for a shard; beyond it a caller is told `Overloaded`.
const ORDER_QUEUE: usize = 8_192;

/// Messages that may wait between two shards; beyond it media is dropped and counted.
const LINK_QUEUE: usize = 8_192;

/// Connections that may wait to be taken in by a shard; beyond it they are closed.
const ARRIVAL_QUEUE: usize = 1_024;

/// Datagrams of the shared port that may wait for the shard whose they are; beyond it they are dropped
/// and counted.
const STRAY_QUEUE: usize = 2_048;

/// Connections taken in per turn, so that those are read before more come.
const ARRIVALS_PER_TURN: usize = 64;

/// Orders carried out per turn. Each may cost a handshake state; the rest wait a turn, so that
/// joins never stop media; fewer while media is being sent.
const ORDERS_PER_TURN: usize = 32;
const ORDERS_BESIDE_MEDIA: usize = 4;

/// Link messages taken in per turn.
const LINKS_PER_TURN: usize = 1_024;

/// Messages sent per turn before arrivals are looked at again: about 2 ms of sending.
const SENDS_PER_TURN: usize = 256;

/// Longest sleep without anything to do.
const IDLE: Duration = Duration::from_millis(250);

/// How often counters are published.
const STATS_INTERVAL: Duration = Duration::from_millis(500);

/// How the rest of the process reaches one shard's thread.
#[derive(Clone, Debug)]
struct Mailbox {
    orders: Sender<Order>,
    links: Sender<LinkMessage>,
    arrivals: Sender<Newcomer>,
    strays: Sender<Stray>,
    waker: Arc<Waker>,
}

/// What a thread is started with.
#[derive(Debug)]
struct Setup {
    config: ShardConfig,
    sockets: Sockets,
    orders: Receiver<Order>,
    links: Receiver<LinkMessage>,
    arrivals: Receiver<Newcomer>,
    strays: Receiver<Stray>,
    /// Every shard's mailbox, by its number.
    mailboxes: Vec<Mailbox>,
    events: mpsc::Sender<Event>,
    stats: Arc<Mutex<Stats>>,
    heart: Arc<Heartbeat>,
    stop: Arc<AtomicBool>,
}

/// The bound sockets of one shard, not yet on their thread.
#[derive(Debug)]
struct Sockets {
    poll: Poll,
    udp: Udp,
    shared: Option<Udp>,
    tcp: Tcp,
}

impl Sockets {
    /// Binds UDP and TCP to the same port; port 0 takes any that is free for both. A system without
    /// IPv6 has no addresses but those of IPv4.
    fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        match Self::bind_to(address, port) {
            Err(error) if address == Ipv6Addr::UNSPECIFIED && lacks_ipv6(&error) => {
                Self::bind_to(Ipv4Addr::UNSPECIFIED.into(), port)
            }
            bound => bound,
        }
    }

    fn bind_to(address: IpAddr, port: u16) -> io::Result<Self> {
        let mut last = None;
        for _ in 0..if port == 0 { 16 } else { 1 } {
            let poll = Poll::new()?;
            let udp = Udp::bind(SocketAddr::new(address, port), poll.registry(), UDP)?;
            match Tcp::bind(
                SocketAddr::new(address, udp.port()),
                poll.registry(),
                LISTENER,
            ) {
                Ok(tcp) => {
                    return Ok(Self {
                        poll,
                        udp,
                        shared: None,
                        tcp,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrInUse)))
    }

    /// Binds the port as well that all shards share.
    fn share(&mut self, port: u16) -> io::Result<()> {
        let address = SocketAddr::new(self.udp.ip(), port);
        self.shared = Some(Udp::bind_shared(address, self.poll.registry(), SHARED_UDP)?);
        Ok(())
    }

    /// The port of both.
    fn port(&self) -> u16 {
        self.udp.port()
    }

    /// What wakes the thread that will own these sockets.
    fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKE)
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(unsupported)
}

/// Seconds of the epoch of Unix in NTP time.
const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;

/// NTP time (RFC 5905 §6) of now, 32.32 fixed point.
fn ntp_now() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((since.as_secs() + UNIX_EPOCH_IN_NTP) << 32).wrapping_add(fraction)
}

/// The monotonic clock.
fn now() -> Instant {
    Instant::now()
}

struct Loop {
    shard: Shard,
    id: ShardId,
    poll: Poll,
    udp: Udp,
    /// At the port that all shards share, if there is one.
    shared: Option<Udp>,
    homes: Homes,
    tcp: Tcp,
    orders: Receiver<Order>,
    links: Receiver<LinkMessage>,
    arrivals: Receiver<Newcomer>,
    strays: Receiver<Stray>,
    mailboxes: Vec<Mailbox>,
    /// Link messages that must not be lost and found the queue full.
    held: VecDeque<(ShardId, LinkMessage)>,
    events: mpsc::Sender<Event>,
    stats: Arc<Mutex<Stats>>,
    stats_due: Instant,
    heart: Arc<Heartbeat>,
    stop: Arc<AtomicBool>,
}

impl Loop {
    fn new(setup: Setup, started: Instant) -> Self {
        Self {
            id: setup.config.id,
            shard: Shard::new(started, setup.config),
            poll: setup.sockets.poll,
            udp: setup.sockets.udp,
            shared: setup.sockets.shared,
            homes: Homes::default(),
            tcp: setup.sockets.tcp,
            orders: setup.orders,
            links: setup.links,
            arrivals: setup.arrivals,
            strays: setup.strays,
            mailboxes: setup.mailboxes,
            held: VecDeque::new(),
            events: setup.events,
            stats: setup.stats,
            stats_due: started,
            heart: setup.heart,
            stop: setup.stop,
        }
    }

    fn run(mut self) -> io::Result<()> {
        let mut ready = Events::with_capacity(1_024);
        while !self.stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            self.heart.beat(now);
            let busy = self.turn(now);
            let timeout = if busy {
                Duration::ZERO
            } else {
                self.sleep(now)
            };
            match self.poll.poll(&mut ready, Some(timeout)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &ready {
                match event.token() {
                    UDP => self.udp.on_ready(event),
                    WAKE => {}
                    LISTENER => self.tcp.on_listener_ready(),
                    SHARED_UDP => self.shared.iter_mut().for_each(|udp| udp.on_ready(event)),
                    token => self.tcp.on_ready(token, event),
                }
            }
        }
        self.say_goodbye(Instant::now());
        Ok(())
    }

    /// One round of everything. Returns whether there is more to do at once.
    fn turn(&mut self, now: Instant) -> bool {
        let mut busy = self.take_orders(now);
        busy |= self.take_links(now);
        busy |= self.take_arrivals(now);
        let shard = &mut self.shard;
        busy |= self
            .udp
            .receive(|path, datagram| shard.handle_datagram(now, path, datagram));
        busy |= self.receive_shared(now);
        busy |= self.take_strays(now);
        let shard = &mut self.shard;
        busy |= self.tcp.receive(now, self.poll.registry(), shard);
        if shard.poll_timeout().is_some_and(|due| due <= now) {
            shard.handle_timeout(now);
        }
        shard.flush(now);
        busy |= self.send(now);
        self.pass_links();
        self.pass_connections();
        self.pass_events();
        self.publish_stats(now);
        busy
    }

    fn take_orders(&mut self, now: Instant) -> bool {
        let most = if self.shard.has_transmit() {
            ORDERS_BESIDE_MEDIA
        } else {
            ORDERS_PER_TURN
        };
        for _ in 0..most {
            let Ok(order) = self.orders.try_recv() else {
                return false;
            };
            self.shard.handle_order(now, order);
        }
        true
    }

    fn take_links(&mut self, now: Instant) -> bool {
        for _ in 0..LINKS_PER_TURN {
            let Ok(message) = self.links.try_recv() else {
                return false;
            };
            self.shard.handle_link(now, message);
        }
        true
    }

    fn take_arrivals(&mut self, now: Instant) -> bool {
        for _ in 0..ARRIVALS_PER_TURN {
            let Ok(newcomer) = self.arrivals.try_recv() else {
                return false;
            };
            let registry = self.poll.registry();
            self.tcp.arrive(now, newcomer, registry, &mut self.shard);
        }
        true
    }

    /// Reads the port that all shards share, and passes on what is others'. Returns whether there may be
    /// more.
    fn receive_shared(&mut self, now: Instant) -> bool {
        let Some(shared) = &mut self.shared else {
            return false;
        };
        let (shard, homes, mailboxes) = (&mut self.shard, &self.homes, &self.mailboxes);
        let (reader, mut woken) = (self.id, 0u64);
        let may_have_more = shared.receive(|path, datagram| {
            let home = homes.home_of(path, datagram, || shard.knows_path(path));
            let home = home.filter(|home| *home != reader && datagram.len() <= MAX_DATAGRAM);
            let mailbox = home.and_then(|home| Some((home, mailboxes.get(usize::from(home.0))?)));
            let Some((home, mailbox)) = mailbox else {
                shard.handle_datagram(now, path, datagram);
                return;
            };
            let contents = datagram.into();
            let stray = Stray::Datagram {
                reader,
                path,
                contents,
            };
            match mailbox.strays.try_send(stray) {
                Ok(()) => woken |= 1 << home.0,
                Err(_) => shard.count_drop(DropReason::LinkFull),
            }
        });
        self.wake(woken);
        may_have_more
    }

    /// Takes in what other shards have read at the port that all share. Returns whether there may be
    /// more.
    fn take_strays(&mut self, now: Instant) -> bool {
        let mut woken = 0u64;
        for _ in 0..LINKS_PER_TURN {
            let Ok(stray) = self.strays.try_recv() else {
                self.wake(woken);
                return false;
            };
            if let Some(reader) = self.take_stray(now, stray) {
                woken |= 1 << reader.0;
            }
        }
        self.wake(woken);
        true
    }

    /// Takes in one; returns who was told that what comes on its path is ours.
    fn take_stray(&mut self, now: Instant, stray: Stray) -> Option<ShardId> {
        let (reader, path, contents) = match stray {
            Stray::Home { path, home } => {
                self.homes.note(now, path, home);
                return None;
            }
            Stray::Datagram {
                reader,
                path,
                contents,
            } => (reader, path, contents),
        };
        self.shard.handle_datagram(now, path, &contents);
        if named_by(&contents).is_none() || !self.shard.knows_path(path) {
            return None;
        }
        let (mailbox, home) = (self.mailboxes.get(usize::from(reader.0))?, self.id);
        // If there is no room it is said again after the next check.
        let told = mailbox.strays.try_send(Stray::Home { path, home });
        told.is_ok().then_some(reader)
    }

    /// Wakes the shards whose bits are set.
    fn wake(&self, woken: u64) {
        for (shard, mailbox) in (0u8..).zip(&self.mailboxes) {
            if woken >> shard & 1 == 1 {
                // A thread that has stopped needs no waking.
                let _ = mailbox.waker.wake();
            }
        }
    }

    /// Passes on connections that belong to peers of other shards.
    fn pass_connections(&mut self) {
        while let Some((to, newcomer)) = self.tcp.poll_leaving() {
            let mailbox = self.mailboxes.get(usize::from(to.0));
            match mailbox.map(|mailbox| (mailbox, mailbox.arrivals.try_send(newcomer))) {
                Some((mailbox, Ok(()))) => {
                    // A thread that has stopped needs no waking.
                    let _ = mailbox.waker.wake();
                }
                // It comes again, or by another way.
                Some((_, Err(_))) | None => self.shard.count_drop(DropReason::NotAccepted),
            }
        }
    }

    /// Sends what is ready, up to a turn's share. Returns whether more is ready.
    fn send(&mut self, now: Instant) -> bool {
        for _ in 0..SENDS_PER_TURN {
            if !(self.udp.is_writable() && self.shared.as_ref().is_none_or(Udp::is_writable)) {
                return false;
            }
            let Some(transmit) = self.shard.poll_transmit(now) else {
                return false;
            };
            let outcome = match transmit.path {
                Path::Udp {
                    remote,
                    local,
                    is_shared,
                } => match &mut self.shared {
                    Some(shared) if is_shared => shared.send(now, remote, local, &transmit),
                    _ => self.udp.send(now, remote, local, &transmit),
                },
                Path::Tcp { id, .. } | Path::Turn { id, .. } => {
                    self.tcp.send(now, id, &transmit);
                    Ok(())
                }
            };
            if let Err(reason) = outcome {
                self.shard.count_drop(reason);
            }
        }
        self.shard.has_transmit()
    }

    fn pass_links(&mut self) {
        let mut woken = 0u64;
        while let Some((to, message)) = self.held.pop_front().or_else(|| self.shard.poll_link()) {
            let Some(mailbox) = self
                .mailboxes
                .get(usize::from(to.0))
                .filter(|_| to != self.id)
            else {
                continue;
            };
            match mailbox.links.try_send(message) {
                Ok(()) => woken |= 1 << to.0,
                Err(TrySendError::Full(message)) if message.is_media() => {
                    self.shard.count_drop(DropReason::LinkFull);
                    woken |= 1 << to.0;
                }
                Err(TrySendError::Full(message)) => {
                    self.held.push_front((to, message));
                    break;
                }
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        self.wake(woken);
    }

    fn pass_events(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.shard.return_event(event);
                    return;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }

    fn publish_stats(&mut self, now: Instant) {
        if now < self.stats_due {
            return;
        }
        self.stats_due = now + STATS_INTERVAL;
        // Readers hold it for a copy; if one does so right now, the next time will do.
        if let Ok(mut stats) = self.stats.try_lock() {
            *stats = self.stats();
        }
    }

    fn sleep(&self, now: Instant) -> Duration {
        let shard = self.shard.poll_timeout();
        let due = shard.map_or(self.stats_due, |due| due.min(self.stats_due));
        due.saturating_duration_since(now).min(IDLE)
    }

    /// Closes every connection properly, so that pages need not wait for a time-out.
    fn say_goodbye(&mut self, now: Instant) {
        self.shard.close_all(now);
        while self.send(now) {}
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.stats();
    }

    fn stats(&self) -> Stats {
        Stats {
            shards_without_offload: u64::from(self.udp.is_offload_off()),
            ..self.shard.stats()
        }
    }
}
