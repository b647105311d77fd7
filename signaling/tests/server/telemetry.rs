//! Traces of joins, as a collector receives them.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sfu::command::{Event, Step};
use sfu::id::PeerId;
use signaling::auth::Role;
use signaling::metrics::Format;
use signaling::testing;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::world::{CONFERENCE, World};

const SDP: &str = "application/sdp";

/// A small collector: what it is sent comes out at the other end, span by span.
async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (spans, received) = mpsc::unbounded_channel();
    let take = move |Json(request): Json<Value>| async move {
        let resource = &request["resourceSpans"][0];
        let name = &resource["resource"]["attributes"][0]["value"]["stringValue"];
        assert_eq!(name, "dinh", "{request}");
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            spans.send(span.clone()).unwrap();
        }
        Json(json!({}))
    };
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

async fn traced(endpoint: String) -> World {
    World::with(|config| config.telemetry.otlp_endpoint = endpoint).await
}

/// What is counted of traces with this outcome.
fn counted(world: &World, outcome: &str) -> u64 {
    let text = world.server.app().metrics.text(Format::Plain);
    let name = format!("dinh_traces_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    let number: f64 = line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap();
    number as u64
}

#[tokio::test]
async fn a_join_is_one_trace_from_the_token_to_the_first_packet() {
    let (address, mut spans) = collector().await;
    let world = traced(format!("http://{address}")).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.ask(json!({"type": "offer", "sdp": "receive audio 0,receive video 1", "sources": {}}))
        .await;
    let peer = PeerId(1);
    let step = |step| Event::PeerReached { peer, step };
    world.media.happen(step(Step::Path)).await;
    world.media.happen(Event::PeerConnected { peer }).await;
    world.media.happen(step(Step::Media)).await;
    let mut heard = Vec::new();
    while heard.len() < 7 {
        heard.push(spans.recv().await.unwrap());
    }
    let names: Vec<_> = heard
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    let steps = ["token", "admission", "offer", "ice", "dtls", "first packet"];
    assert_eq!((names[0], &names[1..]), ("join", &steps[..]));
    let (root, parts) = heard.split_first().unwrap();
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    for part in parts {
        assert_eq!(part["parentSpanId"], root["spanId"]);
        let (begin, end) = ("startTimeUnixNano", "endTimeUnixNano");
        assert!(nanos(root, begin) <= nanos(part, begin), "{part}");
        assert!(nanos(part, end) <= nanos(root, end), "{part}");
    }
    let text = json!(heard).to_string();
    assert!(
        text.contains(site.participant()) && !text.contains("127.0.0.1"),
        "{text}"
    );
    // It is counted with the collector's answer.
    while counted(&world, "sent") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counted(&world, "failed"), 0);
}

/// The names of so many spans, the root's first.
async fn names(spans: &mut mpsc::UnboundedReceiver<Value>, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < count {
        let span = spans.recv().await.unwrap();
        names.push(span["name"].as_str().unwrap().to_owned());
    }
    names
}

#[tokio::test]
async fn an_encoder_and_a_player_are_traced_too_and_so_is_why_one_is_refused() {
    let (address, mut spans) = collector().await;
    let world = traced(format!("http://{address}")).await;
    let hall = world.token(Role::Hall, Some("VN"));
    let (whip, whep) = (format!("/whip/{CONFERENCE}"), format!("/whep/{CONFERENCE}"));
    let reply = world.post_text(&whip, &hall, SDP, "nonsense").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text);
    let root = spans.recv().await.unwrap();
    assert_eq!(root["name"], "whip");
    assert_eq!(root["status"], json!({"code": 2, "message": "bad_offer"}));
    assert_eq!(names(&mut spans, 2).await, ["token", "offer"]);
    let site = world.token(Role::Site, Some("00004"));
    let reply = world.post_text(&whep, &site, SDP, "receive video 0").await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    // The offer that made no sense has had a number, too.
    let peer = PeerId(2);
    let step = |step| Event::PeerReached { peer, step };
    world.media.happen(step(Step::Path)).await;
    world.media.happen(Event::PeerConnected { peer }).await;
    world.media.happen(step(Step::Media)).await;
    let steps = [
        "whep",
        "token",
        "offer",
        "admission",
        "ice",
        "dtls",
        "first packet",
    ];
    assert_eq!(names(&mut spans, 7).await, steps);
}

#[tokio::test]
async fn a_refusal_is_a_trace_that_says_why() {
    let (address, mut spans) = collector().await;
    let world = traced(format!("http://{address}")).await;
    let mut nobody = world.connect().await;
    nobody
        .send(&json!({"type": "join", "protocol": 1, "token": "none"}))
        .await;
    nobody.end().await;
    let root = spans.recv().await.unwrap();
    assert_eq!(
        root["status"],
        json!({"code": 2, "message": "token_invalid"})
    );
}

#[tokio::test]
async fn a_collector_that_is_dead_or_refuses_costs_a_counter() {
    let refuses = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = refuses.local_addr().unwrap();
    let router = Router::new().fallback(async |_: Bytes| StatusCode::SERVICE_UNAVAILABLE);
    tokio::spawn(async move { axum::serve(refuses, router).await });
    let dead = testing::free_address();
    for address in [at, dead] {
        let world = traced(format!("http://{address}")).await;
        drop(world.join(Role::Site, Some("00004")).await);
        while counted(&world, "failed") == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(counted(&world, "failed"), 1);
        assert_eq!(counted(&world, "sent") + counted(&world, "dropped"), 0);
        world.server.stop().await;
    }
}
