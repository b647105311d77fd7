//! Many simulated sites at a whole server: real WebSockets, tokens, ICE, DTLS and media over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be made fails the test"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use loadtest::clip::AudioFrame;
use loadtest::scenario::{Decryption, Ramp, Scenario, Target};
use loadtest::thresholds::Thresholds;
use loadtest::tls::{Tls, Trust};
use loadtest::token::{LocalKey, TokenSource};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use signaling::config::Secret;
use signaling::server::Server;
use signaling::sites::{Level, read_csv};
use signaling::{demo, testing};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const SECRET: &str = "a secret of the tests, 32 bytes or more";

/// A server with the demo conference running, and an API key for the sites.
async fn server(directory: &tempfile::TempDir) -> Server {
    let mut config = testing::config(&directory.path().join("data"));
    let keys = &mut config.auth.api_keys;
    keys.insert("loadtest".to_owned(), Secret::new(SECRET));
    testing::demo(config).await
}

/// A TLS proxy before a server, with a certificate that nobody else has signed; its port, and
/// that certificate as PEM.
async fn proxy(to: SocketAddr) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Whoever does not trust the proxy goes away in the middle.
                let Ok(mut inner) = acceptor.accept(stream).await else {
                    return;
                };
                let mut outer = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
            });
        }
    });
    (port, made.cert.pem())
}

fn scenario(server: &Server, sites: u32, duration: Duration) -> Scenario {
    let key = LocalKey::parse(&format!("loadtest:{SECRET}")).unwrap();
    let known = read_csv(demo::SITES.as_bytes()).unwrap();
    let roster = known.iter().filter(|site| site.level != Level::Central);
    let target = Target::Conference {
        server: format!("http://{}", server.http()),
        conference: "demo".to_owned(),
        tokens: TokenSource::ApiKey(Arc::new(key)),
        hall: true,
        roster: roster.map(|site| site.code.to_string()).collect(),
    };
    Scenario::new(target, sites, duration)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_join_behind_a_tls_proxy_that_they_trust() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let (port, pem) = proxy(server.http()).await;
    let authority = directory.path().join("authority.pem");
    std::fs::write(&authority, pem).unwrap();
    let mut scenario = scenario(&server, 5, Duration::from_secs(3));
    let Target::Conference { server: url, .. } = &mut scenario.target else {
        unreachable!("it is a conference");
    };
    *url = format!("https://localhost:{port}");
    let strangers = loadtest::run(scenario.clone())
        .await
        .unwrap_err()
        .to_string();
    assert!(strangers.contains("TLS handshake"), "{strangers}");

    scenario.tls = Tls::new(&Trust::File(authority)).unwrap();
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    assert_eq!(report.sites.joined, 5, "{}", report.summary());
    assert_eq!(report.join.tls.unwrap().count, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_sites_join_a_hall_on_air_and_watch_without_loss() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let watching = Duration::from_secs(20);
    let mut scenario = scenario(&server, 400, watching);
    scenario.ramp = Ramp::PerSecond(80.0);
    scenario.media.audio_frame = AudioFrame::Ms60;
    scenario.media.layers = vec!["m".to_owned()];
    scenario.decrypt = Decryption::Sample(10);
    // The server and the sites are one process here.
    scenario.server_pid = Some(std::process::id());
    scenario.thresholds = Thresholds {
        max_failed: Some(0),
        max_loss: Some(0.0),
        // Others may want the same cores: what a person would notice, not what a server can do.
        max_join_p99: Some(10.0),
        max_latency_p99: Some(500.0),
        min_fps: Some(14.0),
        max_server_cores: Some(1.5),
        ..Thresholds::default()
    };
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    assert!(report.is_good(), "{}\n{report:#?}", report.summary());
    assert_eq!(report.sites.joined, 400, "{}", report.summary());
    let (audio, video) = (report.media.audio.unwrap(), report.media.video.unwrap());
    assert!(audio.streams >= 400 && video.streams >= 400);
    // A packet each 60 ms and 15 frames a second at every site, but for the ends of the window.
    assert!(
        audio.received >= 400 * 19 * 1_000 / 60,
        "{}",
        audio.received
    );
    assert!(video.received >= 400 * 19 * 15, "{}", video.received);
    assert_eq!(report.generator.unauthenticated, 0);
    assert_eq!(report.generator.kernel_drops, 0);
}
