//! Session descriptions are judged on threads of their own, a few at a time and one of each link, so
//! that whoever sends one that takes long makes nobody else wait for the runtime.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sfu::command::CommandError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::check::CheckId;
use crate::ids::{ParticipantId, TokenId};

/// Descriptions that are judged at the same time. Higher: more links that send hard ones must come
/// together to hold up the others. Lower: less of the machine is theirs meanwhile.
const JUDGES: usize = 8;

/// Longest that anybody waits for a verdict, its turn included. Higher: a crowd is answered later
/// instead of refused. Lower: a slow machine refuses more.
const DEADLINE: Duration = Duration::from_secs(10);

/// Whose description it is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Link {
    /// A participant's, by WebSocket.
    Participant(ParticipantId),
    /// The bearer's of this token, by HTTP.
    Token(TokenId),
    /// That of a check.
    Check(CheckId),
}

/// Gives everybody a turn. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Judges {
    free: Arc<Semaphore>,
    deadline: Duration,
    turns: Turns,
}

/// One turn for each link of which something is judged or waits; bounded by what waits.
type Turns = Arc<Mutex<HashMap<Link, Arc<Semaphore>>>>;

impl Default for Judges {
    fn default() -> Self {
        Self::new(JUDGES, DEADLINE)
    }
}

impl Judges {
    fn new(judges: usize, deadline: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(judges)),
            deadline,
            turns: Turns::default(),
        }
    }

    /// Judges, and waits for the verdict. One that comes when nobody waits any more is dropped.
    ///
    /// # Errors
    /// When it takes too long.
    pub(crate) async fn judge<T: Send + 'static>(
        &self,
        link: Link,
        judge: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let until = Instant::now() + self.deadline;
        let judging = async {
            let turn = Turn::wait(&self.turns, link).await?;
            let judge_is_free = Arc::clone(&self.free).acquire_owned().await.ok()?;
            let (verdict, waiting) = oneshot::channel();
            tokio::task::spawn_blocking(move || {
                let _ = verdict.send(judge());
                drop((judge_is_free, turn));
            });
            waiting.await.ok()
        };
        let judged = timeout_at(until, judging).await.ok().flatten();
        judged.ok_or(CommandError::Overloaded("the offer was not judged in time"))
    }
}

/// The turn of a link, until it is dropped.
struct Turn {
    link: Link,
    turns: Turns,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turn {
    async fn wait(turns: &Turns, link: Link) -> Option<Self> {
        let own = {
            let mut map = lock(turns);
            let turn = map.entry(link.clone());
            Arc::clone(turn.or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        // Dropped while it waits, it leaves nothing behind either.
        let mut turn = Self {
            link,
            turns: Arc::clone(turns),
            permit: None,
        };
        turn.permit = Some(own.acquire_owned().await.ok()?);
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = lock(&self.turns);
        // Released with the map locked, so that whoever comes next sees who is left.
        drop(self.permit.take());
        if let Some(own) = turns.get(&self.link)
            && Arc::strong_count(own) == 1
        {
            turns.remove(&self.link);
        }
    }
}

fn lock(turns: &Turns) -> MutexGuard<'_, HashMap<Link, Arc<Semaphore>>> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn link(name: &str) -> Link {
        Link::Token(name.parse().unwrap())
    }

    /// A description that takes until the returned end says so.
    fn hard() -> (mpsc::Sender<()>, impl FnOnce() -> u8 + Send + 'static) {
        let (done, wait) = mpsc::channel();
        (done, move || {
            let _ = wait.recv();
            1
        })
    }

    fn left(judges: &Judges) -> usize {
        lock(&judges.turns).len()
    }

    async fn until_nothing_is_left(judges: &Judges) {
        while left(judges) > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_sends_hard_ones_waits_alone() {
        let judges = Judges::new(2, Duration::from_secs(60));
        let (done, hard_one) = hard();
        let first = tokio::spawn({
            let judges = judges.clone();
            async move { judges.judge(link("a"), hard_one).await }
        });
        while judges.free.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        // A second one of the same link waits for the first, and takes no judge from the others.
        let second = tokio::spawn({
            let judges = judges.clone();
            async move { judges.judge(link("a"), || 2).await }
        });
        for _ in 0..10 {
            assert_eq!(judges.judge(link("b"), || 3).await.unwrap(), 3);
        }
        assert!(!second.is_finished());
        done.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(second.await.unwrap().unwrap(), 2);
        until_nothing_is_left(&judges).await;
    }

    #[tokio::test]
    async fn a_verdict_that_takes_too_long_is_refused_and_dropped() {
        let judges = Judges::new(1, Duration::from_millis(10));
        let (done, hard_one) = hard();
        let late = judges.judge(link("a"), hard_one).await;
        assert!(matches!(late, Err(CommandError::Overloaded(_))), "{late:?}");
        let behind = judges.judge(link("b"), || 2).await;
        assert!(behind.is_err(), "the one judge is still at it");
        done.send(()).unwrap();
        until_nothing_is_left(&judges).await;
        let judges = Judges {
            deadline: Duration::from_secs(60),
            ..judges
        };
        assert_eq!(judges.judge(link("b"), || 2).await.unwrap(), 2);
    }
}
