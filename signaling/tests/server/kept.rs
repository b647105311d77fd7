//! What is kept on disk, looked at after a stop: damaged, changed, copied, put back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;
use signaling::auth::Role;
use signaling::backup::{self, BackupError};
use signaling::config::Config;
use signaling::data_dir::DataDir;
use signaling::server::Server;
use signaling::tls::Root;
use signaling::vault::Archive;

use crate::database::Failing;
use crate::fake_media::FakeMedia;
use crate::world::{CONFERENCE, Stopped, World, path};

#[tokio::test]
async fn one_damaged_conference_is_left_out_and_everything_else_runs() {
    let world = World::new().await;
    let body = json!({"id": "other", "title": "other"});
    world
        .post("/api/v1/conferences", &world.admin(), &body)
        .await;
    drop(world.join(Role::Site, Some("00004")).await);
    let damaged = world.kinds().await.len();
    let stopped = world.stop().await;
    stopped
        .alter("UPDATE events SET body = replace(body, '00004', '00008') WHERE kind = 'joined'")
        .await;
    let world = stopped.start().await;
    let admin = world.admin();
    let other = world.get("/api/v1/conferences/other", &admin).await;
    assert_eq!(other.status, StatusCode::OK, "{}", other.text);
    let shown = world.get(&path(""), &admin).await;
    assert_eq!(shown.json()["code"], "record_damaged", "{}", shown.text);
    let intact = world.get(&path("/events"), &admin).await.json();
    let intact = intact.as_array().unwrap().len();
    assert!(0 < intact && intact < damaged, "{intact} of {damaged}");
    let beyond = world
        .get(&path(&format!("/events?after={intact}")), &admin)
        .await;
    let first = format!("event {}", intact + 1);
    assert!(beyond.text.contains(&first), "{}", beyond.text);
    let again = json!({"id": CONFERENCE, "title": "again"});
    let again = world.post("/api/v1/conferences", &admin, &again).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    assert_eq!(world.server.app().store.damaged(), 1);
}

#[tokio::test]
async fn a_store_that_was_emptied_or_is_older_is_noticed() {
    let world = World::new().await;
    let stopped = world.stop().await;
    stopped.remove_database().await;
    let world = stopped.start().await;
    let shown = world.get(&path("/events"), &world.admin()).await;
    assert_eq!(shown.json()["code"], "record_damaged", "{}", shown.text);
    assert!(shown.text.contains("missing"), "{}", shown.text);
}

#[tokio::test]
async fn what_is_signed_can_neither_be_removed_nor_changed_unseen() {
    let stopped = World::new().await.stop().await;
    let archive = Archive::open(&stopped.config()).await.unwrap();
    let signed = archive.signed.unwrap();
    let conference = CONFERENCE.parse().unwrap();
    let whole = archive.store.verify(&conference).await.unwrap();
    assert_eq!(
        signed.heads[&conference].seq, whole.seq,
        "to the last event"
    );
    archive.store.close().await;
    stopped.remove("signed-heads.json");
    let archive = Archive::open(&stopped.config()).await.unwrap();
    assert!(archive.signed.is_err());
}

/// What is on a server is neither copied nor put back here, and whoever tries is told how it is done.
async fn is_copied(config: &Config) -> bool {
    let file = config.data_dir.join("backup");
    let refusals = [
        backup::make(config, &file).await,
        backup::restore(config, &file, true).await,
    ];
    for refused in refusals.into_iter().filter(|_| config.store.is_on_server()) {
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains("pg_dump"), "{refused}");
    }
    !config.store.is_on_server()
}

#[tokio::test]
async fn a_backup_of_a_running_server_is_restored_whole() {
    let world = World::new().await;
    if !is_copied(&world.config()).await {
        return;
    }
    let _site = world.join(Role::Site, Some("00004")).await;
    let events = world.kinds().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    let made = backup::make(&world.config(), &file).await.unwrap();
    assert_eq!((made.conferences, made.damaged.len()), (1, 0));
    assert!(made.events >= events.len() as u64);
    let twice = backup::make(&world.config(), &file).await;
    assert!(matches!(twice, Err(BackupError::Exists(_))), "{twice:?}");
    let admin = world.admin();

    let new = Stopped::empty();
    let restored = backup::restore(&new.config(), &file, false).await.unwrap();
    assert_eq!(restored, made);
    let refused = backup::restore(&new.config(), &file, false).await;
    assert!(
        matches!(refused, Err(BackupError::Occupied(_))),
        "{refused:?}"
    );
    backup::restore(&new.config(), &file, true).await.unwrap();
    let new = new.start().await;
    let kept = new.get(&path("/events"), &admin).await;
    assert_eq!(kept.status, StatusCode::OK, "the token is still good");
    assert!(kept.json().as_array().unwrap().len() >= events.len());
    assert_eq!(new.server.app().store.damaged(), 0);
    let beside = backup::restore(&new.config(), &file, true).await;
    assert!(matches!(beside, Err(BackupError::DataDir(_))), "{beside:?}");
}

#[tokio::test]
async fn a_backup_holds_the_servers_own_authority_and_its_account_at_an_acme_server() {
    let stopped = World::new().await.stop().await;
    let mut config = stopped.config();
    if !is_copied(&config).await {
        return;
    }
    config.tls.self_made = true;
    let (media, events) = FakeMedia::new();
    let server = Server::start_with(config.clone(), Arc::new(media), events).await;
    server.unwrap().stop().await;
    let account =
        r#"{"directory": "https://acme.example/", "account": {"id": 7}, "certificate": null}"#;
    std::fs::write(config.data_dir.join("acme.json"), account).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup");
    backup::make(&config, &file).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);

    let new = Stopped::empty();
    backup::restore(&new.config(), &file, false).await.unwrap();
    let data = new.config().data_dir;
    for name in ["acme.json", "tls-root.pem", "tls-root-key.pem"] {
        let (before, after) = (config.data_dir.join(name), data.join(name));
        assert_eq!(
            std::fs::read(before).unwrap(),
            std::fs::read(&after).unwrap()
        );
        assert_eq!(mode(&after), 0o600, "{name}");
    }
    let fingerprint = |directory: &Path| {
        let directory = DataDir::existing(directory).unwrap();
        Root::load(&directory).unwrap().fingerprint()
    };
    assert_eq!(fingerprint(&config.data_dir), fingerprint(&data));
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let new = Stopped::empty();
    if !is_copied(&new.config()).await {
        return;
    }
    let file = new.config().data_dir.join("letters.txt");
    std::fs::write(&file, "dear all").unwrap();
    let refused = backup::restore(&new.config(), &file, false).await;
    assert!(
        matches!(refused, Err(BackupError::NoBackup { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let world = World::new().await;
    let (media, events) = FakeMedia::new();
    let second = Server::start_with(world.config(), Arc::new(media), events).await;
    let error = second.expect_err("it is refused").to_string();
    assert!(error.contains("in use by another dinh"), "{error}");
}

#[tokio::test]
async fn a_server_that_can_store_nothing_does_not_start() {
    let world = World::new().await;
    world.fail(Failing::Everything).await;
    let stopped = world.stop().await;
    let (media, events) = FakeMedia::new();
    let started = Server::start_with(stopped.config(), Arc::new(media), events).await;
    let error = started.expect_err("it does not start").to_string();
    assert!(error.starts_with("nothing can be stored in "), "{error}");
}
