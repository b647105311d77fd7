//! Full peer connections of webrtc-rs publish by WHIP and watch by WHEP at a whole server, over UDP
//! and over ICE-TCP alone.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what fails or is missing in a test fails the test"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use sfu::kind::MediaKind;
use signaling::auth::{NewToken, Role};
use signaling::server::Server;
use signaling::testing;
use tests::socket::Socket;
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
    };
    server.issue(new).await.unwrap().token
}

/// A session at the server: the client, its socket, and where the server keeps it.
struct Session {
    browser: Browser,
    socket: Socket,
    location: String,
    token: String,
}

/// Where the server takes media over TCP: what any answer says.
async fn tcp_address(server: &Server) -> SocketAddr {
    let scout = open(
        server,
        "whep",
        Role::Observer,
        watcher(),
        Socket::udp().await.unwrap(),
        false,
    )
    .await;
    scout.end().await;
    scout.browser.server()
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
    let base = format!("http://{}", server.http());
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
    let path = response.headers()[LOCATION].to_str().unwrap();
    let location = format!("{base}{}", path.trim_start_matches(&base));
    browser.answer(Instant::now(), &response.text().await.unwrap());
    Session {
        browser,
        socket,
        location,
        token,
    }
}

/// For HTTP, with the one TLS back-end that there is.
fn client() -> reqwest::Client {
    loadtest::tls::Tls::default().client().unwrap()
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

/// A publisher and a player over sockets of one kind; the player hears and sees for some seconds.
async fn publish_and_watch(tcp: bool) {
    let directory = tempfile::tempdir().unwrap();
    let server = testing::demo(testing::config(directory.path())).await;
    let address = Box::pin(tcp_address(&server)).await;
    let socket = async || {
        if tcp {
            Socket::tcp(address).await.unwrap()
        } else {
            Socket::udp().await.unwrap()
        }
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
    Box::pin(publish_and_watch(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_and_a_player_meet_over_tcp_alone() {
    Box::pin(publish_and_watch(true)).await;
}
