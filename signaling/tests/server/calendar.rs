//! Conferences that are scheduled: rows in the database, until somebody opens one.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::metrics::Format;

use crate::world::{CONFERENCE, World, bearer, path};

/// Longer than one is kept at hand for nobody, on a busy machine.
const SOON: Duration = Duration::from_secs(15);

async fn schedule(world: &World, id: &str) -> Value {
    let body = json!({"id": id, "title": "Weekly", "sites": ["00004"]});
    let made = world
        .post("/api/v1/conferences", &world.admin(), &body)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()
}

async fn start(world: &World, id: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/conferences/{id}/start");
    let started = world.post(&path, &world.admin(), &Value::Null).await;
    (started.status, started.json())
}

/// Waits until so many conferences are at hand.
async fn at_hand(world: &World, count: usize) {
    let line = format!("dinh_conferences {count}\n");
    let waiting = async {
        while !world
            .server
            .app()
            .metrics
            .text(Format::Open)
            .contains(&line)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(SOON, waiting).await;
    assert!(came.is_ok(), "{count} conferences at hand");
}

#[tokio::test]
async fn only_conferences_that_run_are_limited() {
    let world = World::with(|config| config.conferences.max_open = 1).await;
    for id in ["one", "two"] {
        schedule(&world, id).await;
    }
    let (status, refused) = start(&world, "one").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("too_many_conferences")),
        "{refused}"
    );
    let shown = world.get("/api/v1/conferences/one", &world.admin()).await;
    assert_eq!(shown.json()["state"], "scheduled", "{}", shown.text);
    world
        .post(&path("/end"), &world.admin(), &Value::Null)
        .await;
    assert_eq!(start(&world, "one").await.0, StatusCode::OK);
    assert_eq!(start(&world, "two").await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_scheduled_conference_is_put_away_when_nobody_asks_and_is_as_it_was() {
    let world = World::new().await;
    let made = schedule(&world, "one").await;
    at_hand(&world, 1).await;
    let shown = world.get("/api/v1/conferences/one", &world.admin()).await;
    assert_eq!(shown.json(), made);
    at_hand(&world, 1).await;
    let world = world.stop().await.start().await;
    at_hand(&world, 1).await;
    assert_eq!(start(&world, "one").await.0, StatusCode::OK);
    at_hand(&world, 2).await;
}

#[tokio::test]
async fn a_scheduled_conference_stays_at_hand_while_somebody_waits_in_it() {
    let world = World::new().await;
    schedule(&world, "one").await;
    let token = world.token_for(Role::Site, Some("00004"), Some("one"), 600);
    let mut early = world.connect().await;
    early.join(&token).await;
    let welcome = early.welcome.clone();
    at_hand(&world, 2).await;
    // Also over a restart, so that it is the same participant again.
    let world = world.stop().await.start().await;
    at_hand(&world, 2).await;
    let mut again = world.connect().await;
    again.resume(&welcome).await;
    again.send(&json!({"type": "leave"})).await;
    at_hand(&world, 1).await;
}

#[tokio::test]
async fn a_site_that_a_scheduled_conference_expects_is_not_removed() {
    let world = World::new().await;
    let admin = world.admin();
    schedule(&world, "one").await;
    world.post(&path("/end"), &admin, &Value::Null).await;
    let world = world.stop().await.start().await;
    at_hand(&world, 0).await;
    let remove = async |site: &str| {
        let path = format!("/api/v1/sites/{site}");
        world
            .call(Method::DELETE, &path, &[bearer(&admin)], String::new())
            .await
    };
    let refused = remove("00004").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(refused.text.contains("conference one"), "{}", refused.text);
    assert_eq!(remove("00008").await.status, StatusCode::NO_CONTENT);
}

/// A server that read the logs of a calendar when it starts would find these damaged: their hashes are
/// those of another conference.
const CALENDAR: &str = "\
    CREATE TEMP TABLE day AS WITH RECURSIVE days(day) AS \
        (SELECT 1 UNION ALL SELECT day + 1 FROM days WHERE day < 5000) SELECT day FROM days; \
    INSERT INTO conferences (id, title, state, created_at, starts_at, head_seq, head_hash) \
        SELECT 'day-' || day, title, state, created_at, '2100-01-01T00:00:00Z', head_seq, head_hash \
        FROM conferences, day WHERE id = 'one'; \
    INSERT INTO events (conference, seq, at, kind, body, prev, hash) \
        SELECT 'day-' || day, seq, at, kind, body, prev, hash \
        FROM events, day WHERE conference = 'one'";

#[tokio::test]
async fn a_calendar_of_five_thousand_is_not_read_when_the_server_starts() {
    let world = World::new().await;
    schedule(&world, "one").await;
    let stopped = world.stop().await;
    stopped.alter(CALENDAR).await;
    let began = Instant::now();
    let world = stopped.start().await;
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    at_hand(&world, 1).await;
    let list = world.get("/api/v1/conferences", &world.admin()).await;
    assert_eq!(list.json().as_array().map(Vec::len), Some(5_002));
    // The one that is sound opens, and another one says what is wrong with it.
    let token = world.token_for(Role::Site, Some("00004"), Some("one"), 600);
    world.connect().await.join(&token).await;
    at_hand(&world, 2).await;
    let damaged = world.get("/api/v1/conferences/day-7", &world.admin()).await;
    assert_eq!(damaged.json()["code"], "record_damaged", "{}", damaged.text);
    at_hand(&world, 2).await;
}

#[tokio::test]
async fn a_calendar_that_is_being_made_leaves_nothing_at_hand() {
    let world = World::new().await;
    for day in 0..200 {
        schedule(&world, &format!("day-{day}")).await;
    }
    at_hand(&world, 1).await;
}

#[tokio::test]
async fn a_damaged_scheduled_conference_is_named_and_stops_nobody() {
    let world = World::new().await;
    for id in ["one", "two"] {
        schedule(&world, id).await;
    }
    let stopped = world.stop().await;
    stopped
        .alter("UPDATE events SET body = 'x' WHERE conference = 'one' AND seq = 2")
        .await;
    let world = stopped.start().await;
    let shown = world.get("/api/v1/conferences/one", &world.admin()).await;
    assert_eq!(shown.json()["code"], "record_damaged", "{}", shown.text);
    assert_eq!(start(&world, "two").await.0, StatusCode::OK);
    let shown = world.get(&path(""), &world.admin()).await;
    assert_eq!(shown.json()["id"], CONFERENCE, "{}", shown.text);
}
