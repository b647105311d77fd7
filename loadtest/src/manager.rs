//! Runs a server as its service manager does (`systemd.service(5)`): hears from it that it is ready,
//! keeps the sockets that it hands over, and starts it again whenever it ends.

mod notices;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::io::dup;
use rustix::process::{Pid, Signal, kill_process};

use notices::Notices;

/// From the end of a process that has failed to the start of the next, as in
/// `packaging/systemd/dinh.service`. One that was told to end is followed at once (`systemctl restart`).
const RESTART_AFTER: Duration = Duration::from_millis(200);

/// How often it is looked whether the process lives. Higher: it is started again later.
const LOOK: Duration = Duration::from_millis(5);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Service {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables that it gets beside those of this process.
    pub variables: Vec<(String, String)>,
    /// For the socket at which it is heard, and for the number of its process (`pid`).
    pub directory: PathBuf,
    /// Whether sockets that it hands over are kept, as with `FileDescriptorStoreMax`.
    pub keeps_sockets: bool,
}

/// A service that is kept running.
#[derive(Debug)]
pub struct Manager {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    service: Service,
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    /// How often it has said that it is ready.
    ready: u32,
    ended: Vec<ExitStatus>,
    is_over: bool,
}

impl Manager {
    /// Starts the service.
    ///
    /// # Errors
    /// When the directory or the socket in it cannot be made, or the program not be run.
    pub fn start(service: Service) -> io::Result<Self> {
        std::fs::create_dir_all(&service.directory)?;
        let mut notices = Notices::open(&service.directory.join("notify"))?;
        let state = Arc::new(State {
            service,
            now: Mutex::default(),
            changed: Condvar::new(),
        });
        let child = state.spawn(&notices)?;
        let keeping = Arc::clone(&state);
        let thread = std::thread::spawn(move || keeping.keep(child, &mut notices));
        Ok(Self {
            state,
            thread: Some(thread),
        })
    }

    /// Waits until it has said so often that it is ready; false when that takes too long.
    #[must_use]
    pub fn is_ready(&self, times: u32, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut now = self.state.now();
        while now.ready < times {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.state.changed.wait_timeout(now, left);
            (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// How its processes have ended so far: exit codes, or the signals that ended them, negative.
    #[must_use]
    pub fn endings(&self) -> Vec<i32> {
        let now = self.state.now();
        let killed = |status: &ExitStatus| status.signal().map(|signal| -signal);
        let code = |status: &ExitStatus| status.code().or_else(|| killed(status));
        now.ended.iter().filter_map(code).collect()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.state.now().is_over = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after one process after the other.
    fn keep(&self, mut child: Child, notices: &mut Notices) {
        loop {
            let ended = self.attend(&mut child, notices);
            let has_failed = !ended.is_some_and(|status| status.success());
            let mut now = self.now();
            now.ended.extend(ended);
            self.changed.notify_all();
            let is_over = now.is_over;
            drop(now);
            if has_failed && !is_over {
                std::thread::sleep(RESTART_AFTER);
            }
            if self.now().is_over {
                return;
            }
            match self.spawn(notices) {
                Ok(next) => child = next,
                // The one that ended could be run.
                Err(_) => return,
            }
        }
    }

    /// Hears one process until it has ended.
    fn attend(&self, child: &mut Child, notices: &mut Notices) -> Option<ExitStatus> {
        let mut is_told = false;
        loop {
            if self.now().is_over && !is_told {
                is_told = true;
                // One that has ended needs no signal.
                let _ = kill_process(Pid::from_child(child), Signal::TERM);
            }
            if notices.hear(LOOK, self.service.keeps_sockets) {
                self.now().ready += 1;
                self.changed.notify_all();
            }
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Some(status),
                Err(_) => return None,
            }
        }
    }

    /// Starts the program, with what is kept of the former one as its descriptors from 3 on.
    fn spawn(&self, notices: &Notices) -> io::Result<Child> {
        let Service {
            command,
            variables,
            directory,
            ..
        } = &self.service;
        // Copies that a child inherits; they are closed here again when it runs.
        let copies: Vec<_> = notices
            .kept()
            .map(|(_, socket)| dup(socket))
            .collect::<Result<_, _>>()?;
        let names: Vec<_> = notices.kept().map(|(name, _)| name).collect();
        let script = inherit(&copies);
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).args(command);
        shell.env("NOTIFY_SOCKET", notices.path());
        if !copies.is_empty() {
            shell.env("LISTEN_FDS", copies.len().to_string());
            shell.env("LISTEN_FDNAMES", names.join(":"));
        }
        shell.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = shell.spawn()?;
        std::fs::write(pid_file(directory), child.id().to_string())?;
        Ok(child)
    }
}

/// Moves descriptors to 3 and following, and becomes the program. The shell keeps the number of the
/// process, which a program looks at before it believes `LISTEN_FDS`.
fn inherit(copies: &[impl std::os::fd::AsRawFd]) -> String {
    use std::fmt::Write as _;
    let mut script = String::new();
    for (number, copy) in (3..).zip(copies) {
        let copy = copy.as_raw_fd();
        // Writing to a string does not fail.
        let _ = write!(script, "exec {number}<&{copy} {copy}<&-; ");
    }
    script + r#"export LISTEN_PID=$$; exec "$0" "$@""#
}

/// Where the number of the process that is kept running is written down in this directory.
#[must_use]
pub fn pid_file(directory: &Path) -> PathBuf {
    directory.join("pid")
}
