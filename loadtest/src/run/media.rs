//! Adds up what streams received in some chapters of a run.

use std::time::Duration;

use sfu::kind::MediaKind;

use crate::endpoint::{Observed, ObservedStream};
use crate::measure::{Distribution, Latencies, rounded};
use crate::receive::playout::Played;
use crate::receive::stream::{AUDIO_STALL, StreamTotals, VIDEO_STALL};
use crate::report::{ForwardLatency, Heard, Media, MediaEntry, Stalls};

/// Streams shorter than this say nothing about frames a second.
const RATE_SPAN: Duration = Duration::from_secs(2);

/// What is counted: some chapters, and when they end if silence at their end is to be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) chapters: &'a [usize],
    /// From the start of the run. Whoever has received nothing for long then has a gap that no
    /// packet has ended, unless it left before.
    pub(super) end: Option<Duration>,
}

/// Both kinds of media.
pub(super) fn media<'a>(
    sites: impl Iterator<Item = &'a Observed> + Clone,
    part: Part<'_>,
) -> Media {
    Media {
        audio: entry(sites.clone(), part, MediaKind::Audio),
        video: entry(sites, part, MediaKind::Video),
    }
}

/// Whose latencies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lines {
    All,
    Good,
    /// Those with this line of the scenario.
    Bad(usize),
}

/// Forward latencies of some chapters.
pub(super) fn latency(all: &[Vec<Latencies>], chapters: &[usize], lines: Lines) -> ForwardLatency {
    let mut sum = Latencies::default();
    for one in chapters.iter().filter_map(|&chapter| all.get(chapter)) {
        let wanted = one.iter().enumerate().filter(|(number, _)| match lines {
            Lines::All => true,
            Lines::Good => *number == 0,
            Lines::Bad(line) => *number == line + 1,
        });
        for (_, latencies) in wanted {
            sum.merge(latencies);
        }
    }
    let mut both = sum.audio.clone();
    both.merge(&sum.video);
    ForwardLatency {
        audio: sum.audio.summary(),
        video: sum.video.summary(),
        both: both.summary(),
        audio_curve: sum.audio.curve(),
        video_curve: sum.video.curve(),
    }
}

/// What one stream received in these chapters; `None` when it did not run then.
pub(super) fn stream(stream: &ObservedStream, chapters: &[usize]) -> Option<StreamTotals> {
    let parts = chapters.iter().filter_map(|&chapter| {
        let index = chapter.checked_sub(stream.first_chapter)?;
        stream.chapters.get(index)
    });
    parts.copied().reduce(|mut sum, part| {
        sum.add(&part);
        sum
    })
}

fn entry<'a>(
    sites: impl Iterator<Item = &'a Observed>,
    part: Part<'_>,
    kind: MediaKind,
) -> Option<MediaEntry> {
    let mut sum = Sum::default();
    for site in sites {
        let mut newest = None;
        for one in site.streams.iter().filter(|one| one.kind == kind) {
            if let Some(totals) = stream(one, part.chapters) {
                newest = newest.max(Some(one.last_arrival));
                sum.add(&totals);
                if kind == MediaKind::Video && !site.has_published {
                    sum.add_rate(&totals);
                }
            }
        }
        let silence = part
            .end
            .filter(|&end| site.gone.is_none_or(|gone| gone >= end))
            .zip(newest)
            .map(|(end, newest)| end.saturating_sub(newest));
        if let Some(silence) = silence.filter(|&silence| silence > limit(kind)) {
            sum.stalls.add(silence);
            sum.entry.stalls.streams += 1;
        }
    }
    sum.finish()
}

const fn limit(kind: MediaKind) -> Duration {
    match kind {
        MediaKind::Audio => AUDIO_STALL,
        MediaKind::Video => VIDEO_STALL,
    }
}

/// Many streams.
#[derive(Debug, Default)]
struct Sum {
    entry: MediaEntry,
    jitter: Distribution,
    rates: Distribution,
    stalls: crate::receive::stalls::Counts,
    span: Duration,
    played: Played,
}

impl Sum {
    fn add(&mut self, totals: &StreamTotals) {
        let entry = &mut self.entry;
        entry.streams += 1;
        entry.expected += totals.expected;
        entry.received += totals.received;
        entry.repaired += totals.repaired;
        entry.duplicates += totals.duplicates;
        entry.late += totals.late;
        entry.bytes += totals.bytes;
        entry.nacks += totals.nacks;
        entry.plis += totals.plis;
        let missing = totals
            .expected
            .saturating_sub(totals.received + totals.repaired);
        let worst = share(missing, totals.expected);
        entry.worst_loss_after_repair = entry.worst_loss_after_repair.max(worst);
        entry.stalls.streams += u64::from(totals.stalls.count > 0);
        self.stalls.merge(totals.stalls);
        self.span += totals.span;
        self.jitter.add(totals.jitter);
        self.played.add(&totals.played);
    }

    /// Not of a site that speaks: its picture of the speaker rests meanwhile.
    fn add_rate(&mut self, totals: &StreamTotals) {
        if totals.span >= RATE_SPAN {
            self.rates
                .add_value(totals.frames as f64 / totals.span.as_secs_f64());
        }
    }

    fn finish(self) -> Option<MediaEntry> {
        let mut entry = self.entry;
        entry.lost_before_repair = entry.expected.saturating_sub(entry.received);
        entry.lost_after_repair = entry.lost_before_repair.saturating_sub(entry.repaired);
        entry.loss_before_repair = share(entry.lost_before_repair, entry.expected);
        entry.loss_after_repair = share(entry.lost_after_repair, entry.expected);
        let stalled = self.stalls.total.as_secs_f64();
        entry.stalls = Stalls {
            count: self.stalls.count,
            total_ms: rounded(stalled * 1e3),
            longest_ms: rounded(self.stalls.longest.as_secs_f64() * 1e3),
            share: stalled / self.span.as_secs_f64().max(1e-3),
            ..entry.stalls
        };
        entry.jitter = self.jitter.summary();
        entry.heard = (self.played != Played::default()).then(|| Heard {
            frames: self.played.heard,
            recovered: self.played.recovered,
            concealed: self.played.concealed,
            share_concealed: self.played.share_concealed(),
        });
        entry.frames_per_second = self.rates.summary();
        (entry.streams > 0).then_some(entry)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receive::stalls::Counts;

    const SECOND: Duration = Duration::from_secs(1);

    fn totals(received: u64, stall_ms: u64) -> StreamTotals {
        let mut stalls = Counts::default();
        if stall_ms > 0 {
            stalls.add(Duration::from_millis(stall_ms));
        }
        StreamTotals {
            expected: received,
            received,
            frames: received,
            stalls,
            span: 10 * SECOND,
            ..StreamTotals::default()
        }
    }

    fn site(first_chapter: usize, chapters: Vec<StreamTotals>, last_arrival: Duration) -> Observed {
        Observed {
            streams: vec![ObservedStream {
                kind: MediaKind::Video,
                ssrc: 1,
                first_chapter,
                chapters,
                first_arrival: Duration::ZERO,
                last_arrival,
            }],
            last_key_frame: None,
            gone: None,
            has_published: false,
        }
    }

    #[test]
    fn only_the_chapters_asked_for_are_counted() {
        let sites = [
            site(
                0,
                vec![totals(5, 900), totals(150, 0), totals(9, 0)],
                30 * SECOND,
            ),
            site(1, vec![totals(100, 250), totals(9, 0)], 30 * SECOND),
            site(2, vec![totals(7, 0)], 30 * SECOND),
        ];
        let part = Part {
            chapters: &[1],
            end: None,
        };
        let video = media(sites.iter(), part).video.unwrap();
        assert_eq!((video.streams, video.received), (2, 250));
        assert_eq!((video.stalls.count, video.stalls.longest_ms), (1, 250.0));
        assert!((video.stalls.share - 0.012_5).abs() < 1e-9);
        let rates = video.frames_per_second.unwrap();
        assert!((9.9..10.1).contains(&rates.min) && (14.9..15.1).contains(&rates.max));
    }

    #[test]
    fn whoever_was_deaf_at_the_end_has_a_gap_and_speakers_have_no_rate() {
        let deaf = [site(1, vec![totals(10, 0)], 15 * SECOND)];
        let part = Part {
            chapters: &[1],
            end: Some(20 * SECOND),
        };
        let stalls = media(deaf.iter(), part).video.unwrap().stalls;
        assert_eq!((stalls.count, stalls.longest_ms), (1, 5_000.0));
        let mut gone = deaf[0].clone();
        gone.gone = Some(16 * SECOND);
        assert_eq!(media([gone].iter(), part).video.unwrap().stalls.count, 0);
        let mut speaker = deaf[0].clone();
        speaker.has_published = true;
        let video = media([speaker].iter(), part).video.unwrap();
        assert_eq!((video.streams, video.frames_per_second), (1, None));
        let well = [site(1, vec![totals(10, 0)], 21 * SECOND)];
        assert_eq!(media(well.iter(), part).video.unwrap().stalls.count, 0);
    }
}
