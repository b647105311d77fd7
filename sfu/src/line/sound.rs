//! How much of what came before sound carries on a line: as much as its losses ask for, and no more
//! than it has room for.

use std::time::{Duration, Instant};

use crate::redundancy::Redundancy;

/// Share of loss from which on sound carries the packet before, and one further back as well. Of 4 %
/// that are lost at random the packet before leaves 2 in a thousand, of bursts most.
///
/// Lower: less is missed on a good line. Higher: fewer bytes.
const SINGLE: f64 = 0.01;
const DOUBLE: f64 = 0.04;

/// Share of a line that sound may take with what it carries, in percent: it goes before pictures, but
/// on the smallest lines it would take its own place. There what is lost can be asked for again.
const ROOM: u64 = 70;

/// So long after a line was found to be flooded sound carries as much as it can: until all is told again
/// that was lost by then. What more it carried would keep the queue full.
const FLOODED: Duration = Duration::from_millis(150);

/// For so long less must have done before less is carried.
///
/// Longer: losses that come and go find it ready. Shorter: fewer bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A receiver report about sound tells of the five seconds before it, and the next comes as late.
const REPORTED_FOR: Duration = Duration::from_secs(6);

/// What is known of a line when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Share of what was numbered that was lost in the last seconds.
    pub lost: f64,
    /// What is lost is the line's own, and no queue's that was full.
    pub is_own: bool,
    /// For how long it has been flooded, if it is.
    pub flooded_for: Option<Duration>,
    /// Bits per second that it carries; `None` while nothing bounds it.
    pub carries: Option<u32>,
    /// What sound costs that carries nothing, and what carrying one packet beside each would cost, in
    /// bits per second.
    pub plain: u32,
    /// See `plain`.
    pub copy: u32,
    /// What the lowest layer of the most important picture takes, in bits per second.
    pub picture: u32,
}

/// Decides for one line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sound {
    level: Redundancy,
    /// Until when losses have asked for the present level.
    needed: Option<Instant>,
    /// Share that was lost by the last receiver report, and when that came.
    reported: Option<(f64, Instant)>,
}

impl Sound {
    /// Takes in which share a receiver report says was lost.
    pub const fn on_report(&mut self, now: Instant, lost: f64) {
        self.reported = Some((lost, now));
    }

    /// How much of what came before is to be carried from now on.
    pub fn judge(&mut self, now: Instant, seen: &Seen) -> Redundancy {
        let is_recent = |at| now.saturating_duration_since(at) < REPORTED_FOR;
        let reported = self.reported.filter(|(_, at)| is_recent(*at));
        let lost = reported.map_or(0.0, |(lost, _)| lost).max(seen.lost);
        if let Some(since) = seen.flooded_for {
            // From it pictures are held back, and what is lost says nothing of what follows.
            let asked = if since < FLOODED {
                Redundancy::Double
            } else {
                self.level
            };
            return fitting(asked, seen);
        }
        let asked = asked(lost);
        // To stay, half of the loss is enough.
        let kept = asked.max(self.level.min(self::asked(lost * 2.0)));
        let since = *self.needed.get_or_insert(now);
        if kept >= self.level {
            (self.level, self.needed) = (asked.max(self.level), Some(now));
        } else if now.saturating_duration_since(since) >= PATIENCE {
            (self.level, self.needed) = (self.level.less(), Some(now));
        }
        fitting(self.level, seen)
    }
}

/// What losses ask for.
fn asked(lost: f64) -> Redundancy {
    if lost >= DOUBLE {
        Redundancy::Double
    } else if lost >= SINGLE {
        Redundancy::Single
    } else {
        Redundancy::None
    }
}

/// The most that fits.
fn fitting(level: Redundancy, seen: &Seen) -> Redundancy {
    let room = seen.carries.map_or(u64::MAX, |carries| {
        let most = u64::from(carries) * ROOM / 100;
        // What a full queue has cost is over when it is empty: then a picture that moves is worth more.
        let beside = u64::from(carries.saturating_sub(seen.picture));
        if seen.is_own || seen.flooded_for.is_some() {
            most
        } else {
            most.min(beside)
        }
    });
    let cost = |level: Redundancy| {
        u64::from(seen.plain) + u64::from(seen.copy) * u64::from(level.copies())
    };
    let fits = |level: Redundancy| cost(level) <= room;
    let less = std::iter::successors(Some(level), |level| Some(level.less()));
    less.take(3)
        .find(|level| fits(*level))
        .unwrap_or(Redundancy::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const fn seen(lost: f64) -> Seen {
        Seen {
            lost,
            is_own: true,
            flooded_for: None,
            carries: None,
            plain: 32_000,
            copy: 22_000,
            picture: 0,
        }
    }

    fn after(seconds: u64) -> Instant {
        epoch() + Duration::from_secs(seconds)
    }

    #[test]
    fn sound_carries_as_much_as_losses_ask_for_at_once() {
        use Redundancy::{Double, None, Single};
        for (lost, expected) in [(0.0, None), (0.009, None), (0.01, Single), (0.04, Double)] {
            assert_eq!(Sound::default().judge(epoch(), &seen(lost)), expected);
        }
        let flooded = |millis| Seen {
            flooded_for: Some(Duration::from_millis(millis)),
            ..seen(0.1)
        };
        let mut sound = Sound::default();
        assert_eq!(sound.judge(epoch(), &flooded(60)), Double);
        assert_eq!(sound.judge(epoch(), &flooded(160)), None);
    }

    #[test]
    fn less_is_carried_only_when_less_has_done_for_a_while() {
        use Redundancy::{Double, None, Single};
        let mut sound = Sound::default();
        sound.judge(epoch(), &seen(0.1));
        // Losses about a threshold change nothing.
        for second in 0..60 {
            let lost = [0.021, 0.05][usize::from(second % 9 == 0)];
            assert_eq!(sound.judge(after(second), &seen(lost)), Double, "{second}");
        }
        let levels: Vec<_> = (60..90)
            .map(|second| sound.judge(after(second), &seen(0.0)))
            .collect();
        let changes = [9, 10, 19, 20].map(|at| levels[at - 1]);
        assert_eq!(changes, [Double, Single, Single, None]);
    }

    #[test]
    fn on_a_small_line_less_is_carried_than_losses_ask_for() {
        use Redundancy::{Double, None, Single};
        for (carries, expected) in [(128_000, Double), (80_000, Single), (60_000, None)] {
            let narrow = Seen {
                carries: Some(carries),
                ..seen(0.2)
            };
            assert_eq!(Sound::default().judge(epoch(), &narrow), expected);
        }
    }

    #[test]
    fn after_a_flood_sound_leaves_the_picture_its_room_and_where_losses_stay_it_does_not() {
        use Redundancy::{Double, None, Single};
        let of = |is_own, carries| Seen {
            is_own,
            carries: Some(carries),
            picture: 110_000,
            ..seen(0.1)
        };
        for (carries, expected) in [(220_000, Double), (180_000, Single), (140_000, None)] {
            let mut sound = Sound::default();
            let later = sound.judge(after(1), &of(false, carries));
            assert_eq!(later, expected, "{carries}");
            let lossy = sound.judge(after(2), &of(true, carries));
            assert_eq!(lossy, Double, "{carries}");
        }
    }

    #[test]
    fn who_reports_no_arrivals_is_believed_by_its_receiver_reports() {
        let mut sound = Sound::default();
        sound.on_report(epoch(), 0.2);
        assert_eq!(sound.judge(after(5), &seen(0.0)), Redundancy::Double);
        let later = after(5) + 2 * PATIENCE;
        assert_eq!(sound.judge(later, &seen(0.0)), Redundancy::Single);
    }
}
