//! One turn of the media thread: read everything, run the timers, write.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use rustc_hash::FxHashMap;

use super::own::{DATAGRAM_BYTES, OwnSocket};
use super::relayed::RelayLink;
use super::shared::{Message, SharedSockets};
use super::tcp::TcpLink;
use super::{Command, EndpointId, Event, Gone, Impaired, Live, Newcomer, Totals, Traffic};
use crate::endpoint::{Effects, Endpoint, Milestone, Observed, Shared};
use crate::measure::Latencies;

/// Most batches read from one socket in a turn, so that timers run even when reading never ends.
const MAX_BATCHES: usize = 64;

/// All endpoints with their sockets and timers.
#[derive(Debug)]
pub(super) struct Turns {
    shared: Arc<Shared>,
    sockets: SharedSockets,
    poll: Poll,
    poll_events: Events,
    slots: Slots,
    slot_of: FxHashMap<EndpointId, usize>,
    effects: Effects,
    /// The chapter of the run that has begun last, and what was measured in those before: of good
    /// lines first, then of each kind of bad ones.
    chapter: usize,
    latencies: Vec<Vec<Latencies>>,
    /// Of the kinds of bad lines, in this chapter.
    impaired: Vec<Latencies>,
    traffic: Traffic,
    live: Arc<Live>,
    last_turn: Option<Instant>,
    longest_turn: Duration,
}

/// Endpoints by slot. A slot is never used twice: late datagrams must not reach a stranger.
#[derive(Debug, Default)]
struct Slots {
    entries: Vec<Option<Box<Entry>>>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Endpoints with sockets of their own.
    polled: usize,
}

#[derive(Debug)]
struct Entry {
    id: EndpointId,
    endpoint: Endpoint,
    remote: SocketAddr,
    link: Link,
    line: Option<Impaired>,
    /// When the timer that counts is set for; others of this slot in the heap are stale.
    scheduled: Instant,
}

impl Entry {
    /// When there is something to do.
    fn wake(&self) -> Instant {
        let wake = self.endpoint.wake();
        let line = self.line.as_ref().and_then(|line| line.line.poll_timeout());
        line.map_or(wake, |due| due.min(wake))
    }

    /// Hands over what has come through a bad line by now.
    fn deliver(&mut self, now: Instant, epoch: Instant, effects: &mut Effects) {
        let Some(Impaired { line, .. }) = &mut self.line else {
            return;
        };
        while let Some((due, mut datagram, ())) = line.down.pop(now) {
            let arrival = due.saturating_duration_since(epoch);
            self.endpoint
                .handle_datagram(now, arrival, &mut datagram, effects);
            line.down.reuse(datagram);
        }
    }
}

#[derive(Debug)]
enum Link {
    Shared,
    Own(OwnSocket),
    Tcp(Box<TcpLink>),
    Relayed(Box<RelayLink>),
}

impl Turns {
    pub(super) fn new(
        shared: Arc<Shared>,
        sockets: SharedSockets,
        live: Arc<Live>,
    ) -> io::Result<Self> {
        Ok(Self {
            shared,
            sockets,
            poll: Poll::new()?,
            poll_events: Events::with_capacity(1_024),
            slots: Slots::default(),
            slot_of: FxHashMap::default(),
            effects: Effects::default(),
            chapter: 0,
            latencies: Vec::new(),
            impaired: Vec::new(),
            traffic: Traffic::default(),
            live,
            last_turn: None,
            longest_turn: Duration::ZERO,
        })
    }

    pub(super) fn handle_command(
        &mut self,
        now: Instant,
        command: Command,
        events: &mut VecDeque<Event>,
    ) {
        match command {
            Command::Add(newcomer) => self.add(now, *newcomer, events),
            Command::Publish { id, active } => {
                if let Some(&slot) = self.slot_of.get(&id) {
                    self.with_entry(now, slot, events, |entry, _| {
                        entry.endpoint.set_publishing(now, active);
                    });
                }
            }
            Command::Remove { id, goodbye } => self.take_out(now, id, goodbye, events),
            Command::AwaitKeyFrame { sender } => {
                for entry in self.slots.entries.iter_mut().flatten() {
                    entry.endpoint.await_key_frame(sender);
                }
            }
            Command::Cut { chapter } => {
                let at = now.saturating_duration_since(self.shared.epoch);
                self.chapter = chapter;
                for entry in self.slots.entries.iter_mut().flatten() {
                    entry.endpoint.cut(at, chapter);
                }
                let latencies = self.take_latencies();
                self.latencies.push(latencies);
            }
        }
    }

    /// Reads, runs timers, writes.
    pub(super) fn turn(&mut self, events: &mut VecDeque<Event>) {
        let now = Instant::now();
        if let Some(last) = self.last_turn.replace(now) {
            self.longest_turn = self.longest_turn.max(now - last);
        }
        for socket in 0..self.sockets.len() {
            self.read_shared(socket, events);
        }
        if self.slots.polled > 0 {
            self.read_polled(events);
        }
        self.run_timers(events);
        self.live
            .received
            .store(self.traffic.received, Ordering::Relaxed);
    }

    /// Lets the endpoints that are left say goodbye, and tells what was measured.
    pub(super) fn finish(&mut self, events: &mut VecDeque<Event>) -> Totals {
        let now = Instant::now();
        let left: Vec<EndpointId> = self.slot_of.keys().copied().collect();
        for id in left {
            self.take_out(now, id, true, events);
        }
        let ports = self.sockets.ports();
        self.traffic.kernel_drops = kernel_drops(&ports);
        let mut latencies = std::mem::take(&mut self.latencies);
        latencies.push(self.take_latencies());
        Totals {
            latencies,
            traffic: self.traffic,
            longest_turn: self.longest_turn,
        }
    }

    /// What was measured in this chapter: of good lines, then of each kind of bad ones.
    fn take_latencies(&mut self) -> Vec<Latencies> {
        let good = std::mem::take(&mut self.effects.latencies);
        let impaired = self.impaired.iter_mut().map(std::mem::take);
        std::iter::once(good).chain(impaired).collect()
    }

    fn add(&mut self, now: Instant, newcomer: Newcomer, events: &mut VecDeque<Event>) {
        let Newcomer {
            id,
            mut endpoint,
            remote,
            relay,
            line,
        } = newcomer;
        if let Some(line) = &line {
            let kinds = self.impaired.len().max(line.kind + 1);
            self.impaired.resize_with(kinds, Latencies::default);
        }
        let slot = self.slots.entries.len();
        let registry = self.poll.registry();
        let link = if let Some(way) = relay {
            RelayLink::open(way, remote.address, registry, Token(slot))
                .map(|link| Link::Relayed(Box::new(link)))
        } else if remote.tcp {
            TcpLink::open(remote.address, registry, Token(slot))
                .map(|link| Link::Tcp(Box::new(link)))
        } else if remote.address.ip().is_loopback() && remote.address.is_ipv4() {
            Ok(Link::Shared)
        } else {
            OwnSocket::open(remote.address, registry, Token(slot)).map(Link::Own)
        };
        let Ok(link) = link else {
            events.push_back(Event::Reached {
                id,
                at: now,
                milestone: Milestone::Failed("no socket could be opened"),
            });
            return;
        };
        endpoint.cut(
            now.saturating_duration_since(self.shared.epoch),
            self.chapter,
        );
        self.slots.polled += usize::from(!matches!(link, Link::Shared));
        self.slot_of.insert(id, slot);
        self.slots.entries.push(Some(Box::new(Entry {
            id,
            endpoint,
            remote: remote.address,
            link,
            line,
            scheduled: now,
        })));
        self.slots.timers.push(Reverse((now, slot)));
    }

    fn take_out(
        &mut self,
        now: Instant,
        id: EndpointId,
        goodbye: bool,
        events: &mut VecDeque<Event>,
    ) {
        let Some(slot) = self.slot_of.remove(&id) else {
            return;
        };
        if goodbye {
            self.with_entry(now, slot, events, |entry, effects| {
                entry.endpoint.close(now, effects);
            });
        }
        self.remove(slot, events);
    }

    fn remove(&mut self, slot: usize, events: &mut VecDeque<Event>) {
        let Some(entry) = self.slots.entries.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.slots.polled -= usize::from(!matches!(entry.link, Link::Shared));
        let gone = Instant::now().saturating_duration_since(self.shared.epoch);
        events.push_back(Event::Gone(Box::new(Gone {
            id: entry.id,
            observed: Observed {
                gone: Some(gone),
                ..entry.endpoint.observed()
            },
            sent: entry.endpoint.sent(),
            counts: entry.endpoint.counts(),
            line: entry.line.map(|line| line.line.counts()),
        })));
    }

    fn read_shared(&mut self, socket: usize, events: &mut VecDeque<Event>) {
        for _ in 0..MAX_BATCHES {
            let now = Instant::now();
            let Self {
                sockets,
                slots,
                effects,
                traffic,
                shared,
                ..
            } = self;
            let mut touched = Vec::new();
            let more = sockets.receive(
                socket,
                |Message {
                     slot,
                     bytes,
                     stride,
                     arrival,
                 }| {
                    traffic.messages += 1;
                    let count = bytes.len().div_ceil(stride) as u64;
                    traffic.received += count;
                    let Some(entry) = slots.entries.get_mut(slot).and_then(Option::as_mut) else {
                        traffic.stray += count;
                        return;
                    };
                    let arrival = since_epoch(shared, now, arrival);
                    if let Some(Impaired { line, .. }) = &mut entry.line {
                        let at = shared.epoch + arrival;
                        bytes
                            .chunks(stride)
                            .for_each(|datagram| line.down.push(at, datagram, ()));
                        slots.timers.extend(reschedule(slot, entry));
                        return;
                    }
                    for datagram in bytes.chunks_mut(stride) {
                        entry
                            .endpoint
                            .handle_datagram(now, arrival, datagram, effects);
                    }
                    if !effects.datagrams.is_empty() || !effects.milestones.is_empty() {
                        touched.push((slot, std::mem::take(&mut effects.datagrams)));
                        drain_milestones(entry.id, now, effects, events);
                    }
                    slots.timers.extend(reschedule(slot, entry));
                },
            );
            for (slot, datagrams) in touched {
                for datagram in datagrams.iter() {
                    self.write(slot, datagram);
                }
            }
            match more {
                Ok(true) => {}
                // An error is about one earlier send; the socket goes on.
                Ok(false) | Err(_) => break,
            }
        }
    }

    fn read_polled(&mut self, events: &mut VecDeque<Event>) {
        if self
            .poll
            .poll(&mut self.poll_events, Some(Duration::ZERO))
            .is_err()
        {
            return;
        }
        let ready: Vec<usize> = self
            .poll_events
            .iter()
            .map(|event| event.token().0)
            .collect();
        for slot in ready {
            let now = Instant::now();
            let arrival = since_epoch(&self.shared, now, None);
            let mut received = 0;
            let mut broken = false;
            self.with_entry(now, slot, events, |entry, effects| {
                let Entry {
                    endpoint,
                    link,
                    line,
                    ..
                } = entry;
                let mut each = |datagram: &mut [u8]| {
                    received += 1;
                    match line {
                        Some(Impaired { line, .. }) => line.down.push(now, datagram, ()),
                        None => endpoint.handle_datagram(now, arrival, datagram, effects),
                    }
                };
                broken = match link {
                    Link::Shared => false,
                    Link::Own(socket) => read_own(socket, &mut each).is_err(),
                    Link::Tcp(link) => link.flush().and_then(|()| link.receive(each)).is_err(),
                    Link::Relayed(link) => link.flush().and_then(|()| link.receive(each)).is_err(),
                };
            });
            self.traffic.received += received;
            self.traffic.messages += received;
            if broken && let Some(Some(entry)) = self.slots.entries.get_mut(slot) {
                // The endpoint notices by itself that nothing comes any more.
                self.traffic.send_failures += 1;
                entry.endpoint.on_broken_link(&mut self.effects);
                drain_milestones(entry.id, now, &mut self.effects, events);
            }
        }
    }

    fn run_timers(&mut self, events: &mut VecDeque<Event>) {
        let turn = Instant::now();
        while let Some(&Reverse((due, slot))) = self.slots.timers.peek() {
            if due > turn {
                break;
            }
            self.slots.timers.pop();
            let entry = self.slots.entries.get(slot).and_then(Option::as_ref);
            let Some(entry) = entry.filter(|entry| entry.scheduled == due) else {
                continue;
            };
            let kind = entry.line.as_ref().map(|line| line.kind);
            // Read anew for each: thousands of timers take a while, and marks must not be early.
            let now = Instant::now();
            self.swap_latencies(kind);
            let epoch = self.shared.epoch;
            self.with_entry(now, slot, events, |entry, effects| {
                entry.deliver(now, epoch, effects);
                entry.endpoint.handle_timeout(now, effects);
                // Whatever it asks for, it comes no earlier than in the next turn.
                entry.scheduled = now + Duration::from_secs(3_600);
            });
            self.swap_latencies(kind);
            if kind.is_some() {
                self.send_through(now, slot);
            }
        }
    }

    /// What endpoints with this kind of line measure goes to its own latencies, and the next time
    /// this is called no more.
    fn swap_latencies(&mut self, kind: Option<usize>) {
        if let Some(impaired) = kind.and_then(|kind| self.impaired.get_mut(kind)) {
            std::mem::swap(impaired, &mut self.effects.latencies);
        }
    }

    /// Sends what has come through a bad line by now.
    fn send_through(&mut self, now: Instant, slot: usize) {
        let line = |turns: &mut Self| {
            let entry = turns.slots.entries.get_mut(slot)?.as_mut()?;
            entry.line.as_mut()?.line.up.pop(now)
        };
        while let Some((_, datagram, ())) = line(self) {
            self.send(slot, &datagram);
            let entry = self.slots.entries.get_mut(slot).and_then(Option::as_mut);
            if let Some(Impaired { line, .. }) = entry.and_then(|entry| entry.line.as_mut()) {
                line.up.reuse(datagram);
            }
        }
        if let Some(Some(entry)) = self.slots.entries.get_mut(slot) {
            self.slots.timers.extend(reschedule(slot, entry));
        }
    }

    /// Lets an endpoint act, then sends, tells and schedules what came of it.
    fn with_entry(
        &mut self,
        now: Instant,
        slot: usize,
        events: &mut VecDeque<Event>,
        act: impl FnOnce(&mut Entry, &mut Effects),
    ) {
        let Some(entry) = self.slots.entries.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        act(entry, &mut self.effects);
        drain_milestones(entry.id, now, &mut self.effects, events);
        self.slots.timers.extend(reschedule(slot, entry));
        let mut datagrams = std::mem::take(&mut self.effects.datagrams);
        for datagram in datagrams.iter() {
            self.write(slot, datagram);
        }
        datagrams.clear();
        self.effects.datagrams = datagrams;
    }

    fn write(&mut self, slot: usize, datagram: &[u8]) {
        let Some(Some(entry)) = self.slots.entries.get_mut(slot) else {
            return;
        };
        if let Some(Impaired { line, .. }) = &mut entry.line {
            line.up.push(Instant::now(), datagram, ());
            self.slots.timers.extend(reschedule(slot, entry));
            return;
        }
        self.send(slot, datagram);
    }

    fn send(&mut self, slot: usize, datagram: &[u8]) {
        let Some(Some(entry)) = self.slots.entries.get_mut(slot) else {
            return;
        };
        let sent = match &mut entry.link {
            Link::Shared => self.sockets.send(slot, entry.remote, datagram),
            Link::Own(socket) => socket.send(datagram),
            Link::Tcp(link) => link.send(datagram),
            Link::Relayed(link) => link.send(datagram),
        };
        match sent {
            Ok(()) => self.traffic.sent += 1,
            Err(_) => self.traffic.send_failures += 1,
        }
    }
}

fn read_own(socket: &OwnSocket, each: &mut impl FnMut(&mut [u8])) -> io::Result<()> {
    let mut buffer = [0; DATAGRAM_BYTES];
    while let Some(length) = socket.receive(&mut buffer)? {
        each(buffer.get_mut(..length).unwrap_or_default());
    }
    Ok(())
}

fn drain_milestones(
    id: EndpointId,
    at: Instant,
    effects: &mut Effects,
    events: &mut VecDeque<Event>,
) {
    let milestones = effects.milestones.drain(..);
    events.extend(milestones.map(|milestone| Event::Reached { id, at, milestone }));
}

/// The timer to set, if the endpoint wants one sooner than the one that is set.
fn reschedule(slot: usize, entry: &mut Entry) -> Option<Reverse<(Instant, usize)>> {
    let wake = entry.wake();
    (wake < entry.scheduled).then(|| {
        entry.scheduled = wake;
        Reverse((wake, slot))
    })
}

/// When a datagram came, from the start of the run: by the kernel's time stamp where there is one.
fn since_epoch(shared: &Shared, now: Instant, stamp: Option<Duration>) -> Duration {
    let read = now.saturating_duration_since(shared.epoch);
    stamp.map_or(read, |stamp| {
        stamp.saturating_sub(shared.epoch_unix).min(read)
    })
}

/// What the kernel dropped on these local ports, out of `/proc/net/udp`; 0 where there is none.
fn kernel_drops(ports: &[u16]) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let rows = table.lines().skip(1).filter_map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let port = u16::from_str_radix(words.get(1)?.rsplit(':').next()?, 16).ok()?;
        let drops: u64 = words.last()?.parse().ok()?;
        ports.contains(&port).then_some(drops)
    });
    rows.sum()
}
