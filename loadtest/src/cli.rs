//! The command line.

mod compare;
mod keep;
mod run;

use clap::{Parser, Subcommand};

pub(crate) use compare::Compare;
pub(crate) use keep::Keep;
pub(crate) use run::Run;

/// Simulated sites for Dinh and for any WHIP/WHEP server.
#[derive(Debug, Parser)]
#[command(name = "dinh-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let sites join and watch, and report how they fared.
    ///
    /// Exit code: 0 all thresholds kept, 1 one missed, 2 wrong usage, 3 the run could not be made.
    Run(Box<Run>),
    /// Set two reports side by side.
    ///
    /// Exit code: 0, or 1 with --fail-on-regression when a figure is worse than that; 2 wrong usage
    /// or not two reports that can be compared.
    Compare(Compare),
    /// Run a server as a service manager does: start it again whenever it ends, and hand the next
    /// process the sockets of the former. Ends with SIGTERM, and the server with it.
    Keep(Keep),
}
