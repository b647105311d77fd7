//! Arguments, and the scenario they make.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use loadtest::Scenario;
use loadtest::clip::AudioFrame;
use loadtest::fleet::FleetConfig;
use loadtest::scenario::{Decryption, MediaProfile, Ramp, Target, Transport, WebEndpoint};
use loadtest::thresholds::Thresholds;
use loadtest::token::{LocalKey, TokenSource};
use signaling::sites::{Level, read_csv};

/// The sites of the country: the roster unless another is given.
const ROSTER: &str = include_str!("../../signaling/data/sites-vn-2025.csv");

/// Simulated sites for Dinh and for any WHIP/WHEP server.
#[derive(Debug, Parser)]
#[command(name = "dinh-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let sites join and watch, and report how they fared.
    ///
    /// Exit code: 0 all thresholds kept, 1 one missed, 2 wrong usage, 3 the run could not be made.
    Run(Box<Run>),
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Dinh's address: http://host:port
    #[arg(long, value_name = "URL", required_unless_present_any = ["whep", "whip"])]
    server: Option<String>,
    /// Id of the conference to join
    #[arg(long, value_name = "ID", requires = "server")]
    conference: Option<String>,
    /// Watch at any WHEP server instead
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    whep: Option<String>,
    /// Bearer token for --whep
    #[arg(
        long,
        value_name = "TOKEN",
        requires = "whep",
        env = "DINH_LOADTEST_WHEP_TOKEN"
    )]
    whep_token: Option<String>,
    /// Publish the clip at any WHIP server
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    whip: Option<String>,
    /// Bearer token for --whip
    #[arg(
        long,
        value_name = "TOKEN",
        requires = "whip",
        env = "DINH_LOADTEST_WHIP_TOKEN"
    )]
    whip_token: Option<String>,

    /// Sign tokens with this API key of the server
    #[arg(
        long,
        value_name = "ID:SECRET",
        group = "tokens",
        env = "DINH_LOADTEST_API_KEY"
    )]
    api_key: Option<String>,
    /// Have the server make tokens, with this administrator's token
    #[arg(
        long,
        value_name = "TOKEN",
        group = "tokens",
        env = "DINH_LOADTEST_ADMIN_TOKEN"
    )]
    admin_token: Option<String>,
    /// Read tokens from a file of lines role,site,token
    #[arg(long, value_name = "FILE", group = "tokens")]
    token_file: Option<PathBuf>,

    /// How many sites watch
    #[arg(long, value_name = "N", default_value_t = 10)]
    sites: u32,
    /// How long they watch together, such as 30s or 5m
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    duration: Duration,
    /// How many sites come a second, or "all" for all at once
    #[arg(long, value_name = "RATE", default_value = "20/s", value_parser = parse_ramp)]
    ramp: Ramp,
    /// How long one site may take to join
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    join_timeout: Duration,
    /// What the hall of the conference does
    #[arg(long, value_enum, default_value_t = Hall::Clip)]
    hall: Hall,
    /// Length of the published audio packets, ms
    #[arg(long, value_enum, default_value_t = FrameLength::Ms20)]
    audio_frame: FrameLength,
    /// Layers of the clip that are published: l 320×180, m 640×360 (15 fps), h 1280×720 (30 fps)
    #[arg(long, value_delimiter = ',', default_value = "l,m,h")]
    layers: Vec<String>,
    /// Directory with another clip (see clip/make-clip.sh)
    #[arg(long, value_name = "DIR")]
    clip: Option<PathBuf>,
    /// Which packets are decrypted: all, or sample:N for those of every N-th site
    #[arg(long, default_value = "all", value_parser = parse_decryption)]
    decrypt: Decryption,
    /// Take media over ICE-TCP only
    #[arg(long)]
    tcp: bool,
    /// CSV of the sites to join for, code,name,level,parent_code; the country's unless given
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Process id of the server, to measure what it uses
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// UDP sockets that all sites share when the server is on loopback
    #[arg(long, value_name = "N", default_value_t = 2)]
    sockets: usize,

    /// Directory for report.json
    #[arg(long, value_name = "DIR", default_value = "loadtest-report")]
    pub(crate) report: PathBuf,
    /// Draw no progress bar
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Most sites that may fail
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Thresholds"
    )]
    max_failed: u32,
    /// Most packets lost after repair, percent
    #[arg(long, value_name = "PERCENT", help_heading = "Thresholds")]
    max_loss: Option<f64>,
    /// 99th percentile of joining, from the first packet to the first picture, seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Thresholds")]
    max_join_p99: Option<f64>,
    /// 99th percentile of the forward latency, milliseconds
    #[arg(long, value_name = "MS", help_heading = "Thresholds")]
    max_latency_p99: Option<f64>,
    /// Longest gap in anybody's sound, milliseconds
    #[arg(long, value_name = "MS", help_heading = "Thresholds")]
    max_audio_gap: Option<f64>,
    /// Least frames a second at any site
    #[arg(long, value_name = "FPS", help_heading = "Thresholds")]
    min_fps: Option<f64>,
    /// CPU cores that the server may use while all watch
    #[arg(
        long,
        value_name = "CORES",
        requires = "server_pid",
        help_heading = "Thresholds"
    )]
    max_server_cores: Option<f64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Hall {
    /// Joins and publishes the clip
    Clip,
    /// Is somebody else, or absent
    None,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum FrameLength {
    #[value(name = "20")]
    Ms20,
    #[value(name = "60")]
    Ms60,
}

impl Run {
    /// Checks everything that can be checked without the server.
    pub(crate) fn into_scenario(self) -> anyhow::Result<Scenario> {
        for layer in &self.layers {
            ensure!(
                matches!(layer.as_str(), "l" | "m" | "h"),
                "--layers {layer}: a layer is l, m or h"
            );
        }
        ensure!(
            self.sites > 0 || self.whip.is_some(),
            "--sites 0 leaves nothing to do"
        );
        let target = self.target()?;
        let nobody_watches = matches!(target, Target::Web { whep: None, .. });
        Ok(Scenario {
            target,
            sites: if nobody_watches { 0 } else { self.sites },
            ramp: self.ramp,
            settle: Duration::from_secs(1),
            duration: self.duration,
            join_timeout: self.join_timeout,
            media: MediaProfile {
                audio_frame: match self.audio_frame {
                    FrameLength::Ms20 => AudioFrame::Ms20,
                    FrameLength::Ms60 => AudioFrame::Ms60,
                },
                layers: self.layers,
                clip: self.clip,
            },
            decrypt: self.decrypt,
            transport: if self.tcp {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            seed: self.seed,
            server_pid: self.server_pid,
            fleet: FleetConfig {
                shared_sockets: self.sockets,
                ..FleetConfig::default()
            },
            thresholds: Thresholds {
                max_failed: Some(self.max_failed),
                max_loss: self.max_loss.map(|percent| percent / 100.0),
                max_join_p99: self.max_join_p99,
                max_latency_p99: self.max_latency_p99,
                max_audio_gap: self.max_audio_gap,
                min_fps: self.min_fps,
                max_server_cores: self.max_server_cores,
            },
        })
    }

    fn target(&self) -> anyhow::Result<Target> {
        let web = |url: &Option<String>, token: &Option<String>| {
            url.as_ref().map(|url| WebEndpoint {
                url: url.clone(),
                token: token.clone(),
            })
        };
        let Some(server) = &self.server else {
            return Ok(Target::Web {
                whip: web(&self.whip, &self.whip_token),
                whep: web(&self.whep, &self.whep_token),
            });
        };
        let Some(conference) = &self.conference else {
            bail!("--server needs --conference ID");
        };
        Ok(Target::Conference {
            server: server.clone(),
            conference: conference.clone(),
            tokens: self.tokens(server)?,
            hall: self.hall == Hall::Clip,
            roster: self.roster()?,
        })
    }

    fn tokens(&self, server: &str) -> anyhow::Result<TokenSource> {
        if let Some(key) = &self.api_key {
            return Ok(TokenSource::ApiKey(Arc::new(LocalKey::parse(key)?)));
        }
        if let Some(admin) = &self.admin_token {
            return Ok(TokenSource::Rest {
                server: server.to_owned(),
                admin: admin.clone(),
            });
        }
        if let Some(path) = &self.token_file {
            return Ok(TokenSource::from_file(path)?);
        }
        bail!("sites need tokens: give --api-key, --admin-token or --token-file");
    }

    /// Codes of all sites but the centre, which is the hall's.
    fn roster(&self) -> anyhow::Result<Vec<String>> {
        let text = match &self.roster {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
            None => ROSTER.to_owned(),
        };
        let sites = read_csv(text.as_bytes(), &[]).context("the roster")?;
        let watching = sites.iter().filter(|site| site.level != Level::Central);
        Ok(watching.map(|site| site.code.to_string()).collect())
    }
}

fn parse_ramp(text: &str) -> Result<Ramp, String> {
    if text == "all" {
        return Ok(Ramp::AtOnce);
    }
    let rate: f64 = text
        .trim_end_matches("/s")
        .parse()
        .map_err(|_| "write a number a second, such as 20/s, or all".to_owned())?;
    if rate.is_finite() && rate > 0.0 {
        Ok(Ramp::PerSecond(rate))
    } else {
        Err("the rate must be more than 0".to_owned())
    }
}

fn parse_decryption(text: &str) -> Result<Decryption, String> {
    if text == "all" {
        return Ok(Decryption::All);
    }
    let every = text
        .strip_prefix("sample:")
        .and_then(|number| number.parse().ok());
    every
        .filter(|&every| every > 0)
        .map(Decryption::Sample)
        .ok_or_else(|| "write all or sample:N, with N from 1".to_owned())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 500ms, 30s or 5m".to_owned();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Scenario> {
        let words = ["dinh-loadtest", "run"]
            .into_iter()
            .chain(line.split_whitespace());
        let Command::Run(run) = Cli::try_parse_from(words)?.command;
        run.into_scenario()
    }

    const KEY: &str = "--api-key k:0123456789abcdef0123456789abcdef";

    #[test]
    fn a_whole_command_line_becomes_a_scenario() {
        let scenario = parse(&format!(
            "--server http://127.0.0.1:7900 --conference c {KEY} --sites 3400 --duration 1.5m \
             --ramp 400/s --audio-frame 60 --layers m --decrypt sample:50 --max-loss 0.1"
        ))
        .unwrap();
        assert_eq!((scenario.sites, scenario.duration.as_secs()), (3_400, 90));
        assert_eq!(scenario.ramp, Ramp::PerSecond(400.0));
        assert_eq!(scenario.decrypt, Decryption::Sample(50));
        assert_eq!(scenario.media.audio_frame, AudioFrame::Ms60);
        assert_eq!(scenario.thresholds.max_loss, Some(0.001));
        let Target::Conference { roster, hall, .. } = scenario.target else {
            panic!("a conference")
        };
        assert!(hall);
        assert_eq!(roster.len(), 3_355, "all but the centre");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let server = "--server http://x --conference c";
        for (line, expected) in [
            ("", "--server"),
            ("--server http://x", "--conference"),
            (server, "--api-key, --admin-token or --token-file"),
            ("--whep http://x --ramp fast", "20/s"),
            ("--whep http://x --decrypt sample:0", "sample:N"),
            ("--whep http://x --duration soon", "30s"),
            ("--whep http://x --layers x", "l, m or h"),
            ("--whep http://x --server http://y", "cannot be used with"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line:?} says {error}");
        }
    }

    #[test]
    fn any_whep_server_can_be_watched_without_anything_of_ours() {
        let scenario = parse("--whep http://x/whep --whep-token t --sites 5 --ramp all").unwrap();
        let Target::Web {
            whip: None,
            whep: Some(whep),
        } = &scenario.target
        else {
            panic!("WHEP only")
        };
        assert_eq!(
            (whep.url.as_str(), whep.token.as_deref()),
            ("http://x/whep", Some("t"))
        );
        assert_eq!(scenario.ramp, Ramp::AtOnce);
    }
}
