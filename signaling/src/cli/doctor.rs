//! `dinh doctor`: what it is asked, and how it answers.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::print;
use crate::config::Config;
use crate::doctor::way::Goal;
use crate::doctor::{Finding, Verdict, measure};

/// What is to be looked at.
#[derive(Debug, Args)]
pub(super) struct Visit {
    /// Look at the way from here to this server instead, like https://hop.example.vn.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// A media port of that server, to be reached by TCP; several are several options.
    #[arg(
        long,
        value_name = "PORT",
        default_value = "7910",
        requires = "against"
    )]
    media_port: Vec<u16>,
    /// A file with the certificate of an authority of one's own (PEM), to be trusted there.
    #[arg(long, value_name = "FILE", requires = "against")]
    ca: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what came of it. Fails if something is bad.
pub(super) async fn run(config: &Config, visit: Visit) -> anyhow::Result<()> {
    let findings = match visit.against {
        Some(url) => {
            Goal::new(&url, visit.media_port, visit.ca.as_deref())?
                .reach()
                .await
        }
        None => {
            let config = config.clone();
            let measuring = tokio::task::spawn_blocking(move || measure::machine(&config));
            measuring.await.context("cannot measure")?
        }
    };
    if visit.json {
        print(&serde_json::to_string_pretty(&findings).context("cannot print")?)?;
    } else {
        let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
        print(&lines.join("\n"))?;
    }
    let bad = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Bad);
    let bad: Vec<_> = bad.map(|finding| finding.step).collect();
    anyhow::ensure!(
        bad.is_empty(),
        "a conference will not work: {}",
        bad.join(", ")
    );
    Ok(())
}
