//! Settings that change while the server runs.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signaling::auth::{ApiKey, KeyLimits, Keys, Narrowing, NewToken, Role, SigningKey};
use signaling::config::Config;
use signaling::fresh;
use signaling::ids::KeyId;
use signaling::reload::{Commit, Outcome, Part, Reloader};
use signaling::routes;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::fake_media::Order;
use crate::world::World;

/// A running server and the file from which it reads its settings.
struct Reloading {
    world: World,
    dir: TempDir,
    reloader: Reloader,
}

impl Reloading {
    async fn new(start: impl FnOnce(&mut Config)) -> Self {
        let world = World::with(start).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dinh.toml");
        let reloader = Reloader::new(world.server.app().clone(), Some(file));
        Self {
            world,
            dir,
            reloader,
        }
    }

    /// A configuration that was printed, with the address of the database, which printing masks.
    fn write(&self, text: &str) {
        let config = self.world.server.app().config();
        let url = format!("[store]\nurl = \"{}\"", config.store.url.expose());
        let text = text.replace("[store]\nurl = \"********\"", &url);
        std::fs::write(self.dir.path().join("dinh.toml"), text).unwrap();
    }

    async fn reload(&self, change: impl FnOnce(&mut Config)) -> Outcome {
        let mut config = Config::clone(&self.world.server.app().config());
        change(&mut config);
        self.write(&toml::to_string(&config).unwrap());
        self.reloader.reload("a test").await
    }
}

fn changed(keys: &[&str]) -> Outcome {
    Outcome::Reloaded {
        changed: keys.iter().map(|key| (*key).to_owned()).collect(),
        waiting: Vec::new(),
    }
}

/// What a page of this origin is told by a server that already runs.
async fn is_allowed(router: &Router, origin: &str) -> bool {
    let request = Request::builder()
        .method(Method::GET)
        .uri("/api/openapi.json");
    let request = request.header("origin", origin).body(Body::empty());
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    response
        .headers()
        .contains_key("access-control-allow-origin")
}

#[tokio::test]
async fn what_can_change_does_so_for_everybody_who_comes_from_then_on() {
    let reloading = Reloading::new(|_| {}).await;
    let router = routes::public(reloading.world.server.app().clone());
    assert!(!is_allowed(&router, "https://studio.example").await);
    let address = "192.0.2.9".parse().unwrap();
    let outcome = reloading
        .reload(|config| {
            config.http.allowed_origins = vec!["https://studio.example".to_owned()];
            config.media.advertise = vec![address];
            config.media.max_peers = 17;
        })
        .await;
    let keys = ["http.allowed_origins", "media.advertise", "media.max_peers"];
    assert_eq!(outcome, changed(&keys));
    assert!(is_allowed(&router, "https://studio.example").await);
    assert!(!is_allowed(&router, "https://evil.example").await);
    let orders = reloading.world.media.orders();
    assert!(
        orders.contains(&Order::Advertised(vec![address])),
        "{orders:?}"
    );
    assert!(orders.contains(&Order::MaxPeers(17)), "{orders:?}");
    assert_eq!(reloading.reload(|_| {}).await, changed(&[]));
}

/// How somebody with this token is answered who posts this there.
async fn post(router: &Router, token: &str, path: &str, body: &Value) -> StatusCode {
    let body = body.to_string();
    let request = Request::post(format!("/api/v1/{path}"))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::from(body)).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_key_of_a_program_is_good_from_when_it_is_there_until_it_is_not() {
    const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";
    let reloading = Reloading::new(|_| {}).await;
    let app = reloading.world.server.app();
    let router = routes::public(app.clone());
    let token = signed_by("portal", SECRET);
    let new = json!({"title": "new"});
    let first = post(&router, &token, "conferences", &new).await;
    assert_eq!(first, StatusCode::UNAUTHORIZED);
    // A configuration that is printed does not show it.
    let without = toml::to_string(&*app.config()).unwrap();
    let heading = "[auth.api_keys]\n";
    assert!(without.contains(heading), "{without}");
    let with = without.replace(heading, &format!("{heading}portal = \"{SECRET}\"\n"));
    for (text, status) in [
        (&with, StatusCode::CREATED),
        (&without, StatusCode::UNAUTHORIZED),
    ] {
        reloading.write(text);
        let outcome = reloading.reloader.reload("a test").await;
        assert_eq!(outcome, changed(&["auth.api_keys"]));
        let answered = post(&router, &token, "conferences", &new).await;
        assert_eq!(answered, status);
    }
}

/// An administrator's token that a program has signed with its key.
fn signed_by(id: &str, secret: &str) -> String {
    let id: KeyId = id.parse().unwrap();
    let key = ApiKey {
        id: id.clone(),
        secret: secret.to_owned(),
        limits: KeyLimits::default(),
    };
    let keys = Keys::new(&SigningKey::from_seed(&[7; 32]), &[key]).unwrap();
    let new = NewToken {
        subject: None,
        conference: None,
        site: None,
        role: Role::Admin,
        name: None,
        valid_for: SignedDuration::from_hours(1),
        narrowing: Narrowing::default(),
    };
    let issued = keys.issue_with(&id, new, fresh::token_id(), Timestamp::now());
    issued.unwrap().token
}

#[tokio::test]
async fn limits_of_conferences_hold_for_those_that_run() {
    let reloading = Reloading::new(|config| config.conferences.max_participants = 2).await;
    let world = &reloading.world;
    let _operator = world.join(Role::Operator, None).await;
    let _first = world.join(Role::Site, Some("00004")).await;
    let other = world.token(Role::Site, Some("00008"));
    let mut late = world.connect().await;
    late.send(&json!({"type": "join", "protocol": 1, "token": other}))
        .await;
    let (error, _, _) = late.end().await;
    assert_eq!(error["code"], "conference_full");
    let outcome = reloading
        .reload(|config| config.conferences.max_participants = 3)
        .await;
    assert_eq!(outcome, changed(&["conferences.max_participants"]));
    world.connect().await.join(&other).await;
}

#[tokio::test]
async fn bodies_may_be_larger_from_then_on() {
    let reloading = Reloading::new(|config| config.http.max_body_kibibytes = 64).await;
    let router = routes::public(reloading.world.server.app().clone());
    let (admin, long) = (reloading.world.admin(), "x".repeat(100 * 1024));
    let token = json!({"role": "admin", "subject": long});
    let before = post(&router, &admin, "tokens", &token).await;
    assert_eq!(before, StatusCode::PAYLOAD_TOO_LARGE);
    let outcome = reloading
        .reload(|config| config.http.max_body_kibibytes = 128)
        .await;
    assert_eq!(outcome, changed(&["http.max_body_kibibytes"]));
    // It is read, and a subject may not be so long.
    let after = post(&router, &admin, "tokens", &token).await;
    assert_eq!(after, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_public_address_is_told_to_the_media_plane_too() {
    let reloading = Reloading::new(|_| {}).await;
    let outcome = reloading
        .reload(|config| config.http.public_url = "http://hop.example.vn".to_owned())
        .await;
    assert_eq!(outcome, changed(&["http.public_url"]));
    assert_eq!(reloading.world.server.base_url(), "http://hop.example.vn");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing_and_says_what() {
    let reloading = Reloading::new(|_| {}).await;
    reloading.write("conferences.organiser = \"113\"\nmedia.prot = 7\n");
    let outcome = reloading.reloader.reload("a test").await.to_string();
    assert!(outcome.contains("did you mean `media.port`?"), "{outcome}");
    let app = reloading.world.server.app();
    assert_eq!(app.config().conferences.organiser, "");
    let outcome = reloading
        .reload(|config| {
            config.conferences.organiser = "113".to_owned();
            config.log.filter = "no such level=?".to_owned();
        })
        .await;
    assert!(!outcome.is_done(), "{outcome}");
    assert_eq!(app.config().conferences.organiser, "");
}

#[tokio::test]
async fn a_part_that_cannot_use_its_settings_keeps_all_others_as_they_are() {
    struct Stubborn;

    impl Part for Stubborn {
        fn prepare(&self, wanted: &Config) -> Result<Commit, String> {
            if wanted.conferences.organiser.is_empty() {
                return Ok(Box::new(|| ()));
            }
            Err("`tls.certificate`: there is no such file".to_owned())
        }
    }

    let mut reloading = Reloading::new(|_| {}).await;
    reloading.reloader = reloading.reloader.with(Box::new(Stubborn));
    assert!(reloading.reload(|_| {}).await.is_done());
    let outcome = reloading
        .reload(|config| config.conferences.organiser = "113".to_owned())
        .await;
    let problem = "`tls.certificate`: there is no such file".to_owned();
    assert_eq!(outcome, Outcome::Refused { problem });
    let app = reloading.world.server.app();
    assert_eq!(app.config().conferences.organiser, "");
}

#[tokio::test]
async fn within_a_freeze_nothing_changes_not_even_the_freeze() {
    let window = "2020-01-01T00:00Z/2120-01-01T00:00Z";
    let frozen = |config: &mut Config| config.reload.frozen = vec![window.parse().unwrap()];
    let reloading = Reloading::new(frozen).await;
    let outcome = reloading
        .reload(|config| {
            config.reload.frozen.clear();
            config.conferences.organiser = "113".to_owned();
        })
        .await;
    let until = "2120-01-01T00:00Z".parse().unwrap();
    assert_eq!(outcome, Outcome::Frozen { until });
    let app = reloading.world.server.app();
    assert_eq!(app.config().conferences.organiser, "");
}
