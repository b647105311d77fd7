//! Sheets to print, of a booking's invitations.

use axum::http::{Method, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{Reply, World};

const SITES: &str = "code,name,level,parent_code,contact_phone\nVN,Trung ương,central,,\n\
    01,Thành phố Hà Nội,province,VN,024 3825 3536\n00004,Phường Ba Đình,commune,01,\n\
    00008,Phường Ngọc Hà,commune,01,\n79,Thành phố Hồ Chí Minh,province,VN,\n";

async fn step(world: &World, path: &str, body: &Value) -> Value {
    let done = world.post(path, &world.admin(), body).await;
    assert!(done.status.is_success(), "{path}: {}", done.text);
    done.json()
}

/// The path of a booking of tomorrow for everybody in Hanoi, a draft.
async fn drafted(world: &World) -> String {
    let import = "/api/v1/sites/import";
    let admin = world.admin();
    let imported = world.post_text(import, &admin, "text/csv", SITES).await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
    let at = Timestamp::now() + SignedDuration::from_hours(24);
    let at = TimeZone::UTC.to_datetime(at).round(jiff::Unit::Second);
    let plan = json!({
        "title": "Giao ban tuần", "startsAtLocal": at.unwrap().to_string(), "zone": "UTC",
        "durationMinutes": 60, "audience": {"parents": ["01"]},
    });
    let made = step(world, "/api/v1/bookings", &plan).await;
    format!("/api/v1/bookings/{}", made["id"].as_str().unwrap())
}

async fn sheet(world: &World, booking: &str, province: &str) -> Reply {
    let path = format!("{booking}/sheets/{province}");
    world.get(&path, &world.admin()).await
}

/// The codes that are printed, in their order.
fn codes(page: &str) -> Vec<&str> {
    let printed = page.split("<dd class=\"code keep\">").skip(1);
    printed
        .map(|rest| rest.split('<').next().unwrap())
        .collect()
}

#[tokio::test]
async fn each_site_of_a_province_has_a_slip_by_whose_code_it_is_known_also_when_it_is_printed_again()
 {
    let world = World::new().await;
    let booking = drafted(&world).await;
    let draft = sheet(&world, &booking, "01").await;
    assert_eq!(draft.status, StatusCode::CONFLICT, "{}", draft.text);
    step(
        &world,
        &format!("{booking}/publish"),
        &json!({"version": 1}),
    )
    .await;

    let printed = sheet(&world, &booking, "01").await;
    assert_eq!(printed.status, StatusCode::OK, "{}", printed.text);
    assert_eq!(printed.headers["content-type"], "text/html; charset=utf-8");
    let policy = printed.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(printed.headers["cache-control"], "no-store");
    assert!(printed.text.contains("024 3825 3536"), "{}", printed.text);
    let printed_codes = codes(&printed.text);
    let mut sites = Vec::new();
    for code in &printed_codes {
        let path = format!("/api/v1/invitation/{code}");
        let known = world.call(Method::GET, &path, &[], String::new()).await;
        assert_eq!(known.status, StatusCode::OK, "{}", known.text);
        sites.push(known.json()["site"]["code"].clone());
    }
    assert_eq!(sites, ["00004", "00008", "01"]);
    let again = sheet(&world, &booking, "01").await;
    assert_eq!(codes(&again.text), printed_codes);

    step(
        &world,
        &format!("{booking}/invitations/00004/reissue"),
        &Value::Null,
    )
    .await;
    let newer = sheet(&world, &booking, "01").await;
    assert_ne!(codes(&newer.text)[0], printed_codes[0], "that one is dead");
    assert_eq!(codes(&newer.text)[1..], printed_codes[1..]);
}

#[tokio::test]
async fn a_sheet_is_in_the_language_that_is_asked_for_and_of_places_that_there_are() {
    let world = World::new().await;
    let booking = drafted(&world).await;
    step(
        &world,
        &format!("{booking}/publish"),
        &json!({"version": 1}),
    )
    .await;
    let usual = sheet(&world, &booking, "01").await;
    assert!(usual.text.contains("<html lang=\"vi\">"), "{}", usual.text);
    let english = sheet(&world, &booking, "01?language=en").await;
    assert!(
        english.text.contains("<html lang=\"en\">"),
        "{}",
        english.text
    );
    let one = sheet(&world, &booking, "00004").await;
    assert_eq!(codes(&one.text).len(), 1, "a site is a place as well");
    let nobody = sheet(&world, &booking, "79").await;
    assert_eq!(codes(&nobody.text), [""; 0]);
    assert_eq!(nobody.status, StatusCode::OK, "{}", nobody.text);
    let nowhere = sheet(&world, &booking, "99").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND, "{}", nowhere.text);

    let cancel = json!({"version": 2, "reason": "Bão số 9"});
    step(&world, &format!("{booking}/cancel"), &cancel).await;
    let cancelled = sheet(&world, &booking, "01").await;
    assert_eq!(cancelled.status, StatusCode::CONFLICT, "{}", cancelled.text);
}
