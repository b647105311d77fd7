//! How many participants hear and see how well.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::protocol::line::Rung;
use crate::score;

/// What a line leaves of the picture.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RungLabel {
    rung: &'static str,
}

/// A score as it is told.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ScoreLabel {
    score: u32,
}

/// The lines of a conference, or of all, counted by rung and by score.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineFigures {
    rungs: [i64; Rung::COUNT],
    scores: [i64; score::STEPS],
}

impl LineFigures {
    /// Counts a line with its score, if there is one.
    pub fn add(&mut self, line: Option<(Rung, u8)>) {
        self.count(line, 1);
    }

    /// Counts a line no more that was counted before.
    pub fn remove(&mut self, line: Option<(Rung, u8)>) {
        self.count(line, -1);
    }

    fn count(&mut self, line: Option<(Rung, u8)>, by: i64) {
        let Some((rung, score)) = line else { return };
        let step = usize::from(score / score::STEP);
        let counts = (self.rungs.get_mut(rung as usize), self.scores.get_mut(step));
        if let (Some(rungs), Some(scores)) = counts {
            *rungs += by;
            *scores += by;
        }
    }
}

/// The gauges.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rungs: Family<RungLabel, Gauge>,
    scores: Family<ScoreLabel, Gauge>,
}

impl Lines {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "participants_by_rung",
            "Participants that receive, by what their line leaves of the picture",
            self.rungs.clone(),
        );
        registry.register(
            "participants_by_score",
            "Participants that receive, by how well they hear and see, from 0 to 100 in steps of ten",
            self.scores.clone(),
        );
        self.change(&LineFigures::default(), &LineFigures::default());
    }

    /// Of what is counted here `before` is replaced by `now`.
    pub(super) fn change(&self, now: &LineFigures, before: &LineFigures) {
        let rungs = Rung::ALL.iter().zip(now.rungs.iter().zip(before.rungs));
        for (rung, (now, before)) in rungs {
            let rung = rung.label();
            let gauge = self.rungs.get_or_create(&RungLabel { rung });
            gauge.inc_by(now - before);
        }
        let scores = (0..).zip(now.scores.iter().zip(before.scores));
        for (step, (now, before)) in scores {
            let score = step * u32::from(score::STEP);
            let gauge = self.scores.get_or_create(&ScoreLabel { score });
            gauge.inc_by(now - before);
        }
    }
}
