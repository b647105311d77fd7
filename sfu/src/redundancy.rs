//! Sound that carries what came before it (RFC 2198), so that a packet that is lost is not missed.
//!
//! The payloads are made once, where a packet arrives, for all whom it is sent to. Only the payload
//! types in their heads are each receiver's own, and are written when the packet leaves.

use smallvec::SmallVec;

use crate::codec::opus;
use crate::id::Pt;
use crate::packet::SharedPacket;

/// How far back that lies which is carried where two are, in ticks: 60 and 180 ms, or a packet more
/// each where packets are as long. One alone is the packet before.
///
/// Further: longer bursts of loss are outlived. Nearer: what is lost comes sooner, and who holds
/// sound back for less has it in time.
const NEAR: u32 = 60 * 48;
const FAR: u32 = 180 * 48;

/// Furthest that a block may lie back, in ticks: 14 bits, 341 ms.
const MAX_OFFSET: u32 = 0x3fff;

/// Most bytes of a block: 10 bits.
const MAX_BLOCK: usize = 0x3ff;

/// Most bytes of a payload: with all headers it must fit a datagram.
const MAX_PAYLOAD: usize = 1_200;

/// Bytes of the head of a block; the packet's own has one byte.
pub const HEAD: usize = 4;

/// Bit of a head that another follows.
const FOLLOWED: u32 = 1 << 31;

/// How much of what came before is carried.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Redundancy {
    /// Nothing.
    #[default]
    None,
    /// The packet before.
    Single,
    /// Two, further back: they outlive bursts of loss.
    Double,
}

impl Redundancy {
    /// How many packets are carried beside each.
    pub const fn copies(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Single => 1,
            Self::Double => 2,
        }
    }

    /// The next less.
    #[must_use]
    pub const fn less(self) -> Self {
        match self {
            Self::None | Self::Single => Self::None,
            Self::Double => Self::Single,
        }
    }
}

/// A payload with what came before it: heads, blocks, and the packet's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payload {
    /// With 0 for the payload types in the heads.
    bytes: Box<[u8]>,
    blocks: usize,
}

impl Payload {
    /// Bytes of it.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes it to `out`, which is as long; what it carries is of type `pt`.
    #[inline]
    pub fn write(&self, out: &mut [u8], pt: Pt) {
        out.copy_from_slice(&self.bytes);
        for head in out.iter_mut().step_by(HEAD).take(self.blocks + 1) {
            *head |= pt.0;
        }
    }
}

/// One packet's payloads with what came before it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Redundant {
    single: Option<Payload>,
    double: Option<Payload>,
}

/// What is carried of an earlier packet.
#[derive(Clone, Copy, Debug)]
struct Block<'p> {
    offset: u32,
    payload: &'p [u8],
}

impl Redundant {
    /// The payloads for the sound `own` with that number and time, out of the packets that `find`
    /// knows by their numbers. `None` where nothing that came before is of use.
    pub fn make<'p>(
        sequence: u64,
        timestamp: u32,
        own: &[u8],
        find: impl Fn(u64) -> Option<&'p SharedPacket>,
    ) -> Option<Box<Self>> {
        let block = |distance: u64| {
            let packet = find(sequence.checked_sub(distance)?)?;
            let offset = timestamp.wrapping_sub(packet.timestamp);
            let payload = &packet.payload;
            // Before a pause lies what has been heard or missed long since.
            let most = opus::duration(payload)?.saturating_mul(u32::try_from(distance).ok()?);
            let is_near = (1..=most.min(MAX_OFFSET)).contains(&offset);
            (is_near && payload.len() <= MAX_BLOCK).then_some(Block { offset, payload })
        };
        let frame = opus::duration(own)?;
        let back = |ticks: u32| u64::from((ticks + frame / 2) / frame).max(1);
        let before = block(1);
        let single = before.and_then(|before| assemble(&[before], own));
        let near = back(NEAR);
        let far = block(back(FAR).max(near + 1));
        let both: SmallVec<[Block<'p>; 2]> = far.into_iter().chain(block(near)).collect();
        let is_other = far.is_some() || (near > 1 && !both.is_empty());
        let double = is_other.then(|| assemble(&both, own)).flatten();
        let made = Self { single, double };
        (made != Self::default()).then(|| Box::new(made))
    }

    /// The payload with so much of what came before, or with less where there is no more.
    #[inline]
    pub const fn at(&self, redundancy: Redundancy) -> Option<&Payload> {
        match (redundancy, &self.double) {
            (Redundancy::None, _) => None,
            (Redundancy::Double, Some(double)) => Some(double),
            (Redundancy::Single | Redundancy::Double, _) => self.single.as_ref(),
        }
    }
}

/// Blocks, the oldest first, and what they are carried beside; `None` if that would be too long.
fn assemble(blocks: &[Block<'_>], own: &[u8]) -> Option<Payload> {
    let carried = blocks.iter().map(|block| HEAD + block.payload.len());
    let length = carried.sum::<usize>() + 1 + own.len();
    if length > MAX_PAYLOAD {
        return None;
    }
    let mut bytes = Vec::with_capacity(length);
    for block in blocks {
        let size = u32::try_from(block.payload.len()).ok()?;
        bytes.extend((FOLLOWED | block.offset << 10 | size).to_be_bytes());
    }
    bytes.push(0);
    for block in blocks {
        bytes.extend_from_slice(block.payload);
    }
    bytes.extend_from_slice(own);
    Some(Payload {
        bytes: bytes.into_boxed_slice(),
        blocks: blocks.len(),
    })
}

/// A payload that was carried, and how many ticks before its packet it belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Carried<'p> {
    /// Payload type.
    pub pt: Pt,
    /// Ticks back.
    pub offset: u32,
    /// What was carried.
    pub payload: &'p [u8],
}

/// Takes a payload apart: what came before, the oldest first, and last the packet's own. Empty where
/// it is malformed.
pub fn split(payload: &[u8]) -> SmallVec<[Carried<'_>; 3]> {
    let mut carried: SmallVec<[Carried<'_>; 3]> = SmallVec::new();
    let mut lengths: SmallVec<[usize; 3]> = SmallVec::new();
    let mut rest = payload;
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
        let head = u32::from_be_bytes(*head);
        if head & FOLLOWED == 0 {
            break;
        }
        carried.push(Carried {
            pt: Pt((head >> 24) as u8 & 0x7f),
            offset: head >> 10 & MAX_OFFSET,
            payload: &[][..],
        });
        lengths.push((head & 0x3ff) as usize);
        rest = behind;
    }
    let Some((own, mut rest)) = rest.split_first().filter(|(own, _)| **own & 0x80 == 0) else {
        return SmallVec::new();
    };
    for (one, length) in carried.iter_mut().zip(lengths) {
        let Some((block, behind)) = rest.split_at_checked(length) else {
            return SmallVec::new();
        };
        (one.payload, rest) = (block, behind);
    }
    carried.push(Carried {
        pt: Pt(*own),
        offset: 0,
        payload: rest,
    });
    carried
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Seen;
    use crate::packet::Packet;
    use crate::testing::epoch;

    /// 20, 60 and 120 ms.
    const FRAMES: [(u8, u32); 3] = [(0x78, 960), (LONG, 2_880), (LONG | 1, 5_760)];
    const LONG: u8 = 3 << 3;

    /// Packets of sound at these times, numbered from 100 on.
    fn sound(head: u8, times: &[u32]) -> Vec<SharedPacket> {
        let packet = |(number, timestamp): (u64, &u32)| {
            Arc::new(Packet {
                arrived: epoch(),
                layer: 0,
                sequence: number,
                timestamp: *timestamp,
                marker: false,
                seen: Seen::default(),
                level: None,
                payload: Bytes::from(vec![head, u8::try_from(number).expect("few")]),
                redundant: None,
            })
        };
        (100..).zip(times).map(packet).collect()
    }

    /// Numbers of what the last of these packets carries, its own last.
    fn carried(packets: &[SharedPacket], redundancy: Redundancy) -> Vec<(u32, u8)> {
        let last = packets.last().expect("some");
        let find = |number| packets.iter().find(|it| it.sequence == number);
        let made = Redundant::make(last.sequence, last.timestamp, &last.payload, find);
        let Some(payload) = made.as_ref().and_then(|made| made.at(redundancy)) else {
            return Vec::new();
        };
        let mut written = vec![0; payload.len()];
        payload.write(&mut written, Pt(111));
        let parts = split(&written);
        assert!(parts.iter().all(|part| part.pt == Pt(111)));
        parts
            .iter()
            .map(|part| (part.offset, part.payload[1]))
            .collect()
    }

    #[test]
    fn a_packet_carries_the_one_before_or_two_that_lie_further_back() {
        for ((head, ticks), [far, near]) in FRAMES.into_iter().zip([[9, 3], [3, 1], [2, 1]]) {
            let start = u32::MAX - 2 * ticks;
            let times: Vec<u32> = (0..11).map(|n| start.wrapping_add(n * ticks)).collect();
            let packets = sound(head, &times);
            let back = |packets: u8| (u32::from(packets) * ticks, 110 - packets);
            assert_eq!(carried(&packets, Redundancy::Single), [1, 0].map(back));
            assert_eq!(
                carried(&packets, Redundancy::Double),
                [far, near, 0].map(back)
            );
            assert!(carried(&packets, Redundancy::None).is_empty());
        }
    }

    #[test]
    fn the_first_packet_carries_nothing_and_one_behind_a_gap_what_is_there() {
        let packets = sound(LONG, &[0, 2_880, 5_760, 8_640]);
        assert!(carried(&packets[..1], Redundancy::Double).is_empty());
        assert_eq!(
            carried(&packets[..2], Redundancy::Double),
            [(2_880, 100), (0, 101)]
        );
        let holed: Vec<_> = [0, 1, 3].map(|at| Arc::clone(&packets[at])).into();
        assert_eq!(
            carried(&holed, Redundancy::Double),
            [(8_640, 100), (0, 103)]
        );
        assert!(carried(&holed, Redundancy::Single).is_empty());
    }

    #[test]
    fn nothing_from_before_a_pause_is_carried() {
        let silence = 14_400;
        let packets = sound(LONG, &[0, 2_880, 5_760, silence]);
        assert!(carried(&packets, Redundancy::Double).is_empty());
        let packets = sound(LONG, &[0, 2_880, silence, silence + 2_880]);
        assert_eq!(
            carried(&packets, Redundancy::Double),
            [(2_880, 102), (0, 103)]
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut packets = sound(LONG, &[0, 2_880, 5_760, 8_640]);
        let lengthen = |packet: &mut SharedPacket, length| {
            let mut payload = packet.payload.to_vec();
            payload.resize(length, 0);
            Arc::make_mut(packet).payload = payload.into();
        };
        lengthen(&mut packets[0], 700);
        lengthen(&mut packets[3], 600);
        assert_eq!(
            carried(&packets, Redundancy::Double),
            [(2_880, 102), (0, 103)]
        );
        lengthen(&mut packets[2], MAX_BLOCK + 1);
        lengthen(&mut packets[0], 20);
        assert_eq!(
            carried(&packets, Redundancy::Double),
            [(8_640, 100), (0, 103)]
        );
    }

    proptest! {
        #[test]
        fn what_anybody_sends_as_redundancy_is_taken_apart_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..80)
        ) {
            let parts = split(&bytes);
            let length: usize = parts.iter().map(|part| part.payload.len()).sum();
            prop_assert!(length <= bytes.len());
        }
    }
}
