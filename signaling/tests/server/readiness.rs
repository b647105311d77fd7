//! How ready those are who are invited, over REST.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::auth::Role;

use crate::world::{World, bearer};

/// A booking that invites every site of the list.
async fn booking(world: &World) -> String {
    let details = json!({
        "title": "Giao ban",
        "kind": "briefing",
        "startsAtLocal": "2036-11-26T08:00:00",
        "zone": "Asia/Ho_Chi_Minh",
        "durationMinutes": 60,
        "audience": { "all": true },
    });
    let made = world
        .send_json(Method::POST, "/api/v1/bookings", &world.admin(), &details)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

/// A check of a site's line, which measures that.
async fn check(world: &World, site: &str, measured: &Value) {
    let token = world.token(Role::Site, Some(site));
    let headers = [bearer(&token)];
    let begun = world
        .call(Method::POST, "/api/v1/checks", &headers, String::new())
        .await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text);
    let path = format!(
        "/api/v1/checks/{}/result",
        begun.json()["id"].as_str().unwrap()
    );
    let told = world.send_json(Method::PUT, &path, &token, measured).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
}

#[tokio::test]
async fn a_province_is_counted_and_whoever_is_not_ready_is_listed_the_worst_first() {
    let world = World::new().await;
    let path = format!("/api/v1/bookings/{}/readiness", booking(&world).await);
    let admin = world.admin();
    let before = world.get(&path, &admin).await.json();
    assert_eq!(before["total"]["green"], 0);
    let all = before["total"]["unknown"].as_u64().unwrap();
    assert!(all > 1, "{before}");

    check(
        &world,
        "00004",
        &json!({ "udp": true, "tcp": true, "means": "udp" }),
    )
    .await;
    check(
        &world,
        "00008",
        &json!({ "udp": false, "tcp": false, "turn": false }),
    )
    .await;
    let ready = world.get(&path, &admin).await.json();
    assert_eq!(ready["total"]["green"], 1, "{ready}");
    assert_eq!(ready["total"]["red"], 1, "{ready}");
    assert_eq!(ready["total"]["unknown"], all - 2, "{ready}");
    let provinces = ready["provinces"].as_array().unwrap();
    let province = provinces.iter().find(|one| one["code"] == "01").unwrap();
    assert_eq!(
        (&province["green"], &province["red"]),
        (&json!(1), &json!(1))
    );

    let page = world.get(&format!("{path}/sites?limit=1"), &admin).await;
    let worst = page.json();
    assert_eq!(worst[0]["site"], "00008", "{worst}");
    assert_eq!(worst[0]["standing"], "red");
    assert!(worst[0]["cause"].is_string(), "{worst}");
    let rest = world
        .get(&format!("{path}/sites?after=00008"), &admin)
        .await;
    assert_eq!(rest.json(), json!([]), "nothing is amiss anywhere else");
    let unknown = world
        .get(&format!("{path}/sites?standing=unknown"), &admin)
        .await
        .json();
    assert_eq!(
        unknown.as_array().unwrap().len() as u64,
        all - 2,
        "{unknown}"
    );

    let long_ago = world
        .get(&format!("{path}?since=2036-01-01T00:00:00Z"), &admin)
        .await;
    assert_eq!(
        long_ago.json()["total"]["unknown"],
        all,
        "older checks do not count"
    );
    let site = world.token(Role::Site, Some("00004"));
    let refused = world.get(&path, &site).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
}
