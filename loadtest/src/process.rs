//! CPU and memory of a process on this machine, out of `/proc`.

use std::time::{Duration, Instant};

use procfs::process::Process;

use crate::measure::rounded;
use crate::report::Cores;

/// A reading.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    user: Duration,
    system: Duration,
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// Context switches of all threads, voluntary and not; `None` where the system hides them.
    switches: Option<(u64, u64)>,
}

impl Reading {
    /// Of a process; `None` when there is no such process or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        Self::read(&Process::new(i32::try_from(pid).ok()?).ok()?)
    }

    /// Of this process.
    pub fn of_this() -> Option<Self> {
        Self::read(&Process::myself().ok()?)
    }

    fn read(process: &Process) -> Option<Self> {
        let stat = process.stat().ok()?;
        let ticks = procfs::ticks_per_second() as f64;
        let time = |count: u64| Duration::from_secs_f64(count as f64 / ticks);
        Some(Self {
            at: Instant::now(),
            user: time(stat.utime),
            system: time(stat.stime),
            rss_kib: stat.rss * procfs::page_size() / 1_024,
            switches: switches(process),
        })
    }

    /// Voluntary and involuntary context switches a second since an earlier reading.
    pub fn switches_per_second_since(&self, earlier: &Self) -> Option<(f64, f64)> {
        let ((voluntary, involuntary), before) = (self.switches?, earlier.switches?);
        let span = self.at.saturating_duration_since(earlier.at);
        // Threads that have ended meanwhile take their count with them.
        let rate = |now: u64, then: u64| {
            rounded(now.saturating_sub(then) as f64 / span.as_secs_f64().max(1e-3))
        };
        Some((rate(voluntary, before.0), rate(involuntary, before.1)))
    }

    /// CPU seconds used since an earlier reading.
    pub fn cpu_seconds_since(&self, earlier: &Self) -> f64 {
        let used = (self.user + self.system).saturating_sub(earlier.user + earlier.system);
        rounded(used.as_secs_f64())
    }

    /// Cores used since an earlier reading.
    pub fn cores_since(&self, earlier: &Self) -> Cores {
        let span = self
            .at
            .saturating_duration_since(earlier.at)
            .as_secs_f64()
            .max(1e-3);
        let share =
            |now: Duration, then: Duration| rounded(now.saturating_sub(then).as_secs_f64() / span);
        let user = share(self.user, earlier.user);
        let system = share(self.system, earlier.system);
        Cores {
            user,
            system,
            total: rounded(user + system),
        }
    }
}

fn switches(process: &Process) -> Option<(u64, u64)> {
    let mut sum = (0, 0);
    for task in process.tasks().ok()?.flatten() {
        let status = task.status().ok()?;
        sum.0 += status.voluntary_ctxt_switches?;
        sum.1 += status.nonvoluntary_ctxt_switches?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_stranger_has_none() {
        let reading = Reading::of_this().unwrap();
        assert!(reading.rss_kib > 1_000);
        assert!(Reading::of(u32::MAX).is_none());
    }
}
