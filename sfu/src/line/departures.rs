//! What left for one receiver, message by message, by its transport-wide numbers.

use std::ops::Range;

use crate::line::Micros;

/// Messages remembered where all are reported: two seconds of one picture and long sound frames, one
/// of two pictures and short ones. The oldest gives its place to the newest; feedback about it says
/// nothing any more.
const ALL: usize = 128;

/// The same where a message is reported now and then: some seconds.
const SPARSE: usize = 8;

/// IP and UDP headers of one packet, in bytes: they take their time on the line as well.
pub const HEADERS: u32 = 28;

/// Packets that left back to back, with consecutive numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Departure {
    /// When.
    pub at: Micros,
    /// Bytes of all of them on the line.
    pub bytes: u32,
    /// Number of the first.
    pub first: u16,
    /// How many.
    pub count: u16,
}

impl Departure {
    /// Mean length of one packet.
    pub fn packet(&self) -> u32 {
        self.bytes / u32::from(self.count.max(1))
    }
}

/// The messages that left last.
#[derive(Debug)]
pub struct Departures {
    ring: Box<[Departure]>,
    /// Messages noted so far; the newest is the one before.
    noted: usize,
}

impl Departures {
    /// Nothing has left.
    pub fn new() -> Self {
        Self {
            ring: empty(SPARSE),
            noted: 0,
        }
    }

    /// Notes a message.
    pub fn note(&mut self, departure: Departure) {
        let place = self.noted % self.ring.len();
        if let Some(place) = self.ring.get_mut(place) {
            *place = departure;
        }
        self.noted += 1;
    }

    /// Makes room for all messages, or for one now and then. Costs nothing while that stays so.
    pub fn make_room(&mut self, for_all: bool) {
        let length = if for_all { ALL } else { SPARSE };
        if self.ring.len() == length {
            return;
        }
        let mut ring = empty(length);
        for index in self.indices() {
            let known = self.ring.get(index % self.ring.len()).copied();
            if let (Some(place), Some(known)) = (ring.get_mut(index % length), known) {
                *place = known;
            }
        }
        self.ring = ring;
    }

    /// Of those that are remembered, the oldest first.
    fn indices(&self) -> Range<usize> {
        self.noted.saturating_sub(self.ring.len())..self.noted
    }

    /// The message in which a number left. Looked for from the newest on, as far as is remembered.
    pub fn find(&self, number: u16) -> Option<Departure> {
        self.indices().rev().find_map(|index| {
            let departure = self.ring.get(index % self.ring.len())?;
            let offset = number.wrapping_sub(departure.first);
            (offset < departure.count).then_some(*departure)
        })
    }
}

fn empty(length: usize) -> Box<[Departure]> {
    vec![Departure::default(); length].into_boxed_slice()
}

impl Default for Departures {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_its_message_across_wraparound() {
        let mut departures = Departures::new();
        departures.make_room(true);
        let mut first = 65_500u16;
        for at in 0..200 {
            departures.note(Departure {
                at,
                bytes: 3_000,
                first,
                count: 3,
            });
            first = first.wrapping_add(3);
        }
        let last = departures.find(first.wrapping_sub(1)).expect("the newest");
        assert_eq!((last.at, last.packet()), (199, 1_000));
        let oldest = departures.find(first.wrapping_sub(3 * 128));
        assert_eq!(oldest.map(|found| found.at), Some(72));
        assert_eq!(departures.find(first.wrapping_sub(3 * 128 + 1)), None);
        assert_eq!(departures.find(first), None, "not sent yet");
    }
    #[test]
    fn what_left_last_is_known_however_much_room_there_is() {
        let mut departures = Departures::new();
        for step in 0..40u16 {
            departures.make_room((step / 5) % 2 == 0);
            departures.note(Departure {
                first: step * 3,
                count: 3,
                ..Departure::default()
            });
            for back in 0..=step.min(7) {
                let first = (step - back) * 3;
                let found = departures.find(first + 2);
                assert_eq!(found.map(|it| it.first), Some(first), "{back} of {step}");
            }
        }
        assert_eq!(departures.ring.len(), SPARSE);
    }
}
