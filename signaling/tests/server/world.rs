//! One server with a handful of sites, a conference that runs, and a fake media plane.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use signaling::auth::{Narrowing, NewToken, Role};
use signaling::clock::Clock;
use signaling::config::Config;
use signaling::server::Server;
use signaling::{routes, testing};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::client::Client;
use crate::database::{Database, Failing, Held};
use crate::fake_media::FakeMedia;

pub(crate) const SITES: &str = "code,name,level,parent_code\nVN,Trung ương,central,\n\
    01,Thành phố Hà Nội,province,VN\n00004,Phường Ba Đình,commune,01\n\
    00008,Phường Ngọc Hà,commune,01\n";

/// Id of the conference that runs.
pub(crate) const CONFERENCE: &str = "giao-ban";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) media: Arc<FakeMedia>,
    dir: TempDir,
}

/// What a server has left on disk.
pub(crate) struct Stopped {
    dir: TempDir,
}

impl Stopped {
    /// No server was ever here.
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn config(&self) -> Config {
        testing::config(self.dir.path())
    }

    /// Somebody changes the database.
    pub(crate) async fn alter(&self, sql: &'static str) {
        let database = Database::of(self.dir.path()).await;
        assert!(database.alter(sql).await > 0, "{sql}");
    }

    /// Somebody removes a file.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.dir.path().join(name)).unwrap();
    }

    /// Somebody takes the database away.
    pub(crate) async fn remove_database(&self) {
        Database::remove(self.dir.path()).await;
    }

    /// The server is started again.
    pub(crate) async fn start(self) -> World {
        self.start_with(|_| {}).await
    }

    /// The server is started again, with other settings.
    pub(crate) async fn start_with(self, change: impl FnOnce(&mut Config)) -> World {
        let (media, events) = FakeMedia::new();
        let media = Arc::new(media);
        let mut config = self.config();
        change(&mut config);
        let server = Server::start_with(config, media.clone(), events)
            .await
            .unwrap();
        World {
            server,
            media,
            dir: self.dir,
        }
    }
}

/// An answer to an HTTP request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .to_str()
            .unwrap()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::by_clock(change, Clock::system()).await
    }

    pub(crate) async fn by_clock(change: impl FnOnce(&mut Config), clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = testing::config(dir.path());
        change(&mut config);
        let (media, events) = FakeMedia::new();
        let media = Arc::new(media);
        let server = Server::start_by_clock(config, media.clone(), events, clock)
            .await
            .unwrap();
        let world = Self { server, media, dir };
        let admin = world.admin();
        let imported = world
            .post_text("/api/v1/sites/import", &admin, "text/csv", SITES)
            .await;
        assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
        let body = json!({ "id": CONFERENCE, "title": "Giao ban" });
        let created = world.post("/api/v1/conferences", &admin, &body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let started = world.post(&path("/start"), &admin, &Value::Null).await;
        assert_eq!(started.status, StatusCode::OK, "{}", started.text);
        world
    }

    pub(crate) fn token(&self, role: Role, site: Option<&str>) -> String {
        self.token_for(role, site, Some(CONFERENCE), 600)
    }

    pub(crate) fn admin(&self) -> String {
        self.token_for(Role::Admin, None, None, 600)
    }

    pub(crate) fn token_for(
        &self,
        role: Role,
        site: Option<&str>,
        conference: Option<&str>,
        seconds: i64,
    ) -> String {
        let new = NewToken {
            subject: None,
            conference: conference.map(|id| id.parse().unwrap()),
            site: site.map(|code| code.parse().unwrap()),
            role,
            name: None,
            valid_for: SignedDuration::from_secs(seconds),
            narrowing: Narrowing::default(),
        };
        // As a program makes it that has the key: nobody asks whether the place is known here.
        let app = self.server.app();
        let id = signaling::fresh::token_id();
        let issued = app.keys.issue(new, id, app.clock.now().wall);
        issued.unwrap().token
    }

    /// Nobody else can write to the database until what it gives is dropped.
    pub(crate) async fn occupy_database(&self) -> Held {
        self.database().await.hold().await
    }

    /// From now on something fails.
    pub(crate) async fn fail(&self, what: Failing) {
        self.database().await.fail(what).await;
    }

    /// It does not fail any more.
    pub(crate) async fn mend(&self, what: Failing) {
        self.database().await.mend(what).await;
    }

    /// The database, as another program gets at it.
    pub(crate) async fn database(&self) -> Database {
        Database::of(self.dir.path()).await
    }

    /// Another server on the same data would have this.
    pub(crate) fn config(&self) -> Config {
        testing::config(self.dir.path())
    }

    pub(crate) async fn stop(self) -> Stopped {
        self.server.stop().await;
        Stopped { dir: self.dir }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.server.http()).await
    }

    /// A welcomed participant.
    pub(crate) async fn join(&self, role: Role, site: Option<&str>) -> Client {
        let mut client = self.connect().await;
        client.join(&self.token(role, site)).await;
        client
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.call(Method::GET, path, &[bearer(token)], String::new())
            .await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.send_json(Method::POST, path, token, body).await
    }

    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Reply {
        let kind = ("content-type", "application/json".to_owned());
        self.call(method, path, &[bearer(token), kind], body.to_string())
            .await
    }

    pub(crate) async fn post_text(&self, path: &str, token: &str, kind: &str, body: &str) -> Reply {
        let headers = [bearer(token), ("content-type", kind.to_owned())];
        self.call(Method::POST, path, &headers, body.to_owned())
            .await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let router = routes::public(self.server.app().clone());
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply {
            status,
            headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// The kinds of all events of the conference, in order.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let events = self.get(&path("/events"), &self.admin()).await.json();
        let kinds = events.as_array().unwrap().iter();
        kinds
            .map(|event| event["event"]["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How many different participants ever came in.
    pub(crate) async fn arrivals(&self) -> usize {
        let events = self.get(&path("/events"), &self.admin()).await.json();
        let joined = events.as_array().unwrap().iter();
        joined
            .filter(|event| event["event"]["kind"] == "joined")
            .map(|event| event["event"]["participant"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
            .len()
    }
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// A path below the conference.
pub(crate) fn path(rest: &str) -> String {
    format!("/api/v1/conferences/{CONFERENCE}{rest}")
}
