//! Tokens of every bad kind, at every door: WebSocket, REST, WHIP and WHEP.

use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signaling::auth::{CLOCK_LEEWAY, Role};

use crate::house::{API_KEY, CONFERENCE, House};

fn forge(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A good chair's token but for one claim.
fn claims(change: (&str, Value)) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": API_KEY.0, "sub": "test", "aud": "dinh", "jti": "j", "iat": now, "nbf": now,
        "exp": now + 3600, "conf": CONFERENCE, "role": "chair",
    });
    claims[change.0] = change.1;
    claims
}

/// Signed as the portal would.
fn portal(change: (&str, Value)) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": API_KEY.0});
    forge(&header, &claims(change), API_KEY.1.as_bytes())
}

/// Every bad token with the code it deserves.
fn bad_tokens(house: &House) -> Vec<(&'static str, String, &'static str)> {
    let now = Timestamp::now().as_second();
    let own = house.token(Role::Chair);
    let kid = jsonwebtoken::decode_header(&own)
        .expect("our own token")
        .kid;
    let none = {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": API_KEY.0}).to_string());
        format!(
            "{header}.{}.",
            URL_SAFE_NO_PAD.encode(claims(("sub", json!("x"))).to_string())
        )
    };
    let confused = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
    let good = claims(("iss", json!("dinh")));
    let unknown = json!({"alg": "HS256", "typ": "JWT", "kid": "stranger"});
    let (signed, signature) = own.rsplit_once('.').expect("a token has three parts");
    let (first, others) = signature.split_at(1);
    // Another one in any case, whatever the signature happens to be.
    let other = if first == "A" { "B" } else { "A" };
    let spoiled = format!("{signed}.{other}{others}");
    vec![
        ("empty", String::new(), "token_invalid"),
        ("words", "let me in".to_owned(), "token_invalid"),
        ("unsigned", none, "token_invalid"),
        (
            "confused",
            forge(&confused, &good, API_KEY.1.as_bytes()),
            "token_invalid",
        ),
        (
            "unknown key",
            forge(&unknown, &good, API_KEY.1.as_bytes()),
            "token_invalid",
        ),
        ("another signature", spoiled, "token_invalid"),
        (
            "another audience",
            portal(("aud", json!("mail"))),
            "token_invalid",
        ),
        (
            "another issuer",
            portal(("iss", json!("dinh"))),
            "token_invalid",
        ),
        (
            "not yet",
            portal(("nbf", json!(now + 600))),
            "token_not_yet_valid",
        ),
        (
            "over before it began",
            portal(("exp", json!(now - 1))),
            "token_invalid",
        ),
        (
            "oversize",
            portal(("name", json!("x".repeat(8192)))),
            "token_invalid",
        ),
        (
            "an administrator with a conference",
            portal(("role", json!("admin"))),
            "token_invalid",
        ),
    ]
}

/// Expired properly, so many seconds ago: it was good once.
fn expired(seconds: i64) -> String {
    let now = Timestamp::now().as_second();
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": API_KEY.0});
    let mut claims = claims(("exp", json!(now - seconds)));
    claims["nbf"] = json!(now - 3600);
    claims["iat"] = json!(now - 3600);
    forge(&header, &claims, API_KEY.1.as_bytes())
}

#[tokio::test]
async fn the_portals_good_token_opens_every_door() {
    let house = House::open().await;
    let token = portal(("sub", json!("test")));
    let path = format!("/api/v1/conferences/{CONFERENCE}");
    assert_eq!(
        house
            .ask("GET", &path, Some(&token), Body::empty())
            .await
            .status,
        StatusCode::OK
    );
    let mut socket = house.socket().await;
    socket.join(&token).await;
    let heard = format!("{:?}", socket.next().await);
    assert!(heard.contains("Welcome"), "{heard}");
}

#[tokio::test]
async fn bad_tokens_open_no_websocket() {
    let house = House::open().await;
    let before = house.log().await;
    let mut bad = bad_tokens(&house);
    bad.push(("expired", expired(CLOCK_LEEWAY.as_secs()), "token_expired"));
    for (what, token, code) in bad {
        let mut socket = house.socket().await;
        socket.join(&token).await;
        assert_eq!(socket.error().await, code, "{what}");
        let close_code = if what == "not yet" { 4014 } else { 4003 };
        assert_eq!(
            socket.close().await,
            (close_code, code.to_owned()),
            "{what}"
        );
    }
    assert_eq!(house.log().await, before);
}

#[tokio::test]
async fn bad_tokens_open_no_http_door() {
    let house = House::open().await;
    let before = house.log().await;
    let mut bad = bad_tokens(&house);
    bad.push(("expired", expired(CLOCK_LEEWAY.as_secs()), "token_expired"));
    for (what, token, code) in bad {
        for (method, path, kind) in [
            (
                "GET",
                format!("/api/v1/conferences/{CONFERENCE}"),
                "application/json",
            ),
            ("POST", format!("/whip/{CONFERENCE}"), "application/sdp"),
            ("POST", format!("/whep/{CONFERENCE}"), "application/sdp"),
            ("DELETE", format!("/whip/{CONFERENCE}/x"), "application/sdp"),
        ] {
            let answer = house
                .ask_as(method, &path, Some(&token), kind, "v=0".into())
                .await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what} at {path}");
            assert_eq!(answer.code(), code, "{what} at {path}");
        }
    }
    assert_eq!(house.log().await, before);
}

#[tokio::test]
async fn a_token_that_has_run_out_is_good_for_the_clocks_leeway_and_no_longer() {
    let house = House::open().await;
    let path = format!("/api/v1/conferences/{CONFERENCE}");
    for (seconds, code) in [
        (CLOCK_LEEWAY.as_secs() / 2, ""),
        (CLOCK_LEEWAY.as_secs(), "token_expired"),
    ] {
        let token = expired(seconds);
        let answer = house.ask("GET", &path, Some(&token), Body::empty()).await;
        assert_eq!(answer.code(), code, "{seconds} s after its end");
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_every_door_and_the_store_remembers_it() {
    let house = House::open().await;
    let (token, id) = house.token_with_id(Role::Chair);
    let admin = house.token(Role::Admin);
    let path = format!("/api/v1/conferences/{CONFERENCE}");
    assert_eq!(
        house
            .ask("GET", &path, Some(&token), Body::empty())
            .await
            .status,
        StatusCode::OK
    );
    let revoke = format!("/api/v1/tokens/{id}");
    let revoked = house
        .ask("DELETE", &revoke, Some(&admin), Body::empty())
        .await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    for path in [
        path,
        format!("/whip/{CONFERENCE}"),
        format!("/whep/{CONFERENCE}"),
    ] {
        let method = if path.starts_with("/api") {
            "GET"
        } else {
            "POST"
        };
        let kind = "application/sdp";
        let answer = house
            .ask_as(method, &path, Some(&token), kind, Body::empty())
            .await;
        assert_eq!(answer.code(), "token_revoked", "{path}");
    }
    let mut socket = house.socket().await;
    socket.join(&token).await;
    assert_eq!(socket.close().await, (4003, "token_revoked".to_owned()));
    let kept = house
        .server
        .app()
        .store
        .revoked_tokens(Timestamp::now())
        .await;
    assert!(
        kept.expect("the store answers")
            .iter()
            .any(|kept| kept.id == id)
    );
}

#[tokio::test]
async fn a_token_for_another_conference_opens_nothing_here() {
    let house = House::open().await;
    let hour = SignedDuration::from_hours(1);
    for role in [
        Role::Operator,
        Role::Chair,
        Role::Hall,
        Role::Site,
        Role::Observer,
    ] {
        let (token, _) = house.issue(role, "another", hour);
        for (method, path) in [
            ("GET", format!("/api/v1/conferences/{CONFERENCE}")),
            ("POST", format!("/api/v1/conferences/{CONFERENCE}/end")),
            ("POST", format!("/whip/{CONFERENCE}")),
            ("POST", format!("/whep/{CONFERENCE}")),
        ] {
            let kind = "application/sdp";
            let answer = house
                .ask_as(method, &path, Some(&token), kind, "v=0".into())
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role} at {path}");
        }
        let mut socket = house.socket().await;
        socket.join(&token).await;
        assert_eq!(socket.error().await, "conference_unknown", "{role}");
    }
}
