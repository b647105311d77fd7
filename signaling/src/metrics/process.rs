//! The process as its operating system sees it, where that is Linux.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

#[cfg(target_os = "linux")]
use procfs::process::LimitValue;

use super::reading::{Reading, Readings, Value};

/// CPU time, memory, file descriptors and threads, with the usual names.
#[derive(Debug)]
pub(super) struct Process {
    /// From when on. The system's own record of it may be hidden from a hardened service.
    started: Timestamp,
}

impl Process {
    /// One that starts now.
    pub(super) fn starting() -> Self {
        Self {
            started: Timestamp::now(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let started = self.started;
        Readings::new(move || read(started)).encode(encoder)
    }
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and times of a process are below 2^53"
)]
fn read(started: Timestamp) -> Vec<Reading> {
    let Ok(process) = procfs::process::Process::myself() else {
        return Vec::new();
    };
    let gauge = |name, help, value| Reading {
        name,
        help,
        label: None,
        value: Value::Gauge(value),
    };
    let mut readings = vec![gauge(
        "process_start_time_seconds",
        "When it was started, in seconds after the beginning of 1970",
        started.as_second() as f64,
    )];
    if let Ok(stat) = process.stat() {
        let ticks = procfs::ticks_per_second() as f64;
        let seconds = (stat.utime + stat.stime) as f64 / ticks;
        let resident = stat.rss.saturating_mul(procfs::page_size()) as f64;
        readings.push(Reading {
            name: "process_cpu_seconds",
            help: "CPU time used, user and system",
            label: None,
            value: Value::Counter(seconds),
        });
        readings.push(gauge(
            "process_resident_memory_bytes",
            "Resident memory",
            resident,
        ));
        readings.push(gauge("process_threads", "Threads", stat.num_threads as f64));
    }
    if let Ok(count) = process.fd_count() {
        readings.push(gauge(
            "process_open_fds",
            "Open file descriptors",
            count as f64,
        ));
    }
    let most = process
        .limits()
        .map(|limits| limits.max_open_files.soft_limit);
    if let Ok(LimitValue::Value(most)) = most {
        let help = "Most file descriptors that may be open";
        readings.push(gauge("process_max_fds", help, most as f64));
    }
    readings
}

#[cfg(not(target_os = "linux"))]
fn read(_: Timestamp) -> Vec<Reading> {
    Vec::new()
}
