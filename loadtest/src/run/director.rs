//! What happens to all while they watch: the floor goes round, the server is restarted, storms are
//! waited out.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::chapters::{Chapter, Phase};
use super::operator::Operator;
use super::plan::Cause;
use super::site::{Member, Part};

/// Longest wait for those that a storm took; whoever is not back then has failed.
const STORM: Duration = Duration::from_secs(30);
/// After the last is back, until it counts as calm again.
const CALM: Duration = Duration::from_millis(500);

/// After a restart, until everybody knows that its session has ended.
const NOTICED: Duration = Duration::from_secs(1);

/// A hand-over as it was commanded.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    pub(super) site: u32,
    /// The speaker's number in the marks.
    pub(super) sender: u16,
    pub(super) command: Instant,
    /// When the server consented.
    pub(super) granted: Option<Instant>,
    pub(super) failure: Option<String>,
}

/// Hands the floor over as the plan says.
pub(super) async fn hand_over(
    part: &Part,
    operator: Option<&Operator>,
    begin: Instant,
) -> Vec<Handed> {
    let mut all = Vec::new();
    let (Some(floor), Some(operator)) = (part.scenario.floor, operator) else {
        return all;
    };
    for (number, &site) in (0_u32..).zip(&part.plan.speakers) {
        tokio::time::sleep_until((begin + floor.first + floor.every * number).into()).await;
        let sender = Member::Site(site).sender();
        // Before the command: the first keyframe must not be missed.
        part.fleet.await_key_frame(sender).await;
        let command = Instant::now();
        let result = match part.board.participant(site) {
            Some(participant) => operator.grant(participant).await,
            None => Err("it had not joined".to_owned()),
        };
        all.push(Handed {
            site,
            sender,
            command,
            granted: result.is_ok().then(Instant::now),
            failure: result.err(),
        });
    }
    all
}

/// Keeps the chapters: each storm has one of its own, from its beginning until all are back.
pub(super) async fn storms(part: &Part, begin: Instant) -> Vec<Chapter> {
    let mut chapters = Vec::new();
    let storms = part.scenario.reloads.iter().enumerate();
    let mut storms: Vec<_> = storms.collect();
    storms.sort_by_key(|(_, storm)| storm.at);
    for (number, storm) in storms {
        tokio::time::sleep_until((begin + storm.at).into()).await;
        let cut = part.fleet.cut().await;
        chapters.push(Chapter::new(Phase::Storm(number), cut));
        let end = begin + part.scenario.duration;
        let left = end.saturating_duration_since(Instant::now());
        let sites = part.plan.taken_by(number);
        let cause = Cause::Reload(number);
        part.board.all_back(cause, sites, left.min(STORM)).await;
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(CALM)).await;
        chapters.push(Chapter::new(Phase::Watching, part.fleet.cut().await));
    }
    chapters
}

/// A restart of the server as it was commanded.
#[derive(Clone, Debug)]
pub(super) struct Restarted {
    /// When the program was run.
    pub(super) at: Instant,
    /// Why it came to nothing, if it did.
    pub(super) failure: Option<String>,
}

/// Has the server restarted as the scenario says. Each time has a chapter of its own, until all are
/// back.
pub(super) async fn restarts(part: &Part, begin: Instant) -> (Vec<Chapter>, Vec<Restarted>) {
    let (mut chapters, mut all) = (Vec::new(), Vec::new());
    for (number, restart) in part.scenario.restarts.iter().enumerate() {
        tokio::time::sleep_until((begin + restart.at).into()).await;
        let at = part.fleet.cut().await;
        chapters.push(Chapter::new(Phase::Restart(number), at));
        part.board.restarts(number, at);
        let failure = run(part.scenario.restart_with.clone(), restart.how.clone()).await;
        all.push(Restarted {
            at,
            failure: failure.err(),
        });
        tokio::time::sleep_until((at + NOTICED).into()).await;
        let left = (begin + part.scenario.duration).saturating_duration_since(Instant::now());
        let cause = Cause::Restart(number);
        part.board.nobody_away(cause, left.min(STORM)).await;
        tokio::time::sleep(left.min(CALM)).await;
        chapters.push(Chapter::new(Phase::Watching, part.fleet.cut().await));
    }
    (chapters, all)
}

/// Runs the program that restarts the server, to its end.
async fn run(program: Option<PathBuf>, how: String) -> Result<(), String> {
    let program = program.ok_or_else(|| "there is no program for it".to_owned())?;
    let name = program.display().to_string();
    let run = move || Command::new(program).arg(how).stdin(Stdio::null()).output();
    let output = tokio::task::spawn_blocking(run).await;
    let output = output.map_err(|_| format!("{name} was not waited for"))?;
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}: {}", output.status, said.trim()))
}
