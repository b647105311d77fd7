//! The signals that a running server hears.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those that would otherwise end the process at once.
pub(super) struct Signals {
    terminated: Signal,
    interrupted: Signal,
    hung_up: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    Stop,
    Reload,
}

impl Signals {
    pub(super) fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate()).context("cannot catch SIGTERM")?,
            interrupted: signal(SignalKind::interrupt()).context("cannot catch SIGINT")?,
            hung_up: signal(SignalKind::hangup()).context("cannot catch SIGHUP")?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminated.recv() => Wish::Stop,
            _ = self.interrupted.recv() => Wish::Stop,
            // Also sent when a terminal closes, and by those who rotate logs: then nothing has changed.
            _ = self.hung_up.recv() => Wish::Reload,
        }
    }

    /// Waits until somebody wants the server to stop.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}
