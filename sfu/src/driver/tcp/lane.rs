//! Datagrams in their envelopes, in the order in which they came: their bytes in one ring, and what
//! must be known of each beside it.

use std::collections::VecDeque;
use std::time::Instant;

use crate::drop_reason::DropReason;
use crate::rtp::HEADER;
use crate::turn::Envelope;

/// Bytes and frames for which a lane keeps memory when it is empty.
const KEEP: (usize, usize) = (16 * 1_024, 64);

/// One frame that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Since when.
    pub(super) queued: Instant,
    /// Of a packet of a picture: its stream and its picture.
    pub(super) ssrc: u32,
    pub(super) timestamp: u32,
    /// The first packet of a keyframe.
    pub(super) is_keyframe: bool,
    /// Bytes that are left, and whether some were written.
    left: usize,
    is_begun: bool,
    /// It is not to leave any more.
    is_abandoned: bool,
}

impl Entry {
    /// One that waits from now on.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            queued: now,
            ssrc: 0,
            timestamp: 0,
            is_keyframe: false,
            left: 0,
            is_begun: false,
            is_abandoned: false,
        }
    }

    /// A packet of a picture, by its RTP header, which is in the clear.
    pub(super) fn of_picture(now: Instant, packet: &[u8], is_keyframe: bool) -> Self {
        let word = |at| packet.get(at..).and_then(<[u8]>::first_chunk);
        let word = |at| word(at).copied().map_or(0, u32::from_be_bytes);
        Self {
            timestamp: word(HEADER - 8),
            ssrc: word(HEADER - 4),
            is_keyframe,
            ..Self::new(now)
        }
    }
}

/// Frames of one kind.
#[derive(Debug)]
pub(super) struct Lane {
    bytes: VecDeque<u8>,
    entries: VecDeque<Entry>,
}

impl Lane {
    pub(super) const fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
            entries: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a part of the first frame was written.
    pub(super) fn is_begun(&self) -> bool {
        self.entries.front().is_some_and(|entry| entry.is_begun)
    }

    /// Puts a datagram into its envelope, unless there would be more than `most` bytes.
    pub(super) fn push(
        &mut self,
        entry: Entry,
        envelope: Envelope,
        datagram: &[u8],
        most: usize,
    ) -> Result<(), DropReason> {
        if self.bytes.len() + envelope.room_for(datagram.len()) > most {
            return Err(DropReason::SendQueueFull);
        }
        let left = envelope.put(datagram, &mut self.bytes);
        let left = left.ok_or(DropReason::Oversized)?;
        self.entries.push_back(Entry { left, ..entry });
        Ok(())
    }

    /// What is left of the first frame, and whole ones behind it as long as all of them have at
    /// most so many bytes; less, where the ring ends.
    pub(super) fn front(&self, most: usize) -> &[u8] {
        let mut length = 0;
        for entry in &self.entries {
            if entry.is_abandoned || (length > 0 && length + entry.left > most) {
                break;
            }
            length += entry.left;
        }
        let (front, _) = self.bytes.as_slices();
        front.get(..length).unwrap_or(front)
    }

    /// So many bytes of [`front`](Self::front) were written; `each` is told whose.
    pub(super) fn wrote(&mut self, mut written: usize, mut each: impl FnMut(&Entry)) {
        drop(self.bytes.drain(..written.min(self.bytes.len())));
        while written > 0
            && let Some(entry) = self.entries.front_mut()
        {
            each(entry);
            let part = entry.left.min(written);
            written -= part;
            entry.left -= part;
            entry.is_begun = true;
            if entry.left > 0 {
                break;
            }
            self.entries.pop_front();
        }
        self.tidy();
    }

    /// The first frame, if it was not begun.
    pub(super) fn oldest(&self) -> Option<Entry> {
        let oldest = self.entries.front().copied();
        oldest.filter(|entry| !entry.is_begun)
    }

    /// Leaves out frames from the first on that were not begun, as long as `is_late` says so.
    /// Returns how many.
    pub(super) fn drop_while(&mut self, is_late: impl Fn(&Entry) -> bool) -> u64 {
        let mut dropped = 0;
        while let Some(entry) = self.oldest().filter(&is_late) {
            self.drop_front(&entry);
            dropped += 1;
        }
        self.tidy();
        dropped
    }

    /// Leaves out what waits of a stream, from the first frame up to the next keyframe. Returns how
    /// many frames, and whether there is such a keyframe.
    pub(super) fn abandon(&mut self, ssrc: u32) -> (u64, bool) {
        let mut first = None;
        let mut abandoned = 0;
        let mut has_keyframe = false;
        for entry in self.entries.iter_mut().filter(|it| it.ssrc == ssrc) {
            if entry.is_begun || entry.is_abandoned {
                continue;
            }
            let picture = *first.get_or_insert(entry.timestamp);
            if entry.is_keyframe && entry.timestamp != picture {
                has_keyframe = true;
                break;
            }
            entry.is_abandoned = true;
            abandoned += 1;
        }
        self.tidy();
        (abandoned, has_keyframe)
    }

    /// Leaves out all that waits of a stream. Returns how many frames.
    pub(super) fn abandon_all(&mut self, ssrc: u32) -> u64 {
        let mut all = 0;
        loop {
            let (abandoned, has_more) = self.abandon(ssrc);
            all += abandoned;
            if !has_more {
                return all;
            }
        }
    }

    /// Gives up what is not to leave any more, and memory that a quiet lane does not need.
    fn tidy(&mut self) {
        while let Some(entry) = self.oldest().filter(|entry| entry.is_abandoned) {
            self.drop_front(&entry);
        }
        if self.entries.is_empty() && self.bytes.capacity() > 2 * KEEP.0 {
            self.bytes.shrink_to(KEEP.0);
            self.entries.shrink_to(KEEP.1);
        }
    }

    fn drop_front(&mut self, entry: &Entry) {
        drop(self.bytes.drain(..entry.left.min(self.bytes.len())));
        self.entries.pop_front();
    }
}

#[cfg(test)]
impl Lane {
    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }
}
