//! Checks over REST: who begins one, where its media goes, what is told of it and who reads that.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sfu::id::{PeerId, PublicationId};
use signaling::auth::Role;

use crate::fake_media::Order;
use crate::world::{CONFERENCE, Reply, World};

const SENDS: &str = "send vp8 0,send audio 1";
const RECEIVES: &str = "receive video 0,receive audio 1";

/// Asks without a token.
async fn ask(world: &World, method: Method, path: &str, kind: &str, body: &str) -> Reply {
    let headers = [("content-type", kind.to_owned())];
    let path = format!("/api/v1/checks{path}");
    world.call(method, &path, &headers, body.to_owned()).await
}

async fn begin(world: &World) -> Value {
    let reply = ask(world, Method::POST, "", "text/plain", "").await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    reply.json()
}

async fn offer(world: &World, check: &Value, place: &str, offer: &str) -> Reply {
    let path = format!("/{}/{place}", check["id"].as_str().unwrap());
    ask(world, Method::POST, &path, "application/sdp", offer).await
}

async fn report(world: &World, check: &Value, measured: &Value) -> Reply {
    let path = format!("/{}/result", check["id"].as_str().unwrap());
    let (kind, body) = ("application/json", measured.to_string());
    ask(world, Method::PUT, &path, kind, &body).await
}

#[tokio::test]
async fn a_stranger_sees_what_it_sends_and_hears_what_is_in_its_way() {
    let world = World::new().await;
    let before = world.kinds().await;
    let check = begin(&world).await;
    let receives = offer(&world, &check, "udp/receive", RECEIVES).await;
    assert_eq!(receives.status, StatusCode::CREATED, "{}", receives.text);
    assert!(receives.text.contains("192.0.2.9"), "{}", receives.text);
    let sends = offer(&world, &check, "udp/send", SENDS).await;
    assert_eq!(sends.status, StatusCode::CREATED, "{}", sends.text);
    let publication = |mline| PublicationId {
        peer: PeerId(2),
        mline,
    };
    assert!(world.media.has(&Order::Show(0, Some(publication(0)))));
    assert!(world.media.has(&Order::Speakers(vec![publication(1)])));
    // It is told of no way but the one that is tried.
    let tcp = offer(&world, &check, "tcp/receive", RECEIVES).await;
    assert!(!tcp.text.contains("192.0.2.9"), "{}", tcp.text);

    let measured = json!({ "udp": false, "tcp": true, "roundTripMs": 40 });
    let told = report(&world, &check, &measured).await.json();
    assert_eq!(
        [
            &told["cause"],
            &told["code"],
            &told["colour"],
            &told["call"]
        ],
        ["udpBlocked", "U1", "amber", "network"]
    );
    let reference = told["reference"].as_str().unwrap();
    assert_eq!(reference, format!("U1-{}", check["code"].as_str().unwrap()));
    // Its connections are over, and it was in no conference.
    for peer in 1..=3 {
        assert!(world.media.has(&Order::Leave(PeerId(peer))), "{peer}");
    }
    let over = offer(&world, &check, "udp/send", SENDS).await;
    assert_eq!(over.status, StatusCode::NOT_FOUND);
    assert_eq!(world.kinds().await, before);

    // What is measured later counts.
    let told = report(&world, &check, &json!({ "udp": true })).await.json();
    assert_eq!(told["cause"], "allGood");
    let found = world
        .get(
            &format!("/api/v1/checks?code={}", reference.to_lowercase()),
            &world.admin(),
        )
        .await
        .json();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["cause"], "allGood");
    assert_eq!(found[0]["measured"], json!({ "udp": true }));
    assert_eq!(found[0]["site"], Value::Null);
}

#[tokio::test]
async fn operators_find_the_last_check_of_a_site_and_nobody_else_reads_any() {
    let world = World::new().await;
    let site = world.token(Role::Site, Some("00004"));
    for udp in [false, true] {
        let begun = world.post("/api/v1/checks", &site, &Value::Null).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text);
        let told = report(&world, &begun.json(), &json!({ "udp": udp })).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    }
    let operator = world.token(Role::Operator, None);
    let found = world
        .get("/api/v1/checks?site=00004", &operator)
        .await
        .json();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        [&found[0]["site"], &found[0]["cause"]],
        ["00004", "allGood"]
    );
    for none in ["site=00008", "since=2090-01-01T00:00:00Z"] {
        let none = world
            .get(&format!("/api/v1/checks?{none}"), &operator)
            .await;
        assert_eq!(none.json(), json!([]));
    }
    let refused = world.get("/api/v1/checks", &site).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let wrong = world.get("/api/v1/checks?code=x", &operator).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.text);
    let refused = world.post("/api/v1/checks", "wrong", &Value::Null).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_check_with_the_code_of_a_link_is_of_its_site_before_anybody_has_opened_it() {
    let world = World::new().await;
    let wanted =
        json!({ "conference": CONFERENCE, "role": "site", "site": "00008", "ttlSeconds": 3600 });
    let made = world.post("/api/v1/links", &world.admin(), &wanted).await;
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let (_, code) = link.split_once("#code=").unwrap();
    for code in [code, "0000-0000-0000-0000"] {
        let begun = world.post("/api/v1/checks", code, &Value::Null).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text);
        let told = report(&world, &begun.json(), &json!({ "udp": true })).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    }
    let found = world.get("/api/v1/checks", &world.admin()).await.json();
    let sites: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["site"])
        .collect();
    assert_eq!(sites, [&Value::Null, &json!("00008")]);
}

#[tokio::test]
async fn one_address_has_a_few_checks_and_none_where_conferences_need_the_room() {
    let world = World::with(|config| config.media.max_peers = 100).await;
    let first = begin(&world).await;
    for _ in 1..8 {
        begin(&world).await;
    }
    let refused = ask(&world, Method::POST, "", "text/plain", "").await;
    assert_eq!(
        refused.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        refused.text
    );
    world.media.crowd(90);
    let refused = offer(&world, &first, "udp/send", SENDS).await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        refused.text
    );
    world.media.crowd(89);
    let taken = offer(&world, &first, "udp/send", SENDS).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_would() {
    let world = World::new().await;
    let check = begin(&world).await;
    for (place, expected) in [
        ("udp/sideways", StatusCode::BAD_REQUEST),
        ("fax/send", StatusCode::BAD_REQUEST),
    ] {
        let reply = offer(&world, &check, place, SENDS).await;
        assert_eq!(reply.status, expected, "{}", reply.text);
    }
    let reply = offer(&world, &check, "udp/send", "nonsense").await;
    assert_eq!(reply.json()["code"], "bad_offer");
    let unknown = json!({ "id": "A".repeat(22) });
    let reply = offer(&world, &unknown, "udp/send", SENDS).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    for (measured, part) in [
        (json!({ "lossUpPercent": 101 }), "lossUpPercent"),
        (json!({ "feeling": "good" }), "feeling"),
        (json!({ "browser": "x".repeat(5_000) }), "length limit"),
    ] {
        let reply = report(&world, &check, &measured).await;
        assert!(reply.status.is_client_error(), "{measured}");
        assert!(reply.text.contains(part), "{}", reply.text);
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_told_also_while_nothing_can_be_stored() {
    let world = World::new().await;
    let check = begin(&world).await;
    world.database().await.alter("DROP TABLE checks").await;
    let told = report(&world, &check, &json!({ "tcp": false, "udp": false })).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    let told = told.json();
    assert_eq!([&told["cause"], &told["code"]], ["mediaBlocked", "M1"]);
    assert_eq!(told["reference"], Value::Null);
}

#[tokio::test]
async fn the_table_of_causes_is_read_by_anybody() {
    let world = World::new().await;
    let table = ask(&world, Method::GET, "/causes", "text/plain", "").await;
    let rows = table.json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "udpBlocked");
    assert_eq!(
        row.unwrap(),
        &json!({ "id": "udpBlocked", "code": "U1", "step": "udp", "colour": "amber", "call": "network" })
    );
}
