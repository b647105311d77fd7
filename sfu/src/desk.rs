//! The desk: which peers there are, on which shard, and what was negotiated with them.
//!
//! ```text
//!            offer ─▶ join ─▶ Arrival ─▶ queue ─▶ Order for a shard, answer for the client
//!          command ─▶ address ─▶ which shards carry it out
//! event of a shard ─▶ observe ─▶ whose conference it concerns
//! ```
//!
//! Everything that makes or ends a peer passes here on its way, so nobody has to remember to give a
//! place back: it is free when its peer was removed or has closed, when its conference has ended, or
//! when it was never queued, whichever comes first. No sockets, no threads, no clock.

mod places;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::command::{
    AcceptedPublication, AcceptedSlot, Command, CommandError, DtlsRole, Event, Fingerprint,
    HostCandidate, IceCredentials, Joined, Order, PeerPolicy, PeerSpec,
};
use crate::desk::places::{Place, Places};
use crate::id::{ConferenceId, PeerId, PublicationId, ShardId, SlotId};
use crate::sdp::{LocalDescription, Negotiated, negotiate};

/// What a desk is made of.
#[derive(Clone, Debug)]
pub struct DeskConfig {
    /// SHA-256 of the process's certificate.
    pub fingerprint: Fingerprint,
    /// Where each shard can be reached, by its number.
    pub candidates: Vec<Vec<HostCandidate>>,
    /// Most peers at once, some reserved places apart.
    pub max_peers: usize,
    /// All its choices follow from this and its inputs.
    pub seed: [u8; 32],
}

/// Shared by whoever takes offers and whoever hears of events. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    fingerprint: Fingerprint,
    candidates: Mutex<Vec<Vec<HostCandidate>>>,
    places: Mutex<Places>,
}

/// Everything of a description that an ICE restart must not change.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Shape {
    fingerprint: Fingerprint,
    dtls: DtlsRole,
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
            fingerprint: spec.fingerprint,
            dtls: spec.dtls,
            mlines: publications.chain(slots).collect(),
        }
    }
}

/// Which shards an order is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Addressee {
    /// This one.
    One(ShardId),
    /// All of them.
    All,
}

/// An offer that was answered, before its peer is ordered. Dropped, it gives its place back.
#[derive(Debug)]
#[must_use = "the peer exists once it is queued"]
pub struct Arrival {
    seat: Seat,
    spec: Box<PeerSpec>,
    joined: Joined,
}

/// A place that is given back unless its peer was queued.
#[derive(Debug)]
struct Seat {
    desk: Desk,
    peer: PeerId,
    is_queued: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.is_queued {
            self.desk.places().free(self.peer);
        }
    }
}

/// Further credentials for a peer, and what its client is told.
#[derive(Debug)]
pub struct Renewal<T> {
    /// Where the peer lives.
    pub shard: ShardId,
    /// What that shard is to do.
    pub order: Order,
    /// For the client.
    pub answer: T,
}

impl Desk {
    /// A desk that nobody has come to.
    pub fn new(config: DeskConfig) -> Self {
        let places = Places::new(config.candidates.len(), config.max_peers, config.seed);
        Self {
            inner: Arc::new(Inner {
                fingerprint: config.fingerprint,
                candidates: Mutex::new(config.candidates),
                places: Mutex::new(places),
            }),
        }
    }

    /// From now on clients that join are told these, by shard; those that are here keep theirs.
    pub fn set_candidates(&self, candidates: Vec<Vec<HostCandidate>>) {
        *self.candidates() = candidates;
    }

    /// From now on at most so many peers, some reserved places apart; those that are here stay.
    pub fn set_max_peers(&self, most: usize) {
        self.places().set_max(most);
    }

    fn candidates(&self) -> MutexGuard<'_, Vec<Vec<HostCandidate>>> {
        self.inner
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.inner
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this peer has a place.
    pub fn knows(&self, peer: PeerId) -> bool {
        self.places().get(peer).is_some()
    }

    /// How many peers there are, connected or not yet.
    pub fn peers(&self) -> usize {
        self.places().len()
    }

    /// Answers an offer.
    ///
    /// # Errors
    /// When the offer cannot be answered, or there is no place.
    pub fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Arrival, CommandError> {
        let peer = self.places().take(conference, policy)?;
        let seat = Seat {
            desk: self.clone(),
            peer,
            is_queued: false,
        };
        let (negotiated, ice) = self.answer(peer, offer)?;
        let joined = joined(peer, &negotiated.spec, negotiated.answer, ice);
        Ok(Arrival {
            seat,
            spec: Box::new(negotiated.spec),
            joined,
        })
    }

    /// Describes our side to a peer that has a place.
    fn answer(
        &self,
        peer: PeerId,
        offer: &str,
    ) -> Result<(Negotiated, IceCredentials), CommandError> {
        let unknown = || CommandError::UnknownPeer(peer);
        let (place, ice) = {
            let mut places = self.places();
            let place = places.get_mut(peer).ok_or_else(unknown)?;
            place.version += 1;
            (place.clone(), places.credentials(peer))
        };
        let Place {
            conference,
            policy,
            first_ssrc,
            version,
            shape,
        } = place;
        let shard = usize::from(peer.shard().0);
        let candidates = self.candidates().get(shard).cloned();
        let local = LocalDescription {
            conference,
            ice: &ice,
            fingerprint: self.inner.fingerprint,
            candidates: &candidates.ok_or_else(unknown)?,
            first_ssrc,
            session_id: peer.0,
            version,
            dtls: shape.map(|shape| shape.dtls),
        };
        // Outside the lock: it is the long part.
        let negotiated = negotiate(offer, &local, &policy)?;
        Ok((negotiated, ice))
    }

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone or the offer is another one.
    pub fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<Renewal<String>, CommandError> {
        let shape = self.shape(peer)?;
        let (negotiated, ice) = self.answer(peer, offer)?;
        if Shape::of(&negotiated.spec) != shape {
            return Err(CommandError::NotARestart);
        }
        Ok(Renewal {
            shard: peer.shard(),
            order: Order::RestartIce {
                peer,
                ice,
                their_ice: negotiated.spec.their_ice,
            },
            answer: negotiated.answer,
        })
    }

    /// New ICE credentials for a peer that has taken new ones, for WHIP's and WHEP's `PATCH`
    /// (RFC 9725 §4.3.3).
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn renew_ice(
        &self,
        peer: PeerId,
        their_ice: IceCredentials,
    ) -> Result<Renewal<IceCredentials>, CommandError> {
        self.shape(peer)?;
        let ice = self.places().credentials(peer);
        Ok(Renewal {
            shard: peer.shard(),
            order: Order::RestartIce {
                peer,
                ice: ice.clone(),
                their_ice,
            },
            answer: ice,
        })
    }

    fn shape(&self, peer: PeerId) -> Result<Shape, CommandError> {
        let places = self.places();
        let shape = places.get(peer).and_then(|place| place.shape.clone());
        shape.ok_or(CommandError::UnknownPeer(peer))
    }

    /// Which shards a command is for. A place that it ends is free from now on.
    pub fn address(&self, command: &Command) -> Addressee {
        match command {
            Command::RemovePeer { peer } => {
                self.places().free(*peer);
                Addressee::One(peer.shard())
            }
            Command::EndConference { conference } => {
                self.places().free_all(*conference);
                Addressee::All
            }
            Command::Watch { slot, .. } | Command::Limit { slot, .. } => {
                Addressee::One(slot.peer.shard())
            }
            Command::Block { publication, .. } => Addressee::One(publication.peer.shard()),
            Command::Show { .. } | Command::SetSpeakers { .. } => Addressee::All,
        }
    }

    /// Notes what a shard reports, and says whose conference it concerns: `None` for a peer that was
    /// removed by command or with its conference, of which nobody wants to hear.
    pub fn observe(&self, event: &Event) -> Option<ConferenceId> {
        let mut places = self.places();
        let peer = match event {
            Event::PeerReached { peer, .. }
            | Event::PeerConnected { peer }
            | Event::PeerSilent { peer }
            | Event::PeerBack { peer }
            | Event::PeerClosed { peer, .. }
            | Event::LineChanged { peer, .. } => *peer,
            Event::PublicationStarted { publication }
            | Event::PublicationStopped { publication }
            | Event::KeyframeRequestsIgnored { publication, .. }
            | Event::LayersWanted { publication, .. } => publication.peer,
            Event::Overload { conference, .. } => return Some(*conference),
        };
        let conference = places.get(peer).map(|place| place.conference);
        if matches!(event, Event::PeerClosed { .. }) {
            places.free(peer);
        }
        conference
    }
}

impl Arrival {
    /// Where the peer is to live.
    pub const fn shard(&self) -> ShardId {
        self.seat.peer.shard()
    }

    /// Has the peer made: `queue` puts the order where its shard will find it. If it cannot, or the
    /// conference has ended meanwhile, the place is free again.
    ///
    /// # Errors
    /// When `queue` fails, or the conference has ended.
    pub fn queue(
        mut self,
        queue: impl FnOnce(Order) -> Result<(), CommandError>,
    ) -> Result<Joined, CommandError> {
        let peer = self.seat.peer;
        let desk = self.seat.desk.clone();
        // Under the lock, so that the conference's end is queued either before, and then seen here,
        // or behind this peer.
        let mut places = desk.places();
        let queued = match places.get_mut(peer) {
            None => Err(CommandError::ConferenceEnded),
            Some(place) => {
                place.shape = Some(Shape::of(&self.spec));
                let spec = self.spec;
                queue(Order::AddPeer { peer, spec })
            }
        };
        drop(places);
        self.seat.is_queued = queued.is_ok();
        queued.map(|()| self.joined)
    }
}

fn joined(peer: PeerId, spec: &PeerSpec, answer: String, ice: IceCredentials) -> Joined {
    let publications = spec
        .publications
        .iter()
        .map(|publication| AcceptedPublication {
            id: PublicationId {
                peer,
                mline: publication.mline,
            },
            mid: publication.mid,
            kind: publication.kind,
            codec: publication.codec.codec,
        });
    let slots = spec.slots.iter().map(|slot| AcceptedSlot {
        id: SlotId {
            peer,
            mline: slot.mline,
        },
        mid: slot.mid,
        kind: slot.kind,
        codecs: slot.codecs.iter().map(|spec| spec.codec).collect(),
    });
    Joined {
        peer,
        answer,
        ice,
        publications: publications.collect(),
        slots: slots.collect(),
    }
}

#[cfg(test)]
mod tests;
