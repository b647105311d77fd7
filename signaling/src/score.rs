//! How well a participant hears and sees, as one number from 0 to 100. Pure.
//!
//! Sound counts most: somebody who hears badly is not in the meeting. Then a picture that stands
//! still or is missing, then delay. `PROTOCOL.md` says the same for people.

use crate::protocol::line::{Heard, Permille, Rung};

/// A line on which nothing is missing.
pub const BEST: u8 = 100;

/// Scores are told in steps of this.
pub const STEP: u8 = 10;

/// How many different scores are told.
pub const STEPS: usize = 11;

/// A score is told anew when it is so far from what was told: one that hovers between two steps
/// stays at one of them.
const FAR: u8 = 8;

/// Points for each percent of sound that is missing, and at most.
const SOUND: u32 = 6;
const MOST_FOR_SOUND: u32 = 60;

/// Points for each percent of time in which the picture stands still, and at most.
const PICTURE: u32 = 1;
const MOST_FOR_PICTURE: u32 = 25;

/// What pictures that change every few seconds count for.
const STILLS: u32 = 20;

/// Delay that disturbs nobody, the milliseconds beyond it that cost a point, and most points.
const UNNOTICED: u32 = 300;
const MILLIS_A_POINT: u32 = 80;
const MOST_FOR_DELAY: u32 = 15;

/// What the server itself knows of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// What is left of the picture.
    pub rung: Rung,
    /// Share of the sound that is lost on the way, in percent.
    pub loss: u8,
    /// There and back, in milliseconds.
    pub round_trip: u16,
}

/// The score of a line. Where its page says nothing, lost sound is taken for missing sound; what it
/// says changes nothing about what the server knows better: the picture that it does not send, and
/// the way there and back.
pub fn score(known: Known, heard: Option<Heard>) -> u8 {
    let missing = match heard {
        Some(heard) => u32::from(heard.concealed.get()),
        None => u32::from(known.loss) * u32::from(Permille::ALL) / 100,
    };
    let sound = (missing * SOUND / 10).min(MOST_FOR_SOUND);
    let heard = heard.unwrap_or_default();
    let frozen = u32::from(heard.frozen.get()) * PICTURE / 10;
    let picture = frozen.max(not_sent(known.rung)).min(MOST_FOR_PICTURE);
    let delay = u32::from(heard.delay.max(known.round_trip / 2));
    let late = delay.saturating_sub(UNNOTICED) / MILLIS_A_POINT;
    let points = sound + picture + late.min(MOST_FOR_DELAY);
    BEST.saturating_sub(u8::try_from(points).unwrap_or(BEST))
}

/// What a rung costs by itself.
const fn not_sent(rung: Rung) -> u32 {
    match rung {
        Rung::High | Rung::Middle | Rung::Low | Rung::LowThin => 0,
        Rung::Stills => STILLS,
        Rung::Sound | Rung::SoundRedundant => MOST_FOR_PICTURE,
    }
}

/// What is told after `told` when the score is `score`.
pub const fn told(told: u8, score: u8) -> u8 {
    if score.abs_diff(told) < FAR {
        return told;
    }
    (score + STEP / 2) / STEP * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(concealed: u16, frozen: u16, delay: u16) -> Heard {
        Heard {
            concealed: concealed.try_into().unwrap(),
            frozen: frozen.try_into().unwrap(),
            delay,
        }
    }

    #[test]
    fn the_score_follows_its_table() {
        use Rung::{High, Low, Sound, SoundRedundant, Stills};
        for (rung, loss, round_trip, heard, wanted) in [
            (High, 0, 20, Some(heard(0, 0, 120)), 100),
            (Low, 0, 20, Some(heard(0, 0, 120)), 100),
            (High, 0, 20, Some(heard(10, 0, 120)), 94),
            (High, 0, 20, Some(heard(20, 50, 200)), 83),
            (High, 0, 20, Some(heard(100, 0, 200)), 40),
            (High, 0, 20, Some(heard(1_000, 1_000, 60_000)), 0),
            (High, 0, 20, Some(heard(0, 0, 700)), 95),
            (Stills, 0, 20, Some(heard(0, 0, 100)), 80),
            (Sound, 0, 20, Some(heard(0, 0, 100)), 75),
            (SoundRedundant, 0, 20, Some(heard(30, 1_000, 100)), 57),
            // Without a page that says anything.
            (High, 0, 0, None, 100),
            (High, 5, 100, None, 70),
            (Sound, 20, 2_000, None, 7),
            // A page that says that all is well does not hide what the server does not send.
            (Sound, 20, 2_000, Some(heard(0, 0, 0)), 67),
        ] {
            let known = Known {
                rung,
                loss,
                round_trip,
            };
            assert_eq!(score(known, heard), wanted, "{known:?} {heard:?}");
        }
    }

    #[test]
    fn a_score_that_hovers_is_told_once() {
        let mut last = BEST;
        let mut heard = Vec::new();
        for score in [100, 96, 93, 92, 95, 97, 98, 83, 77, 84, 60, 0, 100] {
            let next = told(last, score);
            if next != last {
                heard.push(next);
            }
            last = next;
        }
        assert_eq!(heard, [90, 100, 80, 60, 0, 100]);
    }
}
