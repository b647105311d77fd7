//! A media plane without media: answers offers of a tiny language and writes down its commands.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use sfu::command::{
    AcceptedPublication, AcceptedSlot, CloseReason, Command, CommandError, Event, IceCredentials,
    Joined, PeerPolicy, Token,
};
use sfu::id::{ConferenceId, Feed, PeerId, PublicationId, ShardId, SlotId};
use sfu::kind::{Codec, MediaKind};
use sfu::sdp::OfferError;
use sfu::turn::Credentials;
use sfu::{Events, Handover, Media};
use tokio::sync::mpsc;

/// Longer than anybody waits for the offer `hard`.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was commanded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Show(u8, Option<PublicationId>),
    Speakers(Vec<PublicationId>),
    Watch(SlotId, Option<Feed>),
    Limit(SlotId, u8),
    Block(PublicationId, bool),
    Leave(PeerId),
    End,
    MaxPeers(u32),
    Advertised(Vec<std::net::IpAddr>),
}

/// Offers are like `send audio 0, send video 1, receive audio 2, receive video 3`.
#[derive(Debug)]
pub(crate) struct FakeMedia {
    next_peer: AtomicU64,
    peers: AtomicUsize,
    orders: Mutex<Vec<Order>>,
    /// Whether the offer `hard` is answered.
    judged: Mutex<bool>,
    is_judged: Condvar,
    /// In which conference each peer was made.
    conferences: Mutex<HashMap<PeerId, ConferenceId>>,
    /// Those that closed before they had an owner: of an offer that begins with `brief `.
    brief: Mutex<Vec<PeerId>>,
    events: mpsc::Sender<(ConferenceId, Event)>,
    /// Clients are told loopback alone.
    pub(crate) is_loopback_only: AtomicBool,
}

impl FakeMedia {
    pub(crate) fn new() -> (Self, Events) {
        let (events, receiver) = mpsc::channel(64);
        (
            Self {
                next_peer: AtomicU64::new(1),
                peers: AtomicUsize::new(0),
                orders: Mutex::default(),
                judged: Mutex::default(),
                is_judged: Condvar::new(),
                conferences: Mutex::default(),
                brief: Mutex::default(),
                events,
                is_loopback_only: AtomicBool::new(false),
            },
            receiver.into(),
        )
    }

    /// Everything commanded so far.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, order: &Order) -> bool {
        self.orders().contains(order)
    }

    /// From now on there seem to be so many peers.
    pub(crate) fn crowd(&self, peers: usize) {
        self.peers.store(peers, Ordering::Relaxed);
    }

    /// Answers the offer `hard`, which takes until then.
    pub(crate) fn judge(&self) {
        *self.judged.lock().unwrap() = true;
        self.is_judged.notify_all();
    }

    pub(crate) async fn happen(&self, event: Event) {
        self.events
            .send((self.concerns(&event), event))
            .await
            .unwrap();
    }

    fn note(&self, order: Order) {
        self.orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(order);
    }

    fn closed(&self, peer: PeerId) {
        let reason = CloseReason::Removed;
        let event = Event::PeerClosed { peer, reason };
        let _ = self.events.try_send((self.concerns(&event), event));
    }

    fn concerns(&self, event: &Event) -> ConferenceId {
        let peer = match event {
            Event::PeerReached { peer, .. }
            | Event::PeerConnected { peer }
            | Event::PeerSilent { peer }
            | Event::PeerBack { peer }
            | Event::PeerClosed { peer, .. }
            | Event::LineChanged { peer, .. } => peer,
            Event::PublicationStarted { publication }
            | Event::PublicationStopped { publication }
            | Event::KeyframeRequestsIgnored { publication, .. }
            | Event::LayersWanted { publication, .. } => &publication.peer,
            Event::Overload { conference, .. } => return *conference,
        };
        self.conferences.lock().unwrap()[peer]
    }
}

fn bad_offer() -> CommandError {
    CommandError::BadOffer(OfferError::NoMedia)
}

impl Media for FakeMedia {
    fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError> {
        if offer == "full" {
            return Err(CommandError::Full);
        }
        if offer == "hard" {
            let judged = self.judged.lock().unwrap();
            let judged = self
                .is_judged
                .wait_timeout_while(judged, PATIENCE, |done| !*done);
            drop(judged);
            return Err(bad_offer());
        }
        let peer = PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed));
        let offer = match offer.strip_prefix("brief ") {
            Some(rest) => {
                self.brief.lock().unwrap().push(peer);
                rest
            }
            None => offer,
        };
        // Further lines are for those who read them as SDP.
        let offer = offer.lines().next().unwrap_or_default();
        let (mut publications, mut slots) = (Vec::new(), Vec::new());
        for (mline, part) in (0u8..).zip(offer.split(',')) {
            let words: Vec<_> = part.split_whitespace().collect();
            let [way, kind, mid] = words[..] else {
                return Err(bad_offer());
            };
            let (kind, codecs) = match kind {
                "audio" => (MediaKind::Audio, vec![Codec::Opus]),
                "h264" => (MediaKind::Video, vec![Codec::H264]),
                "vp8" => (MediaKind::Video, vec![Codec::Vp8]),
                _ => (MediaKind::Video, vec![Codec::Vp8, Codec::H264]),
            };
            let mid = Token::from(mid).unwrap();
            let may = match kind {
                MediaKind::Audio => policy.may_send_audio,
                MediaKind::Video => policy.may_send_video,
            };
            if way == "receive" {
                slots.push(AcceptedSlot {
                    id: SlotId { peer, mline },
                    mid,
                    kind,
                    codecs,
                });
            } else if may {
                let id = PublicationId { peer, mline };
                let codec = codecs[0];
                publications.push(AcceptedPublication {
                    id,
                    mid,
                    kind,
                    codec,
                });
            }
        }
        self.conferences.lock().unwrap().insert(peer, conference);
        let ice = IceCredentials {
            ufrag: format!("0u{peer}"),
            pwd: "p".repeat(24),
        };
        let answer = format!("a=candidate:1 1 udp 1 192.0.2.9 7910 typ host\r\nanswer {peer}\r\n");
        Ok(Joined {
            peer,
            answer,
            ice,
            publications,
            slots,
        })
    }

    fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError> {
        if offer == "other" {
            return Err(bad_offer());
        }
        Ok(format!("restarted {peer}"))
    }

    fn renew_ice(&self, peer: PeerId, _: IceCredentials) -> Result<IceCredentials, CommandError> {
        Ok(IceCredentials {
            ufrag: format!("0new{peer}"),
            pwd: "q".repeat(24),
        })
    }

    fn open(&self, _: SocketAddr) {}

    fn hand_over(&self, _: Handover) -> Result<(), CommandError> {
        Ok(())
    }

    fn turn_credentials(&self, _: &str, _: Duration) -> Option<Credentials> {
        None
    }

    fn command(&self, command: Command) {
        self.note(match command {
            Command::Show {
                stage, publication, ..
            } => Order::Show(stage, publication),
            Command::SetSpeakers { publications, .. } => Order::Speakers(publications),
            Command::Watch { slot, feed } => Order::Watch(slot, feed),
            Command::Limit { slot, layers } => Order::Limit(slot, layers),
            Command::Block {
                publication,
                blocked,
            } => Order::Block(publication, blocked),
            Command::RemovePeer { peer } => {
                self.closed(peer);
                Order::Leave(peer)
            }
            Command::EndConference { .. } => Order::End,
        });
    }

    fn knows(&self, peer: PeerId) -> bool {
        !self.brief.lock().unwrap().contains(&peer)
    }

    fn peers(&self) -> usize {
        self.peers.load(Ordering::Relaxed)
    }

    fn stats(&self) -> sfu::stats::Stats {
        sfu::stats::Stats::default()
    }

    fn stalled(&self) -> Vec<ShardId> {
        Vec::new()
    }

    fn is_loopback_only(&self) -> bool {
        self.is_loopback_only.load(Ordering::Relaxed)
    }

    fn set_max_peers(&self, most: u32) {
        self.note(Order::MaxPeers(most));
    }

    fn set_advertised(&self, addresses: Vec<std::net::IpAddr>) {
        self.note(Order::Advertised(addresses));
    }

    fn shutdown(&self) {}
}
