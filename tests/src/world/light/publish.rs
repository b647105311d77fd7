//! What a light client sends: one audio stream and one video stream per layer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sfu::kind::Codec;

use super::offer::{H264, LEVEL, MID, OPUS, RID, RRID, RTX, TWCC, VP8};
use crate::world::media::{self, Encoder};

const AUDIO_FRAME: Duration = Duration::from_millis(20);
const VIDEO_FRAME: Duration = Duration::from_millis(40);
/// Packets kept for repair.
const KEPT: usize = 500;
/// The bit of the audio level that says "this is speech" (RFC 6464 §3).
const VOICE: u8 = 0x80;

/// A packet before sealing: bytes, length of its header, and its packet index.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    pub(super) header: usize,
    pub(super) ssrc: u32,
    pub(super) index: u64,
}

/// One SSRC of ours.
struct Stream {
    ssrc: u32,
    rtx: u32,
    mid: &'static str,
    rid: Option<String>,
    /// Packet index: the number of the next packet.
    next: u64,
    next_rtx: u64,
    kept: VecDeque<(u16, u32, bool, Bytes)>,
    keyframe_due: bool,
    video: bool,
}

/// Everything that is sent.
pub(super) struct Publisher {
    source: u8,
    encoder: Encoder,
    streams: Vec<Stream>,
    started: Instant,
    frames: [u32; 2],
    next: [Instant; 2],
    twcc: u16,
    /// Keyframes asked for.
    pub(super) plis: u64,
    /// Packets of media sent, without repairs.
    pub(super) sent: [u64; 2],
    /// Repairs sent.
    pub(super) repaired: u64,
    pub(super) paused: bool,
    /// Layers that are sent, from the lowest; an encoder short of bandwidth drops the highest.
    pub(super) layers: usize,
    /// Loudness in -dBov: 0 is the loudest, 127 silence.
    pub(super) level: u8,
    out: Vec<Plain>,
}

impl Publisher {
    pub(super) fn new(now: Instant, source: u8, rids: &[&str], encoder: Encoder) -> Self {
        let base = u32::from(source) * 1_000;
        let stream = |number: u32, video: bool, rid: Option<String>| Stream {
            ssrc: base + 2 * number,
            rtx: base + 2 * number + 1,
            mid: if video { "1" } else { "0" },
            rid,
            // Close to the end of the 16 bits, so that every run goes over it.
            next: 65_300,
            next_rtx: 1,
            kept: VecDeque::new(),
            keyframe_due: true,
            video,
        };
        let mut streams = vec![stream(1, false, None)];
        if rids.is_empty() {
            streams.push(stream(2, true, None));
        }
        for (number, rid) in (2..).zip(rids) {
            streams.push(stream(number, true, Some((*rid).to_owned())));
        }
        let mut publisher = Self {
            source,
            encoder,
            streams,
            started: now,
            frames: [0; 2],
            next: [now; 2],
            twcc: 0,
            plis: 0,
            sent: [0; 2],
            repaired: 0,
            paused: false,
            layers: usize::MAX,
            level: 20,
            out: Vec::new(),
        };
        publisher.probe();
        publisher
    }

    /// Padding on every RTX stream before the first picture, as browsers measure their bandwidth.
    fn probe(&mut self) {
        for stream in self.streams.iter_mut().filter(|stream| stream.video) {
            let mut extensions = vec![(MID, stream.mid.as_bytes().to_vec())];
            if let Some(rid) = &stream.rid {
                extensions.push((RRID, rid.as_bytes().to_vec()));
            }
            let mut padding = vec![0; 200];
            padding.push(201);
            let index = stream.next_rtx;
            stream.next_rtx += 1;
            let mut plain = packet(RTX, false, 0, (stream.rtx, index), &extensions, &padding);
            if let Some(first) = plain.bytes.first_mut() {
                *first |= 0x20;
            }
            self.out.push(plain);
        }
    }

    /// Makes what is due.
    pub(super) fn run(&mut self, now: Instant) {
        while self.next[0] <= now {
            self.next[0] += AUDIO_FRAME;
            self.frames[0] += 1;
            if !self.paused {
                let payload = media::audio(self.source, self.frames[0]);
                self.send(0, self.frames[0].wrapping_mul(960), true, payload);
            }
        }
        while self.next[1] <= now {
            self.next[1] += VIDEO_FRAME;
            self.frames[1] += 1;
            for index in (1..self.streams.len()).take(self.layers) {
                if !self.paused {
                    self.send_picture(index);
                }
            }
        }
    }

    fn send_picture(&mut self, index: usize) {
        let frame = self.frames[1];
        let group = self.encoder.group;
        let is_asked = std::mem::take(&mut self.streams[index].keyframe_due);
        let keyframe = is_asked || frame.is_multiple_of(group);
        // Layers are told apart by their source marks: s for the lowest, s + 1, s + 2.
        let source = self.source + (index as u8 - 1);
        let encoder = Encoder {
            packets: self
                .encoder
                .packets
                .map(|packets| packets * self.weight(index)),
            ..self.encoder
        };
        let packets = encoder.encode(source, frame, keyframe);
        let last = packets.len() - 1;
        for (part, payload) in packets.into_iter().enumerate() {
            self.send(index, frame.wrapping_mul(3_600), part == last, payload);
        }
    }

    /// How much larger a layer is than the smallest. An encoder that numbers its layers begins with
    /// the largest, as OBS does; of the others all are alike.
    fn weight(&self, index: usize) -> u8 {
        let is_number = |rid: &String| rid.bytes().all(|letter| letter.is_ascii_digit());
        match self.streams[index]
            .rid
            .as_ref()
            .filter(|rid| is_number(rid))
        {
            Some(_) => 1 << (self.streams.len() - 1 - index),
            None => 1,
        }
    }

    fn send(&mut self, index: usize, timestamp: u32, marker: bool, payload: Bytes) {
        self.twcc = self.twcc.wrapping_add(1);
        let stream = &mut self.streams[index];
        let number = stream.next;
        stream.next += 1;
        self.sent[usize::from(stream.video)] += 1;
        let mut extensions = vec![(MID, stream.mid.as_bytes().to_vec())];
        if self.encoder.has_rtx() {
            extensions.push((TWCC, self.twcc.to_be_bytes().to_vec()));
        }
        if let Some(rid) = &stream.rid {
            extensions.push((RID, rid.as_bytes().to_vec()));
        }
        if !stream.video {
            extensions.push((LEVEL, vec![VOICE | self.level]));
        }
        let pt = match (stream.video, self.encoder.codec) {
            (false, _) => OPUS,
            (true, Codec::H264) => H264,
            (true, _) => VP8,
        };
        let plain = packet(
            pt,
            marker,
            timestamp,
            (stream.ssrc, number),
            &extensions,
            &payload,
        );
        stream
            .kept
            .push_back((number as u16, timestamp, marker, payload));
        if stream.kept.len() > KEPT {
            stream.kept.pop_front();
        }
        self.out.push(plain);
    }

    /// A receiver misses packets.
    pub(super) fn on_nack(&mut self, ssrc: u32, numbers: &[u16]) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            return;
        };
        for number in numbers {
            let Some((_, timestamp, marker, payload)) =
                stream.kept.iter().find(|kept| kept.0 == *number)
            else {
                continue;
            };
            if !self.encoder.has_rtx() {
                // The very same packet again.
                let mut extensions = vec![(MID, stream.mid.as_bytes().to_vec())];
                extensions.extend(stream.rid.iter().map(|rid| (RID, rid.as_bytes().to_vec())));
                let behind = (stream.next as u16).wrapping_sub(*number);
                let index = stream.next - u64::from(behind);
                let same = (stream.ssrc, index);
                self.repaired += 1;
                self.out.push(packet(
                    H264,
                    *marker,
                    *timestamp,
                    same,
                    &extensions,
                    payload,
                ));
                continue;
            }
            self.twcc = self.twcc.wrapping_add(1);
            let mut extensions = vec![
                (MID, stream.mid.as_bytes().to_vec()),
                (TWCC, self.twcc.to_be_bytes().to_vec()),
            ];
            if let Some(rid) = &stream.rid {
                extensions.push((RRID, rid.as_bytes().to_vec()));
            }
            let body = [&number.to_be_bytes()[..], payload].concat();
            let index = stream.next_rtx;
            stream.next_rtx += 1;
            self.repaired += 1;
            self.out.push(packet(
                RTX,
                *marker,
                *timestamp,
                (stream.rtx, index),
                &extensions,
                &body,
            ));
        }
    }

    /// A receiver needs a keyframe.
    pub(super) fn on_pli(&mut self, ssrc: u32) {
        self.plis += 1;
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.keyframe_due |= self.encoder.answers;
        }
    }

    /// A sender report for every stream (RFC 3550 §6.4.1).
    pub(super) fn reports(&self, now: Instant) -> Vec<u8> {
        let since = now - self.started;
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        let ntp = ((0xd000_0000 + since.as_secs()) << 32) + fraction;
        let mut compound = Vec::new();
        for stream in &self.streams {
            let rate = if stream.video { 90_000.0 } else { 48_000.0 };
            let first = if stream.video { 3_600 } else { 960 };
            let rtp = first + (since.as_secs_f64() * rate) as u32;
            compound.extend([0x80, 200, 0, 6]);
            compound.extend(stream.ssrc.to_be_bytes());
            compound.extend(ntp.to_be_bytes());
            compound.extend(rtp.to_be_bytes());
            compound.extend([0; 8]);
        }
        compound
    }

    pub(super) fn next(&self) -> Instant {
        self.next[0].min(self.next[1])
    }

    pub(super) fn take(&mut self) -> Vec<Plain> {
        std::mem::take(&mut self.out)
    }
}

fn packet(
    pt: u8,
    marker: bool,
    timestamp: u32,
    (ssrc, index): (u32, u64),
    extensions: &[(u8, Vec<u8>)],
    payload: &[u8],
) -> Plain {
    let mut bytes = vec![0x90, pt | u8::from(marker) << 7];
    bytes.extend((index as u16).to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    let mut block = Vec::new();
    for (id, value) in extensions {
        block.push(id << 4 | (value.len() as u8 - 1));
        block.extend(value);
    }
    block.resize(block.len().next_multiple_of(4), 0);
    bytes.extend([0xbe, 0xde]);
    bytes.extend((block.len() as u16 / 4).to_be_bytes());
    bytes.extend(block);
    let header = bytes.len();
    bytes.extend(payload);
    Plain {
        bytes,
        header,
        ssrc,
        index,
    }
}
