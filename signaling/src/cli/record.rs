//! `dinh log`, `dinh backup` and `dinh restore`: the record looked at, copied and put back.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::{complain, print};
use crate::backup::{self, Contents};
use crate::config::Config;
use crate::ids::ConferenceId;
use crate::store::StoreError;
use crate::vault::Archive;

/// Events read at once.
const PAGE: u32 = 1_000;

/// Checks one log, or all, and says of each how far it can be trusted.
pub(super) async fn verify(config: &Config, only: Option<ConferenceId>) -> anyhow::Result<()> {
    let archive = Archive::open(config).await?;
    let mut wrong = 0_usize;
    if let Err(cause) = &archive.signed {
        complain(&cause.to_string());
        wrong += 1;
    }
    let all = match only {
        Some(conference) => vec![conference],
        None => archive.conferences().await?,
    };
    for conference in &all {
        match archive.store.verify(conference).await {
            Ok(head) if head.seq == 0 => {
                complain(&format!("there is no conference {conference}"));
                wrong += 1;
            }
            Ok(head) => print(&format!(
                "{conference}: {} events, whole, {}; head {}",
                head.seq,
                archive.covered(conference),
                head.hash
            ))?,
            Err(StoreError::Broken(fault)) => {
                print(&format!("{fault}; {}", archive.covered(conference)))?;
                wrong += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if let Ok(signed) = &archive.signed {
        print(&format!(
            "signed by the Ed25519 key {} since {}",
            signed.public_key, signed.begun
        ))?;
    }
    anyhow::ensure!(wrong == 0, "not everything is as the server has written it");
    Ok(())
}

/// Prints a log as JSON, one event on each line, up to the first event that cannot be trusted.
pub(super) async fn export(config: &Config, conference: &ConferenceId) -> anyhow::Result<()> {
    let archive = Archive::open(config).await?;
    let damage = match archive.store.verify(conference).await {
        Ok(head) => {
            anyhow::ensure!(head.seq > 0, "there is no conference {conference}");
            None
        }
        Err(StoreError::Broken(fault)) => Some(fault),
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    let mut after = 0;
    loop {
        let page = match archive.store.events_after(conference, after, PAGE).await {
            Ok(page) => page,
            Err(StoreError::Broken(_)) => break,
            Err(error) => return Err(error.into()),
        };
        let Some(last) = page.last() else { break };
        after = last.seq;
        for event in &page {
            let line = serde_json::to_string(event)?;
            writeln!(out, "{line}").context("cannot write to standard output")?;
        }
    }
    if let Ok(signed) = &archive.signed
        && let Some(head) = signed.heads.get(conference)
    {
        let line =
            json!({ "signed": head, "conference": conference, "publicKey": signed.public_key });
        writeln!(out, "{line}").context("cannot write to standard output")?;
    }
    if let Err(cause) = &archive.signed {
        complain(&cause.to_string());
    }
    match damage {
        None => Ok(()),
        Some(fault) => Err(fault.into()),
    }
}

/// Makes a backup.
pub(super) async fn back_up(config: &Config, to: &Path) -> anyhow::Result<()> {
    let contents = backup::make(config, to).await?;
    report(&contents, &format!("are in {}", to.display()))
}

/// Puts a backup back.
pub(super) async fn restore(config: &Config, from: &Path, replace: bool) -> anyhow::Result<()> {
    let contents = backup::restore(config, from, replace).await?;
    report(
        &contents,
        &format!("were restored to {}", config.data_dir.display()),
    )
}

fn report(contents: &Contents, what: &str) -> anyhow::Result<()> {
    let Contents {
        conferences,
        events,
        damaged,
    } = contents;
    for fault in damaged {
        complain(&format!("as it is: {fault}"));
    }
    print(&format!(
        "{conferences} conferences with {events} events {what}"
    ))
}
