//! What one layer is: its rate, frame rate and size, as measured where it arrives.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::codec::Size;
use crate::packet::Packet;

/// Over how long rates are measured.
///
/// Higher: a keyframe shows less. Lower: a change shows sooner.
const WINDOW: Duration = Duration::from_secs(1);

/// Windows over which a rate is told: a keyframe comes now and then.
const USUAL: usize = 4;

/// Windows of which the highest is remembered.
///
/// Higher: what is needed now and then is known for longer. Lower: what was needed once is forgotten.
const REMEMBERED: usize = 10;

/// Bytes and pictures of one window.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    bytes: u32,
    /// Of pictures of the base temporal layer, or of none.
    base: u32,
    pictures: u32,
}

/// What is measured of one layer.
#[derive(Debug, Default)]
pub struct Measure {
    began: Option<Instant>,
    present: Counts,
    /// Per second, of the last whole window.
    last: Option<Counts>,
    /// Bytes and those of the base alone per second, of the last windows, the newest first.
    windows: ArrayVec<(u32, u32), REMEMBERED>,
    timestamp: Option<u32>,
    size: Option<Size>,
}

impl Measure {
    /// Takes a packet into account.
    pub fn note(&mut self, now: Instant, packet: &Packet) {
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= WINDOW {
            let last = per_second(self.present, elapsed);
            self.last = Some(last);
            self.windows.truncate(REMEMBERED - 1);
            self.windows.insert(0, (last.bytes, last.base));
            self.present = Counts::default();
            self.began = Some(now);
        }
        let bytes = u32::try_from(packet.payload.len()).unwrap_or_default();
        self.present.bytes += bytes;
        if !packet.seen.is_above_base() {
            self.present.base += bytes;
        }
        let is_newer = |known: u32| packet.timestamp.wrapping_sub(known).cast_signed() > 0;
        if self.timestamp.is_none_or(is_newer) {
            self.timestamp = Some(packet.timestamp);
            self.present.pictures += 1;
        }
        self.size = packet.seen.size.or(self.size);
    }

    /// Payload bits per second; `None` until a second has been measured.
    pub fn bits_per_second(&self) -> Option<u64> {
        mean(self.windows.iter().map(|(bytes, _)| *bytes))
    }

    /// The same of the second of the last ten in which they were most.
    pub fn most_bits_per_second(&self) -> Option<u64> {
        let most = self.windows.iter().map(|(bytes, _)| *bytes).max();
        most.map(|most| 8 * u64::from(most))
    }

    /// As [`bits_per_second`](Self::bits_per_second), of the base temporal layer alone; `None` where
    /// there is none above it.
    pub fn base_bits_per_second(&self) -> Option<u64> {
        self.last.filter(|last| last.base < last.bytes)?;
        mean(self.windows.iter().map(|(_, base)| *base))
    }

    /// Pictures (or frames of sound) per second; `None` until a second has been measured.
    pub fn pictures_per_second(&self) -> Option<u32> {
        self.last.map(|last| last.pictures)
    }

    /// Size of its pictures, once a keyframe has told it.
    pub const fn size(&self) -> Option<Size> {
        self.size
    }
}

/// Bits per second of the newest of these bytes per second.
fn mean(bytes: impl Iterator<Item = u32>) -> Option<u64> {
    let usual: ArrayVec<u64, USUAL> = bytes.take(USUAL).map(u64::from).collect();
    let sum = usual.iter().sum::<u64>();
    (8 * sum).checked_div(usual.len() as u64)
}

fn per_second(counts: Counts, elapsed: Duration) -> Counts {
    let millis = u64::try_from(elapsed.as_millis().max(1)).unwrap_or(u64::MAX);
    let rate = |count: u32| {
        let rounded = (u64::from(count) * 1_000 + millis / 2) / millis;
        u32::try_from(rounded).unwrap_or(u32::MAX)
    };
    Counts {
        bytes: rate(counts.bytes),
        base: rate(counts.base),
        pictures: rate(counts.pictures),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::Seen;
    use crate::testing::epoch;

    fn packet(picture: u32, size: Option<Size>) -> Packet {
        Packet {
            arrived: epoch(),
            layer: 0,
            sequence: 0,
            timestamp: (picture * 3_000).wrapping_sub(30_000),
            marker: false,
            seen: Seen {
                size,
                ..Seen::default()
            },
            level: None,
            payload: Bytes::from_static(&[0; 1_000]),
            redundant: None,
        }
    }

    #[test]
    fn rate_frame_rate_and_size_are_measured() {
        let mut measure = Measure::default();
        let size = Size::new(1_280, 720);
        for picture in 0..90 {
            let now = epoch() + Duration::from_micros(33_333) * picture;
            if picture == 29 {
                assert_eq!(measure.bits_per_second(), None, "not a second yet");
            }
            for _ in 0..3 {
                let size = if picture == 0 { size } else { None };
                measure.note(now, &packet(picture, size));
            }
        }
        let rate = measure.bits_per_second().expect("measured");
        assert!((700_000..740_000).contains(&rate), "{rate}");
        assert_eq!(measure.pictures_per_second(), Some(30));
        assert_eq!(measure.size(), size);
    }

    #[test]
    fn a_keyframe_now_and_then_counts_in_the_mean_and_alone_in_the_most() {
        let mut measure = Measure::default();
        for second in 0..24u32 {
            let packets = if second.is_multiple_of(4) { 14 } else { 10 };
            for part in 0..packets {
                let now =
                    epoch() + Duration::from_secs(second.into()) + Duration::from_millis(part);
                measure.note(now, &packet(second, None));
            }
            if second > 4 {
                assert_eq!(measure.bits_per_second(), Some(88_000), "{second}");
                assert_eq!(measure.most_bits_per_second(), Some(112_000));
            }
        }
    }

    #[test]
    fn a_pause_is_part_of_the_rate() {
        let mut measure = Measure::default();
        measure.note(epoch(), &packet(0, None));
        measure.note(epoch() + Duration::from_secs(10), &packet(1, None));
        assert_eq!(measure.bits_per_second(), Some(800));
        assert_eq!(measure.pictures_per_second(), Some(0));
    }
}
