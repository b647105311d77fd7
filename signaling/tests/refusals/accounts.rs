//! People who log in: with what, for how long, and what is known of what they do.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{COOKIE, ORIGIN};
use serde_json::{Value, json};
use signaling::accounts::AccountRole;
use signaling::auth::Role;

use crate::house::{Answer, House, Person};

const PASSWORD: &str = "con trâu đi trước";

/// A country of two provinces.
const SITES: &str = "code,name,level,parent_code\nVN,Trung ương,central,\n01,Hà Nội,province,VN\n\
                     00004,Phường Ba Đình,commune,01\n79,Hồ Chí Minh,province,VN\n\
                     26734,Phường Sài Gòn,commune,79\n";

async fn import_sites(house: &House) {
    let admin = house.token(Role::Admin);
    let import = "/api/v1/sites/import";
    let imported = house.ask("POST", import, Some(&admin), SITES.into()).await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.body);
}

/// The code of a link such as `…/office#welcome=CODE`.
fn code(url: &str) -> &str {
    let (_, behind) = url.split_once("/office#welcome=").expect("it is a link");
    behind.split('&').next().unwrap_or_default()
}

async fn post(house: &House, path: &str, body: Value) -> Answer {
    let body = body.to_string().into();
    house.ask_with("POST", path, &[], body).await
}

/// What a browser sends back of a `set-cookie`.
fn kept(answer: &Answer) -> String {
    let cookie = answer.cookie.as_deref().expect("a cookie was set");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

async fn get(house: &House, path: &str, person: &Person) -> Answer {
    house.ask_by(person, "GET", path, Body::empty()).await
}

#[tokio::test]
async fn the_first_administrator_comes_by_a_link_makes_accounts_and_their_people_log_in() {
    let house = House::open().await;
    let ways = house.ask("GET", "/api/v1/login/ways", None, Body::empty());
    let expected = json!({"local": true, "providers": [], "isFirst": true});
    assert_eq!(ways.await.body, expected);

    let url = house.server.first_welcome().await.unwrap();
    let come =
        json!({"code": code(&url), "login": "an", "name": "Nguyễn Thị An", "password": PASSWORD});
    let path = "/api/v1/login/welcome";
    let weak = json!({"code": code(&url), "login": "an", "password": "password1234"});
    let refused = post(&house, path, weak).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::BAD_REQUEST, "password_weak")
    );
    let first = post(&house, path, come.clone()).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(first.body["account"]["role"], "admin");
    let again = post(&house, path, come).await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::UNAUTHORIZED, "login_wrong")
    );

    let origin = format!("http://{}", house.server.http());
    let cookie = kept(&first);
    let headers = [(COOKIE, cookie.as_str()), (ORIGIN, origin.as_str())];
    let new = json!({"login": "binh", "name": "Trần Bình", "role": "national"}).to_string();
    let made = house
        .ask_with("POST", "/api/v1/accounts", &headers, new.clone().into())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let taken = house
        .ask_with("POST", "/api/v1/accounts", &headers, new.into())
        .await;
    assert_eq!(
        (taken.status, taken.code()),
        (StatusCode::CONFLICT, "login_taken")
    );
    let id = made.body["id"].as_str().unwrap();
    let welcome = format!("/api/v1/accounts/{id}/welcome");
    let link = house
        .ask_with("POST", &welcome, &headers, Body::empty())
        .await;
    let url = link.body["url"].as_str().unwrap();

    let login = json!({"login": "BINH", "password": PASSWORD});
    let early = post(&house, "/api/v1/login", login.clone()).await;
    assert_eq!(
        (early.status, early.code()),
        (StatusCode::UNAUTHORIZED, "login_wrong")
    );
    let come = json!({"code": code(url), "password": PASSWORD});
    assert_eq!(post(&house, path, come).await.status, StatusCode::OK);
    let logged_in = post(&house, "/api/v1/login", login).await;
    assert_eq!(logged_in.status, StatusCode::OK, "{}", logged_in.body);
    let verbs = logged_in.body["verbs"].as_array().unwrap();
    assert!(verbs.contains(&json!("createConference")), "{verbs:?}");
    assert!(!verbs.contains(&json!("manageAccounts")), "{verbs:?}");
    let ways = house.ask("GET", "/api/v1/login/ways", None, Body::empty());
    assert_eq!(ways.await.body["isFirst"], false);
}

#[tokio::test]
async fn a_login_that_nobody_has_a_wrong_password_and_a_disabled_account_get_one_answer() {
    let house = House::open().await;
    let disabled = house.person("disabled", AccountRole::Auditor).await;
    house.person("an", AccountRole::Auditor).await;
    let admin = house.person("admin", AccountRole::Admin).await;
    let path = format!("/api/v1/accounts/{}", disabled.account.id);
    let change = r#"{"isDisabled":true}"#;
    let changed = house.ask_by(&admin, "PATCH", &path, change.into()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let mut answers = Vec::new();
    for login in ["an", "disabled", "nobody"] {
        let asked = json!({"login": login, "password": "wrong, and long enough"});
        let answer = post(&house, "/api/v1/login", asked).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        answers.push(answer.body);
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let own = get(&house, "/api/v1/login", &disabled).await;
    assert_eq!(
        (own.status, own.code()),
        (StatusCode::UNAUTHORIZED, "login_ended")
    );
}

#[tokio::test]
async fn a_login_that_is_tried_too_often_has_to_wait() {
    let house = House::open().await;
    let asked = json!({"login": "nobody", "password": "wrong"});
    for _ in 0..10 {
        let answer = post(&house, "/api/v1/login", asked.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = post(&house, "/api/v1/login", asked).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
    );
}

#[tokio::test]
async fn with_the_cookie_of_a_login_only_pages_of_this_server_change_something() {
    let house = House::open().await;
    let admin = house.person("an", AccountRole::Admin).await;
    let own = format!("http://{}", house.server.http());
    let cookie = (COOKIE, admin.cookie.as_str());
    for (origin, status) in [
        (None, StatusCode::FORBIDDEN),
        (Some("null"), StatusCode::FORBIDDEN),
        (Some("https://evil.example"), StatusCode::FORBIDDEN),
        (Some(own.as_str()), StatusCode::OK),
    ] {
        let mut headers = vec![cookie.clone()];
        headers.extend(origin.map(|origin| (ORIGIN, origin)));
        let path = "/api/v1/conferences/weekly/start";
        let answer = house.ask_with("POST", path, &headers, Body::empty()).await;
        assert_eq!(answer.status, status, "{origin:?}");
        let read = "/api/v1/conferences/weekly";
        let answer = house.ask_with("GET", read, &headers, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::OK, "reading changes nothing");
    }
    let evil = [(ORIGIN, "https://evil.example")];
    let login = json!({"login": "an", "password": PASSWORD}).to_string();
    let answer = house
        .ask_with("POST", "/api/v1/login", &evil, login.into())
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_login_that_is_ended_is_refused_from_the_next_request_on_with_its_tokens() {
    let house = House::open().await;
    let admin = house.person("admin", AccountRole::Admin).await;
    let operator = house.person("an", AccountRole::National).await;
    let entered = house.ask_by(
        &operator,
        "POST",
        "/api/v1/conferences/weekly/enter",
        Body::empty(),
    );
    let entered = entered.await;
    assert_eq!(entered.status, StatusCode::CREATED, "{}", entered.body);
    let token = entered.body["token"].as_str().unwrap();
    let reads = async || {
        let path = "/api/v1/conferences/weekly";
        house
            .ask("GET", path, Some(token), Body::empty())
            .await
            .status
    };
    assert_eq!(reads().await, StatusCode::OK);

    let logins = get(&house, "/api/v1/logins", &admin).await.body;
    let whose: Vec<_> = logins
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["account"]["login"])
        .collect();
    assert!(
        whose.contains(&&json!("an")) && whose.contains(&&json!("admin")),
        "{logins}"
    );
    let own = get(&house, "/api/v1/logins", &operator).await.body;
    assert_eq!(own.as_array().map(Vec::len), Some(1), "{own}");
    assert_eq!(own[0]["isOwn"], true);
    let other = format!("/api/v1/logins/{}", admin.login);
    let refused = house
        .ask_by(&operator, "DELETE", &other, Body::empty())
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    let path = format!("/api/v1/logins/{}", operator.login);
    let ended = house.ask_by(&admin, "DELETE", &path, Body::empty()).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let answer = get(&house, "/api/v1/login", &operator).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::UNAUTHORIZED, "login_ended")
    );
    assert_eq!(reads().await, StatusCode::UNAUTHORIZED);

    let out = house
        .ask_by(&admin, "DELETE", "/api/v1/login", Body::empty())
        .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(
        out.cookie
            .is_some_and(|cookie| cookie.contains("Max-Age=0"))
    );
    let answer = get(&house, "/api/v1/login", &admin).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn everybody_enters_a_conference_as_the_role_of_the_account_says() {
    let house = House::open().await;
    let path = "/api/v1/conferences/weekly/enter";
    for (role, page, enters_as) in [
        (AccountRole::Admin, "/operator", "operator"),
        (AccountRole::National, "/operator", "operator"),
        (AccountRole::Provincial, "/observer", "observer"),
        (AccountRole::Technician, "/observer", "observer"),
        (AccountRole::Auditor, "/observer", "observer"),
    ] {
        let person = house.person(&role.to_string(), role).await;
        let entered = house.ask_by(&person, "POST", path, Body::empty()).await;
        assert_eq!(
            entered.status,
            StatusCode::CREATED,
            "{role}: {}",
            entered.body
        );
        assert_eq!(entered.body["page"], page, "{role}");
        let token = entered.body["token"].as_str().unwrap();
        let invited = house
            .ask("GET", "/api/v1/invitation", Some(token), Body::empty())
            .await;
        assert_eq!(invited.body["role"], enters_as, "{role}");
        let nowhere = "/api/v1/conferences/none/enter";
        let refused = house.ask_by(&person, "POST", nowhere, Body::empty()).await;
        assert_eq!(refused.code(), "conference_unknown");
    }
    let chair = house.person("chair", AccountRole::Chair).await;
    let refused = house.ask_by(&chair, "POST", path, Body::empty()).await;
    assert_eq!(refused.code(), "not_permitted", "of another conference");
    for role in [Role::Admin, Role::Site, Role::Operator] {
        let token = house.token(role);
        let refused = house.ask("POST", path, Some(&token), Body::empty()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{role}");
    }
}

#[tokio::test]
async fn whatever_somebody_changes_is_noted_with_the_person_and_what_came_of_it() {
    let house = House::open().await;
    let operator = house.person("an", AccountRole::National).await;
    let auditor = house.person("auditor", AccountRole::Auditor).await;
    let end = "/api/v1/conferences/weekly/end";
    let ended = house.ask_by(&operator, "POST", end, Body::empty()).await;
    assert_eq!(ended.status, StatusCode::OK);
    let start = "/api/v1/conferences/weekly/start";
    let token = house.token(Role::Admin);
    house.ask("POST", start, Some(&token), Body::empty()).await;
    house.ask_by(&auditor, "POST", start, Body::empty()).await;
    house
        .ask("POST", start, Some("forged"), Body::empty())
        .await;

    let acts = get(&house, "/api/v1/acts", &auditor).await.body;
    let told: Vec<_> = acts
        .as_array()
        .unwrap()
        .iter()
        .map(|act| {
            let text = |field: &str| act[field].as_str().unwrap_or("-").to_owned();
            (
                text("name"),
                text("role"),
                text("route"),
                text("about"),
                act["status"].clone(),
                text("code"),
            )
        })
        .collect();
    let row = |name: &str, role: &str, verb: &str, status: u16, code: &str| {
        let route = format!("/api/v1/conferences/{{conference}}/{verb}");
        let about = format!("/api/v1/conferences/weekly/{verb}");
        (
            name.to_owned(),
            role.to_owned(),
            route,
            about,
            json!(status),
            code.to_owned(),
        )
    };
    let expected = [
        row("Name of auditor", "auditor", "start", 403, "not_permitted"),
        row("-", "admin", "start", 409, "conference_not_running"),
        row("Name of an", "national", "end", 200, "-"),
    ];
    assert_eq!(told, expected);
    let own = format!("/api/v1/acts?account={}", operator.account.id);
    let own = get(&house, &own, &auditor).await.body;
    assert_eq!(own.as_array().map(Vec::len), Some(1));

    let events = get(&house, "/api/v1/conferences/weekly/events", &auditor)
        .await
        .body;
    let last = events.as_array().and_then(|events| events.last()).unwrap();
    let by = &last["event"]["by"]["bearer"];
    assert_eq!(by["name"], "Name of an", "{last}");
    assert_eq!(by["subject"], format!("account:{}", operator.account.id));
}

#[tokio::test]
async fn a_provincial_operator_sees_its_own_province_and_not_the_neighbour() {
    let house = House::open().await;
    import_sites(&house).await;
    let person = house.person("an", AccountRole::Provincial).await;
    let codes = |list: &Value| {
        let sites = list.as_array().expect("a list").iter();
        sites
            .map(|site| site["code"].as_str().unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
    };
    let listed = get(&house, "/api/v1/sites", &person).await.body;
    assert_eq!(codes(&listed), ["00004", "01"]);
    for (path, is_own) in [
        ("/api/v1/sites/01", true),
        ("/api/v1/sites/00004", true),
        ("/api/v1/sites/VN", false),
        ("/api/v1/sites/79", false),
        ("/api/v1/sites/26734", false),
        ("/api/v1/sites/99999", false),
    ] {
        let answer = get(&house, path, &person).await;
        let expected = if is_own {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
    }
    let nothing = get(&house, "/api/v1/sites?search=gon", &person).await.body;
    assert_eq!(codes(&nothing), [""; 0]);

    let admin = house.token(Role::Admin);
    let new = r#"{"title":"All","id":"all"}"#;
    let made = house
        .ask("POST", "/api/v1/conferences", Some(&admin), new.into())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let path = "/api/v1/conferences/all/attendance";
    let attendance = get(&house, path, &person).await;
    assert_eq!(attendance.status, StatusCode::OK, "{}", attendance.body);
    let shown = attendance.body["sites"].as_array().unwrap().iter();
    let shown: Vec<_> = shown.map(|site| &site["site"]).collect();
    assert_eq!(shown, [&json!("00004"), &json!("01")]);
    let all = house
        .ask("GET", path, Some(&admin), Body::empty())
        .await
        .body;
    assert_eq!(all["sites"].as_array().map(Vec::len), Some(5));
    let whole = get(&house, "/api/v1/conferences/all", &person).await;
    assert_eq!(whole.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn checks_of_other_provinces_are_not_a_provincial_operators() {
    let house = House::open().await;
    import_sites(&house).await;
    let person = house.person("an", AccountRole::Provincial).await;
    for (number, site) in [(1, Some("00004")), (2, Some("26734")), (3, None)] {
        let outcome = signaling::check::Outcome {
            code: signaling::check::CheckCode::new(number),
            at: house.server.app().clock.now().wall,
            site: site.map(|code| code.parse().unwrap()),
            address: format!("192.0.2.{number}"),
            cause: signaling::check::Cause::UdpBlocked,
            measured: signaling::check::Measured::default(),
        };
        house.server.app().store.keep_check(outcome).await.unwrap();
    }
    let listed = get(&house, "/api/v1/checks", &person).await.body;
    let sites: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["site"])
        .collect();
    assert_eq!(sites, [&json!("00004")]);
    let neighbour = get(&house, "/api/v1/checks?site=26734", &person).await.body;
    assert_eq!(neighbour, json!([]));
}

#[tokio::test]
async fn sheets_of_other_provinces_are_not_a_provincial_operators() {
    let house = House::open().await;
    import_sites(&house).await;
    let person = house.person("an", AccountRole::Provincial).await;
    let admin = house.token(Role::Admin);
    let plan = r#"{"title":"All","startsAtLocal":"2036-11-26T08:00:00","zone":"UTC",
        "durationMinutes":60,"audience":{"all":true}}"#;
    let made = house.ask("POST", "/api/v1/bookings", Some(&admin), plan.into());
    let made = made.await.body;
    let booking = format!("/api/v1/bookings/{}", made["id"].as_str().unwrap());
    let publish = format!("{booking}/publish");
    let body = r#"{"version":1}"#;
    let published = house.ask("POST", &publish, Some(&admin), body.into()).await;
    assert_eq!(published.status, StatusCode::OK, "{}", published.body);
    for (province, expected) in [
        ("01", StatusCode::OK),
        ("00004", StatusCode::OK),
        ("79", StatusCode::FORBIDDEN),
        ("26734", StatusCode::FORBIDDEN),
    ] {
        let answer = get(&house, &format!("{booking}/sheets/{province}"), &person).await;
        assert_eq!(answer.status, expected, "{province}: {}", answer.body);
    }
}

#[tokio::test]
async fn another_password_needs_the_old_one() {
    let house = House::open().await;
    let person = house.person("an", AccountRole::Auditor).await;
    let app = house.server.app();
    let url = {
        let admin = house.person("admin", AccountRole::Admin).await;
        let path = format!("/api/v1/accounts/{}/welcome", person.account.id);
        let made = house.ask_by(&admin, "POST", &path, Body::empty()).await;
        made.body["url"].as_str().unwrap().to_owned()
    };
    let come = json!({"code": code(&url), "password": PASSWORD});
    let come = post(&house, "/api/v1/login/welcome", come).await;
    let cookie = kept(&come);
    let origin = format!("http://{}", house.server.http());
    let headers = [(COOKIE, cookie.as_str()), (ORIGIN, origin.as_str())];
    let change = async |old: &str, new: &str| {
        let body = json!({"old": old, "new": new}).to_string();
        house
            .ask_with("POST", "/api/v1/login/password", &headers, body.into())
            .await
    };
    let wrong = change("wrong, and long enough", "đường dài mới biết").await;
    assert_eq!(
        (wrong.status, wrong.code()),
        (StatusCode::UNAUTHORIZED, "login_wrong")
    );
    let weak = change(PASSWORD, "short").await;
    assert_eq!(weak.code(), "password_weak");
    assert_eq!(
        change(PASSWORD, "đường dài mới biết").await.status,
        StatusCode::NO_CONTENT
    );
    let known = app.store.credentials(&person.account.login).await.unwrap();
    assert!(known.unwrap().password.is_some());
    let login = json!({"login": "an", "password": "đường dài mới biết"});
    assert_eq!(
        post(&house, "/api/v1/login", login).await.status,
        StatusCode::OK
    );
}
