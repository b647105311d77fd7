//! One simulcast encoding of a publication: its numbering, its ring, its clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::codec::h264::Beginnings;
use crate::codec::{self, Seen};
use crate::drop_reason::DropReason;
use crate::kind::Codec;
use crate::packet::SharedPacket;
use crate::publication::keyframe::KeyframeRequest;
use crate::publication::measure::Measure;
use crate::publication::ring::Ring;
use crate::rtp::{Header, extend_sequence};

/// How long without a packet until a layer counts as not being sent.
///
/// Higher: receivers stay longer on a layer that has stopped. Lower: low frame rates look like a
/// stop.
pub const LAYER_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long without a packet until a publication counts as stopped, and whoever runs the conference
/// is told.
///
/// Higher: an encoder that has died stays on the stage longer. Lower: one that stands still for a
/// moment is taken off it.
pub const SILENT_AFTER: Duration = Duration::from_secs(3);

/// Distance from zero of a layer's first extended sequence number, so that packets from before it
/// stay positive.
const SEQUENCE_BASE: u64 = 0x1_0000;

/// A pair of clocks read at the same moment: one sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockPair {
    /// NTP time in 32.32 fixed point, on this server's clock.
    pub ntp: u64,
    /// RTP timestamp of the same moment.
    pub rtp: u32,
}

impl ClockPair {
    /// The RTP timestamp at an NTP time, for a clock of `rate` Hz.
    pub fn rtp_at(self, ntp: u64, rate: u32) -> u32 {
        let delta = i128::from(ntp) - i128::from(self.ntp);
        let ticks = (delta * i128::from(rate)) >> 32;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "RTP time wraps at 2^32"
        )]
        let ticks = ticks as u32;
        self.rtp.wrapping_add(ticks)
    }

    /// The NTP time of an RTP timestamp within 2^31 ticks of this pair.
    pub fn ntp_at(self, rtp: u32, rate: u32) -> u64 {
        let delta = i64::from(rtp.wrapping_sub(self.rtp).cast_signed());
        self.ntp
            .wrapping_add_signed((delta << 32) / i64::from(rate.max(1)))
    }
}

/// Receive state of one layer.
#[derive(Debug)]
pub struct Layer {
    /// Retransmission and duplicate detection.
    pub ring: Ring,
    /// Who waits for a keyframe.
    pub keyframe: KeyframeRequest,
    /// The publisher's last sender report, on our clock.
    pub clock: Option<ClockPair>,
    /// Its rate, frame rate and size.
    pub measure: Measure,
    beginnings: Beginnings,
    last_packet: Option<Instant>,
    /// How many SSRCs carried it before.
    generation: u8,
    /// Added to RTP timestamps, so that time goes on when another SSRC begins its own.
    time_shift: u32,
}

impl Layer {
    /// An empty layer with room for `ring` packets.
    pub fn new(ring: usize) -> Self {
        Self {
            ring: Ring::new(ring),
            keyframe: KeyframeRequest::default(),
            clock: None,
            measure: Measure::default(),
            beginnings: Beginnings::default(),
            last_packet: None,
            generation: 0,
            time_shift: 0,
        }
    }

    /// Another SSRC carries the layer from here on (RFC 9143 §9.2). Its numbers are far ahead of
    /// the former's, so that nobody takes them for a continuation or for loss; its times go on.
    pub fn renew(&mut self, now: Instant, generation: u8, first: &Header, rate: u32) {
        if self.generation == generation {
            return;
        }
        self.generation = generation;
        self.clock = None;
        let newest = self.ring.highest().and_then(|newest| self.ring.get(newest));
        if let (Some(newest), Some(last)) = (newest, self.last_packet) {
            let elapsed = now.saturating_duration_since(last).as_micros() * u128::from(rate);
            #[expect(clippy::cast_possible_truncation, reason = "RTP time wraps at 2^32")]
            let ticks = (elapsed / 1_000_000) as u32;
            // Never the same moment twice.
            let goes_on = newest.timestamp.wrapping_add(ticks.max(1));
            self.time_shift = goes_on.wrapping_sub(first.timestamp);
        }
        self.ring.jump_to(first.sequence);
    }

    /// An RTP timestamp from the wire on the layer's own time.
    pub const fn shifted(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.time_shift)
    }

    /// The extended form of a sequence number from the wire.
    pub fn extend(&self, sequence: u16) -> u64 {
        self.ring.highest().map_or_else(
            || SEQUENCE_BASE + u64::from(sequence),
            |highest| extend_sequence(highest, sequence),
        )
    }

    /// Takes in a packet of this layer; with `keeps_group` all of its group of pictures is held.
    ///
    /// # Errors
    /// When the ring has had it or has passed it.
    pub fn receive(
        &mut self,
        now: Instant,
        packet: &SharedPacket,
        keeps_group: bool,
    ) -> Result<(), DropReason> {
        let keyframe = packet.seen.keyframe;
        self.ring.insert(Arc::clone(packet), keeps_group)?;
        self.measure.note(now, packet);
        self.last_packet = Some(now);
        if keyframe {
            self.keyframe.satisfied(now);
        }
        Ok(())
    }

    /// Looks at a payload that is not taken in yet.
    pub fn inspect(&mut self, codec: Codec, payload: &[u8], timestamp: u32) -> Seen {
        let mut seen = codec::inspect(codec, payload);
        if codec == Codec::H264 {
            seen.keyframe = self.beginnings.begins(payload, timestamp);
        }
        seen
    }

    /// When its last packet came.
    pub const fn last_arrival(&self) -> Option<Instant> {
        self.last_packet
    }

    /// Whether nothing has come for [`SILENT_AFTER`].
    pub fn is_silent(&self, now: Instant) -> bool {
        self.last_packet
            .is_none_or(|last| now.saturating_duration_since(last) >= SILENT_AFTER)
    }

    /// Whether packets are arriving.
    pub fn is_active(&self, now: Instant) -> bool {
        self.last_packet
            .is_some_and(|last| now.saturating_duration_since(last) < LAYER_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_pairs_convert_both_ways_across_wraparound() {
        for rtp in [0u32, 5, u32::MAX - 3, 1 << 31] {
            let pair = ClockPair { ntp: 10 << 32, rtp };
            let one_second_later = rtp.wrapping_add(90_000);
            assert_eq!(pair.rtp_at(11 << 32, 90_000), one_second_later);
            assert_eq!(pair.ntp_at(one_second_later, 90_000), 11 << 32);
            assert_eq!(pair.rtp_at(9 << 32, 90_000), rtp.wrapping_sub(90_000));
            assert_eq!(
                pair.ntp_at(rtp.wrapping_sub(45_000), 90_000),
                (9 << 32) + (1 << 31)
            );
        }
    }
}
