//! Every operation of the REST interface, as its own description lists them.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::Value;
use signaling::accounts::AccountRole;
use signaling::auth::{Role, Scope, Verb};

use crate::house::{CONFERENCE, House};

/// Method and path of every described operation that needs a token, with its parameters filled in.
pub(crate) fn operations() -> Vec<(String, String)> {
    let description = serde_json::to_value(signaling::rest::description()).expect("it is JSON");
    let paths = description["paths"].as_object().expect("it has paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        let path = path
            .replace("{account}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{kind}", "invitation")
            .replace("{language}", "vi")
            .replace("{login}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{booking}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{check}", "A")
            .replace("{code}", "0000-0000-0000-0000")
            .replace("{conference}", CONFERENCE)
            .replace("{date}", "2026-12-07")
            .replace("{direction}", "send")
            .replace("{mail}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{means}", "udp")
            .replace("{participant}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{place}", "main")
            .replace("{provider}", "bo")
            .replace("{province}", "01")
            .replace("{sequence}", "1")
            .replace("{site}", "00004")
            .replace("{tokenId}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE")
            .replace("{webhook}", "01JD8Y6Q0B9FJ3V2K7T5C4X1HE");
        assert!(!path.contains('{'), "{path}: say what stands there");
        for (method, operation) in item.as_object().expect("a path has methods") {
            let method = method.to_uppercase();
            let mut ways = operation["security"].as_array().into_iter().flatten();
            if ways.any(|way| *way == serde_json::json!({})) {
                let known = FOR_STRANGERS.contains(&(&*method, &*path));
                assert!(
                    known,
                    "whoever has no token gets nothing else: {method} {path}"
                );
            } else {
                // What takes something back names the version that it changes.
                let is_at_version = method == "DELETE"
                    && (path.contains("/occurrences/") || path.contains("/letters/"));
                let version = if is_at_version { "?version=1" } else { "" };
                operations.push((method, format!("{path}{version}")));
            }
        }
    }
    assert!(operations.len() > 15, "{operations:?}");
    operations
}

/// Where whoever opens a link gets their token, and where anybody finds out why a site does not connect.
const FOR_STRANGERS: [(&str, &str); 14] = [
    ("GET", "/api/v1/webhooks/keys"),
    ("GET", "/api/v1/login/ways"),
    ("POST", "/api/v1/login"),
    ("POST", "/api/v1/login/welcome"),
    ("GET", "/api/v1/login/oidc/bo"),
    ("GET", "/api/v1/login/oidc/bo/callback"),
    ("POST", "/api/v1/links/exchange"),
    ("GET", "/api/v1/invitation/0000-0000-0000-0000"),
    ("PUT", "/api/v1/invitation/0000-0000-0000-0000/reply"),
    ("GET", "/api/v1/invitation/0000-0000-0000-0000/calendar.ics"),
    ("POST", "/api/v1/checks"),
    ("POST", "/api/v1/checks/A/udp/send"),
    ("PUT", "/api/v1/checks/A/result"),
    ("GET", "/api/v1/checks/causes"),
];

/// What is for whoever has logged in, as far as the role says where it says so: see `accounts`.
const FOR_PEOPLE: [(&str, &str); 4] = [
    ("GET", "/api/v1/login"),
    ("DELETE", "/api/v1/login"),
    ("POST", "/api/v1/login/password"),
    ("POST", "/api/v1/conferences/weekly/enter"),
];

/// The operations for which a right decides alone.
pub(crate) fn of_rights() -> impl Iterator<Item = (String, String)> {
    operations().into_iter().filter(|(method, path)| {
        let is_for_everybody = method == "GET" && FOR_EVERYBODY.contains(&&**path);
        !is_for_everybody && !FOR_PEOPLE.contains(&(method, path))
    })
}

/// What the bearer of any token for a conference may ask: each tells of that conference only.
const FOR_EVERYBODY: [&str; 2] = ["/api/v1/conferences", "/api/v1/invitation"];

#[tokio::test]
async fn every_operation_needs_a_token() {
    let house = House::open().await;
    let before = house.log().await;
    for (method, path) in operations() {
        let answer = house.ask(&method, &path, None, "{}".into()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.code(), "token_invalid", "{method} {path}");
    }
    assert_eq!(house.log().await, before);
}

#[tokio::test]
async fn those_who_only_attend_manage_nothing() {
    let house = House::open().await;
    let before = house.log().await;
    for role in [Role::Hall, Role::Site, Role::Observer] {
        let token = house.token(role);
        for (method, path) in of_rights() {
            let answer = house
                .ask(&method, &path, Some(&token), body_for(&path))
                .await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{role}: {method} {path}"
            );
            assert_eq!(answer.code(), "not_permitted", "{role}: {method} {path}");
        }
    }
    assert_eq!(house.log().await, before);
}

/// The right that an operation needs.
#[expect(
    clippy::cognitive_complexity,
    reason = "a table, of one row for each part of the interface"
)]
pub(crate) fn verb(method: &str, path: &str) -> Verb {
    let own = format!("/api/v1/conferences/{CONFERENCE}");
    let about_one = path.strip_prefix(&own);
    let last = path.rsplit('/').next().unwrap_or_default();
    match (method, about_one.unwrap_or(path)) {
        ("POST", "/api/v1/conferences") => Verb::CreateConference,
        ("PATCH", "") => Verb::AmendConference,
        ("DELETE", "") => Verb::DeleteConference,
        ("POST", "/start") => Verb::StartConference,
        ("POST", "/end") => Verb::EndConference,
        ("PUT", "/roster") => Verb::SetRoster,
        ("PUT", "/stage") => Verb::SetStage,
        ("POST", "/floor/grant") => Verb::GrantFloor,
        ("POST", "/floor/revoke") => Verb::RevokeFloor,
        ("POST", "/floor/requests" | "/floor/yield") => Verb::ActFor,
        ("POST", "/tokens" | "/api/v1/links") => Verb::ManageTokens,
        ("GET", "/api/v1/acts") => Verb::ReadActs,
        _ if path.starts_with("/api/v1/accounts") => Verb::ManageAccounts,
        _ if path.starts_with("/api/v1/people") => Verb::Book,
        _ if path.starts_with("/api/v1/logins") => Verb::EndLogins,
        ("GET", "/attendance") => Verb::ReadAttendance,
        ("GET", _) if about_one.is_some() => Verb::ReadConference,
        ("DELETE", _) if about_one.is_some() => Verb::Remove,
        ("POST", _) if last == "readmit" => Verb::Readmit,
        ("POST", _) if about_one.is_some() => Verb::Mute,
        ("GET", "/api/v1/checks") => Verb::ReadChecks,
        ("POST", _) if path.starts_with("/api/v1/sites/import") => Verb::ImportSites,
        ("GET", _) if path.starts_with("/api/v1/sites") => Verb::ReadSites,
        ("PATCH", _) if path.starts_with("/api/v1/sites") => Verb::AmendSite,
        ("DELETE", _) if path.starts_with("/api/v1/sites") => Verb::RemoveSites,
        _ if path.starts_with("/api/v1/tokens") => Verb::ManageTokens,
        ("GET", _) if path.contains("/sheets/") => Verb::ReadInvitations,
        ("GET", _) if path.contains("/invitations") => Verb::ReadInvitations,
        ("POST", _) if path.contains("/invitations/") => Verb::Invite,
        ("POST", _) if path.starts_with("/api/v1/bookings/import") => Verb::Book,
        ("GET", _) if path.starts_with("/api/v1/bookings") => Verb::ReadBookings,
        ("POST", _) if ["publish", "cancel", "open"].contains(&last) => Verb::PublishBooking,
        _ if path.starts_with("/api/v1/bookings") => Verb::Book,
        ("GET", _) if path.starts_with("/api/v1/mail") => Verb::ReadMail,
        _ if path.starts_with("/api/v1/mail") => Verb::Invite,
        ("GET", "/api/v1/letters") => Verb::ReadLetters,
        _ if path.starts_with("/api/v1/letters") => Verb::EditLetters,
        ("GET", "/api/v1/events") => Verb::ReadEvents,
        _ if path.starts_with("/api/v1/webhooks") => Verb::ManageWebhooks,
        _ => panic!("{method} {path}: say which right it needs"),
    }
}

#[tokio::test]
async fn over_rest_every_role_may_do_exactly_what_the_table_says() {
    for role in Role::ALL.into_iter().filter(|role| role.is_of_tokens()) {
        let house = House::open().await;
        let token = house.token(role);
        for (method, path) in of_rights() {
            let answer = house
                .ask(&method, &path, Some(&token), body_for(&path))
                .await;
            let is_permitted = answer.status != StatusCode::FORBIDDEN;
            // A token has no logins.
            let own = role.reach(verb(&method, &path)) == Some(Scope::Itself);
            let may = role.may(verb(&method, &path)) && !own;
            assert_eq!(is_permitted, may, "{role}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn with_an_account_every_role_may_do_exactly_what_the_table_says() {
    for role in AccountRole::ALL {
        let house = House::open().await;
        let person = house.person("an", role).await;
        for (method, path) in of_rights() {
            let answer = house.ask_by(&person, &method, &path, body_for(&path)).await;
            let is_permitted = answer.status != StatusCode::FORBIDDEN;
            // No account is for one conference alone, and there is no site of anybody's province here.
            let reach = role.role().reach(verb(&method, &path));
            let is_list = method == "GET"
                && !path.ends_with("/sites/00004")
                && !path.ends_with("/conflicts")
                && !path.ends_with("/bookings/export");
            let may = match reach {
                Some(Scope::Conference) | None => false,
                Some(Scope::Province) => is_list,
                Some(Scope::Itself | Scope::Server) => true,
            };
            assert_eq!(is_permitted, may, "{role}: {method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_invitation_names_the_tokens_own_conference_only() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let sites = "code,name,level,parent_code\nVN,Trung ương,central,\n\
                 01,Hà Nội,province,VN\n00004,Phường Ba Đình,commune,01\n";
    let import = "/api/v1/sites/import";
    let imported = house.ask("POST", import, Some(&admin), sites.into()).await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.body);

    let path = "/api/v1/invitation";
    let token = house.token(Role::Site);
    let answer = house.ask("GET", path, Some(&token), Body::empty()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["conference"]["id"], "weekly");
    assert_eq!(answer.body["role"], "site");
    assert_eq!(answer.body["site"]["name"], "Phường Ba Đình");

    let refused = house.ask("GET", path, Some(&admin), Body::empty()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let (stranger, _) = house.issue(Role::Site, "another", jiff::SignedDuration::from_hours(1));
    let unknown = house.ask("GET", path, Some(&stranger), Body::empty()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.code(), "conference_unknown");
}

/// A body that would do, so that a refusal can have only one reason.
pub(crate) fn body_for(path: &str) -> Body {
    let participant = r#"{"participant":"01JD8Y6Q0B9FJ3V2K7T5C4X1HE"}"#;
    match path {
        "/api/v1/conferences" | "/api/v1/conferences/weekly" => r#"{"title":"Mine"}"#.into(),
        "/api/v1/conferences/weekly/roster" => r#"{"sites":[]}"#.into(),
        "/api/v1/conferences/weekly/stage" => r#"{"place":"main","participant":null}"#.into(),
        "/api/v1/accounts" => r#"{"login":"new","name":"New","role":"auditor"}"#.into(),
        "/api/v1/accounts/01JD8Y6Q0B9FJ3V2K7T5C4X1HE" => r#"{"isDisabled":true}"#.into(),
        "/api/v1/tokens" => {
            r#"{"role":"site","conference":"weekly","site":"00004","ttlSeconds":60}"#.into()
        }
        "/api/v1/links" => r#"{"conference":"weekly","role":"observer","ttlSeconds":60}"#.into(),
        "/api/v1/conferences/weekly/tokens" => r#"{"role":"site","ttlSeconds":60}"#.into(),
        "/api/v1/sites/00004" => r#"{"contactName":"Mine"}"#.into(),
        "/api/v1/bookings" => BOOKING.into(),
        _ if path.starts_with("/api/v1/bookings/import") => DOCUMENT.into(),
        "/api/v1/mail/trial" => r#"{"to":"hop@example.vn"}"#.into(),
        "/api/v1/letters/invitation/vi" => {
            r#"{"version":0,"subject":"a","body":"{{ link }}"}"#.into()
        }
        "/api/v1/letters/invitation/vi/preview" => r#"{"subject":"a","body":"b"}"#.into(),
        "/api/v1/webhooks" => r#"{"url":"https://program.example.vn/dinh"}"#.into(),
        _ if path.ends_with("/copy") => "{}".into(),
        _ if path.ends_with("/invitations/send") => r#"{"mustBeToldAgain":true}"#.into(),
        _ if path.starts_with("/api/v1/bookings") => r#"{"version":1}"#.into(),
        _ if path.starts_with("/api/v1/webhooks") => "{}".into(),
        _ => participant.into(),
    }
}

/// Bookings of which nothing is published.
const DOCUMENT: &str = r#"{"format":"dinh.bookings","version":1,"bookings":[{"id":"imported","title":"Mine","startsAtLocal":"2036-11-26T08:00:00","zone":"UTC","durationMinutes":60}]}"#;

/// A conference that is planned.
const BOOKING: &str = r#"{"title":"Mine","kind":"meeting","startsAtLocal":"2036-11-26T08:00:00","zone":"UTC","durationMinutes":60,"audience":{}}"#;

#[tokio::test]
async fn those_who_moderate_administer_nothing() {
    let house = House::open().await;
    for role in [Role::Operator, Role::Chair] {
        let token = house.token(role);
        for (method, path) in [
            ("POST", "/api/v1/conferences"),
            ("POST", "/api/v1/tokens"),
            ("POST", "/api/v1/links"),
            ("GET", "/api/v1/tokens"),
            ("POST", "/api/v1/conferences/weekly/tokens"),
            ("DELETE", "/api/v1/tokens/01JD8Y6Q0B9FJ3V2K7T5C4X1HE"),
            ("POST", "/api/v1/sites/import"),
            ("DELETE", "/api/v1/sites/00004"),
            ("DELETE", "/api/v1/conferences/weekly"),
        ] {
            let answer = house.ask(method, path, Some(&token), body_for(path)).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{role}: {method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn everybody_may_ask_about_the_tokens_own_conference() {
    let house = House::open().await;
    for role in [
        Role::Operator,
        Role::Chair,
        Role::Hall,
        Role::Site,
        Role::Observer,
    ] {
        for path in FOR_EVERYBODY {
            let answer = house
                .ask("GET", path, Some(&house.token(role)), Body::empty())
                .await;
            assert_eq!(answer.status, StatusCode::OK, "{role}: {path}");
        }
    }
}

#[tokio::test]
async fn a_list_of_conferences_shows_the_tokens_own_only() {
    let house = House::open().await;
    let (stranger, _) = house.issue(Role::Site, "another", jiff::SignedDuration::from_hours(1));
    let path = "/api/v1/conferences";
    let answer = house.ask("GET", path, Some(&stranger), Body::empty()).await;
    assert_eq!(answer.body, Value::Array(Vec::new()));
    let own = house
        .ask("GET", path, Some(&house.token(Role::Site)), Body::empty())
        .await;
    assert_eq!(own.body.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_with_a_sentence() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    for (path, body) in [
        ("/api/v1/conferences", ""),
        ("/api/v1/conferences", "{"),
        ("/api/v1/conferences", "[]"),
        ("/api/v1/conferences", r#"{"title":""}"#),
        ("/api/v1/conferences", r#"{"title":"a\nb"}"#),
        ("/api/v1/conferences", r#"{"title":"T","surprise":1}"#),
        ("/api/v1/conferences", r#"{"title":"T","id":"a/b"}"#),
        ("/api/v1/tokens", r#"{"role":"king","ttlSeconds":60}"#),
        ("/api/v1/tokens", r#"{"role":"national","ttlSeconds":60}"#),
        ("/api/v1/tokens", r#"{"role":"chair","ttlSeconds":60}"#),
        (
            "/api/v1/tokens",
            r#"{"role":"site","conference":"weekly","ttlSeconds":60}"#,
        ),
        (
            "/api/v1/tokens",
            r#"{"role":"chair","conference":"weekly","ttlSeconds":0}"#,
        ),
        (
            "/api/v1/conferences/weekly/tokens",
            r#"{"role":"operator","sites":[],"ttlSeconds":60}"#,
        ),
        (
            "/api/v1/tokens",
            r#"{"role":"chair","conference":"weekly","ttlSeconds":4294967295}"#,
        ),
        (
            "/api/v1/tokens",
            r#"{"role":"admin","conference":"weekly","ttlSeconds":60}"#,
        ),
        (
            "/api/v1/conferences/weekly/floor/grant",
            r#"{"participant":"me"}"#,
        ),
        ("/api/v1/conferences/weekly/floor/grant", "{}"),
    ] {
        let answer = house.ask("POST", path, Some(&admin), body.into()).await;
        assert!(answer.status.is_client_error(), "{path} {body}: {answer:?}");
        assert_eq!(answer.code(), "bad_message", "{path} {body}: {answer:?}");
        assert!(
            answer.body["message"]
                .as_str()
                .is_some_and(|text| text.len() > 5),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let participant = r#"{"participant":"01JD8Y6Q0B9FJ3V2K7T5C4X1HE"}"#;
    for (method, path, code) in [
        ("GET", "/api/v1/conferences/none", "conference_unknown"),
        (
            "POST",
            "/api/v1/conferences/none/start",
            "conference_unknown",
        ),
        (
            "POST",
            "/api/v1/conferences/weekly/floor/grant",
            "participant_unknown",
        ),
        ("GET", "/api/v1/sites/99999", "not_found"),
        ("GET", "/api/v1/nothing", "not_found"),
    ] {
        let answer = house
            .ask(method, path, Some(&admin), participant.into())
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(answer.code(), code, "{method} {path}");
    }
    for (path, body) in [
        (
            "/api/v1/conferences",
            r#"{"title":"T","sites":["no-such-site"]}"#,
        ),
        (
            "/api/v1/tokens",
            r#"{"role":"site","conference":"weekly","site":"99999","ttlSeconds":60}"#,
        ),
        (
            "/api/v1/conferences/weekly/tokens",
            r#"{"role":"site","sites":["99999"],"ttlSeconds":60}"#,
        ),
    ] {
        let answer = house.ask("POST", path, Some(&admin), body.into()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn a_taken_id_an_empty_floor_and_an_ended_conference_are_conflicts() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let again = r#"{"title":"Again","id":"weekly"}"#;
    let answer = house
        .ask("POST", "/api/v1/conferences", Some(&admin), again.into())
        .await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::CONFLICT, "conference_exists")
    );
    let path = "/api/v1/conferences/weekly/floor/revoke";
    let somebody = r#"{"participant":"01JD8Y6Q0B9FJ3V2K7T5C4X1HE"}"#;
    let answer = house.ask("POST", path, Some(&admin), somebody.into()).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::CONFLICT, "floor_not_held")
    );
    let answer = house.ask("POST", path, Some(&admin), Body::empty()).await;
    assert!(
        answer.status.is_client_error(),
        "a target must be named: {answer:?}"
    );
    let end = "/api/v1/conferences/weekly/end";
    assert_eq!(
        house
            .ask("POST", end, Some(&admin), Body::empty())
            .await
            .status,
        StatusCode::OK
    );
    let start = "/api/v1/conferences/weekly/start";
    let answer = house.ask("POST", start, Some(&admin), Body::empty()).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::CONFLICT, "conference_not_running")
    );
}

#[tokio::test]
async fn an_oversized_body_is_not_read() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let huge = format!(r#"{{"title":"{}"}}"#, "x".repeat(6 * 1024 * 1024));
    let answer = house
        .ask("POST", "/api/v1/conferences", Some(&admin), huge.into())
        .await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
    );
    for path in ["/whip/weekly", "/whep/weekly"] {
        let token = house.token(Role::Hall);
        let huge = "v=0\r\n".repeat(100_000);
        let kind = "application/sdp";
        let answer = house
            .ask_as("POST", path, Some(&token), kind, huge.into())
            .await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_list_of_sites_names_its_lines_and_changes_nothing() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let list = "code,name,level,parent_code\nVN,Centre,central,\n01,,province,VN\n";
    let path = "/api/v1/sites/import";
    let answer = house
        .ask_as("POST", path, Some(&admin), "text/csv", list.into())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let message = answer.body["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("line 3: the site 01 has no name"),
        "{message}"
    );
    let sites = house
        .ask("GET", "/api/v1/sites", Some(&admin), Body::empty())
        .await;
    assert_eq!(sites.body, Value::Array(Vec::new()));
}

#[tokio::test]
async fn whoever_only_watches_publishes_nothing_over_whip() {
    let house = House::open().await;
    let before = house.log().await;
    for role in [Role::Operator, Role::Observer, Role::Admin] {
        let token = house.token(role);
        let kind = "application/sdp";
        let answer = house
            .ask_as("POST", "/whip/weekly", Some(&token), kind, "v=0".into())
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::FORBIDDEN, "not_permitted")
        );
    }
    let hall = house.token(Role::Hall);
    let answer = house
        .ask("POST", "/whip/weekly", Some(&hall), "{}".into())
        .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(house.log().await, before);
}

#[tokio::test]
async fn metrics_are_not_for_the_public() {
    let house = House::open().await;
    let answer = house
        .ask(
            "GET",
            "/metrics",
            Some(&house.token(Role::Admin)),
            Body::empty(),
        )
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
