//! How those fared that went and came back, and what the others had of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::board::is_publisher;
use super::chapters::Phase;
use super::media;
use super::plan::{Cause, Plan};
use super::site::Visit;
use super::tally::{Measured, Observation};
use crate::measure::{Distribution, rounded};
use crate::report::{Fault, FaultKind, Others};
use crate::scenario::Scenario;

/// Returns by their cause.
type Returns<'a> = BTreeMap<Cause, Vec<(Instant, &'a Visit)>>;

/// One entry for each storm and each restart of the server, one for all churn.
pub(super) fn faults(scenario: &Scenario, plan: &Plan, measured: &Measured) -> Vec<Fault> {
    let mut returns = returns(measured);
    // Also those that took nobody away.
    for number in 0..measured.watched.restarted.len() {
        returns.entry(Cause::Restart(number)).or_default();
    }
    let entry = |(cause, visits): (Cause, Vec<(Instant, &Visit)>)| {
        let mut fault = returned(scenario, measured, cause, &visits);
        let others = match cause {
            Cause::Churn => return fault,
            Cause::Reload(storm) => {
                let constant = measured.constant(plan);
                let constant: Vec<_> = constant.into_iter().map(|(_, one)| one).collect();
                others(measured, &constant, Phase::Storm(storm))
            }
            Cause::Restart(number) => {
                restarted(scenario, measured, number, &mut fault);
                let phase = Phase::Restart(number);
                others(measured, &measured.lived_through(phase), phase)
            }
        };
        fault.others = (others.sites > 0).then_some(others);
        fault
    };
    returns.into_iter().map(entry).collect()
}

/// Of a member that a restart has cut off more than once, the last return.
fn returns(measured: &Measured) -> Returns<'_> {
    let mut all = Returns::new();
    for outcome in &measured.outcomes {
        let mut of_one: BTreeMap<Cause, Vec<(Instant, &Visit)>> = BTreeMap::new();
        for visit in &outcome.visits {
            let Some((cause, went)) = visit.after else {
                continue;
            };
            let visits = of_one.entry(cause).or_default();
            if let Cause::Restart(_) = cause {
                visits.clear();
            }
            visits.push((went, visit));
        }
        for (cause, visits) in of_one {
            all.entry(cause).or_default().extend(visits);
        }
    }
    all
}

/// What is known of a restart of the server beside who went and came back.
fn restarted(scenario: &Scenario, measured: &Measured, number: usize, fault: &mut Fault) {
    fault.how = scenario.restarts.get(number).map(|one| one.how.clone());
    let begin = measured.watched.chapters.steady_since();
    if let (Some(begin), Some(one)) = (begin, measured.watched.restarted.get(number)) {
        let since = one.at.saturating_duration_since(begin);
        fault.at_seconds = rounded(since.as_secs_f64());
        fault.failure.clone_from(&one.failure);
    }
}

fn returned(
    scenario: &Scenario,
    measured: &Measured,
    cause: Cause,
    visits: &[(Instant, &Visit)],
) -> Fault {
    let at_once = cause != Cause::Churn;
    let first = visits.iter().map(|(went, _)| *went).min();
    let mut times: [Distribution; 4] = Default::default();
    let mut last = Duration::ZERO;
    let mut fault = Fault {
        kind: match cause {
            Cause::Reload(_) => FaultKind::Reload,
            Cause::Churn => FaultKind::Churn,
            Cause::Restart(_) => FaultKind::Restart,
        },
        sites: u32::try_from(visits.len()).unwrap_or(u32::MAX),
        ..Fault::default()
    };
    for (went, visit) in visits {
        let (Some(steps), Some(one)) = (visit.steps, measured.observations.get(&visit.id)) else {
            continue;
        };
        let origin = measured.since_epoch(if at_once { *went } else { steps.start });
        let connected = one.connected.map(|at| measured.since_epoch(at));
        // Whoever publishes hears and sees nobody: it is back when it can.
        let (heard, seen) = match is_publisher(visit.id) {
            true => (connected, connected),
            false => (one.observed.first_heard(), one.first_key_frame),
        };
        let reached = [connected, one.first_packet, heard, seen];
        for (distribution, at) in times.iter_mut().zip(reached) {
            if let Some(at) = at {
                distribution.add(at.saturating_sub(origin));
            }
        }
        let back = if scenario.publishes() {
            seen
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
    fault.all_back_seconds = since(first, last).filter(|_| at_once && fault.back > 0);
    let [connected, packet, heard, picture] = times.each_ref().map(Distribution::summary);
    (fault.connected, fault.first_packet) = (connected, packet);
    (fault.heard, fault.first_key_frame) = (heard, picture);
    fault
}

/// Those whom nothing took away, while others were on their way back.
fn others(measured: &Measured, sites: &[&Observation], wanted: Phase) -> Others {
    let chapters = &measured.watched.chapters;
    let numbers = chapters.of(|phase| phase == wanted);
    let part = media::Part {
        chapters: &numbers,
        end: None,
    };
    Others {
        sites: u32::try_from(sites.len()).unwrap_or(u32::MAX),
        seconds: rounded(chapters.span_of(&numbers).as_secs_f64()),
        media: media::media(sites.iter().map(|one| &one.observed), part),
        forward_latency: media::latency(&measured.totals.latencies, &numbers, media::Lines::All),
    }
}
