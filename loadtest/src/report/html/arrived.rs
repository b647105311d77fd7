//! What sites received.

use super::distributions;
use crate::page::number::{bitrate, count, percent, short};
use crate::page::{Block, Section, Table};
use crate::report::{Heard, Media, MediaEntry, Report};

/// What a row says of one kind of media; nothing where it has no such figure.
type Figure = fn(&MediaEntry) -> String;

const ROWS: [(&str, Figure); 17] = [
    ("Streams", |media| count(media.streams)),
    ("Packets", |media| count(media.expected)),
    ("Bytes, with RTP headers", |media| count(media.bytes)),
    ("Lost before repair", |media| {
        part(media.lost_before_repair, media.loss_before_repair)
    }),
    ("Repaired by retransmission", |media| count(media.repaired)),
    ("Lost for good", |media| {
        part(media.lost_after_repair, media.loss_after_repair)
    }),
    ("Carried by later sound", |media| {
        media
            .heard
            .map_or_else(String::new, |it| count(it.recovered))
    }),
    ("Made up by listeners", |media| {
        let made_up = |it: Heard| part(it.concealed, it.share_concealed);
        media.heard.map_or_else(String::new, made_up)
    }),
    ("Lost for good, worst stream", |media| {
        percent(media.worst_loss_after_repair)
    }),
    ("Late: behind a later packet", |media| count(media.late)),
    ("Came twice", |media| count(media.duplicates)),
    ("Asked for by NACK", |media| count(media.nacks)),
    ("Keyframes asked for", |media| count(media.plis)),
    ("Gaps", |media| count(media.stalls.count)),
    ("Streams with a gap", |media| count(media.stalls.streams)),
    ("Longest gap, ms", |media| short(media.stalls.longest_ms)),
    ("All gaps together, ms", |media| {
        short(media.stalls.total_ms)
    }),
];

/// The kinds of media that there were.
fn kinds(media: &Media) -> Vec<(&'static str, &MediaEntry)> {
    let kinds = [("Picture", &media.video), ("Sound", &media.audio)];
    kinds
        .into_iter()
        .filter_map(|(name, media)| Some((name, media.as_ref()?)))
        .collect()
}

fn figures(caption: &str, kinds: &[(&str, &MediaEntry)]) -> Block {
    let columns: Vec<&str> = std::iter::once("")
        .chain(kinds.iter().map(|kind| kind.0))
        .collect();
    let mut table = Table::new(caption, &columns);
    for (name, figure) in ROWS {
        table.row(name, kinds.iter().map(|(_, media)| figure(media)));
    }
    Block::Table(table)
}

pub(super) fn section(report: &Report) -> Option<Section> {
    let kinds = kinds(&report.media);
    if kinds.is_empty() {
        return None;
    }
    let jitter: Vec<_> = kinds
        .iter()
        .map(|(name, media)| (*name, media.jitter))
        .collect();
    let mut blocks = vec![
        figures("While all watch, all streams together", &kinds),
        Block::Table(distributions(
            "Jitter (RFC 3550) stream by stream, ms",
            &jitter,
            short,
        )),
    ];
    let frames: Vec<_> = kinds
        .iter()
        .map(|(name, media)| (*name, media.frames_per_second))
        .filter(|(_, frames)| frames.is_some())
        .collect();
    if !frames.is_empty() {
        let table = distributions("Frames a second, stream by stream", &frames, short);
        blocks.push(Block::Table(table));
    }
    blocks.push(Block::Text(
        "A gap is a silence of more than 100 ms in the sound, or of more than 200 ms in the \
         picture, that the sender's own time stamps do not explain."
            .to_owned(),
    ));
    blocks.extend(fairness(report));
    blocks.extend(joining(report));
    if let Some(sent) = &report.published {
        let seconds = report.timeline.last().map_or(0.0, |moment| moment.seconds);
        let rate = if seconds > 0.0 {
            format!(", about {}", bitrate(sent.bytes as f64 * 8.0 / seconds))
        } else {
            String::new()
        };
        blocks.push(Block::Text(format!(
            "Published by this run: {} packets{rate}, {} frames with {} keyframes; {} packets were \
             sent again, {} could not be; {} keyframes were asked for.",
            count(sent.packets),
            count(sent.frames),
            count(sent.key_frames),
            count(sent.retransmitted),
            count(sent.retransmit_misses),
            count(sent.key_frame_requests),
        )));
    }
    Some(Section {
        id: "media",
        heading: "What arrived".to_owned(),
        blocks,
    })
}

fn fairness(report: &Report) -> Option<Block> {
    let fairness = report.fairness.as_ref()?;
    let mut table = Table::new("How evenly sites were served", &["", ""]);
    let rate = |kbps: f64| bitrate(kbps * 1e3);
    table.row("Sites compared", [count(fairness.sites.into())]);
    table.row(
        "Jain's index of bytes; 1 is even",
        [format!("{:.5}", fairness.jain_bytes)],
    );
    table.row("Least received", [rate(fairness.min_kbps)]);
    table.row("Mean", [rate(fairness.mean_kbps)]);
    table.row("Most received", [rate(fairness.max_kbps)]);
    if let Some(frames) = fairness.frames_per_second {
        let text = format!("{} to {}", short(frames.min), short(frames.max));
        table.row("Frames a second, site by site", [text]);
    }
    Some(Block::Table(table))
}

/// What sites received while others still came.
fn joining(report: &Report) -> Option<Block> {
    let kinds = kinds(&report.joining.media);
    let seconds = short(report.joining.seconds);
    let caption = format!("Before, for {seconds} s, at sites that were there already");
    (!kinds.is_empty()).then(|| figures(&caption, &kinds))
}

pub(super) fn lines(report: &Report) -> Option<Section> {
    if report.lines.is_empty() {
        return None;
    }
    let columns = [
        "Line",
        "Sites",
        "Datagrams it lost",
        "Refused by its full queue",
        "Picture lost for good",
        "Sound lost for good",
        "Picture stands still",
        "Frames/s, median",
        "Picture forwarded in, 99 %, ms",
    ];
    let mut table = Table::new("Sites by their line, while all watch", &columns);
    let none = || "–".to_owned();
    for line in &report.lines {
        let (video, audio) = (line.media.video.as_ref(), line.media.audio.as_ref());
        let loss = |media: Option<&MediaEntry>| {
            media.map_or_else(none, |media| percent(media.loss_after_repair))
        };
        let frames = video.and_then(|video| video.frames_per_second);
        let latency = line.forward_latency.video;
        let cells = [
            count(line.sites.into()),
            count(line.lost),
            count(line.overflowed),
            loss(video),
            loss(audio),
            video.map_or_else(none, |video| percent(video.stalls.share)),
            frames.map_or_else(none, |frames| short(frames.p50)),
            latency.map_or_else(none, |latency| short(latency.p99)),
        ];
        table.row(&line.name, cells);
    }
    Some(Section {
        id: "lines",
        heading: "Good and bad lines".to_owned(),
        blocks: vec![Block::Table(table)],
    })
}

fn part(number: u64, share: f64) -> String {
    format!("{} ({})", count(number), percent(share))
}
