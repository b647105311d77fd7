//! The public port with TLS, told apart from HTTP in the clear by the first bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, IsCa, KeyPair,
    generate_simple_self_signed,
};
use serde_json::json;
use signaling::auth::Role;
use signaling::config::Config;
use signaling::tls::Reloaded;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::Client;
use crate::world::World;

/// Longer than anything here should take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Made = CertifiedKey<KeyPair>;

/// Where the certificate is, and the one that is in there.
struct Place {
    directory: TempDir,
    made: Made,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = write_certificate(directory.path());
        Self { directory, made }
    }

    fn configure(&self, config: &mut Config) {
        config.tls.certificate = self.directory.path().join("cert.pem");
        config.tls.key = self.directory.path().join("key.pem");
    }

    async fn world(&self, change: impl FnOnce(&mut Config)) -> World {
        World::with(|config| {
            self.configure(config);
            change(config);
        })
        .await
    }
}

/// A new certificate in the two files.
fn write_certificate(directory: &Path) -> Made {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made
}

/// Shakes hands over a connection, and trusts that certificate alone.
pub(crate) async fn secure(
    stream: TcpStream,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands(stream, trusted, None).await
}

/// The same, with a certificate of the client's own or without one.
async fn shake_hands(
    stream: TcpStream,
    trusted: &CertificateDer<'static>,
    own: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        Some((certificate, key)) => builder
            .with_client_auth_cert(vec![certificate], key)
            .unwrap(),
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(PATIENCE, connecting).await.unwrap()
}

async fn connect(server: SocketAddr, made: &Made) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server).await.unwrap();
    secure(stream, made.cert.der()).await.unwrap()
}

/// Asks for a path, and reads all that is answered.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, path: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: hop.example.vn\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) async fn ask_clear(server: SocketAddr, path: &str) -> String {
    ask(TcpStream::connect(server).await.unwrap(), path).await
}

#[tokio::test]
async fn one_port_serves_pages_and_sockets_by_tls_and_leads_there_from_the_clear() {
    let place = Place::new();
    let world = place.world(|_| {}).await;
    let server = world.server.http();

    let answer = ask(connect(server, &place.made).await, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let stream = connect(server, &place.made).await;
    let mut site = Client::over(stream, server).await;
    site.join(&world.token(Role::Site, Some("00004"))).await;

    let answer = ask_clear(server, "/site?x=1").await;
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    let expected = format!(
        "location: https://hop.example.vn:{}/site?x=1",
        server.port()
    );
    assert!(answer.contains(&expected), "{answer}");
    for path in ["/healthz", "/readyz"] {
        let answer = ask_clear(server, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn browsers_are_bound_to_tls_by_hsts_for_as_long_as_is_set_and_never_in_the_clear() {
    for (seconds, expected) in [(0, None), (86_400, Some("max-age=86400"))] {
        let place = Place::new();
        let world = place
            .world(|config| config.tls.hsts_seconds = seconds)
            .await;
        let server = world.server.http();
        // Of a page, of an interface, of what is not there.
        for path in ["/site", "/api/openapi.json", "/api/v1/nothing"] {
            let answer = ask(connect(server, &place.made).await, path).await;
            assert_eq!(hsts(&answer), expected, "{answer}");
            // RFC 6797 §7.2: a browser would have to ignore it there.
            let answer = ask_clear(server, path).await;
            assert_eq!(hsts(&answer), None, "{answer}");
        }
    }
}

/// What an answer binds browsers to.
fn hsts(answer: &str) -> Option<&str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix("strict-transport-security: "))
}

#[tokio::test]
async fn a_proxy_that_is_trusted_has_done_tls_itself() {
    let place = Place::new();
    let proxy = "127.0.0.1".parse().unwrap();
    let world = place
        .world(|config| config.http.trusted_proxies = vec![proxy])
        .await;
    let answer = ask_clear(world.server.http(), "/contact.json").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_header_of_the_proxy_protocol_comes_before_tls() {
    let place = Place::new();
    let proxy = "127.0.0.1".parse().unwrap();
    let world = place
        .world(|config| {
            config.http.trusted_proxies = vec![proxy];
            config.http.proxy_protocol = true;
        })
        .await;
    let through = async || {
        let mut stream = TcpStream::connect(world.server.http()).await.unwrap();
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\n";
        stream.write_all(header).await.unwrap();
        stream
    };
    let secured = secure(through().await, place.made.cert.der())
        .await
        .unwrap();
    let answer = ask(secured, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(through().await, "/contact.json").await;
    assert!(
        answer.starts_with("HTTP/1.1 308"),
        "the client spoke in the clear: {answer}"
    );
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_whoever_comes_next_and_those_inside_stay() {
    let place = Place::new();
    let world = place.world(|_| {}).await;
    let server = world.server.http();
    let mut site = Client::over(connect(server, &place.made).await, server).await;
    site.join(&world.token(Role::Site, Some("00004"))).await;

    let renewed = write_certificate(place.directory.path());
    let tls = world.server.app().tls.clone().unwrap();
    assert!(matches!(
        tls.reload(Timestamp::now()),
        Ok(Reloaded::Renewed(_))
    ));
    let stream = TcpStream::connect(server).await.unwrap();
    let former = secure(stream, place.made.cert.der()).await;
    assert!(former.is_err(), "the former certificate is shown no longer");
    let answer = ask(connect(server, &renewed).await, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    std::fs::write(place.directory.path().join("key.pem"), "nonsense").unwrap();
    assert!(tls.reload(Timestamp::now()).is_err());
    connect(server, &renewed).await;

    site.send(&json!({"type": "leave"})).await;
    while let crate::client::Heard::Message(_) = site.hear().await {}
    let metrics = ask_clear(world.server.admin(), "/metrics").await;
    let name = "dinh_tls_certificate_not_after_seconds ";
    assert!(metrics.contains(name), "{metrics}");
}

#[tokio::test]
async fn whoever_says_nothing_or_shakes_no_hands_is_sent_away_and_counted() {
    let place = Place::new();
    let world = place
        .world(|config| config.http.header_timeout_seconds = 1)
        .await;
    let says = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(world.server.http()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut said = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
        assert!(ended.is_ok(), "it is still open");
    };
    says(b"").await;
    says(b"\x16").await;
    says(b"\x16\x03\x01").await;
    says(b"\x16\x03\x01\x00\x05nonsense").await;
    // A handshake, and silence inside.
    let mut inside = connect(world.server.http(), &place.made).await;
    let mut said = Vec::new();
    let ended = timeout(PATIENCE, inside.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "it is still open");
    let metrics = ask_clear(world.server.admin(), "/metrics").await;
    for expected in [
        "dinh_http_connections_cut_total{reason=\"silent\"} 3",
        "dinh_http_connections_cut_total{reason=\"tls\"} 2",
    ] {
        assert!(metrics.contains(expected), "{metrics}");
    }
}

#[tokio::test]
async fn a_port_of_its_own_leads_to_tls_and_serves_nothing_else() {
    let place = Place::new();
    let any = "127.0.0.1:0".parse().unwrap();
    let world = place
        .world(|config| {
            config.http.redirect_listen = Some(any);
            config.tls.names = vec!["hop.example.vn".to_owned()];
        })
        .await;
    let clear = world.server.redirect().unwrap();
    let answer = ask_clear(clear, "/hall").await;
    let port = world.server.http().port();
    let expected = format!("location: https://hop.example.vn:{port}/hall\r\n");
    assert!(answer.contains(&expected), "{answer}");
    let answer = ask_clear(clear, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for path in ["/.well-known/acme-challenge/forged", "/trust/dinh-root.crt"] {
        let answer = ask_clear(clear, path).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
}

#[tokio::test]
async fn an_authority_of_its_own_is_explained_in_the_clear_and_trusted_once_it_is_installed() {
    let world = World::with(|config| config.tls.self_made = true).await;
    let server = world.server.http();
    let root = world
        .server
        .app()
        .tls
        .as_ref()
        .unwrap()
        .root()
        .unwrap()
        .clone();
    let page = ask_clear(server, "/trust").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for expected in [
        "lang=\"vi\"",
        "lang=\"en\"",
        &root.fingerprint(),
        "content-security-policy",
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    let file = ask_clear(server, "/trust/dinh-root.crt").await;
    assert!(
        file.contains("content-type: application/x-x509-ca-cert"),
        "{file}"
    );

    let installed = CertificateDer::from(root.der().to_vec());
    let stream = TcpStream::connect(server).await.unwrap();
    let answer = ask(secure(stream, &installed).await.unwrap(), "/trust").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let world = world.stop().await;
    let mut config = world.config();
    config.tls.self_made = true;
    let directory = signaling::vault::existing(&config).unwrap();
    assert_eq!(
        signaling::tls::Root::load(&directory).unwrap().pem(),
        root.pem()
    );
}

#[tokio::test]
async fn metrics_are_for_those_with_a_certificate_where_an_authority_is_named() {
    let place = Place::new();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let path = place.directory.path().join("clients.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let proxy = "127.0.0.1".parse().unwrap();
    let world = place
        .world(|config| {
            config.admin.client_authority = path;
            config.http.trusted_proxies = vec![proxy];
        })
        .await;
    let admin = world.server.admin();
    let client = |issuer: &CertifiedIssuer<'_, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["prometheus".to_owned()]).unwrap();
        let signed = params.signed_by(&key, issuer).unwrap();
        (
            signed.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
    };
    let asked = async |own| {
        let stream = TcpStream::connect(admin).await.unwrap();
        let mut stream = shake_hands(stream, place.made.cert.der(), own).await.ok()?;
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = String::new();
        // The server says after the handshake that it does not want the client.
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    };
    let answer = asked(Some(client(&authority))).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("dinh_"),
        "{answer}"
    );
    assert_eq!(asked(None).await, None);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let other = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    assert_eq!(asked(Some(client(&other))).await, None);
    let answer = ask_clear(admin, "/metrics").await;
    assert!(
        answer.starts_with("HTTP/1.1 308"),
        "also to a proxy: {answer}"
    );
}
