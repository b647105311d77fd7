//! The directory as files: looked at before it is imported, and the same when it comes back.

use axum::http::StatusCode;
use serde_json::{Value, json};
use signaling::auth::Role;

use crate::world::{CONFERENCE, Reply, SITES, World, path};

const IMPORT: &str = "/api/v1/sites/import";

async fn send(world: &World, to: &str, list: &str) -> Reply {
    let admin = world.admin();
    world.post_text(to, &admin, "text/csv", list).await
}

/// The list without one of its lines.
fn without(code: &str) -> String {
    let lines = SITES.lines().filter(|line| !line.starts_with(code));
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn what_a_preview_has_shown_is_imported_or_nothing() {
    let world = World::new().await;
    let list = "Mã,Tên,Tỉnh\n00012,Phường X,01\n00008,Phường Y,01\n";
    let preview = send(&world, &format!("{IMPORT}/preview"), list)
        .await
        .json();
    assert_eq!(preview["importable"], true, "{preview}");
    assert_eq!(preview["added"]["entries"][0]["code"], "00012");
    let changed = &preview["changed"]["entries"][0]["fields"][0];
    assert_eq!(
        (&changed["column"], &changed["after"]),
        (&json!("name"), &json!("Phường Y"))
    );
    assert_eq!(
        preview["columns"][2],
        json!({"column": "parent_code", "header": "Tỉnh"})
    );
    let before = world.get("/api/v1/sites", &world.admin()).await.text;
    let digest = preview["digest"].as_str().unwrap();
    let named = format!("{IMPORT}?digest={digest}");
    let other = send(&world, &named, "code,name,parent_code\n00012,Phường Z,01\n").await;
    assert_eq!(other.status, StatusCode::CONFLICT, "{}", other.text);
    assert_eq!(other.json()["code"], "preview_stale");
    assert_eq!(
        world.get("/api/v1/sites", &world.admin()).await.text,
        before
    );
    // Somebody else changes another site meanwhile.
    let meanwhile = send(&world, IMPORT, "code,contact_phone\n00004,024 3825 3536\n").await;
    assert_eq!(meanwhile.status, StatusCode::OK, "{}", meanwhile.text);
    assert_eq!(
        send(&world, &named, list).await.status,
        StatusCode::CONFLICT
    );
    let again = send(&world, &format!("{IMPORT}/preview"), list)
        .await
        .json();
    let digest = again["digest"].as_str().unwrap();
    let done = send(&world, &format!("{IMPORT}?digest={digest}"), list).await;
    assert_eq!(
        (&done.json()["added"], &done.json()["changed"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_site_that_vanishes_keeps_its_place_in_the_records() {
    let world = World::new().await;
    let admin = world.admin();
    let list = without("00008");
    let doubtful = send(&world, &format!("{IMPORT}?missing=hide"), &list).await;
    assert_eq!(doubtful.status, StatusCode::BAD_REQUEST);
    assert!(
        doubtful.text.contains("more than a tenth"),
        "{}",
        doubtful.text
    );
    let removed = send(
        &world,
        &format!("{IMPORT}?missing=remove&confirm=true"),
        &list,
    )
    .await;
    assert_eq!(removed.status, StatusCode::BAD_REQUEST);
    assert!(removed.text.contains(CONFERENCE), "{}", removed.text);
    let hidden = send(
        &world,
        &format!("{IMPORT}?missing=hide&confirm=true"),
        &list,
    )
    .await;
    assert_eq!(hidden.json()["hidden"], 1, "{}", hidden.text);
    let has = |sites: Value| {
        let sites = sites.as_array().cloned().unwrap_or_default();
        sites.iter().any(|site| site["code"] == "00008")
    };
    assert!(!has(world.get("/api/v1/sites", &admin).await.json()));
    assert!(has(world
        .get("/api/v1/sites?hidden=true", &admin)
        .await
        .json()));
    let body = json!({"id": "later", "title": "Later"});
    world.post("/api/v1/conferences", &admin, &body).await;
    let later = world
        .get("/api/v1/conferences/later/roster", &admin)
        .await
        .json();
    assert!(!has(later["sites"].clone()));
    let roster = world.get(&path("/roster"), &admin).await.json();
    assert!(has(roster["sites"].clone()), "{roster}");
    // When it is named again it is in sight again.
    let back = send(&world, IMPORT, SITES).await;
    assert_eq!(back.json()["changed"], 1);
    assert!(has(world.get("/api/v1/sites", &admin).await.json()));
    // What no conference expects any more is removed, and the record of one that has ended knows it.
    world.post(&path("/end"), &admin, &Value::Null).await;
    let gone = send(
        &world,
        &format!("{IMPORT}?missing=remove&confirm=true"),
        &list,
    )
    .await;
    assert_eq!(gone.json()["removed"], 1, "{}", gone.text);
    let one = world.get("/api/v1/sites/00008", &admin).await;
    assert_eq!(one.status, StatusCode::NOT_FOUND);
    let attendance = world.get(&path("/attendance"), &admin).await;
    assert!(attendance.text.contains("00008"), "{}", attendance.text);
}

#[tokio::test]
async fn what_is_exported_comes_back_unchanged_and_is_for_those_who_may_read_it() {
    let world = World::new().await;
    let admin = world.admin();
    let more = "code,contact_phone,groups\n00004,+84 24 3825,Bão; Lũ\n";
    assert_eq!(send(&world, IMPORT, more).await.status, StatusCode::OK);
    let file = world.get("/api/v1/sites/export", &admin).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(file.text.contains(",'+84 24 3825,"), "{}", file.text);
    let back = send(&world, &format!("{IMPORT}?missing=remove"), &file.text)
        .await
        .json();
    let changes = json!([back["added"], back["changed"], back["removed"]]);
    assert_eq!(changes, json!([0, 0, 0]), "{back}");
    let workbook = world.get("/api/v1/sites/export?format=xlsx", &admin).await;
    assert!(workbook.text.starts_with("PK"));
    assert!(
        workbook
            .header("content-disposition")
            .contains("sites.xlsx")
    );
    let site = world.token(Role::Site, Some("00004"));
    for address in ["/api/v1/sites/export", "/api/v1/sites?hidden=true"] {
        assert_eq!(
            world.get(address, &site).await.status,
            StatusCode::FORBIDDEN
        );
    }
    let operator = world.token(Role::Operator, None);
    let export = world.get("/api/v1/sites/export", &operator).await;
    assert_eq!(export.status, StatusCode::OK);
    let preview = format!("{IMPORT}/preview");
    let refused = world
        .post_text(&preview, &operator, "text/csv", SITES)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_list_may_be_read_by_what_its_owner_says_of_it() {
    let world = World::new().await;
    let list = "K%C3%BD hi\u{1ec7}u,T\u{ea}n,Tỉnh\n00012,X,01\n".replace("%C3%BD", "ý");
    let columns = "%7B%22code%22%3A%22K%C3%BD%20hi%E1%BB%87u%22%7D";
    let to = format!("{IMPORT}/preview?columns={columns}&limit=1");
    let preview = send(&world, &to, &list).await.json();
    assert_eq!(preview["added"]["total"], 1, "{preview}");
    for (query, wrong) in [
        ("columns=%7B%22x%22%3A1%7D", "unknown variant"),
        ("limit=101", "must be 1 to 100"),
        ("missing=perhaps", "perhaps"),
        ("encoding=tcvn3", "tcvn3"),
    ] {
        let refused = send(&world, &format!("{IMPORT}/preview?{query}"), &list).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(refused.text.contains(wrong), "{}", refused.text);
    }
}
