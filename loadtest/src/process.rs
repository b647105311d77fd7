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
        })
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
