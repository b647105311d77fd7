//! The process as its operating system sees it, where that is Linux.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::reading::{Reading, Readings, Value};

/// CPU time, memory, file descriptors and threads, with the usual names.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Readings::new(read).encode(encoder)
    }
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and times of a process are below 2^53"
)]
fn read() -> Vec<Reading> {
    let Ok(process) = procfs::process::Process::myself() else {
        return Vec::new();
    };
    let gauge = |name, help, value| Reading {
        name,
        help,
        label: None,
        value: Value::Gauge(value),
    };
    let mut readings = Vec::new();
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
    readings
}

#[cfg(not(target_os = "linux"))]
fn read() -> Vec<Reading> {
    Vec::new()
}
