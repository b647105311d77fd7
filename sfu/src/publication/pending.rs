//! Packets of one publication that wait for fan-out: whole pictures leave together, and none leave
//! while the publication is shed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::packet::{Packet, SharedPacket};
use crate::publication::MAX_LAYERS;

/// Longest that the packets of a picture wait for its last one.
///
/// A picture cannot be shown before it is complete, so waiting for its end costs its viewers
/// nothing, and one message takes it all. Higher: fewer messages for publishers that pace a
/// picture's packets. Lower: a picture whose last packet is lost leaves sooner.
pub const MAX_HOLD: Duration = Duration::from_millis(10);

/// Packets that may wait; beyond it the oldest are dropped.
const MAX_PENDING: usize = 1_024;

/// What has arrived since the last fan-out.
#[derive(Debug, Default)]
pub struct Pending {
    packets: VecDeque<SharedPacket>,
    /// How many of them, from the front, end where no picture is open.
    whole: usize,
    /// Layers whose newest picture has not ended, one bit each.
    open: u8,
    /// Nothing is taken in.
    shut: bool,
    /// Layers that take nothing in until a keyframe begins, one bit each.
    waiting: u8,
    /// Those of them that wait because their numbers begin anew: what passes meanwhile is no
    /// shedding.
    renewing: u8,
    /// Per layer, the sequence number from which numbering starts anew after something was left out.
    restarts: [u64; MAX_LAYERS],
    /// Frames that were left out since somebody asked.
    shed: u64,
}

impl Pending {
    /// Adds a packet. `ends` tells that no further packet of its picture will come, or `None` that
    /// it tells nothing about pictures: it came late, or is empty.
    pub fn push(&mut self, packet: SharedPacket, ends: Option<bool>) {
        let bit = 1u8 << packet.layer;
        if self.shut || (self.waiting & bit != 0 && !packet.seen.keyframe) {
            self.shed += u64::from(ends == Some(true) && self.renewing & bit == 0);
            return;
        }
        self.begin(&packet);
        if self.packets.len() >= MAX_PENDING {
            self.packets.pop_front();
            self.whole = self.whole.saturating_sub(1);
        }
        self.packets.push_back(packet);
        match ends {
            Some(true) => self.open &= !bit,
            Some(false) => self.open |= bit,
            None => {}
        }
        if self.open == 0 {
            self.whole = self.packets.len();
        }
    }

    /// Takes a layer in again if this packet begins a keyframe.
    pub fn begin(&mut self, packet: &Packet) {
        let bit = 1u8 << packet.layer;
        if !self.shut && self.waiting & bit != 0 && packet.seen.keyframe {
            self.waiting &= !bit;
            self.renewing &= !bit;
            if let Some(restart) = self.restarts.get_mut(usize::from(packet.layer)) {
                *restart = packet.sequence;
            }
        }
    }

    /// The numbers of a layer begin anew: it is taken in from its next keyframe on, and what was
    /// left out before that is no gap.
    pub fn renew(&mut self, layer: u8) {
        self.waiting |= 1 << layer;
        self.renewing |= 1 << layer;
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// When the packet that waits longest arrived.
    pub fn oldest(&self) -> Option<Instant> {
        self.packets.front().map(|packet| packet.arrived)
    }

    /// How many packets can leave at `now`; with `hold`, incomplete pictures wait.
    pub fn ready(&self, now: Instant, hold: bool) -> usize {
        let is_late = |oldest| now.saturating_duration_since(oldest) >= MAX_HOLD;
        if !hold || self.oldest().is_some_and(is_late) {
            self.packets.len()
        } else {
            self.whole
        }
    }

    /// When incomplete pictures leave anyway, if any wait.
    pub fn due(&self) -> Option<Instant> {
        self.oldest().map(|oldest| oldest + MAX_HOLD)
    }

    /// Moves `count` packets to `into`, oldest first.
    pub fn take(&mut self, count: usize, into: &mut Vec<SharedPacket>) {
        let count = count.min(self.packets.len());
        into.extend(self.packets.drain(..count));
        self.whole = self.whole.saturating_sub(count);
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.whole = 0;
        self.open = 0;
    }

    /// Leaves out what waits and what comes, until [`resume`](Self::resume).
    pub fn shed(&mut self, ends: impl Fn(&SharedPacket) -> bool) {
        self.shed += self.packets.iter().filter(|packet| ends(packet)).count() as u64;
        self.clear();
        self.shut = true;
    }

    /// Takes packets in again, each layer from its next keyframe on. Returns whether anything had
    /// been left out.
    pub fn resume(&mut self) -> bool {
        let was_shut = std::mem::replace(&mut self.shut, false);
        if was_shut {
            self.waiting = u8::MAX;
        }
        was_shut
    }

    /// Whether packets of a layer go on as they come.
    pub const fn is_flowing(&self, layer: u8) -> bool {
        !self.shut && self.waiting & (1 << layer) == 0
    }

    /// Per layer, the sequence number from which numbering starts anew, so that what was left out
    /// is no gap.
    pub const fn restarts(&self) -> [u64; MAX_LAYERS] {
        self.restarts
    }

    /// Frames that were left out since the last call.
    pub fn take_shed(&mut self) -> u64 {
        std::mem::take(&mut self.shed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::codec::Seen;
    use crate::testing::epoch;

    fn packet(layer: u8, sequence: u64, keyframe: bool) -> SharedPacket {
        Arc::new(Packet {
            arrived: epoch(),
            layer,
            sequence,
            timestamp: 0,
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

    fn taken(pending: &mut Pending, count: usize) -> Vec<u64> {
        let mut into = Vec::new();
        pending.take(count, &mut into);
        into.iter().map(|packet| packet.sequence).collect()
    }

    #[test]
    fn a_picture_leaves_when_its_last_packet_is_there() {
        let mut pending = Pending::default();
        let now = epoch();
        pending.push(packet(0, 1, false), Some(false));
        assert_eq!(pending.ready(now, true), 0);
        assert_eq!(pending.ready(now, false), 1, "nobody asked to hold");
        pending.push(packet(0, 2, false), Some(true));
        pending.push(packet(0, 3, false), Some(false));
        assert_eq!(
            pending.ready(now, true),
            2,
            "the next picture has only begun"
        );
        assert_eq!(taken(&mut pending, 2), [1, 2]);
        assert_eq!(pending.ready(now, true), 0);
        assert_eq!(
            pending.ready(now + MAX_HOLD, true),
            1,
            "its end may be lost"
        );
        assert_eq!(pending.due(), Some(now + MAX_HOLD));
    }

    #[test]
    fn layers_that_interleave_leave_when_all_are_whole() {
        let mut pending = Pending::default();
        pending.push(packet(0, 1, false), Some(false));
        pending.push(packet(1, 1, false), Some(true));
        assert_eq!(pending.ready(epoch(), true), 0);
        pending.push(packet(0, 2, false), Some(true));
        assert_eq!(pending.ready(epoch(), true), 3);
    }

    #[test]
    fn what_was_shed_comes_back_with_a_keyframe_of_each_layer() {
        let mut pending = Pending::default();
        pending.push(packet(0, 1, true), Some(true));
        pending.shed(|_| true);
        pending.push(packet(0, 2, false), Some(true));
        assert!(pending.is_empty());
        assert!(pending.resume());
        assert!(!pending.resume(), "once");
        pending.push(packet(0, 3, false), Some(true));
        pending.push(packet(0, 4, true), Some(true));
        pending.push(packet(1, 9, false), Some(true));
        pending.push(packet(0, 5, false), Some(true));
        assert_eq!(pending.take_shed(), 4);
        assert_eq!(pending.restarts(), [4, 0, 0]);
        assert_eq!(taken(&mut pending, 9), [4, 5]);
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let mut pending = Pending::default();
        for sequence in 0..2_000 {
            pending.push(packet(0, sequence, false), Some(true));
        }
        assert_eq!(pending.ready(epoch(), true), MAX_PENDING);
    }
}
