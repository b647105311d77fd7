//! Traces of joins for an OpenTelemetry collector, where `telemetry.otlp_endpoint` names one: where the
//! time went between a page's first word and its first packet of media.
//!
//! What is known of a join comes from its session and from its conference, and is gathered here. [`Join`]
//! knows what its spans are, `otlp` how they are written, `collector` sends them. Where there is no
//! collector nothing of this exists; one that is dead costs a counter.

mod collector;
mod join;
mod otlp;
mod trace;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sfu::command::Step as MediaStep;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::ids::ParticipantId;

pub(crate) use collector::Collector;
use join::Ids;
pub(crate) use join::{Join, Step};
pub(crate) use trace::Trace;

/// Most joins that are under way at once. Those of one more are not traced. Higher: all of a larger
/// country that comes at once. Lower: less memory.
const MOST_OPEN: usize = 8_192;

/// Joins that wait to be sent. When it is full the newest is dropped. Higher: a collector may be slow for
/// longer. Lower: less memory.
const QUEUE: usize = 8_192;

/// After so long a join is told as far as it came. Higher: one without media is told later.
const LONGEST: Duration = Duration::from_secs(30);

/// How often it is looked for those. Higher: they are told later still.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Joins that are under way, and what became of those that were told.
#[derive(Debug)]
pub struct Telemetry {
    open: Mutex<Open>,
    queue: mpsc::Sender<Join>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Open {
    joins: HashMap<ParticipantId, Join>,
    swept_at: Option<Instant>,
}

/// Traces by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The collector has them.
    pub(crate) sent: AtomicU64,
    /// It did not take them.
    pub(crate) failed: AtomicU64,
    /// There was no room for them.
    pub(crate) dropped: AtomicU64,
}

impl Telemetry {
    /// Gathers joins; they come out at the other end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Join>) {
        let (queue, joins) = mpsc::channel(QUEUE);
        let telemetry = Self {
            open: Mutex::default(),
            queue,
            counts: Counts::default(),
        };
        (telemetry, joins)
    }

    /// Somebody has said its first word: `join`, `resume`, `whip` or `whep`.
    fn begin(now: Instant, wall: Timestamp, kind: &'static str) -> Join {
        let ids = Ids {
            // None is 0, which stands for none.
            trace: rand::random::<u128>() | 1,
            root: rand::random::<u64>() | 1,
        };
        Join::new(now, wall, kind, ids)
    }

    /// Somebody is in; what follows is told of it.
    fn entered(&self, now: Instant, participant: ParticipantId, join: Join) {
        let mut open = self.open();
        let late = open.sweep(now);
        let is_full = open.joins.len() >= MOST_OPEN;
        let former = if is_full {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            None
        } else {
            open.joins.insert(participant, join)
        };
        drop(open);
        for join in late.into_iter().chain(former) {
            self.send(join);
        }
    }

    /// Somebody was refused.
    fn refused(&self, join: Join) {
        self.send(join);
    }

    /// The offer of a participant came, and is being judged.
    pub(crate) fn offered(&self, now: Instant, participant: ParticipantId) {
        self.change(participant, |join| join.begin(Step::Offer, now));
    }

    /// It was answered.
    pub(crate) fn answered(&self, now: Instant, participant: ParticipantId) {
        self.change(participant, |join| join.end(Step::Offer, now));
    }

    /// The media plane has come so far with a participant; `None`: it is connected.
    pub(crate) fn reached(
        &self,
        now: Instant,
        participant: ParticipantId,
        step: Option<MediaStep>,
    ) {
        let step = match step {
            Some(MediaStep::Path) => Step::Ice,
            None => Step::Dtls,
            Some(MediaStep::Media) => Step::FirstPacket,
        };
        let mut is_over = false;
        self.change(participant, |join| {
            join.end(step, now);
            is_over = step == Step::FirstPacket;
        });
        if is_over {
            self.gone(participant);
        }
    }

    /// Nothing more is to come of a participant's join.
    pub(crate) fn gone(&self, participant: ParticipantId) {
        let join = self.open().joins.remove(&participant);
        if let Some(join) = join {
            self.send(join);
        }
    }

    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    fn change(&self, participant: ParticipantId, change: impl FnOnce(&mut Join)) {
        if let Some(join) = self.open().joins.get_mut(&participant) {
            change(join);
        }
    }

    fn send(&self, join: Join) {
        if self.queue.try_send(join).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Takes out those of which nothing more is to be expected.
    fn sweep(&mut self, now: Instant) -> Vec<Join> {
        let since = self.swept_at.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since < SWEEP_EVERY) {
            return Vec::new();
        }
        self.swept_at = Some(now);
        let late = self.joins.extract_if(|_, join| join.age(now) >= LONGEST);
        late.map(|(_, join)| join).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh;

    fn join(now: Instant) -> Join {
        Telemetry::begin(now, Timestamp::UNIX_EPOCH, "join")
    }

    #[tokio::test]
    async fn a_join_is_told_with_its_first_packet_or_when_it_took_too_long() {
        let (telemetry, mut told) = Telemetry::new();
        let (now, [one, other, third]) = (Instant::now(), [(); 3].map(|()| fresh::participant()));
        telemetry.entered(now, one, join(now));
        telemetry.entered(now, other, join(now));
        telemetry.reached(now, one, Some(MediaStep::Path));
        telemetry.reached(now, one, None);
        assert!(told.try_recv().is_err());
        telemetry.reached(now, one, Some(MediaStep::Media));
        assert!(told.try_recv().is_ok());
        telemetry.entered(now + LONGEST, third, join(now + LONGEST));
        assert!(told.try_recv().is_ok(), "the other");
        telemetry.gone(third);
        telemetry.gone(third);
        assert!(told.try_recv().is_ok() && told.try_recv().is_err());
        // Nobody is known any more.
        telemetry.offered(now, one);
        telemetry.reached(now, one, Some(MediaStep::Media));
        assert!(told.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_nobody_takes_is_dropped_and_counted() {
        let (telemetry, told) = Telemetry::new();
        let now = Instant::now();
        for _ in 0..QUEUE + 3 {
            telemetry.refused(join(now));
        }
        assert_eq!(telemetry.counts.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(told.len(), QUEUE);
        let (telemetry, _told) = Telemetry::new();
        for _ in 0..MOST_OPEN + 2 {
            telemetry.entered(now, fresh::participant(), join(now));
        }
        assert_eq!(telemetry.counts.dropped.load(Ordering::Relaxed), 2);
    }
}
