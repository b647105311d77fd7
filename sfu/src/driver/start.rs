//! Binds the ports, starts one thread per shard, and ends the process when one of them breaks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::TrySendError;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::mpsc;

use super::addresses::Addresses;
use super::heartbeat::Heartbeat;
use super::strays::Stray;
use super::tcp::Newcomer;
use super::{
    ARRIVAL_QUEUE, Handover, LINK_QUEUE, Loop, Mailbox, ORDER_QUEUE, STRAY_QUEUE, Setup, Sockets,
};
use crate::command::{CommandError, Order};
use crate::config::Config;
use crate::desk::{Desk, DeskConfig};
use crate::events::{EVENT_QUEUE, Events};
use crate::id::ShardId;
use crate::link::LinkMessage;
use crate::peer::dtls::Identity;
use crate::shard::ShardConfig;
use crate::stats::Stats;
use crate::turn::authority::SEED;
use crate::turn::{Authority, Credentials};

/// Most media threads.
const MAX_SHARDS: u8 = 64;

impl Config {
    /// How many media threads there are to be.
    #[must_use]
    pub fn shard_count(&self) -> u8 {
        self.shards.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            u8::try_from(cores.saturating_sub(1))
                .unwrap_or(MAX_SHARDS)
                .clamp(1, MAX_SHARDS)
        })
    }
}

/// Why the media plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be bound.
    #[error("cannot bind media port {port} (UDP and TCP): {source}")]
    Bind {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// The port that all shards share cannot be bound.
    #[error("cannot bind the shared media port {port} (UDP): {source}")]
    Shared {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// A setting is out of range.
    #[error("the number of media shards must be 1 to 64, not {0}")]
    Shards(u8),
    /// There are not as many ports as shards.
    #[error("there is no port {0} + {1} for the media shard {1}: choose a lower `port`")]
    Ports(u16, u8),
    /// No certificate could be made, no randomness had, no thread started.
    #[error("cannot start the media plane: {0}")]
    System(String),
}

/// The threads of a media plane, from outside.
#[derive(Debug)]
pub(crate) struct Threads {
    shards: Vec<ShardEnd>,
    stop: Arc<AtomicBool>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Who may come by TURN.
    authority: Arc<Authority>,
    /// How many connections were handed over.
    handed: AtomicUsize,
    addresses: Addresses,
}

/// One thread, from outside.
#[derive(Debug)]
struct ShardEnd {
    id: ShardId,
    mailbox: Mailbox,
    stats: Arc<Mutex<Stats>>,
    heart: Arc<Heartbeat>,
}

/// A shard with its sockets bound, before its thread runs.
struct Bound {
    end: ShardEnd,
    config: ShardConfig,
    sockets: Sockets,
    orders: crossbeam_channel::Receiver<Order>,
    links: crossbeam_channel::Receiver<LinkMessage>,
    arrivals: crossbeam_channel::Receiver<Newcomer>,
    strays: crossbeam_channel::Receiver<Stray>,
}

impl Bound {
    fn new(config: ShardConfig, started: Instant, settings: &Config) -> Result<Self, StartError> {
        let id = config.id;
        let port = match settings.port {
            0 => 0,
            first => first
                .checked_add(id.0.into())
                .ok_or(StartError::Ports(first, id.0))?,
        };
        let bind = |source| StartError::Bind { port, source };
        let mut sockets = Sockets::bind(settings.bind, port).map_err(bind)?;
        if let Some(port) = settings.shared_udp_port {
            let refused = |source| StartError::Shared { port, source };
            sockets.share(port).map_err(refused)?;
        }
        let waker = Arc::new(sockets.waker().map_err(bind)?);
        let (orders, orders_in) = crossbeam_channel::bounded(ORDER_QUEUE);
        let (links, links_in) = crossbeam_channel::bounded(LINK_QUEUE);
        let (arrivals, arrivals_in) = crossbeam_channel::bounded(ARRIVAL_QUEUE);
        let (strays, strays_in) = crossbeam_channel::bounded(STRAY_QUEUE);
        let mailbox = Mailbox {
            orders,
            links,
            arrivals,
            strays,
            waker,
        };
        Ok(Self {
            end: ShardEnd {
                id,
                mailbox,
                stats: Arc::new(Mutex::new(Stats::default())),
                heart: Arc::new(Heartbeat::new(started)),
            },
            config,
            sockets,
            orders: orders_in,
            links: links_in,
            arrivals: arrivals_in,
            strays: strays_in,
        })
    }
}

/// Starts the media threads, and a desk for them.
///
/// # Errors
/// When a port cannot be bound, or the system refuses randomness or threads.
pub(crate) fn start(settings: &Config) -> Result<(Threads, Desk, Events), StartError> {
    let count = settings.shard_count();
    if count == 0 || count > MAX_SHARDS {
        return Err(StartError::Shards(count));
    }
    if let Some(port) = settings.shared_udp_port {
        is_free(settings.bind, port).map_err(|source| StartError::Shared { port, source })?;
    }
    let identity = Identity::generate().map_err(|error| StartError::System(error.to_string()))?;
    let identity = Arc::new(identity);
    let mut rng = StdRng::from_seed(seed()?);
    let (started, ntp) = (super::now(), super::ntp_now());
    let remembered = Arc::default();
    let mut bound = Vec::new();
    for shard in 0..count {
        let config = ShardConfig {
            id: ShardId(shard),
            identity: Arc::clone(&identity),
            seed: rng.random(),
            ntp,
            remembered: Arc::clone(&remembered),
        };
        bound.push(Bound::new(config, started, settings)?);
    }
    let ports: Vec<u16> = bound.iter().map(|shard| shard.sockets.port()).collect();
    let desk = Desk::new(DeskConfig {
        fingerprint: identity.fingerprint(),
        candidates: vec![Vec::new(); ports.len()],
        max_peers: settings.max_peers as usize,
        seed: rng.random(),
    });
    let unix = (ntp >> 32).saturating_sub(super::UNIX_EPOCH_IN_NTP);
    let authority = Arc::new(Authority::new(started, unix, &seed::<SEED>()?));
    let addresses = Addresses::new(settings, ports, desk.clone(), Arc::clone(&authority));
    let (events, receiver) = mpsc::channel(EVENT_QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    let mailboxes: Vec<_> = bound
        .iter()
        .map(|shard| shard.end.mailbox.clone())
        .collect();
    let (mut shards, mut handles) = (Vec::new(), Vec::new());
    for shard in bound {
        let setup = Setup {
            config: shard.config,
            sockets: shard.sockets,
            orders: shard.orders,
            links: shard.links,
            arrivals: shard.arrivals,
            strays: shard.strays,
            mailboxes: mailboxes.clone(),
            events: events.clone(),
            stats: Arc::clone(&shard.end.stats),
            heart: Arc::clone(&shard.end.heart),
            stop: Arc::clone(&stop),
        };
        handles.push(spawn(setup, started)?);
        shards.push(shard.end);
    }
    let watch = addresses.watch(Arc::clone(&stop));
    handles.push(watch.map_err(|error| StartError::System(error.to_string()))?);
    let threads = Threads {
        shards,
        stop,
        authority,
        handed: AtomicUsize::new(0),
        addresses,
        handles: Mutex::new(handles),
    };
    Ok((threads, desk.clone(), Events::new(receiver, desk)))
}

/// Whether nobody has a UDP port yet: one that is shared can be bound beside others who share theirs.
fn is_free(bind: IpAddr, port: u16) -> io::Result<()> {
    match std::net::UdpSocket::bind((bind, port)) {
        Err(error) if bind == Ipv6Addr::UNSPECIFIED && super::lacks_ipv6(&error) => {
            is_free(Ipv4Addr::UNSPECIFIED.into(), port)
        }
        bound => bound.map(drop),
    }
}

fn seed<const BYTES: usize>() -> Result<[u8; BYTES], StartError> {
    let mut seed = [0u8; BYTES];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| StartError::System("the system has no randomness".to_owned()))?;
    Ok(seed)
}

fn spawn(setup: Setup, started: Instant) -> Result<JoinHandle<()>, StartError> {
    let (id, heart) = (setup.config.id, Arc::clone(&setup.heart));
    std::thread::Builder::new()
        .name(format!("media-{id}"))
        .spawn(move || {
            let fault = watch(|| Loop::new(setup, started).run());
            heart.end();
            if let Some(fault) = fault {
                tracing::error!(
                    "media thread {id} {fault}: the process ends, so that it is started again whole"
                );
                std::process::abort();
            }
        })
        .map_err(|error| StartError::System(error.to_string()))
}

/// Runs a thread's work; says what went wrong if it ended otherwise than by being told to.
///
/// A shard that broke off in the middle of something is in no state to go on with, and without one
/// of its shards a server takes joins that lead nowhere.
fn watch(work: impl FnOnce() -> io::Result<()>) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("cannot wait for its sockets ({error})")),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Some(format!("has panicked ({})", text.unwrap_or("no text")))
        }
    }
}

impl Threads {
    /// Gives a shard an order, if there is room in its queue.
    ///
    /// # Errors
    /// When there is none, or the thread has ended.
    pub(crate) fn try_send(&self, shard: ShardId, order: Order) -> Result<(), CommandError> {
        let end = self
            .shards
            .get(usize::from(shard.0))
            .ok_or(CommandError::Stopped)?;
        match end.mailbox.orders.try_send(order) {
            Ok(()) => {
                let _ = end.mailbox.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(CommandError::Overloaded("too many commands wait")),
            Err(TrySendError::Disconnected(_)) => Err(CommandError::Stopped),
        }
    }

    /// Gives a shard an order that must not be lost: waits for room, which a shard makes within a
    /// turn.
    pub(crate) fn send(&self, shard: ShardId, order: Order) {
        if let Some(end) = self.shards.get(usize::from(shard.0)) {
            // Disconnected: the media plane has stopped and there is nothing left to command.
            let _ = end.mailbox.orders.send(order);
            let _ = end.mailbox.waker.wake();
        }
    }

    /// Gives a connection to some thread, which passes it on to the one whose it is.
    ///
    /// # Errors
    /// When there is no room for it, or the thread has ended, or the system has taken it away.
    pub(crate) fn hand_over(&self, handover: Handover) -> Result<(), CommandError> {
        let turn = self.handed.fetch_add(1, Ordering::Relaxed);
        let end = self.shards.get(turn % self.shards.len().max(1));
        let end = end.ok_or(CommandError::Stopped)?;
        let newcomer = Newcomer::new(super::now(), handover, &self.authority);
        let newcomer = newcomer.map_err(|_| CommandError::Overloaded("the connection is gone"))?;
        match end.mailbox.arrivals.try_send(newcomer) {
            Ok(()) => {
                let _ = end.mailbox.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(_)) => {
                Err(CommandError::Overloaded("too many connections wait"))
            }
            Err(TrySendError::Disconnected(_)) => Err(CommandError::Stopped),
        }
    }

    /// From now on clients are told this port as well, whose connections are handed over.
    pub(crate) fn open(&self, public: SocketAddr) {
        self.addresses.open(public);
    }

    /// Credentials for TURN, good for so long.
    pub(crate) fn credentials(&self, id: &str, life: Duration) -> Credentials {
        self.authority.issue(super::now(), id, life)
    }

    /// The shards.
    pub(crate) fn shards(&self) -> impl Iterator<Item = ShardId> {
        self.shards.iter().map(|end| end.id)
    }

    /// Counters and gauges, summed over all shards; up to half a second old.
    pub(crate) fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for end in &self.shards {
            sum.add(&end.stats.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }

    /// The threads that have ended, or are at one turn for too long.
    pub(crate) fn stalled(&self) -> Vec<ShardId> {
        let now = super::now();
        let stalled = |end: &&ShardEnd| end.heart.is_stalled(now);
        self.shards
            .iter()
            .filter(stalled)
            .map(|end| end.id)
            .collect()
    }

    /// Whether clients are told loopback alone, which nobody wanted.
    pub(crate) fn is_loopback_only(&self) -> bool {
        self.addresses.is_loopback_only()
    }

    /// From now on clients that join are told these addresses, or those of this machine if there are
    /// none.
    pub(crate) fn set_advertised(&self, addresses: Vec<IpAddr>) {
        self.addresses.set(addresses);
    }

    /// Closes every peer properly and ends the threads. Waits until they have ended.
    pub(crate) fn join(&self) {
        self.stop();
        let handles =
            std::mem::take(&mut *self.handles.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles {
            // One that broke has ended the process.
            let _ = handle.join();
        }
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for end in &self.shards {
            let _ = end.mailbox.waker.wake();
        }
        // The one that waits for addresses; the others have not parked.
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.iter().for_each(|handle| handle.thread().unpark());
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::panic, reason = "it is what is tried")]
    fn a_media_thread_that_breaks_says_how() {
        assert_eq!(watch(|| Ok(())), None, "it was told to stop");
        let refused = watch(|| Err(io::Error::other("no epoll"))).expect("a fault");
        assert!(refused.contains("no epoll"), "{refused}");
        let broken = watch(|| panic!("shard is out of slots")).expect("a fault");
        assert_eq!(broken, "has panicked (shard is out of slots)");
    }
}
