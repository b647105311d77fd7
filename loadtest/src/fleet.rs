//! Thousands of endpoints on one thread: the only file tree that touches media sockets and the clock.
//!
//! On loopback all endpoints share a few UDP sockets bound to every address; each has an address of
//! its own in 127.0.0.0/8 and is found by the destination address of a datagram. Elsewhere each has
//! a socket of its own. Either way the thread sleeps about a millisecond and then reads until
//! nothing is left: a receiver that the kernel has to wake for each datagram would cost the server
//! under test more than the datagram, and itself twice as much.

mod own;
mod relayed;
mod shared;
mod tcp;
mod turn;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sfu::command::HostCandidate;
use tokio::sync::mpsc;

use crate::endpoint::{Counts, Endpoint, Milestone, Observed, Shared};
use crate::line::Line;
use crate::measure::Latencies;
use crate::publish::Sent;

pub use relayed::Way as RelayWay;

/// Commands waiting for the media thread. When it is full the sender waits a little.
const COMMAND_QUEUE: usize = 1_024;
/// Events waiting for the collector. When it is full the media thread keeps them; there are at most
/// six for each endpoint.
const EVENT_QUEUE: usize = 16_384;
/// Length of a turn. Shorter spends more on system calls, longer answers later.
pub const TURN: Duration = Duration::from_millis(1);

/// Which endpoint: a member of the run, and which of its connections, since it may come back.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointId {
    /// Number of the member.
    pub member: u32,
    /// Number of its connection, from 0.
    pub life: u32,
}

impl EndpointId {
    /// The first connection of a member.
    pub const fn first(member: u32) -> Self {
        Self { member, life: 0 }
    }
}

/// An endpoint that has an answer.
#[derive(Debug)]
pub struct Newcomer {
    /// Its number.
    pub id: EndpointId,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Where its server is.
    pub remote: HostCandidate,
    /// By which TURN server it is reached, if not by itself.
    pub relay: Option<RelayWay>,
    /// What is between them, if it is worse than the network itself. Not over TCP.
    pub line: Option<Impaired>,
}

/// A bad line of some kind.
#[derive(Debug)]
pub struct Impaired {
    /// Number of the kind, from 0: their latencies are kept apart.
    pub kind: usize,
    /// The line.
    pub line: Line,
}

/// What a fleet is told.
#[derive(Debug)]
enum Command {
    Add(Box<Newcomer>),
    Publish { id: EndpointId, active: bool },
    Remove { id: EndpointId, goodbye: bool },
    AwaitKeyFrame { sender: u16 },
    Cut { chapter: usize },
}

/// What a fleet tells.
#[derive(Debug)]
pub enum Event {
    /// An endpoint has reached something.
    Reached {
        /// Which.
        id: EndpointId,
        /// When.
        at: Instant,
        /// What.
        milestone: Milestone,
    },
    /// An endpoint is gone, by command or at the end.
    Gone(Box<Gone>),
}

/// What is left of an endpoint.
#[derive(Debug)]
pub struct Gone {
    /// Which.
    pub id: EndpointId,
    /// What it observed.
    pub observed: Observed,
    /// What it sent.
    pub sent: Option<Sent>,
    /// What was of no use to it.
    pub counts: Counts,
    /// What became of datagrams on its bad line.
    pub line: Option<crate::line::Counts>,
}

/// What a fleet measured as a whole.
#[derive(Debug, Default)]
pub struct Totals {
    /// Forward latencies, chapter by chapter: of all endpoints with good lines, then of each kind
    /// of bad ones.
    pub latencies: Vec<Vec<Latencies>>,
    /// Traffic on the sockets.
    pub traffic: Traffic,
    /// Longest time from one turn to the next.
    pub longest_turn: Duration,
}

/// Traffic on the sockets of a fleet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Datagrams (or framed packets) received.
    pub received: u64,
    /// Messages they came in: fewer with GRO.
    pub messages: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that the system refused to send.
    pub send_failures: u64,
    /// Datagrams that the kernel dropped because a receive buffer was full.
    pub kernel_drops: u64,
    /// Datagrams for no endpoint.
    pub stray: u64,
}

/// Settings of a fleet.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// Sockets that endpoints on loopback share, at least 1.
    pub shared_sockets: usize,
    /// Receive buffer of each of them, in bytes, as far as the system allows.
    pub receive_buffer: usize,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self {
            shared_sockets: 2,
            receive_buffer: 64 << 20,
        }
    }
}

/// Live figures, read from any thread.
#[derive(Debug, Default)]
pub struct Live {
    received: AtomicU64,
}

impl Live {
    /// Datagrams received so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// The commanding end of a fleet.
#[derive(Debug)]
pub struct Fleet {
    commands: SyncSender<Command>,
    thread: JoinHandle<Totals>,
    live: Arc<Live>,
    receive_buffer: usize,
    chapter: AtomicUsize,
}

impl Fleet {
    /// Opens the sockets and starts the thread.
    ///
    /// # Errors
    /// When a socket or the thread cannot be made.
    pub fn start(
        shared: Arc<Shared>,
        config: &FleetConfig,
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (commands, inbox) = sync_channel(COMMAND_QUEUE);
        let (events, events_out) = mpsc::channel(EVENT_QUEUE);
        let live = Arc::new(Live::default());
        let sockets = shared::SharedSockets::open(config)?;
        let receive_buffer = sockets.receive_buffer();
        let mut turns = turn::Turns::new(shared, sockets, Arc::clone(&live))?;
        let thread = std::thread::Builder::new()
            .name("fleet".to_owned())
            .spawn(move || run(&mut turns, &inbox, &events))?;
        let fleet = Self {
            commands,
            thread,
            live,
            receive_buffer,
            chapter: AtomicUsize::new(0),
        };
        Ok((fleet, events_out))
    }

    /// Takes over an endpoint.
    pub async fn add(&self, newcomer: Newcomer) {
        self.send(Command::Add(Box::new(newcomer))).await;
    }

    /// Lets an endpoint begin or stop to publish.
    pub async fn publish(&self, id: EndpointId, active: bool) {
        self.send(Command::Publish { id, active }).await;
    }

    /// Lets an endpoint say goodbye; [`Event::Gone`] follows.
    pub async fn remove(&self, id: EndpointId) {
        self.send(Command::Remove { id, goodbye: true }).await;
    }

    /// Drops an endpoint without a word, as a page that is reloaded; [`Event::Gone`] follows.
    pub async fn drop_silently(&self, id: EndpointId) {
        let goodbye = false;
        self.send(Command::Remove { id, goodbye }).await;
    }

    /// Tells each endpoint's next complete keyframe of this sender.
    pub async fn await_key_frame(&self, sender: u16) {
        self.send(Command::AwaitKeyFrame { sender }).await;
    }

    /// Counts anew: what comes from now on is of the next chapter of the run. Chapters are numbered
    /// from 0, which begins with the fleet. Returns when that is, as far as commands have no queue.
    pub async fn cut(&self) -> Instant {
        let chapter = 1 + self.chapter.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Cut { chapter }).await;
        Instant::now()
    }

    /// Live figures.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// Receive buffer that the system granted each shared socket, in bytes.
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Stops the thread and returns what it measured. Call it off the async threads: it waits for
    /// the end of the current turn.
    pub fn stop(self) -> Totals {
        drop(self.commands);
        self.thread.join().unwrap_or_default()
    }

    async fn send(&self, mut command: Command) {
        loop {
            match self.commands.try_send(command) {
                // Disconnected: the thread has ended, which `stop` will tell.
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(back)) => {
                    command = back;
                    tokio::time::sleep(TURN).await;
                }
            }
        }
    }
}

/// Turns until the commanding end is dropped; then nothing that is known gets lost.
fn run(turns: &mut turn::Turns, inbox: &Receiver<Command>, events: &mpsc::Sender<Event>) -> Totals {
    let mut backlog = VecDeque::new();
    let mut next = Instant::now();
    while take_commands(turns, inbox, &mut backlog) {
        turns.turn(&mut backlog);
        hand_over(&mut backlog, events);
        next += TURN;
        let now = Instant::now();
        if next > now {
            std::thread::sleep(next - now);
        } else {
            next = now;
        }
    }
    let totals = turns.finish(&mut backlog);
    for event in backlog {
        // An error means that nobody listens any more.
        let _ = events.blocking_send(event);
    }
    totals
}

/// Carries out what is waiting. `false`: there will be no more.
fn take_commands(
    turns: &mut turn::Turns,
    inbox: &Receiver<Command>,
    backlog: &mut VecDeque<Event>,
) -> bool {
    loop {
        match inbox.try_recv() {
            Ok(command) => turns.handle_command(Instant::now(), command, backlog),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
}

/// Hands over as many events as there is room for.
fn hand_over(backlog: &mut VecDeque<Event>, events: &mpsc::Sender<Event>) {
    while let Some(event) = backlog.pop_front() {
        match events.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(event)) => {
                backlog.push_front(event);
                return;
            }
            // Nobody listens any more.
            Err(mpsc::error::TrySendError::Closed(_)) => backlog.clear(),
        }
    }
}

#[cfg(test)]
mod tests;
