//! A server with one running conference, nobody in it, and a media plane that takes nobody.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use axum::http::{HeaderName, Request, StatusCode};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::Value;
use sfu::command::{Command as MediaCommand, CommandError, IceCredentials, Joined, PeerPolicy};
use sfu::id::{ConferenceId as MediaConference, PeerId, ShardId};
use sfu::turn::Credentials;
use sfu::{Events, Handover, Media};
use signaling::accounts::{Account, AccountRole, Details, NewLogin};
use signaling::auth::{Narrowing, NewToken, Role};
use signaling::conference::{Actor, PhaseCommand};
use signaling::conference_task::ConferenceHandle;
use signaling::config::{Config, Secret};
use signaling::directory::NewConference;
use signaling::ids::{ConferenceId, LoginId, TokenId};
use signaling::protocol::ServerMessage;
use signaling::server::Server;
use signaling::store::Head;
use signaling::testing;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tower::ServiceExt as _;

/// The conference.
pub(crate) const CONFERENCE: &str = "weekly";

/// Id and secret of the one API key.
pub(crate) const API_KEY: (&str, &str) = ("portal", "a secret of at least thirty-two bytes");

/// A media plane that has stopped.
#[derive(Debug)]
struct Stopped;

impl Media for Stopped {
    fn join(&self, _: MediaConference, _: &str, _: &PeerPolicy) -> Result<Joined, CommandError> {
        Err(CommandError::Stopped)
    }

    fn restart_ice(&self, _: PeerId, _: &str) -> Result<String, CommandError> {
        Err(CommandError::Stopped)
    }

    fn renew_ice(&self, _: PeerId, _: IceCredentials) -> Result<IceCredentials, CommandError> {
        Err(CommandError::Stopped)
    }

    fn command(&self, _: MediaCommand) {}

    fn open(&self, _: SocketAddr) {}

    fn hand_over(&self, _: Handover) -> Result<(), CommandError> {
        Err(CommandError::Stopped)
    }

    fn turn_credentials(&self, _: &str, _: Duration) -> Option<Credentials> {
        None
    }

    fn knows(&self, _: PeerId) -> bool {
        false
    }

    fn peers(&self) -> usize {
        0
    }

    fn stats(&self) -> sfu::stats::Stats {
        sfu::stats::Stats::default()
    }

    fn stalled(&self) -> Vec<ShardId> {
        Vec::new()
    }

    fn is_loopback_only(&self) -> bool {
        false
    }

    fn set_max_peers(&self, _: u32) {}

    fn set_advertised(&self, _: Vec<std::net::IpAddr>) {}

    fn shutdown(&self) {}
}

/// The server and its data.
pub(crate) struct House {
    pub(crate) server: Server,
    _data: TempDir,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) login: LoginId,
    pub(crate) cookie: String,
}

/// What an HTTP request got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) cookie: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (_, events) = mpsc::channel(1);
        Self::on(change, std::sync::Arc::new(Stopped), events.into()).await
    }

    /// With a media plane of its own on the loopback, which has so many places.
    pub(crate) async fn with_media(places: u32) -> Self {
        let media = sfu::Config {
            shards: Some(2),
            max_peers: places,
            ..sfu::testing::config()
        };
        let (sfu, events) = sfu::Sfu::start(&media).expect("the loopback has ports");
        let change = |config: &mut Config| config.media.max_peers = places;
        Self::on(change, std::sync::Arc::new(sfu), events).await
    }

    async fn on(
        change: impl FnOnce(&mut Config),
        media: std::sync::Arc<dyn Media>,
        events: Events,
    ) -> Self {
        let data = tempfile::tempdir().expect("a directory can be made");
        let mut config = testing::config(data.path());
        let (id, secret) = API_KEY;
        config
            .auth
            .api_keys
            .insert(id.to_owned(), Secret::new(secret));
        change(&mut config);
        let server = Server::start_with(config, media, events)
            .await
            .expect("a server starts on free ports");
        let house = Self {
            server,
            _data: data,
        };
        house.begin(CONFERENCE).await;
        house
    }

    /// A further conference, which runs.
    pub(crate) async fn begin(&self, id: &str) -> ConferenceHandle {
        let new = NewConference {
            id: id_of(id),
            title: "Weekly".to_owned(),
            starts_at: None,
            sites: None,
        };
        let conference = self.server.app().directory.create(Actor::SYSTEM, new).await;
        let conference = conference.expect("the first conference of this name");
        conference
            .change(Actor::SYSTEM, PhaseCommand::Start)
            .await
            .expect("it starts");
        conference
    }

    /// A good token.
    pub(crate) fn token(&self, role: Role) -> String {
        self.token_with_id(role).0
    }

    /// A good token and its id.
    pub(crate) fn token_with_id(&self, role: Role) -> (String, TokenId) {
        self.issue(role, CONFERENCE, SignedDuration::from_hours(1))
    }

    pub(crate) fn issue(
        &self,
        role: Role,
        conference: &str,
        life: SignedDuration,
    ) -> (String, TokenId) {
        self.make(role, conference, life, Narrowing::default())
    }

    fn make(
        &self,
        role: Role,
        conference: &str,
        life: SignedDuration,
        narrowing: Narrowing,
    ) -> (String, TokenId) {
        let is_admin = role == Role::Admin;
        let new = NewToken {
            subject: Some(format!("test {role}")),
            conference: (!is_admin).then(|| id_of(conference)),
            site: (role == Role::Site).then(|| "00004".parse().expect("a code")),
            role,
            name: None,
            valid_for: life,
            narrowing,
        };
        let app = self.server.app();
        // As somebody makes it who has the key: nobody asks whether the place is known here.
        let issued = app
            .keys
            .issue(new, signaling::fresh::token_id(), app.clock.now().wall)
            .expect("the claims make sense");
        (issued.token, issued.id)
    }

    /// A good token that is narrowed.
    pub(crate) fn narrowed(&self, role: Role, narrowing: Narrowing) -> String {
        self.make(role, CONFERENCE, SignedDuration::from_hours(1), narrowing)
            .0
    }

    /// An HTTP request, without sockets.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Body,
    ) -> Answer {
        self.ask_as(method, path, token, "application/json", body)
            .await
    }

    pub(crate) async fn ask_as(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        content_type: &str,
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(CONTENT_TYPE, content_type);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.answer(request.body(body).expect("a request can be made"))
            .await
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let router = signaling::routes::public(self.server.app().clone());
        let response = router
            .oneshot(request)
            .await
            .expect("a router always answers");
        let status = response.status();
        let cookie = response.headers().get(SET_COOKIE).cloned();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body can be read")
            .to_bytes();
        Answer {
            status,
            cookie: cookie.map(|cookie| cookie.to_str().expect("text").to_owned()),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    /// Somebody who has logged in, as a cookie.
    pub(crate) async fn person(&self, login: &str, role: AccountRole) -> Person {
        let app = self.server.app();
        let now = app.clock.now().wall;
        let details = Details {
            name: format!("Name of {login}"),
            email: None,
            role,
            province: (role == AccountRole::Provincial).then(|| "01".parse().expect("a code")),
            is_disabled: false,
        };
        let login = login.parse().expect("a login");
        let account = signaling::fresh::account(login, details, now);
        let added = app.store.add_account(account.clone()).await;
        assert!(added.expect("it is stored"), "a login is used once");
        let secret = signaling::fresh::secret();
        let new = NewLogin {
            id: signaling::fresh::login_id(),
            secret: secret.hash(),
            account: account.id,
            at: now,
            ends_at: now + SignedDuration::from_hours(168),
            address: "192.0.2.7".to_owned(),
            agent: None,
        };
        let login = new.id;
        let begun = app.store.begin_login(new).await.expect("it is stored");
        assert!(begun.is_some());
        Person {
            account,
            login,
            cookie: format!("dinh={}", secret.reveal()),
        }
    }

    /// An HTTP request of somebody who has logged in, from a page of this server.
    pub(crate) async fn ask_by(
        &self,
        person: &Person,
        method: &str,
        path: &str,
        body: Body,
    ) -> Answer {
        let origin = format!("http://{}", self.server.http());
        let headers = [(COOKIE, person.cookie.as_str()), (ORIGIN, origin.as_str())];
        self.ask_with(method, path, &headers, body).await
    }

    /// An HTTP request of JSON with further headers.
    pub(crate) async fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.answer(request.body(body).expect("a request can be made"))
            .await
    }

    /// A WebSocket on which nothing was said yet.
    pub(crate) async fn socket(&self) -> Socket {
        let url = format!("ws://{}/ws", self.server.http());
        let (socket, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("a WebSocket can be opened");
        Socket(socket)
    }

    /// A WebSocket that has joined, and everything that it was told so far has been read.
    pub(crate) async fn joined(&self, role: Role) -> Socket {
        self.joined_with(&self.token(role)).await
    }

    /// The same, with this token.
    pub(crate) async fn joined_with(&self, token: &str) -> Socket {
        let mut socket = self.socket().await;
        socket.join(token).await;
        let welcome = socket.next().await;
        assert!(
            matches!(welcome, Heard::Message(ServerMessage::Welcome(_))),
            "{welcome:?}"
        );
        while !matches!(socket.next().await, Heard::Message(ServerMessage::Own(_))) {}
        socket
    }

    /// The whole log: equal before and after means that nothing has happened.
    pub(crate) async fn log(&self) -> Head {
        let store = &self.server.app().store;
        store
            .verify(&id_of(CONFERENCE))
            .await
            .expect("the log is whole")
    }
}

pub(crate) fn id_of(text: &str) -> ConferenceId {
    text.parse().expect("a conference id")
}

/// The client's end of a WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What the server said.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and most are messages"
)]
pub(crate) enum Heard {
    Message(ServerMessage),
    /// With code and reason.
    Close(u16, String),
    /// Without a word.
    Gone,
}

impl Socket {
    pub(crate) async fn say(&mut self, message: Message) {
        // A server that has already hung up is not the sender's fault.
        let _ = self.0.send(message).await;
    }

    pub(crate) async fn text(&mut self, text: impl Into<String>) {
        self.say(Message::text(text.into())).await;
    }

    pub(crate) async fn join(&mut self, token: &str) {
        self.text(format!(
            r#"{{"type":"join","protocol":1,"token":"{token}"}}"#
        ))
        .await;
    }

    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = ServerMessage::decode(&text).expect("the server speaks well");
                    return Heard::Message(message.expect("the server says what is known"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Close(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::Gone,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code of the next error, past whatever else is said.
    pub(crate) async fn error(&mut self) -> String {
        loop {
            match self.next().await {
                Heard::Message(ServerMessage::Error { code, .. }) => return code.to_string(),
                Heard::Message(_) => {}
                end => panic!("no error, but {end:?}"),
            }
        }
    }

    /// The close code and reason, past whatever else is said.
    pub(crate) async fn close(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Heard::Close(code, reason) => return (code, reason),
                Heard::Message(_) => {}
                Heard::Gone => panic!("gone without a word"),
            }
        }
    }
}
