//! Collects what members and the fleet tell, and adds it up to a report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use sfu::kind::MediaKind;
use signaling::protocol::server::ParticipantEntry;
use tokio::sync::mpsc;

use super::board::{Board, is_publisher};
use super::chapters::{Chapters, Phase};
use super::director::{Handed, Restarted};
use super::hostile::Attack;
use super::operator::Truth;
use super::plan::{Cause, Plan};
use super::site::{Outcome, Steps, Visit};
use super::{faults, floor, hostile, media};
use crate::endpoint::{Counts, Milestone, Observed};
use crate::fleet::{EndpointId, Event, Fleet, Totals};
use crate::machine::Machine;
use crate::measure::{Distribution, rounded};
use crate::process::Reading;
use crate::publish::Sent;
use crate::report::{
    Events, Fairness, Generator, Join, Joining, Line, Report, SCHEMA, ScenarioEntry, Server, Sites,
};
use crate::scenario::{Scenario, Target, Transport};
use crate::timeline::Moment;

/// What the fleet told about one endpoint.
#[derive(Debug, Default)]
pub(super) struct Observation {
    ice: Option<Instant>,
    pub(super) connected: Option<Instant>,
    pub(super) first_packet: Option<Duration>,
    pub(super) first_key_frame: Option<Duration>,
    failure: Option<&'static str>,
    /// Keyframes of awaited senders, and when they were complete.
    pub(super) key_frames: Vec<(u16, Duration)>,
    pub(super) observed: Observed,
    sent: Option<Sent>,
    pub(super) counts: Counts,
    line: Option<crate::line::Counts>,
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

/// What was measured and commanded while all watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) chapters: Chapters,
    pub(super) begin: Window,
    pub(super) end: Window,
    pub(super) handed: Vec<Handed>,
    pub(super) restarted: Vec<Restarted>,
    pub(super) attack: Option<Attack>,
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) started: String,
    pub(super) all_joined: Option<Duration>,
    pub(super) watched: Watched,
    /// What the server knew in the end, if an operator could be asked.
    pub(super) truth: Option<Result<Truth, String>>,
    /// When sites learnt that they have the floor.
    pub(super) told: Vec<(u32, Instant)>,
    pub(super) put_off: u32,
    pub(super) idle: Option<Reading>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) observations: Observations,
    pub(super) totals: Totals,
    pub(super) receive_buffer: usize,
    pub(super) epoch: Instant,
    pub(super) timeline: Vec<Moment>,
}

impl Measured {
    /// Counted as arrivals are: from the start of the run.
    pub(super) fn since_epoch(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.epoch)
    }

    /// All connections of all sites.
    pub(super) fn sites(&self) -> impl Iterator<Item = (EndpointId, &Observation)> + Clone {
        let all = self.observations.iter().map(|(id, one)| (*id, one));
        all.filter(|(id, _)| !is_publisher(*id))
    }

    /// Sites that were there all the time.
    pub(super) fn constant(&self, plan: &Plan) -> Vec<(u32, &Observation)> {
        let stays = |number: u32| {
            plan.site(number)
                .is_some_and(|site| site.outings.is_empty())
        };
        let stayed = self
            .outcomes
            .iter()
            .filter(|outcome| outcome.failure.is_none() && outcome.id.life == 0);
        stayed
            .map(|outcome| outcome.id.member)
            .filter(|&number| stays(number))
            .filter_map(|number| {
                let one = self.observations.get(&EndpointId::first(number))?;
                one.connected.map(|_| (number, one))
            })
            .collect()
    }

    /// Sites whose connections were there from the begin of a phase to its end.
    pub(super) fn lived_through(&self, wanted: Phase) -> Vec<&Observation> {
        let chapters = &self.watched.chapters;
        let Some(&number) = chapters.of(|phase| phase == wanted).first() else {
            return Vec::new();
        };
        let begin = chapters.0.get(number).map(|chapter| chapter.begin);
        let end = chapters.end_of(number).map(|end| self.since_epoch(end));
        let was_there = |one: &&Observation| {
            let had_begun = one
                .connected
                .zip(begin)
                .is_some_and(|(at, begin)| at <= begin);
            let had_gone = one
                .observed
                .gone
                .zip(end)
                .is_some_and(|(gone, end)| gone < end);
            had_begun && !had_gone
        };
        self.sites().map(|(_, one)| one).filter(was_there).collect()
    }
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
                    Milestone::KeyFrameOf(sender, arrival) => {
                        one.key_frames.push((sender, arrival));
                    }
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
                one.line = gone.line;
            }
        }
    }
    all
}

/// Adds everything up.
pub(super) fn report(scenario: &Scenario, plan: &Plan, measured: &Measured) -> Report {
    let sites = sites(scenario, measured);
    let chapters = &measured.watched.chapters;
    let joining = chapters.of(|phase| phase == Phase::Joining);
    let watching = chapters.of(Phase::is_steady);
    let end = chapters
        .0
        .last()
        .map(|last| measured.since_epoch(last.begin));
    let observed = measured.sites().map(|(_, one)| &one.observed);
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
        forward_latency: media::latency(latencies, &watching, media::Lines::All),
        joining: Joining {
            seconds: rounded(chapters.span_of(&joining).as_secs_f64()),
            media: media::media(observed, before),
            forward_latency: media::latency(latencies, &joining, media::Lines::All),
        },
        fairness: fairness(plan, measured, &watching),
        lines: lines(scenario, plan, measured, steady),
        floor: floor::floor(scenario, plan, measured),
        faults: faults::faults(scenario, plan, measured),
        hostile: hostile::report(scenario, plan, measured),
        events: events(measured),
        published: published(measured),
        server: server(scenario, measured, sites.joined),
        generator: generator(scenario, measured),
        sites,
        timeline: measured.timeline.clone(),
        ..Report::default()
    };
    report.thresholds = scenario.thresholds.check(&report);
    report
}

/// What the publisher sent, on the connection that it has had last.
fn published(measured: &Measured) -> Option<Sent> {
    let own = measured.observations.iter();
    let own = own.filter(|(id, _)| is_publisher(**id));
    let last = own.max_by_key(|(id, _)| id.life);
    last.and_then(|(_, one)| one.sent)
}

/// The sites by their line; nothing when the scenario touches none.
fn lines(
    scenario: &Scenario,
    plan: &Plan,
    measured: &Measured,
    part: media::Part<'_>,
) -> Vec<Line> {
    if scenario.lines.is_empty() {
        return Vec::new();
    }
    let kinds = scenario.lines.iter().enumerate();
    let kinds = kinds.map(|(number, line)| (Some(number), line.name.as_str()));
    std::iter::once((None, "good"))
        .chain(kinds)
        .map(|(kind, name)| {
            let has = |number: u32| plan.site(number).is_some_and(|site| site.line == kind);
            let sites = measured.sites().filter(|(id, _)| has(id.member));
            let count = (0..scenario.sites).filter(|&number| has(number)).count();
            let counts = sites.clone().filter_map(|(_, one)| one.line);
            Line {
                name: name.to_owned(),
                sites: u32::try_from(count).unwrap_or(u32::MAX),
                media: media::media(sites.map(|(_, one)| &one.observed), part),
                forward_latency: media::latency(
                    &measured.totals.latencies,
                    part.chapters,
                    kind.map_or(media::Lines::Good, media::Lines::Bad),
                ),
                lost: counts.clone().map(|counts| counts.lost).sum(),
                overflowed: counts.map(|counts| counts.overflowed).sum(),
            }
        })
        .collect()
}

/// How evenly those were served who were there all the time, only watched and have a good line.
fn fairness(plan: &Plan, measured: &Measured, watching: &[usize]) -> Option<Fairness> {
    let span = measured.watched.chapters.span_of(watching).as_secs_f64();
    let (mut rates, mut frames) = (Vec::new(), Distribution::default());
    for (number, one) in measured.constant(plan) {
        let has_line = plan.site(number).is_none_or(|site| site.line.is_some());
        if has_line || one.observed.has_published {
            continue;
        }
        let streams = &one.observed.streams;
        let sums = streams
            .iter()
            .filter_map(|stream| Some((stream.kind, media::stream(stream, watching)?)));
        let (mut bytes, mut pictures) = (0, 0);
        for (kind, totals) in sums {
            bytes += totals.bytes;
            pictures += u64::from(kind == MediaKind::Video) * totals.frames;
        }
        rates.push(bytes as f64 * 8e-3 / span.max(1e-3));
        frames.add_value(pictures as f64 / span.max(1e-3));
    }
    let count = rates.len() as f64;
    let (sum, squares) = rates.iter().fold((0.0, 0.0), |(sum, squares), rate| {
        (sum + rate, squares + rate * rate)
    });
    (squares > 0.0).then(|| Fairness {
        sites: u32::try_from(rates.len()).unwrap_or(u32::MAX),
        jain_bytes: sum * sum / (count * squares),
        min_kbps: rounded(rates.iter().copied().fold(f64::INFINITY, f64::min)),
        mean_kbps: rounded(sum / count),
        max_kbps: rounded(rates.iter().copied().fold(0.0, f64::max)),
        frames_per_second: frames.summary(),
    })
}

/// Compares what sites and the operator were told with what the server knew.
fn events(measured: &Measured) -> Option<Events> {
    let truth = measured.truth.as_ref()?;
    let ledgers = measured
        .outcomes
        .iter()
        .filter(|outcome| !is_publisher(outcome.id));
    let ledgers: Vec<_> = ledgers
        .filter_map(|outcome| outcome.ledger.as_ref())
        .collect();
    let mut events = Events {
        messages: ledgers.iter().map(|ledger| ledger.messages()).sum(),
        out_of_order: ledgers.iter().map(|ledger| ledger.out_of_order()).sum(),
        sites: u32::try_from(ledgers.len()).unwrap_or(u32::MAX),
        ..Events::default()
    };
    let truth = match truth {
        Ok(truth) => truth,
        Err(reason) => {
            // Nobody can be said to agree with a server that could not be asked.
            events.differing = events.sites;
            events.failure = Some(reason.clone());
            return Some(events);
        }
    };
    for ledger in ledgers {
        let missed = ledger.differences(&truth.ledger);
        events.differing += u32::from(!missed.is_empty());
        for kind in missed {
            *events.missed.entry(kind.to_owned()).or_default() += 1;
        }
    }
    events.server_checksum = format!("{:016x}", truth.ledger.checksum());
    let (told, roster) = (&truth.told, &truth.roster);
    let wrong = told
        .iter()
        .filter(|(id, entry)| !roster.get(id).is_some_and(|known| agrees(entry, known)));
    let missing = roster.keys().filter(|id| !told.contains_key(id));
    let differences = wrong.count() + missing.count();
    events.roster = Some(u32::try_from(told.len()).unwrap_or(u32::MAX));
    events.roster_differences = Some(u32::try_from(differences).unwrap_or(u32::MAX));
    Some(events)
}

/// Whether the operator was told what the server knows. Who is told in a crowd is called by its
/// site's code; tokens are told over REST alone.
fn agrees(told: &ParticipantEntry, known: &ParticipantEntry) -> bool {
    let is_in_crowd = told
        .site
        .as_ref()
        .is_some_and(|site| site.as_str() == told.name);
    let mut told = told.clone();
    if is_in_crowd {
        told.name.clone_from(&known.name);
    }
    told.token.clone_from(&known.token);
    told == *known
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
            Transport::Turn => "turn".to_owned(),
        },
        seed: scenario.seed,
        name: scenario.name.clone(),
        happenings: scenario.happenings(),
    }
}

/// Who came and who did not, and why.
fn sites(scenario: &Scenario, measured: &Measured) -> Sites {
    let outcomes: FxHashMap<u32, &Outcome> = measured
        .outcomes
        .iter()
        .map(|outcome| (outcome.id.member, outcome))
        .collect();
    let mut failures: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..scenario.sites {
        let outcome = outcomes.get(&number).copied();
        let reason = match outcome {
            None => Some("it was stuck at the end"),
            Some(outcome) => failure(scenario, measured, outcome),
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
        put_off: measured.put_off,
    }
}

/// Why a site counts as failed, if it does: in any of its visits.
fn failure<'a>(
    scenario: &Scenario,
    measured: &'a Measured,
    outcome: &'a Outcome,
) -> Option<&'a str> {
    if let Some(reason) = &outcome.failure {
        return Some(reason);
    }
    // What a restart of the server has cut off is judged by what came after.
    let cut_off = |next: &Visit| matches!(next.after, Some((Cause::Restart(_), _)));
    let nexts = outcome.visits.iter().skip(1).map(Some).chain([None]);
    let mut visits = outcome.visits.iter().zip(nexts);
    visits.find_map(|(visit, next)| {
        if next.is_some_and(cut_off) {
            return None;
        }
        let again = visit.after.is_some();
        let Some(one) = measured.observations.get(&visit.id) else {
            // Who was still away at the end has not failed.
            return (!again).then_some("it did not connect");
        };
        if let Some(reason) = one.failure {
            return Some(reason);
        }
        match (one.connected, again) {
            (None, false) => Some("it did not connect"),
            (None, true) => Some("it did not connect again"),
            (Some(_), _) if !scenario.publishes() || one.first_key_frame.is_some() => None,
            (Some(_), false) => Some("it got no picture"),
            (Some(_), true) => Some("it got no picture again"),
        }
    })
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
    let after_epoch = |at: Instant| measured.since_epoch(at);
    let sites = measured
        .outcomes
        .iter()
        .filter(|outcome| !is_publisher(outcome.id));
    for first in sites.filter_map(|outcome| outcome.visits.first()) {
        let (Some(known), Some(one)) = (first.steps, measured.observations.get(&first.id)) else {
            continue;
        };
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
    let (idle, begin, end) = (
        measured.idle?,
        measured.watched.begin.server?,
        measured.watched.end.server?,
    );
    let cpu = end.cpu_seconds_since(&begin);
    let Watched {
        begin: first,
        end: last,
        ..
    } = &measured.watched;
    let packets = last.received.saturating_sub(first.received) as f64;
    let switches = end.switches_per_second_since(&begin);
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
        voluntary_switches_per_second: switches.map(|(voluntary, _)| voluntary),
        involuntary_switches_per_second: switches.map(|(_, involuntary)| involuntary),
    })
}

fn generator(scenario: &Scenario, measured: &Measured) -> Generator {
    let (begin, end) = (&measured.watched.begin, &measured.watched.end);
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
        Transport::Tcp | Transport::Turn => {
            format!("one TCP connection a site, read every {turn} ms")
        }
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
