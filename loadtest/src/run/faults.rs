//! How those fared that went and came back, and what the others had of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::chapters::Phase;
use super::media;
use super::plan::{Cause, Plan};
use super::site::Visit;
use super::tally::Measured;
use crate::measure::{Distribution, rounded};
use crate::report::{Fault, FaultKind, Others};
use crate::scenario::Scenario;

/// One entry for each storm, one for all churn.
pub(super) fn faults(scenario: &Scenario, plan: &Plan, measured: &Measured) -> Vec<Fault> {
    let mut returns: BTreeMap<Cause, Vec<(Instant, &Visit)>> = BTreeMap::new();
    for visit in measured.outcomes.iter().flat_map(|outcome| &outcome.visits) {
        if let Some((cause, went)) = visit.after {
            returns.entry(cause).or_default().push((went, visit));
        }
    }
    let entry = |(cause, visits): (Cause, Vec<(Instant, &Visit)>)| {
        let mut fault = returned(scenario, measured, cause, &visits);
        if let Cause::Reload(storm) = cause {
            fault.others = Some(others(plan, measured, storm));
        }
        fault
    };
    returns.into_iter().map(entry).collect()
}

fn returned(
    scenario: &Scenario,
    measured: &Measured,
    cause: Cause,
    visits: &[(Instant, &Visit)],
) -> Fault {
    let reload = cause != Cause::Churn;
    let first = visits.iter().map(|(went, _)| *went).min();
    let mut times: [Distribution; 3] = Default::default();
    let mut last = Duration::ZERO;
    let mut fault = Fault {
        kind: if reload {
            FaultKind::Reload
        } else {
            FaultKind::Churn
        },
        sites: u32::try_from(visits.len()).unwrap_or(u32::MAX),
        ..Fault::default()
    };
    for (went, visit) in visits {
        let (Some(steps), Some(one)) = (visit.steps, measured.observations.get(&visit.id)) else {
            continue;
        };
        let origin = measured.since_epoch(if reload { *went } else { steps.start });
        let connected = one.connected.map(|at| measured.since_epoch(at));
        let reached = [connected, one.first_packet, one.first_key_frame];
        for (distribution, at) in times.iter_mut().zip(reached) {
            if let Some(at) = at {
                distribution.add(at.saturating_sub(origin));
            }
        }
        let back = if scenario.publishes() {
            one.first_key_frame
        } else {
            connected
        };
        fault.back += u32::from(back.is_some());
        fault.resumed += u32::from(back.is_some() && visit.resumed);
        last = last.max(back.unwrap_or_default());
    }
    let since = |from: Option<Instant>, to: Duration| {
        let from = measured.since_epoch(from?);
        Some(rounded(to.saturating_sub(from).as_secs_f64()))
    };
    let begin = measured.watched.chapters.steady_since();
    let went = first.map_or(Duration::ZERO, |first| measured.since_epoch(first));
    fault.at_seconds = since(begin, went).unwrap_or_default();
    fault.all_back_seconds = since(first, last).filter(|_| reload && fault.back > 0);
    [fault.connected, fault.first_packet, fault.first_key_frame] =
        times.each_ref().map(Distribution::summary);
    fault
}

/// Those who were there all the time, while others were on their way back.
fn others(plan: &Plan, measured: &Measured, storm: usize) -> Others {
    let chapters = &measured.watched.chapters;
    let numbers = chapters.of(|phase| phase == Phase::Storm(storm));
    let sites = measured.constant(plan);
    let part = media::Part {
        chapters: &numbers,
        end: None,
    };
    Others {
        sites: u32::try_from(sites.len()).unwrap_or(u32::MAX),
        seconds: rounded(chapters.span_of(&numbers).as_secs_f64()),
        media: media::media(sites.iter().map(|(_, one)| &one.observed), part),
        forward_latency: media::latency(&measured.totals.latencies, &numbers, media::Lines::All),
    }
}
