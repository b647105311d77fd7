//! What happens to all while they watch: the floor goes round, storms are waited out.

use std::time::{Duration, Instant};

use super::chapters::{Chapter, Phase};
use super::operator::Operator;
use super::site::{Member, Part};

/// Longest wait for those that a storm took; whoever is not back then has failed.
const STORM: Duration = Duration::from_secs(30);
/// After the last is back, until it counts as calm again.
const CALM: Duration = Duration::from_millis(500);

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
        part.board.all_back(number, sites, left.min(STORM)).await;
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(CALM)).await;
        chapters.push(Chapter::new(Phase::Watching, part.fleet.cut().await));
    }
    chapters
}
