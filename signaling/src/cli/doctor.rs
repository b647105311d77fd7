//! `dinh doctor`: what it is asked, and how it answers.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::print;
use crate::check::Cause;
use crate::config::Config;
use crate::doctor::way::Goal;
use crate::doctor::{Finding, Verdict, culprit, measure, ntp};

/// What is to be looked at.
#[derive(Debug, Args)]
pub(super) struct Visit {
    /// Look at the way from here to this server instead, like https://hop.example.vn.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// A file with the certificate of an authority of one's own (PEM), to be trusted there.
    #[arg(long, value_name = "FILE", requires = "against")]
    ca: Option<PathBuf>,
    /// A time server, to look whether this machine's clock is right.
    #[arg(long, value_name = "HOST")]
    ntp: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// What programs are told.
#[derive(Serialize)]
struct Report<'a> {
    /// What is in the way, of several the worst.
    cause: Option<Cause>,
    /// Its letter and digit.
    code: Option<&'static str>,
    findings: &'a [Finding],
}

/// Looks, and prints what came of it. Fails if something is bad.
pub(super) async fn run(config: &Config, visit: Visit) -> anyhow::Result<()> {
    let mut findings = match visit.against {
        Some(url) => Goal::new(&url, visit.ca.as_deref())?.reach().await,
        None => {
            let here = config.clone();
            let measuring = tokio::task::spawn_blocking(move || measure::machine(&here));
            let mut findings = measuring.await.context("cannot measure")?;
            findings.extend(measure::providers(config).await);
            findings
        }
    };
    if let Some(server) = &visit.ntp {
        findings.push(ntp::clock(server).await);
    }
    let culprit = culprit(&findings);
    if visit.json {
        let report = Report {
            cause: culprit,
            code: culprit.map(Cause::code),
            findings: &findings,
        };
        print(&serde_json::to_string_pretty(&report).context("cannot print")?)?;
    } else {
        let mut lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
        lines.extend(culprit.map(|cause| format!("code {}", cause.code())));
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
