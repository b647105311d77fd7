//! Mails, queued and taken.

use super::*;
use crate::testing::location;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn mail(number: u64, about: &str) -> NewMail {
    NewMail {
        id: MailId::new(number, 0),
        about: about.to_owned(),
        recipient: format!("{about}@example.vn"),
        content: "{}".to_owned(),
        useless_at: at(1_000_000),
    }
}

fn done(id: MailId, state: MailState) -> MailFinished {
    MailFinished {
        id,
        state,
        due_at: at(60),
        is_attempt: true,
        said: None,
    }
}

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&location(directory.path())).await.unwrap();
    (directory, store)
}

async fn states(store: &Store) -> Vec<(String, MailState)> {
    let mails = store.mails(None, None, 100).await.unwrap();
    mails
        .into_iter()
        .map(|mail| (mail.about, mail.state))
        .collect()
}

#[tokio::test]
async fn each_mail_has_one_turn_whoever_sends_and_what_it_comes_to_is_kept() {
    let (_directory, store) = store().await;
    let mails = vec![mail(1, "a"), mail(2, "b"), mail(3, "c")];
    let queued = store.queue_mail(mails, false, at(1)).await.unwrap();
    assert_eq!(queued, Queued::Done(3));
    assert_eq!(store.mail_due().await.unwrap(), Some(at(1)));
    let next = async |lane, finished, now| {
        let next = store.next_mail(lane, finished, true, at(now));
        next.await.unwrap().map(|mail| mail.id)
    };
    let (a, b, c) = (MailId::new(1, 0), MailId::new(2, 0), MailId::new(3, 0));
    assert_eq!(next(1, None, 2).await, Some(a));
    assert_eq!(next(2, None, 2).await, Some(b));
    assert_eq!(next(1, None, 2).await, Some(a), "it never heard of it");
    assert_eq!(next(1, Some(done(a, MailState::Sent)), 3).await, Some(c));
    assert_eq!(next(2, Some(done(b, MailState::Waiting)), 3).await, None);
    assert_eq!(next(1, Some(done(c, MailState::Refused)), 3).await, None);
    assert_eq!(store.mail_due().await.unwrap(), Some(at(60)));
    let b_again = store
        .next_mail(2, None, true, at(60))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((b_again.id, b_again.attempts), (b, 1));
    let wanted = [
        ("a".to_owned(), MailState::Sent),
        ("b".to_owned(), MailState::Sending),
        ("c".to_owned(), MailState::Refused),
    ];
    assert_eq!(states(&store).await, wanted);
    let journal = store.journal_after(0, 10).await.unwrap();
    assert_eq!(journal.entries.len(), 1, "{journal:?}");
    assert_eq!(journal.entries[0].event["about"], "c");
    let counts = store.mail_counts().await.unwrap();
    assert!(counts.contains(&(MailState::Refused, 1)), "{counts:?}");
}

#[tokio::test]
async fn what_is_queued_twice_is_sent_once_unless_it_is_wanted_again() {
    let (_directory, store) = store().await;
    let queue = async |number, again| {
        let queued = store.queue_mail(vec![mail(number, "a")], again, at(1));
        queued.await.unwrap()
    };
    assert_eq!(queue(1, false).await, Queued::Done(1));
    assert_eq!(queue(2, false).await, Queued::Done(0));
    assert_eq!(queue(3, true).await, Queued::Done(0), "it waits already");
    let first = store
        .next_mail(1, None, true, at(1))
        .await
        .unwrap()
        .unwrap();
    let sent = store.next_mail(1, Some(done(first.id, MailState::Sent)), true, at(1));
    assert_eq!(sent.await.unwrap(), None);
    assert_eq!(queue(4, false).await, Queued::Done(0));
    assert_eq!(queue(5, true).await, Queued::Done(1));
    let again = store.next_mail(1, None, true, at(1)).await.unwrap();
    assert_eq!(again.map(|mail| mail.id), Some(first.id));
}

#[tokio::test]
async fn a_mail_is_sent_once_more_after_a_crash_and_no_third_time() {
    let (directory, store) = store().await;
    store
        .queue_mail(vec![mail(1, "a")], false, at(1))
        .await
        .unwrap();
    for doubtful in [1, 0] {
        assert!(
            store
                .next_mail(1, None, true, at(2))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(store.recover_mail(at(3)).await.unwrap(), doubtful);
    }
    assert_eq!(store.next_mail(1, None, true, at(4)).await.unwrap(), None);
    let row = store.mail(MailId::new(1, 0)).await.unwrap().unwrap();
    assert_eq!(row.state, MailState::GivenUp);
    assert!(row.said.unwrap().contains("may have arrived"));
    store.close().await;
    let store = Store::open(&location(directory.path())).await.unwrap();
    assert!(
        store
            .send_mail_again(MailId::new(1, 0), at(5))
            .await
            .unwrap()
    );
    assert!(
        store
            .next_mail(1, None, true, at(5))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        !store
            .send_mail_again(MailId::new(1, 0), at(6))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn what_has_long_been_sent_is_forgotten_and_what_waits_is_not() {
    let (_directory, store) = store().await;
    let mails = vec![mail(1, "a"), mail(2, "b")];
    store.queue_mail(mails, false, at(1)).await.unwrap();
    let first = store
        .next_mail(1, None, true, at(1))
        .await
        .unwrap()
        .unwrap();
    let sent = store.next_mail(1, Some(done(first.id, MailState::Sent)), false, at(1));
    sent.await.unwrap();
    let later = Timestamp::from_millisecond(1_000 + KEPT_MS).unwrap();
    assert_eq!(store.prune_mails(later).await.unwrap(), 1);
    assert_eq!(states(&store).await, [("b".to_owned(), MailState::Waiting)]);
}
