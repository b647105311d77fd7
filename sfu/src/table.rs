//! A table with keys of its own type, found by key or by name.
//!
//! A key names one value for ever: when its value is removed it finds nothing, whoever takes the
//! place. Values lie packed and never move, and where one lies is known without reading anything,
//! so that it can be fetched ahead of its turn.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::mem::offset_of;

use rustc_hash::FxHashMap;

use crate::prefetch::prefetch;

/// Values of one allocation. Higher: fewer of them. Lower: less memory for a few values.
const CHUNK: usize = 64;

/// What the outside calls a value by.
pub trait Named {
    /// The name, one per value.
    type Name: Copy + Eq + Hash + fmt::Debug;

    /// The name of this one.
    fn name(&self) -> Self::Name;
}

/// Where a value lies in its table: a place, and how often that was given away before.
pub struct Key<T> {
    generation: u32,
    index: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key as a table makes them.
    pub(crate) const fn new(index: u32, generation: u32) -> Self {
        Self {
            generation,
            index,
            of: PhantomData,
        }
    }

    const fn parts(self) -> (u32, u32) {
        (self.index, self.generation)
    }
}

// Derived, these would ask the same of `T`.
impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// In this order, so that the check of the generation reads what is fetched with the value.
#[derive(Debug)]
#[repr(C)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by key and by name.
#[derive(Debug)]
pub struct Table<T: Named> {
    chunks: Vec<Box<[Place<T>]>>,
    /// How many places were ever given away; those beyond are empty.
    used: u32,
    free: Vec<u32>,
    by_name: FxHashMap<T::Name, Key<T>>,
    inconsistent: Cell<u64>,
}

impl<T: Named> Default for Table<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            used: 0,
            free: Vec::new(),
            by_name: FxHashMap::default(),
            inconsistent: Cell::new(0),
        }
    }
}

impl<T: Named> Table<T> {
    /// Adds a value. One of the same name is replaced, and its key goes stale.
    pub fn insert(&mut self, value: T) -> Key<T> {
        let name = value.name();
        if let Some(former) = self.key(name) {
            self.remove(former);
        }
        let index = self.free.pop().unwrap_or(self.used);
        if index == self.used {
            self.used += 1;
            if self.used as usize > self.chunks.len() * CHUNK {
                let empty = |_| Place {
                    generation: 0,
                    value: None,
                };
                self.chunks.push((0..CHUNK).map(empty).collect());
            }
        }
        let mut key = Key::new(index, 0);
        if let Some(place) = self.place_mut(key) {
            place.value = Some(value);
            key.generation = place.generation;
        }
        self.by_name.insert(name, key);
        key
    }

    /// Removes a value; its key finds nothing from now on.
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        let place = self
            .place_mut(key)
            .filter(|place| place.generation == key.generation)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        self.by_name.remove(&value.name());
        Some(value)
    }

    /// The key of a name.
    pub fn key(&self, name: T::Name) -> Option<Key<T>> {
        self.by_name.get(&name).copied()
    }

    /// The value of a name.
    pub fn named(&mut self, name: T::Name) -> Option<&mut T> {
        self.get_mut(self.key(name)?)
    }

    #[inline]
    fn place(&self, key: Key<T>) -> Option<&Place<T>> {
        let index = key.index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    #[inline]
    fn place_mut(&mut self, key: Key<T>) -> Option<&mut Place<T>> {
        let index = key.index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// The value of a key that may have gone stale meanwhile.
    #[inline]
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        let place = self.place(key)?;
        if place.generation != key.generation {
            return None;
        }
        place.value.as_ref()
    }

    /// The value of a key that may have gone stale meanwhile.
    #[inline]
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        let place = self.place_mut(key)?;
        if place.generation != key.generation {
            return None;
        }
        place.value.as_mut()
    }

    /// The value of a key that cannot be stale, because whoever holds it is told when the value goes.
    /// If it is, that is a fault of ours: tests stop, a server counts it and does without.
    #[inline]
    pub fn at(&self, key: Key<T>) -> Option<&T> {
        let found = self.get(key);
        if found.is_none() {
            note(&self.inconsistent, key);
        }
        found
    }

    /// As [`at`](Self::at).
    #[inline]
    pub fn at_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        // As in `get_mut`, which would keep the count borrowed.
        let index = key.index as usize;
        let chunk = self.chunks.get_mut(index / CHUNK);
        let found = chunk
            .and_then(|chunk| chunk.get_mut(index % CHUNK))
            .filter(|place| place.generation == key.generation)
            .and_then(|place| place.value.as_mut());
        if found.is_none() {
            note(&self.inconsistent, key);
        }
        found
    }

    /// How often a key was stale that cannot be.
    pub const fn inconsistent(&self) -> u64 {
        self.inconsistent.get()
    }

    /// Begins to bring the first `bytes` of a value into the caches.
    #[inline]
    pub fn prefetch(&self, key: Key<T>, bytes: usize) {
        if let Some(place) = self.place(key) {
            prefetch(place, offset_of!(Place<T>, value) + bytes);
        }
    }

    /// All values with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        let places = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0..self.used).zip(places).filter_map(|(index, place)| {
            Some((Key::new(index, place.generation), place.value.as_ref()?))
        })
    }

    /// All values with their keys.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key<T>, &mut T)> {
        let places = self.chunks.iter_mut().flat_map(|chunk| chunk.iter_mut());
        (0..self.used).zip(places).filter_map(|(index, place)| {
            Some((Key::new(index, place.generation), place.value.as_mut()?))
        })
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = Key<T>> {
        self.by_name.values().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cold]
fn note<T>(count: &Cell<u64>, key: Key<T>) {
    debug_assert!(false, "key {key:?} is stale, and its holder was not told");
    count.set(count.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Eq, PartialEq)]
    struct Word(u32, &'static str);

    impl Named for Word {
        type Name = u32;

        fn name(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn a_stale_key_finds_nothing_even_when_its_place_is_taken_again() {
        let mut table = Table::default();
        let first = table.insert(Word(1, "one"));
        assert_eq!(table.remove(first), Some(Word(1, "one")));
        assert_eq!(table.remove(first), None, "once");
        let second = table.insert(Word(2, "two"));
        assert_eq!(first.index, second.index);
        assert_eq!(table.get(first), None);
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.get(second), Some(&Word(2, "two")));
        assert_eq!((table.key(1), table.key(2)), (None, Some(second)));
    }

    #[test]
    fn a_value_of_a_name_that_is_there_replaces_it() {
        let mut table = Table::default();
        let first = table.insert(Word(1, "one"));
        let second = table.insert(Word(1, "uno"));
        assert_eq!((table.get(first), table.len()), (None, 1));
        assert_eq!(table.named(1), Some(&mut Word(1, "uno")));
        assert_eq!(table.key(1), Some(second));
    }

    #[test]
    fn values_come_in_the_order_of_their_places_over_many_chunks() {
        let mut table = Table::default();
        let keys: Vec<_> = (0..200).map(|name| table.insert(Word(name, ""))).collect();
        for key in keys.iter().filter(|key| key.index % 3 == 0) {
            table.remove(*key);
        }
        let left: Vec<_> = table.iter().map(|(_, word)| word.0).collect();
        let expected: Vec<_> = (0..200).filter(|name| name % 3 != 0).collect();
        assert_eq!(left, expected);
        assert_eq!(table.iter_mut().count(), table.len());
        assert!(table.keys().all(|key| table.at(key).is_some()));
        assert_eq!(table.inconsistent(), 0);
    }

    #[test]
    #[should_panic(expected = "stale")]
    fn a_key_that_cannot_be_stale_and_is_stops_a_test() {
        let mut table = Table::default();
        let key = table.insert(Word(1, "one"));
        table.remove(key);
        table.at_mut(key);
    }

    #[test]
    fn what_a_receivers_turn_checks_first_lies_in_one_line_with_it() {
        assert_eq!(offset_of!(Place<u64>, generation), 0);
        assert_eq!(offset_of!(Place<u64>, value), 8);
    }
}
