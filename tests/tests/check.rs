//! A check at a whole server: two full peer connections of webrtc-rs, one of which is shown what the other
//! sends, until the check has told what it measured.
#![expect(
    clippy::unwrap_used,
    reason = "what fails or is missing in a test fails the test"
)]

use std::time::{Duration, Instant};

use loadtest::tls::{Tls, Trust};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use sfu::kind::MediaKind;
use signaling::server::Server;
use signaling::testing;
use tests::socket::Socket;
use tests::world::{Browser, Client, Wants};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn client() -> reqwest::Client {
    Tls::new(&Trust::Anybody).unwrap().client().unwrap()
}

async fn open(server: &Server, check: &str, direction: &str, wants: Wants) -> (Browser, Socket) {
    let mut browser = Browser::new(wants);
    let socket = Socket::udp().await.unwrap();
    let offer = browser.offer(Instant::now(), socket.address().unwrap());
    let place = format!(
        "{}/api/v1/checks/{check}/udp/{direction}",
        server.base_url()
    );
    let response = client()
        .post(place)
        .header(CONTENT_TYPE, "application/sdp")
        .body(offer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    browser.answer(Instant::now(), &response.text().await.unwrap());
    (browser, socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_checks_is_shown_what_it_sends_until_it_has_told_what_it_measured() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = testing::config(directory.path());
    config.media.shards = 2;
    let server = testing::demo(config).await;
    let checks = format!("{}/api/v1/checks", server.base_url());
    let begun = client().post(&checks).send().await.unwrap();
    let begun: Value = serde_json::from_str(&begun.text().await.unwrap()).unwrap();
    let check = begun["id"].as_str().unwrap();
    let (mut sender, socket) = open(&server, check, "send", Wants::Publish { source: 1 }).await;
    let sending = tokio::spawn(async move {
        let mut socket = socket;
        let _ = socket.run(&mut sender, PATIENCE, |_| false).await;
    });
    let wants = Wants::Watch { audio: 1, video: 1 };
    let (mut watcher, mut socket) = open(&server, check, "receive", wants).await;
    let has_enough = |browser: &Browser| {
        let heard = |kind| browser.heard(kind).len();
        heard(MediaKind::Audio) > 50 && heard(MediaKind::Video) > 50
    };
    let ran = socket.run(&mut watcher, PATIENCE, has_enough).await;
    assert!(ran.unwrap(), "it is shown what it sends");
    let told = client()
        .put(format!("{checks}/{check}/result"))
        .header(CONTENT_TYPE, "application/json")
        .body(r#"{"udp": true}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(told.status(), StatusCode::OK);
    let is_gone = |browser: &Browser| !browser.is_connected();
    let ran = socket.run(&mut watcher, PATIENCE, is_gone).await;
    assert!(ran.unwrap(), "that ends it");
    assert_eq!(server.app().media.media().peers(), 0);
    sending.abort();
    server.stop().await;
}
