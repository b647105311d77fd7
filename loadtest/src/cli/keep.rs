//! Arguments of `keep`.

use std::path::PathBuf;

use clap::Args;
use loadtest::manager::{Manager, Service};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args, Debug)]
pub(crate) struct Keep {
    /// Directory for the number of the server's process (pid) and for the socket at which it is heard
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Keep no sockets from one process to the next, as where no service manager does
    #[arg(long)]
    forgets: bool,
    /// The server's program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Keep {
    /// Runs it until this process is told to end.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut terminated = signal(SignalKind::terminate())?;
            let mut interrupted = signal(SignalKind::interrupt())?;
            let manager = Manager::start(Service {
                command: self.command,
                variables: Vec::new(),
                directory: self.directory,
                keeps_sockets: !self.forgets,
            })?;
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            // It waits for the server's end.
            Ok(tokio::task::spawn_blocking(move || drop(manager)).await?)
        })
    }
}
