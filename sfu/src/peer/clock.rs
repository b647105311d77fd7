//! A peer's clock, as its sender reports tell it, on ours.

/// One offset for everything a peer sends keeps its sound and pictures together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Its NTP clock minus ours in 32.32 fixed point, from its first report.
    offset: Option<i64>,
}

impl Clock {
    /// When a report was made, on our clock: it says `theirs` and arrived at `ours`. A peer without
    /// a clock says 0 (RFC 3550 §6.4.1); then it was made when it arrived.
    pub fn ours(&mut self, theirs: u64, ours: u64) -> u64 {
        if theirs == 0 {
            return ours;
        }
        let offset = self
            .offset
            .get_or_insert_with(|| theirs.wrapping_sub(ours).cast_signed());
        theirs.wrapping_sub(offset.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;

    #[test]
    fn what_lies_between_two_reports_is_told_by_their_clock() {
        for begin in [3 * SECOND, 0xe000_0000 * SECOND, u64::MAX - SECOND] {
            let mut clock = Clock::default();
            assert_eq!(clock.ours(begin, 50 * SECOND), 50 * SECOND);
            let later = begin.wrapping_add(2 * SECOND);
            let late = 52 * SECOND + SECOND / 10;
            assert_eq!(clock.ours(later, late), 52 * SECOND, "from {begin:#x}");
        }
    }

    #[test]
    fn a_report_without_a_clock_was_made_when_it_arrived() {
        let mut clock = Clock::default();
        for at in [50, 52, 54] {
            assert_eq!(clock.ours(0, at * SECOND), at * SECOND);
        }
    }
}
