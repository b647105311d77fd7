//! Who may stay when there is no room for everybody: those being served, then the newest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Counts the connections of one listener.
#[derive(Debug)]
pub(super) struct Door {
    most: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    count: usize,
    next_turn: u64,
    /// Idle connections by the turn in which they became so: the first has been idle longest.
    idle: BTreeMap<u64, CancellationToken>,
}

impl Inside {
    fn wait(&mut self, away: CancellationToken) -> u64 {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.idle.insert(turn, away);
        turn
    }
}

/// One connection that was let in. Leaves when dropped.
#[derive(Debug)]
pub(super) struct Visit {
    door: Arc<Door>,
    away: CancellationToken,
    /// Its turn among the idle; the lock is never held across another.
    turn: Mutex<Option<u64>>,
}

/// While it lives the connection is being served.
#[derive(Debug)]
pub(super) struct Busy(Arc<Visit>);

impl Door {
    /// Lets at most so many in.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            inside: Mutex::default(),
        }
    }

    /// Lets a connection in; if there is no room, in place of the one that has been idle longest.
    /// `None` if everybody inside is being served.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Visit> {
        let away = CancellationToken::new();
        let mut inside = self.lock();
        if inside.count >= self.most {
            let (_, idlest) = inside.idle.pop_first()?;
            idlest.cancel();
            // Its visit no longer counts; see `Drop`.
            inside.count -= 1;
        }
        inside.count += 1;
        let turn = inside.wait(away.clone());
        drop(inside);
        Some(Visit {
            door: Arc::clone(self),
            away,
            turn: Mutex::new(Some(turn)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Somebody else needs the room. Cancel safe.
    pub(super) async fn sent_away(&self) {
        self.away.cancelled().await;
    }

    /// A request is being answered, until the value is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        if let Some(turn) = self.turn().take() {
            self.door.lock().idle.remove(&turn);
        }
        Busy(Arc::clone(self))
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // One that was sent away as its request arrived stays sent away.
        if !self.0.away.is_cancelled() {
            let turn = self.0.door.lock().wait(self.0.away.clone());
            *self.0.turn() = Some(turn);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let turn = self.turn().take();
        let mut inside = self.door.lock();
        if let Some(turn) = turn {
            inside.idle.remove(&turn);
        }
        if !self.away.is_cancelled() {
            inside.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_away(visit: &Visit) -> bool {
        visit.away.is_cancelled()
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_one_that_has_been_idle_longest() {
        let door = Arc::new(Door::new(2));
        let (first, second) = (door.enter().unwrap(), door.enter().unwrap());
        let third = door.enter().unwrap();
        assert_eq!([&first, &second, &third].map(is_away), [true, false, false]);
    }

    #[test]
    fn whoever_is_being_served_stays_and_then_counts_as_idle_anew() {
        let door = Arc::new(Door::new(2));
        let (first, second) = (
            Arc::new(door.enter().unwrap()),
            Arc::new(door.enter().unwrap()),
        );
        let (one, other) = (first.busy(), second.busy());
        assert!(door.enter().is_none(), "both are being served");
        drop(other);
        drop(one);
        let _third = door.enter().unwrap();
        assert!(is_away(&second) && !is_away(&first));
    }

    #[test]
    fn whoever_leaves_makes_room() {
        let door = Arc::new(Door::new(1));
        for _ in 0..3 {
            let visit = door.enter().unwrap();
            assert!(!is_away(&visit));
        }
        let sent_away = door.enter().unwrap();
        let stays = door.enter().unwrap();
        drop(sent_away);
        let busy = Arc::new(stays).busy();
        assert!(
            door.enter().is_none(),
            "the one sent away does not count twice"
        );
        drop(busy);
        assert_eq!(door.lock().count, 0);
        assert!(door.lock().idle.is_empty());
    }
}
