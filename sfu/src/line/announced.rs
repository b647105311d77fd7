//! What is said of a line beyond its shard: seldom, and only what has lasted.

use std::time::{Duration, Instant};

use crate::rung::Rung;

/// How long less must have been shown before it is said, and how long more.
///
/// Lower: people learn sooner. Higher: a line that comes and goes is not talked about.
const SINKING: Duration = Duration::from_millis(1_500);
const RISING: Duration = Duration::from_secs(4);

/// Time between two announcements of one line. Lower: more events for those who gather them.
const APART: Duration = Duration::from_secs(2);

/// Changes of the loss (in percent) and of the round trip (in milliseconds) that are not worth a
/// word, if they are also less than half of what was said.
const LITTLE_LOSS: u16 = 1;
const LITTLE_TIME: u16 = 60;

/// What the conference needs to know of a line.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Said {
    /// What the line leaves of the most important picture; the highest rung where it bounds nothing.
    pub rung: Rung,
    /// Sound leaves with redundancy.
    pub redundant: bool,
    /// Share of the sound that is lost on the way, in percent.
    pub loss: u8,
    /// Time there and back in milliseconds; 0 until it is known.
    pub round_trip: u16,
}

/// What was said of one line, and what may be said next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announced {
    said: Said,
    at: Option<Instant>,
    /// Since when it is below or above what was said, and the nearest to it that was seen since.
    other: Option<(Instant, Rung)>,
}

impl Announced {
    /// Notes how a line is at present. Returns what is to be said, if anything.
    pub fn note(&mut self, now: Instant, seen: Said) -> Option<Said> {
        let rung = self.lasting(now, seen.rung);
        let said = self.said;
        let next = Said {
            rung,
            redundant: seen.redundant,
            loss: near(said.loss.into(), seen.loss.into(), LITTLE_LOSS)
                .try_into()
                .unwrap_or(100),
            round_trip: near(said.round_trip, seen.round_trip, LITTLE_TIME),
        };
        let is_soon = self
            .at
            .is_some_and(|at| now.saturating_duration_since(at) < APART);
        if next == said || is_soon {
            return None;
        }
        if rung != said.rung {
            self.other = None;
        }
        (self.said, self.at) = (next, Some(now));
        Some(next)
    }

    /// The rung that has lasted.
    fn lasting(&mut self, now: Instant, rung: Rung) -> Rung {
        let said = self.said.rung;
        if rung == said {
            self.other = None;
            return said;
        }
        let is_lower = rung < said;
        let (since, nearest) = match self.other {
            Some((since, other)) if (other < said) == is_lower => {
                let nearest = if is_lower {
                    other.max(rung)
                } else {
                    other.min(rung)
                };
                (since, nearest)
            }
            _ => (now, rung),
        };
        self.other = Some((since, nearest));
        let enough = if is_lower { SINKING } else { RISING };
        if now.saturating_duration_since(since) >= enough {
            nearest
        } else {
            said
        }
    }
}

/// What was said, unless what is differs by more than a little.
fn near(said: u16, seen: u16, little: u16) -> u16 {
    if said.abs_diff(seen) > little.max(said / 2) {
        seen
    } else {
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    fn at(millis: u64) -> Instant {
        epoch() + Duration::from_millis(millis)
    }

    fn on(rung: Rung) -> Said {
        Said {
            rung,
            ..Said::default()
        }
    }

    #[test]
    fn a_lower_rung_is_said_when_it_has_lasted_and_a_higher_one_later() {
        let mut announced = Announced::default();
        let mut heard = Vec::new();
        for step in 0..200 {
            let rung = match step * 100 {
                1_000..=1_900 => Rung::Sound,
                4_000..=4_600 => Rung::Stills,
                4_700..=9_900 => Rung::Low,
                _ => Rung::High,
            };
            if let Some(said) = announced.note(at(step * 100), on(rung)) {
                heard.push((step * 100, said.rung));
            }
        }
        assert_eq!(heard, [(5_500, Rung::Low), (14_000, Rung::High)]);
    }

    #[test]
    fn a_line_that_flaps_is_said_to_be_what_it_is_at_worst() {
        let mut announced = Announced::default();
        let mut heard = Vec::new();
        for step in 0..600 {
            let is_low = step < 100 || step % 20 < 10;
            let rung = if is_low { Rung::Low } else { Rung::Middle };
            heard.extend(announced.note(at(step * 100), on(rung)));
        }
        assert_eq!(heard, [on(Rung::Low)]);
    }

    #[test]
    fn small_changes_of_loss_and_round_trip_are_not_worth_a_word() {
        let mut announced = Announced::default();
        let mut heard = Vec::new();
        for (second, (loss, round_trip)) in (0..).zip([
            (0, 40),
            (1, 55),
            (3, 50),
            (4, 90),
            (4, 130),
            (4, 130),
            (0, 60),
        ]) {
            let seen = Said {
                loss,
                round_trip,
                ..Said::default()
            };
            if let Some(said) = announced.note(at(second * 5_000), seen) {
                heard.push((said.loss, said.round_trip));
            }
        }
        assert_eq!(heard, [(3, 0), (3, 90), (0, 90)]);
    }
}
