//! The core of the media plane: peers, publications, feeds and slots of one media thread.
//!
//! Bytes, commands and time go in; transmits, events and link messages come out. It owns no socket,
//! reads no clock, and its randomness comes from a seed, so that a whole country can run in one
//! test.
//!
//! ```text
//! handle_datagram ─▶ Demux ─▶ Peer (authenticate, decrypt once) ─▶ Publication (number, keep)
//!                                                                        │ flush
//!                            poll_transmit ◀─ Outbox ◀─ Slot ◀─ Fanout ◀─┘
//! ```

mod audience;
mod catch_up;
mod demand;
mod feeds;
mod lines;
mod mirror;
mod receive;
mod repairs;
mod sound;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::command::{CloseReason, Command, Event, Order, Step};
use crate::conference::Conference;
use crate::demux::Demux;
use crate::drop_reason::{DropCounters, DropReason};
use crate::fanout::Fanout;
use crate::id::ShardId;
use crate::line::remembered::Remembered;
use crate::link::LinkMessage;
use crate::outbox::{Outbox, Transmit};
use crate::path::Means;
use crate::peer::dtls::Identity;
use crate::peer::{Peer, PeerKey};
use crate::publication::{Publication, PublicationKey};
use crate::shard::catch_up::{CatchingUp, Late};
use crate::shard::mirror::Mirrors;
use crate::shard::timers::Timers;
use crate::stats::Stats;
use crate::table::Table;

pub use receive::MAX_DATAGRAM;

/// What a shard is made of.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// Its number.
    pub id: ShardId,
    /// The process's certificate.
    pub identity: Arc<Identity>,
    /// All its choices follow from this and its inputs.
    pub seed: [u8; 32],
    /// NTP time (32.32 fixed point) of the instant at which it is made; the same clock in all
    /// shards of a process.
    pub ntp: u64,
    /// What narrow lines carried; the same in all shards of a process.
    pub remembered: Arc<Remembered>,
}

/// One media thread's worth of state.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
    identity: Arc<Identity>,
    remembered: Arc<Remembered>,
    rng: StdRng,
    started: (Instant, u64),
    peers: Table<Peer>,
    demux: Demux,
    conferences: Table<Conference>,
    publications: Table<Publication>,
    mirrors: Mirrors,
    /// Publications whose layers somebody waits for a keyframe of.
    wishes: Vec<PublicationKey>,
    /// Publications that are arriving.
    active: Vec<PublicationKey>,
    /// Publications of which less is wished for than their senders were told.
    waning: Vec<PublicationKey>,
    /// Handshake datagrams that wait their turn.
    handshakes: VecDeque<(PeerKey, Bytes)>,
    handshakes_due: Option<Instant>,
    timers: Timers,
    next_tick: Option<Instant>,
    /// When pictures that wait for their end leave anyway.
    next_hold: Option<Instant>,
    control: Outbox,
    outbox: Outbox,
    /// Slots that came to a feed late.
    late: VecDeque<Late>,
    /// Of these, those that have begun with the past and have not come to the present.
    catching_up: VecDeque<CatchingUp>,
    /// Receivers for whom repairs wait; at most one entry for each.
    repairs: VecDeque<PeerKey>,
    /// A fan-out had the last turn: one of those who are sent something of their own has the next.
    media_was_last: bool,
    repairs_were_last: bool,
    fanouts: VecDeque<Fanout>,
    idle_fanouts: Vec<Fanout>,
    events: VecDeque<Event>,
    links: VecDeque<(ShardId, LinkMessage)>,
    stats: Stats,
}

impl Shard {
    /// An empty shard.
    pub fn new(now: Instant, config: ShardConfig) -> Self {
        Self {
            id: config.id,
            identity: config.identity,
            remembered: config.remembered,
            rng: StdRng::from_seed(config.seed),
            started: (now, config.ntp),
            peers: Table::default(),
            demux: Demux::default(),
            conferences: Table::default(),
            publications: Table::default(),
            mirrors: Mirrors::default(),
            wishes: Vec::new(),
            active: Vec::new(),
            waning: Vec::new(),
            handshakes: VecDeque::new(),
            handshakes_due: None,
            timers: Timers::default(),
            next_tick: None,
            next_hold: None,
            control: Outbox::default(),
            outbox: Outbox::default(),
            late: VecDeque::new(),
            catching_up: VecDeque::new(),
            repairs: VecDeque::new(),
            media_was_last: false,
            repairs_were_last: false,
            fanouts: VecDeque::new(),
            idle_fanouts: Vec::new(),
            events: VecDeque::new(),
            links: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Its number.
    pub const fn id(&self) -> ShardId {
        self.id
    }

    /// Carries out an order. One for something that is gone already changes nothing.
    pub fn handle_order(&mut self, now: Instant, order: Order) {
        match order {
            Order::AddPeer { peer, spec } => self.add_peer(now, peer, &spec),
            Order::RestartIce {
                peer,
                ice,
                their_ice,
            } => self.restart_ice(peer, ice, their_ice),
            Order::Command(command) => self.handle_command(now, command),
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::RemovePeer { peer } => self.remove_peer(now, peer, CloseReason::Removed),
            Command::Show {
                conference,
                stage,
                publication,
            } => {
                self.show(now, conference, stage, publication);
            }
            Command::SetSpeakers {
                conference,
                publications,
                main,
                floor,
            } => {
                self.set_speakers(now, conference, publications, main, floor);
            }
            Command::Watch { slot, feed } => self.watch(now, slot, feed),
            Command::Limit { slot, layers } => self.limit(now, slot, layers),
            Command::Block {
                publication,
                blocked,
            } => self.block(publication, blocked),
            Command::EndConference { conference } => self.end_conference(now, conference),
        }
    }

    /// Begins to send what has arrived since the last call. Call after a batch of inputs, then
    /// [`poll_transmit`](Self::poll_transmit).
    pub fn flush(&mut self, now: Instant) {
        self.next_hold = None;
        for (key, conference) in self.conferences.iter_mut() {
            if !conference.has_pending || conference.in_fanout {
                continue;
            }
            if conference.held_until.is_none_or(|until| until <= now) {
                let mut fanout = self.idle_fanouts.pop().unwrap_or_default();
                fanout.conference = key;
                let shed = conference.overload.shed();
                let (publications, stats) = (&mut self.publications, &mut self.stats);
                let wishes = &mut self.wishes;
                let has_work = fanout.begin(now, conference, publications, wishes, stats);
                if shed != conference.overload.shed() {
                    self.events.push_back(Event::Overload {
                        conference: conference.id,
                        shard: self.id,
                        shed: conference.overload.shed(),
                    });
                }
                if has_work {
                    conference.in_fanout = true;
                    self.fanouts.push_back(fanout);
                    continue;
                }
                self.idle_fanouts.push(fanout);
            }
            self.next_hold = match (self.next_hold, conference.held_until) {
                (Some(next), Some(until)) => Some(until.min(next)),
                (next, until) => next.or(until),
            };
        }
        self.send_keyframe_requests(now);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        while self.control.is_empty() && self.outbox.is_empty() {
            if self.start_next_late(now) || self.serve_aside(now) {
                continue;
            }
            let fanout = self.fanouts.front_mut()?;
            let Some(conference) = self.conferences.at_mut(fanout.conference) else {
                self.fanouts.pop_front();
                continue;
            };
            let stats = &mut self.stats;
            if fanout.advance(now, conference, &mut self.peers, &mut self.outbox, stats) {
                let begun = fanout.begun.take();
                let step = Step::Media;
                let begun = begun.map(|peer| Event::PeerReached { peer, step });
                self.events.extend(begun);
                self.media_was_last = true;
                break;
            }
            conference.in_fanout = false;
            self.stats.fanouts += 1;
            if let Some(done) = self.fanouts.pop_front() {
                for (source, is_patient) in done.keyframes_wanted() {
                    self.wish_for(now, done.conference, source, is_patient);
                }
                self.forget_if_empty(done.conference);
                self.idle_fanouts.push(done);
            }
            self.flush(now);
        }
        self.stats.messages_out += 1;
        if self.control.is_empty() {
            self.outbox.poll()
        } else {
            self.control.poll()
        }
    }

    /// Gives one of those a turn who are sent something of their own: repairs, or the past. They
    /// take turns with the receivers of a fan-out under way, so that neither waits for the other.
    /// Returns whether there was one.
    #[inline]
    fn serve_aside(&mut self, now: Instant) -> bool {
        if self.repairs.is_empty() && self.catching_up.is_empty() {
            return false;
        }
        let media_is_next = !self.fanouts.is_empty() && !std::mem::take(&mut self.media_was_last);
        if media_is_next {
            return false;
        }
        self.repairs_were_last = !self.repairs_were_last;
        (self.repairs_were_last && self.repair_next(now))
            || self.catch_up_next(now)
            || self.repair_next(now)
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something.
    pub fn has_transmit(&self) -> bool {
        !self.control.is_empty()
            || !self.outbox.is_empty()
            || !self.late.is_empty()
            || !self.repairs.is_empty()
            || !self.fanouts.is_empty()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Gives an event back that could not be delivered now.
    pub fn return_event(&mut self, event: Event) {
        self.events.push_front(event);
    }

    /// The next message for another shard.
    pub fn poll_link(&mut self) -> Option<(ShardId, LinkMessage)> {
        self.links.pop_front()
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        let connected = self.peers.iter();
        let connected = connected.filter(|(_, peer)| peer.sealer.is_some());
        let (mut count, mut by_means) = (0, [0; Means::ALL.len()]);
        for (_, peer) in connected {
            count += 1;
            let means = peer.path.map(|path| path.means());
            if let Some(peers) = means.and_then(|means| by_means.get_mut(means as usize)) {
                *peers += 1;
            }
        }
        let overloaded = self
            .conferences
            .iter()
            .filter(|(_, conference)| conference.overload.shed().is_some())
            .count();
        let ignoring = self
            .publications
            .iter()
            .filter(|(_, publication)| publication.joins.reported_ignoring)
            .count();
        Stats {
            peers: self.peers.len() as u64,
            connected_peers: count,
            peers_by_means: by_means,
            publications: self.publications.len() as u64,
            overloaded_conferences: overloaded as u64,
            ignoring_publications: ignoring as u64,
            inconsistent: self.peers.inconsistent()
                + self.conferences.inconsistent()
                + self.publications.inconsistent(),
            ..self.stats
        }
    }

    /// Number of paths and ufrags known, for tests that hostile traffic leaves nothing behind.
    pub fn demux_len(&self) -> (usize, usize) {
        self.demux.len()
    }

    /// Number of conferences known, for tests that one that has ended leaves nothing behind.
    pub fn conferences_len(&self) -> usize {
        self.conferences.len()
    }

    /// Counts a drop that happened outside, in the driver.
    pub fn count_drop(&mut self, reason: DropReason) {
        self.stats.drops.count(reason);
    }

    /// Counts drops that happened outside, in the driver.
    pub fn count_drops(&mut self, drops: &DropCounters) {
        self.stats.drops.add(drops);
    }

    /// NTP time at `now`, 32.32 fixed point.
    fn ntp(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started.0);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        self.started
            .1
            .wrapping_add(since.as_secs() << 32)
            .wrapping_add(fraction)
    }
}
