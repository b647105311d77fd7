//! Connections that begin a request and never end it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::House;

/// Longer than anything here should take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// As many as the server is told to take.
const CONNECTIONS: usize = 16;

async fn sends(house: &House, bytes: &[u8]) -> TcpStream {
    let stream = TcpStream::connect(house.server.http()).await;
    let mut stream = stream.expect("the server takes connections");
    stream.write_all(bytes).await.expect("it has just opened");
    stream
}

async fn slow(house: &House) -> TcpStream {
    sends(house, b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await
}

/// Whether the server has closed it; anything it said before is read.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut said = Vec::new();
    // Closing in the middle of what we sent may look like a reset.
    timeout(PATIENCE, stream.read_to_end(&mut said))
        .await
        .is_ok()
}

async fn asks_health(house: &House) -> String {
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut stream = sends(house, request).await;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("an answer in time")
        .expect("an answer in UTF-8");
    answer
}

#[tokio::test]
async fn slow_requests_do_not_keep_a_quick_one_out() {
    let house = House::with(|config| {
        config.http.max_connections = CONNECTIONS;
        config.http.header_timeout_seconds = 600;
    })
    .await;
    let mut slow_ones = Vec::new();
    for _ in 0..CONNECTIONS {
        slow_ones.push(slow(&house).await);
    }
    let answer = asks_health(&house).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        is_closed(&mut slow_ones[0]).await,
        "the one that was idle longest makes room"
    );
}

#[tokio::test]
async fn a_header_that_never_ends_is_cut_off() {
    let house = House::with(|config| config.http.header_timeout_seconds = 1).await;
    assert!(is_closed(&mut slow(&house).await).await);
    let mut silent = sends(&house, b"").await;
    assert!(is_closed(&mut silent).await, "so is one that says nothing");
}
