//! What the figures of a run must be; they decide the exit code.

use serde::{Deserialize, Serialize};

use crate::measure::Summary;
use crate::report::{FaultKind, Report};

/// Limits. `None`: whatever it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Most sites that may fail to join or drop out. Unset means none may.
    pub max_failed: Option<u32>,
    /// Most of the packets that may be lost after repair, 0 to 1; in a file, percent.
    #[serde(deserialize_with = "from_percent")]
    pub max_loss: Option<f64>,
    /// 99th percentile of the time from the first packet of a join to the first picture, seconds.
    pub max_join_p99: Option<f64>,
    /// Median of the forward latency of sound and picture together, milliseconds.
    pub max_latency_p50: Option<f64>,
    /// 99th percentile of the forward latency of sound and picture together, milliseconds.
    pub max_latency_p99: Option<f64>,
    /// Longest gap in anybody's sound, milliseconds.
    pub max_audio_gap: Option<f64>,
    /// Least frames a second at any site.
    pub min_fps: Option<f64>,
    /// CPU cores that the server may use while all watch.
    pub max_server_cores: Option<f64>,
    /// Growth of the server's resident memory by each site, KiB.
    pub max_rss_per_site: Option<f64>,
    /// Seconds from the first site's coming until the last had joined.
    pub max_all_joined: Option<f64>,
    /// 99th percentile of the time from the command to the new speaker's keyframe, milliseconds.
    pub max_floor_switch_p99: Option<f64>,
    /// 99th percentile of the time from a fault to the picture again, seconds.
    pub max_rejoin_p99: Option<f64>,
    /// Seconds from a reload storm until all that went are back.
    pub max_all_back: Option<f64>,
    /// Longest gap in the sound of a site that had nothing to do with a reload storm, milliseconds.
    pub max_others_audio_gap: Option<f64>,
    /// Seconds from a restart of the server until everybody hears again.
    pub max_heard_again: Option<f64>,
    /// Most gaps in the others' sound beside a hostile participant.
    pub max_hostile_gaps: Option<u32>,
    /// By how much the server's CPU may rise beside a hostile participant, percent.
    pub max_hostile_rise: Option<f64>,
    /// Least fairness of the received bytes: Jain's index, 0 to 1.
    pub min_fairness: Option<f64>,
    /// Most sites that may not know in the end what the server knows.
    pub max_differing: Option<u32>,
}

fn from_percent<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let percent = f64::deserialize(from)?;
    if (0.0..=100.0).contains(&percent) {
        Ok(Some(percent / 100.0))
    } else {
        Err(serde::de::Error::custom("percent are 0 to 100"))
    }
}

/// What came of one limit.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// Which.
    pub name: String,
    /// What was allowed.
    pub limit: f64,
    /// What was measured; `None` when nothing was, which misses the limit.
    pub measured: Option<f64>,
    /// It was kept.
    pub kept: bool,
}

/// Name, limit and what was measured.
type Figure = (&'static str, Option<f64>, Option<f64>);

impl Thresholds {
    /// What came of each limit.
    pub fn check(&self, report: &Report) -> Vec<Verdict> {
        let mut verdicts = vec![most(
            "maxFailed",
            f64::from(self.max_failed.unwrap_or(0)),
            Some(f64::from(report.sites.failed)),
        )];
        if let Some(floor) = &report.floor {
            let renegotiated = f64::from(floor.renegotiated);
            verdicts.push(most("maxRenegotiated", 0.0, Some(renegotiated)));
        }
        let restarts: Vec<_> = report.restarts().collect();
        if !restarts.is_empty() {
            // What was not done shows nothing.
            let gone = restarts.iter().map(|fault| match fault.failure {
                None => Some(f64::from(fault.sites.saturating_sub(fault.resumed))),
                Some(_) => None,
            });
            verdicts.push(most("maxGone", 0.0, gone.sum()));
        }
        for (name, limit, measured) in self
            .upper(report)
            .into_iter()
            .chain(self.beside_hostile(report))
        {
            verdicts.extend(limit.map(|limit| most(name, limit, measured)));
        }
        for (name, limit, measured) in self.lower(report) {
            verdicts.extend(limit.map(|limit| least(name, limit, measured)));
        }
        verdicts
    }

    /// What may not be exceeded: name, limit, figure.
    fn upper(&self, report: &Report) -> [Figure; 14] {
        let (media, server) = (&report.media, report.server.as_ref());
        [
            ("maxLoss", self.max_loss, Self::loss(report)),
            (
                "maxJoinP99",
                self.max_join_p99,
                report.join.total.map(|total| total.p99 / 1e3),
            ),
            (
                "maxAllJoined",
                self.max_all_joined,
                report.sites.all_joined_seconds,
            ),
            (
                "maxLatencyP50",
                self.max_latency_p50,
                Self::latency(report, |summary| summary.p50),
            ),
            (
                "maxLatencyP99",
                self.max_latency_p99,
                Self::latency(report, |summary| summary.p99),
            ),
            (
                "maxAudioGap",
                self.max_audio_gap,
                media.audio.as_ref().map(|audio| audio.stalls.longest_ms),
            ),
            (
                "maxServerCores",
                self.max_server_cores,
                server.map(|server| server.steady_cores.total),
            ),
            (
                "maxRssPerSite",
                self.max_rss_per_site,
                server.map(|server| server.rss_per_site_kib),
            ),
            (
                "maxFloorSwitchP99",
                self.max_floor_switch_p99,
                Self::floor_switch(report),
            ),
            ("maxRejoinP99", self.max_rejoin_p99, Self::rejoin(report)),
            ("maxAllBack", self.max_all_back, Self::all_back(report)),
            (
                "maxOthersAudioGap",
                self.max_others_audio_gap,
                Self::others_gap(report),
            ),
            (
                "maxHeardAgain",
                self.max_heard_again,
                Self::heard_again(report),
            ),
            (
                "maxDiffering",
                self.max_differing.map(f64::from),
                report
                    .events
                    .as_ref()
                    .map(|events| f64::from(events.differing)),
            ),
        ]
    }

    /// What may not be exceeded beside a hostile participant: name, limit, figure.
    fn beside_hostile(&self, report: &Report) -> [Figure; 2] {
        [
            (
                "maxHostileGaps",
                self.max_hostile_gaps.map(f64::from),
                Self::hostile_gaps(report),
            ),
            (
                "maxHostileRise",
                self.max_hostile_rise,
                report
                    .hostile
                    .as_ref()
                    .and_then(|hostile| hostile.server_rise_percent),
            ),
        ]
    }

    /// What must be reached: name, limit, figure.
    fn lower(&self, report: &Report) -> [Figure; 2] {
        let video = report.media.video.as_ref();
        [
            (
                "minFps",
                self.min_fps,
                video.and_then(|video| Some(video.frames_per_second?.min)),
            ),
            (
                "minFairness",
                self.min_fairness,
                report.fairness.map(|fairness| fairness.jain_bytes),
            ),
        ]
    }

    fn hostile_gaps(report: &Report) -> Option<f64> {
        let audio = report.hostile.as_ref()?.others.media.audio.as_ref()?;
        Some(audio.stalls.count as f64)
    }

    fn loss(report: &Report) -> Option<f64> {
        let media = [&report.media.audio, &report.media.video];
        let kinds = media.into_iter().flatten();
        kinds.map(|media| media.loss_after_repair).reduce(f64::max)
    }

    fn latency(report: &Report, of: impl Fn(Summary) -> f64) -> Option<f64> {
        report.forward_latency.both.map(of)
    }

    /// Nothing when a site missed a speaker: then there is no 99th percentile to speak of.
    fn floor_switch(report: &Report) -> Option<f64> {
        let floor = report.floor.as_ref()?;
        let seen = floor.latency?;
        let missed = f64::from(floor.missed);
        (missed <= 0.01 * (seen.count as f64 + missed)).then_some(seen.p99)
    }

    fn rejoin(report: &Report) -> Option<f64> {
        let times = report.faults.iter().map(|fault| fault.first_key_frame);
        let p99 = times.map(|summary| summary.map(|summary| summary.p99 / 1e3));
        worst(p99)
    }

    /// Nothing when somebody did not come back.
    fn all_back(report: &Report) -> Option<f64> {
        let storms = report
            .faults
            .iter()
            .filter(|fault| fault.kind == FaultKind::Reload);
        let times =
            storms.map(|fault| fault.all_back_seconds.filter(|_| fault.back == fault.sites));
        worst(times)
    }

    /// Nothing when somebody did not hear again.
    fn heard_again(report: &Report) -> Option<f64> {
        let times = report.restarts().map(|fault| match fault.heard {
            _ if fault.sites == 0 => Some(0.0),
            Some(heard) if heard.count == u64::from(fault.sites) => Some(heard.max / 1e3),
            _ => None,
        });
        worst(times)
    }

    fn others_gap(report: &Report) -> Option<f64> {
        let others = report
            .faults
            .iter()
            .filter_map(|fault| fault.others.as_ref());
        let gaps = others.map(|others| Some(others.media.audio.as_ref()?.stalls.longest_ms));
        worst(gaps)
    }
}

/// The greatest; nothing when there is none or one is not known.
fn worst(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    figures
        .collect::<Option<Vec<f64>>>()?
        .into_iter()
        .reduce(f64::max)
}

/// A threshold in words, its unit, and what to multiply its figures by to have them in that unit.
pub(crate) fn words(name: &str) -> (&str, &'static str, f64) {
    match name {
        "maxFailed" => ("Most sites that fail", "", 1.0),
        "maxRenegotiated" => ("Most sites that negotiate again", "", 1.0),
        "maxLoss" => ("Most packets lost for good", "%", 100.0),
        "maxJoinP99" => ("Joining, 99 % of sites within", "s", 1.0),
        "maxAllJoined" => ("All sites joined within", "s", 1.0),
        "maxLatencyP50" => ("Forward latency, median within", "ms", 1.0),
        "maxLatencyP99" => ("Forward latency, 99 % within", "ms", 1.0),
        "maxAudioGap" => ("Longest gap in anybody's sound", "ms", 1.0),
        "maxServerCores" => ("Cores of the server while all watch", "", 1.0),
        "maxRssPerSite" => ("Memory of the server for each site", "KiB", 1.0),
        "maxFloorSwitchP99" => ("New speaker seen, 99 % of sites within", "ms", 1.0),
        "maxRejoinP99" => ("Picture again after a fault, 99 % within", "s", 1.0),
        "maxAllBack" => ("All back after a reload storm within", "s", 1.0),
        "maxHeardAgain" => ("All hear again after a restart within", "s", 1.0),
        "maxGone" => ("Most participants gone after a restart", "", 1.0),
        "maxOthersAudioGap" => ("Longest gap in the sound of others", "ms", 1.0),
        "maxDiffering" => ("Most sites that know something else", "", 1.0),
        "minFps" => ("Least frames a second at any site", "", 1.0),
        "minFairness" => ("Least fairness: Jain's index of bytes", "", 1.0),
        other => (other, "", 1.0),
    }
}

fn most(name: &str, limit: f64, measured: Option<f64>) -> Verdict {
    Verdict {
        name: name.to_owned(),
        limit,
        measured,
        kept: measured.is_some_and(|measured| measured <= limit),
    }
}

fn least(name: &str, limit: f64, measured: Option<f64>) -> Verdict {
    Verdict {
        name: name.to_owned(),
        limit,
        measured,
        kept: measured.is_some_and(|measured| measured >= limit),
    }
}
