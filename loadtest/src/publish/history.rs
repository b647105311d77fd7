//! The packets of one stream that may be sent again.

use std::collections::VecDeque;

/// How many are kept: 4 s of the largest layer, longer than any receiver asks back.
const KEPT: usize = 512;

/// The last packets of one stream, as they were sent.
#[derive(Debug, Default)]
pub(super) struct History {
    packets: VecDeque<Kept>,
}

#[derive(Debug)]
pub(super) struct Kept {
    /// Extended number.
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) header_bytes: usize,
    pub(super) packet: Box<[u8]>,
}

impl Kept {
    const fn seq(&self) -> u16 {
        self.index as u16
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.packet.get(self.header_bytes..).unwrap_or_default()
    }
}

impl History {
    /// Keeps a packet; the oldest is forgotten when there are too many.
    pub(super) fn push(&mut self, kept: Kept) {
        if self.packets.len() == KEPT {
            self.packets.pop_front();
        }
        self.packets.push_back(kept);
    }

    /// The packet with this number, if it is still here.
    pub(super) fn find(&self, seq: u16) -> Option<&Kept> {
        let newest = self.packets.back()?.seq();
        let back = usize::from(newest.wrapping_sub(seq));
        let at = self.packets.len().checked_sub(back + 1)?;
        self.packets.get(at).filter(|kept| kept.seq() == seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_packets_are_found_across_the_wrap_and_older_ones_are_not() {
        let mut history = History::default();
        for n in 0..600_u16 {
            history.push(Kept {
                index: 65_300 + u64::from(n),
                timestamp: u32::from(n),
                marker: false,
                header_bytes: 0,
                packet: Box::default(),
            });
        }
        for n in 0..700_u16 {
            let found = history
                .find(65_300_u16.wrapping_add(n))
                .map(|kept| kept.timestamp);
            let expected = (88..600).contains(&n).then_some(u32::from(n));
            assert_eq!(found, expected, "{n}");
        }
    }
}
