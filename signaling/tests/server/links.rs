//! Links: exchanged for a token in the browser that opened them first, and nowhere else.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::auth::Role;

use crate::world::{CONFERENCE, Reply, World};

async fn make(world: &World, devices: u32) -> (String, String) {
    let body = json!({
        "conference": CONFERENCE, "role": "site", "site": "00004", "name": "Điểm cầu phường",
        "ttlSeconds": 600, "devices": devices,
    });
    let made = world.post("/api/v1/links", &world.admin(), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let link = made["link"].as_str().unwrap();
    let (page, code) = link.split_once("#code=").unwrap();
    assert!(page.ends_with("/site"), "{link}");
    (code.to_owned(), made["id"].as_str().unwrap().to_owned())
}

/// As a browser with this cookie does; what it has then.
async fn exchange(world: &World, code: &str, cookie: &str) -> (Reply, String) {
    let kind = ("content-type", "application/json".to_owned());
    let headers = [kind, ("cookie", format!("a=b; {cookie}"))];
    let body = json!({ "code": code }).to_string();
    let reply = world
        .call(Method::POST, "/api/v1/links/exchange", &headers, body)
        .await;
    let set = reply.headers.get("set-cookie");
    let set = set.map_or("", |set| set.to_str().unwrap());
    let cookie = set.split(';').next().unwrap().to_owned();
    (reply, cookie)
}

#[tokio::test]
async fn a_link_is_worth_nothing_without_the_browser_that_opened_it() {
    let world = World::new().await;
    let (code, id) = make(&world, 1).await;
    let (opened, cookie) = exchange(&world, &code, "").await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.text);
    assert_eq!(opened.header("cache-control"), "no-store");
    let set = opened.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/links"] {
        assert!(set.contains(part), "{set}");
    }
    let token = opened.json()["token"].as_str().unwrap().to_owned();
    let mut site = world.connect().await;
    site.join(&token).await;
    assert_eq!(site.welcome["role"], "site");
    // In the same browser again: the very same token, so that a reload is no other seat.
    let (again, _) = exchange(&world, &code, &cookie).await;
    assert_eq!(again.json()["token"], *token);
    // Out of the history of another one.
    let (elsewhere, nothing) = exchange(&world, &code, "").await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    assert_eq!(elsewhere.json()["code"], "not_permitted");
    assert_eq!(nothing, "");
    let invited = world.get("/api/v1/invitation", &token).await.json();
    assert_eq!(invited["site"]["name"], "Điểm cầu phường");
    assert_eq!(invited["checksIn"], json!([]), "it runs");
    let revoke = format!("/api/v1/tokens/{id}");
    let revoked = world
        .send_json(Method::DELETE, &revoke, &world.admin(), &Value::Null)
        .await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let (revoked, _) = exchange(&world, &code, &cookie).await;
    assert_eq!(revoked.json()["code"], "token_revoked");
}

#[tokio::test]
async fn a_link_for_two_browsers_is_good_in_two() {
    let world = World::new().await;
    let (code, _) = make(&world, 2).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(exchange(&world, &code, "").await.0.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 403]);
}

#[tokio::test]
async fn what_is_no_link_is_refused() {
    let world = World::new().await;
    for code in ["", "0000-0000-0000-0000", "0000-0000-0000-00000", "đ"] {
        let (refused, _) = exchange(&world, code, "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{code}");
        assert_eq!(refused.json()["code"], "token_invalid");
    }
    let body = json!({"conference": CONFERENCE, "role": "site", "site": "00004", "ttlSeconds": 9});
    let site = world.token(Role::Site, Some("00004"));
    let refused = world.post("/api/v1/links", &site, &body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for devices in [0, 101] {
        let mut body = body.clone();
        body["devices"] = devices.into();
        let refused = world.post("/api/v1/links", &world.admin(), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{devices}");
    }
}

/// What `/contact.json` tells whoever holds this.
async fn contacts(world: &World, credential: &str) -> Value {
    let headers = [("authorization", format!("Bearer {credential}"))];
    let reply = world
        .call(Method::GET, "/contact.json", &headers, String::new())
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()
}

#[tokio::test]
async fn whoever_holds_a_link_may_know_whom_to_call_at_the_province_also_once_it_is_not_good() {
    let world = World::new().await;
    let list = "code,name,level,parent_code,contact_name,contact_phone\n\
        01,Thành phố Hà Nội,province,VN,Nguyễn Thị Hoa,024 3825 3536\n";
    let headers = [
        ("authorization", format!("Bearer {}", world.admin())),
        ("content-type", "text/csv".to_owned()),
    ];
    let imported = world
        .call(
            Method::POST,
            "/api/v1/sites/import",
            &headers,
            list.to_owned(),
        )
        .await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
    let province = json!({
        "place": "Thành phố Hà Nội", "level": "province",
        "name": "Nguyễn Thị Hoa", "phone": "024 3825 3536",
    });

    let (code, id) = make(&world, 1).await;
    assert_eq!(contacts(&world, &code).await["above"], province);
    let revoke = format!("/api/v1/tokens/{id}");
    world
        .send_json(Method::DELETE, &revoke, &world.admin(), &Value::Null)
        .await;
    assert_eq!(contacts(&world, &code).await["above"], province);
    let token = world.token(Role::Site, Some("00004"));
    assert_eq!(contacts(&world, &token).await["above"], province);

    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for stranger in ["0000-0000-0000-0000", "x", &forged] {
        assert_eq!(contacts(&world, stranger).await["above"], Value::Null);
    }
    // Nobody above a province says whom to call.
    let province = world.token(Role::Site, Some("01"));
    assert_eq!(contacts(&world, &province).await["above"], Value::Null);
}
