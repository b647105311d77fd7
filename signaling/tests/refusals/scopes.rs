//! Narrowed tokens: every role, every verb and every scope of one verb, and what lies within one province.
//! What is expected is read from the table of rights.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;
use signaling::auth::{Narrowing, Role, Scope, Verb, Verbs};

use crate::house::{Heard, House};
use crate::rest::{body_for, of_rights, verb};
use crate::websocket::{is_permitted, requests};

fn only(verbs: impl IntoIterator<Item = Verb>) -> Narrowing {
    Narrowing {
        scope: Some(Verbs::from_iter(verbs)),
        province: None,
    }
}

/// The rights that an operation needs: what tells of checks or invitations tells of a booking too.
fn needs(method: &str, path: &str) -> Vec<Verb> {
    let own = verb(method, path);
    match own {
        Verb::ReadInvitations => vec![own, Verb::ReadBookings],
        _ if path.contains("/readiness") => vec![Verb::ReadBookings, Verb::ReadChecks],
        _ => vec![own],
    }
}

fn roles() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| role.is_of_tokens())
}

/// Whether a token of this role may do that at all: it has no logins.
fn may(role: Role, verb: Verb) -> bool {
    role.reach(verb).is_some_and(|reach| reach != Scope::Itself)
}

/// Of each operation: with a scope of just what it needs it is permitted where the table says so, and with any
/// one other verb of the role refused, naming what is missing. The other verb is another one each time.
#[tokio::test]
async fn over_rest_a_scope_of_one_verb_is_for_what_needs_that_verb_alone() {
    for role in roles() {
        let house = House::open().await;
        let own: Vec<_> = Verb::ALL.iter().filter(|verb| role.may(**verb)).collect();
        for (index, (method, path)) in of_rights().enumerate() {
            let needs = needs(&method, &path);
            // No scope gives what the role may not.
            if !needs.iter().all(|need| role.may(*need)) {
                continue;
            }
            let token = house.narrowed(role, only(needs.iter().copied()));
            let body = body_for(&path);
            let answer = house.ask(&method, &path, Some(&token), body).await;
            let expected = needs.iter().all(|need| may(role, *need));
            let is_permitted = answer.status != StatusCode::FORBIDDEN;
            assert_eq!(
                is_permitted, expected,
                "{role}: {method} {path}: {answer:?}"
            );
            if !expected {
                continue;
            }
            let others: Vec<_> = own.iter().filter(|verb| !needs.contains(verb)).collect();
            let other = **others[index % others.len()];
            let token = house.narrowed(role, only([other]));
            let body = body_for(&path);
            let refused = house.ask(&method, &path, Some(&token), body).await;
            let said = format!("{role} for {other:?}: {method} {path}: {refused:?}");
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{said}");
            let told = refused.body["message"].as_str().unwrap_or_default();
            let is_named = |verb: &Verb| told.contains(&format!("`{}`", verb.as_str()));
            assert!(needs.iter().any(is_named), "{said}");
        }
    }
}

#[tokio::test]
async fn over_rest_a_scope_without_one_verb_is_for_everything_else() {
    for role in roles() {
        let house = House::open().await;
        let own = || Verb::ALL.iter().copied().filter(|verb| role.may(*verb));
        for missing in own() {
            let token = house.narrowed(role, only(own().filter(|verb| *verb != missing)));
            let operations = of_rights().filter(|(method, path)| verb(method, path) == missing);
            for (method, path) in operations {
                let answer = house
                    .ask(&method, &path, Some(&token), body_for(&path))
                    .await;
                assert_eq!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{role}: {method} {path}"
                );
            }
        }
        let whole = house.narrowed(role, only(own()));
        for (method, path) in of_rights() {
            let answer = house
                .ask(&method, &path, Some(&whole), body_for(&path))
                .await;
            let expected = may(role, verb(&method, &path));
            let is_permitted = answer.status != StatusCode::FORBIDDEN;
            assert_eq!(is_permitted, expected, "{role}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn over_rest_a_token_for_one_province_reaches_what_somebody_does_who_acts_within_one() {
    let house = House::open().await;
    let token = house.narrowed(
        Role::Admin,
        Narrowing {
            scope: None,
            province: Some("01".parse().expect("a code")),
        },
    );
    for (method, path) in of_rights() {
        let answer = house
            .ask(&method, &path, Some(&token), body_for(&path))
            .await;
        // There is no site of that province here.
        let is_list = method == "GET"
            && !path.ends_with("/sites/00004")
            && !path.ends_with("/conflicts")
            && !path.ends_with("/bookings/export");
        let reach = Role::Provincial.reach(verb(&method, &path));
        let expected = reach == Some(Scope::Province) && is_list;
        let is_permitted = answer.status != StatusCode::FORBIDDEN;
        assert_eq!(is_permitted, expected, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn over_a_session_a_scope_is_for_the_verbs_that_it_names_alone() {
    for role in roles().filter(|role| role.may(Verb::Join)) {
        let house = House::open().await;
        for (named, _) in requests() {
            if !role.may(named) {
                continue;
            }
            let token = house.narrowed(role, only([Verb::Join, Verb::Leave, named]));
            let mut socket = house.joined_with(&token).await;
            for (verb, request) in requests() {
                socket.text(request.to_string()).await;
                let is_permitted = is_permitted(&mut socket).await;
                assert_eq!(
                    is_permitted,
                    verb == named,
                    "{role} for {named:?}: {request}"
                );
            }
            socket.text(r#"{"type":"leave"}"#).await;
            socket.close().await;
        }
    }
}

#[tokio::test]
async fn nobody_joins_with_a_token_whose_scope_leaves_that_out() {
    for role in roles().filter(|role| role.may(Verb::Join)) {
        let house = House::open().await;
        let before = house.log().await;
        let others = Verb::ALL.iter().copied();
        let others = others.filter(|verb| role.may(*verb) && *verb != Verb::Join);
        let token = house.narrowed(role, only(others));
        let mut socket = house.socket().await;
        socket.join(&token).await;
        let Heard::Message(signaling::protocol::ServerMessage::Error { message, .. }) =
            socket.next().await
        else {
            panic!("{role} came in");
        };
        assert!(message.contains("`join`"), "{message}");
        assert_eq!(house.log().await, before);
    }
}

/// Makes a token with this one; what came of it.
async fn make(house: &House, with: &str, new: serde_json::Value) -> (StatusCode, String) {
    let body = Body::from(new.to_string());
    let answer = house.ask("POST", "/api/v1/tokens", Some(with), body).await;
    let told = answer.body["message"].as_str().unwrap_or_default();
    (answer.status, told.to_owned())
}

#[tokio::test]
async fn a_narrowed_token_makes_none_that_may_more_than_itself() {
    let house = House::open().await;
    let narrow = only([Verb::ManageTokens, Verb::ReadBookings]);
    let own = house.narrowed(Role::Admin, narrow);
    let admin = json!({"role": "admin", "ttlSeconds": 60});
    let (status, told) = make(&house, &own, admin).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        told.contains("see everything of a conference (`readConference`)"),
        "{told}"
    );
    let wider = json!({"role": "admin", "ttlSeconds": 60, "scope": ["readBookings", "book"]});
    let (status, told) = make(&house, &own, wider).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(told.contains("`book`"), "{told}");
    let same = json!({"role": "admin", "ttlSeconds": 60, "scope": ["readBookings"]});
    assert_eq!(make(&house, &own, same).await.0, StatusCode::CREATED);
    let moderating = json!({"role": "operator", "conference": "weekly", "ttlSeconds": 60});
    assert_eq!(
        make(&house, &own, moderating).await.0,
        StatusCode::FORBIDDEN
    );
    // What is an attendee's own is no administrator's to give away or keep.
    let watching = json!({"role": "observer", "conference": "weekly", "ttlSeconds": 60});
    assert_eq!(make(&house, &own, watching).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_token_with_a_scope_is_made_over_rest_and_listed_with_it() {
    let house = House::open().await;
    let admin = house.token(Role::Admin);
    let new = json!({
        "role": "admin", "ttlSeconds": 60, "scope": ["readSites", "amendSite"], "province": "01",
    });
    let body = Body::from(new.to_string());
    let made = house
        .ask("POST", "/api/v1/tokens", Some(&admin), body)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let listed = house
        .ask("GET", "/api/v1/tokens", Some(&admin), Body::empty())
        .await;
    let listed = listed.body.as_array().expect("a list").clone();
    let row = listed.iter().find(|row| row["id"] == made.body["id"]);
    let row = row.expect("it is listed");
    assert_eq!(row["scope"], json!(["readSites", "amendSite"]));
    assert_eq!(row["province"], "01");
    let token = made.body["token"].as_str().expect("it is told");
    let sites = house
        .ask("GET", "/api/v1/sites", Some(token), Body::empty())
        .await;
    assert_eq!(sites.status, StatusCode::OK);
    for (wrong, named) in [
        (
            json!({"role": "admin", "ttlSeconds": 60, "scope": []}),
            "scope",
        ),
        (
            json!({"role": "admin", "ttlSeconds": 60, "scope": ["fly"]}),
            "readConference",
        ),
        (
            json!({"role": "admin", "ttlSeconds": 60, "scope": ["join"]}),
            "`join`",
        ),
        (
            json!({"role": "chair", "conference": "weekly", "ttlSeconds": 60, "province": "01"}),
            "province",
        ),
    ] {
        let (status, told) = make(&house, &admin, wrong.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(told.contains(named), "{wrong}: {told}");
    }
}
