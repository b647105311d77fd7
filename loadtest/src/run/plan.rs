//! Who does what and when: drawn before the run from the scenario's seed, so that the same seed
//! gives the same run.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::scenario::Scenario;

/// Stirred into the seed, so that the plan does not repeat what endpoints draw.
const SALT: u64 = 0x706c_616e;
/// Before the end nobody leaves who could not be back by then and seen for a while.
const BACK_BEFORE_END: Duration = Duration::from_secs(5);
/// How long a site that came back is left alone.
const REST: Duration = Duration::from_secs(5);
/// How often a site is drawn for churn until one is found that has time.
const DRAWS: u32 = 20;

/// Why a site goes away.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Cause {
    /// The reload storm with this number.
    Reload(usize),
    /// Churn.
    Churn,
    /// The server went, for this restart: nobody plans that.
    Restart(usize),
}

/// One going away and coming back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Outing {
    pub(super) cause: Cause,
    /// Since all watch.
    pub(super) at: Duration,
    pub(super) away: Duration,
}

/// What one site does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct SitePlan {
    /// In order of time; one is over before the next begins.
    pub(super) outings: Vec<Outing>,
    /// Which of the scenario's lines it has.
    pub(super) line: Option<usize>,
}

/// What all sites do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Plan {
    pub(super) sites: Vec<SitePlan>,
    /// Who gets the floor, hand-over by hand-over.
    pub(super) speakers: Vec<u32>,
}

impl Plan {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut rng = SmallRng::seed_from_u64(scenario.seed ^ SALT);
        let mut plan = Self {
            sites: vec![SitePlan::default(); scenario.sites as usize],
            speakers: Vec::new(),
        };
        let mut all: Vec<u32> = (0..scenario.sites).collect();
        all.shuffle(&mut rng);
        plan.draw_lines(scenario, &all);
        plan.draw_speakers(scenario, &all);
        plan.draw_storms(scenario, &mut rng);
        plan.draw_churn(scenario, &mut rng);
        for site in &mut plan.sites {
            site.outings.sort_by_key(|outing| outing.at);
        }
        plan
    }

    /// How many sites a reload storm takes.
    pub(super) fn taken_by(&self, storm: usize) -> u32 {
        let outings = self.sites.iter().flat_map(|site| &site.outings);
        let taken = outings.filter(|outing| outing.cause == Cause::Reload(storm));
        u32::try_from(taken.count()).unwrap_or(u32::MAX)
    }

    /// What a site does.
    pub(super) fn site(&self, number: u32) -> Option<&SitePlan> {
        self.sites.get(number as usize)
    }

    fn draw_lines(&mut self, scenario: &Scenario, order: &[u32]) {
        let mut order = order.iter();
        for (line, profile) in scenario.lines.iter().enumerate() {
            let count = (f64::from(scenario.sites) * profile.share).round() as usize;
            for &number in order.by_ref().take(count) {
                if let Some(site) = self.sites.get_mut(number as usize) {
                    site.line = Some(line);
                }
            }
        }
    }

    /// Sites with good lines, as far as there are any: the switch is measured, not the speaker.
    fn draw_speakers(&mut self, scenario: &Scenario, order: &[u32]) {
        let Some(floor) = &scenario.floor else {
            return;
        };
        let has_line = |&number: &u32| self.site(number).is_some_and(|site| site.line.is_some());
        let (bad, good): (Vec<u32>, Vec<u32>) = order.iter().partition(|number| has_line(number));
        let mut turns = good.into_iter().chain(bad).cycle();
        self.speakers = turns.by_ref().take(floor.count as usize).collect();
    }

    /// Speakers reload only where everybody must.
    fn draw_storms(&mut self, scenario: &Scenario, rng: &mut SmallRng) {
        for (number, storm) in scenario.reloads.iter().enumerate() {
            let mut order: Vec<u32> = (0..scenario.sites).collect();
            order.shuffle(rng);
            order.sort_by_key(|site| self.speakers.contains(site));
            let outing = Outing {
                cause: Cause::Reload(number),
                at: storm.at,
                away: storm.away,
            };
            for site in order.into_iter().take(storm.sites as usize) {
                self.add(site, outing);
            }
        }
    }

    fn draw_churn(&mut self, scenario: &Scenario, rng: &mut SmallRng) {
        let Some(churn) = &scenario.churn else {
            return;
        };
        let rate = churn.per_minute * f64::from(scenario.sites) / 60.0;
        if rate <= 0.0 {
            return;
        }
        let step = Duration::from_secs_f64(1.0 / rate);
        let end = scenario
            .duration
            .saturating_sub(churn.away + BACK_BEFORE_END);
        let mut at = step;
        while at < end {
            let outing = Outing {
                cause: Cause::Churn,
                at,
                away: churn.away,
            };
            let mut draws = (0..DRAWS).map(|_| rng.random_range(0..scenario.sites));
            let found =
                draws.find(|site| !self.speakers.contains(site) && self.has_time(*site, outing));
            if let Some(site) = found {
                self.add(site, outing);
            }
            at += step;
        }
    }

    fn has_time(&self, site: u32, wanted: Outing) -> bool {
        let end = |outing: Outing| outing.at + outing.away + REST;
        self.site(site).is_some_and(|site| {
            let mut outings = site.outings.iter();
            outings.all(|&other| end(other) <= wanted.at || end(wanted) <= other.at)
        })
    }

    fn add(&mut self, site: u32, outing: Outing) {
        if let Some(site) = self.sites.get_mut(site as usize) {
            site.outings.push(outing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Link;
    use crate::scenario::{Churn, HandOvers, LineProfile, ReloadStorm, Target};

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn scenario() -> Scenario {
        let target = Target::Web {
            whip: None,
            whep: None,
        };
        let mut scenario = Scenario::new(target, 200, secs(120));
        scenario.floor = Some(HandOvers {
            first: secs(5),
            every: secs(5),
            count: 10,
        });
        scenario.reloads = vec![ReloadStorm {
            at: secs(30),
            sites: 100,
            away: secs(1),
        }];
        scenario.churn = Some(Churn {
            per_minute: 0.3,
            away: secs(10),
        });
        scenario.lines = vec![LineProfile {
            name: "weak".to_owned(),
            share: 0.25,
            link: Link::default(),
        }];
        scenario
    }

    #[test]
    fn the_same_seed_draws_the_same_plan_and_another_does_not() {
        let mut scenario = scenario();
        let plan = Plan::new(&scenario);
        assert_eq!(plan, Plan::new(&scenario));
        scenario.seed += 1;
        assert_ne!(plan, Plan::new(&scenario));
    }

    #[test]
    fn as_many_as_asked_for_reload_churn_speak_and_have_bad_lines() {
        let plan = Plan::new(&scenario());
        let count = |cause| {
            let outings = plan.sites.iter().flat_map(|site| &site.outings);
            outings.filter(|outing| outing.cause == cause).count()
        };
        assert_eq!(count(Cause::Reload(0)), 100);
        // 30 % of 200 sites a minute, for 105 s: one a second.
        assert!(
            (95..=105).contains(&count(Cause::Churn)),
            "{}",
            count(Cause::Churn)
        );
        let weak = plan.sites.iter().filter(|site| site.line == Some(0));
        assert_eq!(weak.count(), 50);
        let speakers: std::collections::BTreeSet<u32> = plan.speakers.iter().copied().collect();
        assert_eq!(speakers.len(), 10);
    }

    #[test]
    fn speakers_stay_and_have_good_lines_and_nobody_is_away_twice_at_once() {
        let plan = Plan::new(&scenario());
        for speaker in &plan.speakers {
            assert_eq!(plan.site(*speaker), Some(&SitePlan::default()));
        }
        for site in &plan.sites {
            for pair in site.outings.windows(2) {
                assert!(pair[0].at + pair[0].away < pair[1].at, "{pair:?}");
            }
        }
    }

    #[test]
    fn a_storm_of_everybody_takes_the_speakers_too() {
        let mut scenario = scenario();
        scenario.reloads[0].sites = 200;
        let plan = Plan::new(&scenario);
        assert!(plan.sites.iter().all(|site| !site.outings.is_empty()));
    }
}
