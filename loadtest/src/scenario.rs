//! What a run does, as plain data.

use std::path::PathBuf;
use std::time::Duration;

use crate::clip::AudioFrame;
use crate::fleet::FleetConfig;
use crate::thresholds::Thresholds;
use crate::token::TokenSource;

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Against what.
    pub target: Target,
    /// How many sites watch.
    pub sites: u32,
    /// How they come.
    pub ramp: Ramp,
    /// After the last has joined: until so much later it counts as joining still.
    pub settle: Duration,
    /// How long they watch together then.
    pub duration: Duration,
    /// How long a site may take to join, from its first packet to its first picture.
    pub join_timeout: Duration,
    /// What is published.
    pub media: MediaProfile,
    /// Which packets are decrypted.
    pub decrypt: Decryption,
    /// UDP, or ICE-TCP alone.
    pub transport: Transport,
    /// Seed of everything random.
    pub seed: u64,
    /// The server's process, to measure what it uses. On this machine.
    pub server_pid: Option<u32>,
    /// Sockets and buffers.
    pub fleet: FleetConfig,
    /// What the figures must be.
    pub thresholds: Thresholds,
}

/// Against what a run goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A conference of Dinh, over its WebSocket.
    Conference {
        /// Where the server is: `http://host:port`.
        server: String,
        /// The conference's id.
        conference: String,
        /// Where tokens come from.
        tokens: TokenSource,
        /// Join as the hall and publish the clip; otherwise somebody else publishes, or nobody.
        hall: bool,
        /// Codes of the sites to join for, used in turn.
        roster: Vec<String>,
    },
    /// Any server that speaks WHIP (RFC 9725) or WHEP.
    Web {
        /// Where to publish the clip.
        whip: Option<WebEndpoint>,
        /// Where to watch.
        whep: Option<WebEndpoint>,
    },
}

/// A WHIP or WHEP endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebEndpoint {
    /// Its URL.
    pub url: String,
    /// Bearer token, if it wants one.
    pub token: Option<String>,
}

/// How sites come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ramp {
    /// So many a second, evenly.
    PerSecond(f64),
    /// All at once.
    AtOnce,
}

/// What is published.
#[derive(Clone, Debug)]
pub struct MediaProfile {
    /// Length of the Opus packets.
    pub audio_frame: AudioFrame,
    /// RIDs of the clip's layers that are published, of `l`, `m` and `h`.
    pub layers: Vec<String>,
    /// Directory with another clip than the builtin.
    pub clip: Option<PathBuf>,
}

impl Default for MediaProfile {
    fn default() -> Self {
        Self {
            audio_frame: AudioFrame::Ms20,
            layers: ["l", "m", "h"].map(str::to_owned).to_vec(),
            clip: None,
        }
    }
}

/// Which packets are decrypted and looked into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decryption {
    /// All packets of all sites.
    All,
    /// All packets of every n-th site; of the others the start of each stream and all repairs.
    Sample(u32),
}

/// How media reach the sites.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transport {
    /// As most browsers.
    #[default]
    Udp,
    /// As behind a firewall that passes TCP only.
    Tcp,
}

impl Scenario {
    /// A run with the defaults: 20 sites a second, full decryption, no thresholds but the joins.
    pub fn new(target: Target, sites: u32, duration: Duration) -> Self {
        Self {
            target,
            sites,
            ramp: Ramp::PerSecond(20.0),
            settle: Duration::from_secs(1),
            duration,
            join_timeout: Duration::from_secs(30),
            media: MediaProfile::default(),
            decrypt: Decryption::All,
            transport: Transport::Udp,
            seed: 1,
            server_pid: None,
            fleet: FleetConfig::default(),
            thresholds: Thresholds::default(),
        }
    }

    /// Something will be published by this run itself.
    pub const fn publishes(&self) -> bool {
        match &self.target {
            Target::Conference { hall, .. } => *hall,
            Target::Web { whip, .. } => whip.is_some(),
        }
    }
}

impl Ramp {
    /// When the n-th site starts, from the first.
    pub fn start_of(self, n: u32) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::PerSecond(rate) => Duration::from_secs_f64(f64::from(n) / rate.max(1e-3)),
        }
    }
}

impl std::fmt::Display for Ramp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtOnce => f.write_str("all at once"),
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
        }
    }
}

impl std::fmt::Display for Decryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Sample(n) => write!(f, "sample:{n}"),
        }
    }
}
