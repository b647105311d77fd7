//! Arguments of `run`, and the scenario they make together with a scenario file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use loadtest::Scenario;
use loadtest::scenario::file::{File, Secrets};
use loadtest::scenario::text::{self, DecryptionText, RampText, Span, TransportText};
use loadtest::scenario::{Decryption, Ramp, Transport};
use loadtest::thresholds::Thresholds;
use loadtest::tls::{Tls, Trust};
use loadtest::token::{LocalKey, TokenSource};

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct Run {
    /// TOML file that says what happens; the options below go before it
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Dinh's address: http://host:port or https://host:port
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Id of the conference to join
    #[arg(long, value_name = "ID")]
    conference: Option<String>,
    /// Watch at any WHEP server instead
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    whep: Option<String>,
    /// Bearer token for --whep
    #[arg(long, value_name = "TOKEN", env = "DINH_LOADTEST_WHEP_TOKEN")]
    whep_token: Option<String>,
    /// Publish the clip at any WHIP server
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    whip: Option<String>,
    /// Bearer token for --whip
    #[arg(long, value_name = "TOKEN", env = "DINH_LOADTEST_WHIP_TOKEN")]
    whip_token: Option<String>,

    /// Sign tokens with this API key of the server
    #[arg(
        long,
        value_name = "ID:SECRET",
        group = "tokens",
        env = "DINH_LOADTEST_API_KEY"
    )]
    api_key: Option<String>,
    /// Have the server make tokens, with this administrator's token; others on this machine can read
    /// a command line, but not the variable
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

    /// How many sites watch [default: 10, or all of --roster]
    #[arg(long, value_name = "N")]
    sites: Option<u32>,
    /// How long they watch together, such as 30s or 5m [default: 30s]
    #[arg(long, value_parser = text::duration)]
    duration: Option<Duration>,
    /// How many sites come a second, "all" at once, or waves: "200 every 10s" [default: 20/s]
    #[arg(long, value_name = "RATE", value_parser = text::ramp)]
    ramp: Option<Ramp>,
    /// How long one site may take to join [default: 30s]
    #[arg(long, value_parser = text::duration)]
    join_timeout: Option<Duration>,
    /// What the hall of the conference does [default: clip]
    #[arg(long, value_enum)]
    hall: Option<Hall>,
    /// Length of the published audio packets, ms [default: 20]
    #[arg(long, value_enum)]
    audio_frame: Option<FrameLength>,
    /// Layers of the clip that are published: l 320×180, m 640×360 (15 fps), h 1280×720 (30 fps)
    /// [default: l,m,h]
    #[arg(long, value_delimiter = ',')]
    layers: Option<Vec<String>>,
    /// Directory with another clip (see clip/make-clip.sh)
    #[arg(long, value_name = "DIR")]
    clip: Option<PathBuf>,
    /// Which packets are decrypted: all, or sample:N for those of every N-th site [default: all]
    #[arg(long, value_parser = text::decryption)]
    decrypt: Option<Decryption>,
    /// Take media over ICE-TCP only
    #[arg(long, conflicts_with = "turn")]
    tcp: bool,
    /// Take media by the TURN server that the server tells of, inside TLS where its url is turns:
    #[arg(long)]
    turn: bool,
    /// Sites do not say when each packet came (transport-cc): what that costs the server
    #[arg(long)]
    no_feedback: bool,
    /// CSV of the sites to join for, code,name,level,parent_code; the country's unless given
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Seed of everything random [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Process id of the server, to measure what it uses
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Program that does each [[restart]] of the scenario; it gets its `how`
    #[arg(long, value_name = "PROGRAM")]
    restart_with: Option<PathBuf>,
    /// UDP sockets that all sites share when the server is on loopback [default: 2]
    #[arg(long, value_name = "N")]
    sockets: Option<usize>,

    /// Believe the authorities in this PEM file, and no others, for https://
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// Believe every certificate: whoever sits on the line can read and change all
    #[arg(long, conflicts_with = "ca_file")]
    pub(crate) insecure: bool,

    /// Directory for report.json and report.html
    #[arg(long, value_name = "DIR", default_value = "loadtest-report")]
    pub(crate) report: PathBuf,
    /// Draw no progress bar
    #[arg(long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    limits: Limits,
}

/// Thresholds; each goes before the same key of the file.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Thresholds")]
struct Limits {
    /// Most sites that may fail [default: 0]
    #[arg(long, value_name = "N")]
    max_failed: Option<u32>,
    /// Most packets lost after repair, percent
    #[arg(long, value_name = "PERCENT")]
    max_loss: Option<f64>,
    /// 99th percentile of joining, from the first packet to the first picture, seconds
    #[arg(long, value_name = "SECONDS")]
    max_join_p99: Option<f64>,
    /// Until the last site has joined, from the first, seconds
    #[arg(long, value_name = "SECONDS")]
    max_all_joined: Option<f64>,
    /// Median of the forward latency of sound and picture together, milliseconds
    #[arg(long, value_name = "MS")]
    max_latency_p50: Option<f64>,
    /// 99th percentile of the forward latency, milliseconds
    #[arg(long, value_name = "MS")]
    max_latency_p99: Option<f64>,
    /// Longest gap in anybody's sound, milliseconds
    #[arg(long, value_name = "MS")]
    max_audio_gap: Option<f64>,
    /// Least frames a second at any site
    #[arg(long, value_name = "FPS")]
    min_fps: Option<f64>,
    /// 99th percentile from giving the floor to the new speaker's picture, milliseconds
    #[arg(long, value_name = "MS")]
    max_floor_switch_p99: Option<f64>,
    /// 99th percentile from a fault to the picture again, seconds
    #[arg(long, value_name = "SECONDS")]
    max_rejoin_p99: Option<f64>,
    /// Until all are back after a reload storm, seconds
    #[arg(long, value_name = "SECONDS")]
    max_all_back: Option<f64>,
    /// Longest gap in the sound of sites that did not reload, milliseconds
    #[arg(long, value_name = "MS")]
    max_others_audio_gap: Option<f64>,
    /// Until everybody hears again after a restart of the server, seconds
    #[arg(long, value_name = "SECONDS")]
    max_heard_again: Option<f64>,
    /// Most gaps over 100 ms in the sound of those beside a hostile participant
    #[arg(long, value_name = "COUNT")]
    max_hostile_gaps: Option<u32>,
    /// By how much the CPU of the server may rise beside a hostile participant, percent
    #[arg(long, value_name = "PERCENT")]
    max_hostile_rise: Option<f64>,
    /// Jain's index of the bytes that sites received, 0 to 1
    #[arg(long, value_name = "INDEX")]
    min_fairness: Option<f64>,
    /// Most sites that do not know in the end what the server knows
    #[arg(long, value_name = "N")]
    max_differing: Option<u32>,
    /// CPU cores that the server may use while all watch; needs --server-pid
    #[arg(long, value_name = "CORES")]
    max_server_cores: Option<f64>,
    /// Memory that each site may cost the server, KiB; needs --server-pid
    #[arg(long, value_name = "KIB")]
    max_rss_per_site: Option<f64>,
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
        let mut file = match &self.scenario {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        let tls = Tls::new(&self.trust())?;
        let secrets = Secrets {
            tokens: self.tokens(self.server.as_deref().or(file.server.as_deref()), &tls)?,
            whip: self.whip_token.clone(),
            whep: self.whep_token.clone(),
            server_pid: self.server_pid,
        };
        self.override_target(&mut file);
        self.override_rest(&mut file);
        let mut scenario = file.into_scenario(&secrets)?;
        scenario.tls = tls;
        Ok(scenario)
    }

    fn trust(&self) -> Trust {
        match &self.ca_file {
            Some(path) => Trust::File(path.clone()),
            None if self.insecure => Trust::Anybody,
            None => Trust::System,
        }
    }

    /// An address on the command line goes before whatever the file tests.
    fn override_target(&self, file: &mut File) {
        if self.server.is_some() {
            (file.whip, file.whep) = (None, None);
        }
        if self.whip.is_some() || self.whep.is_some() {
            (file.server, file.conference) = (None, None);
            (file.whip, file.whep) = (None, None);
        }
        replace(&mut file.server, self.server.clone());
        replace(&mut file.conference, self.conference.clone());
        replace(&mut file.whip, self.whip.clone());
        replace(&mut file.whep, self.whep.clone());
        replace(&mut file.hall, self.hall.map(|hall| hall == Hall::Clip));
    }

    fn override_rest(self, file: &mut File) {
        replace(&mut file.sites, self.sites);
        replace(&mut file.roster, self.roster);
        replace(&mut file.ramp, self.ramp.map(RampText));
        replace(&mut file.join_timeout, self.join_timeout.map(Span));
        replace(&mut file.duration, self.duration.map(Span));
        replace(&mut file.decrypt, self.decrypt.map(DecryptionText));
        let tcp = self.tcp.then_some(Transport::Tcp);
        let transport = tcp.or_else(|| self.turn.then_some(Transport::Turn));
        replace(&mut file.transport, transport.map(TransportText));
        replace(&mut file.feedback, self.no_feedback.then_some(false));
        replace(&mut file.sockets, self.sockets);
        replace(&mut file.restart_with, self.restart_with);
        replace(&mut file.seed, self.seed);
        replace(&mut file.media.layers, self.layers);
        replace(&mut file.media.clip, self.clip);
        let frame = self.audio_frame.map(|frame| match frame {
            FrameLength::Ms20 => 20,
            FrameLength::Ms60 => 60,
        });
        replace(&mut file.media.audio_frame_ms, frame);
        file.thresholds = self.limits.or(file.thresholds);
    }

    fn tokens(&self, server: Option<&str>, tls: &Tls) -> anyhow::Result<Option<TokenSource>> {
        if let Some(key) = &self.api_key {
            return Ok(Some(TokenSource::ApiKey(Arc::new(LocalKey::parse(key)?))));
        }
        if let (Some(admin), Some(server)) = (&self.admin_token, server) {
            return Ok(Some(TokenSource::Rest {
                server: server.to_owned(),
                admin: admin.clone(),
                tls: tls.clone(),
            }));
        }
        let file = self.token_file.as_ref();
        Ok(file.map(|path| TokenSource::from_file(path)).transpose()?)
    }
}

/// What is given goes before what is there.
fn replace<T>(there: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *there = given;
    }
}

impl Limits {
    /// These, and where there is none those of the file.
    fn or(self, file: Thresholds) -> Thresholds {
        Thresholds {
            max_failed: self.max_failed.or(file.max_failed),
            max_loss: self
                .max_loss
                .map(|percent| percent / 100.0)
                .or(file.max_loss),
            max_join_p99: self.max_join_p99.or(file.max_join_p99),
            max_all_joined: self.max_all_joined.or(file.max_all_joined),
            max_latency_p50: self.max_latency_p50.or(file.max_latency_p50),
            max_latency_p99: self.max_latency_p99.or(file.max_latency_p99),
            max_audio_gap: self.max_audio_gap.or(file.max_audio_gap),
            min_fps: self.min_fps.or(file.min_fps),
            max_floor_switch_p99: self.max_floor_switch_p99.or(file.max_floor_switch_p99),
            max_rejoin_p99: self.max_rejoin_p99.or(file.max_rejoin_p99),
            max_all_back: self.max_all_back.or(file.max_all_back),
            max_others_audio_gap: self.max_others_audio_gap.or(file.max_others_audio_gap),
            max_heard_again: self.max_heard_again.or(file.max_heard_again),
            max_hostile_gaps: self.max_hostile_gaps.or(file.max_hostile_gaps),
            max_hostile_rise: self.max_hostile_rise.or(file.max_hostile_rise),
            min_fairness: self.min_fairness.or(file.min_fairness),
            max_differing: self.max_differing.or(file.max_differing),
            max_server_cores: self.max_server_cores.or(file.max_server_cores),
            max_rss_per_site: self.max_rss_per_site.or(file.max_rss_per_site),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use loadtest::clip::AudioFrame;
    use loadtest::scenario::Target;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(line: &str) -> anyhow::Result<Scenario> {
        let words = ["dinh-loadtest", "run"]
            .into_iter()
            .chain(line.split_whitespace());
        match Cli::try_parse_from(words)?.command {
            Command::Run(run) => run.into_scenario(),
            Command::Compare(_) | Command::Keep(_) => panic!("it was run"),
        }
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
            (
                "--whep https://x --ca-file /nonexistent",
                "cannot read certificates",
            ),
            (
                "--whep https://x --ca-file f --insecure",
                "cannot be used with",
            ),
            (
                "--whep http://x --scenario /nonexistent",
                "cannot read /nonexistent",
            ),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line:?} says {error}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_scenario_file() {
        let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        let text = "server = \"http://a:1\"\nconference = \"c\"\nsites = 7\nramp = \"all\"\n\
                    [media]\nlayers = [\"l\"]\n[thresholds]\nmax_loss = 0.5\nmin_fps = 10";
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let line = format!(
            "--scenario {} {KEY} --server http://b:2 --sites 9 --min-fps 14",
            file.path().display()
        );
        let scenario = parse(&line).unwrap();
        assert_eq!((scenario.sites, scenario.ramp), (9, Ramp::AtOnce));
        assert_eq!(scenario.media.layers, ["l"]);
        assert_eq!(scenario.thresholds.max_loss, Some(0.005));
        assert_eq!(scenario.thresholds.min_fps, Some(14.0));
        let Target::Conference {
            server, conference, ..
        } = scenario.target
        else {
            panic!("a conference")
        };
        assert_eq!((server.as_str(), conference.as_str()), ("http://b:2", "c"));
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
