//! Under which transport-wide numbers pictures left, so that what is reported of a number tells which
//! packet has come, and which has not.

use crate::id::Ssrc;

/// Numbers remembered: two seconds of the highest layer with its repairs. Each takes the place of the one
/// so many before it, of which a report says nothing any more.
const REMEMBERED: usize = 256;

/// What left with one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    number: u16,
    /// The sequence number that the packet has, or had when it left first.
    pub(super) sequence: u16,
    /// That of the media, or that of its repairs; of nothing yet 0, which no slot has.
    pub(super) ssrc: Ssrc,
}

/// What left last to one receiver with a number.
#[derive(Debug)]
pub(super) struct Numbers([Left; REMEMBERED]);

impl Numbers {
    /// Nothing has left yet.
    pub(super) const fn new() -> Self {
        let nothing = Left {
            number: 0,
            sequence: 0,
            ssrc: Ssrc(0),
        };
        Self([nothing; REMEMBERED])
    }

    /// Notes what leaves with a number.
    pub(super) fn note(&mut self, number: u16, ssrc: Ssrc, sequence: u16) {
        if let Some(place) = self.0.get_mut(usize::from(number) % REMEMBERED) {
            *place = Left {
                number,
                sequence,
                ssrc,
            };
        }
    }

    /// What left with a number, if that is still known.
    pub(super) fn find(&self, number: u16) -> Option<Left> {
        let known = self.0.get(usize::from(number) % REMEMBERED).copied();
        known.filter(|left| left.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_last_is_known_by_its_number_across_wraparound() {
        let mut numbers = Numbers::new();
        for step in 0..1_000u16 {
            numbers.note(65_000u16.wrapping_add(step), Ssrc(7), step);
        }
        let found = |step: u16| numbers.find(65_000u16.wrapping_add(step));
        assert_eq!(
            found(999).map(|it| (it.ssrc, it.sequence)),
            Some((Ssrc(7), 999))
        );
        assert_eq!(found(744).map(|it| it.sequence), Some(744));
        assert!(found(743).is_none() && found(1_000).is_none());
    }
}
