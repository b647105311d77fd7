//! The publications that one shard knows, found by name or by key.

use rustc_hash::FxHashMap;

use crate::id::PublicationId;
use crate::publication::{Publication, PublicationKey};

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    publication: Option<Box<Publication>>,
}

/// A table whose keys go stale when their publication is removed.
#[derive(Debug, Default)]
pub struct Publications {
    places: Vec<Place>,
    free: Vec<u32>,
    by_id: FxHashMap<PublicationId, PublicationKey>,
}

impl Publications {
    /// Adds a publication. One of the same name is replaced.
    pub fn insert(&mut self, publication: Publication) -> PublicationKey {
        self.remove(publication.id);
        let id = publication.id;
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let mut key = PublicationKey {
            index,
            generation: 0,
        };
        if let Some(place) = self.places.get_mut(index as usize) {
            key.generation = place.generation;
            place.publication = Some(Box::new(publication));
        }
        self.by_id.insert(id, key);
        key
    }

    /// Removes a publication; its key finds nothing from now on.
    pub fn remove(&mut self, id: PublicationId) -> Option<Box<Publication>> {
        let key = self.by_id.remove(&id)?;
        let place = self.places.get_mut(key.index as usize)?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        place.publication.take()
    }

    /// The key of a name.
    pub fn key(&self, id: PublicationId) -> Option<PublicationKey> {
        self.by_id.get(&id).copied()
    }

    /// The publication of a key that is not stale.
    #[inline]
    pub fn get(&self, key: PublicationKey) -> Option<&Publication> {
        let place = self.places.get(key.index as usize)?;
        place
            .publication
            .as_deref()
            .filter(|_| place.generation == key.generation)
    }

    /// The publication of a key that is not stale.
    #[inline]
    pub fn get_mut(&mut self, key: PublicationKey) -> Option<&mut Publication> {
        let place = self.places.get_mut(key.index as usize)?;
        place
            .publication
            .as_deref_mut()
            .filter(|_| place.generation == key.generation)
    }

    /// The publication of a name.
    pub fn by_id(&mut self, id: PublicationId) -> Option<&mut Publication> {
        self.get_mut(self.key(id)?)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Codec, MediaKind};
    use crate::id::{ConferenceId, PeerId};

    #[test]
    fn a_stale_key_finds_nothing_even_when_its_place_is_taken_again() {
        let make = |mline| {
            let id = PublicationId {
                peer: PeerId(1),
                mline,
            };
            Publication::new(id, ConferenceId(1), MediaKind::Audio, Codec::Opus, 1)
        };
        let mut table = Publications::default();
        let first = table.insert(make(0));
        table.remove(PublicationId {
            peer: PeerId(1),
            mline: 0,
        });
        let second = table.insert(make(1));
        assert_eq!(first.index, second.index);
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).map(|p| p.id.mline), Some(1));
    }
}
