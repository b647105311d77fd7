//! `Sfu`: the cloneable end that the signaling plane holds.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::TrySendError;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::mpsc;

use crate::command::{
    AcceptedPublication, AcceptedSlot, Command, CommandError, Event, HostCandidate, IceCredentials,
    Joined, PeerPolicy, PeerSpec,
};
use crate::config::Config;
use crate::driver::{self, Mailbox, Setup, Sockets};
use crate::id::{ConferenceId, Feed, PeerId, PublicationId, ShardId, SlotId, Ssrc};
use crate::link::LinkMessage;
use crate::peer::dtls::Identity;
use crate::peer::ice::make_credentials;
use crate::sdp::{LocalDescription, Negotiated, negotiate};
use crate::shard::ShardConfig;
use crate::stats::Stats;

/// Room for events towards signaling. When it is full the shard keeps its events and tries again
/// in its next turn: media never waits.
pub const EVENT_QUEUE: usize = 4_096;

/// SSRCs set aside for each peer: two per m-line that an offer may have.
const SSRCS_PER_PEER: u32 = 128;

/// Places for peers beyond the limit. Enough for those who run a few conferences, and for peers that
/// are replaced by another one before they are gone.
const RESERVED_PEERS: usize = 256;

/// Most media threads.
const MAX_SHARDS: u8 = 64;

/// Why the media plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be bound.
    #[error("cannot bind media port {port} (UDP and TCP): {source}")]
    Bind {
        /// The port.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A setting is out of range.
    #[error("the number of media shards must be 1 to 64, not {0}")]
    Shards(u8),
    /// No certificate could be made, no randomness had, no thread started.
    #[error("cannot start the media plane: {0}")]
    System(String),
}

/// Commands the media threads. Cheap to clone; every method returns at once.
#[derive(Clone, Debug)]
pub struct Sfu {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shards: Vec<ShardEnd>,
    identity: Arc<Identity>,
    registry: Mutex<Registry>,
    next_peer: AtomicU64,
    next_ssrc: AtomicU32,
    max_peers: u32,
    stop: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct ShardEnd {
    mailbox: Mailbox,
    candidates: Vec<HostCandidate>,
    stats: Arc<Mutex<Stats>>,
}

/// A shard with its sockets bound, before its thread runs.
struct Bound {
    end: ShardEnd,
    config: ShardConfig,
    sockets: Sockets,
    commands: crossbeam_channel::Receiver<Command>,
    links: crossbeam_channel::Receiver<LinkMessage>,
}

impl Bound {
    fn new(
        config: ShardConfig,
        settings: &Config,
        advertise: &[IpAddr],
    ) -> Result<Self, StartError> {
        let port = if settings.port == 0 {
            0
        } else {
            settings.port + u16::from(config.id.0)
        };
        let bind = |source| StartError::Bind { port, source };
        let sockets = Sockets::bind(settings.bind, port).map_err(bind)?;
        let waker = Arc::new(sockets.waker().map_err(bind)?);
        let (commands, commands_in) = crossbeam_channel::bounded(driver::COMMAND_QUEUE);
        let (links, links_in) = crossbeam_channel::bounded(driver::LINK_QUEUE);
        let end = ShardEnd {
            mailbox: Mailbox {
                commands,
                links,
                waker,
            },
            candidates: candidates(advertise, sockets.port()),
            stats: Arc::new(Mutex::new(Stats::default())),
        };
        Ok(Self {
            end,
            config,
            sockets,
            commands: commands_in,
            links: links_in,
        })
    }
}

/// What must be remembered of a peer to answer it again, and the seed of new credentials.
#[derive(Debug)]
struct Registry {
    peers: HashMap<PeerId, Negotiation>,
    /// Peers per shard, for placement.
    load: Vec<u32>,
    rng: StdRng,
}

#[derive(Clone, Debug)]
struct Negotiation {
    conference: ConferenceId,
    policy: PeerPolicy,
    first_ssrc: Ssrc,
    version: u64,
    /// Everything of the specification that an ICE restart must not change.
    shape: Shape,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Shape {
    fingerprint: [u8; 32],
    mlines: Vec<(u8, bool)>,
}

impl Shape {
    fn of(spec: &PeerSpec) -> Self {
        let publications = spec
            .publications
            .iter()
            .map(|publication| (publication.mline, true));
        let slots = spec.slots.iter().map(|slot| (slot.mline, false));
        Self {
            fingerprint: spec.fingerprint.0,
            mlines: publications.chain(slots).collect(),
        }
    }
}

impl Sfu {
    /// Starts the media threads.
    ///
    /// # Errors
    /// When a port cannot be bound, or the system refuses randomness or threads.
    pub fn start(settings: &Config) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        let system = |error: &dyn std::fmt::Display| StartError::System(error.to_string());
        let count = settings.shards.unwrap_or_else(default_shards);
        if count == 0 || count > MAX_SHARDS {
            return Err(StartError::Shards(count));
        }
        let identity = Arc::new(Identity::generate().map_err(|error| system(&error))?);
        let mut seed = [0u8; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| system(&"the system has no randomness"))?;
        let mut rng = StdRng::from_seed(seed);
        let advertise = advertised(settings);
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let ntp = driver::ntp_now();

        let mut bound = Vec::new();
        for shard in 0..count {
            let seed = rng.random();
            let config = ShardConfig {
                id: ShardId(shard),
                identity: Arc::clone(&identity),
                seed,
                ntp,
            };
            bound.push(Bound::new(config, settings, &advertise)?);
        }
        let (shards, threads) = run(bound, &events, &stop)?;
        let load = vec![0; shards.len()];
        let inner = Inner {
            shards,
            identity,
            next_peer: AtomicU64::new(1),
            next_ssrc: AtomicU32::new(rng.random()),
            registry: Mutex::new(Registry {
                peers: HashMap::new(),
                load,
                rng,
            }),
            max_peers: settings.max_peers,
            stop,
            threads: Mutex::new(threads),
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            receiver,
        ))
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.inner
            .registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many peers there are, connected or not yet.
    pub fn peers(&self) -> usize {
        self.registry().peers.len()
    }

    /// Answers an offer and creates the peer.
    ///
    /// # Errors
    /// When the offer cannot be answered or the media plane is full.
    pub fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError> {
        let (shard, ice) = self.place(policy.reserved)?;
        let peer = PeerId::new(self.inner.next_peer.fetch_add(1, Ordering::Relaxed), shard);
        let first_ssrc = Ssrc(
            self.inner
                .next_ssrc
                .fetch_add(SSRCS_PER_PEER, Ordering::Relaxed)
                .max(1),
        );
        let negotiated = self.answer(peer, offer, &ice, conference, first_ssrc, 1, policy)?;
        let Negotiated { spec, answer } = negotiated;
        let joined = Joined {
            peer,
            answer,
            ice,
            publications: spec
                .publications
                .iter()
                .map(|publication| AcceptedPublication {
                    id: PublicationId {
                        peer,
                        mline: publication.mline,
                    },
                    mid: publication.mid,
                    kind: publication.kind,
                })
                .collect(),
            slots: spec
                .slots
                .iter()
                .map(|slot| AcceptedSlot {
                    id: SlotId {
                        peer,
                        mline: slot.mline,
                    },
                    mid: slot.mid,
                    kind: slot.kind,
                })
                .collect(),
        };
        let negotiation = Negotiation {
            conference,
            policy: policy.clone(),
            first_ssrc,
            version: 1,
            shape: Shape::of(&spec),
        };
        self.send(
            shard,
            Command::AddPeer {
                peer,
                spec: Box::new(spec),
            },
        )?;
        let mut registry = self.registry();
        registry.peers.insert(peer, negotiation);
        if let Some(load) = registry.load.get_mut(usize::from(shard.0)) {
            *load += 1;
        }
        Ok(joined)
    }

    /// The emptiest shard, and credentials on it.
    fn place(&self, reserved: bool) -> Result<(ShardId, IceCredentials), CommandError> {
        let mut registry = self.registry();
        let registry = &mut *registry;
        let beyond = if reserved { RESERVED_PEERS } else { 0 };
        if registry.peers.len() >= self.inner.max_peers as usize + beyond {
            return Err(CommandError::Full);
        }
        let emptiest = (0u8..).zip(&registry.load).min_by_key(|(_, load)| **load);
        let shard = emptiest
            .map(|(shard, _)| ShardId(shard))
            .ok_or(CommandError::Stopped)?;
        Ok((shard, make_credentials(shard, &mut registry.rng)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different part of one answer"
    )]
    fn answer(
        &self,
        peer: PeerId,
        offer: &str,
        ice: &IceCredentials,
        conference: ConferenceId,
        first_ssrc: Ssrc,
        version: u64,
        policy: &PeerPolicy,
    ) -> Result<Negotiated, CommandError> {
        let shard = self
            .inner
            .shards
            .get(usize::from(peer.shard().0))
            .ok_or(CommandError::UnknownPeer(peer))?;
        let local = LocalDescription {
            conference,
            ice,
            fingerprint: self.inner.identity.fingerprint(),
            candidates: &shard.candidates,
            first_ssrc,
            session_id: peer.0,
            version,
        };
        Ok(negotiate(offer, &local, policy)?)
    }

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone or the offer is another one.
    pub fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError> {
        let (known, ice) = {
            let mut registry = self.registry();
            let registry = &mut *registry;
            let known = registry
                .peers
                .get_mut(&peer)
                .ok_or(CommandError::UnknownPeer(peer))?;
            known.version += 1;
            (
                known.clone(),
                make_credentials(peer.shard(), &mut registry.rng),
            )
        };
        let negotiated = self.answer(
            peer,
            offer,
            &ice,
            known.conference,
            known.first_ssrc,
            known.version,
            &known.policy,
        )?;
        if Shape::of(&negotiated.spec) != known.shape {
            return Err(CommandError::NotARestart);
        }
        self.send(peer.shard(), Command::RestartIce { peer, ice })?;
        Ok(negotiated.answer)
    }

    /// New ICE credentials for a peer, for WHIP's and WHEP's `PATCH` (RFC 9725 §4.3.3).
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn renew_ice(&self, peer: PeerId) -> Result<IceCredentials, CommandError> {
        let ice = {
            let mut registry = self.registry();
            let registry = &mut *registry;
            if !registry.peers.contains_key(&peer) {
                return Err(CommandError::UnknownPeer(peer));
            }
            make_credentials(peer.shard(), &mut registry.rng)
        };
        self.send(
            peer.shard(),
            Command::RestartIce {
                peer,
                ice: ice.clone(),
            },
        )?;
        Ok(ice)
    }

    /// Closes a peer, or acknowledges that it has closed by itself. Call it for every peer that
    /// joined, also after [`Event::PeerClosed`].
    pub fn leave(&self, peer: PeerId) {
        let mut registry = self.registry();
        if registry.peers.remove(&peer).is_some()
            && let Some(load) = registry.load.get_mut(usize::from(peer.shard().0))
        {
            *load = load.saturating_sub(1);
        }
        drop(registry);
        self.tell(peer.shard(), Command::RemovePeer { peer });
    }

    /// Sets what a place of the stage shows, for all slots at once.
    pub fn show(&self, conference: ConferenceId, stage: u8, what: Option<PublicationId>) {
        self.tell_all(&Command::Show {
            conference,
            stage,
            publication: what,
        });
    }

    /// Sets who may be heard, the most important first.
    pub fn set_speakers(&self, conference: ConferenceId, who: &[PublicationId]) {
        self.tell_all(&Command::SetSpeakers {
            conference,
            publications: who.to_vec(),
        });
    }

    /// Points one video slot at another feed.
    pub fn watch(&self, slot: SlotId, feed: Option<Feed>) {
        self.tell(slot.peer.shard(), Command::Watch { slot, feed });
    }

    /// Refuses or accepts again the media of a publication.
    pub fn block(&self, publication: PublicationId, blocked: bool) {
        self.tell(
            publication.peer.shard(),
            Command::Block {
                publication,
                blocked,
            },
        );
    }

    /// Closes all peers of a conference.
    pub fn end_conference(&self, conference: ConferenceId) {
        self.tell_all(&Command::EndConference { conference });
    }

    /// Counters and gauges, summed over all shards; up to half a second old.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for shard in &self.inner.shards {
            sum.add(&shard.stats.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }

    /// Closes every peer properly and ends the threads. Waits until they have ended.
    pub fn shutdown(&self) {
        self.inner.stop.store(true, Ordering::Relaxed);
        for shard in &self.inner.shards {
            let _ = shard.mailbox.waker.wake();
        }
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            // A thread that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
    }

    fn send(&self, shard: ShardId, command: Command) -> Result<(), CommandError> {
        let end = self
            .inner
            .shards
            .get(usize::from(shard.0))
            .ok_or(CommandError::Stopped)?;
        match end.mailbox.commands.try_send(command) {
            Ok(()) => {
                let _ = end.mailbox.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(CommandError::Overloaded("too many commands wait")),
            Err(TrySendError::Disconnected(_)) => Err(CommandError::Stopped),
        }
    }

    /// Sends a command that must not be lost: waits for room, which a shard makes within a turn.
    fn tell(&self, shard: ShardId, command: Command) {
        if let Some(end) = self.inner.shards.get(usize::from(shard.0)) {
            // Disconnected: the media plane has stopped and there is nothing left to command.
            let _ = end.mailbox.commands.send(command);
            let _ = end.mailbox.waker.wake();
        }
    }

    fn tell_all(&self, command: &Command) {
        for shard in 0u8..u8::try_from(self.inner.shards.len()).unwrap_or(u8::MAX) {
            self.tell(ShardId(shard), command.clone());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for shard in &self.shards {
            let _ = shard.mailbox.waker.wake();
        }
    }
}

/// Starts the thread of every shard.
fn run(
    bound: Vec<Bound>,
    events: &mpsc::Sender<Event>,
    stop: &Arc<AtomicBool>,
) -> Result<(Vec<ShardEnd>, Vec<JoinHandle<()>>), StartError> {
    let started = driver::now();
    let mailboxes: Vec<_> = bound
        .iter()
        .map(|shard| shard.end.mailbox.clone())
        .collect();
    let (mut shards, mut threads) = (Vec::new(), Vec::new());
    for Bound {
        end,
        config,
        sockets,
        commands,
        links,
    } in bound
    {
        let name = format!("media-{}", config.id);
        let (mailboxes, events, stop) = (mailboxes.clone(), events.clone(), Arc::clone(stop));
        let stats = Arc::clone(&end.stats);
        let setup = Setup {
            config,
            sockets,
            commands,
            links,
            mailboxes,
            events,
            stats,
            stop,
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || driver::run(setup, started));
        threads.push(thread.map_err(|error| StartError::System(error.to_string()))?);
        shards.push(end);
    }
    Ok((shards, threads))
}

fn default_shards() -> u8 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u8::try_from(cores.saturating_sub(1))
        .unwrap_or(MAX_SHARDS)
        .clamp(1, MAX_SHARDS)
}

/// One UDP and one ICE-TCP candidate per address.
fn candidates(addresses: &[IpAddr], port: u16) -> Vec<HostCandidate> {
    let both = |address: &IpAddr| {
        [false, true].map(|tcp| HostCandidate {
            address: SocketAddr::new(*address, port),
            tcp,
        })
    };
    addresses.iter().flat_map(both).collect()
}

/// The configured addresses; else the bound one; else this machine's own and the loopback address.
fn advertised(config: &Config) -> Vec<IpAddr> {
    if !config.advertise.is_empty() {
        return config.advertise.clone();
    }
    if !config.bind.is_unspecified() {
        return vec![config.bind];
    }
    let loopback = IpAddr::from([127, 0, 0, 1]);
    driver::own_address()
        .into_iter()
        .chain([loopback])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = include_str!("../tests/golden/chromium-watch-offer.sdp");

    fn join(sfu: &Sfu) -> PeerId {
        let joined = sfu.join(ConferenceId(1), OFFER, &PeerPolicy::default());
        joined.expect("there is room").peer
    }

    #[test]
    fn peers_are_spread_evenly_and_fill_what_others_have_left() {
        let settings = Config {
            bind: IpAddr::from([127, 0, 0, 1]),
            port: 0,
            shards: Some(3),
            ..Config::default()
        };
        let (sfu, _events) = Sfu::start(&settings).expect("loopback has ports");
        let mut peers: Vec<_> = (0..30).map(|_| join(&sfu)).collect();
        let on = |peers: &[PeerId], shard| {
            let there = |peer: &&PeerId| peer.shard() == ShardId(shard);
            peers.iter().filter(there).count()
        };
        assert_eq!([0, 1, 2].map(|shard| on(&peers, shard)), [10, 10, 10]);
        for peer in peers.extract_if(.., |peer| peer.shard() == ShardId(1)) {
            sfu.leave(peer);
        }
        peers.extend((0..10).map(|_| join(&sfu)));
        assert_eq!([0, 1, 2].map(|shard| on(&peers, shard)), [10, 10, 10]);
        sfu.shutdown();
    }
}
