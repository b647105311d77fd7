//! The media plane's own counters, under the names of this server.

use std::sync::Arc;
use std::time::Duration;

use sfu::Media;
use sfu::drop_reason::DropReason;
use sfu::path::Means;
use sfu::priority::Priority;
use sfu::stats::Stats;

use super::reading::{Reading, Readings, Value};

/// Name, meaning and value.
type Row = (&'static str, &'static str, u64);

/// Reads the media plane's counters on each scrape.
pub(super) fn readings(media: Arc<dyn Media>) -> Readings {
    Readings::new(move || {
        let stats = media.stats();
        let gauges = gauges(&stats)
            .into_iter()
            .map(|row| reading(row, Value::Gauge));
        let counters = lines(&stats)
            .into_iter()
            .chain(counters(&stats))
            .map(|row| reading(row, Value::Counter));
        gauges
            .chain(counters)
            .chain([fanout_wait(&stats)])
            .chain(by_means(&stats))
            .chain(shed(&stats))
            .chain(dropped(&stats))
            .collect()
    })
}

const fn gauges(stats: &Stats) -> [Row; 6] {
    [
        ("dinh_media_peers", "Peer connections", stats.peers),
        (
            "dinh_media_connected_peers",
            "Peer connections with media",
            stats.connected_peers,
        ),
        (
            "dinh_media_publications",
            "Publications",
            stats.publications,
        ),
        (
            "dinh_media_overloaded_conferences",
            "Conferences that go without something because a shard cannot keep up",
            stats.overloaded_conferences,
        ),
        (
            "dinh_media_ignoring_publications",
            "Pictures whose encoder makes no keyframe when asked",
            stats.ignoring_publications,
        ),
        (
            "dinh_media_shards_without_offload",
            "Media threads that send each packet by itself, because the system has refused to cut messages up",
            stats.shards_without_offload,
        ),
    ]
}

fn fanout_wait(stats: &Stats) -> Reading {
    Reading {
        name: "dinh_media_fanout_wait_seconds",
        help: "How long the oldest packet had waited when the last fan-out began, on the worst shard",
        label: None,
        value: Value::Gauge(Duration::from_micros(stats.fanout_wait_micros).as_secs_f64()),
    }
}

/// What was learnt of receivers' lines.
const fn lines(stats: &Stats) -> [Row; 6] {
    [
        (
            "dinh_media_padding_packets",
            "Packets of padding sent to learn what lines carry",
            stats.padding_out,
        ),
        (
            "dinh_media_arrival_reports",
            "Reports of receivers of what has arrived",
            stats.arrival_reports,
        ),
        (
            "dinh_media_numbered_messages",
            "Messages whose arrival is to be reported",
            stats.numbered_out,
        ),
        (
            "dinh_media_line_shares",
            "Times that a receiver's line was shared out among its pictures",
            stats.shares,
        ),
        (
            "dinh_media_rung_changes",
            "Times that a receiver's line led to more or less of a picture",
            stats.rung_changes,
        ),
        (
            "dinh_media_redundant_packets",
            "Packets of sound sent with what came before them",
            stats.redundant_out,
        ),
    ]
}

const fn counters(stats: &Stats) -> [Row; 13] {
    [
        (
            "dinh_media_received_datagrams",
            "Datagrams received",
            stats.datagrams_in,
        ),
        (
            "dinh_media_received_bytes",
            "Bytes received",
            stats.bytes_in,
        ),
        (
            "dinh_media_accepted_packets",
            "Media packets accepted",
            stats.media_in,
        ),
        (
            "dinh_media_forwarded_packets",
            "Media packets forwarded",
            stats.media_out,
        ),
        (
            "dinh_media_forwarded_bytes",
            "Bytes forwarded",
            stats.bytes_out,
        ),
        (
            "dinh_media_retransmitted_packets",
            "Retransmissions sent",
            stats.rtx_out,
        ),
        (
            "dinh_media_nacked_packets",
            "Packets asked for again",
            stats.nacked,
        ),
        (
            "dinh_media_plis_sent",
            "Keyframes asked of publishers",
            stats.pli_out,
        ),
        (
            "dinh_media_caught_up_slots",
            "Late viewers started from what was kept, without another keyframe",
            stats.caught_up,
        ),
        (
            "dinh_media_keyframe_requests",
            "Keyframes asked for",
            stats.keyframe_requests,
        ),
        (
            "dinh_media_linked_packets",
            "Packets handed to other shards",
            stats.linked,
        ),
        (
            "dinh_media_sent_messages",
            "Messages handed to the system",
            stats.messages_out,
        ),
        (
            "dinh_media_inconsistencies",
            "Internal keys that led nowhere: a fault of the server, to be reported",
            stats.inconsistent,
        ),
    ]
}

fn by_means(stats: &Stats) -> impl Iterator<Item = Reading> {
    let name = "dinh_media_connected_peers_by_means";
    let help = "Peer connections with media, by what it goes over";
    let counted = Means::ALL.into_iter().zip(stats.peers_by_means);
    counted.map(move |(means, peers)| Reading {
        label: Some(("means", means.label().to_owned())),
        ..reading((name, help, peers), Value::Gauge)
    })
}

fn shed(stats: &Stats) -> impl Iterator<Item = Reading> {
    let name = "dinh_media_shed_frames";
    let help = "Frames not forwarded because a shard could not keep up, by priority";
    let counted = Priority::ALL.into_iter().zip(stats.shed_frames);
    counted.map(move |(priority, frames)| Reading {
        label: Some(("priority", priority.label().to_owned())),
        ..reading((name, help, frames), Value::Counter)
    })
}

fn dropped(stats: &Stats) -> impl Iterator<Item = Reading> {
    let name = "dinh_media_dropped_packets";
    let help = "Packets that went no further, by reason";
    DropReason::ALL.iter().map(move |&reason| Reading {
        label: Some(("reason", reason.label().to_owned())),
        ..reading((name, help, stats.drops.of(reason)), Value::Counter)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which no counter reaches"
)]
fn reading((name, help, value): Row, kind: fn(f64) -> Value) -> Reading {
    Reading {
        name,
        help,
        label: None,
        value: kind(value as f64),
    }
}
