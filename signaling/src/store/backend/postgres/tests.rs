//! One server at a time, through everything that may happen to PostgreSQL.

use std::collections::BTreeSet;
use std::slice::from_ref;

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::super::{Backend, query};
use super::*;
use crate::conference::{By, Event, PhaseEvent, Record};
use crate::ids::ConferenceId;
use crate::schedule::Schedule;
use crate::sites::Wish;
use crate::store::{Consent, Store};
use crate::testing::postgres::Cluster;

struct Fixture {
    location: Location,
    _directory: TempDir,
}

impl Fixture {
    fn on(cluster: &Cluster) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::server(&cluster.url(directory.path())).unwrap();
        Self {
            location,
            _directory: directory,
        }
    }

    async fn serve(&self, holder: &str) -> Result<Store, StoreError> {
        Store::serve(&self.location, holder).await
    }

    /// As the network does that is away for longer than PostgreSQL waits.
    async fn cut_off(&self) {
        let mut connection = Backend::at(&self.location).connect().await.unwrap();
        let cut = query(
            "SELECT pg_terminate_backend(pid) AS is_cut FROM pg_locks WHERE locktype = 'advisory' \
             AND objid::bigint = hashtext(current_schema())::bigint & 4294967295",
        );
        let cut = cut.fetch_all(&mut connection).await.unwrap();
        assert_eq!(cut.len(), 1, "one server has it");
        connection.close().await.unwrap();
    }
}

fn weekly() -> ConferenceId {
    "weekly".parse().unwrap()
}

fn log(len: u64) -> Vec<Record> {
    let event = |seq| match seq {
        1 => Event::Phase(PhaseEvent::Created {
            title: "Weekly".to_owned(),
            starts_at: None,
            by: By::System,
        }),
        _ => Event::Phase(PhaseEvent::Started { by: By::System }),
    };
    (1..=len)
        .map(|seq| Record {
            seq,
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            event: event(seq),
        })
        .collect()
}

#[tokio::test]
async fn a_second_server_is_told_who_has_the_database_and_commands_go_on_beside_the_first() {
    let fixture = Fixture::on(Cluster::shared());
    let first = fixture.serve("the one in the hall").await.unwrap();
    let refused = fixture.serve("another").await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::InUse { holder, .. } if holder == "the one in the hall"),
        "{refused}"
    );
    let beside = Store::open(&fixture.location).await.unwrap();
    let list = "code,name,level,parent_code\nVN,Centre,central,\n";
    let (wish, consent) = (Wish::default(), Consent::default());
    let imported = beside.import_sites(list.as_bytes(), &wish, &consent);
    imported.await.unwrap();
    first.append(&weekly(), &log(1)).await.unwrap();
    first.close().await;
    let second = fixture.serve("another").await.unwrap();
    second.append(&weekly(), &log(2)[1..]).await.unwrap();
    assert_eq!(second.load(&weekly()).await.unwrap(), log(2));
}

#[tokio::test]
async fn whoever_has_lost_the_database_to_another_server_writes_nothing_any_more() {
    let fixture = Fixture::on(Cluster::shared());
    let first = fixture.serve("first").await.unwrap();
    first.append(&weekly(), &log(1)).await.unwrap();
    fixture.cut_off().await;
    let second = fixture.serve("second").await.unwrap();
    second.append(&weekly(), &log(2)[1..]).await.unwrap();
    second.close().await;
    // Nobody has the lock now, and it is not the first one's all the same.
    let refused = first.append(&weekly(), &log(3)[2..]).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::TakenOver(holder) if holder == "second"),
        "{refused}"
    );
    first.taken_over().await;
    assert!(first.fence().await.is_err());
    assert_eq!(first.load(&weekly()).await.unwrap(), log(2));
}

/// Two conferences that are booked for the same hour, and what time it is then.
async fn booked(store: &Store) -> ([ConferenceId; 2], Timestamp) {
    let list = "code,name,level,parent_code\nVN,Centre,central,\n";
    let (wish, consent) = (Wish::default(), Consent::default());
    let imported = store.import_sites(list.as_bytes(), &wish, &consent);
    imported.await.unwrap();
    let schedule = Schedule {
        store,
        by: "anh",
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let mut days = Vec::new();
    for title in ["One", "Other"] {
        let details = json!({
            "title": title, "startsAtLocal": "2026-02-02T08:00:00", "zone": "UTC",
            "durationMinutes": 60, "audience": {"all": true},
        });
        let details = serde_json::from_value(details).unwrap();
        let booking = schedule.draft(details).await.unwrap();
        schedule.publish(&booking.id, 1).await.unwrap();
        let mut day = store.occurrences_of(&booking.id).await.unwrap();
        days.push(day.remove(0).conference);
    }
    days.sort();
    let now = "2026-02-02T07:30:00Z".parse().unwrap();
    (days.try_into().unwrap(), now)
}

#[tokio::test]
async fn what_is_booked_is_opened_by_whoever_has_the_database_and_once() {
    let fixture = Fixture::on(Cluster::shared());
    let first = fixture.serve("first").await.unwrap();
    let ([one, other], now) = booked(&first).await;
    let due = first.due_to_open(now, 9).await.unwrap();
    assert_eq!(due, [one.clone(), other.clone()]);
    first.append(&one, &log(1)).await.unwrap();
    fixture.cut_off().await;
    let second = fixture.serve("second").await.unwrap();
    // The first one still believes that it is its turn.
    let due = first.due_to_open(now, 9).await.unwrap();
    assert_eq!(due, from_ref(&other));
    let refused = first.append(&other, &log(1)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::TakenOver(holder) if holder == "second"),
        "{refused}"
    );
    assert_eq!(second.due_to_open(now, 9).await.unwrap(), from_ref(&other));
    second.append(&other, &log(1)).await.unwrap();
    assert!(second.due_to_open(now, 9).await.unwrap().is_empty());
    let again = second.append(&other, &log(1)).await.unwrap_err();
    assert!(matches!(again, StoreError::Conflict { .. }), "{again}");
    for conference in [one, other] {
        assert_eq!(second.load(&conference).await.unwrap(), log(1));
    }
}

#[tokio::test]
async fn whoever_was_cut_off_goes_on_where_nobody_else_has_been() {
    let fixture = Fixture::on(Cluster::shared());
    let store = fixture.serve("the only one").await.unwrap();
    for record in log(4) {
        store.append(&weekly(), from_ref(&record)).await.unwrap();
        fixture.cut_off().await;
    }
    assert_eq!(store.load(&weekly()).await.unwrap(), log(4));
    assert_eq!(store.failures(), 0);
}

/// Stores a record as a conference does: whatever goes wrong, what is stored is asked first.
async fn store_in_the_end(store: &Store, record: &Record) {
    let patience = Duration::from_secs(60);
    let storing = async {
        while store.append(&weekly(), from_ref(record)).await.is_err() {
            while store.fence().await.is_err() {}
            if store.load(&weekly()).await.unwrap().last() == Some(record) {
                return;
            }
        }
    };
    timeout(patience, storing).await.unwrap();
}

#[tokio::test]
async fn what_was_stored_before_a_restart_of_postgres_is_there_and_what_comes_after_it_is_stored() {
    let cluster = Arc::new(Cluster::start());
    let fixture = Fixture::on(&cluster);
    let store = fixture.serve("the only one").await.unwrap();
    let log = log(6);
    store_in_the_end(&store, &log[0]).await;
    cluster.kill_and_start();
    store_in_the_end(&store, &log[1]).await;
    let restarting = std::thread::spawn({
        let cluster = Arc::clone(&cluster);
        move || cluster.restart_after(0.5)
    });
    for record in &log[2..5] {
        store_in_the_end(&store, record).await;
        sleep(RETRY).await;
    }
    restarting.join().unwrap();
    store_in_the_end(&store, &log[5]).await;
    assert_eq!(store.load(&weekly()).await.unwrap(), log);
}

#[tokio::test]
async fn a_database_is_reached_by_tls_where_its_address_says_so_and_its_certificate_is_the_one_for_that_name()
 {
    let (cluster, directory) = (Cluster::shared(), tempfile::tempdir().unwrap());
    let at = |host: &str, trust: &str| {
        Location::server(&cluster.url_by_tls(directory.path(), host, trust)).unwrap()
    };
    let checked = "sslmode=verify-full";
    let ours = format!("{checked}&sslrootcert={}", cluster.root().display());
    let good = at("localhost", &ours);
    Store::serve(&good, "by TLS").await.unwrap().close().await;
    let mut connection = Backend::at(&good).connect().await.unwrap();
    let ssl = query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let ssl = ssl.fetch_one(&mut connection).await.unwrap();
    assert!(ssl.try_get::<bool>("ssl").unwrap());
    connection.close().await.unwrap();
    // Another's name, and a root that nobody here trusts.
    for wrong in [at("127.0.0.1", &ours), at("localhost", checked)] {
        let refused = Store::serve(&wrong, "deceived").await.unwrap_err();
        let says = refused.to_string();
        assert!(says.contains("certificate"), "{says}");
    }
}

#[tokio::test]
async fn a_schema_that_another_version_has_made_is_refused() {
    let fixture = Fixture::on(Cluster::shared());
    let server = fixture.serve("a newer one").await.unwrap();
    let mut connection = Backend::at(&fixture.location).connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'newer', now(), true, '', 0)";
    connection.run(newer).await.unwrap();
    let refused = Store::open(&fixture.location).await.unwrap_err();
    assert!(matches!(refused, StoreError::OtherVersion(_)), "{refused}");
    server.close().await;
    let refused = fixture.serve("an older one").await.unwrap_err();
    assert!(matches!(refused, StoreError::Migrate(_)), "{refused}");
}

#[tokio::test]
async fn both_kinds_of_databases_have_the_same_columns() {
    let fixture = Fixture::on(Cluster::shared());
    let directory = tempfile::tempdir().unwrap();
    let file = Location::File(directory.path().join("dinh.db"));
    let columns = async |location: &Location, text: &'static str| {
        let backend = Backend::at(location);
        backend.migrate(location).await.unwrap();
        let mut connection = backend.connect().await.unwrap();
        let rows = query(text).fetch_all(&mut connection).await.unwrap();
        let names = rows
            .iter()
            .map(|row| row.try_get::<String>("name").unwrap());
        // The driver's own, and what a file does not need.
        let is_ours = |name: &String| {
            !["_sqlx", "lease", "sqlite_"]
                .iter()
                .any(|it| name.starts_with(it))
        };
        names.filter(is_ours).collect::<BTreeSet<_>>()
    };
    let in_postgres = columns(
        &fixture.location,
        "SELECT table_name::text || '.' || column_name::text || ' ' || CASE WHEN is_nullable = 'NO' \
         THEN 'NOT NULL' ELSE '' END AS name \
         FROM information_schema.columns WHERE table_schema = current_schema()",
    );
    let in_sqlite = columns(
        &file,
        "SELECT tables.name || '.' || columns.name || ' ' || CASE WHEN columns.\"notnull\" THEN 'NOT NULL' \
         ELSE '' END AS name \
         FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table'",
    );
    assert_eq!(in_postgres.await, in_sqlite.await);
}
