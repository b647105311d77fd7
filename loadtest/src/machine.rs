//! What a run was made on, out of `/proc`: figures mean something only beside it.

use procfs::process::Process;
use procfs::sys::kernel::Version;
use procfs::{CpuInfo, Current, Meminfo};
use serde::{Deserialize, Serialize};

/// The machine that this program ran on, and the server too where its process id was given.
///
/// What the system does not tell is empty or 0.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Cores.
    pub cores: u32,
    /// What the processor calls itself.
    pub cpu_model: String,
    /// The kernel's version.
    pub kernel: String,
    /// Memory, KiB.
    pub memory_kib: u64,
    /// Cores that this program was allowed to use, such as `1` or `0-3`.
    pub generator_cpus: String,
    /// Cores that the server was allowed to use; empty when its process is not known.
    pub server_cpus: String,
}

impl Machine {
    /// This one.
    pub fn current(server_pid: Option<u32>) -> Self {
        let cpus = CpuInfo::current().ok();
        let model = cpus.as_ref().and_then(|cpus| cpus.model_name(0));
        let server = server_pid
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(|pid| Process::new(pid).ok());
        Self {
            cores: cpus
                .as_ref()
                .and_then(|cpus| u32::try_from(cpus.num_cores()).ok())
                .unwrap_or_default(),
            cpu_model: model.unwrap_or_default().to_owned(),
            kernel: Version::current()
                .map(|version| format!("{}.{}.{}", version.major, version.minor, version.patch))
                .unwrap_or_default(),
            memory_kib: Meminfo::current()
                .map(|memory| memory.mem_total / 1_024)
                .unwrap_or_default(),
            generator_cpus: allowed(Process::myself().ok().as_ref()),
            server_cpus: allowed(server.as_ref()),
        }
    }
}

/// Cores that a process may use, as the kernel writes them.
fn allowed(process: Option<&Process>) -> String {
    let ranges = process
        .and_then(|process| process.status().ok())
        .and_then(|status| status.cpus_allowed_list)
        .unwrap_or_default();
    let words = ranges.into_iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_what_it_is() {
        let machine = Machine::current(Some(std::process::id()));
        assert!(machine.cores >= 1 && machine.memory_kib > 1_024);
        assert!(machine.kernel.contains('.'), "{}", machine.kernel);
        assert!(!machine.generator_cpus.is_empty());
        assert_eq!(machine.server_cpus, machine.generator_cpus);
    }

    #[test]
    fn a_server_that_is_not_here_has_no_cores() {
        assert_eq!(Machine::current(Some(u32::MAX)).server_cpus, "");
    }
}
