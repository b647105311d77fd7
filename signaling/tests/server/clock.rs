//! A wall clock that is set under a running server; the monotonic one goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signaling::auth::Role;
use signaling::clock::Clock;

use crate::world::{World, path};

/// A server that gives nobody longer than a second to come back, and by how many seconds its wall
/// clock is wrong.
async fn world() -> (World, Arc<AtomicI64>) {
    let wrong_by = Arc::new(AtomicI64::new(0));
    let clock = Clock::with_wall({
        let wrong_by = Arc::clone(&wrong_by);
        move || Timestamp::now() + SignedDuration::from_secs(wrong_by.load(Ordering::Relaxed))
    });
    let world = World::by_clock(|config| config.sessions.resume_seconds = 1, clock).await;
    (world, wrong_by)
}

#[tokio::test]
async fn a_link_made_before_the_clock_was_set_back_is_good() {
    let (world, wrong_by) = world().await;
    let token = world.token(Role::Site, Some("00004"));
    wrong_by.store(-3600, Ordering::Relaxed);
    let mut site = world.connect().await;
    site.join(&token).await;
}

#[tokio::test]
async fn who_is_lost_leaves_although_the_clock_was_set_back() {
    let (world, wrong_by) = world().await;
    let mut operator = world.join(Role::Operator, None).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let id = site.participant().to_owned();
    operator
        .ask_ok(json!({"type": "grantFloor", "participant": id}))
        .await;
    drop(site);
    operator
        .wait_for_participant(&id, |entry| entry["state"] == "lost")
        .await;
    wrong_by.store(-3600, Ordering::Relaxed);
    operator
        .wait_for_participant(&id, |entry| entry["state"] == "left")
        .await;
    let floor = world.get(&path("/floor"), &world.admin()).await.json();
    assert_eq!(floor["holder"], json!(null));
}

#[tokio::test]
async fn a_time_that_was_wrong_for_one_event_does_not_stay_in_the_log() {
    let (world, wrong_by) = world().await;
    let mut operator = world.join(Role::Operator, None).await;
    let hall = world.join(Role::Hall, Some("VN")).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let began = Timestamp::now();
    for (client, days) in [(&hall, 30), (&site, 0)] {
        wrong_by.store(days * 86_400, Ordering::Relaxed);
        let participant = client.participant();
        operator
            .ask_ok(json!({"type": "grantFloor", "participant": participant}))
            .await;
    }
    let events = world.get(&path("/events"), &world.admin()).await.json();
    let last = events.as_array().unwrap().last().unwrap();
    let at: Timestamp = last["at"].as_str().unwrap().parse().unwrap();
    assert!(
        at.duration_since(began) < SignedDuration::from_hours(1),
        "{last}"
    );
    let kinds = world.kinds().await;
    let steps = kinds.iter().filter(|kind| *kind == "clockSet");
    assert_eq!(steps.count(), 2, "{kinds:?}");
}
