//! A store that fails for a while: it costs the requests that met it, and nothing else.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::metrics::Format;
use signaling::store::Store;
use signaling::testing;

use crate::client::Client;
use crate::database::Failing;
use crate::world::{World, path};

/// Longer than the longest pause between two attempts, on a busy machine.
const SOON: Duration = Duration::from_secs(15);

async fn grant(operator: &mut Client, to: &Client) -> Value {
    operator
        .ask(json!({"type": "grantFloor", "participant": to.participant()}))
        .await
}

/// Waits until `what` holds.
async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, waiting).await.is_ok(), "{what}");
}

/// `present`, `lost`, or nothing for who has left.
async fn listed(world: &World, participant: &str) -> Option<String> {
    let list = world.get(&path("/participants"), &world.admin()).await;
    let list = list.json();
    let entry = list
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["participant"] == participant)?;
    Some(entry["state"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_failure_costs_the_request_that_met_it_and_no_other() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let site = world.join(Role::Site, Some("00004")).await;
    world.fail(Failing::Events).await;
    let refused = grant(&mut operator, &site).await;
    assert_eq!(refused["code"], "internal", "{refused}");
    world.mend(Failing::Events).await;
    soon("the floor is granted again", async || {
        grant(&mut operator, &site).await["type"] == "ok"
    })
    .await;
    let body = json!({"id": "another", "title": "another"});
    let created = world
        .post("/api/v1/conferences", &world.admin(), &body)
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let granted = world.kinds().await;
    let granted = granted.iter().filter(|kind| *kind == "floorGranted");
    assert_eq!(granted.count(), 1, "what was refused has not happened");
}

#[tokio::test]
async fn whoever_is_lost_while_the_database_is_held_is_lost_afterwards() {
    let world = World::with(|config| config.sessions.resume_seconds = 1).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let other = world.join(Role::Site, Some("00008")).await;
    let gone = site.participant().to_owned();
    let held = world.occupy_database().await;
    drop(site);
    // Until the attempt to store it has failed.
    soon("the attempt fails", async || {
        world.server.app().store.failures() > 0
    })
    .await;
    assert_eq!(listed(&world, &gone).await.as_deref(), Some("present"));
    drop(held);
    soon("it has left", async || {
        listed(&world, &gone).await.is_none()
    })
    .await;
    let kinds = world.kinds().await;
    assert!(kinds.contains(&"lost".to_owned()), "{kinds:?}");
    let stays = listed(&world, other.participant()).await;
    assert_eq!(stays.as_deref(), Some("present"));
}

#[tokio::test]
async fn a_deadline_that_cannot_be_stored_is_tried_seldom() {
    let world = World::with(|config| config.sessions.resume_seconds = 1).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let gone = site.participant().to_owned();
    drop(site);
    soon("it is lost", async || {
        listed(&world, &gone).await.as_deref() == Some("lost")
    })
    .await;
    world.fail(Failing::Events).await;
    world.fail(Failing::Everything).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let failures = world.server.app().store.failures();
    assert!((1..20).contains(&failures), "{failures} attempts");
    world.mend(Failing::Events).await;
    world.mend(Failing::Everything).await;
    soon("it has left", async || {
        listed(&world, &gone).await.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_fails_is_refused_only_when_it_has_not_happened_for_certain() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let site = world.join(Role::Site, Some("00004")).await;
    world.fail(Failing::Commits).await;
    let refused = grant(&mut operator, &site).await;
    assert_eq!(refused["code"], "internal", "{refused}");
    world.fail(Failing::Everything).await;
    soon("nobody can tell", async || {
        grant(&mut operator, &site).await["code"] == "outcome_unknown"
    })
    .await;
    let mut late = world.connect().await;
    late.send(&json!({"type": "join", "protocol": 1,
        "token": world.token(Role::Site, Some("00008"))}))
        .await;
    assert_eq!(late.wait_for("error").await["code"], "internal");
    world.mend(Failing::Commits).await;
    world.mend(Failing::Everything).await;
    soon("the floor is granted again", async || {
        grant(&mut operator, &site).await["type"] == "ok"
    })
    .await;
}

#[tokio::test]
async fn ready_means_that_something_can_be_stored() {
    let world = World::new().await;
    let ready = async || {
        world
            .call(Method::GET, "/readyz", &[], String::new())
            .await
            .status
            == StatusCode::OK
    };
    assert!(ready().await);
    world.fail(Failing::Everything).await;
    soon("it is not ready", async || !ready().await).await;
    world.mend(Failing::Everything).await;
    soon("it is ready", ready).await;
    let text = world.server.app().metrics.text(Format::Open);
    assert!(text.contains("dinh_store_failures_total 1"), "{text}");
}

#[tokio::test]
async fn probes_do_not_make_the_disk_work() {
    let world = World::new().await;
    let before = world.database().await.fences().await;
    for _ in 0..50 {
        world.call(Method::GET, "/readyz", &[], String::new()).await;
    }
    let written = world.database().await.fences().await - before;
    assert!(
        (1..25).contains(&written),
        "{written} writes for 50 questions"
    );
}

#[tokio::test]
async fn what_a_conference_refuses_is_counted() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let refused = site.ask(json!({"type": "withdrawFloor"})).await;
    assert_eq!(refused["code"], "floor_not_requested");
    let text = world.server.app().metrics.text(Format::Open);
    let expected = "dinh_errors_total{code=\"floor_not_requested\"} 1";
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_command_beside_the_server_waits_longer_than_its_transactions_do() {
    let world = World::new().await;
    let location = testing::location(&world.config().data_dir);
    let beside = Store::open_beside(&location).await.unwrap();
    let held = world.occupy_database().await;
    let written = tokio::spawn(async move { beside.fence().await });
    // A transaction of the server waits for three seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let is_waiting = !written.is_finished();
    drop(held);
    let written = written.await.unwrap();
    assert!(is_waiting, "the command has waited no longer: {written:?}");
    written.unwrap();
}
