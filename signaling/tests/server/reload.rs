//! Settings that change while the server runs.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use signaling::config::Config;
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

    fn write(&self, text: &str) {
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
