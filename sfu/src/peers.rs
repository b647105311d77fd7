//! A shard's peers, packed: where one lies is known without reading anything, so it can be fetched
//! ahead of its turn.

use std::mem::offset_of;

use crate::peer::Peer;
use crate::prefetch::prefetch;

/// Peers of one allocation. Growing never moves a peer.
const CHUNK: usize = 64;

/// A table of peers by key. A key is used again after its peer is removed.
#[derive(Debug, Default)]
pub struct Peers {
    chunks: Vec<Box<[Option<Peer>]>>,
    free: Vec<usize>,
    len: usize,
}

impl Peers {
    /// Adds a peer and returns its key.
    pub fn insert(&mut self, peer: Peer) -> usize {
        if self.free.is_empty() {
            let first = self.chunks.len() * CHUNK;
            self.chunks.push((0..CHUNK).map(|_| None).collect());
            self.free.extend((first..first + CHUNK).rev());
        }
        let key = self.free.pop().unwrap_or_default();
        if let Some(place) = self.place_mut(key) {
            *place = Some(peer);
            self.len += 1;
        }
        key
    }

    /// Removes a peer.
    pub fn remove(&mut self, key: usize) -> Option<Peer> {
        let peer = self.place_mut(key)?.take()?;
        self.len -= 1;
        self.free.push(key);
        Some(peer)
    }

    #[inline]
    fn place(&self, key: usize) -> Option<&Option<Peer>> {
        self.chunks.get(key / CHUNK)?.get(key % CHUNK)
    }

    #[inline]
    fn place_mut(&mut self, key: usize) -> Option<&mut Option<Peer>> {
        self.chunks.get_mut(key / CHUNK)?.get_mut(key % CHUNK)
    }

    /// The peer of a key.
    #[inline]
    pub fn get(&self, key: usize) -> Option<&Peer> {
        self.place(key)?.as_ref()
    }

    /// The peer of a key.
    #[inline]
    pub fn get_mut(&mut self, key: usize) -> Option<&mut Peer> {
        self.place_mut(key)?.as_mut()
    }

    /// Begins to bring a peer into the caches, but for its slots.
    #[inline]
    pub fn prefetch(&self, key: usize) {
        if let Some(place) = self.place(key) {
            prefetch(place, offset_of!(Peer, slots));
        }
    }

    /// All peers with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Peer)> {
        let places = self
            .chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .enumerate();
        places.filter_map(|(key, place)| Some((key, place.as_ref()?)))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}
