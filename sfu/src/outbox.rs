//! Datagrams on their way out: one message per receiver, with as many equal segments as fit.
//!
//! A message is what one system call carries by generic segmentation offload (UDP_SEGMENT): every
//! segment has the same length, the last may be shorter.

use std::collections::VecDeque;
use std::ops::Range;

use crate::path::Path;
use crate::segment_kind::SegmentKind;

/// Bytes of the buffer in which one receiver's messages are made, enough for
/// [`MAX_BATCH`](crate::fanout::MAX_BATCH) of the largest packets.
const BUFFER: usize = 128 * 1_024;

/// Largest segment, in bytes: an Ethernet frame's UDP payload.
pub const MAX_SEGMENT: usize = 1_472;

/// Most bytes of one message: what a UDP length field can say.
const MAX_MESSAGE: usize = 65_507;

/// Most segments of one message: Linux's UDP_MAX_SEGMENTS was 64 for long.
const MAX_SEGMENTS: usize = 64;

/// One message, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'b> {
    /// Where to.
    pub path: Path,
    /// All segments, one after the other.
    pub contents: &'b [u8],
    /// Length of each segment but the last, in bytes.
    pub segment: usize,
    /// What each segment is.
    pub kinds: &'b [SegmentKind],
}

impl<'b> Transmit<'b> {
    /// The segments, for a path or a kernel that takes only one at a time.
    pub fn segments(&self) -> impl Iterator<Item = &'b [u8]> {
        self.contents.chunks(self.segment.max(1))
    }

    /// The segments, and what each is.
    pub fn sorted(&self) -> impl Iterator<Item = (SegmentKind, &'b [u8])> {
        self.kinds.iter().copied().zip(self.segments())
    }
}

#[derive(Clone, Debug)]
struct Message {
    path: Path,
    range: Range<usize>,
    segment: usize,
    kinds: Range<usize>,
    /// A shorter last segment was appended: nothing may follow.
    closed: bool,
}

impl Message {
    #[inline]
    fn takes(&self, path: Path, length: usize) -> bool {
        !self.closed
            && self.path == path
            && length <= self.segment
            && self.range.len() + length <= MAX_MESSAGE
            && self.range.len() / self.segment < MAX_SEGMENTS - 1
    }
}

/// The messages made for one receiver, or a run of control datagrams.
#[derive(Debug)]
pub struct Outbox {
    buffer: Box<[u8]>,
    used: usize,
    messages: VecDeque<Message>,
    /// What each segment in the buffer is.
    kinds: Vec<SegmentKind>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            buffer: vec![0; BUFFER].into_boxed_slice(),
            used: 0,
            messages: VecDeque::with_capacity(64),
            kinds: Vec::with_capacity(1_024),
        }
    }
}

impl Outbox {
    /// Room for one segment to be written before [`commit`](Self::commit), or `None` when full.
    #[inline]
    pub fn space(&mut self) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.used..self.used + MAX_SEGMENT)
    }

    /// Takes the first `length` bytes of [`space`](Self::space) as the next segment for `path`.
    /// Returns the length.
    #[inline]
    pub fn commit(&mut self, path: Path, kind: SegmentKind, length: usize) -> usize {
        let start = self.used;
        if start == 0 {
            self.kinds.clear();
        }
        self.used += length;
        self.kinds.push(kind);
        let kinds = self.kinds.len();
        if let Some(open) = self.messages.back_mut()
            && open.takes(path, length)
        {
            open.range.end = self.used;
            open.kinds.end = kinds;
            open.closed = length < open.segment;
            return length;
        }
        self.messages.push_back(Message {
            path,
            range: start..self.used,
            segment: length,
            kinds: kinds - 1..kinds,
            closed: false,
        });
        length
    }

    /// Whether a segment of this length would ride in the message that was begun last.
    pub fn rides(&self, path: Path, length: usize) -> bool {
        self.messages
            .back()
            .is_some_and(|open| open.takes(path, length))
    }

    /// Whether every message was taken.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Takes the next message.
    #[inline]
    pub fn poll(&mut self) -> Option<Transmit<'_>> {
        let message = self.messages.pop_front()?;
        if self.messages.is_empty() {
            self.used = 0;
        }
        let contents = self.buffer.get(message.range)?;
        Some(Transmit {
            path: message.path,
            contents,
            segment: message.segment,
            kinds: self.kinds.get(message.kinds)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::Udp {
            remote: ([127, 0, 0, 1], port).into(),
            local: None,
            is_shared: false,
        }
    }

    fn shapes(outbox: &mut Outbox) -> Vec<(usize, usize)> {
        std::iter::from_fn(|| outbox.poll().map(|t| (t.contents.len(), t.segment))).collect()
    }

    #[test]
    fn equal_segments_and_one_shorter_share_a_message() {
        let mut outbox = Outbox::default();
        for length in [1_000, 1_000, 80, 80] {
            outbox.commit(path(1), SegmentKind::Picture, length);
        }
        assert_eq!(shapes(&mut outbox), [(2_080, 1_000), (80, 80)]);
    }

    #[test]
    fn a_longer_segment_or_another_path_begins_a_message() {
        let mut outbox = Outbox::default();
        outbox.commit(path(1), SegmentKind::Picture, 80);
        outbox.commit(path(1), SegmentKind::Picture, 1_000);
        outbox.commit(path(2), SegmentKind::Picture, 1_000);
        assert_eq!(
            shapes(&mut outbox),
            [(80, 80), (1_000, 1_000), (1_000, 1_000)]
        );
    }

    #[test]
    fn a_message_stays_below_the_limits_of_udp() {
        let mut outbox = Outbox::default();
        for _ in 0..80 {
            assert!(outbox.space().is_some());
            outbox.commit(path(1), SegmentKind::Picture, 1_200);
        }
        let shapes = shapes(&mut outbox);
        assert!(shapes.iter().all(|(length, _)| *length <= MAX_MESSAGE));
        assert_eq!(
            shapes.iter().map(|(length, _)| length).sum::<usize>(),
            80 * 1_200
        );
    }

    #[test]
    fn the_buffer_is_free_again_when_all_is_taken() {
        let mut outbox = Outbox::default();
        while outbox.space().is_some() {
            outbox.commit(path(1), SegmentKind::Picture, MAX_SEGMENT);
        }
        assert!(!shapes(&mut outbox).is_empty());
        assert!(outbox.space().is_some());
    }

    #[test]
    fn every_segment_says_what_it_is() {
        use SegmentKind::{Control, Keyframe, Picture, Sound};
        let mut outbox = Outbox::default();
        for _ in 0..2 {
            for (kind, length) in [(Keyframe, 900), (Picture, 900), (Sound, 80), (Control, 60)] {
                outbox.commit(path(1), kind, length);
            }
            let first = outbox.poll().unwrap();
            assert_eq!(first.kinds, [Keyframe, Picture, Sound]);
            let lengths: Vec<_> = first.sorted().map(|(_, bytes)| bytes.len()).collect();
            assert_eq!(lengths, [900, 900, 80]);
            assert_eq!(outbox.poll().unwrap().kinds, [Control]);
        }
    }
}
