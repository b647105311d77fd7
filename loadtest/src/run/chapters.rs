//! The chapters of a run: while sites come, while all watch, while they leave.

use std::time::{Duration, Instant};

/// What a chapter is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Sites come.
    Joining,
    /// All watch.
    Watching,
    /// All watch but those that the storm with this number took.
    Storm(usize),
    /// The server was restarted for this time, by number, and not all are back.
    Restart(usize),
    /// All watch beside a hostile participant.
    Hostile,
    /// Nothing is measured any more but what is repaired late.
    Leaving,
}

/// A chapter, by its place in the run: the fleet counts them alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chapter {
    pub(super) phase: Phase,
    pub(super) begin: Instant,
}

impl Phase {
    /// All have joined, and none has left for good.
    pub(super) const fn is_steady(self) -> bool {
        matches!(
            self,
            Self::Watching | Self::Storm(_) | Self::Restart(_) | Self::Hostile
        )
    }
}

impl Chapter {
    pub(super) const fn new(phase: Phase, begin: Instant) -> Self {
        Self { phase, begin }
    }
}

/// All chapters of a run in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Chapters(pub(super) Vec<Chapter>);

impl Chapters {
    /// Numbers of the chapters of one phase.
    pub(super) fn of(&self, wanted: impl Fn(Phase) -> bool) -> Vec<usize> {
        let numbered = self.0.iter().enumerate();
        numbered
            .filter(|(_, chapter)| wanted(chapter.phase))
            .map(|(number, _)| number)
            .collect()
    }

    /// Since when all watch.
    pub(super) fn steady_since(&self) -> Option<Instant> {
        let steady = self.0.iter().find(|chapter| chapter.phase.is_steady());
        steady.map(|chapter| chapter.begin)
    }

    /// When a chapter ended: when the next began.
    pub(super) fn end_of(&self, number: usize) -> Option<Instant> {
        self.0.get(number + 1).map(|next| next.begin)
    }

    /// How long these chapters were together.
    pub(super) fn span_of(&self, numbers: &[usize]) -> Duration {
        let spans = numbers.iter().filter_map(|&number| {
            let begin = self.0.get(number)?.begin;
            Some(self.end_of(number)?.saturating_duration_since(begin))
        });
        spans.sum()
    }
}
