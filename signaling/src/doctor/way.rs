//! Going the way to a server from here, step by step, and no further than the first that leads nowhere.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Uri;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Finding, Verdict, journey};

/// Longest that a step may take. Higher: a line of seconds is not taken for a blocked one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Most that is read of an answer, in bytes.
const MAX_ANSWER: u64 = 16 * 1_024;

/// Where to.
#[derive(Debug)]
pub(crate) struct Goal {
    host: String,
    port: u16,
    is_secure: bool,
    media: Vec<u16>,
    tls: Arc<ClientConfig>,
}

/// A connection, with TLS or without.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// What a server answered.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Goal {
    /// The server of this address, its media ports, and an authority of the operator's own.
    pub(crate) fn new(url: &str, media: Vec<u16>, ca: Option<&Path>) -> anyhow::Result<Self> {
        let right = "write it as people type it, like https://hop.example.vn";
        let uri: Uri = url
            .parse()
            .with_context(|| format!("`{url}` is no address: {right}"))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => anyhow::bail!("`{url}` must begin with https:// or http://: {right}"),
        };
        let host = uri
            .host()
            .with_context(|| format!("`{url}` names no server: {right}"))?;
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            is_secure,
            media,
            tls: Arc::new(trusting(ca)?),
        })
    }

    /// All steps, in the order in which a page takes them.
    pub(crate) async fn reach(&self) -> Vec<Finding> {
        let found = self.resolve().await;
        let mut findings = vec![journey::name(&self.host, &found)];
        let mut nearest: Option<(IpAddr, Duration)> = None;
        for address in found.unwrap_or_default() {
            let at = SocketAddr::from((address, self.port));
            let took = connect(at).await.map(|(_, took)| took);
            findings.push(journey::connect("tcp", &at.to_string(), &took));
            if let (Ok(took), None) = (took, nearest) {
                nearest = Some((address, took));
            }
        }
        let Some((address, trip)) = nearest else {
            return findings;
        };
        findings.extend(
            self.speak(SocketAddr::from((address, self.port)), trip)
                .await,
        );
        findings.extend(self.media(address).await);
        findings
    }

    async fn resolve(&self) -> Result<Vec<IpAddr>, String> {
        let looked = timeout(PATIENCE, lookup_host((self.host.as_str(), self.port))).await;
        let looked = looked.map_err(|_| "no answer of the resolver".to_owned())?;
        let mut addresses: Vec<_> = looked
            .map_err(|cause| cause.to_string())?
            .map(|at| at.ip())
            .collect();
        addresses.dedup();
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    /// TLS, whether the server is ready, its clock, and a WebSocket.
    async fn speak(&self, at: SocketAddr, trip: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        let line = self.open(at).await;
        if self.is_secure {
            findings.push(journey::tls(line.as_ref().err().map(String::as_str)));
        } else {
            let advice = "browsers give camera and microphone to https:// pages only";
            findings.push(Finding::new("tls", Verdict::Warning, "none", advice));
        }
        let Ok(line) = line else {
            return findings;
        };
        let answer = self.ask(line, "/readyz", "connection: close\r\n").await;
        let date = answer.as_ref().ok().and_then(Answer::date);
        findings.push(journey::ready(
            &answer.map(|answer| (answer.status, answer.body)),
        ));
        findings.push(journey::clock(Timestamp::now(), date, trip));
        // The key is that of RFC 6455's example: nothing is said on the connection.
        let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let opened = match self.open(at).await {
            Ok(line) => self
                .ask(line, "/ws", upgrade)
                .await
                .map(|answer| answer.status),
            Err(cause) => Err(cause),
        };
        findings.push(journey::websocket(&opened));
        findings
    }

    async fn media(&self, address: IpAddr) -> Vec<Finding> {
        let mut findings = Vec::new();
        for port in &self.media {
            let at = SocketAddr::from((address, *port));
            let took = connect(at).await.map(|(_, took)| took);
            findings.push(journey::connect("media-tcp", &at.to_string(), &took));
        }
        if !self.media.is_empty() {
            let why =
                "media over UDP answers those who have joined: open a page of this server here";
            findings.push(Finding::skipped("media-udp", why));
        }
        findings
    }

    async fn open(&self, at: SocketAddr) -> Result<Box<dyn Line>, String> {
        let (stream, _) = connect(at).await?;
        if !self.is_secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|cause| cause.to_string())?;
        let shaking = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let line = timeout(PATIENCE, shaking).await.map_err(|_| silent())?;
        Ok(Box::new(line.map_err(|cause| cause.to_string())?))
    }

    async fn ask(
        &self,
        mut line: Box<dyn Line>,
        path: &str,
        headers: &str,
    ) -> Result<Answer, String> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}:{}\r\nuser-agent: dinh-doctor\r\n{headers}\r\n",
            self.host, self.port
        );
        let asking = async {
            line.write_all(request.as_bytes()).await?;
            read_answer(&mut line).await
        };
        let text = timeout(PATIENCE, asking).await.map_err(|_| silent())?;
        let text = text.map_err(|cause| cause.to_string())?;
        Answer::parse(&text).ok_or_else(|| "what answers does not speak HTTP".to_owned())
    }
}

/// A head, and what comes with it until the end; behind a head that opens a WebSocket comes nothing.
async fn read_answer(line: &mut Box<dyn Line>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut limited = line.take(MAX_ANSWER);
    loop {
        let count = limited.read_buf(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes);
        if count == 0 || (text.starts_with("HTTP/1.1 101") && text.contains("\r\n\r\n")) {
            return Ok(text.into_owned());
        }
    }
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some(Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }

    fn date(&self) -> Option<Timestamp> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut dates = fields.filter(|(name, _)| name.eq_ignore_ascii_case("date"));
        rfc2822::DateTimeParser::new()
            .parse_timestamp(dates.next()?.1.trim())
            .ok()
    }
}

fn silent() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

async fn connect(at: SocketAddr) -> Result<(TcpStream, Duration), String> {
    let start = Instant::now();
    let stream = timeout(PATIENCE, TcpStream::connect(at)).await;
    let stream = stream
        .map_err(|_| silent())?
        .map_err(|cause| cause.to_string())?;
    Ok((stream, start.elapsed()))
}

/// Trusts whom this machine trusts, and an authority of the operator's own.
fn trusting(ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is one whom nobody here trusts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let context = || format!("cannot read a certificate from {}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).with_context(context)? {
            roots
                .add(certificate.with_context(context)?)
                .with_context(context)?;
        }
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set TLS up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
