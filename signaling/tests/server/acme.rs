//! A certificate from a real test CA, Pebble, renewed while somebody is inside.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use signaling::auth::Role;
use signaling::config::tls::Challenge;
use signaling::testing::free_port;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::client::{Client, Heard};
use crate::secured::{ask, secure};
use crate::world::World;

/// Which one, as the Go module proxy has it.
const PEBBLE: &str = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1";

/// Longer than anything here should take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a certificate lives here: it is renewed when a third is left.
const LIFE_SECONDS: u64 = 30;

/// The program; built by Go unless that was done before.
fn pebble() -> PathBuf {
    if let Some(given) = std::env::var_os("PEBBLE") {
        return given.into();
    }
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pebble");
    let program = tools.join("pebble");
    if !program.exists() {
        let built = Command::new("go")
            .args(["install", PEBBLE])
            .env("GOBIN", &tools)
            .status();
        let built = built.expect("needs Go 1.24 or newer on the PATH, or PEBBLE with the program");
        assert!(built.success(), "go install {PEBBLE}");
    }
    program
}

/// The CA at work, until it is dropped.
struct Ca {
    process: Child,
    directory: TempDir,
    api: u16,
    management: SocketAddr,
    /// The authority of its own certificate.
    own: CertificateDer<'static>,
}

impl Drop for Ca {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ca {
    /// Asks whether names are ours at these ports.
    async fn start(http: u16, tls: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let (api, management) = (free_port(), free_port());
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": path("cert.pem"),
            "privateKey": path("key.pem"),
            "httpPort": http,
            "tlsPort": tls,
            "externalAccountBindingRequired": true,
            "externalAccountMACKeys": { "an": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" },
            "retryAfter": { "authz": 1, "order": 1 },
            "profiles": { "default": { "description": "short", "validityPeriod": LIFE_SECONDS } },
        }});
        std::fs::write(path("config.json"), config.to_string()).unwrap();
        let process = Command::new(pebble())
            .arg("-config")
            .arg(path("config.json"))
            .env("PEBBLE_VA_NOSLEEP", "1")
            // More than every third number is refused: `instant-acme` alone gives up in every eighth request.
            .env("PEBBLE_WFE_NONCEREJECT", "35")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(std::fs::File::create(path("log")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let management = SocketAddr::from(([127, 0, 0, 1], management));
        let ca = Self {
            process,
            api,
            management,
            own: made.cert.der().clone(),
            directory,
        };
        wait_until("Pebble listens", async || {
            TcpStream::connect(management).await.is_ok()
        })
        .await;
        ca
    }

    /// The root of what it signs.
    async fn root(&self) -> CertificateDer<'static> {
        let stream = TcpStream::connect(self.management).await.unwrap();
        let answer = ask(secure(stream, &self.own).await.unwrap(), "/roots/0").await;
        CertificateDer::from_pem_slice(answer.as_bytes()).unwrap()
    }

    fn log(&self) -> String {
        let mut text = String::new();
        let log = std::fs::File::open(self.directory.path().join("log"));
        log.unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A server that gets its certificate there.
async fn world(ca: &Ca, challenge: Challenge, http: u16, tls: u16) -> World {
    World::with(|config| {
        config.http.listen = SocketAddr::from(([127, 0, 0, 1], tls));
        config.http.redirect_listen = Some(SocketAddr::from(([127, 0, 0, 1], http)));
        config.tls.names = vec!["localhost".to_owned()];
        let acme = &mut config.tls.acme;
        acme.directory = format!("https://localhost:{}/dir", ca.api);
        acme.authority = ca.directory.path().join("cert.pem");
        acme.contact = "an@example.vn".to_owned();
        acme.challenge = challenge;
        acme.key_id = "an".to_owned();
        let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
        acme.key = signaling::config::Secret::new(key);
    })
    .await
}

async fn is_good(world: &World, root: &CertificateDer<'static>) -> bool {
    let stream = TcpStream::connect(world.server.http()).await.unwrap();
    secure(stream, root).await.is_ok()
}

#[tokio::test]
async fn a_certificate_is_obtained_by_tls_alpn_and_renewed_while_somebody_is_inside() {
    let (http, tls) = (free_port(), free_port());
    let ca = Ca::start(http, tls).await;
    let world = world(&ca, Challenge::TlsAlpn, http, tls).await;
    let root = ca.root().await;
    wait_until("a certificate", async || is_good(&world, &root).await).await;
    let stream = TcpStream::connect(world.server.http()).await.unwrap();
    let stream = secure(stream, &root).await.unwrap();
    let mut site = Client::over(stream, world.server.http()).await;
    site.join(&world.token(Role::Site, Some("00004"))).await;

    let shown = world.server.app().tls.clone().unwrap();
    let first = shown.not_after();
    wait_until("another certificate", async || shown.not_after() != first).await;
    assert!(is_good(&world, &root).await, "{}", ca.log());
    site.send(&json!({"type": "leave"})).await;
    while let Heard::Message(_) = site.hear().await {}

    let kept = world.config().data_dir.join("acme.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(shown.failures(), 0, "{}", ca.log());
}

#[tokio::test]
async fn a_certificate_is_obtained_by_http_and_used_again_after_a_restart() {
    let (http, tls) = (free_port(), free_port());
    let ca = Ca::start(http, tls).await;
    let world = world(&ca, Challenge::Http, http, tls).await;
    let root = ca.root().await;
    wait_until("a certificate", async || is_good(&world, &root).await).await;
    let config = world.server.app().config();
    let _data = world.stop().await;
    let directory = signaling::vault::existing(&config).unwrap();
    let again = signaling::tls::Tls::open(&config, &directory, jiff::Timestamp::now());
    assert!(again.unwrap().unwrap().not_after().is_some());
}

#[tokio::test]
async fn a_server_that_does_not_find_us_is_asked_again_later_and_counted() {
    let (http, tls) = (free_port(), free_port());
    // It looks where nobody is.
    let ca = Ca::start(free_port(), free_port()).await;
    let world = world(&ca, Challenge::Http, http, tls).await;
    let shown = world.server.app().tls.clone().unwrap();
    wait_until("a failure", async || shown.failures() == 1).await;
    assert_eq!(shown.not_after(), None);
}
