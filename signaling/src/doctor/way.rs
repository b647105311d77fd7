//! Going the way to a server from here, step by step, and no further than the first that leads nowhere.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Uri;
use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::Deserialize;
use sfu::turn::relay::Relay;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::carrier::{Carrier, Line};
use super::echo::{Chance, Echo, Told};
use super::line::{self, Answered, Way};
use super::reach::{self, LONG_ON_THE_WAY};
use super::{Finding, journey, judge};
use crate::check::Cause;
use crate::protocol::server::IceServer;
use crate::tls;

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
    tls: Arc<ClientConfig>,
}

/// What is asked of the server.
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    /// Each with its line end.
    headers: &'a str,
    body: &'a str,
}

/// A check that the server has begun for us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    id: String,
    ice_servers: Vec<IceServer>,
}

/// A means of media that was found open.
#[derive(Clone, Debug)]
enum Passage {
    /// To this address of the media plane.
    Udp(SocketAddr),
    /// See above.
    Tcp(SocketAddr),
    /// By this TURN server.
    Turn(Turn),
}

/// A TURN server, and with what it lets us in.
#[derive(Clone, Debug)]
struct Turn {
    url: TurnUrl,
    username: String,
    credential: String,
}

/// A connection that was opened.
struct Opened {
    line: Box<dyn Line>,
    /// Until when the certificate is good that was shown.
    not_after: Option<Timestamp>,
}

/// What a server answered.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Goal {
    /// The server of this address, and an authority of the operator's own.
    pub(crate) fn new(url: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
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
            tls: Arc::new(tls::trusting(ca)?),
        })
    }

    /// All steps, in the order in which a page takes them.
    pub(crate) async fn reach(&self) -> Vec<Finding> {
        let found = self.resolve().await;
        let mut findings = vec![journey::name(&self.host, &found)];
        let addresses = found.unwrap_or_default();
        let tries = addresses.into_iter().map(|address| async move {
            let took = connect(SocketAddr::from((address, self.port))).await;
            (address, took.map(|(_, took)| took))
        });
        let tried = join_all(tries).await;
        let nearest = tried
            .iter()
            .find_map(|(address, took)| Some((*address, *took.as_ref().ok()?)));
        for (address, took) in &tried {
            let at = SocketAddr::from((*address, self.port)).to_string();
            findings.push(match (took, nearest) {
                (Err(cause), Some((other, _))) => {
                    Finding::skipped("tcp", format!("{at}: {cause}; {other} is reached"))
                }
                _ => journey::connect(&at, took),
            });
        }
        let Some((address, trip)) = nearest else {
            return findings;
        };
        let at = SocketAddr::from((address, self.port));
        findings.extend(self.speak(at, trip).await);
        let has_spoken = findings.iter().any(|finding| finding.step == "ready");
        if has_spoken {
            findings.extend(self.media(at).await);
        }
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
            let broken = line.as_ref().err().map(String::as_str);
            findings.push(journey::tls(broken));
            let until = line.as_ref().ok().and_then(|opened| opened.not_after);
            findings.extend(until.map(|until| judge::certificate(Timestamp::now(), until)));
        } else {
            let advice = "browsers give camera and microphone to https:// pages only";
            findings.push(Finding::new("tls", Cause::PageInsecure, "none", advice));
        }
        let Ok(Opened { line, .. }) = line else {
            // Is it this clock by which the certificate is not good? What is answered in the clear tells.
            findings.extend(self.clock_in_clear(at, trip).await);
            return findings;
        };
        let answer = self.ask(line, Request::get("/readyz")).await;
        let date = answer.as_ref().ok().and_then(Answer::date);
        findings.push(journey::ready(
            &answer.map(|answer| (answer.status, answer.body)),
        ));
        findings.push(journey::clock(Timestamp::now(), date, trip));
        // The key is that of RFC 6455's example: nothing is said on the connection.
        let upgrade = Request {
            headers: "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            ..Request::get("/ws")
        };
        let opened = self.request(at, upgrade).await;
        findings.push(journey::websocket(&opened.map(|answer| answer.status)));
        findings
    }

    async fn clock_in_clear(&self, at: SocketAddr, trip: Duration) -> Option<Finding> {
        let (stream, _) = connect(at).await.ok()?;
        let answer = self.ask(Box::new(stream), Request::get("/healthz")).await;
        let date = answer.ok()?.date()?;
        Some(journey::clock(Timestamp::now(), Some(date), trip))
    }

    /// Media by each means, and how the line is by the first of them that passes, by a check that the
    /// server is asked for.
    async fn media(&self, at: SocketAddr) -> Vec<Finding> {
        let begun = match self.begin(at).await {
            Ok(begun) => begun,
            Err(why) => return vec![Finding::skipped("media", why)],
        };
        let mut findings = Vec::new();
        let (udp, by_udp) = self.by_udp(at, &begun, &mut findings).await;
        let (tcp, by_tcp) = self.by_tcp(at, &begun).await;
        let (turn, by_turn) = self.by_turn(at, &begun).await;
        findings.extend(line::media([udp, tcp, turn]));
        if let Some(best) = by_udp.or(by_tcp).or(by_turn) {
            let quality = self.quality(at, &begun, &best).await;
            findings.extend(quality.unwrap_or_else(|why| vec![Finding::skipped("rate", why)]));
        }
        findings
    }

    async fn begin(&self, at: SocketAddr) -> Result<Begun, String> {
        let answer = self
            .request(at, Request::post("/api/v1/checks", ""))
            .await?;
        if answer.status != 201 {
            return Err(format!(
                "the server begins no check: {} {}",
                answer.status,
                answer.body.trim()
            ));
        }
        serde_json::from_str(&answer.body).map_err(|cause| cause.to_string())
    }

    /// A peer at the media plane, to be asked for by these means.
    async fn peer(
        &self,
        at: SocketAddr,
        check: &Begun,
        means: &str,
    ) -> Result<(Echo, Told), String> {
        let chance = Chance {
            credentials: rand::random(),
            fingerprint: rand::random(),
        };
        let path = format!("/api/v1/checks/{}/{means}/receive", check.id);
        let offer = chance.offer();
        let request = Request {
            headers: "connection: close\r\ncontent-type: application/sdp\r\n",
            ..Request::post(&path, &offer)
        };
        let answer = self.request(at, request).await?;
        let told = Told::read(&answer.body).filter(|_| answer.status == 201);
        let told = told.ok_or_else(|| format!("{} {}", answer.status, answer.body.trim()))?;
        Ok((chance.echo(told.ice.clone()), told))
    }

    /// UDP; which addresses answer is noted in `findings`.
    async fn by_udp(
        &self,
        at: SocketAddr,
        check: &Begun,
        findings: &mut Vec<Finding>,
    ) -> (Way, Option<Passage>) {
        let (mut echo, told) = match self.peer(at, check, "udp").await {
            Ok(peer) => peer,
            Err(why) => return (Way::Untried(why), None),
        };
        let told: Vec<_> = told.candidates.iter().map(|it| it.address).collect();
        let answered = reach::udp(&mut echo, &told, at.ip()).await;
        findings.push(line::addresses(&told, answered));
        match answered {
            Answered::Told(from) => (Way::Passes(from.to_string()), Some(Passage::Udp(from))),
            Answered::Beside(from) => {
                let why = format!("passes, but clients are not told of {from}");
                (Way::Untried(why), None)
            }
            Answered::Nowhere => (Way::Blocked(list(&told)), None),
        }
    }

    async fn by_tcp(&self, at: SocketAddr, check: &Begun) -> (Way, Option<Passage>) {
        let (mut echo, told) = match self.peer(at, check, "tcp").await {
            Ok(peer) => peer,
            Err(why) => return (Way::Untried(why), None),
        };
        let told: Vec<_> = told.candidates.iter().map(|it| it.address).collect();
        if told.is_empty() {
            let why = "the server tells no port for ICE-TCP".to_owned();
            return (Way::Untried(why), None);
        }
        let mut refused = Vec::new();
        for place in told {
            match reach::answers(by_frames(place), &mut echo).await {
                Ok(took) => {
                    let measured = format!("{place} in {} ms", took.as_millis());
                    return (Way::Passes(measured), Some(Passage::Tcp(place)));
                }
                Err(cause) => refused.push(format!("{place}: {cause}")),
            }
        }
        (Way::Blocked(refused.join("; ")), None)
    }

    async fn by_turn(&self, at: SocketAddr, check: &Begun) -> (Way, Option<Passage>) {
        let Some(turn) = check.ice_servers.iter().find_map(Turn::of) else {
            let why = "the server tells of no TURN server".to_owned();
            return (Way::Untried(why), None);
        };
        let tried = match self.peer(at, check, "turn").await {
            Ok((mut echo, told)) => reach::answers(self.through(at, &turn, &told), &mut echo).await,
            Err(why) => Err(why),
        };
        match tried {
            Ok(took) => {
                let measured = format!("{} in {} ms", turn.url.text, took.as_millis());
                (Way::Passes(measured), Some(Passage::Turn(turn)))
            }
            Err(cause) => (Way::Blocked(format!("{}: {cause}", turn.url.text)), None),
        }
    }

    /// How the line is by a means that passes.
    async fn quality(
        &self,
        at: SocketAddr,
        check: &Begun,
        passage: &Passage,
    ) -> Result<Vec<Finding>, String> {
        // A new peer each time: one answers so many requests and then few.
        let (mut echo, mut carrier) = self.pass(at, check, passage).await?;
        let few = reach::few(&mut carrier, &mut echo).await;
        let lengths = reach::lengths(&mut carrier, &mut echo).await;
        let (mut echo, mut carrier) = self.pass(at, check, passage).await?;
        let up = reach::there(&mut carrier, &mut echo).await;
        let (mut echo, mut carrier) = self.pass(at, check, passage).await?;
        let both = reach::there_and_back(&mut carrier, &mut echo).await;
        let carried = |trips: &[_]| line::carried(trips, LONG_ON_THE_WAY);
        let mut findings = vec![line::delay(&few)];
        match lengths {
            Some(lengths) => findings.extend([line::loss(&few), line::packet_size(&lengths)]),
            None => findings.extend(line::BY_TCP.map(|(step, why)| Finding::skipped(step, why))),
        }
        findings.push(line::rates(carried(&up), carried(&both)));
        Ok(findings)
    }

    /// A peer at the media plane, and the way to it.
    async fn pass(
        &self,
        at: SocketAddr,
        check: &Begun,
        passage: &Passage,
    ) -> Result<(Echo, Carrier), String> {
        let (echo, told) = self.peer(at, check, passage.means()).await?;
        let opening = async {
            match passage {
                Passage::Udp(to) => Carrier::udp(*to).await.map_err(|cause| cause.to_string()),
                Passage::Tcp(to) => by_frames(*to).await,
                Passage::Turn(turn) => self.through(at, turn, &told).await,
            }
        };
        let opened = timeout(PATIENCE, opening).await.map_err(|_| silent())?;
        Ok((echo, opened?))
    }

    /// A way to the media plane by a TURN server.
    async fn through(&self, at: SocketAddr, turn: &Turn, told: &Told) -> Result<Carrier, String> {
        let places = told.candidates.iter().filter(|it| !it.tcp);
        // The TURN server of the process reaches all of them, of the family that it is reached by.
        let place = places
            .clone()
            .find(|it| it.address.is_ipv4() == at.is_ipv4());
        let place = place.or_else(|| told.candidates.iter().find(|it| !it.tcp));
        let place = place.ok_or("the server tells no media port")?.address;
        let relay = Relay::new(&turn.username, &turn.credential, place);
        Carrier::turn(self.open_turn(at, &turn.url).await?, relay).await
    }

    async fn open_turn(&self, at: SocketAddr, url: &TurnUrl) -> Result<Box<dyn Line>, String> {
        let place = if url.host == self.host {
            SocketAddr::new(at.ip(), url.port)
        } else {
            let mut found = lookup_host((url.host.as_str(), url.port))
                .await
                .map_err(|cause| cause.to_string())?;
            found.next().ok_or("its name has no address")?
        };
        let opened = self
            .open_as(place, url.is_secure.then_some(&url.host))
            .await?;
        Ok(opened.line)
    }

    async fn request(&self, at: SocketAddr, request: Request<'_>) -> Result<Answer, String> {
        let opened = self.open(at).await?;
        self.ask(opened.line, request).await
    }

    async fn open(&self, at: SocketAddr) -> Result<Opened, String> {
        self.open_as(at, self.is_secure.then_some(&self.host)).await
    }

    /// A connection, inside TLS if a name is given.
    async fn open_as(&self, at: SocketAddr, name: Option<&String>) -> Result<Opened, String> {
        let (stream, _) = connect(at).await?;
        let Some(name) = name else {
            return Ok(Opened {
                line: Box::new(stream),
                not_after: None,
            });
        };
        let name = ServerName::try_from(name.clone()).map_err(|cause| cause.to_string())?;
        let shaking = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let line = timeout(PATIENCE, shaking).await.map_err(|_| silent())?;
        let line = line.map_err(|cause| cause.to_string())?;
        let (_, connection) = line.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(Opened {
            not_after: chain.first().and_then(|own| not_after(own)),
            line: Box::new(line),
        })
    }

    async fn ask(&self, mut line: Box<dyn Line>, request: Request<'_>) -> Result<Answer, String> {
        let Request {
            method,
            path,
            headers,
            body,
        } = request;
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}:{}\r\nuser-agent: dinh-doctor\r\n\
             content-length: {}\r\n{headers}\r\n{body}",
            self.port,
            body.len()
        );
        let asking = async {
            line.write_all(text.as_bytes()).await?;
            // TLS keeps back what the socket has not taken yet.
            line.flush().await?;
            read_answer(&mut line).await
        };
        let text = timeout(PATIENCE, asking).await.map_err(|_| silent())?;
        let text = text.map_err(|cause| cause.to_string())?;
        Answer::parse(&text).ok_or_else(|| "what answers does not speak HTTP".to_owned())
    }
}

impl<'a> Request<'a> {
    const fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            headers: "connection: close\r\n",
            body: "",
        }
    }

    const fn post(path: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            body,
            ..Self::get(path)
        }
    }
}

impl Passage {
    /// As the path of an offer has it.
    const fn means(&self) -> &'static str {
        match self {
            Self::Udp(_) => "udp",
            Self::Tcp(_) => "tcp",
            Self::Turn(_) => "turn",
        }
    }
}

impl Turn {
    /// `None` for a server that cannot be asked from here.
    fn of(server: &IceServer) -> Option<Self> {
        Some(Self {
            url: TurnUrl::read(server.urls.first()?)?,
            username: server.username.clone()?,
            credential: server.credential.clone().unwrap_or_default(),
        })
    }
}

/// A way to a media port by ICE-TCP.
async fn by_frames(at: SocketAddr) -> Result<Carrier, String> {
    let (stream, _) = connect(at).await?;
    // A request that waits for another one is late by as much.
    stream
        .set_nodelay(true)
        .map_err(|cause| cause.to_string())?;
    Ok(Carrier::frames(Box::new(stream)))
}

/// Where a TURN server is, as RFC 7065 writes it, over TCP.
#[derive(Clone, Debug)]
struct TurnUrl {
    text: String,
    host: String,
    port: u16,
    is_secure: bool,
}

impl TurnUrl {
    /// `None` for one that is reached by UDP, or is none.
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let is_secure = match scheme {
            "turns" => true,
            "turn" => false,
            _ => return None,
        };
        let place = rest.strip_suffix("?transport=tcp")?;
        let at: axum::http::uri::Authority = place.parse().ok()?;
        Some(Self {
            text: text.to_owned(),
            host: at.host().trim_matches(['[', ']']).to_owned(),
            port: at.port_u16().unwrap_or(if is_secure { 5349 } else { 3478 }),
            is_secure,
        })
    }
}

fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(read.validity().not_after.timestamp()).ok()
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
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
