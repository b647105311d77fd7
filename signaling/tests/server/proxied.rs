//! Behind nginx and Caddy, configured as README.md says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use signaling::auth::Role;
use signaling::testing::free_address;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::client::Client;
use crate::secured::secure;
use crate::world::{CONFERENCE, World};

/// Longer than anything here should take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const README: &str = include_str!("../../../README.md");

/// The block of this language in README.md.
fn block(language: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A proxy at work, until it is dropped.
struct Proxy {
    process: Child,
    address: SocketAddr,
    trusted: CertificateDer<'static>,
    _directory: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    fn start(self, directory: &Path, port: u16, server: SocketAddr) -> Child {
        let at = |name: &str| directory.join(name).display().to_string();
        let to = server.to_string();
        let log = || std::fs::File::create(directory.join("log")).unwrap();
        match self {
            Self::Nginx => {
                let block = block("nginx")
                    .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"))
                    .replace("listen [::]:443 ssl;", "")
                    .replace("hop.example.vn", "localhost")
                    .replace("/etc/dinh/fullchain.pem", &at("cert.pem"))
                    .replace("/etc/dinh/privkey.pem", &at("key.pem"))
                    .replace("127.0.0.1:7900", &to);
                let config = format!(
                    "daemon off;\nmaster_process off;\npid {pid};\nevents {{}}\nhttp {{\n\
                     access_log off;\nclient_body_temp_path {body};\nproxy_temp_path {temp};\n\
                     fastcgi_temp_path {temp};\nuwsgi_temp_path {temp};\nscgi_temp_path {temp};\n\
                     {block}\n}}\n",
                    pid = at("pid"),
                    body = at("body"),
                    temp = at("temp"),
                );
                std::fs::write(directory.join("nginx.conf"), config).unwrap();
                let mut nginx = Command::new("nginx");
                // Where Debian puts it, and a user may not look.
                let path = std::env::var("PATH").unwrap_or_default();
                nginx.env("PATH", format!("{path}:/usr/sbin"));
                nginx.args(["-e", &at("errors"), "-c", &at("nginx.conf")]);
                nginx.stderr(log()).spawn().expect("nginx is installed")
            }
            Self::Caddy => {
                let block = block("caddy")
                    .replace("hop.example.vn", &format!("https://localhost:{port}"))
                    .replace("127.0.0.1:7900", &to);
                let tls = format!("{{\n    tls {} {}", at("cert.pem"), at("key.pem"));
                let block = block.replacen('{', &tls, 1);
                let config = format!("{{\n    admin off\n    auto_https off\n}}\n{block}");
                std::fs::write(directory.join("Caddyfile"), config).unwrap();
                let mut caddy = Command::new("caddy");
                caddy.args([
                    "run",
                    "--adapter",
                    "caddyfile",
                    "--config",
                    &at("Caddyfile"),
                ]);
                caddy.env("HOME", directory).stdout(Stdio::null());
                caddy.stderr(log()).spawn().expect("caddy is installed")
            }
        }
    }
}

impl Proxy {
    async fn start(kind: Kind, server: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
        let key = made.signing_key.serialize_pem();
        std::fs::write(directory.path().join("key.pem"), key).unwrap();
        let address = free_address();
        let process = kind.start(directory.path(), address.port(), server);
        let proxy = Self {
            process,
            address,
            trusted: made.cert.der().clone(),
            _directory: directory,
        };
        let start = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            assert!(start.elapsed() < PATIENCE, "the proxy does not listen");
            sleep(Duration::from_millis(50)).await;
        }
        proxy
    }

    /// A connection from one of this machine's addresses.
    async fn connect(&self, from: [u8; 4]) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        secure(stream, &self.trusted).await.unwrap()
    }

    async fn call(&self, from: [u8; 4], head: &str, body: &str) -> String {
        let mut stream = self.connect(from).await;
        let (port, length) = (self.address.port(), body.len());
        let request = format!(
            "{head}\r\nHost: localhost:{port}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let sending = async {
            stream.write_all(request.as_bytes()).await?;
            // TLS keeps back what the socket has not taken yet, and reading does not send it.
            stream.flush().await
        };
        // Who refuses a body may not read all of it.
        let _ = timeout(PATIENCE, sending).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

const SOMEBODY: [u8; 4] = [127, 0, 0, 2];
const ANOTHER: [u8; 4] = [127, 0, 0, 3];

/// Everything that a proxy can break.
async fn works_behind(kind: Kind) {
    let world = World::with(|config| {
        config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        config.addresses.requests_per_second = 1;
        config.addresses.request_burst = 10;
    })
    .await;
    let proxy = Proxy::start(kind, world.server.http()).await;

    let stream = proxy.connect(SOMEBODY).await;
    let host = format!("localhost:{}", proxy.address.port());
    let mut site = Client::over(stream, host).await;
    site.join(&world.token(Role::Site, Some("00004"))).await;

    let hall = format!(
        "Authorization: Bearer {}",
        world.token(Role::Hall, Some("VN"))
    );
    let offer =
        format!("POST /whip/{CONFERENCE} HTTP/1.1\r\n{hall}\r\nContent-Type: application/sdp");
    let answer = proxy
        .call(SOMEBODY, &offer, "send audio 0,send video 1")
        .await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let header = |wanted: &str| {
        let found = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then_some(value)
        });
        found.unwrap().trim().to_owned()
    };
    let (resource, tag) = (header("location"), header("etag"));
    let fragment = "a=ice-ufrag:ab\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 x\r\n";
    let kind = "Content-Type: application/trickle-ice-sdpfrag";
    let patch = format!("PATCH {resource} HTTP/1.1\r\n{hall}\r\n{kind}\r\nIf-Match: {tag}");
    let answer = proxy.call(SOMEBODY, &patch, fragment).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let answer = proxy
        .call(
            SOMEBODY,
            &format!("DELETE {resource} HTTP/1.1\r\n{hall}"),
            "",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // A list of sites as large as they come; that it is none, we say and not the proxy.
    let admin = format!("Authorization: Bearer {}", world.admin());
    let import = "POST /api/v1/sites/import HTTP/1.1";
    let import = format!("{import}\r\n{admin}\r\nContent-Type: text/csv");
    let answer = proxy
        .call(SOMEBODY, &import, &"nonsense\n".repeat(1_000_000))
        .await;
    assert!(
        answer.contains("\"code\""),
        "{}",
        &answer[..answer.len().min(400)]
    );

    // The limits are of the client's address, not of the proxy's.
    let health = "GET /healthz HTTP/1.1";
    let mut refused = 0;
    for _ in 0..14 {
        let answer = proxy.call(SOMEBODY, health, "").await;
        refused += u32::from(answer.starts_with("HTTP/1.1 429"));
    }
    assert!(refused > 0, "nobody was refused");
    let answer = proxy.call(ANOTHER, health, "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn everything_works_behind_nginx() {
    works_behind(Kind::Nginx).await;
}

#[tokio::test]
async fn everything_works_behind_caddy() {
    works_behind(Kind::Caddy).await;
}
