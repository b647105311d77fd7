//! How fast the floor changed hands, site by site.

use std::time::Duration;

use super::director::Handed;
use super::plan::Plan;
use super::tally::{Measured, Observation};
use crate::measure::Distribution;
use crate::report::{Floor, HandOver};
use crate::scenario::{Scenario, Target};

/// `None` when the floor was not to change hands.
pub(super) fn floor(scenario: &Scenario, plan: &Plan, measured: &Measured) -> Option<Floor> {
    scenario.floor?;
    let sites = measured.constant(plan);
    let handed = &measured.watched.handed;
    let mut all = Distribution::default();
    let mut floor = Floor::default();
    for (number, one) in handed.iter().enumerate() {
        let next = handed.get(number + 1).map(|next| next.command);
        let until = next.map_or(Duration::MAX, |next| measured.since_epoch(next));
        let switch = Switch {
            begin: measured.since_epoch(one.command),
            until,
            sender: one.sender,
        };
        let audience = sites.iter().filter(|(site, _)| *site != one.site);
        let mut entry = entry(scenario, measured, one);
        let mut latency = Distribution::default();
        for (_, observation) in audience {
            entry.sites += 1;
            match switch.seen_by(observation) {
                Some(after) => latency.add(after),
                None => entry.missed += 1,
            }
        }
        entry.latency = latency.summary();
        floor.missed += entry.missed;
        all.merge(&latency);
        floor.hand_overs.push(entry);
    }
    floor.latency = all.summary();
    let strangers = measured
        .sites()
        .filter(|(_, one)| one.counts.unknown_stream > 0);
    let strangers: std::collections::BTreeSet<u32> = strangers.map(|(id, _)| id.member).collect();
    floor.renegotiated = u32::try_from(strangers.len()).unwrap_or(u32::MAX);
    Some(floor)
}

/// One hand-over, counted as arrivals are.
struct Switch {
    begin: Duration,
    until: Duration,
    sender: u16,
}

impl Switch {
    /// How long after the command a site had the new speaker's first keyframe.
    fn seen_by(&self, site: &Observation) -> Option<Duration> {
        let mut seen = site.key_frames.iter();
        let (_, at) = seen
            .find(|(sender, at)| *sender == self.sender && (self.begin..self.until).contains(at))?;
        Some(at.saturating_sub(self.begin))
    }
}

fn entry(scenario: &Scenario, measured: &Measured, one: &Handed) -> HandOver {
    let ms = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
    let begin = measured.watched.chapters.steady_since();
    let told = measured
        .told
        .iter()
        .find(|(site, at)| *site == one.site && *at >= one.command);
    let after = |at: std::time::Instant| ms(at.saturating_duration_since(one.command));
    let code = match &scenario.target {
        Target::Conference { roster, .. } => {
            roster.get(one.site as usize % roster.len().max(1)).cloned()
        }
        Target::Web { .. } => None,
    };
    HandOver {
        at_seconds: begin.map_or(0.0, |begin| {
            ms(one.command.saturating_duration_since(begin)) / 1e3
        }),
        site: code.unwrap_or_default(),
        failure: one.failure.clone(),
        granted_ms: one.granted.map(after),
        told_ms: told.map(|(_, at)| after(*at)),
        ..HandOver::default()
    }
}
