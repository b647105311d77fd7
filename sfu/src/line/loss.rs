//! What share of the packets is lost, over a moment, over half a second and over five.

use crate::line::Micros;

/// Packets are counted in steps of this.
const STEP: Micros = 200_000;

/// Five seconds.
const STEPS: usize = 25;

/// Steps for which it is remembered that packets overtook each other: 20 s. Where few are sent, few do.
const REMEMBERED: i64 = 100;

/// Of how many packets a share is told.
const ENOUGH: u32 = 12;

/// Packets of one span of time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// Those that were lost.
    pub lost: u32,
    /// All.
    pub all: u32,
    /// Those that were taken for lost and came later than others.
    pub overtaken: u32,
}

impl Counted {
    /// The share that was lost; 0 where too few were sent to tell.
    pub fn share(self) -> f64 {
        if self.all < ENOUGH {
            return 0.0;
        }
        f64::from(self.lost) / f64::from(self.all)
    }
}

/// Packets of one step: more than there can be are as many as can be counted.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    lost: u16,
    all: u16,
    overtaken: u16,
}

/// Counts of the last seconds.
#[derive(Clone, Debug, Default)]
pub struct Loss {
    steps: [Step; STEPS],
    step: i64,
    /// Until which step packets are taken to overtake each other.
    reordered_until: i64,
}

impl Loss {
    /// Notes packets that were reported at `now`.
    pub fn note(&mut self, now: Micros, lost: u32, all: u32) {
        let step = now / STEP;
        let passed = usize::try_from(step - self.step).unwrap_or(0).min(STEPS);
        self.steps.rotate_right(passed % STEPS);
        for old in self.steps.iter_mut().take(passed) {
            *old = Step::default();
        }
        self.step = step.max(self.step);
        let [newest, ..] = &mut self.steps;
        newest.lost = newest.lost.saturating_add(saturate(lost));
        newest.all = newest.all.saturating_add(saturate(all));
    }

    /// What was counted says nothing of the line. That packets overtake one another does.
    pub fn forget(&mut self) {
        self.steps = [Step::default(); STEPS];
    }

    /// Packets that were taken for lost have come after all.
    pub fn recover(&mut self, came: u32) {
        let mut left = saturate(came);
        for step in &mut self.steps {
            let back = left.min(step.lost);
            step.lost -= back;
            left -= back;
        }
        self.overtake(came);
    }

    /// Packets have come after others that left later.
    pub fn overtake(&mut self, came: u32) {
        let [newest, ..] = &mut self.steps;
        newest.overtaken = newest.overtaken.saturating_add(saturate(came));
        let Counted {
            overtaken, lost, ..
        } = self.over(STEPS);
        if overtaken >= 4 && overtaken > lost / 4 {
            self.reordered_until = self.step + REMEMBERED;
        }
    }

    fn over(&self, steps: usize) -> Counted {
        let steps = self.steps.iter().take(steps);
        steps.fold(Counted::default(), |sum, step| Counted {
            lost: sum.lost + u32::from(step.lost),
            all: sum.all + u32::from(step.all),
            overtaken: sum.overtaken + u32::from(step.overtaken),
        })
    }

    /// Whether packets overtake one another: what seems lost may come yet.
    pub const fn is_reordered(&self) -> bool {
        self.step < self.reordered_until
    }

    /// Of the last 200 to 400 ms.
    pub fn moment(&self) -> Counted {
        if self.is_reordered() {
            return Counted::default();
        }
        self.over(2)
    }

    /// Of the last 600 to 800 ms.
    pub fn short(&self) -> Counted {
        self.decided(4, 1)
    }

    /// Of the last five seconds.
    pub fn long(&self) -> Counted {
        self.decided(STEPS, 2)
    }

    /// Where packets overtake one another without the newest steps: what seems lost of them may come.
    fn decided(&self, steps: usize, newest: usize) -> Counted {
        let mut counted = self.over(steps);
        if self.is_reordered() {
            let undecided = self.over(newest);
            counted.lost -= undecided.lost;
            counted.all -= undecided.all;
        }
        counted
    }
}

fn saturate(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_counts_what_lies_in_it() {
        let mut loss = Loss::default();
        for step in 0..50 {
            let lost = u32::from(step >= 48) * 5;
            loss.note(step * 100_000, lost, 10);
        }
        let counts = |counted: Counted| (counted.lost, counted.all);
        assert_eq!(counts(loss.moment()), (10, 40));
        assert_eq!(counts(loss.short()), (10, 80));
        assert_eq!(counts(loss.long()), (10, 500));
        loss.recover(3);
        assert_eq!(counts(loss.moment()), (7, 40));
        loss.recover(3);
        assert_eq!(counts(loss.moment()), (0, 0), "the rest may come yet");
        assert_eq!(counts(loss.short()), (0, 60));
        assert_eq!(counts(loss.long()), (0, 460));
        loss.note(14_000_000, 0, 2);
        assert!(loss.is_reordered(), "few are sent");
        loss.note(60_000_000, 0, 2);
        assert!(!loss.is_reordered());
        assert_eq!(counts(loss.long()), (0, 2));
        assert!(loss.long().share().abs() < f64::EPSILON);
    }
}
