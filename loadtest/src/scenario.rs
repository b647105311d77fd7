//! What a run does, as plain data; [`file`] reads it.

pub mod file;
pub mod text;

use std::path::PathBuf;
use std::time::Duration;

use crate::clip::{AudioFrame, Synthetic};
use crate::fleet::FleetConfig;
use crate::line::Link;
use crate::measure::rounded;
use crate::thresholds::Thresholds;
use crate::tls::Tls;
use crate::token::TokenSource;

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called, if it came from a file.
    pub name: Option<String>,
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
    /// Sites say when each packet came, as browsers do.
    pub feedback: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// The server's process, to measure what it uses. On this machine.
    pub server_pid: Option<u32>,
    /// Whose certificates are believed, for `https://`.
    pub tls: Tls,
    /// Sockets and buffers.
    pub fleet: FleetConfig,
    /// What the figures must be.
    pub thresholds: Thresholds,
    /// An operator is there: it hands the floor over, and its roster is compared with the server's.
    /// At a conference only.
    pub operator: bool,
    /// Sites leave and join again all the time.
    pub churn: Option<Churn>,
    /// Pages are reloaded, many at once.
    pub reloads: Vec<ReloadStorm>,
    /// The floor goes from site to site.
    pub floor: Option<HandOvers>,
    /// Lines worse than loopback.
    pub lines: Vec<LineProfile>,
    /// One participant does its worst.
    pub hostile: Option<Hostile>,
    /// The server is ended and started again, or made to read its settings.
    pub restarts: Vec<Restart>,
    /// The program that does so: it gets the word for how.
    pub restart_with: Option<PathBuf>,
}

/// Sites that leave and join again while all watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// Which share of the sites leaves in a minute, 0 to 1.
    pub per_minute: f64,
    /// How long each stays away.
    pub away: Duration,
}

/// Pages that are reloaded at once: WebSocket and media are dropped without a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReloadStorm {
    /// When, since all watch.
    pub at: Duration,
    /// How many.
    pub sites: u32,
    /// How long a page takes to load until it opens its WebSocket.
    pub away: Duration,
}

/// The server is ended and started again, or made to read its settings, by another program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restart {
    /// When, since all watch.
    pub at: Duration,
    /// In a word: that program's only argument.
    pub how: String,
}

/// The floor, handed from one site to the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HandOvers {
    /// When the first gets it, since all watch.
    pub first: Duration,
    /// Time from one to the next.
    pub every: Duration,
    /// How many times.
    pub count: u32,
}

/// One participant that does its worst while the others watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hostile {
    /// What it does.
    pub kinds: Vec<HostileKind>,
    /// From when on, since all watch: before that the server is measured without it.
    pub after: Duration,
}

/// One thing that a hostile participant does as often as it can.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostileKind {
    /// Asks for the same packets again and again.
    Nacks,
    /// Asks for keyframes.
    Plis,
    /// Checks its path.
    Checks,
    /// Sends empty fragments of a handshake.
    Fragments,
    /// Sends sound whose numbers jump, without being on air.
    Gaps,
    /// Pings the WebSocket.
    Pings,
    /// Asks for the floor and takes that back.
    Verbs,
    /// Offers with 14,000 formats.
    Offers,
    /// Leaves without a word and joins again.
    Rejoining,
}

impl HostileKind {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Nacks,
        Self::Plis,
        Self::Checks,
        Self::Fragments,
        Self::Gaps,
        Self::Pings,
        Self::Verbs,
        Self::Offers,
        Self::Rejoining,
    ];

    /// It is said over the WebSocket, where whoever says too much is thrown out.
    pub const fn is_words(self) -> bool {
        matches!(self, Self::Pings | Self::Verbs | Self::Offers)
    }

    /// As in the scenario file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nacks => "nacks",
            Self::Plis => "plis",
            Self::Checks => "checks",
            Self::Fragments => "fragments",
            Self::Gaps => "gaps",
            Self::Pings => "pings",
            Self::Verbs => "verbs",
            Self::Offers => "offers",
            Self::Rejoining => "rejoining",
        }
    }
}

/// The line of a share of the sites: what is between their media and the server's.
#[derive(Clone, Debug, PartialEq)]
pub struct LineProfile {
    /// What it is called in the report.
    pub name: String,
    /// Which share of the sites has it, 0 to 1.
    pub share: f64,
    /// What it does.
    pub link: Link,
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
    /// So many at once, the next after a while.
    Waves {
        /// How many.
        sites: u32,
        /// Until the next.
        every: Duration,
    },
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
    /// Made-up pictures instead of the clip's; there is one layer then.
    pub synthetic: Option<Synthetic>,
}

impl Default for MediaProfile {
    fn default() -> Self {
        Self {
            audio_frame: AudioFrame::Ms20,
            layers: ["l", "m", "h"].map(str::to_owned).to_vec(),
            clip: None,
            synthetic: None,
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
    /// As behind one that passes the port of the pages only: by the TURN server that they are told.
    Turn,
}

impl Scenario {
    /// A run with the defaults: 20 sites a second, full decryption, no thresholds but the joins.
    pub fn new(target: Target, sites: u32, duration: Duration) -> Self {
        Self {
            name: None,
            target,
            sites,
            ramp: Ramp::PerSecond(20.0),
            settle: Duration::from_secs(1),
            duration,
            join_timeout: Duration::from_secs(30),
            media: MediaProfile::default(),
            decrypt: Decryption::All,
            feedback: true,
            transport: Transport::Udp,
            seed: 1,
            server_pid: None,
            tls: Tls::default(),
            fleet: FleetConfig::default(),
            thresholds: Thresholds::default(),
            operator: false,
            churn: None,
            reloads: Vec::new(),
            floor: None,
            lines: Vec::new(),
            hostile: None,
            restarts: Vec::new(),
            restart_with: None,
        }
    }

    /// What happens while all watch, in sentences for people.
    pub fn happenings(&self) -> Vec<String> {
        let mut all = Vec::new();
        let seconds = Duration::as_secs_f64;
        if !self.feedback {
            all.push("no site says when its packets came".to_owned());
        }
        if let Some(floor) = &self.floor {
            let (count, every) = (floor.count, seconds(&floor.every));
            all.push(format!(
                "the floor changes hands {count} times, every {every} s"
            ));
        }
        for ReloadStorm { at, sites, away } in &self.reloads {
            let (at, away) = (seconds(at), seconds(away));
            all.push(format!(
                "at {at} s {sites} sites reload their page, which takes {away} s"
            ));
        }
        if let Some(churn) = &self.churn {
            let (percent, away) = (rounded(churn.per_minute * 100.0), seconds(&churn.away));
            all.push(format!(
                "{percent} % of the sites leave in a minute and come back after {away} s"
            ));
        }
        for line in &self.lines {
            let (percent, name) = (rounded(line.share * 100.0), &line.name);
            let Link { down, up } = line.link;
            all.push(format!(
                "{percent} % have the line {name}: {down} down, {up} up"
            ));
        }
        if let Some(hostile) = &self.hostile {
            let kinds: Vec<_> = hostile.kinds.iter().map(|kind| kind.name()).collect();
            let (kinds, after) = (kinds.join(", "), seconds(&hostile.after));
            all.push(format!(
                "from {after} s on one participant does its worst: {kinds}"
            ));
        }
        for Restart { at, how } in &self.restarts {
            all.push(format!("at {} s the server: {how}", seconds(at)));
        }
        if let Some(video) = &self.media.synthetic {
            let (fps, kbps) = (video.fps, video.kbps);
            all.push(format!(
                "the picture is made up: {kbps} kbit/s at {fps} frames a second"
            ));
        }
        all
    }

    /// What is wrong with it, in words of the scenario file.
    ///
    /// # Errors
    /// When parts contradict each other.
    pub fn check(&self) -> Result<(), String> {
        let conference = matches!(self.target, Target::Conference { .. });
        let happens = self.churn.is_some()
            || !self.reloads.is_empty()
            || self.floor.is_some()
            || self.hostile.is_some()
            || !self.restarts.is_empty();
        if happens && !conference {
            return Err(
                "churn, reload, floor, hostile and restart need a conference: give server"
                    .to_owned(),
            );
        }
        if let Some(hostile) = &self.hostile {
            self.check_hostile(hostile)?;
        }
        self.check_restarts()?;
        if self.floor.is_some() && !self.operator {
            return Err("floor needs an operator: operator = true, and a token for one".to_owned());
        }
        for (n, reload) in self.reloads.iter().enumerate() {
            if reload.at >= self.duration {
                let n = n + 1;
                let all = self.duration.as_secs_f64();
                return Err(format!(
                    "reload {n}: at must be less than the duration, {all} s"
                ));
            }
            if reload.sites == 0 || reload.sites > self.sites {
                let (n, sites) = (n + 1, self.sites);
                return Err(format!("reload {n}: sites must be 1 to {sites}"));
            }
        }
        if let Some(floor) = &self.floor {
            let last = floor.first + floor.every * floor.count.saturating_sub(1);
            if floor.count == 0 || last >= self.duration {
                let (count, last) = (floor.count, last.as_secs_f64());
                let all = self.duration.as_secs_f64();
                return Err(format!(
                    "floor: hand-over {count} comes at {last} s and must come before the end, \
                     {all} s: give fewer hand_overs or a longer duration"
                ));
            }
        }
        let shares: f64 = self.lines.iter().map(|line| line.share).sum();
        if shares > 1.0 + 1e-9 {
            return Err("line: the shares are more than 100 percent together".to_owned());
        }
        if !self.lines.is_empty() && self.transport != Transport::Udp {
            return Err("line needs transport = \"udp\": TCP hides what a line does".to_owned());
        }
        Ok(())
    }

    fn check_hostile(&self, hostile: &Hostile) -> Result<(), String> {
        if hostile.kinds.is_empty() {
            let all = HostileKind::ALL.map(HostileKind::name).join(", ");
            return Err(format!("hostile: kinds is empty: give some of {all}"));
        }
        if hostile.after.is_zero() || hostile.after >= self.duration {
            let all = self.duration.as_secs_f64();
            return Err(format!(
                "hostile: after must be more than 0 s and less than the duration, {all} s"
            ));
        }
        if !self.reloads.is_empty() {
            return Err(
                "hostile and reload cannot be told apart in one run: give one of them".to_owned(),
            );
        }
        Ok(())
    }

    fn check_restarts(&self) -> Result<(), String> {
        let Some(last) = self.restarts.iter().map(|restart| restart.at).max() else {
            return Ok(());
        };
        if self.restart_with.is_none() {
            return Err("restart needs a program that does it: give --restart-with".to_owned());
        }
        if last >= self.duration {
            let all = self.duration.as_secs_f64();
            return Err(format!(
                "restart: at must be less than the duration, {all} s"
            ));
        }
        if !self.reloads.is_empty() || self.churn.is_some() || self.hostile.is_some() {
            return Err(
                "restart cannot be told apart from reload, churn and hostile in one run: give one \
                 of them"
                    .to_owned(),
            );
        }
        Ok(())
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
            Self::Waves { sites, every } => every * (n / sites.max(1)),
        }
    }
}

impl std::fmt::Display for Ramp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtOnce => f.write_str("all at once"),
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
            Self::Waves { sites, every } => write!(f, "{sites} every {}s", every.as_secs_f64()),
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
