//! The real binary with a configuration file and a directory of its own.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use signaling::testing;
use tempfile::TempDir;

/// Longer than a start or a stop takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Service {
    dir: TempDir,
    child: Option<Child>,
    listen: [SocketAddr; 2],
}

impl Service {
    /// Not started yet.
    pub(crate) fn new() -> Self {
        let service = Self {
            dir: tempfile::tempdir().unwrap(),
            child: None,
            listen: [testing::free_address(), testing::free_address()],
        };
        service.configure("");
        service
    }

    /// Where pages are served.
    pub(crate) fn http(&self) -> SocketAddr {
        self.listen[0]
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The configuration file is written anew, with these lines at its end.
    pub(crate) fn configure(&self, more: &str) {
        let [http, admin] = self.listen;
        let data = self.path("data");
        let text = format!(
            "data_dir = \"{}\"\nhttp.listen = \"{http}\"\nadmin.listen = \"{admin}\"\n\
             media.port = 0\nmedia.bind = \"127.0.0.1\"\n{more}",
            data.display()
        );
        std::fs::write(self.path("dinh.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dinh"));
        command.arg("--config").arg(self.path("dinh.toml"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn start(&mut self, variables: &[(&str, &Path)]) {
        let log = File::create(self.path("log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.envs(variables.iter().copied());
        command.stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits for a line of the log.
    pub(crate) fn await_log(&self, part: &str) {
        let start = Instant::now();
        while !self.log().contains(part) {
            assert!(start.elapsed() < PATIENCE, "no `{part}` in\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it was started").id();
        let status = Command::new("kill")
            .args([format!("-{name}"), id.to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it was started");
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command has printed, for messages.
pub(crate) fn printed(output: &Output) -> String {
    let both = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    both.join("\n")
}
