//! What left for one receiver, message by message, by its transport-wide numbers.

use crate::line::Micros;

/// Messages remembered: two seconds of one picture and long sound frames, one of two pictures and
/// short ones. The oldest gives its place to the newest; feedback about it says nothing any more.
const REMEMBERED: usize = 128;

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
    ring: Box<[Departure; REMEMBERED]>,
    /// Messages noted so far; the newest is the one before.
    noted: usize,
}

impl Departures {
    /// Nothing has left.
    pub fn new() -> Self {
        Self {
            ring: Box::new([Departure::default(); REMEMBERED]),
            noted: 0,
        }
    }

    /// Notes a message.
    pub fn note(&mut self, departure: Departure) {
        if let Some(place) = self.ring.get_mut(self.noted % REMEMBERED) {
            *place = departure;
        }
        self.noted += 1;
    }

    /// The message in which a number left. Looked for from the newest on, as far as is remembered.
    pub fn find(&self, number: u16) -> Option<Departure> {
        let oldest = self.noted.saturating_sub(REMEMBERED);
        (oldest..self.noted).rev().find_map(|index| {
            let departure = self.ring.get(index % REMEMBERED)?;
            let offset = number.wrapping_sub(departure.first);
            (offset < departure.count).then_some(*departure)
        })
    }
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
}
