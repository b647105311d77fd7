//! Who has a place at the media plane: on which shard, in which conference, under which name.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::command::{CommandError, IceCredentials, PeerPolicy};
use crate::desk::Shape;
use crate::id::{ConferenceId, PeerId, ShardId, Ssrc};
use crate::peer::ice::make_credentials;
use crate::sdp::SSRCS_PER_PEER;

/// Places beyond the limit for whoever may take a reserved one. Enough for those who run a few
/// conferences, and for peers that are replaced by another one before they are gone.
const RESERVED: usize = 256;

/// What must be remembered of a peer to answer it again.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) conference: ConferenceId,
    pub(super) policy: PeerPolicy,
    pub(super) first_ssrc: Ssrc,
    /// Of the session description sent last.
    pub(super) version: u64,
    /// What an ICE restart must not change; `None` while its first offer is being answered.
    pub(super) shape: Option<Shape>,
}

/// Every place that is taken. A place is free once it is no longer in here.
#[derive(Debug)]
pub(super) struct Places {
    taken: HashMap<PeerId, Place>,
    /// Peers per shard.
    load: Vec<u32>,
    max: usize,
    next_peer: u64,
    next_ssrc: u32,
    rng: StdRng,
}

impl Places {
    pub(super) fn new(shards: usize, max: usize, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        Self {
            taken: HashMap::new(),
            load: vec![0; shards],
            max,
            next_peer: 1,
            next_ssrc: rng.random(),
            rng,
        }
    }

    /// From now on so many.
    pub(super) const fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Takes a place on the emptiest shard.
    pub(super) fn take(
        &mut self,
        conference: ConferenceId,
        policy: &PeerPolicy,
    ) -> Result<PeerId, CommandError> {
        let beyond = if policy.reserved { RESERVED } else { 0 };
        if self.taken.len() >= self.max.saturating_add(beyond) {
            return Err(CommandError::Full);
        }
        let (shard, load) = (0u8..)
            .zip(&mut self.load)
            .min_by_key(|(_, load)| **load)
            .ok_or(CommandError::Stopped)?;
        *load += 1;
        let peer = PeerId::new(self.next_peer, ShardId(shard));
        self.next_peer += 1;
        let first_ssrc = Ssrc(self.next_ssrc.max(1));
        self.next_ssrc = self.next_ssrc.wrapping_add(SSRCS_PER_PEER);
        let place = Place {
            conference,
            policy: policy.clone(),
            first_ssrc,
            version: 0,
            shape: None,
        };
        self.taken.insert(peer, place);
        Ok(peer)
    }

    /// Gives a place back; one that is free already stays so.
    pub(super) fn free(&mut self, peer: PeerId) {
        if self.taken.remove(&peer).is_some() {
            self.relieve(peer);
        }
    }

    /// Gives back every place of a conference.
    pub(super) fn free_all(&mut self, conference: ConferenceId) {
        let there = |_: &PeerId, place: &mut Place| place.conference == conference;
        let gone: Vec<_> = self.taken.extract_if(there).map(|(peer, _)| peer).collect();
        for peer in gone {
            self.relieve(peer);
        }
    }

    fn relieve(&mut self, peer: PeerId) {
        if let Some(load) = self.load.get_mut(usize::from(peer.shard().0)) {
            *load = load.saturating_sub(1);
        }
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Place> {
        self.taken.get(&peer)
    }

    pub(super) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Place> {
        self.taken.get_mut(&peer)
    }

    /// How many are taken.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// New credentials for a peer.
    pub(super) fn credentials(&mut self, peer: PeerId) -> IceCredentials {
        make_credentials(peer.shard(), &mut self.rng)
    }
}
