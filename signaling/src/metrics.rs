//! What is counted, in the words and units of Prometheus. Logic never reads a metric.

mod format;
mod lines;
mod media;
mod process;
mod reading;
mod store;
mod telemetry;
mod tls;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::ids::ConferenceId;
use crate::protocol::{ClientMessage, CloseReason};
use crate::refusal::ErrorCode;

pub use format::Format;
pub use lines::LineFigures;
pub use reading::{Reading, Readings, Value};

/// The kind of a WebSocket message.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct KindLabel {
    kind: &'static str,
}

/// A stable code.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct CodeLabel {
    code: &'static str,
}

/// Why a connection was closed.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ReasonLabel {
    reason: &'static str,
}

/// A class of HTTP answers: `2xx` to `5xx`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StatusLabel {
    status: &'static str,
}

/// Messages that could not be read have this kind.
pub const NOT_UNDERSTOOD: &str = "not_understood";

/// Why a connection is cut.
const CUT_REASONS: [&str; 7] = [
    "idle",
    "full",
    "stranger",
    "descriptors",
    "proxy_protocol",
    "silent",
    "tls",
];

/// Why a join is refused although its bearer may come in.
pub const WANT_OF_ROOM: [ErrorCode; 3] = [
    ErrorCode::ConferenceFull,
    ErrorCode::ServerFull,
    ErrorCode::Overloaded,
];

/// What is counted of a conference's peers.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerFigures {
    /// Say that they send, and nothing of them arrives.
    pub silent: usize,
    /// Have not agreed to the codec of what is shown.
    pub cannot_decode: usize,
    /// How well they hear and see.
    pub lines: LineFigures,
}

/// What is counted of one conference: participants, silent ones, those who cannot decode; and their
/// lines.
type Counts = ([i64; 3], LineFigures);

/// Everything the people plane counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    sockets: Gauge<i64, AtomicI64>,
    participants: Gauge<i64, AtomicI64>,
    silent_publishers: Gauge<i64, AtomicI64>,
    cannot_decode: Gauge<i64, AtomicI64>,
    lines: lines::Lines,
    /// Of each conference, how much of these gauges is its own.
    by_conference: Mutex<HashMap<ConferenceId, Counts>>,
    conferences: Gauge<i64, AtomicI64>,
    messages: Family<KindLabel, Counter>,
    errors: Family<CodeLabel, Counter>,
    closed: Family<ReasonLabel, Counter>,
    requests: Family<StatusLabel, Counter>,
    cut: Family<ReasonLabel, Counter>,
    refused_joins: Family<ReasonLabel, Counter>,
    events: Counter<u64, AtomicU64>,
    append_seconds: Histogram,
    queue_wait_seconds: Histogram,
    join_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        // From 0.1 ms to 1.6 s: an answer from memory up to a disk that is in trouble.
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 4.0, 8));
        let metrics = Self {
            registry: Mutex::default(),
            sockets: Gauge::default(),
            participants: Gauge::default(),
            silent_publishers: Gauge::default(),
            cannot_decode: Gauge::default(),
            lines: lines::Lines::default(),
            by_conference: Mutex::default(),
            conferences: Gauge::default(),
            messages: Family::default(),
            errors: Family::default(),
            closed: Family::default(),
            requests: Family::default(),
            cut: Family::default(),
            refused_joins: Family::default(),
            events: Counter::default(),
            append_seconds: seconds(),
            queue_wait_seconds: seconds(),
            join_seconds: seconds(),
        };
        metrics.register();
        metrics.begin_families();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut root = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        root.register_collector(Box::new(process::Process::starting()));
        let dinh = root.sub_registry_with_prefix("dinh");
        dinh.register(
            "websockets",
            "WebSockets that are open",
            self.sockets.clone(),
        );
        dinh.register(
            "participants",
            "Participants that are connected",
            self.participants.clone(),
        );
        dinh.register(
            "silent_publishers",
            "Participants that say they send and of whom nothing arrives",
            self.silent_publishers.clone(),
        );
        dinh.register(
            "participants_that_cannot_decode",
            "Participants that have not agreed to the codec of what is shown",
            self.cannot_decode.clone(),
        );
        self.lines.register(dinh);
        dinh.register(
            "conferences",
            "Conferences at hand",
            self.conferences.clone(),
        );
        dinh.register(
            "messages",
            "WebSocket messages received",
            self.messages.clone(),
        );
        dinh.register("errors", "Requests refused, by code", self.errors.clone());
        dinh.register(
            "closed",
            "WebSockets closed on purpose, by reason",
            self.closed.clone(),
        );
        dinh.register(
            "http_requests",
            "HTTP requests answered",
            self.requests.clone(),
        );
        dinh.register(
            "refused_joins",
            "Joins refused for want of room, by reason",
            self.refused_joins.clone(),
        );
        dinh.register(
            "http_connections_cut",
            "Connections closed before their time: idle ones and strangers for newcomers, new ones when there was no room, for want of descriptors, and those that did not say in time what they speak",
            self.cut.clone(),
        );
        dinh.register("events", "Events stored", self.events.clone());
        let mut seconds = |name: &str, help: &str, histogram: &Histogram| {
            dinh.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        seconds(
            "store_append",
            "Time to store a batch of events",
            &self.append_seconds,
        );
        seconds(
            "queue_wait",
            "Time a request waits for its conference",
            &self.queue_wait_seconds,
        );
        seconds("join", "Time from a token to a welcome", &self.join_seconds);
    }

    /// Every label that there can be counts from 0: a rate over a counter that appears with its
    /// first increment misses that one.
    fn begin_families(&self) {
        for kind in ClientMessage::kinds().chain([NOT_UNDERSTOOD]) {
            drop(self.messages.get_or_create(&KindLabel { kind }));
        }
        for code in ErrorCode::ALL.iter().map(|code| code.as_str()) {
            drop(self.errors.get_or_create(&CodeLabel { code }));
        }
        for reason in CloseReason::ALL.iter().map(|reason| reason.as_str()) {
            drop(self.closed.get_or_create(&ReasonLabel { reason }));
        }
        for status in ["2xx", "3xx", "4xx", "5xx"] {
            drop(self.requests.get_or_create(&StatusLabel { status }));
        }
        for reason in CUT_REASONS {
            drop(self.cut.get_or_create(&ReasonLabel { reason }));
        }
        for code in WANT_OF_ROOM {
            let reason = code.as_str();
            drop(self.refused_joins.get_or_create(&ReasonLabel { reason }));
        }
    }

    /// Adds what another part of the server counts, read on each scrape.
    pub fn add_collector(&self, collector: Box<dyn Collector>) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(collector);
    }

    /// Shows the media plane's counters too.
    pub fn add_media(&self, media: std::sync::Arc<dyn sfu::Media>) {
        self.add_collector(Box::new(media::readings(media)));
    }

    /// Shows what the store counts too.
    pub fn add_store(&self, store: crate::store::Store) {
        self.add_collector(Box::new(store::readings(store)));
    }

    /// Shows the certificate's time too.
    pub fn add_tls(&self, tls: std::sync::Arc<crate::tls::Tls>) {
        self.add_collector(Box::new(tls::readings(tls)));
    }

    /// Has what became of traces counted, too.
    pub fn add_telemetry(&self, telemetry: std::sync::Arc<crate::telemetry::Telemetry>) {
        self.add_collector(Box::new(telemetry::readings(telemetry)));
    }

    /// All of it.
    ///
    /// # Panics
    /// Never: writing to a string does not fail.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        format.write(text)
    }

    /// A WebSocket was opened.
    pub fn socket_opened(&self) {
        self.sockets.inc();
    }

    /// A WebSocket is gone.
    pub fn socket_gone(&self) {
        self.sockets.dec();
    }

    /// A message of this kind arrived.
    pub fn message(&self, kind: &'static str) {
        self.messages.get_or_create(&KindLabel { kind }).inc();
    }

    /// A request was refused.
    pub fn error(&self, code: ErrorCode) {
        self.errors
            .get_or_create(&CodeLabel {
                code: code.as_str(),
            })
            .inc();
    }

    /// A connection was closed on purpose.
    pub fn closed(&self, reason: CloseReason) {
        self.closed
            .get_or_create(&ReasonLabel {
                reason: reason.as_str(),
            })
            .inc();
    }

    /// A request was answered with this status.
    pub fn answered(&self, status: u16) {
        let status = match status {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        self.requests.get_or_create(&StatusLabel { status }).inc();
    }

    /// A join was refused for want of room.
    pub fn join_refused(&self, code: ErrorCode) {
        let reason = code.as_str();
        self.refused_joins
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// A connection was closed for want of room, because it was idle or all others were busy.
    pub fn connection_cut(&self, reason: &'static str) {
        self.cut.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Somebody was welcomed this long after its token arrived.
    pub fn joined(&self, took: Duration) {
        self.join_seconds.observe(took.as_secs_f64());
    }

    /// A request was taken up after this long.
    pub fn queue_wait(&self, waited: Duration) {
        self.queue_wait_seconds.observe(waited.as_secs_f64());
    }

    /// Events were stored, in so long.
    pub fn stored(&self, events: usize, took: Duration) {
        self.events.inc_by(events as u64);
        self.append_seconds.observe(took.as_secs_f64());
    }

    /// So many participants of this conference are connected.
    pub fn connected(&self, conference: &ConferenceId, participants: usize, peers: PeerFigures) {
        let counts = [participants, peers.silent, peers.cannot_decode]
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let counts = (counts, peers.lines);
        let mut by_conference = self
            .by_conference
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = match by_conference.get_mut(conference) {
            Some(before) => std::mem::replace(before, counts),
            None => {
                by_conference.insert(conference.clone(), counts);
                self.conferences.inc();
                Counts::default()
            }
        };
        drop(by_conference);
        self.count(&counts, &before);
    }

    /// A conference was put away.
    pub fn put_away(&self, conference: &ConferenceId) {
        let mut by_conference = self
            .by_conference
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let gone = by_conference.remove(conference);
        drop(by_conference);
        if let Some(before) = gone {
            self.count(&Counts::default(), &before);
            self.conferences.dec();
        }
    }

    fn count(&self, (now, lines): &Counts, (before, former_lines): &Counts) {
        if lines != former_lines {
            self.lines.change(lines, former_lines);
        }
        let gauges = [
            &self.participants,
            &self.silent_publishers,
            &self.cannot_decode,
        ];
        for (gauge, (now, before)) in gauges.into_iter().zip(now.iter().zip(before)) {
            gauge.inc_by(now - before);
        }
    }

    /// How many participants are connected: for tests and the closing line of the log.
    #[must_use]
    pub fn participants(&self) -> i64 {
        self.participants.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_prefix_and_unit() {
        let metrics = Metrics::default();
        metrics.message("join");
        metrics.error(ErrorCode::RateLimited);
        metrics.closed(CloseReason::TooSlow);
        metrics.answered(204);
        metrics.stored(3, Duration::from_millis(2));
        metrics.queue_wait(Duration::ZERO);
        metrics.joined(Duration::from_millis(1));
        metrics.join_refused(ErrorCode::ServerFull);
        metrics.connection_cut("idle");
        let text = metrics.text(Format::Open);
        for expected in [
            "dinh_messages_total{kind=\"join\"} 1",
            "dinh_errors_total{code=\"rate_limited\"} 1",
            "dinh_closed_total{reason=\"too_slow\"} 1",
            "dinh_http_requests_total{status=\"2xx\"} 1",
            "dinh_events_total 3",
            "dinh_store_append_seconds_count 1",
            "dinh_queue_wait_seconds_count 1",
            "dinh_join_seconds_count 1",
            "dinh_refused_joins_total{reason=\"server_full\"} 1",
            "dinh_http_connections_cut_total{reason=\"idle\"} 1",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }

    #[test]
    fn every_family_is_there_before_anything_has_happened() {
        let text = Metrics::default().text(Format::Plain);
        for expected in [
            "dinh_messages_total{kind=\"grantFloor\"} 0",
            "dinh_errors_total{code=\"internal\"} 0",
            "dinh_closed_total{reason=\"restarting\"} 0",
            "dinh_http_requests_total{status=\"5xx\"} 0",
            "dinh_refused_joins_total{reason=\"overloaded\"} 0",
            "dinh_http_connections_cut_total{reason=\"full\"} 0",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        let described = text.lines().filter(|line| line.starts_with("# TYPE"));
        for name in described.filter_map(|line| line.split(' ').nth(2)) {
            let has_lines = text.lines().any(|line| line.starts_with(name));
            assert!(has_lines, "{name} has no lines");
        }
    }

    #[test]
    fn participants_are_summed_over_conferences_and_forgotten_with_them() {
        let metrics = Metrics::default();
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        metrics.connected(&one, 3, PeerFigures::default());
        metrics.connected(&other, 2, PeerFigures::default());
        metrics.connected(&one, 1, PeerFigures::default());
        assert_eq!(metrics.participants(), 3);
        metrics.put_away(&other);
        assert_eq!(metrics.participants(), 1);
    }
}
