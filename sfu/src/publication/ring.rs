//! The last packets of one layer, for retransmission and for refusing what came before.

use crate::drop_reason::DropReason;
use crate::packet::SharedPacket;
use crate::rtp::extend_sequence;

/// A fixed number of packets, addressed by extended sequence number.
#[derive(Debug)]
pub struct Ring {
    /// Grows to `capacity` with the first packets; `capacity` is a power of two.
    packets: Vec<Option<SharedPacket>>,
    capacity: usize,
    highest: Option<u64>,
    /// The highest number that was kept; below [`highest`](Self::highest) after a jump.
    newest: Option<u64>,
    /// Where the newest keyframe begins.
    keyframe: Option<u64>,
}

impl Ring {
    /// Room for `capacity` packets, rounded up to a power of two. Memory is taken as they come.
    pub fn new(capacity: usize) -> Self {
        Self {
            packets: Vec::new(),
            capacity: capacity.next_power_of_two(),
            highest: None,
            newest: None,
            keyframe: None,
        }
    }

    /// The highest sequence number so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Leaves a whole cycle of numbers out: nobody will take what follows for a continuation.
    pub fn jump(&mut self) {
        self.highest = self.highest.map(|highest| highest + 0x1_0000);
    }

    /// Leaves about a cycle of numbers out, up to the next that ends in these 16 bits: those of a
    /// stream that begins with them follow.
    pub fn jump_to(&mut self, sequence: u16) {
        if let Some(highest) = self.highest {
            let reference = highest + 0x1_0000;
            // At least half a cycle ahead, whatever the number is.
            self.highest = Some(extend_sequence(reference, sequence).saturating_sub(1));
        }
    }

    /// Whether a number lies so far ahead that no loss explains it: the numbers have begun anew.
    pub fn is_far_ahead(&self, sequence: u64) -> bool {
        self.newest
            .is_some_and(|newest| sequence >= newest + 0x8000)
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to the capacity")]
    fn position(&self, sequence: u64) -> usize {
        sequence as usize & (self.capacity - 1)
    }

    /// Keeps a packet.
    ///
    /// # Errors
    /// [`DropReason::Duplicate`] if it is there, [`DropReason::TooOld`] if the ring has passed it:
    /// every sequence number is therefore accepted at most once.
    pub fn insert(&mut self, packet: SharedPacket) -> Result<(), DropReason> {
        let sequence = packet.sequence;
        let oldest = self.highest.map_or(0, |highest| {
            (highest + 1).saturating_sub(self.capacity as u64)
        });
        if sequence < oldest {
            return Err(DropReason::TooOld);
        }
        if self.get(sequence).is_some() {
            return Err(DropReason::Duplicate);
        }
        if packet.seen.keyframe {
            self.keyframe = self.keyframe.max(Some(sequence));
        }
        let position = self.position(sequence);
        if position >= self.packets.len() {
            self.packets
                .resize(self.capacity.min((position + 1).next_power_of_two()), None);
        }
        if let Some(place) = self.packets.get_mut(position) {
            *place = Some(packet);
        }
        self.highest = self.highest.max(Some(sequence));
        self.newest = self.newest.max(Some(sequence));
        Ok(())
    }

    /// The first packet of the newest keyframe and the newest packet, if everything between them is
    /// held and it is at most `most` packets.
    pub fn group(&self, most: u64) -> Option<(&SharedPacket, &SharedPacket)> {
        let (first, last) = (self.keyframe?, self.highest?);
        if last - first >= most || !(first..=last).all(|sequence| self.get(sequence).is_some()) {
            return None;
        }
        Some((self.get(first)?, self.get(last)?))
    }

    /// The packet with this number, if it is still held.
    pub fn get(&self, sequence: u64) -> Option<&SharedPacket> {
        self.packets
            .get(self.position(sequence))?
            .as_ref()
            .filter(|packet| packet.sequence == sequence)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::codec::Seen;
    use crate::packet::Packet;
    use crate::testing::epoch;

    fn packet(sequence: u64) -> SharedPacket {
        let keyframe = sequence.is_multiple_of(10);
        Arc::new(Packet {
            arrived: epoch(),
            layer: 0,
            sequence,
            timestamp: 0,
            marker: false,
            seen: Seen {
                keyframe,
                ..Seen::default()
            },
            level: None,
            payload: Bytes::new(),
        })
    }

    fn group(ring: &Ring, most: u64) -> Option<(u64, u64)> {
        let (first, last) = ring.group(most)?;
        Some((first.sequence, last.sequence))
    }

    #[test]
    fn a_group_is_everything_from_the_newest_keyframe() {
        let mut ring = Ring::new(16);
        for sequence in 8..13 {
            ring.insert(packet(sequence)).expect("fresh");
        }
        assert_eq!(group(&ring, 3), Some((10, 12)));
        assert_eq!(group(&ring, 2), None, "too long");
        ring.insert(packet(14)).expect("fresh");
        assert_eq!(group(&ring, 64), None, "13 is missing");
        ring.insert(packet(13)).expect("late");
        assert_eq!(group(&ring, 64), Some((10, 14)));
        ring.insert(packet(20)).expect("fresh");
        assert_eq!(group(&ring, 64), Some((20, 20)));
        ring.jump();
        assert_eq!(group(&ring, 64), None, "another time");
    }

    #[test]
    fn each_number_is_accepted_once_and_old_ones_never() {
        for start in [0u64, 127, 0xfff0, 0x1_0000, u64::from(u32::MAX)] {
            let mut ring = Ring::new(8);
            ring.insert(packet(start + 10)).expect("first");
            assert_eq!(ring.insert(packet(start + 10)), Err(DropReason::Duplicate));
            ring.insert(packet(start + 3)).expect("late but inside");
            assert_eq!(ring.insert(packet(start + 2)), Err(DropReason::TooOld));
            ring.insert(packet(start + 11)).expect("next");
            assert!(
                ring.get(start + 3).is_none(),
                "overwritten by the eighth after it"
            );
            assert!(ring.get(start + 10).is_some());
            assert_eq!(ring.highest(), Some(start + 11));
        }
    }
}
