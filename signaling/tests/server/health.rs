//! Health, metrics and pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signaling::auth::Role;
use signaling::clock::Clock;
use signaling::config::Config;
use signaling::routes;
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::client::Client;
use crate::world::World;

async fn look(world: &World, path: &str) -> crate::world::Reply {
    world.call(Method::GET, path, &[], String::new()).await
}

#[tokio::test]
async fn it_lives_and_is_ready_until_it_stops() {
    let world = World::new().await;
    assert_eq!(look(&world, "/healthz").await.status, StatusCode::OK);
    let ready = look(&world, "/readyz").await;
    assert_eq!(
        (ready.status, ready.json()),
        (
            StatusCode::OK,
            json!({"ready": true, "reasons": [], "warnings": []})
        )
    );
    world.server.app().draining.cancel();
    assert_eq!(
        look(&world, "/healthz").await.status,
        StatusCode::OK,
        "it still lives"
    );
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["reasons"], json!(["draining"]));
}

#[tokio::test]
async fn a_stop_is_announced_while_everything_still_goes_on() {
    let world = World::with(|config| config.shutdown.announce_seconds = 60).await;
    let app = world.server.app().clone();
    let router = routes::public(app.clone());
    let (http, token) = (world.server.http(), world.token(Role::Site, Some("00004")));
    let stopping = tokio::spawn(world.server.stop());
    let ready = || Request::get("/readyz").body(Body::empty()).unwrap();
    while router.clone().oneshot(ready()).await.unwrap().status() != StatusCode::SERVICE_UNAVAILABLE
    {
        tokio::task::yield_now().await;
    }
    let mut late = Client::connect(http).await;
    late.join(&token).await;
    assert!(!app.draining.is_cancelled());
    stopping.abort();
}

#[tokio::test]
async fn without_its_store_it_is_not_ready() {
    let world = World::new().await;
    world.server.app().store.close().await;
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.json()["reasons"], json!(["store"]));
}

#[tokio::test]
async fn it_is_not_ready_while_nobody_else_can_reach_its_media() {
    let world = World::new().await;
    world.media.is_loopback_only.store(true, Ordering::Relaxed);
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["reasons"], json!(["addresses"]));
    let demo = &world.server.app().is_demo;
    demo.store(true, Ordering::Relaxed);
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "a demo may be alone");
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_named_and_keeps_the_server_in_work() {
    let wrong_by = Arc::new(AtomicI64::new(0));
    let clock = Clock::with_wall({
        let wrong_by = Arc::clone(&wrong_by);
        move || Timestamp::now() + SignedDuration::from_hours(wrong_by.load(Ordering::Relaxed))
    });
    let directory = tempfile::tempdir().unwrap();
    let certificate = |config: &mut Config| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        config.tls.certificate = directory.path().join("cert.pem");
        config.tls.key = directory.path().join("key.pem");
        std::fs::write(&config.tls.certificate, made.cert.pem()).unwrap();
        std::fs::write(&config.tls.key, made.signing_key.serialize_pem()).unwrap();
    };
    let world = World::by_clock(certificate, clock).await;
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.json()["warnings"], json!([]));
    // It was made until the year 4096.
    wrong_by.store(24 * 366 * 2_200, Ordering::Relaxed);
    let ready = look(&world, "/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.text);
    assert_eq!(ready.json()["warnings"], json!(["certificate_expired"]));
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_a_stop_up() {
    let world = World::with(|config| {
        config.shutdown.deadline_seconds = 600;
        config.http.header_timeout_seconds = 600;
    })
    .await;
    let silent = TcpStream::connect(world.server.http()).await.unwrap();
    // They are taken in the order in which they come.
    drop(world.connect().await);
    let stopped = tokio::time::timeout(Duration::from_secs(60), world.server.stop()).await;
    assert!(stopped.is_ok(), "it waits for {silent:?}");
}

#[tokio::test]
async fn nothing_new_begins_while_it_stops() {
    let world = World::new().await;
    world.server.app().draining.cancel();
    let token = world.token(Role::Hall, Some("VN"));
    let offer = "send audio 0";
    let reply = world
        .post_text("/whip/giao-ban", &token, "application/sdp", offer)
        .await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
    let reply = world
        .post(
            "/api/v1/conferences",
            &world.admin(),
            &json!({"title": "x"}),
        )
        .await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn metrics_are_private() {
    let world = World::new().await;
    let _site = world.join(Role::Site, Some("00004")).await;
    assert_ne!(look(&world, "/metrics").await.status, StatusCode::OK);
    let private = routes::private(world.server.app().clone());
    let request = Request::get("/metrics")
        .header("accept", "application/openmetrics-text")
        .body(Body::empty())
        .unwrap();
    let response = private.oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    for expected in [
        "dinh_participants 1",
        "dinh_websockets 1",
        "dinh_messages_total{kind=\"join\"} 1",
        "dinh_media_dropped_packets_total{reason=\"blocked\"} 0.0",
        "dinh_media_peers 0.0",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_page_with_a_slash_behind_it_is_the_same_page() {
    let world = World::new().await;
    for path in signaling::pages::PATHS
        .into_iter()
        .filter(|path| *path != "/")
        .chain([signaling::pages::OFFICE])
    {
        let reply = look(&world, &format!("{path}/")).await;
        assert_eq!(reply.status, StatusCode::PERMANENT_REDIRECT, "{path}/");
        assert_eq!(reply.header("location"), path);
    }
}

#[tokio::test]
async fn every_page_is_guarded() {
    let world = World::new().await;
    for path in signaling::pages::PATHS.into_iter().chain([
        signaling::pages::OFFICE,
        "/favicon.svg",
        "/assets/none.js",
    ]) {
        let reply = look(&world, path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert!(
            reply
                .header("content-security-policy")
                .contains("default-src 'none'")
        );
    }
    assert_eq!(
        look(&world, "/assets/none.js").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn stopping_an_idle_server_takes_no_time() {
    let world = World::new().await;
    tokio::time::timeout(Duration::from_secs(5), world.server.stop())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_documentation_is_served_without_a_script() {
    let world = World::new().await;
    let first = look(&world, "/docs").await;
    assert_eq!(first.header("location"), "/docs/");
    let first = look(&world, "/docs/").await;
    let policy = first.header("content-security-policy");
    assert!(policy.contains("script-src 'self'"), "{policy}");
    if first.status == StatusCode::SERVICE_UNAVAILABLE {
        assert!(first.text.contains("make docs"), "{}", first.text);
        return;
    }
    let page = look(&world, "/docs/engineer/install.html").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html");
    for page in [first, page] {
        assert!(!page.text.contains("<script"), "{}", page.text);
    }
    let style = look(&world, "/docs/theme/docs.css").await;
    assert_eq!(style.status, StatusCode::OK);
    let nothing = look(&world, "/docs/engineer/nothing.html").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}
