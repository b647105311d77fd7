//! Full peer connections of webrtc-rs publish by WHIP and watch by WHEP at a whole server, over UDP, over
//! ICE-TCP alone, and by TURN at the port of the pages.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails or is missing in a test fails the test"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use loadtest::tls::{Tls, Trust};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LINK, LOCATION};
use sfu::kind::MediaKind;
use signaling::auth::{Narrowing, NewToken, Role};
use signaling::config::Config;
use signaling::server::Server;
use signaling::testing;
use tests::socket::{Socket, TurnServer};
use tests::world::{Browser, Client, Wants};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn token(server: &Server, role: Role) -> String {
    let new = NewToken {
        subject: None,
        conference: Some("demo".parse().unwrap()),
        site: (role == Role::Hall).then(|| "VN".parse().unwrap()),
        role,
        name: None,
        valid_for: SignedDuration::from_mins(5),
        narrowing: Narrowing::default(),
    };
    server.issue(new).await.unwrap().token
}

/// A session at the server: the client, its socket, and where the server keeps it.
struct Session {
    browser: Browser,
    socket: Socket,
    location: String,
    token: String,
    /// What it was told of other ways.
    link: Option<String>,
}

/// By which way clients come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Udp,
    Tcp,
    /// ICE-TCP at the port of the pages.
    PublicTcp,
    Turn,
    Turns,
}

impl Way {
    const fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::PublicTcp)
    }
}

/// Where the server takes media, and by what other ways: what any answer says.
async fn scout(server: &Server, tcp: bool) -> Session {
    let scout = open(
        server,
        "whep",
        Role::Observer,
        watcher(),
        Socket::udp().await.unwrap(),
        tcp,
    )
    .await;
    scout.end().await;
    scout
}

/// The TURN server in a Link header.
fn turn_server(link: &str, tls: Option<Tls>) -> TurnServer {
    let (url, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    let (scheme, rest_of_url) = url.split_once(':').unwrap();
    assert_eq!(scheme, if tls.is_some() { "turns" } else { "turn" });
    let value = |name: &str| {
        let begin = format!("{name}=\"");
        let (_, rest) = rest.split_once(&begin).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let address = rest_of_url.strip_suffix("?transport=tcp").unwrap();
    TurnServer {
        address: address.parse().unwrap(),
        tls: tls.map(|tls| ("127.0.0.1".to_owned(), tls)),
        username: value("username"),
        credential: value("credential"),
    }
}

fn watcher() -> Wants {
    Wants::Watch { audio: 1, video: 1 }
}

async fn open(
    server: &Server,
    kind: &str,
    role: Role,
    wants: Wants,
    socket: Socket,
    tcp: bool,
) -> Session {
    let mut browser = if tcp {
        Browser::over_tcp(wants)
    } else {
        Browser::new(wants)
    };
    let offer = browser.offer(Instant::now(), socket.address().unwrap());
    let base = server.base_url();
    let token = token(server, role).await;
    let response = client()
        .post(format!("{base}/{kind}/demo"))
        .bearer_auth(&token)
        .header(CONTENT_TYPE, "application/sdp")
        .body(offer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let link = response.headers().get(LINK);
    let link = link.map(|link| link.to_str().unwrap().to_owned());
    let path = response.headers()[LOCATION].to_str().unwrap();
    let location = format!("{base}{}", path.trim_start_matches(&base));
    browser.answer(Instant::now(), &response.text().await.unwrap());
    Session {
        browser,
        socket,
        location,
        token,
        link,
    }
}

/// For HTTP, with the one TLS back-end that there is.
fn client() -> reqwest::Client {
    trusting().client().unwrap()
}

/// Whoever has the server's certificate is the server.
fn trusting() -> Tls {
    Tls::new(&Trust::Anybody).unwrap()
}

/// A certificate for loopback and its key, in files.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let names = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let files = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&files.0, made.cert.pem()).unwrap();
    std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
    files
}

impl Session {
    async fn run(&mut self, most: Duration, done: impl FnMut(&Browser) -> bool) -> bool {
        self.socket
            .run(&mut self.browser, most, done)
            .await
            .unwrap()
    }

    async fn end(&self) {
        let delete = client().delete(&self.location).bearer_auth(&self.token);
        assert_eq!(delete.send().await.unwrap().status(), StatusCode::OK);
    }
}

/// That of a server to which clients come this way.
fn config(directory: &Path, way: Way) -> Config {
    let mut config = testing::config(directory);
    if way == Way::Turns {
        let (certificate, key) = certificate(directory);
        config.tls.certificate = certificate;
        config.tls.key = key;
    }
    config
}

/// A publisher and a player over sockets of one kind; the player hears and sees for some seconds.
async fn publish_and_watch(way: Way) {
    let directory = tempfile::tempdir().unwrap();
    let server = testing::demo(config(directory.path(), way)).await;
    let tcp = way.is_tcp();
    let scout = Box::pin(scout(&server, tcp)).await;
    let address = match way {
        Way::PublicTcp => server.http(),
        Way::Udp | Way::Tcp | Way::Turn | Way::Turns => scout.browser.server(),
    };
    let link = scout.link.unwrap();
    let tls = (way == Way::Turns).then(trusting);
    let turn = matches!(way, Way::Turn | Way::Turns).then(|| turn_server(&link, tls));
    let socket = async || match &turn {
        Some(turn) => Socket::turn(turn, address).await.unwrap(),
        None if tcp => Socket::tcp(address).await.unwrap(),
        None => Socket::udp().await.unwrap(),
    };
    let publish = Wants::Publish { source: 1 };
    let mut hall = open(&server, "whip", Role::Hall, publish, socket().await, tcp).await;
    assert!(
        hall.run(PATIENCE, Browser::is_connected).await,
        "the publisher connects"
    );
    let hall = tokio::spawn(async move {
        hall.run(PATIENCE, |_| false).await;
        hall
    });
    let mut player = open(
        &server,
        "whep",
        Role::Observer,
        watcher(),
        socket().await,
        tcp,
    )
    .await;
    let has_enough = |browser: &Browser| {
        browser.heard(MediaKind::Audio).len() > 150 && browser.heard(MediaKind::Video).len() > 150
    };
    assert!(
        player.run(PATIENCE, has_enough).await,
        "the player hears and sees"
    );
    let pictures = player.browser.heard(MediaKind::Video);
    assert!(pictures[0].mark.keyframe, "it begins with a keyframe");
    for pair in pictures.windows(2) {
        assert_eq!(
            pair[1].sequence,
            pair[0].sequence.wrapping_add(1),
            "nothing is missing"
        );
    }
    player.end().await;
    assert!(
        player
            .run(PATIENCE, |browser| !browser.is_connected())
            .await,
        "DELETE ends it"
    );
    hall.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_over_udp() {
    Box::pin(publish_and_watch(Way::Udp)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_over_tcp_alone() {
    Box::pin(publish_and_watch(Way::Tcp)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_over_tcp_at_the_port_of_the_pages() {
    Box::pin(publish_and_watch(Way::PublicTcp)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_by_turn() {
    Box::pin(publish_and_watch(Way::Turn)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_by_turn_inside_tls() {
    Box::pin(publish_and_watch(Way::Turns)).await;
}
