//! Transport-wide numbers of what leaves to one peer, for as long as they are wanted.

use std::time::Instant;

use crate::egress::header::Extensions;

/// What left with consecutive numbers in one turn.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Burst {
    /// The first number.
    pub first: u16,
    /// How many.
    pub count: u16,
    /// Bytes of all, sealed.
    pub bytes: u32,
}

/// The numbers of one peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamping {
    /// The extension's id, if it was negotiated, and 0 otherwise.
    id: u8,
    /// Packets of this turn are numbered.
    is_open: bool,
    /// From when on packets are numbered.
    due: Option<Instant>,
    burst: Burst,
}

impl Stamping {
    /// Nothing has left yet.
    pub fn new(id: Option<u8>) -> Self {
        Self {
            id: id.unwrap_or(0),
            ..Self::default()
        }
    }

    /// Whether numbers were negotiated.
    pub const fn is_negotiated(&self) -> bool {
        self.id != 0
    }

    /// Numbers packets from `due` on.
    pub const fn set_due(&mut self, due: Instant) {
        if self.is_negotiated() {
            self.due = Some(due);
        }
    }

    /// Whether what leaves now is to be numbered.
    #[inline]
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Begins a turn.
    #[inline]
    pub fn begin(&mut self, now: Instant) {
        self.is_open = self.is_due(now);
    }

    /// The extension of the next packet, if it is to be numbered.
    #[inline]
    pub(super) fn next(&self) -> Option<Extensions> {
        if !self.is_open {
            return None;
        }
        let mut extensions = Extensions::NONE;
        extensions.push(self.id, &self.number().to_be_bytes());
        Some(extensions)
    }

    /// The number of the next packet that is numbered.
    #[inline]
    pub(super) const fn number(&self) -> u16 {
        self.burst.first.wrapping_add(self.burst.count)
    }

    /// Counts a packet that left with the next number.
    #[inline]
    pub(super) const fn count(&mut self, length: usize) {
        self.burst.count += 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a datagram is below 64 KiB"
        )]
        let length = length as u32;
        self.burst.bytes += length;
    }

    /// Ends a turn: what has left with numbers, if anything.
    #[inline]
    pub fn end(&mut self) -> Option<Burst> {
        self.is_open = false;
        if self.burst.count == 0 {
            return None;
        }
        let burst = self.burst;
        self.burst = Burst {
            first: burst.first.wrapping_add(burst.count),
            ..Burst::default()
        };
        Some(burst)
    }
}
