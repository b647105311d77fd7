//! How a run goes second by second: read beside it, so that the report can draw it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Progress;
use crate::fleet::Live;
use crate::measure::rounded;
use crate::process::Reading;

/// Time between two moments. Longer hides what happens within, shorter only shows the
/// granularity of the kernel's CPU clock (10 ms).
const INTERVAL: Duration = Duration::from_secs(1);

/// Most moments that are kept; of a longer run every second one is dropped, again and again.
const MAX_MOMENTS: usize = 2_048;

/// One moment of a run. Rates are means since the moment before.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Seconds since the first site began to join.
    pub seconds: f64,
    /// Sites to which media could flow so far.
    pub connected: u32,
    /// Sites that had a picture so far.
    pub playing: u32,
    /// Sites that had failed so far.
    pub failed: u32,
    /// Packets received by this program, a second.
    pub packets_per_second: f64,
    /// Cores that the server used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// Resident memory of the server, KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_rss_kib: Option<u64>,
    /// Cores that this program used.
    pub generator_cores: f64,
}

/// Everything that is read at a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    received: u64,
    server: Option<Reading>,
    own: Option<Reading>,
}

/// What is read.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) live: Arc<Live>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) server_pid: Option<u32>,
}

impl Sources {
    fn sample(&self) -> Sample {
        Sample {
            at: Instant::now(),
            received: self.live.received(),
            server: self.server_pid.and_then(Reading::of),
            own: Reading::of_this(),
        }
    }
}

/// Reads the sources each second until it is finished.
#[derive(Debug)]
pub(crate) struct Recorder(JoinHandle<Vec<Moment>>);

impl Recorder {
    /// Begins; needs a Tokio runtime. `Progress::done` ends it.
    pub(crate) fn start(sources: Sources, from: Instant) -> Self {
        Self(tokio::spawn(record(sources, from)))
    }

    /// The moments, once the run is done.
    pub(crate) async fn finish(self) -> Vec<Moment> {
        self.0.await.unwrap_or_default()
    }
}

async fn record(mut sources: Sources, from: Instant) -> Vec<Moment> {
    let mut moments = Moments::new(from, sources.sample());
    let mut changes = sources.progress.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(moments.next.into()) => {}
            _ = changes.wait_for(|progress| progress.done) => return moments.kept,
        }
        let progress = sources.progress.borrow_and_update().clone();
        moments.push(&progress, sources.sample());
    }
}

/// The moments of a run, in bounded memory.
#[derive(Debug)]
struct Moments {
    from: Instant,
    last: Sample,
    kept: Vec<Moment>,
    interval: Duration,
    /// When the next is due.
    next: Instant,
}

impl Moments {
    fn new(from: Instant, first: Sample) -> Self {
        Self {
            from,
            last: first,
            kept: Vec::new(),
            interval: INTERVAL,
            next: first.at + INTERVAL,
        }
    }

    fn push(&mut self, progress: &Progress, now: Sample) {
        self.kept
            .push(moment(progress, &self.last, &now, self.from));
        self.last = now;
        if self.kept.len() >= MAX_MOMENTS {
            thin(&mut self.kept);
            self.interval *= 2;
        }
        // A late reading puts off the next: rates need a whole interval.
        self.next = (self.next + self.interval).max(now.at + self.interval / 2);
    }
}

fn moment(progress: &Progress, last: &Sample, now: &Sample, from: Instant) -> Moment {
    let since = |at: Instant| now.at.saturating_duration_since(at).as_secs_f64();
    let packets = now.received.saturating_sub(last.received) as f64;
    let cores = |now: Option<Reading>, last: Option<Reading>| Some(now?.cores_since(&last?).total);
    Moment {
        seconds: rounded(since(from)),
        connected: progress.connected,
        playing: progress.playing,
        failed: progress.failed,
        packets_per_second: rounded(packets / since(last.at).max(1e-3)),
        server_cores: cores(now.server, last.server),
        server_rss_kib: now.server.map(|server| server.rss_kib),
        generator_cores: cores(now.own, last.own).unwrap_or_default(),
    }
}

/// Drops every second moment; the rates of those that stay are then of their own second only.
fn thin(moments: &mut Vec<Moment>) {
    let mut number = 0_usize;
    moments.retain(|_| {
        number += 1;
        number.is_multiple_of(2)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: Instant, received: u64) -> Sample {
        Sample {
            at,
            received,
            server: None,
            own: None,
        }
    }

    #[test]
    fn a_moment_has_rates_since_the_one_before() {
        let from = Instant::now();
        let second = |n| from + Duration::from_secs(n);
        let progress = Progress {
            connected: 7,
            playing: 5,
            failed: 1,
            ..Progress::default()
        };
        let (last, now) = (sample(second(3), 1_000), sample(second(5), 4_000));
        let moment = moment(&progress, &last, &now, from);
        assert_eq!((moment.seconds, moment.packets_per_second), (5.0, 1_500.0));
        assert_eq!((moment.connected, moment.playing, moment.failed), (7, 5, 1));
        assert_eq!(moment.server_cores, None);
    }

    #[test]
    fn a_long_run_is_kept_in_bounded_memory() {
        let from = Instant::now();
        let mut moments = Moments::new(from, sample(from, 0));
        let mut pushed = 0;
        while moments.next < from + INTERVAL * 86_400 {
            let now = sample(moments.next, 0);
            moments.push(&Progress::default(), now);
            pushed += 1;
            assert!(moments.kept.len() < MAX_MOMENTS);
        }
        assert!(pushed > MAX_MOMENTS && moments.kept.len() >= MAX_MOMENTS / 2);
        let last = moments.kept.last().unwrap().seconds;
        assert!(last > 86_000.0, "{last}");
    }

    #[test]
    fn a_late_reading_is_not_followed_by_one_at_once() {
        let from = Instant::now();
        let mut moments = Moments::new(from, sample(from, 0));
        let late = from + Duration::from_millis(2_900);
        moments.push(&Progress::default(), sample(late, 0));
        assert_eq!(moments.next, late + INTERVAL / 2);
    }

    #[tokio::test]
    async fn a_recorder_ends_with_the_run() {
        let (sender, progress) = watch::channel(Progress::default());
        let sources = Sources {
            live: Arc::default(),
            progress,
            server_pid: None,
        };
        let recorder = Recorder::start(sources, Instant::now());
        sender.send_modify(|progress| progress.done = true);
        assert_eq!(recorder.finish().await, [], "over before the first second");
    }
}
