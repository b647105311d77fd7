//! Who may stay when there is no room for everybody: those being served, then the newest of whoever
//! has the least.
//!
//! When all places are taken a newcomer gets the place of the one that has been idle longest at the
//! origin that has most idle ones. So a crowd from one origin takes places from itself, and keeps
//! nobody else out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::address::Origin;

/// Places of which each is one connection's.
#[derive(Debug)]
pub(crate) struct Pool {
    most: AtomicUsize,
    inside: Mutex<Inside>,
}

/// Everybody inside, by where they come from. Bounded by the places: an origin with nobody inside
/// is not in it.
#[derive(Debug, Default)]
struct Inside {
    next_turn: u64,
    count: usize,
    origins: HashMap<Origin, Held>,
    /// Origins by how many idle ones they have, those with none apart.
    by_idle: BTreeSet<(usize, Origin)>,
    /// Origins by how many they have.
    by_count: BTreeSet<(usize, Origin)>,
}

/// What one origin has, by the turn in which it came or became idle: the first has been so longest.
#[derive(Debug, Default)]
struct Held {
    idle: BTreeMap<u64, CancellationToken>,
    busy: BTreeMap<u64, CancellationToken>,
}

impl Held {
    fn len(&self) -> usize {
        self.idle.len() + self.busy.len()
    }
}

impl Inside {
    /// Changes what one origin has; the orders follow.
    fn change<R>(&mut self, origin: Origin, change: impl FnOnce(&mut Held) -> R) -> R {
        let held = self.origins.entry(origin).or_default();
        let (idle, count) = (held.idle.len(), held.len());
        let changed = change(held);
        let (now_idle, now) = (held.idle.len(), held.len());
        if now == 0 {
            self.origins.remove(&origin);
        }
        for (order, before, after) in [
            (&mut self.by_idle, idle, now_idle),
            (&mut self.by_count, count, now),
        ] {
            order.remove(&(before, origin));
            if after > 0 {
                order.insert((after, origin));
            }
        }
        self.count = self.count + now - count;
        changed
    }

    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    /// Sends one away for a newcomer from `origin`. False if nobody has less right to stay.
    fn make_room(&mut self, origin: Origin) -> bool {
        if self.send_idle_away() {
            return true;
        }
        // All are being served: only who has more than the newcomer would have gives one up.
        let own = self.origins.get(&origin).map_or(0, Held::len);
        let away = match self.by_count.last().copied() {
            Some((count, crowd)) if count > own + 1 => {
                self.change(crowd, |held| held.busy.pop_first())
            }
            _ => None,
        };
        away.inspect(|(_, away)| away.cancel()).is_some()
    }

    fn send_idle_away(&mut self) -> bool {
        let Some((_, crowd)) = self.by_idle.last().copied() else {
            return false;
        };
        let away = self.change(crowd, |held| held.idle.pop_first());
        away.inspect(|(_, away)| away.cancel()).is_some()
    }
}

/// One connection that was let in. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct Visit {
    pool: Arc<Pool>,
    origin: Origin,
    away: CancellationToken,
    /// Its turn; changed only with the pool's lock held.
    turn: Mutex<u64>,
}

/// While it lives the connection is being served.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Visit>);

impl Pool {
    /// Lets at most so many in.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            inside: Mutex::default(),
        }
    }

    /// From now on lets at most so many in. Whoever is in stays.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Lets a connection in, if need be in place of another one. `None` if nobody has less right to
    /// stay.
    pub(crate) fn enter(self: &Arc<Self>, origin: Origin) -> Option<Visit> {
        let away = CancellationToken::new();
        let mut inside = self.lock();
        if inside.count >= self.most.load(Ordering::Relaxed) && !inside.make_room(origin) {
            return None;
        }
        let turn = inside.turn();
        inside.change(origin, |held| held.idle.insert(turn, away.clone()));
        drop(inside);
        Some(Visit {
            pool: Arc::clone(self),
            origin,
            away,
            turn: Mutex::new(turn),
        })
    }

    /// Sends the longest idle one of the largest crowd away. False if nobody is idle.
    pub(crate) fn shed(&self) -> bool {
        self.lock().send_idle_away()
    }

    /// How many are inside.
    pub(crate) fn len(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Somebody else needs the room. Cancel safe.
    pub(crate) async fn sent_away(&self) {
        self.away.cancelled().await;
    }

    /// A request is being answered, until the value is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        let mut inside = self.pool.lock();
        let (turn, away) = (*self.turn(), self.away.clone());
        // One that was sent away as its request arrived stays sent away.
        if !away.is_cancelled() {
            inside.change(self.origin, |held| {
                held.idle.remove(&turn);
                held.busy.insert(turn, away);
            });
        }
        drop(inside);
        Busy(Arc::clone(self))
    }

    fn turn(&self) -> MutexGuard<'_, u64> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let visit = &self.0;
        let mut inside = visit.pool.lock();
        if visit.away.is_cancelled() {
            return;
        }
        let anew = inside.turn();
        let before = std::mem::replace(&mut *visit.turn(), anew);
        let away = visit.away.clone();
        inside.change(visit.origin, |held| {
            held.busy.remove(&before);
            held.idle.insert(anew, away);
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut inside = self.pool.lock();
        let turn = *self.turn();
        // Whoever was sent away is no longer in it.
        if !self.away.is_cancelled() {
            inside.change(self.origin, |held| {
                held.idle.remove(&turn);
                held.busy.remove(&turn);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn origin(last: u8) -> Origin {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn is_away(visit: &Visit) -> bool {
        visit.away.is_cancelled()
    }

    fn enter(pool: &Arc<Pool>, last: u8) -> Option<Arc<Visit>> {
        pool.enter(origin(last)).map(Arc::new)
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_one_that_has_been_idle_longest() {
        let pool = Arc::new(Pool::new(2));
        let [first, second, third] = [1, 1, 1].map(|origin| enter(&pool, origin).unwrap());
        assert_eq!(
            [&first, &second, &third].map(|visit| is_away(visit)),
            [true, false, false]
        );
    }

    #[test]
    fn a_crowd_from_one_origin_takes_places_from_itself_alone() {
        let pool = Arc::new(Pool::new(4));
        let guest = enter(&pool, 1).unwrap();
        let crowd: Vec<_> = (0..100).map(|_| enter(&pool, 2).unwrap()).collect();
        assert!(!is_away(&guest));
        assert_eq!(crowd.iter().filter(|visit| !is_away(visit)).count(), 3);
        let late = enter(&pool, 3).unwrap();
        assert!(!is_away(&late) && !is_away(&guest));
        assert_eq!(crowd.iter().filter(|visit| !is_away(visit)).count(), 2);
    }

    #[test]
    fn whoever_is_being_served_stays_and_then_counts_as_idle_anew() {
        let pool = Arc::new(Pool::new(2));
        let (first, second) = (enter(&pool, 1).unwrap(), enter(&pool, 1).unwrap());
        let (one, other) = (first.busy(), second.busy());
        assert!(enter(&pool, 1).is_none(), "both are being served");
        drop(other);
        drop(one);
        let _third = enter(&pool, 1).unwrap();
        assert!(is_away(&second) && !is_away(&first));
    }

    #[test]
    fn one_origin_that_has_itself_served_in_every_place_keeps_no_other_out() {
        let pool = Arc::new(Pool::new(3));
        let crowd = [1, 1, 1].map(|origin| enter(&pool, origin).unwrap());
        let serving = crowd.each_ref().map(Visit::busy);
        assert!(enter(&pool, 1).is_none(), "from itself it takes nothing");
        let guest = enter(&pool, 2).unwrap();
        let _serving_guest = guest.busy();
        assert_eq!(
            crowd.each_ref().map(|visit| is_away(visit)),
            [true, false, false]
        );
        assert!(enter(&pool, 2).is_none(), "it would have as many");
        drop(serving);
        assert!(!is_away(&guest));
    }

    #[test]
    fn whoever_leaves_makes_room_and_leaves_nothing_behind() {
        let pool = Arc::new(Pool::new(1));
        for _ in 0..3 {
            let visit = enter(&pool, 1).unwrap();
            assert!(!is_away(&visit));
        }
        let sent_away = enter(&pool, 1).unwrap();
        let stays = enter(&pool, 1).unwrap();
        drop(sent_away.busy());
        drop(sent_away);
        assert_eq!(pool.len(), 1, "the one sent away does not count twice");
        let busy = stays.busy();
        drop(stays);
        assert!(enter(&pool, 1).is_none());
        drop(busy);
        let inside = pool.lock();
        assert_eq!(inside.count, 0);
        assert!(inside.origins.is_empty());
        assert!(inside.by_idle.is_empty() && inside.by_count.is_empty());
    }
}
