//! Transactions that last, and jobs that fail in them.

use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::super::backend::query;
use super::*;
use crate::testing::location;

struct Fixture {
    writer: Writer,
    backend: Backend,
    _directory: TempDir,
}

/// A job that lasts until it is let go on.
struct Lasting {
    begun: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
    stored: JoinHandle<Result<(), StoreError>>,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = location(directory.path());
        let backend = Backend::at(&place);
        backend.migrate(&place).await.unwrap();
        let mut connection = backend.connect().await.unwrap();
        let schema = "CREATE TABLE known (number BIGINT PRIMARY KEY); \
             INSERT INTO known VALUES (1), (2), (3), (4), (5); \
             CREATE TABLE kept (number BIGINT PRIMARY KEY \
             REFERENCES known (number) DEFERRABLE INITIALLY DEFERRED)";
        connection.run(schema).await.unwrap();
        connection.close().await.unwrap();
        Self {
            writer: Writer::new(backend.clone(), None),
            backend,
            _directory: directory,
        }
    }

    /// Asks for something and waits until it stands in the queue, or is under way.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> JoinHandle<Result<T, StoreError>> {
        let writer = self.writer.clone();
        let (asked, is_asked) = oneshot::channel();
        let answer = tokio::spawn(async move {
            let mut write = std::pin::pin!(writer.write(work));
            // Once polled it is in the queue, which has room.
            if let std::task::Poll::Ready(done) = futures_util::poll!(&mut write) {
                return done;
            }
            let _ = asked.send(());
            write.await
        });
        let _ = is_asked.await;
        answer
    }

    async fn keep(&self, number: i64) -> JoinHandle<Result<(), StoreError>> {
        self.ask(move |connection| Box::pin(keep(connection, number)))
            .await
    }

    async fn last(&self) -> Lasting {
        let (begin, begun) = oneshot::channel();
        let (go_on, going_on) = oneshot::channel();
        let stored = self
            .ask(|_| {
                Box::pin(async move {
                    let _ = begin.send(());
                    let _ = going_on.await;
                    Ok(())
                })
            })
            .await;
        Lasting {
            begun,
            go_on,
            stored,
        }
    }

    /// What anybody else sees.
    async fn kept(&self) -> Vec<i64> {
        let mut connection = self.backend.connect().await.unwrap();
        let rows = query("SELECT number FROM kept ORDER BY number")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        rows.iter()
            .map(|row| row.try_get("number").unwrap())
            .collect()
    }
}

impl Lasting {
    /// Lets it go on, and waits until it is stored.
    async fn end(self) {
        self.go_on.send(()).unwrap();
        self.stored.await.unwrap().unwrap();
    }
}

async fn keep(connection: &mut Connection, number: i64) -> Result<(), StoreError> {
    query("INSERT INTO kept VALUES ($1)")
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

#[tokio::test]
async fn whatever_waits_when_a_transaction_ends_is_stored_by_the_next_one() {
    let fixture = Fixture::new().await;
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    let mut waiting = Vec::new();
    for number in 1..=5 {
        waiting.push(fixture.keep(number).await);
    }
    let mut second = fixture.last().await;
    first.end().await;
    // They are in its transaction: done, and nobody sees or hears of them yet.
    (&mut second.begun).await.unwrap();
    assert!(fixture.kept().await.is_empty());
    assert!(!waiting.iter().any(JoinHandle::is_finished));
    second.end().await;
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(fixture.kept().await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_job_that_fails_costs_those_in_its_transaction_nothing() {
    let fixture = Fixture::new().await;
    fixture.keep(2).await.await.unwrap().unwrap();
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    let one = fixture.keep(1).await;
    let again = fixture.keep(2).await;
    let three = fixture.keep(3).await;
    first.end().await;
    one.await.unwrap().unwrap();
    three.await.unwrap().unwrap();
    assert!(again.await.unwrap().is_err());
    assert_eq!(fixture.kept().await, [1, 2, 3]);
    assert_eq!(fixture.writer.failures(), 1);
}

#[tokio::test]
async fn a_transaction_that_breaks_is_refused_to_all_in_it_and_the_next_one_is_well() {
    let fixture = Fixture::new().await;
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    let before = fixture.keep(1).await;
    let breaks = fixture
        .ask(|connection| {
            Box::pin(async move {
                // What SQLite does by itself when the disk is full.
                connection.run("ROLLBACK").await?;
                keep(connection, 0).await
            })
        })
        .await;
    let after = fixture.keep(3).await;
    first.end().await;
    let refused = before.await.unwrap().unwrap_err();
    assert!(!refused.is_outcome_unknown(), "{refused}");
    assert!(breaks.await.unwrap().is_err());
    after.await.unwrap().unwrap();
    assert_eq!(fixture.kept().await, [3]);
}

#[tokio::test]
async fn of_a_commit_that_fails_everybody_in_it_is_told_that_it_is_not_known() {
    let fixture = Fixture::new().await;
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    let good = fixture.keep(1).await;
    let bad = fixture.keep(6).await;
    first.end().await;
    for answer in [good, bad] {
        assert!(answer.await.unwrap().unwrap_err().is_outcome_unknown());
    }
    fixture.keep(2).await.await.unwrap().unwrap();
    assert_eq!(fixture.kept().await, [2]);
}

#[tokio::test]
async fn nothing_is_written_for_whoever_has_stopped_waiting_before_its_turn() {
    let fixture = Fixture::new().await;
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    fixture.keep(1).await.abort();
    let two = fixture.keep(2).await;
    first.end().await;
    two.await.unwrap().unwrap();
    assert_eq!(fixture.kept().await, [2]);
}

#[tokio::test]
async fn closing_waits_for_what_was_asked_for_before_and_ends_everything_else() {
    let fixture = Fixture::new().await;
    let mut first = fixture.last().await;
    (&mut first.begun).await.unwrap();
    let before = fixture.keep(1).await;
    let writer = fixture.writer.clone();
    let closing = tokio::spawn(async move { writer.close().await });
    first.end().await;
    before.await.unwrap().unwrap();
    closing.await.unwrap();
    fixture.writer.close().await;
    assert!(fixture.keep(2).await.await.unwrap().is_err());
    assert_eq!(fixture.kept().await, [1]);
}
