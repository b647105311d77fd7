//! Bookings that come and go as documents, from one server to another and back.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Reply, World};

const SITES: &str = "code,name,level,parent_code\nVN,Trung ương,central,\n\
    01,Thành phố Hà Nội,province,VN\n00004,Phường Ba Đình,commune,01\n";

const EXPORT: &str = "/api/v1/bookings/export";
const IMPORT: &str = "/api/v1/bookings/import";
const PREVIEW: &str = "/api/v1/bookings/import/preview";

async fn office() -> World {
    let world = World::new().await;
    let (import, admin) = ("/api/v1/sites/import", world.admin());
    let imported = world.post_text(import, &admin, "text/csv", SITES).await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
    world
}

async fn post(world: &World, path: &str, body: &Value) -> Reply {
    world.post(path, &world.admin(), body).await
}

fn entry(id: &str, audience: &Value) -> Value {
    json!({
        "id": id, "state": "published", "title": "Giao ban", "startsAtLocal": "2036-02-04T08:00:00",
        "zone": "Asia/Ho_Chi_Minh", "durationMinutes": 60, "rule": "FREQ=WEEKLY;COUNT=3",
        "exceptions": [{"date": "2036-02-11", "isLeftOut": true}], "audience": audience,
    })
}

fn of(bookings: &Value) -> Value {
    json!({"format": "dinh.bookings", "version": 1, "bookings": bookings})
}

#[tokio::test]
async fn what_one_server_exports_another_one_imports_and_exports_again() {
    let (here, there) = (office().await, office().await);
    // The one that is named comes after the one that names it.
    let document = of(&json!([
        entry("as-last", &json!({"sameAs": "weekly"})),
        entry("weekly", &json!({"parents": ["01"]})),
    ]));
    let preview = post(&here, PREVIEW, &document).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    let preview = preview.json();
    assert_eq!(
        (&preview["added"], &preview["wrong"]),
        (&json!(2), &json!(0))
    );
    let invited = |at: usize| preview["entries"][at]["invited"].as_u64().unwrap();
    assert!(invited(0) >= 2 && invited(0) == invited(1), "{preview}");
    assert_eq!(preview["entries"][0]["publishes"], true);
    let shown = here.get("/api/v1/bookings/weekly", &here.admin()).await;
    assert_eq!(
        shown.status,
        StatusCode::NOT_FOUND,
        "a preview changes nothing"
    );
    let digest = preview["digest"].as_str().unwrap();
    let stale = post(&here, &format!("{IMPORT}?digest=0"), &document).await;
    assert_eq!(stale.json()["code"], "preview_stale", "{}", stale.text);
    let imported = post(&here, &format!("{IMPORT}?digest={digest}"), &document).await;
    assert_eq!(imported.json()["added"], 2, "{}", imported.text);

    let exported = here.get(EXPORT, &here.admin()).await.json();
    let imported = post(&there, IMPORT, &exported).await;
    assert_eq!(imported.json()["added"], 2, "{}", imported.text);
    assert_eq!(there.get(EXPORT, &there.admin()).await.json(), exported);
    let again = post(&there, IMPORT, &exported).await;
    let unchanged = json!({"added": 0, "changed": 0, "unchanged": 2});
    assert_eq!(again.json(), unchanged, "{}", again.text);
    let days = "/api/v1/bookings?from=2036-02-01T00:00:00Z&to=2036-03-01T00:00:00Z";
    let days = there.get(days, &there.admin()).await.json();
    assert_eq!(days.as_array().unwrap().len(), 4, "{days}");
}

#[tokio::test]
async fn with_one_mistake_nothing_is_imported_and_all_mistakes_are_told() {
    let world = office().await;
    let mut wrong = entry("wrong", &json!({"all": true}));
    wrong["durationMinutes"] = 1.into();
    let document = of(&json!([
        entry("good", &json!({"all": true})),
        wrong,
        entry("stranger", &json!({"codes": ["99999"]})),
        entry("round", &json!({"sameAs": "round"})),
    ]));
    let preview = post(&world, PREVIEW, &document).await.json();
    assert_eq!(
        (&preview["added"], &preview["wrong"]),
        (&json!(1), &json!(3))
    );
    let errors = preview["errors"].as_array().unwrap();
    let named: Vec<_> = errors
        .iter()
        .map(|error| {
            (
                error["entry"].as_u64().unwrap(),
                error["field"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (2, "durationMinutes"),
            (3, "audience"),
            (4, "audience.sameAs")
        ]
    );
    let refused = post(&world, IMPORT, &document).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let told = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        told.contains("entry 2 (wrong), durationMinutes: "),
        "{told}"
    );
    let shown = world.get("/api/v1/bookings/good", &world.admin()).await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
}
