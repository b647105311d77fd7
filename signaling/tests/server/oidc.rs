//! Log-ins by a provider that is not as it should be. A real one logs people in in `tests/browser`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use signaling::accounts::AccountRole;
use signaling::config::{Config, Oidc, Secret};
use tokio::net::TcpListener;

use crate::authority::{Authority, Secured};
use crate::world::{Reply, World};

const DEPART: &str = "/api/v1/login/oidc/bo";

/// A key with which it signs.
struct Key {
    id: &'static str,
    signs: EncodingKey,
    published: Value,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let published = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
            "x": part(&point[1..33]), "y": part(&point[33..]),
        });
        Self {
            id,
            signs: EncodingKey::from_ec_der(document.as_ref()),
            published,
        }
    }
}

/// What it does wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Fault {
    #[default]
    None,
    /// It describes itself as somebody else.
    OtherIssuer,
    /// It describes itself with more than anybody reads.
    Huge,
    /// It describes itself in no words at all.
    NoJson,
    /// It never says anything.
    Silent,
    /// It has a bad day.
    Broken,
    /// It sends people and codes over the network in the clear.
    Clear,
    /// It gives no token for a code.
    NoToken,
    /// The code was used, it says.
    UsedCode,
    /// It gives a token that nobody has signed.
    Unsigned,
}

struct Inner {
    /// As it calls itself.
    issuer: String,
    keys: Vec<Key>,
    /// What its next token says beyond, or instead of, what it should.
    claims: Value,
    /// What it says of the person when it is asked.
    person: Option<Value>,
    fault: Fault,
    nonce: String,
    asked: BTreeMap<&'static str, usize>,
}

#[derive(Clone)]
struct Provider(Arc<Mutex<Inner>>);

impl Provider {
    async fn start() -> Self {
        let (listener, address) = bound().await;
        let provider = Self::new(format!("http://{address}"));
        let router = provider.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// At `localhost`, with a certificate for this name.
    async fn secured(authority: &Authority, name: &str) -> Self {
        let (listener, address) = bound().await;
        let provider = Self::new(format!("https://localhost:{}", address.port()));
        let secured = Secured(listener, authority.acceptor(name));
        let router = provider.router();
        tokio::spawn(async move { axum::serve(secured, router).await });
        provider
    }

    fn new(issuer: String) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            issuer,
            keys: vec![Key::new("one")],
            claims: json!({}),
            person: None,
            fault: Fault::None,
            nonce: String::new(),
            asked: BTreeMap::new(),
        })))
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/me", get(me))
            .with_state(self.clone())
    }

    fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap());
    }

    fn issuer(&self) -> String {
        self.0.lock().unwrap().issuer.clone()
    }

    fn asked(&self, what: &'static str) -> usize {
        let inner = self.0.lock().unwrap();
        inner.asked.get(what).copied().unwrap_or_default()
    }

    fn note(&self, what: &'static str) -> Fault {
        let mut inner = self.0.lock().unwrap();
        *inner.asked.entry(what).or_default() += 1;
        inner.fault
    }

    /// A server whose people it knows.
    async fn world(&self) -> World {
        self.world_with(PathBuf::new()).await
    }

    /// One that trusts this authority besides those of this machine.
    async fn world_with(&self, authority: PathBuf) -> World {
        let issuer = self.issuer();
        let also = move |config: &mut Config| {
            trust(config, issuer);
            config.accounts.oidc.get_mut("bo").unwrap().authority = authority;
        };
        World::with(also).await
    }
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn trust(config: &mut Config, issuer: String) {
    let roles = [
        ("dieu-hanh", AccountRole::National),
        ("quan-tri", AccountRole::Admin),
    ];
    let provinces = [("ha-noi", "01"), ("nowhere", "99")];
    let provider = Oidc {
        name: "Bộ Nội vụ".to_owned(),
        issuer,
        client_id: "dinh".to_owned(),
        client_secret: Secret::new("secret"),
        roles: roles.map(|(group, role)| (group.to_owned(), role)).into(),
        provinces: provinces
            .map(|(group, code)| (group.to_owned(), code.parse().unwrap()))
            .into(),
        ..Oidc::default()
    };
    config.accounts.oidc.insert("bo".to_owned(), provider);
    assert_eq!(config.validate(), Ok(()));
}

async fn describe(State(provider): State<Provider>) -> Response {
    let own = provider.issuer();
    let mut described = json!({
        "issuer": own,
        "authorization_endpoint": format!("{own}/auth"),
        "token_endpoint": format!("{own}/token"),
        "userinfo_endpoint": format!("{own}/me"),
        "jwks_uri": format!("{own}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    match provider.note("itself") {
        Fault::OtherIssuer => described["issuer"] = json!("https://other.example.vn"),
        Fault::Clear => described["jwks_uri"] = json!("http://id.example.vn/keys"),
        Fault::Huge => return ([(CONTENT_TYPE, "application/json")], endless()).into_response(),
        Fault::NoJson => {
            return ([(CONTENT_TYPE, "application/json")], "<html>").into_response();
        }
        Fault::Silent => std::future::pending().await,
        Fault::Broken => return StatusCode::BAD_GATEWAY.into_response(),
        _ => {}
    }
    Json(described).into_response()
}

/// Never ends.
fn endless() -> Body {
    let more = || Ok::<_, std::io::Error>(vec![b' '; 65_536]);
    Body::from_stream(futures_util::stream::repeat_with(more))
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    provider.note("keys");
    let inner = provider.0.lock().unwrap();
    let published: Vec<_> = inner.keys.iter().map(|key| &key.published).collect();
    Json(json!({ "keys": published }))
}

async fn token(State(provider): State<Provider>) -> Response {
    match provider.note("token") {
        Fault::NoToken => return Json(json!({ "access_token": "x" })).into_response(),
        Fault::UsedCode => {
            let refused = Json(json!({ "error": "invalid_grant" }));
            return (StatusCode::BAD_REQUEST, refused).into_response();
        }
        _ => {}
    }
    let issuer = provider.issuer();
    let inner = provider.0.lock().unwrap();
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": issuer, "aud": "dinh", "sub": "7", "iat": now, "exp": now + 300,
        "nonce": inner.nonce, "name": "Nguyễn Thị An", "preferred_username": "an.nguyen",
        "email": "an@example.vn", "groups": ["dieu-hanh"],
    });
    for (name, value) in inner.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    let key = inner.keys.last().unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.id.to_owned());
    let signed = jsonwebtoken::encode(&header, &claims, &key.signs).unwrap();
    let id_token = match inner.fault {
        Fault::Unsigned => {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))
        }
        _ => signed,
    };
    Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token }))
        .into_response()
}

async fn me(State(provider): State<Provider>) -> Response {
    provider.note("me");
    let inner = provider.0.lock().unwrap();
    match &inner.person {
        Some(person) => Json(person.clone()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Somebody on the way to the provider.
#[derive(Debug)]
struct Traveller {
    state: String,
    cookie: String,
}

fn place(reply: &Reply) -> &str {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text);
    reply.header(LOCATION.as_str())
}

fn parameter(url: &str, name: &str) -> String {
    let found = url.split(['?', '&']).find_map(|part| {
        let (found, value) = part.split_once('=')?;
        (found == name).then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in {url}"))
}

async fn depart(world: &World, provider: &Provider, path: &str) -> Traveller {
    let sent = world.call(Method::GET, path, &[], String::new()).await;
    let url = place(&sent);
    assert!(url.starts_with(&provider.issuer()), "{url}");
    provider.set(|inner| inner.nonce = parameter(url, "nonce"));
    assert_eq!(parameter(url, "code_challenge_method"), "S256");
    let cookie = sent.header(SET_COOKIE.as_str());
    Traveller {
        state: parameter(url, "state"),
        cookie: cookie.split(';').next().unwrap().to_owned(),
    }
}

async fn arrive(world: &World, traveller: &Traveller, query: &str) -> Reply {
    let path = format!("{DEPART}/callback?state={}&{query}", traveller.state);
    let cookie = (COOKIE.as_str(), traveller.cookie.clone());
    world
        .call(Method::GET, &path, &[cookie], String::new())
        .await
}

/// Where somebody ends who goes there and back.
async fn log_in(world: &World, provider: &Provider) -> Reply {
    let traveller = depart(world, provider, DEPART).await;
    arrive(world, &traveller, "code=x").await
}

/// Who is in with the cookie of an answer.
async fn who(world: &World, reply: &Reply) -> Value {
    let cookie = reply.header(SET_COOKIE.as_str()).split(';').next().unwrap();
    let headers = [(COOKIE.as_str(), cookie.to_owned())];
    let asked = world.call(Method::GET, "/api/v1/login", &headers, String::new());
    asked.await.json()
}

#[tokio::test]
async fn whoever_comes_back_is_in_at_the_page_that_was_wanted_and_it_is_noted() {
    let provider = Provider::start().await;
    let world = provider.world().await;
    let ways = world.call(Method::GET, "/api/v1/login/ways", &[], String::new());
    let listed = json!([{ "id": "bo", "name": "Bộ Nội vụ" }]);
    assert_eq!(ways.await.json()["providers"], listed);
    let path = format!("{DEPART}?then=/sites?site=01");
    let traveller = depart(&world, &provider, &path).await;
    let came = arrive(&world, &traveller, "code=x&session_state=y&iss=").await;
    assert_eq!(
        place(&came),
        "/office#refused=provider_nonsense",
        "its `iss`"
    );
    let traveller = depart(&world, &provider, &path).await;
    let came = arrive(&world, &traveller, "code=x&session_state=y").await;
    assert_eq!(place(&came), "/office#/sites?site=01");
    let person = who(&world, &came).await;
    assert_eq!(person["account"]["role"], "national", "{person}");
    assert_eq!(person["account"]["provider"], "bo");
    let acts = world.get("/api/v1/acts", &world.admin()).await.json();
    assert_eq!(acts[0]["name"], "Nguyễn Thị An", "{acts}");
    assert_eq!(acts[0]["route"], "/api/v1/login/oidc/{provider}/callback");
    let about = acts[0]["about"].as_str().unwrap();
    assert_eq!(about, "/api/v1/login/oidc/bo/callback", "no code, no state");
    // The same answer once more, and one in another browser.
    let again = arrive(&world, &traveller, "code=x").await;
    assert_eq!(place(&again), "/office#refused=login_late");
    let mut other = depart(&world, &provider, DEPART).await;
    other.cookie = "dinh-oidc=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let stolen = arrive(&world, &other, "code=x").await;
    assert_eq!(place(&stolen), "/office#refused=login_late");
}

#[tokio::test]
async fn a_token_that_is_not_for_this_server_this_attempt_and_this_time_lets_nobody_in() {
    let provider = Provider::start().await;
    let world = provider.world().await;
    let now = jiff::Timestamp::now().as_second();
    for wrong in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another" }),
        json!({ "aud": ["dinh", "another"] }),
        json!({ "iss": "https://other.example.vn" }),
        json!({ "iat": now - 600, "exp": now - 61 }),
        json!({ "iat": now + 120 }),
        json!({ "sub": "x".repeat(256) }),
    ] {
        provider.set(|inner| inner.claims = wrong.clone());
        let came = log_in(&world, &provider).await;
        assert_eq!(place(&came), "/office#refused=provider_nonsense", "{wrong}");
    }
    // Clocks differ.
    for right in [json!({ "exp": now - 30 }), json!({ "iat": now + 30 })] {
        provider.set(|inner| inner.claims = right.clone());
        let came = log_in(&world, &provider).await;
        assert_eq!(place(&came), "/office#/", "{right}");
    }
    for (fault, code) in [
        (Fault::NoToken, "provider_nonsense"),
        (Fault::Unsigned, "provider_nonsense"),
        (Fault::UsedCode, "login_late"),
    ] {
        provider.set(|inner| inner.fault = fault);
        let came = log_in(&world, &provider).await;
        assert_eq!(place(&came), format!("/office#refused={code}"), "{fault:?}");
    }
    provider.set(|inner| inner.fault = Fault::None);
    for (query, code) in [
        ("error=access_denied", "provider_denied"),
        ("error=temporarily_unavailable", "provider_away"),
        ("error=invalid_scope", "provider_nonsense"),
        ("", "provider_nonsense"),
        ("code=", "provider_nonsense"),
    ] {
        let traveller = depart(&world, &provider, DEPART).await;
        let came = arrive(&world, &traveller, query).await;
        assert_eq!(place(&came), format!("/office#refused={code}"), "{query}");
    }
}

#[tokio::test]
async fn new_keys_are_asked_for_when_they_are_met_and_invented_ones_do_not_have_it_asked_for_ever()
{
    let provider = Provider::start().await;
    let world = provider.world().await;
    assert_eq!(place(&log_in(&world, &provider).await), "/office#/");
    assert_eq!((provider.asked("itself"), provider.asked("keys")), (1, 1));
    assert_eq!(place(&log_in(&world, &provider).await), "/office#/");
    assert_eq!(
        provider.asked("keys"),
        1,
        "what is known is not asked again"
    );
    provider.set(|inner| inner.keys = vec![Key::new("two")]);
    for _ in 0..2 {
        assert_eq!(place(&log_in(&world, &provider).await), "/office#/");
    }
    assert_eq!(provider.asked("keys"), 2, "a new key was met");
    // Within half a minute others are not asked for.
    provider.set(|inner| inner.keys = vec![Key::new("three")]);
    for _ in 0..3 {
        let came = log_in(&world, &provider).await;
        assert_eq!(place(&came), "/office#refused=provider_nonsense");
    }
    assert_eq!(provider.asked("keys"), 2, "it was asked a moment ago");
}

#[tokio::test]
async fn a_provider_that_does_not_describe_itself_is_away_or_nonsense_and_is_left_alone() {
    for (fault, code) in [
        (Fault::OtherIssuer, "provider_nonsense"),
        (Fault::Huge, "provider_nonsense"),
        (Fault::NoJson, "provider_nonsense"),
        (Fault::Clear, "provider_nonsense"),
        (Fault::Broken, "provider_away"),
        (Fault::Silent, "provider_away"),
    ] {
        let provider = Provider::start().await;
        provider.set(|inner| inner.fault = fault);
        let world = provider.world().await;
        let began = Instant::now();
        for _ in 0..3 {
            let sent = world.call(Method::GET, DEPART, &[], String::new()).await;
            assert_eq!(place(&sent), format!("/office#refused={code}"), "{fault:?}");
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(12), "{fault:?}: {took:?}");
        assert_eq!(provider.asked("itself"), 1, "{fault:?}");
    }
    let gone = Provider::start().await;
    let issuer = "http://127.0.0.1:1".to_owned();
    let world = World::with(move |config| trust(config, issuer)).await;
    drop(gone);
    let sent = world.call(Method::GET, DEPART, &[], String::new()).await;
    assert_eq!(place(&sent), "/office#refused=provider_away");
    let unknown = "/api/v1/login/oidc/unknown";
    let sent = world.call(Method::GET, unknown, &[], String::new()).await;
    assert_eq!(place(&sent), "/office#refused=provider_away");
}

#[tokio::test]
async fn groups_decide_at_each_log_in_and_whoever_is_in_none_any_more_is_in_nowhere() {
    let provider = Provider::start().await;
    let world = provider.world().await;
    let groups = |groups: &[&str]| {
        let groups = json!({ "groups": groups });
        provider.set(|inner| inner.claims = groups);
    };
    let first = log_in(&world, &provider).await;
    assert_eq!(who(&world, &first).await["account"]["role"], "national");
    groups(&["ha-noi", "unknown"]);
    let second = log_in(&world, &provider).await;
    for reply in [&first, &second] {
        let person = who(&world, reply).await;
        assert_eq!(person["account"]["role"], "provincial", "{person}");
        assert_eq!(person["account"]["province"], "01", "{person}");
    }
    groups(&["nowhere"]);
    let nowhere = log_in(&world, &provider).await;
    assert_eq!(place(&nowhere), "/office#refused=not_permitted");
    groups(&["ha-noi"]);
    let third = log_in(&world, &provider).await;
    groups(&[]);
    let none = log_in(&world, &provider).await;
    assert_eq!(place(&none), "/office#refused=not_permitted");
    assert_eq!(who(&world, &third).await["code"], "login_ended");
    // It stands in no token: the provider is asked.
    provider.set(|inner| {
        inner.claims = json!({ "groups": null, "name": null });
        inner.person = Some(json!({ "sub": "7", "name": "An", "groups": ["quan-tri"] }));
    });
    let asked = log_in(&world, &provider).await;
    assert_eq!(who(&world, &asked).await["account"]["role"], "admin");
    provider.set(|inner| inner.person = Some(json!({ "sub": "8", "groups": ["quan-tri"] })));
    let other = log_in(&world, &provider).await;
    assert_eq!(place(&other), "/office#refused=provider_nonsense");
}

#[tokio::test]
async fn who_goes_there_too_often_is_led_back_and_whoever_was_there_comes_in() {
    let provider = Provider::start().await;
    let world = provider.world().await;
    let traveller = depart(&world, &provider, DEPART).await;
    let nonce = provider.0.lock().unwrap().nonce.clone();
    let mut refused = 0;
    for _ in 0..110 {
        let sent = world.call(Method::GET, DEPART, &[], String::new()).await;
        refused += usize::from(place(&sent) == "/office#refused=rate_limited");
    }
    assert!(refused > 0);
    provider.set(|inner| inner.nonce = nonce);
    let came = arrive(&world, &traveller, "code=x").await;
    assert_eq!(place(&came), "/office#/");
}

#[tokio::test]
async fn an_account_that_is_disabled_here_stays_so() {
    let provider = Provider::start().await;
    let world = provider.world().await;
    let came = log_in(&world, &provider).await;
    let id = who(&world, &came).await["account"]["id"].clone();
    let path = format!("/api/v1/accounts/{}", id.as_str().unwrap());
    let body = json!({ "isDisabled": true });
    let disabled = world
        .send_json(Method::PATCH, &path, &world.admin(), &body)
        .await;
    assert_eq!(disabled.status, StatusCode::OK, "{}", disabled.text);
    let again = log_in(&world, &provider).await;
    assert_eq!(place(&again), "/office#refused=not_permitted");
    assert!(!again.headers.contains_key(SET_COOKIE));
}

#[tokio::test]
async fn a_provider_whose_certificate_is_by_an_authority_of_ones_own_lets_people_in() {
    let authority = Authority::new();
    let provider = Provider::secured(&authority, "localhost").await;
    let world = provider.world_with(authority.file.clone()).await;
    let came = log_in(&world, &provider).await;
    assert_eq!(place(&came), "/office#/");
    assert_eq!(who(&world, &came).await["account"]["role"], "national");
    assert_eq!(provider.asked("token"), 1);
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_is_not_trusted_or_has_another_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let empty = authority.file.with_file_name("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (name, trusted) in [
        ("localhost", PathBuf::new()),
        ("localhost", stranger.file.clone()),
        ("localhost", empty),
        ("id.example.vn", authority.file.clone()),
    ] {
        let provider = Provider::secured(&authority, name).await;
        let world = provider.world_with(trusted.clone()).await;
        let sent = world.call(Method::GET, DEPART, &[], String::new()).await;
        let place = place(&sent);
        assert_eq!(place, "/office#refused=provider_away", "{name} {trusted:?}");
        assert_eq!(provider.asked("itself"), 0, "nothing was asked in the end");
    }
}
