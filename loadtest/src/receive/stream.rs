//! One received RTP stream: everything that is judged by its headers, and what it asks for.

use std::time::{Duration, Instant};

use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use sfu::kind::MediaKind;

use super::jitter::Jitter;
use super::nack::{Missing, STANDSTILL};
use super::playout::{Played, Playout};
use super::sequence::{Arrival, Sequence};
use super::stalls::Stalls;
use crate::rtp::Header;

/// A gap in sound longer than this is heard.
pub const AUDIO_STALL: Duration = Duration::from_millis(100);
/// A gap in the picture longer than this is seen: W3C's freeze adds 150 ms to a usual frame, and
/// three frames at 15 a second are 200 ms.
pub const VIDEO_STALL: Duration = Duration::from_millis(200);
/// For how long a listener holds sound back: as a page does on a lossy line.
const HELD_BACK: Duration = Duration::from_millis(250);
/// Without a keyframe for so long after the first packet, one is asked for, and again: libwebrtc's
/// time for a picture that has not begun.
const KEY_FRAME_WAIT: Duration = Duration::from_millis(200);

/// What the answer says about a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamSpec {
    /// Sound or picture.
    pub kind: MediaKind,
    /// Media SSRC.
    pub ssrc: u32,
    /// RTX SSRC, as far as declared.
    pub rtx_ssrc: Option<u32>,
    /// Missing packets may be asked for.
    pub nack: bool,
    /// Keyframes may be asked for.
    pub pli: bool,
}

/// What came of one stream in one chapter of the run; plain numbers for the report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StreamTotals {
    /// From the first to the highest number of the chapter.
    pub expected: u64,
    /// Arrived in the stream itself.
    pub received: u64,
    /// Arrived by retransmission only.
    pub repaired: u64,
    /// Arrived again.
    pub duplicates: u64,
    /// Arrived after a later one.
    pub late: u64,
    /// Bytes of RTP with headers.
    pub bytes: u64,
    /// Frames that ended: packets with the marker bit.
    pub frames: u64,
    /// NACK entries sent.
    pub nacks: u64,
    /// PLIs sent.
    pub plis: u64,
    /// Stalls.
    pub stalls: super::stalls::Counts,
    /// What was heard of sound.
    pub played: Played,
    /// RFC 3550 jitter at the end.
    pub jitter: Duration,
    /// From the chapter's begin, or the first packet if that came later, to the chapter's end; of
    /// the last chapter, to the last packet.
    pub span: Duration,
}

impl StreamTotals {
    /// Takes out what had been counted before; spans and stalls are counted by chapter anyway.
    fn since(mut self, before: &Self) -> Self {
        self.expected -= before.expected;
        self.received -= before.received;
        self.repaired -= before.repaired;
        self.duplicates -= before.duplicates;
        self.late -= before.late;
        self.bytes -= before.bytes;
        self.frames -= before.frames;
        self.nacks -= before.nacks;
        self.plis -= before.plis;
        self.played = self.played.since(&before.played);
        self
    }

    /// Adds a later chapter of the same stream.
    pub fn add(&mut self, later: &Self) {
        self.expected += later.expected;
        self.received += later.received;
        self.repaired += later.repaired;
        self.duplicates += later.duplicates;
        self.late += later.late;
        self.bytes += later.bytes;
        self.frames += later.frames;
        self.nacks += later.nacks;
        self.plis += later.plis;
        self.played.add(&later.played);
        self.stalls.merge(later.stalls);
        self.jitter = later.jitter;
        self.span += later.span;
    }

    /// Adds what came later and belongs here.
    fn add_strays(&mut self, strays: &Strays) {
        self.received += strays.received;
        self.repaired += strays.repaired;
        self.frames += strays.frames;
        self.stalls.merge(strays.stalls);
    }

    /// Takes out what belongs to the chapter before.
    const fn subtract_strays(&mut self, strays: &Strays) {
        self.received -= strays.received;
        self.repaired -= strays.repaired;
        self.frames -= strays.frames;
    }
}

/// The chapter of the run that a stream is in, and those before.
#[derive(Clone, Debug)]
struct Chapters {
    past: Vec<StreamTotals>,
    begin: Duration,
    /// All counters at `begin`.
    base: StreamTotals,
    /// Highest number at `begin`: what comes of it and below belongs to the chapter before.
    highest: Option<u64>,
    strays: Strays,
}

/// What came in this chapter and belongs to the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Strays {
    received: u64,
    repaired: u64,
    frames: u64,
    stalls: super::stalls::Counts,
}

/// A stream with at least one packet.
#[derive(Clone, Debug)]
pub struct Stream {
    spec: StreamSpec,
    sequence: Sequence,
    missing: Missing,
    jitter: Jitter,
    stalls: Stalls,
    /// Of sound, what is heard of it.
    playout: Option<Playout>,
    newest_timestamp: Option<u32>,
    chapters: Chapters,
    first_arrival: Duration,
    last_arrival: Duration,
    bytes: u64,
    frames: u64,
    plis: u64,
    key_frame: KeyFrame,
    reported: Reported,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum KeyFrame {
    /// The stream cannot be decoded before one comes; ask at that time, and again as often.
    Wanted { ask: Instant, again: Duration },
    /// Decodable.
    Seen,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    expected: u64,
    received: u64,
    /// NTP and RTP time of the last sender report, and when it came.
    sender_report: Option<(u64, u32, Instant)>,
}

impl Stream {
    /// A stream whose first packet arrives now.
    pub fn new(now: Instant, arrival: Duration, spec: StreamSpec) -> Self {
        let (clock_rate, stall) = match spec.kind {
            MediaKind::Audio => (48_000, AUDIO_STALL),
            MediaKind::Video => (90_000, VIDEO_STALL),
        };
        Self {
            spec,
            sequence: Sequence::default(),
            missing: Missing::default(),
            jitter: Jitter::new(clock_rate),
            stalls: Stalls::new(clock_rate, stall),
            playout: (spec.kind == MediaKind::Audio).then(|| Playout::new(HELD_BACK)),
            newest_timestamp: None,
            chapters: Chapters {
                past: Vec::new(),
                begin: arrival,
                base: StreamTotals::default(),
                highest: None,
                strays: Strays::default(),
            },
            first_arrival: arrival,
            last_arrival: arrival,
            bytes: 0,
            frames: 0,
            plis: 0,
            key_frame: KeyFrame::Wanted {
                ask: now + KEY_FRAME_WAIT,
                again: KEY_FRAME_WAIT,
            },
            reported: Reported::default(),
        }
    }

    /// What was negotiated.
    pub const fn spec(&self) -> &StreamSpec {
        &self.spec
    }

    /// The extended number of a packet that has not been counted yet: its SRTP index.
    pub fn extend(&self, seq: u16) -> u64 {
        self.sequence.extend(seq)
    }

    /// Counts a packet of the stream. `false`: it came before, or too late to tell.
    pub fn on_packet(
        &mut self,
        now: Instant,
        arrival: Duration,
        header: &Header,
        bytes: usize,
    ) -> bool {
        self.bytes += bytes as u64;
        let number = self.sequence.extend(header.seq);
        match self.sequence.on_packet(number) {
            Arrival::Newest { gap } => {
                self.on_newest(arrival, header.timestamp, gap.is_empty());
                if self.spec.nack && !gap.is_empty() {
                    self.missing.on_gap(now, gap);
                }
            }
            Arrival::Late => self.missing.on_found(number),
            Arrival::Duplicate | Arrival::TooOld => return false,
        }
        if let Some(playout) = &mut self.playout {
            playout.on_packet(arrival, number, header.timestamp);
        }
        self.frames += u64::from(header.marker);
        if self.chapters.is_stray(number) {
            self.chapters.strays.received += 1;
            self.chapters.strays.frames += u64::from(header.marker);
        }
        true
    }

    /// A packet carried what belongs `offset` ticks before it.
    pub fn on_carried(&mut self, arrival: Duration, header: &Header, offset: u32) {
        if let Some(playout) = &mut self.playout {
            playout.on_carried(arrival, header.timestamp, offset);
        }
    }

    /// Counts a packet that came by retransmission. `false`: it came before, or too late to tell.
    pub fn on_repair(&mut self, now: Instant, original_seq: u16, header: &Header) -> bool {
        let number = self.sequence.extend(original_seq);
        match self.sequence.on_repair(number) {
            Arrival::Newest { gap } if self.spec.nack => self.missing.on_gap(now, gap),
            Arrival::Newest { .. } => {}
            Arrival::Late => self.missing.on_found(number),
            Arrival::Duplicate | Arrival::TooOld => return false,
        }
        self.frames += u64::from(header.marker);
        if self.chapters.is_stray(number) {
            self.chapters.strays.repaired += 1;
            self.chapters.strays.frames += u64::from(header.marker);
        }
        true
    }

    /// All of these numbers have arrived.
    pub fn has_all(&self, numbers: std::ops::RangeInclusive<u64>) -> bool {
        self.sequence.has_all(numbers)
    }

    /// A keyframe has arrived whose first packet has this number: what was sent before is not waited
    /// for any more.
    pub fn on_key_frame(&mut self, first: u64) {
        self.key_frame = KeyFrame::Seen;
        self.missing.forget_below(first);
    }

    /// A keyframe will not be looked for: nothing is decrypted any more.
    pub fn is_decodable(&self) -> bool {
        self.key_frame == KeyFrame::Seen
    }

    /// A sender report of this stream came (RFC 3550 §6.4.1).
    pub const fn on_sender_report(&mut self, now: Instant, report: &SenderReport) {
        self.reported.sender_report = Some((report.ntp_time, report.rtp_time, now));
    }

    /// NTP and RTP time of the last sender report.
    pub fn sender_report(&self) -> Option<(u64, u32)> {
        self.reported.sender_report.map(|(ntp, rtp, _)| (ntp, rtp))
    }

    /// What to ask for now: missing packets, appended to `ask`, and `true` for a keyframe.
    pub fn poll_feedback(
        &mut self,
        now: Instant,
        round_trip: Duration,
        ask: &mut Vec<u16>,
    ) -> bool {
        self.missing.poll(now, round_trip, ask);
        let given_up = self.missing.take_given_up() > 0;
        if !self.spec.pli || self.spec.kind != MediaKind::Video {
            return false;
        }
        if given_up && self.is_decodable() {
            self.key_frame = KeyFrame::Wanted {
                ask: now,
                again: STANDSTILL,
            };
        }
        let KeyFrame::Wanted { ask, again } = &mut self.key_frame else {
            return false;
        };
        if *ask > now {
            return false;
        }
        *ask = now + *again;
        self.plis += 1;
        true
    }

    /// When [`poll_feedback`](Self::poll_feedback) has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let key_frame = match self.key_frame {
            KeyFrame::Wanted { ask, .. } if self.spec.pli && self.spec.kind == MediaKind::Video => {
                Some(ask)
            }
            KeyFrame::Wanted { .. } | KeyFrame::Seen => None,
        };
        let missing = self.missing.poll_timeout();
        key_frame.into_iter().chain(missing).min()
    }

    /// The highest extended number so far.
    pub fn highest(&self) -> Option<u64> {
        self.sequence.highest()
    }

    /// The report block about this stream, and the start of a new interval (RFC 3550 A.3).
    pub fn report(&mut self, now: Instant) -> ReceptionReport {
        let (expected, received) = (self.sequence.expected(), self.received_at_all());
        let expected_now = expected - self.reported.expected;
        let received_now = received - self.reported.received;
        let lost_now = expected_now.saturating_sub(received_now);
        self.reported.expected = expected;
        self.reported.received = received;
        let (last_sender_report, delay) =
            self.reported
                .sender_report
                .map_or((0, 0), |(ntp, _, came)| {
                    let waited = now.saturating_duration_since(came);
                    // Its middle 32 bits.
                    ((ntp >> 16) as u32, (waited.as_secs_f64() * 65_536.0) as u32)
                });
        ReceptionReport {
            ssrc: self.spec.ssrc,
            fraction_lost: (lost_now * 256)
                .checked_div(expected_now)
                .unwrap_or(0)
                .min(255) as u8,
            total_lost: expected.saturating_sub(received).min(0x7f_ffff) as u32,
            last_sequence_number: self.sequence.highest().unwrap_or(0) as u32,
            jitter: self.jitter.in_timestamp_units(),
            last_sender_report,
            delay,
        }
    }

    /// Begins another chapter of the run at `at`, counted as arrivals are.
    pub fn cut(&mut self, at: Duration) {
        let open = self.close(at);
        self.chapters.past = open;
        self.stalls.cut(at);
        self.chapters.begin = at;
        self.chapters.base = self.all_time();
        self.chapters.highest = self.sequence.highest();
        self.chapters.strays = Strays::default();
    }

    /// What came of it, chapter by chapter from the one in which it began.
    pub fn chapters(&self) -> Vec<StreamTotals> {
        self.clone().close(self.last_arrival)
    }

    /// When its first packet came, from the start of the run.
    pub const fn first_arrival(&self) -> Duration {
        self.first_arrival
    }

    /// When the last packet came that was not late.
    pub const fn last_arrival(&self) -> Duration {
        self.last_arrival
    }

    /// The chapters with the one that is open, as if it ended at `end`.
    fn close(&mut self, end: Duration) -> Vec<StreamTotals> {
        let mut chapters = std::mem::take(&mut self.chapters.past);
        let mut open = self.all_time().since(&self.chapters.base);
        self.chapters.strays.stalls = self.stalls.take_before();
        if let Some(before) = chapters.last_mut() {
            before.add_strays(&self.chapters.strays);
            open.subtract_strays(&self.chapters.strays);
        }
        open.stalls = self.stalls.counts();
        open.span = end.saturating_sub(self.chapters.begin);
        chapters.push(open);
        chapters
    }

    /// All counters since the first packet; spans and stalls are not among them.
    fn all_time(&self) -> StreamTotals {
        let counts = self.sequence.counts();
        StreamTotals {
            expected: self.sequence.expected(),
            received: counts.received,
            repaired: counts.repaired,
            duplicates: counts.duplicates,
            late: counts.late + counts.too_old,
            bytes: self.bytes,
            frames: self.frames,
            nacks: self.missing.requests(),
            plis: self.plis,
            played: self
                .playout
                .as_ref()
                .map(Playout::so_far)
                .unwrap_or_default(),
            jitter: self.jitter.as_duration(),
            ..StreamTotals::default()
        }
    }

    fn received_at_all(&self) -> u64 {
        let counts = self.sequence.counts();
        counts.received + counts.repaired
    }

    fn on_newest(&mut self, arrival: Duration, timestamp: u32, contiguous: bool) {
        self.last_arrival = arrival;
        // Packets of one frame leave together: only the first tells about the path.
        if self.newest_timestamp != Some(timestamp) {
            self.newest_timestamp = Some(timestamp);
            self.jitter.on_packet(arrival, timestamp);
            self.stalls.on_packet(arrival, timestamp, contiguous);
        }
    }
}

impl Chapters {
    fn is_stray(&self, number: u64) -> bool {
        self.highest.is_some_and(|highest| number <= highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{NewHeader, write};

    const SPEC: StreamSpec = StreamSpec {
        kind: MediaKind::Video,
        ssrc: 7,
        rtx_ssrc: Some(8),
        nack: true,
        pli: true,
    };

    fn header(seq: u16, timestamp: u32, marker: bool) -> Header {
        let mut bytes = Vec::new();
        let new = NewHeader {
            marker,
            pt: 96,
            seq,
            timestamp,
            ssrc: 7,
        };
        write(&new, &[], &mut bytes);
        Header::parse(&bytes).unwrap()
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_lost_packet_is_asked_for_reported_and_repaired() {
        let start = Instant::now();
        let mut stream = Stream::new(start, ms(0), SPEC);
        stream.on_key_frame(0);
        for (n, seq) in [65_533_u16, 65_534, 0, 1].into_iter().enumerate() {
            let at = ms(n as u64 * 33);
            assert!(stream.on_packet(start + at, at, &header(seq, n as u32 * 3_000, true), 100));
        }
        let mut ask = Vec::new();
        assert!(!stream.poll_feedback(start + ms(110), ms(10), &mut ask));
        assert_eq!(ask, [65_535]);
        let report = stream.report(start + ms(110));
        assert_eq!((report.fraction_lost, report.total_lost), (51, 1));
        assert_eq!(report.last_sequence_number, 65_537);
        assert!(stream.on_repair(start + ms(115), 65_535, &header(1, 6_000, true)));
        assert!(!stream.on_repair(start + ms(116), 65_535, &header(1, 6_000, true)));
        assert_eq!(stream.report(start + ms(120)).total_lost, 0);
        let totals = stream.chapters()[0];
        assert_eq!(
            (totals.expected, totals.received, totals.repaired),
            (5, 4, 1)
        );
        assert_eq!((totals.frames, totals.duplicates, totals.nacks), (5, 1, 1));
    }

    #[test]
    fn what_is_repaired_after_a_cut_belongs_before_it() {
        let start = Instant::now();
        let mut stream = Stream::new(start, ms(0), SPEC);
        for (n, seq) in [10_u16, 12].into_iter().enumerate() {
            let at = ms(n as u64 * 33);
            stream.on_packet(start + at, at, &header(seq, n as u32 * 6_000, true), 100);
        }
        stream.cut(ms(100));
        assert!(stream.on_repair(start + ms(110), 11, &header(1, 3_000, true)));
        stream.on_packet(start + ms(120), ms(120), &header(13, 9_000, true), 100);
        stream.cut(ms(200));
        let chapters = stream.chapters();
        assert_eq!(chapters.len(), 3);
        let numbers = chapters.iter().map(|one| {
            (
                one.expected,
                one.received,
                one.repaired,
                one.frames,
                one.bytes,
            )
        });
        assert_eq!(
            numbers.collect::<Vec<_>>(),
            [(3, 2, 1, 3, 200), (1, 1, 0, 1, 100), (0, 0, 0, 0, 0)]
        );
        assert_eq!((chapters[0].span, chapters[1].span), (ms(100), ms(100)));
    }

    #[test]
    fn a_picture_without_keyframe_asks_for_one_after_a_while_and_again() {
        let start = Instant::now();
        let mut stream = Stream::new(start, ms(0), SPEC);
        stream.on_packet(start, ms(0), &header(1, 0, true), 100);
        let asked: Vec<u64> = (0..2_500)
            .filter(|&n| stream.poll_feedback(start + ms(n), ms(10), &mut Vec::new()))
            .collect();
        assert!(asked.into_iter().eq((200..2_500).step_by(200)));
        stream.on_key_frame(0);
        assert!(!stream.poll_feedback(start + ms(9_000), ms(10), &mut Vec::new()));
        assert_eq!(stream.poll_timeout(), None);
    }

    #[test]
    fn a_picture_that_stands_still_for_three_seconds_asks_for_a_keyframe_and_again() {
        let start = Instant::now();
        let mut stream = Stream::new(start, ms(0), SPEC);
        stream.on_packet(start, ms(0), &header(1, 0, true), 100);
        stream.on_key_frame(0);
        stream.on_packet(start, ms(0), &header(3, 3_000, true), 100);
        let asked: Vec<u64> = (0..7_000)
            .filter(|&n| stream.poll_feedback(start + ms(n), ms(100), &mut Vec::new()))
            .collect();
        assert_eq!(asked, [3_000, 6_000]);
    }

    #[test]
    fn the_delay_since_a_sender_report_counts_in_65536ths() {
        let start = Instant::now();
        let mut stream = Stream::new(start, ms(0), SPEC);
        stream.on_packet(start, ms(0), &header(1, 0, true), 100);
        let report = SenderReport {
            ntp_time: 0x1111_2222_3333_4444,
            ..SenderReport::default()
        };
        stream.on_sender_report(start, &report);
        let report = stream.report(start + ms(500));
        assert_eq!(
            (report.last_sender_report, report.delay),
            (0x2222_3333, 32_768)
        );
    }
}
