//! One participant that does its worst while the others watch: with a site's token, over the ways
//! that every site has, as often and as much as it can.

mod sdp;
mod visit;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::chapters::{Chapter, Phase};
use super::site::Part;
use super::tally::Measured;
use super::{media, plan::Plan};
use crate::measure::rounded;
use crate::process::Reading;
use crate::report::{HostileEntry, Others};
use crate::scenario::{HostileKind, Scenario};
use visit::Visit;

/// Between two attempts to come in, so that refusals are not all that is measured.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a visit begins anew, if it is to.
const REJOIN_EVERY: Duration = Duration::from_secs(2);

/// What it did.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    /// Of each kind, how much was sent.
    pub(super) sent: BTreeMap<&'static str, u64>,
    /// How often it came in.
    pub(super) visits: u32,
    /// How often it was turned away or thrown out, by reason.
    pub(super) refused: BTreeMap<String, u32>,
}

impl Deeds {
    pub(super) fn count(&mut self, kind: HostileKind, many: u64) {
        *self.sent.entry(kind.name()).or_default() += many;
    }
}

/// What it did, and what the server used before and meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Attack {
    pub(super) deeds: Deeds,
    pub(super) before: [Option<Reading>; 2],
    pub(super) meanwhile: [Option<Reading>; 2],
}

/// Lets all watch in peace for a while and then beside the hostile participant, until the end. Its
/// time is a chapter of its own.
pub(super) async fn attack(part: &Part, begin: Instant) -> Option<(Attack, Chapter)> {
    let hostile = part.scenario.hostile.as_ref()?;
    let reading = || part.scenario.server_pid.and_then(Reading::of);
    let first = reading();
    tokio::time::sleep_until((begin + hostile.after).into()).await;
    let cut = part.fleet.cut().await;
    let second = reading();
    let stop = CancellationToken::new();
    let end = begin + part.scenario.duration;
    let timer = stop.clone();
    let clock = async move {
        tokio::time::sleep_until(end.into()).await;
        timer.cancel();
    };
    let (deeds, ()) = tokio::join!(misbehave(part, &stop), clock);
    let attack = Attack {
        deeds,
        before: [first, second],
        meanwhile: [second, reading()],
    };
    Some((attack, Chapter::new(Phase::Hostile, cut)))
}

/// Comes in again and again, until it is to stop.
async fn misbehave(part: &Part, stop: &CancellationToken) -> Deeds {
    let mut deeds = Deeds::default();
    let rejoins = part
        .scenario
        .hostile
        .as_ref()
        .is_some_and(|hostile| hostile.kinds.contains(&HostileKind::Rejoining));
    let stay = rejoins.then_some(REJOIN_EVERY);
    while !stop.is_cancelled() {
        let ended = tokio::select! {
            ended = visit(part, stay, &mut deeds) => ended,
            () = stop.cancelled() => return deeds,
        };
        if let Err(reason) = ended {
            *deeds.refused.entry(reason).or_default() += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
    deeds
}

/// Comes in, however long the server takes to let it, and stays for so long, if not for good.
async fn visit(part: &Part, stay: Option<Duration>, deeds: &mut Deeds) -> Result<(), String> {
    let mut visit = Visit::begin(part, deeds.visits).await?;
    deeds.visits += 1;
    if deeds.visits > 1 {
        deeds.count(HostileKind::Rejoining, 1);
    }
    let Some(stay) = stay else {
        return visit.misbehave(deeds).await;
    };
    // A stay that is over is none that was ended.
    tokio::time::timeout(stay, visit.misbehave(deeds))
        .await
        .unwrap_or(Ok(()))
}

/// What the others had of it.
pub(super) fn report(
    scenario: &Scenario,
    plan: &Plan,
    measured: &Measured,
) -> Option<HostileEntry> {
    let (hostile, attack) = (
        scenario.hostile.as_ref()?,
        measured.watched.attack.as_ref()?,
    );
    let chapters = &measured.watched.chapters;
    let others = |wanted: Phase| {
        let numbers = chapters.of(|phase| phase == wanted);
        let sites = measured.constant(plan);
        let part = media::Part {
            chapters: &numbers,
            end: None,
        };
        Others {
            sites: u32::try_from(sites.len()).unwrap_or(u32::MAX),
            seconds: rounded(chapters.span_of(&numbers).as_secs_f64()),
            media: media::media(sites.iter().map(|(_, one)| &one.observed), part),
            forward_latency: media::latency(
                &measured.totals.latencies,
                &numbers,
                media::Lines::All,
            ),
        }
    };
    let cores = |[first, last]: [Option<Reading>; 2]| Some(last?.cores_since(&first?));
    let (before, meanwhile) = (cores(attack.before), cores(attack.meanwhile));
    let rise = before.zip(meanwhile).map(|(before, meanwhile)| {
        rounded((meanwhile.total / before.total.max(1e-3) - 1.0) * 100.0)
    });
    let deeds = &attack.deeds;
    Some(HostileEntry {
        kinds: hostile
            .kinds
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        sent: deeds
            .sent
            .iter()
            .map(|(kind, many)| ((*kind).to_owned(), *many))
            .collect(),
        visits: deeds.visits,
        refused: deeds.refused.clone(),
        before: others(Phase::Watching),
        others: others(Phase::Hostile),
        server_cores_before: before,
        server_cores: meanwhile,
        server_rise_percent: rise,
    })
}
