//! `dinh`, the server: everything is in the library.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    signaling::cli::run(signaling::cli::Cli::parse()).await
}
