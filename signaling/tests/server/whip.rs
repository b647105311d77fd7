//! WHIP and WHEP: statuses and headers of RFC 9725, and the participant behind them.

use axum::http::{Method, StatusCode};
use serde_json::json;
use sfu::command::{CloseReason, Event};
use sfu::id::{PeerId, PublicationId};
use signaling::auth::Role;
use signaling::config::{IceServer, Secret};

use crate::fake_media::Order;
use crate::world::{CONFERENCE, Reply, World, bearer, path};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const OFFER: &str = "send audio 0,send video 1";
const CANDIDATE: &str = "a=ice-ufrag:ab\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 x\r\n";
const RESTART: &str = "a=ice-ufrag:ab\r\na=ice-pwd:cd\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n";

fn whip() -> String {
    format!("/whip/{CONFERENCE}")
}

async fn publish(world: &World, token: &str) -> Reply {
    let reply = world.post_text(&whip(), token, SDP, OFFER).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    reply
}

async fn patch(world: &World, at: &str, token: &str, tag: Option<&str>, body: &str) -> Reply {
    let mut headers = vec![bearer(token), ("content-type", FRAGMENT.to_owned())];
    headers.extend(tag.map(|tag| ("if-match", tag.to_owned())));
    world
        .call(Method::PATCH, at, &headers, body.to_owned())
        .await
}

async fn delete(world: &World, at: &str, token: &str) -> StatusCode {
    world
        .call(Method::DELETE, at, &[bearer(token)], String::new())
        .await
        .status
}

#[tokio::test]
async fn a_hall_that_publishes_by_whip_is_on_the_stage_until_it_deletes() {
    let world = World::new().await;
    let token = world.token(Role::Hall, Some("VN"));
    let reply = publish(&world, &token).await;
    assert_eq!(reply.header("content-type"), SDP);
    assert_eq!(reply.header("accept-patch"), FRAGMENT);
    assert!(reply.text.contains("answer 1"), "{}", reply.text);
    assert_eq!(reply.header("etag"), "\"0u1\"");
    let location = reply.header("location");
    assert!(location.starts_with(&format!("{}/", whip())), "{location}");
    let camera = PublicationId {
        peer: PeerId(1),
        mline: 1,
    };
    assert!(world.media.has(&Order::Show(0, Some(camera))));
    let people = world
        .get(&path("/participants"), &world.admin())
        .await
        .json();
    assert_eq!(people[0]["sources"], json!(["microphone", "camera"]));

    let other = world.token(Role::Site, Some("00004"));
    assert_eq!(
        delete(&world, location, &other).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(delete(&world, location, &token).await, StatusCode::OK);
    assert!(world.media.has(&Order::Leave(PeerId(1))));
    assert_eq!(
        delete(&world, location, &token).await,
        StatusCode::OK,
        "it has ended, whoever ended it"
    );
    assert_eq!(
        delete(&world, location, &other).await,
        StatusCode::FORBIDDEN
    );
    let unknown = format!("{}/nobody", whip());
    assert_eq!(
        delete(&world, &unknown, &token).await,
        StatusCode::NOT_FOUND
    );
    let people = world
        .get(&path("/participants"), &world.admin())
        .await
        .json();
    assert_eq!(people, json!([]));
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_and_nobody_comes_in() {
    let world = World::new().await;
    let hall = world.token(Role::Hall, Some("VN"));
    let observer = world.token(Role::Observer, None);
    for (token, kind, body, status) in [
        (
            hall.as_str(),
            "text/plain",
            OFFER,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (&hall, SDP, "nonsense", StatusCode::BAD_REQUEST),
        (&observer, SDP, OFFER, StatusCode::FORBIDDEN),
        ("forged", SDP, OFFER, StatusCode::UNAUTHORIZED),
        (
            &hall,
            SDP,
            &"x".repeat(70_000),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let reply = world.post_text(&whip(), token, kind, body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert!(reply.json()["message"].as_str().unwrap().len() > 3);
    }
    let elsewhere = world.post_text("/whip/other", &hall, SDP, OFFER).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    assert_eq!(world.arrivals().await, 0);
}

#[tokio::test]
async fn an_observer_watches_by_whep() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}");
    let offer = "receive audio 0,receive video 1";
    let reply = world
        .post_text(&address, &token, "application/sdp; charset=utf-8", offer)
        .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    let location = reply.header("location").to_owned();
    assert!(location.starts_with(&address), "{location}");
    assert_eq!(delete(&world, &location, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn a_patch_trickles_or_restarts_by_the_rules_of_if_match() {
    let world = World::new().await;
    let token = world.token(Role::Hall, Some("VN"));
    let reply = publish(&world, &token).await;
    let (at, tag) = (reply.header("location"), reply.header("etag"));
    let status = |reply: Reply| reply.status;

    assert_eq!(
        status(patch(&world, at, &token, None, RESTART).await),
        StatusCode::PRECONDITION_REQUIRED
    );
    for tag in [format!("\"x\", {tag}"), format!("W/{tag}")] {
        assert_eq!(
            status(patch(&world, at, &token, Some(&tag), CANDIDATE).await),
            StatusCode::NO_CONTENT,
            "{tag}"
        );
    }
    assert_eq!(
        status(patch(&world, at, &token, Some("\"old\""), CANDIDATE).await),
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        status(patch(&world, at, &token, Some(tag), CANDIDATE).await),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        status(patch(&world, at, &token, Some(tag), "{}").await),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        status(patch(&world, at, &token, Some("*"), CANDIDATE).await),
        StatusCode::BAD_REQUEST
    );

    let restarted = patch(&world, at, &token, Some("\"*\""), RESTART).await;
    assert_eq!(restarted.status, StatusCode::OK);
    assert_eq!(restarted.header("etag"), "\"0new1\"");
    assert_eq!(
        status(patch(&world, at, &token, None, CANDIDATE).await),
        StatusCode::NO_CONTENT,
        "of the session that was begun anew"
    );
    assert_eq!(restarted.header("content-type"), FRAGMENT);
    for line in [
        "a=ice-ufrag:0new1",
        "a=mid:0",
        "a=candidate:1 1 udp 1 192.0.2.9 7910 typ host",
    ] {
        assert!(
            restarted.text.contains(line),
            "{line} in {}",
            restarted.text
        );
    }
    assert_eq!(
        status(patch(&world, at, &token, Some(tag), CANDIDATE).await),
        StatusCode::PRECONDITION_FAILED
    );

    let kind = ("content-type", SDP.to_owned());
    let wrong = world
        .call(Method::PATCH, at, &[bearer(&token), kind], String::new())
        .await;
    assert_eq!(wrong.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_peer_that_has_closed_before_anybody_owned_it_leaves_no_ghost() {
    let world = World::new().await;
    let token = world.token(Role::Hall, Some("VN"));
    let offer = format!("brief {OFFER}");
    let reply = world.post_text(&whip(), &token, SDP, &offer).await;
    assert_eq!(reply.json()["code"], "no_media", "{}", reply.text);
    let people = world
        .get(&path("/participants"), &world.admin())
        .await
        .json();
    let there = people.as_array().unwrap();
    assert!(
        there.iter().all(|person| person["media"] == "none"),
        "{there:?}"
    );
}

#[tokio::test]
async fn an_encoder_whose_peer_dies_has_left() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let token = world.token(Role::Hall, Some("VN"));
    let reply = publish(&world, &token).await;
    operator
        .wait_until("stage", |stage| !stage["main"].is_null())
        .await;
    let reason = CloseReason::ConsentExpired;
    world
        .media
        .happen(Event::PeerClosed {
            peer: PeerId(1),
            reason,
        })
        .await;
    operator
        .wait_until("stage", |stage| stage["main"].is_null())
        .await;
    assert_eq!(world.kinds().await.last().unwrap(), "left");
    assert_eq!(
        delete(&world, reply.header("location"), &token).await,
        StatusCode::OK,
        "encoders close their connection before they say so"
    );
}

#[tokio::test]
async fn players_that_trickle_without_if_match_are_taken() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}/");
    // The offer of this media plane, and in it the line that names the client's ICE session.
    let offer = "receive audio 0\na=ice-ufrag:mine\n";
    let reply = world.post_text(&address, &token, SDP, offer).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    let at = reply.header("location").to_owned();
    for (ufrag, status) in [
        ("mine", StatusCode::NO_CONTENT),
        ("other", StatusCode::PRECONDITION_REQUIRED),
    ] {
        let body = RESTART.replace("ice-ufrag:ab", &format!("ice-ufrag:{ufrag}"));
        let reply = patch(&world, &at, &token, None, &body).await;
        assert_eq!(reply.status, status, "{ufrag}: {}", reply.text);
    }
}

#[tokio::test]
async fn an_offer_of_two_sounds_is_refused_before_anybody_comes_in() {
    let world = World::new().await;
    let token = world.token(Role::Hall, Some("VN"));
    for (offer, said) in [
        (
            "send audio 0,send audio 1,send video 2",
            "more than one sound",
        ),
        (
            "send video 0,send video 1,send video 2",
            "more than two pictures",
        ),
        ("receive audio 0", "sends nothing"),
    ] {
        let reply = world.post_text(&whip(), &token, SDP, offer).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text);
        assert_eq!(reply.json()["code"], "bad_offer");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(world.arrivals().await, 0);
    for peer in 1..=3 {
        assert!(world.media.has(&Order::Leave(PeerId(peer))), "peer {peer}");
    }
}

#[tokio::test]
async fn whoever_sends_no_offer_is_told_to() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}");
    for kind in [Some(SDP), None] {
        let mut headers = vec![bearer(&token)];
        headers.extend(kind.map(|kind| ("content-type", kind.to_owned())));
        let reply = world
            .call(Method::POST, &address, &headers, String::new())
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text);
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("send the client's own offer"), "{message}");
    }
}

#[tokio::test]
async fn a_slash_behind_an_address_changes_nothing() {
    let world = World::new().await;
    let token = world.token(Role::Hall, Some("VN"));
    let reply = world
        .post_text(&format!("{}/", whip()), &token, SDP, OFFER)
        .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    let at = format!("{}/", reply.header("location"));
    let tag = reply.header("etag");
    assert_eq!(
        patch(&world, &at, &token, Some(tag), CANDIDATE)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(delete(&world, &at, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn options_tell_what_may_be_sent() {
    let world = World::new().await;
    let options = async |at: &str| {
        let reply = world.call(Method::OPTIONS, at, &[], String::new()).await;
        assert!(reply.status.is_success(), "{at}: {}", reply.status);
        reply
    };
    for kind in ["whip", "whep"] {
        let posts = options(&format!("/{kind}/{CONFERENCE}")).await;
        assert_eq!(posts.header("accept-post"), SDP);
        assert_eq!(posts.header("allow"), "POST, OPTIONS");
        let patches = options(&format!("/{kind}/{CONFERENCE}/session")).await;
        assert_eq!(patches.header("accept-patch"), FRAGMENT);
        assert_eq!(patches.header("allow"), "DELETE, PATCH, OPTIONS");
    }
    let elsewhere = options(&path("")).await;
    assert!(!elsewhere.headers.contains_key("accept-post"));
    let token = world.token(Role::Hall, Some("VN"));
    let wrong = world.post_text(&whip(), &token, "text/plain", OFFER).await;
    assert_eq!(wrong.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(wrong.header("accept-post"), SDP);
}

#[tokio::test]
async fn servers_for_ice_are_named_where_some_are_set() {
    let world = World::with(|config| {
        config.media.ice_servers = vec![IceServer {
            url: "stun:stun.example.net".to_owned(),
            username: String::new(),
            credential: Secret::new(""),
            secret: Secret::new(""),
        }];
    })
    .await;
    let token = world.token(Role::Hall, Some("VN"));
    let reply = publish(&world, &token).await;
    assert_eq!(
        reply.header("link"),
        "<stun:stun.example.net>; rel=\"ice-server\""
    );
    let world = World::new().await;
    let reply = publish(&world, &world.token(Role::Hall, Some("VN"))).await;
    assert!(!reply.headers.contains_key("link"));
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_it() {
    let world =
        World::with(|config| config.http.allowed_origins = vec!["https://studio.example".into()])
            .await;
    let preflight = [
        ("origin", "https://studio.example".to_owned()),
        ("access-control-request-method", "POST".to_owned()),
        (
            "access-control-request-headers",
            "authorization,content-type".to_owned(),
        ),
    ];
    let reply = world
        .call(Method::OPTIONS, &whip(), &preflight, String::new())
        .await;
    assert!(reply.status.is_success());
    assert_eq!(reply.header("accept-post"), SDP);
    assert_eq!(
        reply.header("access-control-allow-origin"),
        "https://studio.example"
    );
    let token = world.token(Role::Hall, Some("VN"));
    let headers = [
        bearer(&token),
        ("content-type", SDP.to_owned()),
        ("origin", "https://studio.example".to_owned()),
    ];
    let reply = world
        .call(Method::POST, &whip(), &headers, OFFER.to_owned())
        .await;
    let exposed = reply.header("access-control-expose-headers");
    for header in ["location", "etag", "link", "accept-patch"] {
        assert!(exposed.contains(header), "{header} in {exposed}");
    }
}

#[tokio::test]
async fn other_origins_are_not_allowed() {
    let world = World::new().await;
    let origin = ("origin", "https://evil.example".to_owned());
    let reply = world
        .call(Method::OPTIONS, &whip(), &[origin], String::new())
        .await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}
