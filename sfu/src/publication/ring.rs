//! The last packets of one layer, for retransmission and for refusing what came before.

use crate::drop_reason::DropReason;
use crate::packet::SharedPacket;
use crate::rtp::extend_sequence;

/// Most packets and payload bytes of a group of pictures that is held as a whole: 10 s of 8 Mbit/s.
/// A group that grows beyond is given up: until the next keyframe the ring holds what repairs need,
/// and who comes late waits for that keyframe.
///
/// Higher: encoders with rarer keyframes can be joined at any moment. Lower: less memory for each.
const MAX_GROUP: u64 = 16_384;
const MAX_GROUP_BYTES: usize = 12 * 1_024 * 1_024;

/// The last packets, addressed by extended sequence number: as many as repairs need, and where it
/// is asked for the whole group of pictures since the newest keyframe.
#[derive(Debug)]
pub struct Ring {
    /// Grows to `capacity` with the first packets; `capacity` is a power of two.
    packets: Vec<Option<SharedPacket>>,
    capacity: usize,
    /// What repairs need.
    least: usize,
    /// Payload bytes held.
    bytes: usize,
    /// The lowest number that is still taken.
    floor: u64,
    highest: Option<u64>,
    /// The highest number that was kept; below [`highest`](Self::highest) after a jump.
    newest: Option<u64>,
    /// Number and time of the packet with which the newest keyframe begins.
    start: Option<(u64, u32)>,
}

impl Ring {
    /// Room for `capacity` packets, rounded up to a power of two. Memory is taken as they come.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        Self {
            packets: Vec::new(),
            capacity,
            least: capacity,
            bytes: 0,
            floor: 0,
            highest: None,
            newest: None,
            start: None,
        }
    }

    /// The highest sequence number so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Leaves a whole cycle of numbers out: nobody will take what follows for a continuation.
    pub fn jump(&mut self) {
        self.highest = self.highest.map(|highest| highest + 0x1_0000);
        self.start = None;
    }

    /// Leaves about a cycle of numbers out, up to the next that ends in these 16 bits: those of a
    /// stream that begins with them follow.
    pub fn jump_to(&mut self, sequence: u16) {
        if let Some(highest) = self.highest {
            let reference = highest + 0x1_0000;
            // At least half a cycle ahead, whatever the number is.
            self.highest = Some(extend_sequence(reference, sequence).saturating_sub(1));
            self.start = None;
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

    /// Keeps a packet, with `keeps_group` beside all that has come since the newest keyframe.
    ///
    /// # Errors
    /// [`DropReason::Duplicate`] if it is there, [`DropReason::TooOld`] if the ring has passed it:
    /// every sequence number is therefore accepted at most once.
    pub fn insert(&mut self, packet: SharedPacket, keeps_group: bool) -> Result<(), DropReason> {
        let sequence = packet.sequence;
        if sequence < self.floor {
            return Err(DropReason::TooOld);
        }
        if self.get(sequence).is_some() {
            return Err(DropReason::Duplicate);
        }
        self.highest = self.highest.max(Some(sequence));
        self.newest = self.newest.max(Some(sequence));
        if packet.seen.keyframe {
            self.note_start(sequence, packet.timestamp);
        }
        self.make_room(keeps_group);
        let position = self.position(sequence);
        if position >= self.packets.len() {
            self.packets
                .resize(self.capacity.min((position + 1).next_power_of_two()), None);
        }
        if let Some(place) = self.packets.get_mut(position) {
            self.bytes += packet.payload.len();
            if let Some(former) = place.replace(packet) {
                self.bytes -= former.payload.len();
            }
        }
        Ok(())
    }

    /// A keyframe may begin with several packets of which each could be the first: parameter sets
    /// and slices. The first of that picture counts.
    fn note_start(&mut self, sequence: u64, timestamp: u32) {
        match &mut self.start {
            Some((start, known)) if *known == timestamp => *start = (*start).min(sequence),
            Some((start, _)) if sequence < *start => {}
            _ => {
                let length = self.start.map_or(0, |(start, _)| sequence - start);
                self.start = Some((sequence, timestamp));
                self.end_group(length);
            }
        }
    }

    /// A group of so many packets has ended: what was held for it goes, and room for more than the
    /// next may need.
    fn end_group(&mut self, length: u64) {
        if self.capacity == self.least {
            return;
        }
        let needed = usize::try_from(2 * length).unwrap_or(usize::MAX);
        let capacity = needed
            .max(self.least)
            .checked_next_power_of_two()
            .unwrap_or(self.capacity);
        self.keep(self.least, capacity.min(self.capacity));
    }

    /// Grows where that is wanted, else gives up what is beyond.
    fn make_room(&mut self, keeps_group: bool) {
        let end = self.highest.map_or(0, |highest| highest + 1);
        let group = self.start.map_or(0, |(start, _)| end.saturating_sub(start));
        let wanted = usize::try_from(group).unwrap_or(usize::MAX);
        let fits = group <= MAX_GROUP && self.bytes <= MAX_GROUP_BYTES;
        if wanted > self.capacity && keeps_group && fits {
            self.keep(wanted, wanted.next_power_of_two());
        } else if self.capacity > self.least && (!keeps_group || !fits) {
            self.keep(self.least, self.least);
        }
        self.floor = self.floor.max(end.saturating_sub(self.capacity as u64));
        self.start = self.start.filter(|(start, _)| *start >= self.floor);
    }

    /// Holds the newest `count` numbers only, with room for `capacity`.
    fn keep(&mut self, count: usize, capacity: usize) {
        let end = self.highest.map_or(0, |highest| highest + 1);
        self.floor = self.floor.max(end.saturating_sub(count as u64));
        let packets = std::mem::take(&mut self.packets);
        self.capacity = capacity;
        self.bytes = 0;
        self.packets.resize(capacity, None);
        for packet in packets.into_iter().flatten() {
            let position = self.position(packet.sequence);
            if (self.floor..end).contains(&packet.sequence)
                && let Some(place) = self.packets.get_mut(position)
            {
                self.bytes += packet.payload.len();
                *place = Some(packet);
            }
        }
    }

    /// The first packet of the newest keyframe and the newest packet, if everything between them is
    /// held and it is at most `most` packets.
    pub fn group(&self, most: u64) -> Option<(&SharedPacket, &SharedPacket)> {
        let ((first, _), last) = (self.start?, self.highest?);
        if last - first >= most || !(first..=last).all(|sequence| self.get(sequence).is_some()) {
            return None;
        }
        Some((self.get(first)?, self.get(last)?))
    }

    /// The first packet of the newest keyframe, if nothing of that picture is missing, whatever has
    /// followed.
    pub fn keyframe(&self) -> Option<&SharedPacket> {
        let ((first, timestamp), last) = (self.start?, self.highest?);
        for sequence in first..=last {
            let packet = self.get(sequence)?;
            if packet.marker || packet.timestamp != timestamp {
                break;
            }
        }
        self.get(first)
    }

    /// What is held since the newest keyframe, in order.
    pub fn since_keyframe(&self) -> impl Iterator<Item = &SharedPacket> {
        let range = self.start.zip(self.highest);
        let range = range.map(|((first, _), last)| first..=last);
        let numbers = range.filter(|_| self.keyframe().is_some());
        numbers
            .into_iter()
            .flatten()
            .filter_map(|sequence| self.get(sequence))
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
            timestamp: u32::try_from(sequence / 10 % 1_000).expect("small"),
            marker: false,
            seen: Seen {
                keyframe,
                ..Seen::default()
            },
            level: None,
            payload: Bytes::new(),
            redundant: None,
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
            ring.insert(packet(sequence), false).expect("fresh");
        }
        assert_eq!(group(&ring, 3), Some((10, 12)));
        assert_eq!(group(&ring, 2), None, "too long");
        ring.insert(packet(14), false).expect("fresh");
        assert_eq!(group(&ring, 64), None, "13 is missing");
        ring.insert(packet(13), false).expect("late");
        assert_eq!(group(&ring, 64), Some((10, 14)));
        ring.insert(packet(20), false).expect("fresh");
        assert_eq!(group(&ring, 64), Some((20, 20)));
        ring.jump();
        assert_eq!(group(&ring, 64), None, "another time");
    }

    fn picture(sequence: u64, keyframe: bool, length: usize) -> SharedPacket {
        let timestamp = u32::try_from(sequence / 4).expect("small");
        Arc::new(Packet {
            timestamp,
            marker: sequence % 4 == 3,
            seen: Seen {
                keyframe,
                ..Seen::default()
            },
            payload: Bytes::from(vec![0; length]),
            ..(*packet(sequence)).clone()
        })
    }

    #[test]
    fn a_group_is_held_as_a_whole_where_that_is_asked_for_and_no_longer_than_needed() {
        let mut ring = Ring::new(64);
        for group in 0..3u64 {
            for step in 0..9_000 {
                let sequence = 10_000 * group + step;
                let packet = picture(sequence, step == 0, 1_100);
                ring.insert(packet, group < 2).expect("fresh");
                if step % 1_000 == 0 && group < 2 {
                    assert_eq!(
                        ring.keyframe().map(|first| first.sequence),
                        Some(10_000 * group)
                    );
                    assert_eq!(ring.since_keyframe().count() as u64, step + 1);
                }
            }
        }
        assert_eq!(ring.since_keyframe().count(), 0);
        assert_eq!((ring.capacity, ring.bytes), (64, 64 * 1_100));
        assert_eq!(
            ring.insert(picture(20_000, true, 9), true),
            Err(DropReason::TooOld)
        );
    }

    #[test]
    fn a_group_that_is_too_large_is_given_up_until_the_next_keyframe() {
        for (length, most) in [(1_400, MAX_GROUP_BYTES), (10, 10 * 16_384)] {
            let mut ring = Ring::new(64);
            let mut highest = 0;
            for sequence in 0..20_000 {
                let packet = picture(sequence, sequence == 0, length);
                ring.insert(packet, true).expect("fresh");
                highest = highest.max(ring.bytes);
            }
            assert!(highest <= most + length, "{highest}");
            assert_eq!((ring.capacity, ring.bytes), (64, 64 * length));
            assert!(ring.keyframe().is_none());
            ring.insert(picture(20_000, true, length), true)
                .expect("fresh");
            assert!(ring.keyframe().is_some());
        }
    }

    #[test]
    fn a_keyframe_begins_with_the_first_of_its_packets_in_whatever_order_they_come() {
        for order in [[0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0]] {
            let mut ring = Ring::new(64);
            for part in order {
                let packet = picture(40 + part, part != 1, 10);
                ring.insert(packet, false).expect("fresh");
            }
            let first = ring.keyframe().map(|first| first.sequence);
            assert_eq!(first, Some(40), "{order:?}");
        }
        let mut ring = Ring::new(64);
        for sequence in [40, 42, 43, 44] {
            ring.insert(picture(sequence, sequence == 40, 10), false)
                .expect("fresh");
        }
        assert!(ring.keyframe().is_none(), "41 is missing");
    }

    #[test]
    fn each_number_is_accepted_once_and_old_ones_never() {
        for start in [0u64, 127, 0xfff0, 0x1_0000, u64::from(u32::MAX)] {
            let mut ring = Ring::new(8);
            ring.insert(packet(start + 10), false).expect("first");
            assert_eq!(
                ring.insert(packet(start + 10), false),
                Err(DropReason::Duplicate)
            );
            ring.insert(packet(start + 3), false)
                .expect("late but inside");
            assert_eq!(
                ring.insert(packet(start + 2), false),
                Err(DropReason::TooOld)
            );
            ring.insert(packet(start + 11), false).expect("next");
            assert!(
                ring.get(start + 3).is_none(),
                "overwritten by the eighth after it"
            );
            assert!(ring.get(start + 10).is_some());
            assert_eq!(ring.highest(), Some(start + 11));
        }
    }
}
