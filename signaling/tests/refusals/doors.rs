//! Crowds of strangers, and whom they keep out: nobody.

use std::net::{Ipv4Addr, SocketAddr};

use signaling::auth::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::house::House;

/// A connection from another address than everybody else's.
async fn from_elsewhere(server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("the system has sockets");
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    socket.bind(elsewhere).expect("all of 127/8 is ours");
    let connected = socket.connect(server).await;
    connected.expect("the server takes connections")
}

async fn stranger(house: &House) -> Option<WebSocketStream<TcpStream>> {
    let server = house.server.http();
    let stream = from_elsewhere(server).await;
    let upgraded = client_async(format!("ws://{server}/ws"), stream).await;
    upgraded.ok().map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_crowd_of_strangers_keeps_neither_a_site_nor_an_operator_out() {
    let house = House::with(|config| {
        config.sessions.max_strangers = 16;
        config.sessions.max_connections = 1;
    })
    .await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.extend(stranger(&house).await);
    }
    let (strangers, _) = house.server.app().admission.counts();
    assert!(strangers <= 16, "{strangers} strangers");
    let _site = house.joined(Role::Site).await;
    let _operator = house.joined(Role::Operator).await;
    let (_, seats) = house.server.app().admission.counts();
    assert_eq!(seats, 2);
}

#[tokio::test]
async fn whoever_leaves_gives_its_place_back() {
    let house = House::with(|config| config.sessions.max_connections = 1).await;
    for _ in 0..3 {
        let mut site = house.joined(Role::Site).await;
        site.text(r#"{"type":"leave"}"#).await;
        site.close().await;
    }
    let free = async {
        while house.server.app().admission.counts() != (0, 0) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), free).await;
    waited.expect("nobody is left");
}

async fn ask(house: &House, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(house.server.http())
        .await
        .expect("the server takes connections");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n");
    // What is refused early may be closed before all of it is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_without_a_token_are_limited_by_address() {
    let house = House::with(|config| {
        config.addresses.requests_per_second = 1;
        config.addresses.request_burst = 5;
        config.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let answer = ask(&house, "/healthz", "x-forwarded-for: 192.0.2.1\r\n").await;
        statuses.push(answer.contains("HTTP/1.1 200"));
    }
    assert_eq!(statuses[..5], [true; 5]);
    assert!(statuses[5..].contains(&false), "{statuses:?}");
    let other = ask(&house, "/healthz", "x-forwarded-for: 192.0.2.2\r\n").await;
    assert!(other.contains("HTTP/1.1 200"), "{other}");
}

#[tokio::test]
async fn a_header_longer_than_its_limit_is_refused_however_it_arrives() {
    let house = House::open().await;
    let long = |length| format!("x-long: {}\r\n", "a".repeat(length));
    let answer = ask(&house, "/healthz", &long(31 * 1024)).await;
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
    let answer = ask(&house, "/healthz", &long(33 * 1024)).await;
    assert!(answer.contains("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_proxy_says_by_the_proxy_protocol_for_whom_it_speaks() {
    let house = House::with(|config| {
        config.addresses.requests_per_second = 1;
        config.addresses.request_burst = 1;
        config.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        config.http.proxy_protocol = true;
    })
    .await;
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut answers = Vec::new();
    for client in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        let header = format!("PROXY TCP4 {client} 127.0.0.1 4711 80\r\n");
        let stream = TcpStream::connect(house.server.http()).await;
        let mut stream = stream.expect("the server takes connections");
        let both = format!("{header}{request}");
        stream.write_all(both.as_bytes()).await.expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answers.push(answer.contains("HTTP/1.1 200"));
    }
    assert_eq!(answers, [true, false, true]);
    let mut elsewhere = from_elsewhere(house.server.http()).await;
    elsewhere
        .write_all(request.as_bytes())
        .await
        .expect("it is open");
    let mut answer = String::new();
    elsewhere
        .read_to_string(&mut answer)
        .await
        .expect("an answer");
    assert!(
        answer.contains("HTTP/1.1 200"),
        "others need no header: {answer}"
    );
}

#[tokio::test]
async fn answers_are_nothing_to_guess_at_or_to_keep() {
    let house = House::open().await;
    for path in [
        "/healthz",
        "/api/openapi.json",
        "/api/v1/sites",
        "/",
        "/nothing",
    ] {
        let answer = ask(&house, path, "").await;
        let has = |line: &str| assert!(answer.contains(line), "{path}: {answer}");
        has("x-content-type-options: nosniff");
        has("cross-origin-resource-policy: same-origin");
        has("cross-origin-opener-policy: same-origin");
        if path.starts_with("/api") {
            has("cache-control: no-store");
        }
    }
}
