//! What the figures of a run must be; they decide the exit code.

use serde::{Deserialize, Serialize};

use crate::report::Report;

/// Limits. `None`: whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Most sites that may fail to join or drop out. Unset means none may.
    pub max_failed: Option<u32>,
    /// Most of the packets that may be lost after repair, 0 to 1.
    pub max_loss: Option<f64>,
    /// 99th percentile of the time from the first packet of a join to the first picture, seconds.
    pub max_join_p99: Option<f64>,
    /// 99th percentile of the forward latency of sound and of picture, milliseconds.
    pub max_latency_p99: Option<f64>,
    /// Longest gap in anybody's sound, milliseconds.
    pub max_audio_gap: Option<f64>,
    /// Least frames a second at any site.
    pub min_fps: Option<f64>,
    /// CPU cores that the server may use while all watch.
    pub max_server_cores: Option<f64>,
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

impl Thresholds {
    /// What came of each limit.
    pub fn check(&self, report: &Report) -> Vec<Verdict> {
        let mut verdicts = vec![most(
            "maxFailed",
            f64::from(self.max_failed.unwrap_or(0)),
            Some(f64::from(report.sites.failed)),
        )];
        let media = &report.media;
        if let Some(limit) = self.max_loss {
            let kinds = [&media.audio, &media.video].into_iter().flatten();
            let worst = kinds.map(|media| media.loss_after_repair).reduce(f64::max);
            verdicts.push(most("maxLoss", limit, worst));
        }
        if let Some(limit) = self.max_join_p99 {
            let measured = report.join.total.map(|total| total.p99 / 1e3);
            verdicts.push(most("maxJoinP99", limit, measured));
        }
        if let Some(limit) = self.max_latency_p99 {
            let latency = &report.forward_latency;
            let kinds = [latency.audio, latency.video].into_iter().flatten();
            let worst = kinds.map(|summary| summary.p99).reduce(f64::max);
            verdicts.push(most("maxLatencyP99", limit, worst));
        }
        if let Some(limit) = self.max_audio_gap {
            let measured = media.audio.as_ref().map(|audio| audio.stalls.longest_ms);
            verdicts.push(most("maxAudioGap", limit, measured));
        }
        if let Some(limit) = self.min_fps {
            let rates = media
                .video
                .as_ref()
                .and_then(|video| video.frames_per_second);
            let measured = rates.map(|rates| rates.min);
            verdicts.push(Verdict {
                name: "minFps".to_owned(),
                limit,
                measured,
                kept: measured.is_some_and(|measured| measured >= limit),
            });
        }
        if let Some(limit) = self.max_server_cores {
            let measured = report
                .server
                .as_ref()
                .map(|server| server.steady_cores.total);
            verdicts.push(most("maxServerCores", limit, measured));
        }
        verdicts
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
