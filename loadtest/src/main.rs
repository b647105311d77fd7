//! `dinh-loadtest`: the command line around the library.

mod cli;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

/// All thresholds were kept.
const GOOD: u8 = 0;
/// The run was made and a threshold was missed, or a comparison found a regression.
const MISSED: u8 = 1;
/// The command line or a file it names is wrong; clap uses the same.
const USAGE: u8 = 2;
/// The run could not be made: the server is not there, or nobody can publish.
const IMPOSSIBLE: u8 = 3;

fn main() -> ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Run(arguments) => run(*arguments),
        cli::Command::Keep(arguments) => match arguments.run() {
            Err(error) => fail(IMPOSSIBLE, &error),
            Ok(()) => ExitCode::SUCCESS,
        },
        cli::Command::Compare(arguments) => match arguments.run() {
            Err(error) => fail(USAGE, &error),
            Ok(compared) => {
                print(&compared.text);
                ExitCode::from(if compared.good { GOOD } else { MISSED })
            }
        },
    }
}

fn run(arguments: cli::Run) -> ExitCode {
    let (report, quiet) = (arguments.report.clone(), arguments.quiet);
    if arguments.insecure {
        warn("--insecure: every certificate is believed, whoever shows it");
    }
    let scenario = match arguments.into_scenario() {
        Ok(scenario) => scenario,
        Err(error) => return fail(USAGE, &error),
    };
    // Thousands of sockets need thousands of descriptors; without the right to more, fewer sites
    // fit, and their failures say so.
    let _ = rlimit::increase_nofile_limit(1 << 20);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(IMPOSSIBLE, &error.into()),
    };
    let outcome = runtime.block_on(async {
        let (sender, changes) = tokio::sync::watch::channel(loadtest::Progress::default());
        let shown = tokio::spawn(progress::show(changes, quiet));
        let outcome = loadtest::run_with_progress(scenario, sender).await;
        // The bar ends when the sender is gone, which it is by now.
        let _ = shown.await;
        outcome
    });
    match outcome {
        Err(error) => fail(IMPOSSIBLE, &error.into()),
        Ok(result) => match result.write(&report) {
            Err(error) => {
                let directory = report.display();
                let error = anyhow::Error::new(error).context(format!("cannot write {directory}"));
                fail(IMPOSSIBLE, &error)
            }
            Ok(written) => {
                print(&format!(
                    "{}\nreport    {}\n          {}\n",
                    result.summary(),
                    written.html.display(),
                    written.json.display()
                ));
                ExitCode::from(if result.is_good() { GOOD } else { MISSED })
            }
        },
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the summary is what the program is for"
)]
fn print(text: &str) {
    print!("{text}");
}

#[expect(
    clippy::print_stderr,
    reason = "warnings go where they do not disturb the summary"
)]
fn warn(text: &str) {
    eprintln!("dinh-loadtest: {text}");
}

#[expect(
    clippy::print_stderr,
    reason = "errors go where the shell expects them"
)]
fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    eprintln!("dinh-loadtest: {error:#}");
    ExitCode::from(code)
}
