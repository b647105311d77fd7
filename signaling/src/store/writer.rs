//! The one way to write.
//!
//! One task owns the connection. Whatever waits when a transaction ends goes into the next one
//! together and is on the disk with one flush, whoever asked for it: on a slow disk nobody waits for
//! longer than the flush that is under way and one more.
//!
//! A connection serves again only when all that it was asked for went well. After anything else it
//! is closed and the next transaction opens another one: what a failed one has left in a connection,
//! in the driver's idea of it or in SQLite, harms nobody. PostgreSQL keeps the sessions of its clients
//! apart and says itself what has become of a transaction, so that an answer of it spoils nothing.

mod job;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::backend::{Backend, Connection};
use super::error::StoreError;
use job::{Attempt, Job};

/// Room for what waits to be written. When it is full, whoever asks waits for room.
const INBOX: usize = 1_024;

/// Most jobs of one transaction. Higher: fewer flushes in a rush. Lower: the first of them is
/// answered sooner.
const TOGETHER: usize = 256;

/// Where to ask for something to be written. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    inbox: mpsc::Sender<Request>,
    failures: Arc<AtomicU64>,
    version: Option<i64>,
    taken_over: CancellationToken,
}

#[derive(Debug)]
enum Request {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// What the task of a writer owns.
#[derive(Debug)]
struct Turns {
    backend: Backend,
    /// The connection of the last transaction, if it can serve again.
    idle: Option<Connection>,
    /// How many have failed since one went well.
    failed: u64,
    failures: Arc<AtomicU64>,
    taken_over: CancellationToken,
}

impl Writer {
    /// Starts its task, which ends with the last clone of this. There may be a connection already.
    pub(super) fn new(backend: Backend, idle: Option<Connection>) -> Self {
        let (sender, receiver) = mpsc::channel(INBOX);
        let failures = Arc::new(AtomicU64::new(0));
        let version = backend.version();
        let taken_over = CancellationToken::new();
        let turns = Turns {
            backend,
            idle,
            failed: 0,
            failures: Arc::clone(&failures),
            taken_over: taken_over.clone(),
        };
        tokio::spawn(turns.run(receiver));
        Self {
            inbox: sender,
            failures,
            version,
            taken_over,
        }
    }

    /// Carries out `work` in a transaction, all of it or nothing; what others ask for at the same
    /// time may be in the same one. If nobody waits any more when its turn comes, it is left out.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] when it may have happened nevertheless; otherwise it has not.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let (job, answer) = job::new(work);
        let sent = self.inbox.send(Request::Write(job)).await;
        sent.map_err(|_| StoreError::from(sqlx::Error::PoolClosed))?;
        let lost = |_| StoreError::OutcomeUnknown(Arc::new(sqlx::Error::PoolClosed));
        answer.await.map_err(lost)?
    }

    /// How many transactions the database has failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Waits until another server has taken the database.
    pub(super) async fn taken_over(&self) {
        self.taken_over.cancelled().await;
    }

    /// The schema for which its statements are made.
    pub(super) const fn version(&self) -> Option<i64> {
        self.version
    }

    /// Waits for what was asked for before; from then on everything is an error.
    pub(super) async fn close(&self) {
        let (closed, answer) = oneshot::channel();
        // Whoever has closed it before has waited for all that there was.
        if self.inbox.send(Request::Close(closed)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

impl Turns {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        let mut waiting = Vec::with_capacity(TOGETHER);
        let mut closing = Vec::new();
        while inbox.recv_many(&mut waiting, TOGETHER).await > 0 {
            let mut jobs = VecDeque::with_capacity(waiting.len());
            for request in waiting.drain(..) {
                match request {
                    Request::Write(job) => jobs.push_back(job),
                    Request::Close(closed) => {
                        inbox.close();
                        closing.push(closed);
                    }
                }
            }
            jobs.retain(|job| job.is_awaited());
            while !jobs.is_empty() {
                self.transact(&mut jobs).await;
            }
        }
        if let Some(connection) = self.idle.take()
            && let Err(cause) = connection.close().await
        {
            error!(%cause, "the database was not closed well");
        }
        for closed in closing {
            let _ = closed.send(());
        }
    }

    /// Carries out jobs in one transaction until there are none, or one of them has broken it.
    async fn transact(&mut self, jobs: &mut VecDeque<Box<dyn Job>>) {
        let mut connection = match self.begin().await {
            Ok(connection) => connection,
            Err(cause) => {
                self.note_failure(&cause);
                return refuse(jobs.drain(..), &cause);
            }
        };
        let is_alone = jobs.len() == 1;
        let mut done = Vec::with_capacity(jobs.len());
        let mut is_clean = true;
        while let Some(mut job) = jobs.pop_front() {
            match job::attempt(&mut connection, job.as_mut(), is_alone).await {
                Attempt::Done => done.push(job),
                Attempt::Undone(cause) => {
                    is_clean &= connection.is_sound_after(&cause);
                    self.note_failure(&cause);
                    job.answer(Err(cause));
                }
                Attempt::Broken(cause, broken) => {
                    self.note_failure(&cause);
                    let is_sound = is_clean && connection.is_sound_after(&broken);
                    self.give_up(connection, is_sound).await;
                    job.answer(Err(cause));
                    return refuse(done, &broken);
                }
            }
        }
        match connection.commit().await {
            Ok(()) => {
                self.note_success();
                self.idle = Some(connection).filter(|_| is_clean);
                for job in done {
                    job.answer(Ok(()));
                }
            }
            Err(cause) => {
                self.note_failure(&cause);
                refuse(done, &cause);
            }
        }
    }

    async fn begin(&mut self) -> Result<Connection, StoreError> {
        if let Some(mut connection) = self.idle.take() {
            match connection.begin().await {
                Ok(()) => return Ok(connection),
                // Nothing was asked for yet, so another one can be.
                Err(_) if connection.is_remote() => drop(connection),
                Err(cause) => return Err(cause.into()),
            }
        }
        let mut connection = self.backend.connect().await?;
        connection.begin().await?;
        Ok(connection)
    }

    /// Takes nothing of a transaction, and keeps its connection if it can serve again.
    async fn give_up(&mut self, mut connection: Connection, is_sound: bool) {
        if connection.is_remote() && is_sound && connection.run("ROLLBACK").await.is_ok() {
            self.idle = Some(connection);
        }
    }

    /// Counts failures of the database, and says once that they begin.
    fn note_failure(&mut self, cause: &StoreError) {
        if !cause.is_of_the_database() {
            return;
        }
        if let StoreError::TakenOver(_) = cause {
            self.taken_over.cancel();
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        if self.failed == 0 {
            error!(%cause, "the database does not store");
        }
        self.failed += 1;
    }

    /// Says once that they are over.
    fn note_success(&mut self) {
        let failed = std::mem::take(&mut self.failed);
        if failed > 0 {
            info!(failed, "the database stores again");
        }
    }
}

/// Answers all jobs of a transaction that has failed.
fn refuse(jobs: impl IntoIterator<Item = Box<dyn Job>>, cause: &StoreError) {
    for job in jobs {
        job.answer(Err(cause.clone()));
    }
}

#[cfg(test)]
mod tests;
