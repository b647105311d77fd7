//! The order of a publication's layers, by what they are: their pictures' size, else their rate.
//!
//! The order of RIDs in the offer is no promise: encoders name them `0`, `1`, `2` or `q`, `h`, `f`,
//! the largest first or last. It holds until more is known.

use arrayvec::ArrayVec;

use crate::codec::Size;
use crate::publication::MAX_LAYERS;
use crate::publication::layer::Layer;

/// By how much the rate of one layer must exceed another's before it counts as the higher one.
///
/// Higher: layers that differ little stay in the order of the offer. Lower: two that are alike change
/// places whenever a picture is hard to encode.
const CLEARLY: f64 = 1.5;

/// Rates below this tell nothing: all layers of a still picture are as good as silent.
const TELLING_BITS_PER_SECOND: u64 = 30_000;

/// Layers by their index, the lowest first.
#[derive(Clone, Debug)]
pub struct Order(ArrayVec<u8, MAX_LAYERS>);

impl Order {
    /// So many layers in the order of the offer.
    pub fn of_offer(layers: usize) -> Self {
        Self((0u8..).take(layers.min(MAX_LAYERS)).collect())
    }

    /// The layers, the lowest first.
    pub fn lowest_first(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }

    /// Looks at what the layers are by now. Those of which nothing tells which is the higher keep
    /// their order.
    pub fn refresh(&mut self, layers: &[Layer]) {
        let is_above = |one: u8, other: u8| {
            let of = |index: u8| layers.get(usize::from(index)).map(Known::of);
            of(one)
                .zip(of(other))
                .is_some_and(|(one, other)| one.is_above(&other))
        };
        // The comparison is no order of all of them, since not all is known of each: every pair of
        // neighbours is looked at as often as there are layers, and no more.
        for _ in 1..self.0.len() {
            for at in 1..self.0.len() {
                if let (Some(&lower), Some(&higher)) = (self.0.get(at - 1), self.0.get(at))
                    && is_above(lower, higher)
                {
                    self.0.swap(at - 1, at);
                }
            }
        }
    }
}

/// What is known of a layer.
struct Known {
    size: Option<Size>,
    rate: Option<u64>,
}

impl Known {
    fn of(layer: &Layer) -> Self {
        Self {
            size: layer.measure.size(),
            rate: layer.measure.bits_per_second(),
        }
    }

    fn is_above(&self, other: &Self) -> bool {
        let pixels = |size: Size| u32::from(size.width) * u32::from(size.height);
        if let (Some(ours), Some(theirs)) = (self.size.map(pixels), other.size.map(pixels))
            && ours != theirs
        {
            return ours > theirs;
        }
        let (Some(ours), Some(theirs)) = (self.rate, other.rate) else {
            return false;
        };
        #[expect(clippy::cast_precision_loss, reason = "rates are compared roughly")]
        let is_clear = ours as f64 >= theirs as f64 * CLEARLY;
        ours >= TELLING_BITS_PER_SECOND && is_clear
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::codec::Seen;
    use crate::packet::Packet;
    use crate::testing::epoch;

    /// A layer of which so many bytes arrive in each of 25 pictures a second, for two seconds.
    fn layer(size: Option<(u16, u16)>, bytes: usize) -> Layer {
        let mut layer = Layer::new(64);
        let size = size.and_then(|(width, height)| Size::new(width, height));
        for sequence in 0..50_u32 {
            let now = epoch() + Duration::from_millis(40) * sequence;
            let packet = Arc::new(Packet {
                arrived: now,
                layer: 0,
                sequence: sequence.into(),
                timestamp: sequence * 3_600,
                marker: true,
                seen: Seen {
                    keyframe: sequence == 0,
                    size: size.filter(|_| sequence == 0),
                    ..Seen::default()
                },
                level: None,
                payload: Bytes::from(vec![0; bytes]),
                redundant: None,
            });
            layer.receive(now, &packet, false).expect("fresh");
        }
        layer
    }

    fn order(layers: &[Layer]) -> Vec<u8> {
        let mut order = Order::of_offer(layers.len());
        order.refresh(layers);
        let first: Vec<_> = order.lowest_first().collect();
        order.refresh(layers);
        assert_eq!(first, order.lowest_first().collect::<Vec<_>>(), "it stays");
        first
    }

    #[test]
    fn layers_are_ordered_by_the_size_of_their_pictures_else_by_their_rate() {
        let (small, middle, large) = (Some((320, 180)), Some((640, 360)), Some((1_280, 720)));
        let cases = [
            (
                "lowest first",
                [(small, 100), (middle, 300), (large, 900)],
                [0, 1, 2],
            ),
            (
                "highest first",
                [(large, 900), (middle, 300), (small, 100)],
                [2, 1, 0],
            ),
            (
                "anyhow",
                [(middle, 300), (large, 900), (small, 100)],
                [2, 0, 1],
            ),
            (
                "a still large one",
                [(large, 9), (middle, 300), (small, 100)],
                [2, 1, 0],
            ),
            (
                "upright",
                [(Some((720, 1_280)), 9), (middle, 9), (small, 9)],
                [2, 1, 0],
            ),
            (
                "sizes unknown",
                [(None, 900), (None, 300), (None, 100)],
                [2, 1, 0],
            ),
            (
                "all of one size",
                [(small, 900), (small, 300), (small, 100)],
                [2, 1, 0],
            ),
            (
                "one unknown",
                [(large, 900), (None, 300), (small, 100)],
                [2, 1, 0],
            ),
            (
                "alike",
                [(small, 900), (small, 850), (small, 800)],
                [0, 1, 2],
            ),
            ("all still", [(None, 90), (None, 30), (None, 10)], [0, 1, 2]),
            ("nothing yet", [(None, 0), (None, 0), (None, 0)], [0, 1, 2]),
        ];
        for (what, layers, expected) in cases {
            let layers = layers.map(|(size, bytes)| layer(size, bytes));
            assert_eq!(order(&layers), expected, "{what}");
        }
    }
}
