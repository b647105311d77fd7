//! Limits: who is refused, with which word, and what operators hear of it and of overload.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sfu::command::Event;
use sfu::id::{ConferenceId, ShardId};
use sfu::priority::Priority;
use signaling::auth::Role;

use crate::world::{CONFERENCE, World};

/// What a site is told that may not come in: error code, retry, close code.
async fn refused(world: &World, site: &str) -> (String, Value, u16) {
    let mut client = world.connect().await;
    let token = world.token(Role::Site, Some(site));
    client
        .send(&json!({"type": "join", "protocol": 1, "token": token}))
        .await;
    let (error, closing, code) = client.end().await;
    assert_eq!(error["code"], closing["reason"], "both say the same");
    let code_word = error["code"].as_str().unwrap().to_owned();
    (code_word, closing["retryAfterSeconds"].clone(), code)
}

/// How often a join was refused for this reason, as the operator of the server sees it.
fn counted(world: &World, reason: &str) -> bool {
    let text = world
        .server
        .app()
        .metrics
        .text(signaling::metrics::Format::Plain);
    text.contains(&format!(
        "dinh_refused_joins_total{{reason=\"{reason}\"}} 1"
    ))
}

#[tokio::test]
async fn a_full_conference_says_so_and_lets_in_whoever_runs_it() {
    let world = World::with(|config| config.conferences.max_participants = 2).await;
    let _first = world.join(Role::Site, Some("00004")).await;
    let mut operator = world.join(Role::Operator, None).await;
    let (error, retry, code) = refused(&world, "00008").await;
    assert_eq!(
        (error.as_str(), retry, code),
        ("conference_full", Value::Null, 4011)
    );
    let trouble = operator.wait_for("trouble").await;
    assert_eq!(
        trouble["refused"],
        json!({"conferenceFull": 1, "serverFull": 0, "overloaded": 0})
    );
    assert!(counted(&world, "conference_full"));
    let mut chair = world.join(Role::Chair, None).await;
    assert_eq!(
        chair.wait_for("trouble").await,
        trouble,
        "whoever comes later hears of it too"
    );
}

#[tokio::test]
async fn a_server_with_all_its_peers_says_so_and_lets_in_whoever_runs_a_conference() {
    let world = World::with(|config| config.media.max_peers = 10).await;
    let mut lost = world.join(Role::Site, Some("00004")).await;
    let welcome = lost.welcome.clone();
    world.media.crowd(10);
    let (error, retry, code) = refused(&world, "00008").await;
    assert_eq!(
        (error.as_str(), retry, code),
        ("server_full", Value::Null, 4012)
    );
    assert!(counted(&world, "server_full"));
    for (role, site) in [
        (Role::Operator, None),
        (Role::Chair, None),
        (Role::Hall, Some("VN")),
    ] {
        world.join(role, site).await;
    }
    lost = world.connect().await;
    lost.resume(&welcome).await;
    assert_eq!(lost.welcome["resumed"], true, "whoever is in comes back");
}

#[tokio::test]
async fn a_server_with_all_its_websockets_still_says_why_and_lets_an_operator_in() {
    let world = World::with(|config| config.sessions.max_connections = 1).await;
    let _site = world.join(Role::Site, Some("00004")).await;
    let (error, retry, code) = refused(&world, "00008").await;
    assert_eq!(
        (error.as_str(), retry, code),
        ("server_full", Value::Null, 4012)
    );
    world.join(Role::Operator, None).await;
}

#[tokio::test]
async fn an_offer_that_comes_too_late_ends_the_session_with_the_same_word() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let error = site
        .ask(json!({"type": "offer", "sdp": "full", "sources": {}}))
        .await;
    assert_eq!(error["code"], "server_full");
    let (_, closing, code) = site.end().await;
    assert_eq!((&closing["reason"], code), (&json!("server_full"), 4012));
}

#[tokio::test]
async fn whip_and_whep_say_when_to_try_again() {
    let world = World::with(|config| config.media.max_peers = 10).await;
    world.media.crowd(10);
    let token = world.token(Role::Observer, None);
    let offer = "receive audio 0,receive video 1";
    let address = format!("/whep/{CONFERENCE}");
    let reply = world
        .post_text(&address, &token, "application/sdp", offer)
        .await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.json()["code"], "server_full");
    assert!(
        reply.json()["message"]
            .as_str()
            .unwrap()
            .contains("limit of 10")
    );
    let seconds: u32 = reply.header("retry-after").parse().unwrap();
    assert!((3..=13).contains(&seconds), "{seconds}");
    assert_eq!(world.arrivals().await, 0, "nobody came in");
    let hall = world.token(Role::Hall, Some("VN"));
    let address = format!("/whip/{CONFERENCE}");
    let reply = world
        .post_text(&address, &hall, "application/sdp", "send audio 0")
        .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
}

#[tokio::test]
async fn operators_hear_of_an_overload_and_of_its_end() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let offer = json!({"type": "offer", "sdp": "receive audio 0", "sources": {}});
    assert_eq!(site.ask(offer).await["type"], "answer");
    let overload = |shed| Event::Overload {
        conference: ConferenceId(1),
        shard: ShardId(0),
        shed,
    };
    world.media.happen(overload(Some(Priority::Second))).await;
    let trouble = operator.wait_for("trouble").await;
    assert_eq!(trouble["overload"]["leftOut"], "second");
    assert_eq!(trouble["overload"]["until"], Value::Null);
    world.media.happen(overload(None)).await;
    let trouble = operator
        .wait_until("trouble", |trouble| {
            trouble["overload"]["until"] != Value::Null
        })
        .await;
    assert_eq!(trouble["version"], 2);
    site.ask_ok(json!({"type": "requestFloor"})).await;
    while let Some(message) = site.already_heard() {
        assert_ne!(message["type"], "trouble", "it does not concern sites");
    }
}

#[tokio::test]
async fn a_welcome_says_whether_the_peer_connection_is_still_there() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    assert_eq!(site.welcome["media"], false, "there has been no offer");
    let offer = json!({"type": "offer", "sdp": "receive audio 0", "sources": {}});
    assert_eq!(site.ask(offer).await["type"], "answer");
    let mut again = world.connect().await;
    again.resume(&site.welcome).await;
    assert_eq!(again.welcome["media"], true);
}
