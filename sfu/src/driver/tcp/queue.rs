//! What waits for a connection that takes less than it is given: sound in front of pictures, and
//! nothing that comes too late.
//!
//! ```text
//! push ─▶ control ─┐
//!         sound    ├─▶ next, wrote
//!         pictures ┘
//! ```
//!
//! A line that is too narrow gets fewer pictures, and each of them whole: from the first that must
//! be left out until the next keyframe its stream is *broken*, and nothing of it is taken.

use std::time::{Duration, Instant};

use super::lane::{Entry, Lane};
use crate::drop_reason::DropReason;
use crate::segment_kind::SegmentKind;
use crate::turn::Envelope;

/// How long sound may wait. Higher: it is late. Lower: a hiccup of the line is heard.
const SOUND_AGE: Duration = Duration::from_millis(300);

/// How long a picture may wait for its beginning. Higher: pictures are late behind the sound.
/// Lower: a keyframe, behind which the next ones wait, breaks the stream on a line that could
/// catch up.
const PICTURE_AGE: Duration = Duration::from_millis(400);

/// How long a picture that was begun may take: a larger one never arrives in time to be of use.
const BEGUN_AGE: Duration = Duration::from_secs(2);

/// How long an answer, a report or a step of a handshake may wait: it is sent again by then.
const CONTROL_AGE: Duration = Duration::from_secs(1);

/// Bytes that may wait of control and of sound, each; one more datagram is dropped.
const MAX_SMALL: usize = 32 * 1_024;

/// Bytes of pictures that may wait: a large keyframe. A picture that finds no room breaks its
/// stream.
const MAX_PICTURES: usize = 256 * 1_024;

/// Streams of pictures of one connection; packets of one more are dropped. An operator has 20.
const MAX_STREAMS: usize = 64;

/// Most bytes handed to the system at once, inside TLS in one record. Higher: a picture takes fewer
/// calls. Lower: what is not sent yet grows less beyond what the system is to keep.
const MAX_WRITE: usize = 12 * 1_024;

/// The same for a line that takes less than it is given. Higher: fewer calls. Lower: sound that comes
/// meanwhile waits less.
const MAX_WRITE_WHEN_NARROW: usize = 4 * 1_024;

/// How long until a keyframe is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// One stream of pictures.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// Timestamp of the picture that was begun last.
    begun: Option<u32>,
    /// Something was left out, and no keyframe has come since.
    is_broken: bool,
    /// When a keyframe was asked for last.
    asked: Option<Instant>,
}

/// Which lane has the frame that was begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Control,
    Sound,
    Pictures,
}

/// What waits for one connection.
#[derive(Debug)]
pub(super) struct Queue {
    control: Lane,
    sound: Lane,
    pictures: Lane,
    streams: Vec<Stream>,
    /// The lane of what [`next`](Self::next) returned, whose first frame must be written to its end
    /// once it was begun.
    open: Option<Way>,
    /// Less was taken than was offered, and something has waited ever since.
    is_narrow: bool,
    too_late: u64,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            control: Lane::new(),
            sound: Lane::new(),
            pictures: Lane::new(),
            streams: Vec::new(),
            open: None,
            is_narrow: false,
            too_late: 0,
        }
    }

    /// Takes a datagram, to be put into its envelope.
    ///
    /// # Errors
    /// Why it is dropped.
    pub(super) fn push(
        &mut self,
        now: Instant,
        kind: SegmentKind,
        envelope: Envelope,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        self.expire(now);
        let small = Entry::new(now);
        match kind {
            SegmentKind::Control => self.control.push(small, envelope, datagram, MAX_SMALL),
            SegmentKind::Sound => self.sound.push(small, envelope, datagram, MAX_SMALL),
            // Nothing is lost on the way here but what was left out, and for that a repair comes
            // too late as well.
            SegmentKind::Repair if !self.pictures.is_empty() => Err(DropReason::TooLate),
            SegmentKind::Repair => {
                let entry = Entry::of_picture(now, datagram, false);
                self.pictures.push(entry, envelope, datagram, MAX_PICTURES)
            }
            SegmentKind::Keyframe | SegmentKind::Picture => {
                let is_keyframe = kind == SegmentKind::Keyframe;
                let entry = Entry::of_picture(now, datagram, is_keyframe);
                self.push_picture(entry, envelope, datagram)
            }
        }
    }

    fn push_picture(
        &mut self,
        entry: Entry,
        envelope: Envelope,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let ssrc = entry.ssrc;
        let stream = match self.streams.iter().position(|known| known.ssrc == ssrc) {
            Some(at) => self.streams.get_mut(at),
            None if self.streams.len() >= MAX_STREAMS => None,
            None => Some(self.streams.push_mut(Stream {
                ssrc,
                begun: None,
                is_broken: false,
                asked: None,
            })),
        };
        let stream = stream.ok_or(DropReason::SendQueueFull)?;
        if stream.is_broken && !entry.is_keyframe {
            return Err(DropReason::PictureBroken);
        }
        stream.is_broken = false;
        let pushed = self.pictures.push(entry, envelope, datagram, MAX_PICTURES);
        if pushed.is_err() {
            self.too_late += self.pictures.abandon_all(ssrc);
            stream.is_broken = true;
        }
        pushed
    }

    /// The bytes that are to be written next; none, if nothing waits.
    pub(super) fn next(&mut self, now: Instant) -> &[u8] {
        self.expire(now);
        if let Some(begun) = self.open.filter(|way| self.lane(*way).is_begun()) {
            return self.lane(begun).front(0);
        }
        let mut ways = [Way::Control, Way::Sound, Way::Pictures].into_iter();
        self.open = ways.find(|way| !self.lane(*way).is_empty());
        let Some(way) = self.open else {
            self.is_narrow = false;
            return &[];
        };
        self.lane(way).front(if self.is_narrow {
            MAX_WRITE_WHEN_NARROW
        } else {
            MAX_WRITE
        })
    }

    /// The system did not take all of what it was offered.
    pub(super) const fn note_blocked(&mut self) {
        self.is_narrow = true;
    }

    /// So many bytes of [`next`](Self::next) were written.
    pub(super) fn wrote(&mut self, written: usize) {
        match self.open {
            Some(Way::Control) => self.control.wrote(written, |_| {}),
            Some(Way::Sound) => self.sound.wrote(written, |_| {}),
            Some(Way::Pictures) => {
                let streams = &mut self.streams;
                self.pictures.wrote(written, |entry| {
                    let stream = streams.iter_mut().find(|known| known.ssrc == entry.ssrc);
                    if let Some(stream) = stream {
                        stream.begun = Some(entry.timestamp);
                    }
                });
            }
            None => {}
        }
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.control.is_empty() && self.sound.is_empty() && self.pictures.is_empty()
    }

    /// How many datagrams were left out because they had waited too long; counted once.
    pub(super) const fn take_too_late(&mut self) -> u64 {
        std::mem::replace(&mut self.too_late, 0)
    }

    /// Whether some stream needs a keyframe, now or when there is room for one.
    pub(super) fn is_broken(&self) -> bool {
        self.streams.iter().any(|stream| stream.is_broken)
    }

    /// The SSRC of a stream that needs a keyframe and for which one would leave at once: while
    /// pictures wait, one more would only be late.
    pub(super) fn poll_keyframe(&mut self, now: Instant) -> Option<u32> {
        if !self.pictures.is_empty() {
            return None;
        }
        let is_due = |stream: &&mut Stream| {
            stream.is_broken
                && stream
                    .asked
                    .is_none_or(|asked| now.saturating_duration_since(asked) >= ASK_AGAIN)
        };
        let stream = self.streams.iter_mut().find(is_due)?;
        stream.asked = Some(now);
        Some(stream.ssrc)
    }

    const fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Control => &self.control,
            Way::Sound => &self.sound,
            Way::Pictures => &self.pictures,
        }
    }

    /// Leaves out what has waited too long.
    fn expire(&mut self, now: Instant) {
        let older = |entry: &Entry, age| now.saturating_duration_since(entry.queued) >= age;
        self.too_late += self.control.drop_while(|entry| older(entry, CONTROL_AGE));
        self.too_late += self.sound.drop_while(|entry| older(entry, SOUND_AGE));
        while let Some(entry) = self.pictures.oldest() {
            let stream = self.streams.iter_mut().find(|it| it.ssrc == entry.ssrc);
            let begun = stream.as_ref().and_then(|stream| stream.begun);
            let age = if begun == Some(entry.timestamp) {
                BEGUN_AGE
            } else {
                PICTURE_AGE
            };
            if !older(&entry, age) {
                return;
            }
            let (left_out, has_keyframe) = self.pictures.abandon(entry.ssrc);
            self.too_late += left_out;
            if let Some(stream) = stream {
                stream.is_broken |= !has_keyframe;
            }
        }
    }
}

#[cfg(test)]
mod tests;
