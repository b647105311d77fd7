//! Bookings: planned, published, opened by themselves, moved and cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::clock::Clock;

use crate::world::{Reply, World, bearer};

/// Longer than until the clock is looked at again, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// How long links are good here, in seconds.
const LONG: i64 = 40 * 24 * 3_600;

const BOOKINGS: &str = "/api/v1/bookings";

/// A server whose clock can be set forward by seconds.
async fn world() -> (World, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = Clock::with_wall({
        let ahead = Arc::clone(&ahead);
        move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
    });
    (World::by_clock(|_| {}, clock).await, ahead)
}

fn admin(world: &World) -> String {
    world.token_for(Role::Admin, None, None, LONG)
}

/// So many minutes from now, by the clocks of UTC.
fn in_minutes(minutes: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    TimeZone::UTC
        .to_datetime(at)
        .round(jiff::Unit::Second)
        .unwrap()
        .to_string()
}

fn plan(minutes: i64) -> Value {
    json!({
        "title": "Giao ban tuần", "startsAtLocal": in_minutes(minutes), "zone": "UTC",
        "durationMinutes": 60, "audience": {"levels": ["commune"]}, "hall": "VN",
        "opensMinutesBefore": 60, "doors": {"provinces": 30, "sites": 10},
    })
}

async fn book(world: &World, plan: &Value) -> Value {
    let made = world.post(BOOKINGS, &admin(world), plan).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()
}

async fn step(world: &World, booking: &Value, step: &str) -> Value {
    let id = booking["id"].as_str().unwrap();
    let path = format!("{BOOKINGS}/{id}/{step}");
    let body = json!({"version": booking["version"]});
    let done = world.post(&path, &admin(world), &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    done.json()
}

async fn publish(world: &World, plan: &Value) -> Value {
    let booking = book(world, plan).await;
    step(world, &booking, "publish").await
}

async fn revise(world: &World, booking: &Value, mut change: Value) -> Reply {
    change["version"] = booking["version"].clone();
    let path = format!("{BOOKINGS}/{}", booking["id"].as_str().unwrap());
    let token = admin(world);
    let headers = [
        bearer(&token),
        ("content-type", "application/json".to_owned()),
    ];
    world
        .call(Method::PATCH, &path, &headers, change.to_string())
        .await
}

/// How it stands with a conference; what refuses it if nothing else is known.
async fn state(world: &World, conference: &str) -> String {
    let path = format!("/api/v1/conferences/{conference}");
    let shown = world.get(&path, &admin(world)).await.json();
    let word = [&shown["state"], &shown["code"]]
        .into_iter()
        .find_map(Value::as_str);
    word.unwrap().to_owned()
}

/// Waits until a conference is so; another booking has the calendar looked at.
async fn wait_until(world: &World, conference: &str, wanted: &str) {
    let waiting = async {
        while state(world, conference).await != wanted {
            book(world, &plan(100_000)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let came = tokio::time::timeout(SOON, waiting).await;
    assert!(
        came.is_ok(),
        "{conference} is {}",
        state(world, conference).await
    );
}

/// How somebody is refused who tries to come in.
async fn refused(world: &World, token: &str) -> (String, Option<u64>, u16) {
    let mut client = world.connect().await;
    client
        .send(&json!({"type": "join", "protocol": 1, "token": token}))
        .await;
    let (error, closing, code) = client.end().await;
    assert_eq!(error["retryAfterSeconds"], closing["retryAfterSeconds"]);
    let word = error["code"].as_str().unwrap().to_owned();
    (word, error["retryAfterSeconds"].as_u64(), code)
}

async fn comes_in(world: &World, token: &str) {
    world.connect().await.join(token).await;
}

#[tokio::test]
async fn a_booked_conference_opens_door_by_door_and_begins_by_itself() {
    let (world, ahead) = world().await;
    let booking = publish(&world, &plan(120)).await;
    let id = booking["id"].as_str().unwrap();
    let token = |role, site| world.token_for(role, site, Some(id), LONG);
    let (site, hall) = (
        token(Role::Site, Some("00004")),
        token(Role::Hall, Some("VN")),
    );
    let (operator, province) = (token(Role::Operator, None), token(Role::Site, Some("01")));

    let (code, back, close) = refused(&world, &site).await;
    assert_eq!((code.as_str(), close), ("conference_not_open", 4015));
    assert_eq!(
        back,
        Some(300),
        "it asks again, the time may become another"
    );
    let invitation = world.get("/api/v1/invitation", &site).await.json();
    let conference = &invitation["conference"];
    assert_eq!(
        (&conference["title"], &conference["state"]),
        (&json!("Giao ban tuần"), &json!("scheduled"))
    );
    let opens: Timestamp = conference["opensAt"].as_str().unwrap().parse().unwrap();
    let starts: Timestamp = conference["startsAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(starts.duration_since(opens), SignedDuration::from_mins(10));
    assert_eq!(state(&world, id).await, "conference_not_open");

    ahead.store(61 * 60, Ordering::Relaxed);
    wait_until(&world, id, "scheduled").await;
    for early in [&operator, &hall] {
        comes_in(&world, early).await;
    }
    for later in [&province, &site] {
        assert_eq!(refused(&world, later).await.0, "conference_not_open");
    }
    ahead.store(91 * 60, Ordering::Relaxed);
    comes_in(&world, &province).await;
    assert_eq!(refused(&world, &site).await.0, "conference_not_open");
    ahead.store(111 * 60, Ordering::Relaxed);
    comes_in(&world, &site).await;
    assert_eq!(state(&world, id).await, "scheduled");

    ahead.store(121 * 60, Ordering::Relaxed);
    wait_until(&world, id, "running").await;
    let path = format!("/api/v1/conferences/{id}/roster");
    let roster = world.get(&path, &admin(&world)).await;
    for expected in ["00004", "00008", "VN"] {
        assert!(roster.text.contains(expected), "{}", roster.text);
    }
    let log = world
        .get(&format!("/api/v1/conferences/{id}/events"), &admin(&world))
        .await
        .json();
    let kinds = |kind: &str| {
        let events = log.as_array().unwrap().iter();
        events
            .filter(|record| record["event"]["kind"] == kind)
            .count()
    };
    assert_eq!((kinds("created"), kinds("started")), (1, 1));
}

#[tokio::test]
async fn an_operator_opens_a_booked_conference_before_its_time_and_begins_it() {
    let (world, _) = world().await;
    let booking = publish(&world, &plan(3_000)).await;
    let id = booking["id"].as_str().unwrap();
    let date = booking["startsAtLocal"]
        .as_str()
        .unwrap()
        .split('T')
        .next()
        .unwrap();
    let path = format!("{BOOKINGS}/{id}/occurrences/{date}/open");
    for _ in 0..2 {
        let opened = world.post(&path, &admin(&world), &Value::Null).await;
        assert_eq!(opened.status, StatusCode::OK, "{}", opened.text);
        assert_eq!(opened.json()["conference"], id);
    }
    let site = world.token_for(Role::Site, Some("00004"), Some(id), LONG);
    assert_eq!(refused(&world, &site).await.0, "conference_not_open");
    comes_in(
        &world,
        &world.token_for(Role::Operator, None, Some(id), LONG),
    )
    .await;
    let start = format!("/api/v1/conferences/{id}/start");
    world.post(&start, &admin(&world), &Value::Null).await;
    comes_in(&world, &site).await;
}

#[tokio::test]
async fn links_are_made_for_a_conference_that_is_booked_and_for_no_draft() {
    let (world, _) = world().await;
    let booking = book(&world, &plan(3_000)).await;
    let id = booking["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/conferences/{id}/tokens");
    let body = json!({"role": "site", "ttlSeconds": 600});
    let early = world.post(&path, &admin(&world), &body).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND, "{}", early.text);
    step(&world, &booking, "publish").await;
    let made = world.post(&path, &admin(&world), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let sites = made.json()["tokens"].as_array().unwrap().len();
    assert_eq!(sites, 2, "as many as are invited");
    let taken = json!({"id": id, "title": "Another"});
    let taken = world
        .post("/api/v1/conferences", &admin(&world), &taken)
        .await;
    assert_eq!(taken.json()["code"], "conference_exists", "{}", taken.text);
}

#[tokio::test]
async fn a_change_moves_a_conference_that_is_open_and_cancelling_takes_it_back() {
    let (world, _) = world().await;
    let booking = publish(&world, &plan(30)).await;
    let id = booking["id"].as_str().unwrap();
    wait_until(&world, id, "scheduled").await;
    let mut operator = world.connect().await;
    operator
        .join(&world.token_for(Role::Operator, None, Some(id), LONG))
        .await;
    let changed = revise(
        &world,
        &booking,
        json!({"title": "Giao ban tháng", "startsAtLocal": in_minutes(40)}),
    )
    .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let changed = changed.json();
    assert_eq!(
        (&changed["state"], &changed["notice"]),
        (&json!("changed"), &json!(3))
    );
    operator
        .wait_until("conference", |message| message["title"] == "Giao ban tháng")
        .await;
    let stale = revise(&world, &booking, json!({"title": "Late"})).await;
    assert_eq!(
        (stale.status, &stale.json()["code"]),
        (StatusCode::CONFLICT, &json!("booking_stale"))
    );
    step(&world, &changed, "cancel").await;
    let (_, closing, _) = operator.end().await;
    assert_eq!(closing["reason"], "conference_ended");
    let site = world.token_for(Role::Site, Some("00004"), Some(id), LONG);
    let (code, back, close) = refused(&world, &site).await;
    assert_eq!(
        (code.as_str(), back, close),
        ("conference_cancelled", None, 4009)
    );
    let invitation = world.get("/api/v1/invitation", &site).await;
    assert_eq!(invitation.json()["code"], "conference_cancelled");
}

/// Ten days sooner, less a few minutes.
const SOONER: &str = "UPDATE occurrences SET starts_at = starts_at - 863000, \
    opens_at = opens_at - 863000, ends_at = ends_at - 863000";

#[tokio::test]
async fn what_came_due_while_the_server_was_down_opens_once_and_a_damaged_one_stops_nobody() {
    let world = World::new().await;
    let ten_days = plan(10 * 24 * 60);
    let sound = publish(&world, &ten_days).await;
    let damaged = publish(&world, &ten_days).await;
    let [id, broken] = [&sound, &damaged].map(|booking| booking["id"].as_str().unwrap().to_owned());
    let stopped = world.stop().await;
    stopped.alter(SOONER).await;
    stopped
        .alter("UPDATE occurrences SET doors = '{' WHERE conference = (SELECT MAX(conference) FROM occurrences)")
        .await;
    let world = stopped.start().await;
    wait_until(&world, &id.clone().min(broken.clone()), "scheduled").await;
    let world = world.stop().await.start().await;
    let open = id.min(broken);
    wait_until(&world, &open, "scheduled").await;
    let log = world
        .get(
            &format!("/api/v1/conferences/{open}/events"),
            &admin(&world),
        )
        .await;
    assert_eq!(log.text.matches("\"created\"").count(), 1, "{}", log.text);
}

#[tokio::test]
async fn a_site_that_a_booking_invites_is_not_removed() {
    let (world, _) = world().await;
    world
        .post(&crate::world::path("/end"), &admin(&world), &Value::Null)
        .await;
    let booking = publish(&world, &plan(3_000)).await;
    let token = admin(&world);
    let path = "/api/v1/sites/00004";
    let headers = [bearer(&token)];
    let remove = || world.call(Method::DELETE, path, &headers, String::new());
    let refused = remove().await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(
        refused.text.contains(booking["id"].as_str().unwrap()),
        "{}",
        refused.text
    );
    step(&world, &booking, "cancel").await;
    assert_eq!(remove().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_series_is_listed_with_its_exceptions() {
    let (world, _) = world().await;
    let mut weekly = plan(3_000);
    weekly["startsAtLocal"] = json!("2126-03-25T08:00:00");
    weekly["zone"] = json!("Asia/Ho_Chi_Minh");
    weekly["rule"] = json!("FREQ=WEEKLY;COUNT=3");
    let booking = publish(&world, &weekly).await;
    let id = booking["id"].as_str().unwrap();
    let list = format!("{BOOKINGS}?from=2126-03-01T00:00:00Z&to=2126-05-01T00:00:00Z");
    let days = async || world.get(&list, &admin(&world)).await.json();
    assert_eq!(days().await[0]["conference"], format!("{id}-21260325"));
    let put = async |date: &str, body: Value| {
        let path = format!("{BOOKINGS}/{id}/occurrences/{date}");
        world
            .send_json(Method::PUT, &path, &admin(&world), &body)
            .await
    };
    let left_out = put("2126-04-01", json!({"version": 2, "isLeftOut": true})).await;
    assert_eq!(left_out.status, StatusCode::OK, "{}", left_out.text);
    let moved = put(
        "2126-04-08",
        json!({"version": 3, "startsAtLocal": "2126-04-09T14:00:00"}),
    )
    .await;
    assert_eq!(
        moved.json()["exceptions"][1]["date"],
        "2126-04-08",
        "{}",
        moved.text
    );
    let wrong = put("2126-04-02", json!({"version": 4, "isLeftOut": true})).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND, "{}", wrong.text);
    let listed = days().await;
    let told: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|day| {
            (
                day["occurrence"].as_str().unwrap(),
                day["state"].as_str().unwrap(),
                day["startsAt"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("2126-03-25", "published", "2126-03-25T01:00:00Z"),
            ("2126-04-01", "cancelled", "2126-04-01T01:00:00Z"),
            ("2126-04-08", "changed", "2126-04-09T07:00:00Z"),
        ]
    );
    let operator = world.token(Role::Operator, None);
    let refused = world.get(&list, &operator).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_copy_at_the_same_time_is_in_the_way_and_invites_the_same_sites() {
    let (world, _) = world().await;
    let booking = publish(&world, &plan(3_000)).await;
    let id = booking["id"].as_str().unwrap();
    let copy = format!("{BOOKINGS}/{id}/copy");
    let copied = world
        .post(
            &copy,
            &admin(&world),
            &json!({"startsAtLocal": in_minutes(3_020)}),
        )
        .await;
    assert_eq!(copied.status, StatusCode::CREATED, "{}", copied.text);
    let copied = copied.json();
    let conflicts = format!("{BOOKINGS}/{}/conflicts", copied["id"].as_str().unwrap());
    let conflicts = world.get(&conflicts, &admin(&world)).await.json();
    assert_eq!(
        (&conflicts[0]["hall"], &conflicts[0]["sites"]),
        (&json!("VN"), &json!(2)),
        "{conflicts}"
    );
    let audience = format!("{BOOKINGS}/{id}/audience?limit=1");
    let audience = world.get(&audience, &admin(&world)).await;
    assert_eq!(
        (&audience.json()[0]["code"], &audience.json()[0]["province"]),
        (&json!("00004"), &json!("01"))
    );
    assert!(audience.header("link").contains("after=00004"));
}
