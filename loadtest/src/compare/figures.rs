//! The figures that are compared.

use crate::measure::Summary;
use crate::report::{Fault, FaultKind, MediaEntry, Report};

/// What is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    Less,
    More,
    /// Neither: it describes the run.
    Whatever,
}

/// One figure of a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) wish: Wish,
    /// A difference up to this matters to nobody, however large it is as a share.
    pub(super) trifle: f64,
    pub(super) of: fn(&Report) -> Option<f64>,
}

const fn figure(
    (group, name, unit): (&'static str, &'static str, &'static str),
    wish: Wish,
    trifle: f64,
    of: fn(&Report) -> Option<f64>,
) -> Figure {
    Figure {
        group,
        name,
        unit,
        wish,
        trifle,
        of,
    }
}

const JOIN: &str = "Joining";
const LATENCY: &str = "Forward latency";
const PICTURE: &str = "Picture";
const SOUND: &str = "Sound";
const CHANGES: &str = "Changes";
const SERVER: &str = "Server";
const GENERATOR: &str = "Generator";

/// In the order in which they are shown. A trifle of latency is what the clock of a busy kernel is
/// good for, a trifle of CPU what `/proc` counts in.
pub(super) const FIGURES: [Figure; 46] = {
    use Wish::{Less, More, Whatever};
    [
        figure((JOIN, "Sites that failed", ""), Less, 0.0, |r| {
            Some(f64::from(r.sites.failed))
        }),
        figure((JOIN, "All joined after", "s"), Less, 0.25, |r| {
            r.sites.all_joined_seconds
        }),
        figure((JOIN, "Whole, median", "ms"), Less, 5.0, |r| {
            p50(r.join.total)
        }),
        figure((JOIN, "Whole, 99 %", "ms"), Less, 10.0, |r| {
            p99(r.join.total)
        }),
        figure((JOIN, "TLS, 99 %", "ms"), Less, 2.0, |r| p99(r.join.tls)),
        figure((JOIN, "Welcome, 99 %", "ms"), Less, 2.0, |r| {
            p99(r.join.welcome)
        }),
        figure((JOIN, "Answer, 99 %", "ms"), Less, 2.0, |r| {
            p99(r.join.answer)
        }),
        figure((JOIN, "ICE, 99 %", "ms"), Less, 2.0, |r| p99(r.join.ice)),
        figure((JOIN, "DTLS, 99 %", "ms"), Less, 2.0, |r| p99(r.join.dtls)),
        figure((JOIN, "First keyframe, 99 %", "ms"), Less, 10.0, |r| {
            p99(r.join.first_key_frame)
        }),
        figure((LATENCY, "Picture, median", "ms"), Less, 0.1, |r| {
            p50(r.forward_latency.video)
        }),
        figure((LATENCY, "Picture, 99 %", "ms"), Less, 0.5, |r| {
            p99(r.forward_latency.video)
        }),
        figure((LATENCY, "Picture, greatest", "ms"), Less, 2.0, |r| {
            max(r.forward_latency.video)
        }),
        figure((LATENCY, "Sound, median", "ms"), Less, 0.1, |r| {
            p50(r.forward_latency.audio)
        }),
        figure((LATENCY, "Sound, 99 %", "ms"), Less, 0.5, |r| {
            p99(r.forward_latency.audio)
        }),
        figure((LATENCY, "Sound, greatest", "ms"), Less, 2.0, |r| {
            max(r.forward_latency.audio)
        }),
        figure((PICTURE, "Packets", ""), Whatever, 0.0, |r| {
            video(r, |m| m.expected as f64)
        }),
        figure((PICTURE, "Lost before repair", "%"), Less, 1e-3, |r| {
            video(r, |m| m.loss_before_repair * 100.0)
        }),
        figure((PICTURE, "Lost for good", "%"), Less, 0.0, |r| {
            video(r, |m| m.loss_after_repair * 100.0)
        }),
        figure((PICTURE, "Frames a second, least", ""), More, 0.2, |r| {
            r.media
                .video
                .as_ref()?
                .frames_per_second
                .map(|rates| rates.min)
        }),
        figure((PICTURE, "Jitter, 99 % of streams", "ms"), Less, 0.5, |r| {
            p99(r.media.video.as_ref()?.jitter)
        }),
        figure((PICTURE, "Gaps", ""), Less, 0.0, |r| {
            video(r, |m| m.stalls.count as f64)
        }),
        figure((PICTURE, "Longest gap", "ms"), Less, 20.0, |r| {
            video(r, |m| m.stalls.longest_ms)
        }),
        figure((PICTURE, "Keyframes asked for", ""), Less, 10.0, |r| {
            video(r, |m| m.plis as f64)
        }),
        figure((SOUND, "Packets", ""), Whatever, 0.0, |r| {
            audio(r, |m| m.expected as f64)
        }),
        figure((SOUND, "Lost before repair", "%"), Less, 1e-3, |r| {
            audio(r, |m| m.loss_before_repair * 100.0)
        }),
        figure((SOUND, "Lost for good", "%"), Less, 0.0, |r| {
            audio(r, |m| m.loss_after_repair * 100.0)
        }),
        figure((SOUND, "Jitter, 99 % of streams", "ms"), Less, 0.5, |r| {
            p99(r.media.audio.as_ref()?.jitter)
        }),
        figure((SOUND, "Gaps", ""), Less, 0.0, |r| {
            audio(r, |m| m.stalls.count as f64)
        }),
        figure((SOUND, "Longest gap", "ms"), Less, 20.0, |r| {
            audio(r, |m| m.stalls.longest_ms)
        }),
        figure((CHANGES, "Fairness, Jain's index", ""), More, 1e-3, |r| {
            r.fairness.map(|fairness| fairness.jain_bytes)
        }),
        figure(
            (CHANGES, "New speaker seen, median", "ms"),
            Less,
            5.0,
            |r| p50(r.floor.as_ref()?.latency),
        ),
        figure((CHANGES, "New speaker seen, 99 %", "ms"), Less, 10.0, |r| {
            p99(r.floor.as_ref()?.latency)
        }),
        figure((CHANGES, "Speakers missed", ""), Less, 0.0, |r| {
            r.floor.as_ref().map(|floor| f64::from(floor.missed))
        }),
        figure((CHANGES, "All back after a reload", "s"), Less, 0.25, |r| {
            worst(r, |fault| fault.all_back_seconds)
        }),
        figure(
            (CHANGES, "Gap in the others' sound", "ms"),
            Less,
            20.0,
            |r| {
                worst(r, |fault| {
                    let audio = fault.others.as_ref()?.media.audio.as_ref()?;
                    Some(audio.stalls.longest_ms)
                })
            },
        ),
        figure(
            (CHANGES, "Sites that know something else", ""),
            Less,
            0.0,
            |r| r.events.as_ref().map(|events| f64::from(events.differing)),
        ),
        figure((SERVER, "Cores while all watch", ""), Less, 0.01, |r| {
            Some(r.server?.steady_cores.total)
        }),
        figure((SERVER, "Of it in the program", ""), Less, 0.01, |r| {
            Some(r.server?.steady_cores.user)
        }),
        figure((SERVER, "Of it in the kernel", ""), Less, 0.01, |r| {
            Some(r.server?.steady_cores.system)
        }),
        figure((SERVER, "CPU for each packet", "µs"), Less, 0.05, |r| {
            Some(r.server?.cpu_micros_per_packet)
        }),
        figure((SERVER, "CPU for all joins", "s"), Less, 0.05, |r| {
            Some(r.server?.join_cpu_seconds)
        }),
        figure((SERVER, "Memory for each site", "KiB"), Less, 1.0, |r| {
            Some(r.server?.rss_per_site_kib)
        }),
        figure(
            (GENERATOR, "Packets received a second", ""),
            Whatever,
            0.0,
            |r| Some(r.generator.packets_per_second),
        ),
        figure(
            (GENERATOR, "Cores while all watch", ""),
            Whatever,
            0.01,
            |r| Some(r.generator.steady_cores.total),
        ),
        figure(
            (GENERATOR, "Datagrams dropped for want of time", ""),
            Less,
            0.0,
            |r| Some(r.generator.kernel_drops as f64),
        ),
    ]
};

fn p50(summary: Option<Summary>) -> Option<f64> {
    summary.map(|summary| summary.p50)
}

fn p99(summary: Option<Summary>) -> Option<f64> {
    summary.map(|summary| summary.p99)
}

fn max(summary: Option<Summary>) -> Option<f64> {
    summary.map(|summary| summary.max)
}

fn video(report: &Report, of: fn(&MediaEntry) -> f64) -> Option<f64> {
    report.media.video.as_ref().map(of)
}

fn audio(report: &Report, of: fn(&MediaEntry) -> f64) -> Option<f64> {
    report.media.audio.as_ref().map(of)
}

/// The greatest figure of all reload storms.
fn worst(report: &Report, of: fn(&Fault) -> Option<f64>) -> Option<f64> {
    let storms = report
        .faults
        .iter()
        .filter(|fault| fault.kind == FaultKind::Reload);
    storms.filter_map(of).reduce(f64::max)
}
