//! Collects what members and the fleet tell, and adds it up to a report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use super::board::{Board, PUBLISHER};
use super::chapters::{Chapter, Chapters, Phase};
use super::media;
use super::site::{Outcome, Steps};
use crate::endpoint::{Counts, Milestone, Observed};
use crate::fleet::{EndpointId, Event, Fleet, Totals};
use crate::machine::Machine;
use crate::measure::{Distribution, rounded};
use crate::process::Reading;
use crate::publish::Sent;
use crate::report::{Generator, Join, Joining, Report, SCHEMA, ScenarioEntry, Server, Sites};
use crate::scenario::{Scenario, Target, Transport};
use crate::timeline::Moment;

/// What the fleet told about one endpoint.
#[derive(Debug, Default)]
pub(super) struct Observation {
    ice: Option<Instant>,
    connected: Option<Instant>,
    first_packet: Option<Duration>,
    first_key_frame: Option<Duration>,
    failure: Option<&'static str>,
    observed: Observed,
    sent: Option<Sent>,
    counts: Counts,
}

/// By endpoint.
pub(super) type Observations = FxHashMap<EndpointId, Observation>;

/// Readings at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    at: Instant,
    server: Option<Reading>,
    own: Option<Reading>,
    received: u64,
}

impl Window {
    pub(super) fn open(scenario: &Scenario, fleet: &Fleet) -> Self {
        Self {
            at: Instant::now(),
            server: scenario.server_pid.and_then(Reading::of),
            own: Reading::of_this(),
            received: fleet.live().received(),
        }
    }
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) started: String,
    pub(super) all_joined: Option<Duration>,
    pub(super) chapters: Vec<Chapter>,
    pub(super) idle: Option<Reading>,
    pub(super) begin: Window,
    pub(super) end: Window,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) observations: Observations,
    pub(super) totals: Totals,
    pub(super) receive_buffer: usize,
    pub(super) epoch: Instant,
    pub(super) timeline: Vec<Moment>,
}

/// Reads the fleet's events until it has ended.
pub(super) async fn collect(mut events: mpsc::Receiver<Event>, board: Arc<Board>) -> Observations {
    let mut all = Observations::default();
    while let Some(event) = events.recv().await {
        match event {
            Event::Reached { id, at, milestone } => {
                let one = all.entry(id).or_default();
                match milestone {
                    Milestone::IceConnected => one.ice = Some(at),
                    Milestone::Connected => {
                        one.connected = Some(at);
                        board.connected(id, at);
                    }
                    Milestone::FirstPacket(arrival) => one.first_packet = Some(arrival),
                    Milestone::FirstKeyFrame(arrival) => {
                        one.first_key_frame = Some(arrival);
                        board.playing(id, at);
                    }
                    Milestone::KeyFrameOf(..) => {}
                    Milestone::Failed(reason) => {
                        one.failure = Some(reason);
                        board.failed(id, reason);
                    }
                }
            }
            Event::Gone(gone) => {
                let one = all.entry(gone.id).or_default();
                one.observed = gone.observed;
                one.sent = gone.sent;
                one.counts = gone.counts;
            }
        }
    }
    all
}

/// Adds everything up.
pub(super) fn report(scenario: &Scenario, measured: &Measured) -> Report {
    let sites = sites(scenario, measured);
    let chapters = Chapters(measured.chapters.clone());
    let joining = chapters.of(|phase| phase == Phase::Joining);
    let watching = chapters.of(|phase| phase == Phase::Watching);
    let end = measured.chapters.last().map(|chapter| chapter.begin);
    let end = end.map(|end| end.saturating_duration_since(measured.epoch));
    let observed = measured
        .observations
        .iter()
        .filter(|(id, _)| **id != PUBLISHER)
        .map(|(_, one)| &one.observed);
    let before = media::Part {
        chapters: &joining,
        end: None,
    };
    let steady = media::Part {
        chapters: &watching,
        // Only who publishes itself knows that there was something to hear.
        end: end.filter(|_| scenario.publishes()),
    };
    let latencies = &measured.totals.latencies;
    let mut report = Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: measured.started.clone(),
        scenario: scenario_entry(scenario),
        machine: Machine::current(scenario.server_pid),
        join: join(scenario, measured),
        media: media::media(observed.clone(), steady),
        forward_latency: media::latency(latencies, &watching),
        joining: Joining {
            seconds: rounded(chapters.span_of(&joining).as_secs_f64()),
            media: media::media(observed, before),
            forward_latency: media::latency(latencies, &joining),
        },
        published: measured
            .observations
            .get(&PUBLISHER)
            .and_then(|one| one.sent),
        server: server(scenario, measured, sites.joined),
        generator: generator(scenario, measured),
        sites,
        timeline: measured.timeline.clone(),
        ..Report::default()
    };
    report.thresholds = scenario.thresholds.check(&report);
    report
}

fn scenario_entry(scenario: &Scenario) -> ScenarioEntry {
    let target = match &scenario.target {
        Target::Conference {
            server, conference, ..
        } => format!("{server} conference {conference}"),
        Target::Web { whip, whep } => {
            let urls = [whip, whep]
                .into_iter()
                .flatten()
                .map(|one| one.url.as_str());
            urls.collect::<Vec<_>>().join(" → ")
        }
    };
    let layers = if scenario.publishes() {
        scenario.media.layers.clone()
    } else {
        Vec::new()
    };
    ScenarioEntry {
        target,
        sites: scenario.sites,
        ramp: scenario.ramp.to_string(),
        duration_seconds: scenario.duration.as_secs_f64(),
        audio_frame_ms: scenario.media.audio_frame.duration().as_millis() as u32,
        layers,
        decrypt: scenario.decrypt.to_string(),
        transport: match scenario.transport {
            Transport::Udp => "udp".to_owned(),
            Transport::Tcp => "tcp".to_owned(),
        },
        seed: scenario.seed,
        ..ScenarioEntry::default()
    }
}

/// Who came and who did not, and why.
fn sites(scenario: &Scenario, measured: &Measured) -> Sites {
    let outcomes: FxHashMap<EndpointId, &Outcome> = measured
        .outcomes
        .iter()
        .map(|outcome| (outcome.id, outcome))
        .collect();
    let mut failures: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..scenario.sites {
        let id = EndpointId::first(number);
        let outcome = outcomes.get(&id);
        let one = measured.observations.get(&id);
        let reason = match (outcome, one) {
            (None, _) => Some("it was stuck at the end"),
            (
                Some(Outcome {
                    failure: Some(reason),
                    ..
                }),
                _,
            ) => Some(reason.as_str()),
            (_, None) => Some("it did not connect"),
            (
                _,
                Some(Observation {
                    failure: Some(reason),
                    ..
                }),
            ) => Some(*reason),
            (_, Some(one)) if one.connected.is_none() => Some("it did not connect"),
            (_, Some(one)) if scenario.publishes() && one.first_key_frame.is_none() => {
                Some("it got no picture")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            *failures.entry(reason.to_owned()).or_default() += 1;
        }
    }
    let failed = failures.values().sum();
    Sites {
        asked: scenario.sites,
        joined: scenario.sites - failed,
        failed,
        failures,
        all_joined_seconds: measured.all_joined.map(|span| rounded(span.as_secs_f64())),
    }
}

/// The steps of a join, in the order in which they happen; the last is the whole.
#[derive(Debug, Default)]
struct JoinSteps([Distribution; 10]);

impl JoinSteps {
    /// Adds one site's join: each step counts from the end of the one before that is known.
    fn add(&mut self, start: Duration, steps: [Option<Duration>; 9], end: Option<Duration>) {
        let [parts @ .., total] = &mut self.0;
        let mut last = start;
        for (distribution, at) in parts.iter_mut().zip(steps) {
            if let Some(at) = at {
                distribution.add(at.saturating_sub(last));
                last = at;
            }
        }
        if let Some(end) = end {
            total.add(end.saturating_sub(start));
        }
    }

    fn summary(&self) -> Join {
        let [
            tcp,
            tls,
            web_socket,
            welcome,
            answer,
            ice,
            dtls,
            first_packet,
            first_key_frame,
            total,
        ] = self.0.each_ref().map(Distribution::summary);
        Join {
            tcp,
            tls,
            web_socket,
            welcome,
            answer,
            ice,
            dtls,
            first_packet,
            first_key_frame,
            total,
        }
    }
}

fn join(scenario: &Scenario, measured: &Measured) -> Join {
    let mut all = JoinSteps::default();
    let after_epoch = |at: Instant| at.saturating_duration_since(measured.epoch);
    for outcome in &measured.outcomes {
        let (Some(known), Some(one)) = (outcome.steps, measured.observations.get(&outcome.id))
        else {
            continue;
        };
        if outcome.id == PUBLISHER {
            continue;
        }
        let Steps {
            start,
            tcp,
            tls,
            open,
            welcome,
            answer,
        } = known;
        let connected = one.connected.map(after_epoch);
        let steps = [
            tcp.map(after_epoch),
            tls.map(after_epoch),
            open.map(after_epoch),
            welcome.map(after_epoch),
            Some(after_epoch(answer)),
            one.ice.map(after_epoch),
            connected,
            one.first_packet,
            one.first_key_frame,
        ];
        let end = if scenario.publishes() {
            one.first_key_frame
        } else {
            connected
        };
        all.add(after_epoch(start), steps, end);
    }
    all.summary()
}

fn server(scenario: &Scenario, measured: &Measured, joined: u32) -> Option<Server> {
    let (idle, begin, end) = (measured.idle?, measured.begin.server?, measured.end.server?);
    let cpu = end.cpu_seconds_since(&begin);
    let packets = measured
        .end
        .received
        .saturating_sub(measured.begin.received) as f64;
    let grown = end.rss_kib.saturating_sub(idle.rss_kib) as f64;
    Some(Server {
        pid: scenario.server_pid?,
        idle_rss_kib: idle.rss_kib,
        rss_kib: end.rss_kib,
        rss_per_site_kib: rounded(grown / f64::from(joined.max(1))),
        join_cpu_seconds: begin.cpu_seconds_since(&idle),
        steady_cores: end.cores_since(&begin),
        packets_per_cpu_second: rounded(packets / cpu.max(1e-3)),
        cpu_micros_per_packet: rounded(cpu * 1e6 / packets.max(1.0)),
        voluntary_switches_per_second: None,
        involuntary_switches_per_second: None,
    })
}

fn generator(scenario: &Scenario, measured: &Measured) -> Generator {
    let (begin, end) = (&measured.begin, &measured.end);
    let span = end
        .at
        .saturating_duration_since(begin.at)
        .as_secs_f64()
        .max(1e-3);
    let packets = end.received.saturating_sub(begin.received) as f64;
    let traffic = measured.totals.traffic;
    let count = |of: fn(&Counts) -> u64| {
        measured
            .observations
            .values()
            .map(|one| of(&one.counts))
            .sum()
    };
    let turn = crate::fleet::TURN.as_millis();
    let receive_mode = match scenario.transport {
        Transport::Tcp => format!("one TCP connection a site, read every {turn} ms"),
        Transport::Udp => format!(
            "on loopback {} UDP sockets for all sites with GRO, else one a site; read every {turn} ms",
            scenario.fleet.shared_sockets
        ),
    };
    Generator {
        receive_mode,
        receive_buffer_bytes: measured.receive_buffer as u64,
        steady_cores: end
            .own
            .zip(begin.own)
            .map(|(end, begin)| end.cores_since(&begin))
            .unwrap_or_default(),
        packets_per_second: rounded(packets / span),
        received: traffic.received,
        messages: traffic.messages,
        sent: traffic.sent,
        send_failures: traffic.send_failures,
        kernel_drops: traffic.kernel_drops,
        unauthenticated: count(|counts| counts.unauthenticated),
        unknown_streams: count(|counts| counts.unknown_stream),
        longest_turn_ms: rounded(measured.totals.longest_turn.as_secs_f64() * 1e3),
    }
}
