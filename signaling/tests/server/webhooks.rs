//! Programs that are told what happens, and whoever asks for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use signaling::auth::Role;
use signaling::config::Config;
use tokio::time::{sleep, timeout};

use crate::world::{CONFERENCE, World, path};

/// What a program was sent: the signature and the body.
type Told = (String, Vec<u8>);

/// A program that answers as it is told to, then with 204.
#[derive(Clone, Default)]
struct Program {
    told: Arc<Mutex<Vec<Told>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Program {
    async fn start(answers: &[u16]) -> (Self, SocketAddr) {
        let program = Self::default();
        program.answers.lock().unwrap().extend(answers);
        let router = Router::new()
            .route("/", post(take))
            .with_state(program.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (program, address)
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Told> {
        let waiting = async {
            while self.told().len() < count {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(Duration::from_secs(60), waiting).await;
        assert!(
            waited.is_ok(),
            "told {} times instead of {count}",
            self.told().len()
        );
        self.told()
    }
}

async fn take(
    State(program): State<Program>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let signature = headers["authorization"].to_str().unwrap().to_owned();
    program
        .told
        .lock()
        .unwrap()
        .push((signature, body.to_vec()));
    let status = program.answers.lock().unwrap().pop_front().unwrap_or(204);
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("location", "http://127.0.0.1:1/elsewhere")]).into_response()
}

fn near(config: &mut Config) {
    config.webhooks.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
}

async fn make(world: &World, body: &Value) -> Value {
    let made = world.post("/api/v1/webhooks", &world.admin(), body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()
}

async fn call(world: &World, method: Method, path: &str, body: &Value) -> Value {
    let answer = world.send_json(method, path, &world.admin(), body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap_or_default()
}

/// Waits until the deliveries of a webhook are in these states, the latest first.
async fn reached(world: &World, webhook: &Value, states: &[&str]) -> Value {
    let path = format!(
        "/api/v1/webhooks/{}/deliveries",
        webhook["id"].as_str().unwrap()
    );
    let looking = async {
        loop {
            let list = world.get(&path, &world.admin()).await.json();
            let found: Vec<_> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["state"].clone())
                .collect();
            if found == states {
                return list;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(Duration::from_secs(60), looking).await;
    match found {
        Ok(list) => list,
        Err(_) => panic!(
            "not {states:?}: {}",
            world.get(&path, &world.admin()).await.text
        ),
    }
}

/// Waits until something was said of the one delivery of a webhook.
async fn said_of(world: &World, webhook: &Value) -> String {
    loop {
        let list = reached(world, webhook, &["waiting"]).await;
        if let Some(said) = list[0]["said"].as_str() {
            return said.to_owned();
        }
    }
}

/// Waits until the one delivery of a webhook was answered with a status, and waits for another attempt.
async fn answered(world: &World, webhook: &Value, status: u16) -> Value {
    let looking = async {
        loop {
            let list = reached(world, webhook, &["waiting"]).await;
            if list[0]["status"] == status {
                return list;
            }
        }
    };
    timeout(Duration::from_secs(60), looking).await.unwrap()
}

#[tokio::test]
async fn a_program_is_told_what_happens_and_can_check_who_tells_it() {
    let (program, address) = Program::start(&[]).await;
    let world = World::with(near).await;
    let body =
        json!({ "url": format!("http://{address}/"), "after": 0, "kinds": ["created", "started"] });
    let webhook = make(&world, &body).await;
    let (signature, body) = program.wait_for(1).await.remove(0);
    let keys = world
        .call(Method::GET, "/api/v1/webhooks/keys", &[], String::new())
        .await;
    let key = &keys.json()["keys"][0];
    let public = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let mut wanted = Validation::new(Algorithm::EdDSA);
    wanted.set_audience(&[webhook["id"].as_str().unwrap()]);
    let signature = signature.strip_prefix("Bearer ").unwrap();
    let signed = jsonwebtoken::decode::<Value>(signature, &public, &wanted).unwrap();
    assert_eq!(signed.header.kid.as_deref(), key["kid"].as_str());
    assert_eq!(signed.claims["sha256"], hex::encode(Sha256::digest(&body)));
    assert_eq!(signed.claims["sequence"], 1);
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["sequence"], 1);
    let kinds: Vec<_> = told["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["event"]["kind"])
        .collect();
    assert_eq!(kinds, ["created", "started"]);
    assert_eq!(told["events"][0]["conference"], CONFERENCE);
    // It is no token of this server.
    let refused = world.get("/api/v1/conferences", signature).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text);
    world
        .post(&path("/end"), &world.admin(), &Value::Null)
        .await;
    let next = json!({ "id": "next", "title": "Next" });
    world
        .post("/api/v1/conferences", &world.admin(), &next)
        .await;
    let (_, second) = program.wait_for(2).await.remove(1);
    let second: Value = serde_json::from_slice(&second).unwrap();
    assert_eq!(
        (&second["sequence"], &second["events"][0]["conference"]),
        (&json!(2), &json!("next"))
    );
    reached(&world, &webhook, &["delivered", "delivered"]).await;
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_and_what_is_refused_waits_for_a_hand() {
    let (program, address) = Program::start(&[500, 302]).await;
    let world = World::with(near).await;
    let body = json!({ "url": format!("http://{address}/"), "after": 0 });
    let webhook = make(&world, &body).await;
    program.wait_for(1).await;
    answered(&world, &webhook, 500).await;
    let id = webhook["id"].as_str().unwrap();
    let again = format!("/api/v1/webhooks/{id}/deliveries/1/again");
    call(&world, Method::POST, &again, &Value::Null).await;
    program.wait_for(2).await;
    let list = answered(&world, &webhook, 302).await;
    assert!(
        list[0]["said"].as_str().unwrap().contains("elsewhere"),
        "{list}"
    );
    let failing = call(&world, Method::GET, "/api/v1/webhooks", &Value::Null).await;
    assert!(failing[0]["failingSince"].is_string(), "{failing}");
    call(&world, Method::POST, &again, &Value::Null).await;
    let told = program.wait_for(3).await;
    assert!(
        told.iter().all(|(_, body)| *body == told[0].1),
        "the same each time"
    );
    reached(&world, &webhook, &["delivered"]).await;
    let well = call(&world, Method::GET, "/api/v1/webhooks", &Value::Null).await;
    assert_eq!(well[0]["failingSince"], Value::Null);
}

#[tokio::test]
async fn what_a_program_missed_while_it_was_off_or_the_server_away_it_is_told_later() {
    let (program, address) = Program::start(&[]).await;
    let world = World::with(near).await;
    let webhook = make(&world, &json!({ "url": format!("http://{address}/") })).await;
    let one = format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    call(&world, Method::PATCH, &one, &json!({ "isOn": false })).await;
    world
        .post(&path("/end"), &world.admin(), &Value::Null)
        .await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(program.told(), []);
    let world = world.stop().await.start_with(near).await;
    call(&world, Method::PATCH, &one, &json!({ "isOn": true })).await;
    let (_, body) = program.wait_for(1).await.remove(0);
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["events"][0]["event"]["kind"], "ended");
    call(&world, Method::DELETE, &one, &Value::Null).await;
    let gone = world
        .get(&format!("{one}/deliveries"), &world.admin())
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{}", gone.text);
}

#[tokio::test]
async fn an_address_inside_the_network_is_not_called_unless_that_is_allowed() {
    let (program, address) = Program::start(&[]).await;
    let world = World::new().await;
    for url in [
        format!("http://{address}/"),
        format!("http://localhost:{}/", address.port()),
    ] {
        let webhook = make(&world, &json!({ "url": url, "after": 0 })).await;
        let said = timeout(Duration::from_secs(60), said_of(&world, &webhook)).await;
        let said = said.unwrap();
        assert!(said.contains("allowed_networks"), "{url}: {said}");
    }
    assert_eq!(program.told(), []);
    for wrong in [
        "file:///etc/passwd",
        "https://me:secret@example.vn/",
        "",
        "example.vn",
    ] {
        let body = json!({ "url": wrong });
        let refused = world.post("/api/v1/webhooks", &world.admin(), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn events_of_all_conferences_come_in_one_order_page_by_page() {
    let world = World::new().await;
    let admin = world.admin();
    let other = json!({ "id": "other", "title": "Other" });
    world.post("/api/v1/conferences", &admin, &other).await;
    world.post(&path("/end"), &admin, &Value::Null).await;
    let whole = world.get("/api/v1/events", &admin).await;
    let whole = whole.json();
    let whole = whole.as_array().unwrap();
    let numbers: Vec<_> = whole
        .iter()
        .map(|event| event["number"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    let last = whole.last().unwrap();
    assert_eq!(
        (&last["conference"], &last["event"]["kind"]),
        (&json!(CONFERENCE), &json!("ended"))
    );
    let (mut found, mut next) = (Vec::new(), Some("/api/v1/events?limit=2".to_owned()));
    while let Some(path) = next {
        let page = world.get(&path, &admin).await;
        found.extend(page.json().as_array().unwrap().iter().cloned());
        let link = page
            .headers
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
    }
    assert_eq!(found, *whole);
    let operator = world.token(Role::Operator, None);
    let refused = world.get("/api/v1/events", &operator).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
}
