//! Which of a run's incoming numbers were left out on purpose, so that they leave no gap.

/// Words of the window.
const WORDS: usize = 8;

/// How far back single numbers are known: all that can be asked for again, with as many left out.
const WINDOW: u64 = 64 * WORDS as u64;

/// A window over the newest numbers. What is older is only counted.
#[derive(Clone, Debug)]
pub(super) struct LeftOut {
    /// The newest that was left out: bit 0 of the first word.
    highest: u64,
    bits: [u64; WORDS],
    total: u64,
}

impl LeftOut {
    /// Nothing yet, in a run that begins with `first`.
    pub(super) const fn new(first: u64) -> Self {
        Self {
            highest: first,
            bits: [0; WORDS],
            total: 0,
        }
    }

    /// How many numbers below this one were left out; `None` when it is too far back.
    pub(super) fn before(&self, sequence: u64) -> Option<u64> {
        if sequence > self.highest {
            return Some(self.total);
        }
        let back = self.highest - sequence;
        let from_here_on = (0..WORDS as u64).zip(self.bits).map(|(word, bits)| {
            let wanted = (back + 1).saturating_sub(64 * word);
            let mask = 1u64
                .checked_shl(u32::try_from(wanted).unwrap_or(u32::MAX))
                .map_or(u64::MAX, |bit| bit - 1);
            u64::from((bits & mask).count_ones())
        });
        (back < WINDOW).then(|| self.total - from_here_on.sum::<u64>())
    }

    /// The number that comes `nth` (from 0) when those left out are not counted, `first` being the
    /// run's first; `None` when it is too far back.
    pub(super) fn nth(&self, first: u64, nth: u64) -> Option<u64> {
        // From above, so that of equal candidates the one that was not left out is met first.
        let mut sequence = first + nth + self.total;
        loop {
            let next = first + nth + self.before(sequence)?;
            if next == sequence {
                return Some(sequence);
            }
            sequence = next;
        }
    }

    /// Leaves a number out. What is further back than the window is not.
    pub(super) fn note(&mut self, sequence: u64) {
        if sequence > self.highest {
            self.shift(sequence - self.highest);
            self.highest = sequence;
        }
        let back = self.highest - sequence;
        let word = usize::try_from(back / 64).ok();
        if let Some(word) = word.and_then(|word| self.bits.get_mut(word)) {
            let bit = 1u64 << (back % 64);
            self.total += u64::from(*word & bit == 0);
            *word |= bit;
        }
    }

    fn shift(&mut self, by: u64) {
        let words = usize::try_from(by / 64).unwrap_or(WORDS).min(WORDS);
        self.bits.rotate_right(words);
        for word in self.bits.iter_mut().take(words) {
            *word = 0;
        }
        let bits = by % 64;
        if bits > 0 {
            let mut carry = 0;
            for word in &mut self.bits {
                let next = *word >> (64 - bits);
                *word = *word << bits | carry;
                carry = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_counts_as_a_list_does(gaps in proptest::collection::vec(1u64..90, 1..60), probes in proptest::collection::vec(0u64..400, 20)) {
            let first = 1_000;
            let mut left_out = LeftOut::new(first);
            let mut list = Vec::new();
            let mut at = first - 1;
            for gap in gaps {
                at += gap;
                left_out.note(at);
                left_out.note(at);
                list.push(at);
            }
            for back in probes {
                let sequence = (at + 50).saturating_sub(back).max(first);
                let before = list.iter().filter(|left| **left < sequence).count() as u64;
                prop_assert_eq!(left_out.before(sequence), Some(before));
                if !list.contains(&sequence) {
                    prop_assert_eq!(left_out.nth(first, sequence - first - before), Some(sequence));
                }
            }
            prop_assert_eq!(left_out.before(at.saturating_sub(WINDOW)), None);
        }
    }
}
