//! What an operator may set: one tree of values with their defaults and limits.
//!
//! Reading it from files and the environment is in [`load()`]; nothing here does I/O.

mod accounts;
mod ice_server;
mod listen;
pub mod load;
mod mail;
mod network;
mod oidc;
mod reload;
mod secret;
mod store;
mod telemetry;
pub mod tls;
mod webhooks;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::auth::KeyLimits;
use crate::auth::strength::{MIN_SECRET_BYTES, weakness};
use crate::conference::Settings;

pub use accounts::Accounts;
pub use ice_server::IceServer;
pub use load::{ConfigError, load};
pub use mail::{Mail, MailTls};
pub use network::Network;
pub use oidc::Oidc;
pub use reload::{Reload, Window};
pub use secret::Secret;
pub use store::Store;
pub use telemetry::Telemetry;
pub use tls::Tls;
pub use webhooks::Webhooks;

/// Longest word on whom to call: it stands on one line of a page.
const MAX_ORGANISER_CHARS: usize = 200;

/// The port that `https://` means when none is named.
pub const HTTPS_PORT: u16 = 443;

/// The whole configuration. An empty file is a complete one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the database and the signing key live; created if missing.
    pub data_dir: PathBuf,
    /// The database.
    pub store: Store,
    /// The public listener: pages, WebSocket, REST, WHIP and WHEP.
    pub http: Http,
    /// TLS of the public listener.
    pub tls: Tls,
    /// The private listener: metrics and health.
    pub admin: Admin,
    /// The media plane.
    pub media: Media,
    /// Who may obtain what.
    pub auth: Auth,
    /// People who log in.
    pub accounts: Accounts,
    /// WebSocket sessions.
    pub sessions: Sessions,
    /// What one address may do.
    pub addresses: Addresses,
    /// Conferences.
    pub conferences: Conferences,
    /// Stopping.
    pub shutdown: Shutdown,
    /// What is logged and how.
    pub log: Log,
    /// When settings that have changed are not put in force.
    pub reload: Reload,
    /// Traces of joins.
    pub telemetry: Telemetry,
    /// Mail that is sent.
    pub mail: Mail,
    /// Programs that are told what happens.
    pub webhooks: Webhooks,
}

/// The public listener.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on; port 0 lets the system choose.
    #[serde(deserialize_with = "listen::address")]
    pub listen: SocketAddr,
    /// Address and port at which `http://` is led to `https://`, as port 80; none if empty.
    #[serde(with = "listen::optional")]
    pub redirect_listen: Option<SocketAddr>,
    /// How clients reach it, for links that are printed. Empty: `http://`, or `https://` where TLS is
    /// on, and the listening address.
    pub public_url: String,
    /// Origins whose pages may use REST, WHIP and WHEP from a browser; `*` allows any.
    pub allowed_origins: Vec<String>,
    /// Largest request body in KiB; lists of sites have limits of their own.
    pub max_body_kibibytes: u32,
    /// Longest a request may take, but for the few that go through a whole country.
    pub request_timeout_seconds: u64,
    /// Longest that a request's header may take, and that a connection is kept for another request.
    pub header_timeout_seconds: u64,
    /// Most connections at once, those of WebSockets apart.
    pub max_connections: usize,
    /// Addresses of proxies that are believed when they say for whom they speak.
    pub trusted_proxies: Vec<Network>,
    /// How they say so.
    pub forwarded_header: ForwardedHeader,
    /// Whether their connections begin with a header of the PROXY protocol, version 1 or 2.
    pub proxy_protocol: bool,
}

/// The header in which a proxy says for whom it speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// What most proxies set.
    #[default]
    XForwardedFor,
    /// That of RFC 7239.
    Forwarded,
}

/// The private listener.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address and port to listen on; keep it from the public.
    #[serde(deserialize_with = "listen::address")]
    pub listen: SocketAddr,
    /// The authority (PEM) of which clients must have a certificate; then it speaks TLS. Empty: none.
    pub client_authority: PathBuf,
}

/// The media plane.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Address to bind.
    pub bind: IpAddr,
    /// Addresses offered to clients. Empty: found out from the interfaces.
    pub advertise: Vec<IpAddr>,
    /// UDP and TCP port of shard 0; shard n uses `port + n`. 0 lets the system choose each.
    pub port: u16,
    /// A further UDP port for media, which all shards share; 0: there is none.
    pub shared_udp_port: u16,
    /// Media threads; 0 means one less than the machine's cores, at least 1.
    pub shards: u8,
    /// Most peer connections at once.
    pub max_peers: u32,
    /// Most packets a second that are forwarded before further joins are refused; 0 means any.
    pub max_packets_per_second: u32,
    /// Whether clients are told of the TURN server at the public port.
    pub turn: bool,
    /// Further STUN and TURN servers that clients are told.
    pub ice_servers: Vec<IceServer>,
}

/// Who may obtain what.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Key id → secret: whoever holds one signs HS256 tokens that this server accepts.
    pub api_keys: BTreeMap<String, Secret>,
    /// Key id → what it may sign; anything if its id is not here.
    pub api_key_limits: BTreeMap<String, KeyLimits>,
    /// Whether the end of a token's time ends the stay of whoever came with it.
    pub enforce_expiry: bool,
}

/// WebSocket sessions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// How long a new connection may take to say who it is.
    pub handshake_timeout_seconds: u64,
    /// How long a lost session can be resumed.
    pub resume_seconds: u64,
    /// Time between two pings.
    pub ping_seconds: u64,
    /// Silence after which a connection is given up.
    pub silence_seconds: u64,
    /// Messages a second that a session may send for long.
    pub messages_per_second: u32,
    /// Messages that it may send at once.
    pub message_burst: u32,
    /// Messages that may wait for a slow connection before it is closed.
    pub outbox_messages: usize,
    /// Most WebSockets at once of those who have joined.
    pub max_connections: usize,
    /// Most WebSockets at once that have yet to join or resume.
    pub max_strangers: usize,
}

/// What one address may do; of IPv6, one network of 64 bits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addresses {
    /// Attempts to join or resume a second, for long.
    pub joins_per_second: u32,
    /// Attempts to join or resume at once.
    pub join_burst: u32,
    /// HTTP requests without a valid token a second, for long.
    pub requests_per_second: u32,
    /// HTTP requests without a valid token at once.
    pub request_burst: u32,
}

/// Conferences.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conferences {
    /// Most participants in one conference.
    pub max_participants: u32,
    /// Most devices of one site in one role: the first may speak, further ones stand by.
    pub devices_per_site: u32,
    /// Most conferences that run at the same time.
    pub max_open: usize,
    /// Above so many sites, audio comes in frames of 40 ms.
    pub audio_40ms_above_sites: u32,
    /// Above so many sites, audio comes in frames of 60 ms.
    pub audio_60ms_above_sites: u32,
    /// Whom people are told to call, such as a telephone number; empty if pages name nobody.
    pub organiser: String,
}

/// Stopping.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long `/readyz` says `draining` before the port takes nothing further.
    pub announce_seconds: u64,
    /// Longest that a stop may take.
    pub deadline_seconds: u64,
    /// When clients are told to come back at the earliest.
    pub retry_after_seconds: u64,
    /// Over how long their return is spread at most: as long as so many need.
    pub retry_spread_seconds: u64,
}

/// What is logged and how.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// One line of text or one JSON object an event.
    pub format: LogFormat,
    /// Which events, in the syntax of `tracing_subscriber::EnvFilter`. What the media plane's
    /// libraries say of single packets is left out unless it names them.
    pub filter: String,
    /// Whether the access log is written, whatever `filter` says of everything else.
    pub access: bool,
}

/// How a log event is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("dinh-data"),
            store: Store::default(),
            http: Http::default(),
            tls: Tls::default(),
            admin: Admin::default(),
            media: Media::default(),
            auth: Auth::default(),
            accounts: Accounts::default(),
            sessions: Sessions::default(),
            addresses: Addresses::default(),
            conferences: Conferences::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
            reload: Reload::default(),
            telemetry: Telemetry::default(),
            mail: Mail::default(),
            webhooks: Webhooks::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7900)),
            redirect_listen: None,
            public_url: String::new(),
            allowed_origins: Vec::new(),
            max_body_kibibytes: 256,
            request_timeout_seconds: 30,
            header_timeout_seconds: 15,
            max_connections: 4_096,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            proxy_protocol: false,
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7909)),
            client_authority: PathBuf::new(),
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            bind: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            advertise: Vec::new(),
            port: 7910,
            shared_udp_port: 0,
            shards: 0,
            max_peers: 10_000,
            max_packets_per_second: 0,
            turn: true,
            ice_servers: Vec::new(),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            handshake_timeout_seconds: 5,
            resume_seconds: 30,
            ping_seconds: 10,
            silence_seconds: 25,
            messages_per_second: 20,
            message_burst: 40,
            outbox_messages: 256,
            max_connections: 20_000,
            max_strangers: 4_096,
        }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            joins_per_second: 200,
            join_burst: 10_000,
            requests_per_second: 1_000,
            request_burst: 50_000,
        }
    }
}

impl Default for Conferences {
    fn default() -> Self {
        Self {
            max_participants: 10_000,
            devices_per_site: 2,
            max_open: 100,
            audio_40ms_above_sites: 100,
            audio_60ms_above_sites: 500,
            organiser: String::new(),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            announce_seconds: 0,
            deadline_seconds: 10,
            retry_after_seconds: 0,
            retry_spread_seconds: 5,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            access: true,
        }
    }
}

/// A key, its value, and what it may be.
type Range = (&'static str, u64, RangeInclusive<u64>);

/// A value that cannot be used, by the path of its key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct Invalid {
    /// Dotted path of the key.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Config {
    /// Everything that types alone do not catch.
    ///
    /// # Errors
    /// All unusable values at once, so that nobody mends a file one error a time.
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        let mut found = Vec::new();
        self.check_ranges(&mut found);
        self.check_relations(&mut found);
        self.check_ports(&mut found);
        self.check_texts(&mut found);
        self.tls.check(&mut found);
        self.telemetry.check(&mut found);
        self.mail.check(&mut found);
        self.store.check(&mut found);
        self.accounts.check(&mut found);
        if tls::is_set(&self.admin.client_authority) && !self.tls.is_on() {
            found.push(Invalid {
                key: "admin.client_authority".to_owned(),
                problem: "is set, but `[tls]` is not: there is no certificate to show".to_owned(),
            });
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// API keys that are long enough and could be guessed all the same. A server that is started anew
    /// says so and runs: what a program could do yesterday it can do today. `dinh config check`
    /// refuses them.
    #[must_use]
    pub fn guessable_keys(&self) -> Vec<Invalid> {
        let keys = self.auth.api_keys.iter();
        keys.filter_map(|(id, secret)| {
            let problem = weakness(secret.expose().as_bytes())?;
            Some(Invalid {
                key: format!("auth.api_keys.{id}"),
                problem: format!(
                    "{problem}: whoever guesses it makes tokens for administrators; try \
                     `openssl rand -hex 32`"
                ),
            })
        })
        .collect()
    }

    fn check_ranges(&self, found: &mut Vec<Invalid>) {
        for (key, value, allowed) in self.ranges().into_iter().chain(self.further_ranges()) {
            if !allowed.contains(&value) {
                let (low, high) = allowed.into_inner();
                found.push(Invalid {
                    key: key.to_owned(),
                    problem: format!("is {value}, must be {low} to {high}"),
                });
            }
        }
    }

    /// Numbers that have a range of their own.
    fn ranges(&self) -> [Range; 16] {
        let (http, media, sessions) = (&self.http, &self.media, &self.sessions);
        let (conferences, shutdown) = (&self.conferences, &self.shutdown);
        [
            (
                "http.max_body_kibibytes",
                http.max_body_kibibytes.into(),
                64..=16_384,
            ),
            (
                "http.request_timeout_seconds",
                http.request_timeout_seconds,
                1..=600,
            ),
            (
                "http.header_timeout_seconds",
                http.header_timeout_seconds,
                1..=600,
            ),
            (
                "http.max_connections",
                http.max_connections as u64,
                16..=1_000_000,
            ),
            ("media.shards", media.shards.into(), 0..=64),
            ("media.max_peers", media.max_peers.into(), 1..=1_000_000),
            (
                "sessions.handshake_timeout_seconds",
                sessions.handshake_timeout_seconds,
                1..=60,
            ),
            ("sessions.resume_seconds", sessions.resume_seconds, 1..=600),
            ("sessions.ping_seconds", sessions.ping_seconds, 1..=120),
            (
                "sessions.messages_per_second",
                sessions.messages_per_second.into(),
                1..=1_000,
            ),
            (
                "sessions.outbox_messages",
                sessions.outbox_messages as u64,
                16..=65_536,
            ),
            (
                "sessions.max_connections",
                sessions.max_connections as u64,
                1..=1_000_000,
            ),
            (
                "conferences.max_open",
                conferences.max_open as u64,
                1..=10_000,
            ),
            (
                "shutdown.deadline_seconds",
                shutdown.deadline_seconds,
                1..=600,
            ),
            (
                "conferences.devices_per_site",
                conferences.devices_per_site.into(),
                1..=16,
            ),
            (
                "conferences.max_participants",
                conferences.max_participants.into(),
                2..=1_000_000,
            ),
        ]
    }

    /// Those of who may come in, and of going.
    fn further_ranges(&self) -> [Range; 6] {
        [
            ("mail.per_minute", self.mail.per_minute.into(), 1..=60_000),
            ("tls.hsts_seconds", self.tls.hsts_seconds, 0..=63_072_000),
            (
                "sessions.max_strangers",
                self.sessions.max_strangers as u64,
                16..=1_000_000,
            ),
            (
                "addresses.joins_per_second",
                self.addresses.joins_per_second.into(),
                1..=1_000_000,
            ),
            (
                "addresses.requests_per_second",
                self.addresses.requests_per_second.into(),
                1..=1_000_000,
            ),
            (
                "shutdown.announce_seconds",
                self.shutdown.announce_seconds,
                0..=600,
            ),
        ]
    }

    fn check_relations(&self, found: &mut Vec<Invalid>) {
        let sessions = &self.sessions;
        let mut refuse = |key: &str, problem: String| {
            found.push(Invalid {
                key: key.to_owned(),
                problem,
            });
        };
        if sessions.silence_seconds <= sessions.ping_seconds {
            refuse(
                "sessions.silence_seconds",
                format!(
                    "is {}, must be more than `sessions.ping_seconds` ({})",
                    sessions.silence_seconds, sessions.ping_seconds
                ),
            );
        }
        let conferences = &self.conferences;
        if conferences.audio_60ms_above_sites < conferences.audio_40ms_above_sites {
            refuse(
                "conferences.audio_60ms_above_sites",
                format!(
                    "is {}, must be at least `conferences.audio_40ms_above_sites` ({})",
                    conferences.audio_60ms_above_sites, conferences.audio_40ms_above_sites
                ),
            );
        }
        if sessions.message_burst < sessions.messages_per_second {
            refuse(
                "sessions.message_burst",
                format!(
                    "is {}, must be at least `sessions.messages_per_second` ({})",
                    sessions.message_burst, sessions.messages_per_second
                ),
            );
        }
    }

    /// The listeners and the media threads must not want the same port.
    fn check_ports(&self, found: &mut Vec<Invalid>) {
        let mut refuse = |key: &str, problem: String| {
            found.push(Invalid {
                key: key.to_owned(),
                problem,
            });
        };
        let (first, shards) = (self.media.port, self.media.shard_count());
        let last = u32::from(first) + u32::from(shards) - 1;
        if last > u32::from(u16::MAX) {
            refuse(
                "media.port",
                format!(
                    "is {first} and leaves no room: the last of {shards} shards would use {last}"
                ),
            );
        }
        let is_media = |port: u16| first > 0 && (u32::from(first)..=last).contains(&port.into());
        let shared = self.media.shared_udp_port;
        if is_media(shared) {
            refuse(
                "media.shared_udp_port",
                format!("is {shared}, one of {first} to {last}, which each shard has for itself"),
            );
        }
        let redirect = self.http.redirect_listen;
        let listeners = [
            ("http.listen", Some(self.http.listen)),
            ("admin.listen", Some(self.admin.listen)),
            ("http.redirect_listen", redirect),
        ];
        for (key, listen) in listeners {
            let Some(listen) = listen else { continue };
            if is_media(listen.port()) {
                let port = listen.port();
                refuse(
                    "media.port",
                    format!("takes {first} to {last} (TCP too), and `{key}` uses {port}"),
                );
            }
        }
        if self.http.listen == self.admin.listen && self.http.listen.port() > 0 {
            let listen = self.http.listen;
            refuse("admin.listen", format!("is {listen}, as `http.listen` is"));
        }
        let Some(listen) = redirect else { return };
        if listen.port() > 0 && [self.http.listen, self.admin.listen].contains(&listen) {
            let problem = format!("is {listen}, as another listener is");
            refuse("http.redirect_listen", problem);
        }
        if !self.tls.is_on() {
            let problem =
                format!("is {listen}, but `[tls]` is not set: there is nothing to lead to");
            refuse("http.redirect_listen", problem);
        }
    }

    fn check_texts(&self, found: &mut Vec<Invalid>) {
        let mut refuse = |key: String, problem: String| found.push(Invalid { key, problem });
        let url = &self.http.public_url;
        if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
            refuse(
                "http.public_url".to_owned(),
                format!("is `{url}`, must begin with http:// or https://"),
            );
        }
        if self.tls.is_on() && url.starts_with("http://") {
            refuse(
                "http.public_url".to_owned(),
                format!("is `{url}`, must begin with https:// where `[tls]` is set"),
            );
        }
        for origin in &self.http.allowed_origins {
            if origin != "*" && (!origin.contains("://") || origin.ends_with('/')) {
                refuse(
                    "http.allowed_origins".to_owned(),
                    format!("has `{origin}`, must be like https://example.org, or *"),
                );
            }
        }
        let organiser = self.conferences.organiser.chars().count();
        if organiser > MAX_ORGANISER_CHARS {
            refuse(
                "conferences.organiser".to_owned(),
                format!("has {organiser} characters, must have at most {MAX_ORGANISER_CHARS}"),
            );
        }
        if self.data_dir.as_os_str().is_empty() {
            refuse(
                "data_dir".to_owned(),
                "is empty, must name a directory".to_owned(),
            );
        }
        for (id, secret) in &self.auth.api_keys {
            if secret.expose().len() < MIN_SECRET_BYTES {
                refuse(
                    format!("auth.api_keys.{id}"),
                    format!("is shorter than {MIN_SECRET_BYTES} bytes; try `openssl rand -hex 32`"),
                );
            }
        }
        for id in self.auth.api_key_limits.keys() {
            if !self.auth.api_keys.contains_key(id) {
                refuse(
                    format!("auth.api_key_limits.{id}"),
                    "limits a key that is not in `auth.api_keys`".to_owned(),
                );
            }
        }
        for problem in self.media.ice_servers.iter().filter_map(IceServer::problem) {
            refuse("media.ice_servers".to_owned(), problem);
        }
        if let Err(error) = self.log.filter.parse::<tracing_subscriber::EnvFilter>() {
            refuse(
                "log.filter".to_owned(),
                format!("is `{}`: {error}", self.log.filter),
            );
        }
    }
}

impl Config {
    /// How clients reach a server that listens on `bound`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        let public = self.http.public_url.trim_end_matches('/');
        match (public, self.tls.is_on()) {
            ("", true) => self.secure_url(bound),
            ("", false) => format!("http://{bound}"),
            _ => public.to_owned(),
        }
    }

    fn secure_url(&self, bound: SocketAddr) -> String {
        let host = match self.tls.names.first() {
            Some(name) if name.contains(':') => format!("[{name}]"),
            Some(name) => name.clone(),
            None => return format!("https://{bound}"),
        };
        match bound.port() {
            HTTPS_PORT => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        }
    }

    /// Whether people come by `https://`, here or at a proxy before us.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base_url(self.http.listen).starts_with("https://")
    }
}

impl Config {
    /// What of it conferences are decided by.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let window = i64::try_from(self.sessions.resume_seconds).unwrap_or(i64::MAX);
        Settings {
            resume_window: SignedDuration::from_secs(window),
            max_participants: self.conferences.max_participants as usize,
            devices_per_site: self.conferences.devices_per_site as usize,
            enforce_expiry: self.auth.enforce_expiry,
        }
    }
}

impl Http {
    /// Longest a request may take.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }
}

impl Media {
    /// How many media threads there will be.
    #[must_use]
    pub fn shard_count(&self) -> u8 {
        self.to_sfu().shard_count()
    }

    /// The settings as the media plane wants them.
    #[must_use]
    pub fn to_sfu(&self) -> sfu::Config {
        sfu::Config {
            bind: self.bind,
            advertise: self.advertise.clone(),
            port: self.port,
            shared_udp_port: (self.shared_udp_port > 0).then_some(self.shared_udp_port),
            shards: (self.shards > 0).then_some(self.shards),
            max_peers: self.max_peers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn keys_that_could_be_guessed_are_named() {
        let mut config = Config::default();
        let (typed, drawn) = ("k".repeat(40), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b");
        for (id, secret) in [("typed", &*typed), ("drawn", drawn)] {
            let key = (id.to_owned(), Secret::new(secret));
            config.auth.api_keys.extend([key]);
        }
        assert_eq!(config.validate(), Ok(()));
        let guessable = config.guessable_keys();
        let keys: Vec<_> = guessable.iter().map(|invalid| &*invalid.key).collect();
        assert_eq!(keys, ["auth.api_keys.typed"]);
    }

    #[test]
    fn limits_of_a_key_that_is_not_there_are_named() {
        let mut config = Config::default();
        let limits = KeyLimits::default();
        config
            .auth
            .api_key_limits
            .insert("portl".to_owned(), limits);
        let found = config.validate().unwrap_err();
        assert_eq!(found[0].key, "auth.api_key_limits.portl");
    }

    #[test]
    fn all_unusable_values_are_named_at_once() {
        let mut config = Config::default();
        config.sessions.silence_seconds = config.sessions.ping_seconds;
        config.media.shards = 65;
        config.http.public_url = "example.org".to_owned();
        config
            .auth
            .api_keys
            .insert("main".to_owned(), Secret::new("short"));
        let keys: Vec<_> = config
            .validate()
            .unwrap_err()
            .into_iter()
            .map(|invalid| invalid.key)
            .collect();
        assert_eq!(
            keys,
            [
                "media.shards",
                "sessions.silence_seconds",
                "http.public_url",
                "auth.api_keys.main"
            ]
        );
    }

    #[test]
    fn the_last_shard_needs_a_port() {
        let mut config = Config::default();
        config.media.port = 65_535;
        config.media.shards = 1;
        assert_eq!(config.validate(), Ok(()));
        config.media.shards = 2;
        assert_eq!(config.validate().unwrap_err()[0].key, "media.port");
    }

    #[test]
    fn a_port_is_not_used_twice() {
        let mut config = Config::default();
        config.media.shards = 4;
        config.media.port = 7897;
        let found = config.validate().unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].problem.contains("`http.listen` uses 7900"),
            "{found:?}"
        );
        config.media.port = 7910;
        config.media.shared_udp_port = 7913;
        let found = config.validate().unwrap_err();
        assert_eq!(found[0].key, "media.shared_udp_port");
        config.media.port = 0;
        assert_eq!(config.validate(), Ok(()));
        config.admin.listen = config.http.listen;
        assert_eq!(config.validate().unwrap_err()[0].key, "admin.listen");
        config.http.listen.set_port(0);
        config.admin.listen.set_port(0);
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn links_use_the_public_url_or_else_the_bound_address() {
        let bound = SocketAddr::from((Ipv4Addr::LOCALHOST, 4711));
        let mut config = Config::default();
        assert_eq!(config.base_url(bound), "http://127.0.0.1:4711");
        assert!(!config.is_https());
        config.tls.certificate = "cert.pem".into();
        assert_eq!(config.base_url(bound), "https://127.0.0.1:4711");
        assert!(config.is_https());
        config.tls.names = vec!["hop.example.vn".to_owned()];
        assert_eq!(config.base_url(bound), "https://hop.example.vn:4711");
        let https = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
        assert_eq!(config.base_url(https), "https://hop.example.vn");
        config.http.public_url = "https://hop.example.vn/".to_owned();
        assert_eq!(config.base_url(bound), "https://hop.example.vn");
    }

    #[test]
    fn tls_needs_both_files_and_links_that_say_so() {
        let mut config = Config::default();
        config.tls.certificate = "cert.pem".into();
        config.http.public_url = "http://hop.example.vn".to_owned();
        let found = config.validate().unwrap_err();
        let keys: Vec<_> = found.iter().map(|invalid| &*invalid.key).collect();
        assert_eq!(keys, ["http.public_url", "tls.key"]);
        config.tls.key = "key.pem".into();
        config.http.public_url = "https://hop.example.vn".to_owned();
        assert_eq!(config.validate(), Ok(()));
    }
}
