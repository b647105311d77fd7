//! The command line: what `dinh` can be told, and doing it.

mod admin;
mod doctor;
mod handbook;
mod logging;
mod ports;
mod record;
mod signals;
mod sites;
mod tokens;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing::{error, info, warn};

use crate::access::AccessLog;
use crate::config::{self, Config, ConfigError};
use crate::data_dir::CONTROL;
use crate::ids::ConferenceId;
use crate::reload::{Outcome, Reloader};
use crate::server::Server;
use crate::sockets::Sockets;
use crate::tls::Root;
use crate::{control, demo, descriptors, rest, supervisor, tls, vault};
use admin::AdminVerb;
use signals::{Signals, Wish};
use sites::SitesVerb;
use tokens::TokenVerb;

/// Exit code for a configuration that cannot be used (sysexits.h, `EX_CONFIG`).
const EX_CONFIG: u8 = 78;

/// Conferences that link a central hall with thousands of sites.
#[derive(Debug, Parser)]
#[command(name = "dinh", version, about)]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, short, env = "DINH_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Configured(Verb),
    #[command(flatten)]
    Bare(BareVerb),
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server.
    Serve {
        /// Import the sites of Viet Nam, run a demo conference and print links into it.
        #[arg(long)]
        demo: bool,
    },
    /// Make, list and take back tokens.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Make accounts for administrators, and links with which people set a password.
    #[command(subcommand)]
    Admin(AdminVerb),
    /// Manage the list of sites.
    #[command(subcommand)]
    Sites(SitesVerb),
    /// Check and copy the record of conferences.
    #[command(subcommand)]
    Log(LogVerb),
    /// Copy everything that is kept into one file, also while the server runs. Whoever has the file
    /// can make tokens.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
    /// Put a backup into the data directory, while no server runs.
    Restore {
        /// The file.
        file: PathBuf,
        /// Move what is there into a directory beside it first.
        #[arg(long)]
        replace: bool,
    },
    /// TLS of this server.
    #[command(subcommand)]
    Tls(TlsVerb),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Have the running server read its settings again, and say what has changed.
    Reload,
    /// Say whether this machine, or the way from here to a server, is what a conference needs.
    Doctor(doctor::Visit),
    /// Print what a firewall must let through.
    Ports,
}

/// What has nothing to do with the configuration, and is done where that is wrong.
#[derive(Debug, Subcommand)]
enum BareVerb {
    /// Print the description of the REST interface.
    Openapi,
    /// Print what completes these commands in a shell.
    Completions {
        /// Which.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands.
    Man {
        /// Where to write them; made if it is missing.
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum LogVerb {
    /// Say of one conference, or of all, whether its log is as the server has written and signed it.
    Verify {
        /// Which.
        conference: Option<ConferenceId>,
    },
    /// Print a log as JSON lines with their hashes, up to the first event that cannot be trusted.
    Export {
        /// Which.
        conference: ConferenceId,
    },
}

#[derive(Debug, Subcommand)]
enum TlsVerb {
    /// Print the root of the server's own authority (PEM), and its fingerprint on standard error.
    Root,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print the configuration that is in effect, or what is wrong with it.
    Check,
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Bare(verb) => run_bare(verb),
        Command::Configured(verb) => match config::load(cli.config.as_deref()) {
            Ok(config) => run_with(config, cli.config, verb).await,
            Err(error) => return refuse(&error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run_bare(verb: BareVerb) -> anyhow::Result<()> {
    match verb {
        BareVerb::Openapi => openapi(),
        BareVerb::Completions { shell } => handbook::completions(shell),
        BareVerb::Man { directory } => handbook::man(directory.as_deref()),
    }
}

async fn run_with(config: Config, file: Option<PathBuf>, verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Serve { demo } => serve(config, file, demo).await,
        Verb::Token(verb) => tokens::run(&config, verb).await,
        Verb::Admin(verb) => admin::run(&config, verb).await,
        Verb::Sites(verb) => sites::run(&config, verb).await,
        Verb::Log(LogVerb::Verify { conference }) => record::verify(&config, conference).await,
        Verb::Log(LogVerb::Export { conference }) => record::export(&config, &conference).await,
        Verb::Backup { file } => record::back_up(&config, &file).await,
        Verb::Restore { file, replace } => record::restore(&config, &file, replace).await,
        Verb::Tls(TlsVerb::Root) => tls_root(&config),
        Verb::Config(ConfigVerb::Check) => check(&config),
        Verb::Reload => reload(&config).await,
        Verb::Doctor(visit) => doctor::run(&config, visit).await,
        Verb::Ports => print(&ports::rules(&config)),
    }
}

fn refuse(error: &ConfigError) -> ExitCode {
    complain(&error.to_string());
    ExitCode::from(EX_CONFIG)
}

/// One line on standard error for each problem. That it cannot be written, nobody can be told.
fn complain(problem: &str) {
    for line in problem.lines() {
        let _ = writeln!(std::io::stderr(), "dinh: {line}");
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", text.trim_end()).context("cannot write to standard output")
}

fn warn_of_keys(config: &Config) {
    for problem in config.guessable_keys() {
        error!("{problem}");
    }
}

fn warn_of_variables() {
    for variable in config::load::foreign_variables() {
        warn!(variable, "not a setting of this server: ignored");
    }
}

async fn serve(config: Config, file: Option<PathBuf>, with_demo: bool) -> anyhow::Result<()> {
    let log = logging::start(&config)?;
    warn_of_keys(&config);
    warn_of_variables();
    descriptors::raise_limit(&config);
    let mut signals = Signals::catch()?;
    let socket = config.data_dir.join(CONTROL);
    let sockets = Sockets::of_service_manager();
    let server = Server::start_on_sockets(config, sockets).await?;
    let mut reloader = Reloader::new(server.app().clone(), file).with(Box::new(log));
    if let Some(tls) = server.app().tls.clone() {
        let clock = server.app().clock.clone();
        reloader = reloader.with(Box::new(tls::Watched { tls, clock }));
    }
    let reloader = Arc::new(reloader);
    let orders = control::serve(socket, Arc::clone(&reloader));
    // Not before: whoever waits for it may send an order at once.
    AccessLog::server("started");
    if with_demo {
        let links = demo::prepare(&server)
            .await
            .context("cannot prepare the demo")?;
        print(&links.to_string())?;
    }
    invite_administrator(&server, with_demo).await?;
    let reporting = tokio::spawn(supervisor::report(server.app().clone()));
    let is_taken_over = stay(&server, &mut signals, &reloader).await;
    drop(orders);
    tokio::select! {
        () = server.stop() => {}
        () = signals.stop() => complain("stopped at once, by a second signal"),
    }
    reporting.abort();
    anyhow::ensure!(
        !is_taken_over,
        "another dinh has taken the database while it could not be reached: stopped"
    );
    Ok(())
}

/// Says how the first account is made, while there is none that may make others.
async fn invite_administrator(server: &Server, with_demo: bool) -> anyhow::Result<()> {
    if server.app().store.has_administrator().await? {
        return Ok(());
    }
    if with_demo {
        return print(&format!("Office    {}", server.first_welcome().await?));
    }
    info!("nobody manages accounts yet: `dinh admin create LOGIN` prints a link for who will");
    Ok(())
}

/// Until it is to stop; whether another process has taken its database.
async fn stay(server: &Server, signals: &mut Signals, reloader: &Reloader) -> bool {
    let store = server.app().store.clone();
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Reload => drop(reloader.reload("SIGHUP").await),
                Wish::Stop => return false,
            },
            () = store.taken_over() => return true,
        }
    }
}

/// Exits with failure unless the settings were read.
async fn reload(config: &Config) -> anyhow::Result<()> {
    let directory = vault::existing(config)?;
    anyhow::ensure!(
        directory.is_in_use(),
        "no server runs on {}: there is nothing to reload, and a start reads everything",
        directory.path().display()
    );
    let outcome: Outcome = control::ask(&directory.file(CONTROL)).await?;
    anyhow::ensure!(outcome.is_done(), "{outcome}");
    print(&outcome.to_string())
}

fn tls_root(config: &Config) -> anyhow::Result<()> {
    let root = Root::load(&vault::existing(config)?)?;
    complain(&format!("SHA-256 {}", root.fingerprint()));
    print(root.pem())
}

fn check(config: &Config) -> anyhow::Result<()> {
    let guessable = config.guessable_keys();
    let problems: Vec<_> = guessable.iter().map(ToString::to_string).collect();
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
    print(&toml::to_string(config).context("cannot print the configuration")?)
}

fn openapi() -> anyhow::Result<()> {
    print(
        &rest::description()
            .to_pretty_json()
            .context("cannot print the description")?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
