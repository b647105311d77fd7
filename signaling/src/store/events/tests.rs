//! The log on a real disk: whole, in order, and telling on whoever changes it.

use jiff::{SignedDuration, Timestamp};
use sqlx::Connection as _;
use sqlx::sqlite::SqlitePool;
use tempfile::TempDir;

use super::*;
use crate::auth::{Role, SessionSecret};
use crate::conference::{By, Event, PeopleEvent, Phase, PhaseEvent, Roster, RosterEvent};
use crate::ids::{ParticipantId, SessionId};
use crate::store::backend::{Backend, Connection};
use crate::store::chain::Fault;
use crate::store::log::{Addition, Linked};
use crate::store::{Hash, Location};
use crate::testing::location;

struct Fixture {
    store: Store,
    directory: TempDir,
}

async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&location(directory.path())).await.unwrap();
    Fixture { store, directory }
}

/// For what is said of SQLite alone.
async fn fixture_in_a_file() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let file = Location::File(directory.path().join("dinh.db"));
    let store = Store::open(&file).await.unwrap();
    Fixture { store, directory }
}

impl Fixture {
    /// Another program's way in.
    async fn tamper(&self, sql: &'static str) {
        let mut connection = self.connection().await;
        let changed = match &mut connection {
            Connection::Sqlite(connection) => {
                let done = sqlx::raw_sql(sql).execute(connection).await;
                done.unwrap().rows_affected()
            }
            Connection::Postgres(connection) => {
                let done = sqlx::raw_sql(sql).execute(connection).await;
                done.unwrap().rows_affected()
            }
        };
        assert!(changed > 0, "{sql}");
        connection.close().await.unwrap();
    }

    async fn connection(&self) -> Connection {
        let backend = Backend::at(&location(self.directory.path()));
        backend.connect().await.unwrap()
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(&location(self.directory.path())).await.unwrap();
    }
}

fn id(text: &str) -> ConferenceId {
    text.parse().unwrap()
}

fn time(seq: u64) -> Timestamp {
    let start: Timestamp = "2026-11-22T02:00:00.123456789Z".parse().unwrap();
    start + SignedDuration::from_millis(seq.cast_signed())
}

/// A log of `len` events: created, a roster, then joins.
fn log(len: u64) -> Vec<Record> {
    (1..=len)
        .map(|seq| {
            let event = match seq {
                1 => Event::Phase(PhaseEvent::Created {
                    title: "Giao ban \"toàn quốc\"".to_owned(),
                    starts_at: Some(time(1000)),
                    by: By::System,
                }),
                2 => Event::Roster(RosterEvent::RosterSet {
                    roster: Roster::default(),
                    by: By::System,
                }),
                _ => Event::People(PeopleEvent::Joined {
                    participant: ParticipantId::new(seq, 1),
                    session: SessionId::new(seq, 2),
                    secret: SessionSecret::new([3; 16]).hash(),
                    subject: format!("clerk {seq}"),
                    role: Role::Site,
                    site: Some("00004".parse().unwrap()),
                    name: "Phường Ba Đình".to_owned(),
                    token: None,
                    expires_at: None,
                    muted: false,
                    sound_only: false,
                    scope: None,
                }),
            };
            Record {
                seq,
                at: time(seq),
                event,
            }
        })
        .collect()
}

fn fault(result: Result<Head, StoreError>) -> (u64, Fault) {
    match result {
        Err(StoreError::Broken(fault)) => (fault.seq, fault.fault),
        other => panic!("the log passes for whole: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_appended_is_loaded_also_by_another_process() {
    let mut fixture = fixture().await;
    let conference = id("weekly");
    let log = log(7);
    fixture.store.append(&conference, &log[..2]).await.unwrap();
    fixture.store.append(&conference, &log[2..]).await.unwrap();
    assert_eq!(fixture.store.load(&conference).await.unwrap(), log);
    fixture.reopen().await;
    assert_eq!(fixture.store.load(&conference).await.unwrap(), log);
    let verified = fixture.store.verify(&conference).await.unwrap();
    assert_eq!(verified.seq, 7);
}

#[tokio::test]
async fn a_state_is_loaded_as_its_events_left_it() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let log = log(7);
    fixture.store.append(&conference, &log).await.unwrap();
    let settings = Settings::default();
    let loaded = fixture
        .store
        .load_state(&conference, settings)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded, State::replay(conference, settings, &log));
    assert_eq!(
        fixture
            .store
            .load_state(&id("other"), settings)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn the_hash_does_not_depend_on_how_events_were_batched() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let log = log(5);
    for record in &log {
        fixture
            .store
            .append(&conference, std::slice::from_ref(record))
            .await
            .unwrap();
    }
    let one_by_one = fixture.store.verify(&conference).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Store::open(&location(elsewhere.path())).await.unwrap();
    other.append(&conference, &log).await.unwrap();
    assert_eq!(other.verify(&conference).await.unwrap(), one_by_one);
}

#[tokio::test]
async fn equal_events_of_two_conferences_have_different_hashes() {
    let fixture = fixture().await;
    for name in ["one", "two"] {
        fixture.store.append(&id(name), &log(3)).await.unwrap();
    }
    let one = fixture.store.verify(&id("one")).await.unwrap();
    let two = fixture.store.verify(&id("two")).await.unwrap();
    assert_ne!(one.hash, two.hash);
}

#[tokio::test]
async fn the_chain_is_what_its_description_says() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let first = Record {
        seq: 1,
        at: "2026-11-22T02:00:00Z".parse().unwrap(),
        event: Event::Phase(PhaseEvent::Created {
            title: "T".to_owned(),
            starts_at: None,
            by: By::System,
        }),
    };
    fixture.store.append(&conference, &[first]).await.unwrap();
    let text = r#"{"at":"2026-11-22T02:00:00Z","conference":"weekly","event":{"by":"system","kind":"created","startsAt":null,"title":"T"},"seq":1}"#;
    let mut input = vec![0; 32];
    input.extend_from_slice(text.as_bytes());
    let digest = ring::digest::digest(&ring::digest::SHA256, &input);
    let head = fixture.store.verify(&conference).await.unwrap().hash;
    assert_eq!(head.to_string(), hex::encode(digest));
}

#[tokio::test]
async fn a_gap_a_repetition_and_a_missing_beginning_are_refused() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let log = log(5);
    let conflict = |result| matches!(result, Err(StoreError::Conflict { .. }));
    assert!(conflict(fixture.store.append(&conference, &log[1..]).await));
    assert!(conflict(
        fixture.store.append(&conference, &log[2..3]).await
    ));
    fixture.store.append(&conference, &log[..3]).await.unwrap();
    assert!(conflict(fixture.store.append(&conference, &log[..1]).await));
    assert!(conflict(fixture.store.append(&conference, &log[2..]).await));
    assert!(conflict(fixture.store.append(&conference, &log[4..]).await));
    assert_eq!(fixture.store.load(&conference).await.unwrap(), log[..3]);
    fixture.store.append(&conference, &log[3..]).await.unwrap();
}

#[tokio::test]
async fn a_batch_with_a_gap_inside_leaves_nothing_behind() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let mut batch = log(4);
    batch.remove(2);
    let refused = fixture.store.append(&conference, &batch).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                head: 2,
                seq: 4,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(fixture.store.load(&conference).await.unwrap(), []);
    assert_eq!(fixture.store.conferences().await.unwrap(), []);
}

#[tokio::test]
async fn two_writers_of_one_conference_cannot_both_succeed() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let log = log(3);
    fixture.store.append(&conference, &log[..2]).await.unwrap();
    let other = Store::open(&location(fixture.directory.path()))
        .await
        .unwrap();
    let (mine, theirs) = tokio::join!(
        fixture.store.append(&conference, &log[2..]),
        other.append(&conference, &log[2..])
    );
    assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
    assert_eq!(fixture.store.load(&conference).await.unwrap(), log);
}

#[tokio::test]
async fn an_altered_event_is_named() {
    for sql in [
        "UPDATE events SET body = replace(body, 'clerk 4', 'clerk 5') WHERE seq = 4",
        "UPDATE events SET body = replace(body, ',', ', ') WHERE seq = 4",
        "UPDATE events SET at = '2026-11-22T02:00:00Z' WHERE seq = 4",
        "UPDATE events SET kind = 'left' WHERE seq = 4",
        "UPDATE events SET hash = prev WHERE seq = 4",
    ] {
        let fixture = fixture().await;
        fixture.store.append(&id("weekly"), &log(7)).await.unwrap();
        fixture.tamper(sql).await;
        let found = fault(fixture.store.verify(&id("weekly")).await);
        assert_eq!(found, (4, Fault::Altered), "{sql}");
        assert!(fixture.store.load(&id("weekly")).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn removed_moved_and_inserted_events_are_named() {
    for (sql, expected) in [
        ("DELETE FROM events WHERE seq = 4", (4, Fault::Missing)),
        ("DELETE FROM events WHERE seq = 1", (1, Fault::Missing)),
        ("DELETE FROM events WHERE seq > 4", (5, Fault::Missing)),
        ("DELETE FROM events WHERE seq = 7", (7, Fault::Missing)),
        ("DELETE FROM events", (1, Fault::Missing)),
        (
            "UPDATE events SET prev = hash WHERE seq = 4",
            (4, Fault::Unlinked),
        ),
        (
            "DELETE FROM events WHERE seq = 4; \
             UPDATE events SET seq = seq - 1 WHERE seq > 4",
            (4, Fault::Unlinked),
        ),
        (
            "UPDATE events SET seq = 100 WHERE seq = 4; UPDATE events SET seq = 4 WHERE seq = 5; \
             UPDATE events SET seq = 5 WHERE seq = 100",
            (4, Fault::Unlinked),
        ),
        (
            "INSERT INTO events SELECT conference, 0, at, kind, body, prev, hash FROM events \
             WHERE seq = 4",
            (1, Fault::Unlinked),
        ),
        (
            "INSERT INTO events SELECT conference, 8, at, kind, body, hash, hash FROM events \
             WHERE seq = 7",
            (8, Fault::Altered),
        ),
    ] {
        let fixture = fixture().await;
        fixture.store.append(&id("weekly"), &log(7)).await.unwrap();
        fixture.tamper(sql).await;
        assert_eq!(
            fault(fixture.store.verify(&id("weekly")).await),
            expected,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_well_made_event_behind_the_end_is_noticed() {
    let fixture = fixture().await;
    fixture.store.append(&id("weekly"), &log(7)).await.unwrap();
    let forget = "UPDATE conferences SET head_seq = 6, \
                  head_hash = (SELECT hash FROM events WHERE seq = 6)";
    fixture.tamper(forget).await;
    let found = fault(fixture.store.verify(&id("weekly")).await);
    assert_eq!(found, (7, Fault::Unacknowledged));
}

#[tokio::test]
async fn an_event_of_another_conference_does_not_pass() {
    let fixture = fixture().await;
    fixture.store.append(&id("one"), &log(4)).await.unwrap();
    fixture.store.append(&id("two"), &log(3)).await.unwrap();
    let sql = "INSERT INTO events SELECT 'two', seq, at, kind, body, \
               (SELECT hash FROM events WHERE conference = 'two' AND seq = 3), hash \
               FROM events WHERE conference = 'one' AND seq = 4";
    fixture.tamper(sql).await;
    assert_eq!(
        fault(fixture.store.verify(&id("two")).await),
        (4, Fault::Altered)
    );
    assert!(fixture.store.verify(&id("one")).await.is_ok());
}

#[tokio::test]
async fn the_list_of_conferences_follows_the_log() {
    let fixture = fixture().await;
    let log = log(2);
    fixture.store.append(&id("weekly"), &log).await.unwrap();
    let row = fixture
        .store
        .conference(&id("weekly"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.title, "Giao ban \"toàn quốc\"");
    assert_eq!(row.state, Phase::Scheduled);
    assert_eq!((row.created_at, row.starts_at), (time(1), Some(time(1000))));
    let start = Record {
        seq: 3,
        at: time(3),
        event: Event::Phase(PhaseEvent::Started { by: By::System }),
    };
    fixture.store.append(&id("weekly"), &[start]).await.unwrap();
    let row = fixture
        .store
        .conference(&id("weekly"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.state, row.started_at, row.ended_at),
        (Phase::Running, Some(time(3)), None)
    );
    let end = Record {
        seq: 4,
        at: time(4),
        event: Event::Phase(PhaseEvent::Ended { by: By::System }),
    };
    fixture.store.append(&id("weekly"), &[end]).await.unwrap();
    let rows = fixture.store.conferences().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].state, rows[0].ended_at),
        (Phase::Ended, Some(time(4)))
    );
    assert_eq!(fixture.store.conference(&id("other")).await.unwrap(), None);
}

#[tokio::test]
async fn a_conference_that_begins_and_ends_in_one_batch_has_ended() {
    let fixture = fixture().await;
    let mut batch = log(2);
    batch.push(Record {
        seq: 3,
        at: time(3),
        event: Event::Phase(PhaseEvent::Started { by: By::System }),
    });
    batch.push(Record {
        seq: 4,
        at: time(4),
        event: Event::Phase(PhaseEvent::Ended { by: By::System }),
    });
    fixture.store.append(&id("weekly"), &batch).await.unwrap();
    let row = fixture
        .store
        .conference(&id("weekly"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.state, Phase::Ended);
    assert_eq!(
        (row.started_at, row.ended_at),
        (Some(time(3)), Some(time(4)))
    );
}

#[tokio::test]
async fn a_days_log_of_a_country_is_loaded_within_two_seconds() {
    const ENOUGH: std::time::Duration = std::time::Duration::from_secs(2);
    let fixture = fixture().await;
    fixture
        .store
        .append(&id("weekly"), &log(34_000))
        .await
        .unwrap();
    // A machine that is busy with other tests gets a second chance; a slow store does not.
    let mut took = Vec::new();
    while took.len() < 4 && !took.iter().any(|time| *time < ENOUGH) {
        let began = std::time::Instant::now();
        let settings = Settings::default();
        let state = fixture
            .store
            .load_state(&id("weekly"), settings)
            .await
            .unwrap()
            .unwrap();
        took.push(began.elapsed());
        assert_eq!(state.version(), 34_000);
    }
    assert!(took.iter().any(|time| *time < ENOUGH), "{took:?}");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named() {
    let nowhere = Location::File("/nonexistent/dinh.db".into());
    let error = Store::open(&nowhere).await.unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/dinh.db"),
        "{error}"
    );
}

/// Writes nonsense over the page where a table begins; the first page is that of the schema.
async fn damage(path: &std::path::Path, table: &str) {
    let url = format!("sqlite://{}", path.display());
    let pool = SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&pool)
        .await
        .unwrap();
    let page = "SELECT rootpage FROM sqlite_master WHERE name = $1 UNION SELECT 1 ORDER BY 1 DESC";
    let page: i64 = sqlx::query_scalar(page)
        .bind(table)
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    let mut bytes = std::fs::read(path).unwrap();
    let begins = usize::try_from(page - 1).unwrap() * 4096;
    // Behind the header of the file, which says that it is a database.
    bytes[begins.max(100)..begins + 4096].fill(0xff);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_database_that_is_damaged_where_everybody_needs_it_says_what_to_do() {
    for table in ["the schema", "conferences", "fence"] {
        let fixture = fixture_in_a_file().await;
        fixture.store.append(&id("weekly"), &log(3)).await.unwrap();
        fixture.store.close().await;
        let path = fixture.directory.path().join("dinh.db");
        damage(&path, table).await;
        let used = async {
            let store = Store::open(&Location::File(path.clone())).await?;
            store.conferences_in_use().await?;
            store.fence().await
        };
        let error = used.await.unwrap_err().to_string();
        let advice = "`dinh restore FILE --replace`";
        assert!(error.contains(advice), "{table}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dinh.db");
    std::fs::write(
        &path,
        "these are the minutes of 1954, typed by hand ".repeat(100),
    )
    .unwrap();
    assert!(Store::open(&Location::File(path.clone())).await.is_err());
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("these are the minutes")
    );
}

/// Changes an event and makes the whole chain anew, as somebody may who can write to the database.
async fn rebuild(fixture: &Fixture, conference: &ConferenceId) {
    let mut log = log(7);
    log[3].event = log[4].event.clone();
    let forged = Addition::new(conference, &log).unwrap();
    let (linked, head) = forged.link(Head::EMPTY).unwrap();
    let mut connection = fixture.connection().await;
    for Linked { entry, prev, hash } in linked {
        let update =
            query("UPDATE events SET kind = $2, body = $3, prev = $4, hash = $5 WHERE seq = $1");
        let update = update
            .bind(entry.seq.cast_signed())
            .bind(entry.kind)
            .bind(&entry.body)
            .bind(prev.to_string())
            .bind(hash.to_string());
        update.execute(&mut connection).await.unwrap();
    }
    let update = query("UPDATE conferences SET head_hash = $1").bind(head.hash.to_string());
    update.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_chain_made_anew_is_not_the_one_that_was_signed() {
    let fixture = fixture().await;
    let conference = id("weekly");
    fixture.store.append(&conference, &log(7)).await.unwrap();
    let signed = fixture.store.verify(&conference).await.unwrap();
    rebuild(&fixture, &conference).await;
    assert!(
        fixture.store.verify(&conference).await.is_ok(),
        "by itself the chain is whole"
    );
    fixture
        .store
        .compare_with([(conference.clone(), signed)].into());
    let found = fault(fixture.store.verify(&conference).await);
    assert_eq!(found, (1, Fault::NotSigned));
    let found = fault(fixture.store.verify_unsigned(&conference).await);
    assert_eq!(
        found,
        (1, Fault::NotSigned),
        "also for who reads what is new"
    );
}

#[tokio::test]
async fn a_database_older_than_what_was_signed_is_noticed() {
    let fixture = fixture().await;
    let (conference, gone) = (id("weekly"), id("gone"));
    let log = log(7);
    fixture.store.append(&conference, &log[..5]).await.unwrap();
    let head = Head {
        seq: 7,
        hash: Hash::GENESIS,
    };
    let signed = [(conference.clone(), head), (gone.clone(), head)];
    fixture.store.compare_with(signed.into());
    let found = fault(fixture.store.verify(&conference).await);
    assert_eq!(found, (6, Fault::Missing));
    let found = fault(fixture.store.verify(&gone).await);
    assert_eq!(found, (1, Fault::Missing));
}

#[tokio::test]
async fn nothing_is_added_to_a_damaged_log_and_its_beginning_can_be_read() {
    let fixture = fixture().await;
    let conference = id("weekly");
    let log = log(8);
    fixture.store.append(&conference, &log[..7]).await.unwrap();
    fixture
        .tamper("UPDATE events SET body = replace(body, 'clerk 4', 'clerk 5') WHERE seq = 4")
        .await;
    assert_eq!(fixture.store.damage(&conference), None);
    fixture.store.verify(&conference).await.unwrap_err();
    assert_eq!(fixture.store.damage(&conference).unwrap().seq, 4);
    let refused = fixture.store.append(&conference, &log[7..]).await;
    assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
    let read = fixture.store.events_after(&conference, 0, 100).await;
    assert_eq!(read.unwrap().len(), 3);
    let read = fixture.store.events_after(&conference, 3, 100).await;
    assert!(matches!(read, Err(StoreError::Broken(_))), "{read:?}");
}

#[tokio::test]
async fn a_conference_whose_row_cannot_be_read_hides_no_other() {
    let fixture = fixture().await;
    for name in ["one", "two"] {
        fixture.store.append(&id(name), &log(3)).await.unwrap();
    }
    fixture
        .tamper("UPDATE conferences SET created_at = 'yesterday' WHERE id = 'one'")
        .await;
    let rows = fixture.store.conferences().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(fixture.store.damage(&id("one")).unwrap().seq, 1);
}

#[tokio::test]
async fn batches_of_all_lengths_leave_few_statements_behind() {
    let fixture = fixture().await;
    let (conference, records) = (id("hop-giao-ban"), log(210));
    let mut rest = records.as_slice();
    for len in 1..=20 {
        let (batch, after) = rest.split_at(len);
        rest = after;
        fixture.store.append(&conference, batch).await.unwrap();
    }
    let kept = |connection: &mut Connection| match connection {
        Connection::Sqlite(connection) => connection.cached_statements_size(),
        Connection::Postgres(connection) => connection.cached_statements_size(),
    };
    let kept = fixture.store.writer.write(move |connection| {
        let kept = kept(connection);
        Box::pin(async move { Ok(kept) })
    });
    let kept = kept.await.unwrap();
    assert!(kept < 10, "{kept} statements are kept");
}
