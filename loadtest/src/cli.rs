//! The command line.

mod run;

use clap::{Parser, Subcommand};

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
}
