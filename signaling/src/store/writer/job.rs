//! Something to be written, and whoever waits for it.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Connection, StoreError};

/// One of the jobs of a transaction, whatever it answers.
pub(super) trait Job: Send + fmt::Debug {
    /// Whether anybody still waits for it.
    fn is_awaited(&self) -> bool;

    /// Does the work. What it answers is kept until the transaction is over.
    fn run<'a>(
        &'a mut self,
        connection: &'a mut Connection,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Lets whoever waits know what has become of it.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Awaited<T, W> {
    work: Option<W>,
    done: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

/// A job, and where its answer comes.
pub(super) fn new<T, W>(work: W) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    let job = Awaited {
        work: Some(work),
        done: None,
        answer,
    };
    (Box::new(job), receiver)
}

impl<T, W> fmt::Debug for Awaited<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaited").finish_non_exhaustive()
    }
}

impl<T, W> Job for Awaited<T, W>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run<'a>(
        &'a mut self,
        connection: &'a mut Connection,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if let Some(work) = self.work.take() {
                self.done = Some(work(connection).await?);
            }
            Ok(())
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.done) {
            (Ok(()), Some(done)) => Ok(done),
            (Err(cause), _) => Err(cause),
            // Only work that was done is said to be.
            (Ok(()), None) => return,
        };
        // Whoever has stopped waiting does not want to know.
        let _ = self.answer.send(answer);
    }
}

/// What has come of one job in its transaction.
pub(super) enum Attempt {
    /// It is part of what will be committed.
    Done,
    /// It has failed and left nothing; the others go on.
    Undone(StoreError),
    /// It has failed and the transaction is no more: for the job's own reason, and for that of the
    /// others.
    Broken(StoreError, StoreError),
}

/// Carries out one job of a transaction. It can be undone alone; if nobody else is there, the end of
/// the transaction does that.
pub(super) async fn attempt(
    connection: &mut Connection,
    job: &mut dyn Job,
    is_alone: bool,
) -> Attempt {
    if is_alone {
        let done = job.run(connection).await;
        return match done {
            Ok(()) => Attempt::Done,
            Err(cause) => Attempt::Broken(cause.clone(), cause),
        };
    }
    let done = match connection.run("SAVEPOINT job").await {
        Ok(()) => job.run(connection).await,
        Err(cause) => {
            let cause = StoreError::from(cause);
            return Attempt::Broken(cause.clone(), cause);
        }
    };
    // SQLite may have rolled back the whole transaction, and then has no such savepoint.
    let ended = match done {
        Ok(()) => connection.run("RELEASE job").await,
        Err(_) => connection.run("ROLLBACK TO job; RELEASE job").await,
    };
    match (done, ended.map_err(StoreError::from)) {
        (Ok(()), Ok(())) => Attempt::Done,
        (Err(own), Ok(())) => Attempt::Undone(own),
        (Ok(()), Err(broken)) => Attempt::Broken(broken.clone(), broken),
        (Err(own), Err(broken)) => Attempt::Broken(own, broken),
    }
}
