//! Correcting a conference, its roster and the list of sites; and reading who was here.

use axum::http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::config::Secret;

use crate::world::{CONFERENCE, World, bearer, path};

/// A scheduled conference of two sites.
async fn scheduled(world: &World) -> String {
    let body = json!({"id": "two", "title": "Two", "sites": ["00004", "00008"]});
    let created = world
        .post("/api/v1/conferences", &world.admin(), &body)
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    "/api/v1/conferences/two".to_owned()
}

async fn delete(world: &World, path: &str, token: &str) -> (StatusCode, Value) {
    let reply = world
        .call(Method::DELETE, path, &[bearer(token)], String::new())
        .await;
    let code = serde_json::from_str::<Value>(&reply.text).unwrap_or_default()["code"].clone();
    (reply.status, code)
}

fn codes(roster: &Value) -> Vec<&str> {
    let sites = roster["sites"].as_array().unwrap();
    sites
        .iter()
        .map(|site| site["code"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_roster_is_the_conferences_own_and_its_change_is_told() {
    let world = World::new().await;
    let (admin, token) = (world.admin(), world.token(Role::Operator, None));
    let two = scheduled(&world).await;
    let roster = world.get(&format!("{two}/roster"), &admin).await.json();
    assert_eq!(codes(&roster), ["00004", "00008"]);
    assert_eq!(roster["sites"][0]["province"], "01");

    let mut operator = world.join(Role::Operator, None).await;
    let told = operator.wait_for("roster").await;
    let all = world.get(&path("/roster"), &token).await.json();
    assert_eq!(
        (&told["version"], &told["sites"]),
        (&all["version"], &json!(4))
    );
    let fewer = json!({"sites": ["00004"]});
    let set = world
        .send_json(Method::PUT, &path("/roster"), &token, &fewer)
        .await;
    assert_eq!(codes(&set.json()), ["00004"]);
    let told = operator.wait_for("roster").await;
    assert_eq!(told["version"], set.json()["version"]);
    let snapshot = world.get(&path(""), &token).await.json();
    assert_eq!(snapshot["presence"]["expected"], 1);

    let unknown = json!({"sites": ["99999"]});
    let refused = world
        .send_json(Method::PUT, &path("/roster"), &token, &unknown)
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let site = world.token(Role::Site, Some("00004"));
    let refused = world.get(&path("/roster"), &site).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_title_and_a_time_are_corrected_in_the_list_too() {
    let world = World::new().await;
    let (admin, two) = (world.admin(), scheduled(&world).await);
    let patch = json!({"title": "Hai", "startsAt": "2026-12-01T01:00:00Z"});
    let reply = world.send_json(Method::PATCH, &two, &admin, &patch).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let list = world.get("/api/v1/conferences", &admin).await.json();
    let row = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "two");
    let row = row.unwrap();
    assert_eq!(
        (&row["title"], &row["startsAt"]),
        (&patch["title"], &patch["startsAt"])
    );
    let forget = json!({"startsAt": null});
    let reply = world.send_json(Method::PATCH, &two, &admin, &forget).await;
    assert_eq!(
        (&reply.json()["title"], &reply.json()["startsAt"]),
        (&json!("Hai"), &Value::Null)
    );
    let events = world.get(&format!("{two}/events"), &admin).await.json();
    let last = &events.as_array().unwrap().last().unwrap()["event"];
    assert_eq!(last["kind"], "amended");
    let subject = last["by"]["bearer"]["subject"].as_str().unwrap();
    assert!(subject.starts_with("admin"), "{subject}");
}

#[tokio::test]
async fn a_conference_that_has_not_begun_can_be_deleted_and_is_gone() {
    let world = World::new().await;
    let (admin, two) = (world.admin(), scheduled(&world).await);
    let operator = world.token_for(Role::Operator, None, Some("two"), 600);
    assert_eq!(
        delete(&world, &two, &operator).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(delete(&world, &two, &admin).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&two, &admin).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&world, &two, &admin).await.0, StatusCode::NOT_FOUND);
    let list = world.get("/api/v1/conferences", &admin).await.json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    let running = delete(&world, &path(""), &admin).await;
    assert_eq!(running, (StatusCode::CONFLICT, json!("conference_begun")));
}

#[tokio::test]
async fn a_site_is_removed_when_nobody_needs_it() {
    let world = World::new().await;
    let (admin, site) = (world.admin(), "/api/v1/sites/00008");
    let in_use = (StatusCode::CONFLICT, json!("site_in_use"));
    assert_eq!(
        delete(&world, site, &admin).await,
        in_use,
        "{CONFERENCE} expects it"
    );
    let fewer = json!({"sites": []});
    world
        .send_json(Method::PUT, &path("/roster"), &admin, &fewer)
        .await;
    assert_eq!(delete(&world, "/api/v1/sites/01", &admin).await, in_use);
    assert_eq!(delete(&world, site, &admin).await.0, StatusCode::NO_CONTENT);
    assert_eq!(delete(&world, site, &admin).await.0, StatusCode::NOT_FOUND);
    let operator = world.token(Role::Operator, None);
    assert_eq!(
        delete(&world, site, &operator).await.0,
        StatusCode::FORBIDDEN
    );
}

/// The key with which a portal signs tokens of its own.
const PORTAL: &str = "a secret of the tests, 32 bytes or more";

/// A token that the portal has signed for a site.
fn of_portal(site: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": "portal", "sub": "test", "aud": "dinh", "jti": site, "iat": now, "nbf": now,
        "exp": now + 3_600, "conf": CONFERENCE, "role": "site", "site": site,
    });
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("portal".to_owned());
    jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_secret(PORTAL.as_bytes()),
    )
    .unwrap()
}

#[tokio::test]
async fn whoever_comes_for_a_site_that_was_removed_is_told_so_by_whatever_door() {
    let world = World::with(|config| {
        let keys = &mut config.auth.api_keys;
        keys.insert("portal".to_owned(), Secret::new(PORTAL));
    })
    .await;
    let (admin, token) = (world.admin(), of_portal("00008"));
    let fewer = json!({"sites": ["00004"]});
    world
        .send_json(Method::PUT, &path("/roster"), &admin, &fewer)
        .await;
    world.connect().await.join(&token).await;
    let removed = delete(&world, "/api/v1/sites/00008", &admin).await;
    assert_eq!(removed.0, StatusCode::NO_CONTENT);

    let mut client = world.connect().await;
    let join = json!({"type": "join", "protocol": 1, "token": token});
    client.send(&join).await;
    let (error, closing, code) = client.end().await;
    assert_eq!(error["code"], "not_invited");
    let told = error["message"].as_str().unwrap();
    assert!(told.contains("00008 is on the list no more"), "{told}");
    assert_eq!((&closing["reason"], code), (&json!("not_invited"), 4016));
    let whip = format!("/whip/{CONFERENCE}");
    let refused = world
        .post_text(&whip, &token, "application/sdp", "v=0")
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text);
    assert_eq!(refused.json()["code"], "not_invited", "{}", refused.text);

    let shown = world.get("/api/v1/invitation", &token).await;
    assert_eq!(shown.json()["code"], "not_invited", "{}", shown.text);

    // One that was never on the list comes in as before, and so does one that is there again.
    world.connect().await.join(&of_portal("hall-2")).await;
    let again = "code,name,level,parent_code\n00008,Phường Ngọc Hà,commune,01\n";
    let listed = world
        .post_text(
            "/api/v1/sites/import?confirm=true",
            &admin,
            "text/csv",
            again,
        )
        .await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text);
    world.connect().await.join(&token).await;
}

#[tokio::test]
async fn who_was_here_can_be_read_after_the_end() {
    let world = World::new().await;
    let (admin, site) = (world.admin(), world.join(Role::Site, Some("00004")).await);
    world.post(&path("/end"), &admin, &Value::Null).await;
    let attendance = world.get(&path("/attendance"), &admin).await.json();
    let person = &attendance["participants"][0];
    assert_eq!(person["participant"], site.participant());
    assert_eq!(person["stays"][0]["endedBy"], "ended");
    let sites = attendance["sites"].as_array().unwrap();
    assert_eq!(sites.len(), 4, "every expected site: {attendance}");
}

#[tokio::test]
async fn the_events_do_not_hand_out_hashes_of_secrets() {
    let world = World::new().await;
    let _site = world.join(Role::Site, Some("00004")).await;
    let events = world.get(&path("/events"), &world.admin()).await;
    assert!(events.text.contains("\"joined\""), "{}", events.text);
    assert!(!events.text.contains("\"secret\""), "{}", events.text);
}
