//! What one peer may cost the others besides repairs and checks, each with its reason.

use std::time::Instant;

use crate::budget::Timed;

/// DTLS datagrams taken at once, and per second. A handshake takes five; a client repeats a lost
/// flight after 50 ms, then less and less often.
const HANDSHAKES: (u32, u32) = (64, 16);

/// Keyframe requests of a receiver heard at once for each of its slots, and at least so many.
const KEYFRAMES_PER_SLOT: u32 = 1;
const MIN_KEYFRAMES: u32 = 4;

/// What a keyframe request costs of a budget that gains one per second: one is heard every two
/// seconds.
///
/// Higher: a receiver on a bad line makes fewer keyframes for everybody. Lower: it waits less for
/// a picture whose keyframe was lost.
const KEYFRAME_COST: u32 = 2;

/// Numbers that a publisher may leave out at once, and per second: of its sequence numbers and of
/// its transport-wide numbers. Each is walked through where loss is reported. Twice the largest
/// step that numbers of 16 bits can make, so that an encoder may begin anew.
const GAPS: (u32, u32) = (2 * 65_536, 8_192);

/// Time in which a peer may send at once what it may send in that time: a keyframe comes at once.
const MEDIA_BURST_MS: u32 = 500;

/// The budgets of one peer.
#[derive(Debug)]
pub struct Budgets {
    handshakes: Timed,
    keyframes: Timed,
    gaps: Timed,
    /// Bytes of media, where they are limited.
    media: Option<Timed>,
}

impl Budgets {
    /// Full ones, of a peer with so many slots and of whose media so much is taken.
    pub fn new(now: Instant, slots: usize, most_kbps: Option<u32>) -> Self {
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let keyframes = slots.saturating_mul(KEYFRAMES_PER_SLOT).max(MIN_KEYFRAMES);
        Self {
            handshakes: Timed::full(now, HANDSHAKES.0, HANDSHAKES.1),
            keyframes: Timed::full(now, keyframes.saturating_mul(KEYFRAME_COST), 1),
            gaps: Timed::full(now, GAPS.0, GAPS.1),
            media: most_kbps.map(|kbps| {
                let burst = kbps.saturating_mul(MEDIA_BURST_MS) / 8;
                Timed::full(now, burst, kbps.saturating_mul(125).max(1))
            }),
        }
    }

    /// Whether one more DTLS datagram is looked at.
    #[must_use]
    pub fn handshake(&mut self, now: Instant) -> bool {
        self.handshakes.spend(now, 1)
    }

    /// Whether one more keyframe request is heard.
    #[must_use]
    pub fn keyframe(&mut self, now: Instant) -> bool {
        self.keyframes.spend(now, KEYFRAME_COST)
    }

    /// Whether `numbers` more may be left out.
    #[must_use]
    pub fn gap(&mut self, now: Instant, numbers: u32) -> bool {
        numbers == 0 || self.gaps.spend(now, numbers)
    }

    /// Whether a packet of media with so many bytes is taken.
    #[must_use]
    pub fn media(&mut self, now: Instant, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.media
            .as_mut()
            .is_none_or(|media| media.spend(now, bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::epoch;

    #[test]
    fn keyframe_requests_are_heard_for_each_slot_and_then_every_two_seconds() {
        let start = epoch();
        let mut budgets = Budgets::new(start, 36, None);
        let mut heard = 0;
        for tick in 0..1_000 {
            heard += u32::from(budgets.keyframe(start + Duration::from_millis(100 * tick)));
        }
        assert_eq!(heard, 36 + 49);
    }

    #[test]
    fn an_encoder_may_begin_anew_but_not_with_every_packet() {
        let start = epoch();
        let mut budgets = Budgets::new(start, 0, None);
        let heard = (0..1_000).filter(|_| budgets.gap(start, 32_000)).count();
        assert_eq!(heard, 4);
        let later = start + Duration::from_secs(1);
        assert!(budgets.gap(later, 8_000), "loss is reported on");
        assert!(!budgets.gap(later, 32_000));
    }

    #[test]
    fn of_media_that_is_limited_so_much_is_taken_and_of_other_media_all() {
        let start = epoch();
        let mut limited = Budgets::new(start, 0, Some(800));
        let taken = |budgets: &mut Budgets| -> usize {
            let packets = (0..1_000).map(|tick| start + Duration::from_millis(10 * tick));
            packets.filter(|now| budgets.media(*now, 1_200)).count()
        };
        let bytes = taken(&mut limited) * 1_200;
        assert!((1_040_000..=1_050_000).contains(&bytes), "{bytes} bytes");
        assert_eq!(taken(&mut Budgets::new(start, 0, None)), 1_000);
    }
}
