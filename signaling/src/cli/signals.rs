//! The signals that a running server hears.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// Those that would otherwise end the process at once.
pub(super) struct Signals {
    terminated: Signal,
    interrupted: Signal,
    hung_up: Signal,
}

impl Signals {
    pub(super) fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
            interrupted: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
            hung_up: signal(SignalKind::hangup()).context("cannot catch SIGHUP")?,
        })
    }

    /// Waits until somebody wants the server to stop.
    pub(super) async fn stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminated.recv() => return,
                _ = self.interrupted.recv() => return,
                // Sent when a terminal closes, and by those who rotate logs.
                _ = self.hung_up.recv() => {
                    info!("SIGHUP changes nothing: settings are read at the start");
                }
            }
        }
    }
}
