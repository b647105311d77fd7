//! Scenario files: TOML, every key optional, none unknown. README.md lists them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use signaling::sites::{Level, read_csv};

use super::text::{DecryptionText, RampText, Span, TransportText};
use super::{
    Churn, Decryption, HandOvers, Hostile, HostileKind, LineProfile, MediaProfile, Ramp,
    ReloadStorm, Restart, Scenario, Target, Transport, WebEndpoint,
};
use crate::clip::{AudioFrame, Synthetic};
use crate::fleet::FleetConfig;
use crate::line::{Burst, Impairment, Link};
use crate::thresholds::Thresholds;
use crate::tls::Tls;
use crate::token::TokenSource;

/// The sites of the country: the roster unless another is given.
const ROSTER: &str = include_str!("../../../signaling/data/sites-vn-2025.csv");
/// How many sites watch when neither a number nor a roster is given.
const SITES: u32 = 10;

/// A scenario file, or what the command line makes of none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// File name without its extension.
    #[serde(skip)]
    pub name: Option<String>,
    /// Dinh's address, `http://host:port`.
    pub server: Option<String>,
    /// Id of the conference.
    pub conference: Option<String>,
    /// Publish at any WHIP server instead.
    pub whip: Option<String>,
    /// Watch at any WHEP server instead.
    pub whep: Option<String>,
    /// The run joins as the hall and publishes.
    pub hall: Option<bool>,
    /// The run joins as an operator.
    pub operator: Option<bool>,
    /// How many sites.
    pub sites: Option<u32>,
    /// CSV of the sites; relative to this file.
    pub roster: Option<PathBuf>,
    /// How they come.
    pub ramp: Option<RampText>,
    /// How long one may take to join.
    pub join_timeout: Option<Span>,
    /// Between the last join and the watching.
    pub settle: Option<Span>,
    /// How long all watch.
    pub duration: Option<Span>,
    /// UDP or TCP.
    pub transport: Option<TransportText>,
    /// Sites say when each packet came.
    pub feedback: Option<bool>,
    /// Which packets are decrypted.
    pub decrypt: Option<DecryptionText>,
    /// UDP sockets that all share on loopback.
    pub sockets: Option<usize>,
    /// Seed of everything random.
    pub seed: Option<u64>,
    /// What is published.
    pub media: MediaSection,
    /// Sites that leave and join again.
    pub churn: Option<ChurnSection>,
    /// Reload storms.
    pub reload: Vec<ReloadSection>,
    /// Hand-overs of the floor.
    pub floor: Option<FloorSection>,
    /// Bad lines.
    pub line: Vec<LineSection>,
    /// One participant that does its worst.
    pub hostile: Option<HostileSection>,
    /// The server is restarted.
    pub restart: Vec<RestartSection>,
    /// The program that restarts it. Not in a file: what a file says is run nowhere.
    #[serde(skip)]
    pub restart_with: Option<PathBuf>,
    /// What the figures must be.
    pub thresholds: Thresholds,
}

/// `[media]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaSection {
    /// Layers of the clip.
    pub layers: Option<Vec<String>>,
    /// 20 or 60.
    pub audio_frame_ms: Option<u32>,
    /// Directory with another clip; relative to this file.
    pub clip: Option<PathBuf>,
    /// Made-up pictures.
    pub synthetic: Option<SyntheticSection>,
}

/// `[media.synthetic]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticSection {
    /// Frames a second.
    pub fps: u32,
    /// Bitrate.
    pub kbps: u32,
    /// Width and height in pixels.
    pub size: Option<(u16, u16)>,
}

/// `[churn]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChurnSection {
    /// Percent of the sites.
    pub percent_per_minute: f64,
    /// How long each is away.
    pub away: Span,
}

/// `[[reload]]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadSection {
    /// Since all watch.
    pub at: Span,
    /// How many.
    pub sites: u32,
    /// How long the page loads; 500 ms unless given.
    pub away: Option<Span>,
}

/// `[floor]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorSection {
    /// From one hand-over to the next.
    pub every: Span,
    /// The first since all watch; `every` unless given.
    pub first: Option<Span>,
    /// How many; as many as fit unless given.
    pub hand_overs: Option<u32>,
}

/// `[[line]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineSection {
    /// In the report.
    pub name: String,
    /// Percent of the sites.
    pub percent: f64,
    /// From the server.
    #[serde(default)]
    pub down: ImpairmentSection,
    /// To the server.
    #[serde(default)]
    pub up: ImpairmentSection,
}

/// `[hostile]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostileSection {
    /// What it does; everything unless given.
    pub kinds: Option<Vec<HostileKind>>,
    /// From when on, since all watch; half of the duration unless given.
    pub after: Option<Span>,
}

/// `[[restart]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartSection {
    /// Since all watch.
    pub at: Span,
    /// In a word for the program that does it.
    pub how: String,
}

/// `[line.down]` and `[line.up]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImpairmentSection {
    /// Percent of the datagrams that are lost.
    pub loss_percent: f64,
    /// Losses come in bursts of so many datagrams on average; 1 is each by itself.
    pub burst: Option<f64>,
    /// Added to every datagram.
    pub delay: Option<Span>,
    /// Added besides: 0 to this, evenly.
    pub jitter: Option<Span>,
    /// By their jitter datagrams overtake one another; otherwise the order is kept.
    pub reorders: bool,
    /// Bandwidth of the bottleneck.
    pub kbps: Option<u32>,
    /// What may wait before the bottleneck, as time; 200 ms unless given.
    pub queue: Option<Span>,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The scenario file is not understood.
    #[error("{path}: {reason}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where, and what is right.
        reason: String,
    },
    /// A value is out of range or contradicts another.
    #[error("{0}")]
    Wrong(String),
}

/// What a scenario file does not hold: secrets, and what is of this machine and this hour.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Where sites' tokens come from.
    pub tokens: Option<TokenSource>,
    /// Bearer token for WHIP.
    pub whip: Option<String>,
    /// Bearer token for WHEP.
    pub whep: Option<String>,
    /// The server's process.
    pub server_pid: Option<u32>,
}

impl File {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or has a key or value that is not understood.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path).map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut file = Self::parse(&text).map_err(|reason| FileError::Syntax {
            path: path.to_owned(),
            reason,
        })?;
        let stem = path.file_stem();
        file.name = stem.map(|stem| stem.to_string_lossy().into_owned());
        let beside = |other: PathBuf| path.with_file_name(other);
        file.roster = file.roster.map(beside);
        file.media.clip = file.media.clip.map(beside);
        Ok(file)
    }

    /// Reads the text of a scenario file.
    ///
    /// # Errors
    /// With the line, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    /// The scenario, checked as far as it can be without a server.
    ///
    /// # Errors
    /// When something is missing, out of range or contradicts something else.
    pub fn into_scenario(self, secrets: &Secrets) -> Result<Scenario, FileError> {
        let codes = self.roster_codes()?;
        let known = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        let default = if self.roster.is_some() { known } else { SITES };
        let sites = self.sites.unwrap_or(default);
        let target = self.target(codes, secrets)?;
        let nobody_watches = matches!(target, Target::Web { whep: None, .. });
        if sites == 0 && !nobody_watches && self.whip.is_none() {
            return Err(wrong("sites must be at least 1"));
        }
        let duration = span(self.duration, Duration::from_secs(30));
        let fleet = FleetConfig::default();
        let conference = matches!(target, Target::Conference { .. });
        let can_operate = !matches!(secrets.tokens, Some(TokenSource::File(_)));
        let operator = self.operator.unwrap_or(can_operate);
        let scenario = Scenario {
            name: self.name.clone(),
            target,
            sites: if nobody_watches { 0 } else { sites },
            ramp: self.ramp.map_or(Ramp::PerSecond(20.0), |ramp| ramp.0),
            settle: span(self.settle, Duration::from_secs(1)),
            duration,
            join_timeout: span(self.join_timeout, Duration::from_secs(30)),
            media: self.media.profile()?,
            decrypt: self.decrypt.map_or(Decryption::All, |decrypt| decrypt.0),
            transport: self
                .transport
                .map_or(Transport::Udp, |transport| transport.0),
            feedback: self.feedback.unwrap_or(true),
            seed: self.seed.unwrap_or(1),
            server_pid: secrets.server_pid,
            tls: Tls::default(),
            fleet: FleetConfig {
                shared_sockets: self.sockets.unwrap_or(fleet.shared_sockets),
                ..fleet
            },
            thresholds: self.thresholds,
            operator: conference && operator,
            churn: self.churn.map(ChurnSection::churn).transpose()?,
            reloads: self.reload.iter().map(ReloadSection::storm).collect(),
            floor: self
                .floor
                .map(|floor| floor.hand_overs(duration))
                .transpose()?,
            lines: self
                .line
                .iter()
                .map(LineSection::profile)
                .collect::<Result<_, _>>()?,
            hostile: self.hostile.map(|hostile| hostile.hostile(duration)),
            restarts: self
                .restart
                .into_iter()
                .map(RestartSection::restart)
                .collect(),
            restart_with: self.restart_with,
        };
        scenario.check().map_err(FileError::Wrong)?;
        Ok(scenario)
    }

    fn target(&self, roster: Vec<String>, secrets: &Secrets) -> Result<Target, FileError> {
        let web = |url: &Option<String>, token: &Option<String>| {
            url.as_ref().map(|url| WebEndpoint {
                url: url.clone(),
                token: token.clone(),
            })
        };
        let Some(server) = &self.server else {
            if self.whip.is_none() && self.whep.is_none() {
                return Err(wrong(
                    "nobody to test: give --server and --conference, or --whep and --whip",
                ));
            }
            return Ok(Target::Web {
                whip: web(&self.whip, &secrets.whip),
                whep: web(&self.whep, &secrets.whep),
            });
        };
        if self.whip.is_some() || self.whep.is_some() {
            return Err(wrong("server cannot be used with whip or whep: give one"));
        }
        let conference = self.conference.clone();
        let conference = conference.ok_or_else(|| wrong("--server needs --conference ID"))?;
        let tokens = secrets.tokens.clone().ok_or_else(|| {
            wrong("sites need tokens: give --api-key, --admin-token or --token-file")
        })?;
        Ok(Target::Conference {
            server: server.clone(),
            conference,
            tokens,
            hall: self.hall.unwrap_or(true),
            roster,
        })
    }

    /// Codes of all sites but the centre, which is the hall's.
    fn roster_codes(&self) -> Result<Vec<String>, FileError> {
        let text = match &self.roster {
            Some(path) => std::fs::read_to_string(path).map_err(|source| FileError::Read {
                path: path.clone(),
                source,
            })?,
            None => ROSTER.to_owned(),
        };
        let sites = read_csv(text.as_bytes());
        let sites = sites.map_err(|error| FileError::Wrong(format!("the roster: {error}")))?;
        let watching = sites.iter().filter(|site| site.level != Level::Central);
        Ok(watching.map(|site| site.code.to_string()).collect())
    }
}

impl MediaSection {
    fn profile(self) -> Result<MediaProfile, FileError> {
        let default = MediaProfile::default();
        let layers = self.layers.unwrap_or(default.layers);
        if let Some(other) = layers
            .iter()
            .find(|layer| !matches!(layer.as_str(), "l" | "m" | "h"))
        {
            return Err(FileError::Wrong(format!(
                "media.layers {other}: a layer is l, m or h"
            )));
        }
        let audio_frame = match self.audio_frame_ms {
            None | Some(20) => AudioFrame::Ms20,
            Some(60) => AudioFrame::Ms60,
            Some(_) => return Err(wrong("media.audio_frame_ms must be 20 or 60")),
        };
        let synthetic = self
            .synthetic
            .map(SyntheticSection::synthetic)
            .transpose()?;
        Ok(MediaProfile {
            audio_frame,
            layers,
            clip: self.clip,
            synthetic,
        })
    }
}

impl SyntheticSection {
    fn synthetic(self) -> Result<Synthetic, FileError> {
        if !(1..=120).contains(&self.fps) {
            return Err(wrong("media.synthetic.fps must be 1 to 120"));
        }
        if !(16..=50_000).contains(&self.kbps) {
            return Err(wrong("media.synthetic.kbps must be 16 to 50000"));
        }
        Ok(Synthetic {
            fps: self.fps,
            kbps: self.kbps,
            size: self.size.unwrap_or((1_280, 720)),
        })
    }
}

impl ChurnSection {
    fn churn(self) -> Result<Churn, FileError> {
        Ok(Churn {
            per_minute: share("churn.percent_per_minute", self.percent_per_minute, 6_000.0)?,
            away: self.away.0,
        })
    }
}

impl ReloadSection {
    fn storm(&self) -> ReloadStorm {
        ReloadStorm {
            at: self.at.0,
            sites: self.sites,
            away: span(self.away, Duration::from_millis(500)),
        }
    }
}

impl FloorSection {
    fn hand_overs(self, duration: Duration) -> Result<HandOvers, FileError> {
        let every = self.every.0;
        if every < Duration::from_millis(100) {
            return Err(wrong("floor.every must be at least 100ms"));
        }
        let first = span(self.first, every);
        let left = duration.saturating_sub(first);
        let fit = left.as_millis().div_ceil(every.as_millis());
        Ok(HandOvers {
            first,
            every,
            count: self
                .hand_overs
                .unwrap_or_else(|| u32::try_from(fit).unwrap_or(u32::MAX)),
        })
    }
}

impl LineSection {
    fn profile(&self) -> Result<LineProfile, FileError> {
        let name = &self.name;
        Ok(LineProfile {
            name: name.clone(),
            share: share(&format!("line {name}: percent"), self.percent, 100.0)?,
            link: Link {
                down: self.down.impairment(&format!("line {name}: down"))?,
                up: self.up.impairment(&format!("line {name}: up"))?,
            },
        })
    }
}

impl HostileSection {
    fn hostile(self, duration: Duration) -> Hostile {
        Hostile {
            kinds: self.kinds.unwrap_or_else(|| HostileKind::ALL.to_vec()),
            after: span(self.after, duration / 2),
        }
    }
}

impl RestartSection {
    fn restart(self) -> Restart {
        Restart {
            at: self.at.0,
            how: self.how,
        }
    }
}

impl ImpairmentSection {
    /// What it says, checked; `at` names the section in errors.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn impairment(self, at: &str) -> Result<Impairment, FileError> {
        let loss = share(&format!("{at}.loss_percent"), self.loss_percent, 100.0)?;
        let burst = self.burst.unwrap_or(1.0);
        let burst = Burst::new(loss, burst).ok_or_else(|| {
            FileError::Wrong(format!(
                "{at}.burst must be at least 1, and with it the loss at most {:.0} percent",
                Burst::most(burst) * 100.0
            ))
        })?;
        if self.kbps.is_some_and(|kbps| kbps < 8) {
            return Err(FileError::Wrong(format!("{at}.kbps must be at least 8")));
        }
        let queue = span(self.queue, Duration::from_millis(200));
        Ok(Impairment {
            loss: burst,
            delay: span(self.delay, Duration::ZERO),
            jitter: span(self.jitter, Duration::ZERO),
            reorders: self.reorders,
            kbps: self.kbps,
            queue: self.kbps.map_or(0, |kbps| Impairment::bytes(kbps, queue)),
            ..Impairment::default()
        })
    }
}

fn span(given: Option<Span>, default: Duration) -> Duration {
    given.map_or(default, |span| span.0)
}

fn share(key: &str, percent: f64, most: f64) -> Result<f64, FileError> {
    if (0.0..=most).contains(&percent) {
        Ok(percent / 100.0)
    } else {
        Err(FileError::Wrong(format!("{key} must be 0 to {most}")))
    }
}

fn wrong(text: &str) -> FileError {
    FileError::Wrong(text.to_owned())
}

#[cfg(test)]
mod tests;
