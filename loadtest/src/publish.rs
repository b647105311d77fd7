//! What a simulated sender sends: the clip as RTP, its retransmissions and its sender reports.
//!
//! Sans-I/O: plain packets come out, the owner seals and sends them.

mod encoder;
mod history;
mod track;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sfu::kind::{Codec, MediaKind};

use crate::clip::{Clip, Frame, h264, opus, vp8};
use crate::marker::Mark;
pub use encoder::Encoder;
use track::Way;
pub use track::{Stream, TrackSpec};

/// Largest RTP payload, in bytes: what libwebrtc puts into a packet, with room for extensions,
/// the SRTP tag and headers of tunnels.
const MAX_PAYLOAD: usize = 1_100;
/// At most one jump to a keyframe in this time, however many ask, as in libwebrtc's encoders.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);
/// Time between sender reports (RFC 3550 §6.2 allows less than 5 s at our rates).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Opus packets longer than this carry voice. The clip's silence takes 36 to 45 bytes of 20 ms.
const VOICE_BYTES_PER_20_MS: usize = 50;

/// Plain packets on their way to be sealed.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    packets: Vec<Plain>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    start: usize,
    end: usize,
    /// Length of its RTP header.
    pub header_bytes: usize,
    /// Its extended sequence number: the SRTP index.
    pub index: u64,
}

impl Outgoing {
    /// The packets, each with its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (Plain, &[u8])> {
        self.packets
            .iter()
            .filter_map(|&plain| Some((plain, self.bytes.get(plain.start..plain.end)?)))
    }

    /// Nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets the packets and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }

    /// The packet that was added last.
    fn newest(&self) -> &[u8] {
        let newest = self.packets.last();
        newest
            .and_then(|plain| self.bytes.get(plain.start..plain.end))
            .unwrap_or_default()
    }

    fn push(&mut self, index: u64, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        let start = self.bytes.len();
        let header_bytes = write(&mut self.bytes);
        self.packets.push(Plain {
            start,
            end: self.bytes.len(),
            header_bytes,
            index,
        });
    }
}

/// What a publisher has sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Packets of media.
    pub packets: u64,
    /// Bytes of RTP with headers.
    pub bytes: u64,
    /// Pictures, each layer counted.
    pub frames: u64,
    /// Of them keyframes.
    pub key_frames: u64,
    /// Packets sent again on request.
    pub retransmitted: u64,
    /// Packets asked for that had left the history.
    pub retransmit_misses: u64,
    /// Keyframes asked for.
    pub key_frame_requests: u64,
}

/// What its receiver has said about what a publisher sends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Told {
    /// Report blocks (RFC 3550 §6.4.2).
    pub reports: u64,
    /// Transport-wide feedback.
    pub transport: u64,
}

/// One sender: its tracks, and where in the clip it is.
#[derive(Debug)]
pub struct Publisher {
    clip: Arc<Clip>,
    sender: u16,
    encoder: Encoder,
    /// Start of the run: what marks count from.
    epoch: Instant,
    tracks: Vec<Playing>,
    active: bool,
    /// Layers that are sent, from the lowest; an encoder short of bandwidth drops the highest.
    layers: usize,
    /// Loudness that it tells (RFC 6464), instead of the clip's.
    level: Option<u8>,
    /// Its receiver's bandwidth has been probed.
    probed: bool,
    told: Told,
    twcc: u16,
    last_jump: Option<Instant>,
    next_report: Instant,
    sent: Sent,
}

/// A track with its place in the clip.
#[derive(Debug)]
struct Playing {
    spec: TrackSpec,
    streams: Vec<Stream>,
    /// Where each stream goes on: the position and the instant that position is due.
    cursors: Vec<Cursor>,
}

#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// Index of the next frame or packet in the clip.
    next: usize,
    /// When the current round of the clip began.
    round: Instant,
}

impl Publisher {
    /// A sender of `clip`, whose pictures `encoder` has made, that is silent until
    /// [`set_active`](Self::set_active).
    pub fn new(
        epoch: Instant,
        (clip, encoder): (Arc<Clip>, Encoder),
        sender: u16,
        specs: Vec<TrackSpec>,
    ) -> Self {
        let tracks = specs
            .into_iter()
            .map(|spec| {
                let streams = spec.streams();
                let start = Cursor {
                    next: 0,
                    round: epoch,
                };
                Playing {
                    cursors: vec![start; streams.len()],
                    streams,
                    spec,
                }
            })
            .collect();
        Self {
            clip,
            sender,
            encoder,
            epoch,
            tracks,
            active: false,
            layers: usize::MAX,
            level: None,
            probed: false,
            told: Told::default(),
            twcc: 0,
            last_jump: None,
            next_report: epoch,
            sent: Sent::default(),
        }
    }

    /// Starts at the beginning of the clip, or stops.
    pub fn set_active(&mut self, now: Instant, active: bool) {
        if active && !self.active {
            for cursor in self.tracks.iter_mut().flat_map(|track| &mut track.cursors) {
                *cursor = Cursor {
                    next: 0,
                    round: now,
                };
            }
            self.next_report = now;
        }
        self.active = active;
    }

    /// Sends only so many layers, from the lowest.
    pub const fn set_layers(&mut self, layers: usize) {
        self.layers = layers;
    }

    /// Tells this loudness from now on: 0 is the loudest, 127 silence.
    pub const fn set_level(&mut self, level: u8) {
        self.level = Some(level);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.active {
            return None;
        }
        let due = self.tracks.iter().flat_map(|track| {
            let cursors = track.cursors.iter().enumerate();
            cursors.filter_map(|(n, cursor)| Some(cursor.round + self.at(track, n, cursor.next)?))
        });
        due.min()
    }

    /// Sends what is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outgoing) {
        if !self.active {
            return;
        }
        if !self.probed {
            self.probed = true;
            self.probe(out);
        }
        for track in 0..self.tracks.len() {
            for stream in 0..self
                .tracks
                .get(track)
                .map_or(0, |track| track.streams.len())
            {
                while self.send_due(now, track, stream, out) {}
            }
        }
    }

    /// The sender reports that are due, as `(ssrc, RTP time now, packets, octets)`.
    pub fn poll_reports(&mut self, now: Instant) -> Vec<(u32, u32, u32, u32)> {
        if !self.active || now < self.next_report {
            return Vec::new();
        }
        self.next_report = now + REPORT_INTERVAL;
        let streams = self.tracks.iter().flat_map(|track| &track.streams);
        streams
            .filter(|stream| stream.packets() > 0)
            .map(|stream| {
                let time = stream.timestamp(now.saturating_duration_since(self.epoch));
                (
                    stream.ssrc,
                    time,
                    stream.packets() as u32,
                    stream.octets() as u32,
                )
            })
            .collect()
    }

    /// Somebody lost these packets of `ssrc`.
    pub fn on_nack(&mut self, ssrc: u32, lost: &[u16], out: &mut Outgoing) {
        for track in &mut self.tracks {
            let spec = &track.spec;
            let Some(stream) = track.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
                continue;
            };
            for &seq in lost {
                let twcc = &mut self.twcc;
                if stream.retransmit(&mut Way { spec, twcc, out }, seq) {
                    self.sent.retransmitted += 1;
                } else {
                    self.sent.retransmit_misses += 1;
                }
            }
        }
    }

    /// Padding on every repair stream before the first picture, as browsers measure their
    /// bandwidth.
    fn probe(&mut self, out: &mut Outgoing) {
        for track in &mut self.tracks {
            let spec = &track.spec;
            for stream in &mut track.streams {
                let twcc = &mut self.twcc;
                stream.probe(&mut Way { spec, twcc, out });
            }
        }
    }

    /// Transport-wide feedback has come.
    pub const fn on_transport_feedback(&mut self) {
        self.told.transport += 1;
    }

    /// The receiver of `ssrc` has told that it gets it: MID and RID need not be repeated.
    pub fn on_reception_report(&mut self, ssrc: u32) {
        self.told.reports += 1;
        for stream in self.tracks.iter_mut().flat_map(|track| &mut track.streams) {
            if stream.ssrc == ssrc {
                stream.introduced = true;
            }
        }
    }

    /// Somebody needs a keyframe of `ssrc`: all layers of its track go on at the clip's next one.
    pub fn on_key_frame_request(&mut self, now: Instant, ssrc: u32) {
        self.sent.key_frame_requests += 1;
        let recent = self
            .last_jump
            .is_some_and(|last| now.saturating_duration_since(last) < KEY_FRAME_INTERVAL);
        let clip = Arc::clone(&self.clip);
        let Some(track) = self.tracks.iter_mut().find(|track| {
            track.spec.kind() == MediaKind::Video
                && track.streams.iter().any(|stream| stream.ssrc == ssrc)
        }) else {
            return;
        };
        if recent || !self.active || !self.encoder.answers {
            return;
        }
        self.last_jump = Some(now);
        // The keyframe that lies ahead of the first layer; the others have theirs at the same time.
        let ahead = track.cursors.first().map_or(0, |cursor| cursor.next);
        let frames = clip.layers.first().map_or(&[][..], |layer| &layer.frames);
        let target = frames
            .iter()
            .skip(ahead)
            .find(|frame| frame.key)
            .map_or(Duration::ZERO, |frame| frame.at);
        for (stream, cursor) in track.streams.iter().zip(&mut track.cursors) {
            let frames = clip
                .layers
                .get(stream.layer)
                .map_or(&[][..], |layer| &layer.frames);
            let next = frames
                .iter()
                .position(|frame| frame.key && frame.at >= target);
            *cursor = Cursor {
                next: next.unwrap_or(0),
                round: now.checked_sub(target).unwrap_or(now),
            };
        }
    }

    /// What its receiver has said.
    pub const fn told(&self) -> Told {
        self.told
    }

    /// Packets of media of one kind sent, without repairs.
    pub fn packets(&self, kind: MediaKind) -> u64 {
        let tracks = self.tracks.iter().filter(|track| track.spec.kind() == kind);
        tracks
            .flat_map(|track| &track.streams)
            .map(Stream::packets)
            .sum()
    }

    /// What has been sent.
    pub const fn sent(&self) -> Sent {
        self.sent
    }

    /// Where in the round the `next`-th frame of a stream is due.
    fn at(&self, track: &Playing, stream: usize, next: usize) -> Option<Duration> {
        match track.spec.kind() {
            MediaKind::Audio => {
                (next < self.clip.speech.len()).then(|| self.clip.speech_frame * next as u32)
            }
            MediaKind::Video => {
                let layer = track.streams.get(stream)?.layer;
                Some(self.clip.layers.get(layer)?.frames.get(next)?.at)
            }
        }
    }

    /// Sends the next frame of one stream if it is due.
    fn send_due(&mut self, now: Instant, track: usize, number: usize, out: &mut Outgoing) -> bool {
        let due = self.tracks.get(track).and_then(|playing| {
            let cursor = playing.cursors.get(number)?;
            Some(cursor.round + self.at(playing, number, cursor.next)?)
        });
        let Some(due) = due.filter(|&due| due <= now) else {
            return false;
        };
        let mut mark = Mark {
            sender: self.sender,
            layer: 0,
            sent: now.saturating_duration_since(self.epoch),
        };
        let at = due.saturating_duration_since(self.epoch);
        let clip = Arc::clone(&self.clip);
        let Some(Playing {
            spec,
            streams,
            cursors,
        }) = self.tracks.get_mut(track)
        else {
            return false;
        };
        let (Some(stream), Some(cursor)) = (streams.get_mut(number), cursors.get_mut(number))
        else {
            return false;
        };
        let before = (stream.packets(), stream.octets());
        let twcc = &mut self.twcc;
        let mut way = Way { spec, twcc, out };
        let length = match way.spec.kind() {
            MediaKind::Audio => {
                send_speech(&clip, cursor.next, stream, &mut way, (at, self.level), mark);
                clip.speech.len()
            }
            MediaKind::Video => {
                let frames = clip
                    .layers
                    .get(stream.layer)
                    .map_or(&[][..], |layer| &layer.frames);
                mark.layer = number as u8;
                if let Some(frame) = frames.get(cursor.next).filter(|_| number < self.layers) {
                    let pieces = Pieces {
                        mark,
                        each: clip.made_up,
                    };
                    pieces.send(frame, stream, &mut way, at);
                    self.sent.frames += 1;
                    self.sent.key_frames += u64::from(frame.key);
                }
                frames.len()
            }
        };
        self.sent.packets += stream.packets() - before.0;
        self.sent.bytes += stream.octets() - before.1;
        cursor.next += 1;
        if cursor.next >= length {
            *cursor = Cursor {
                next: 0,
                round: cursor.round + clip.duration,
            };
        }
        true
    }
}

fn send_speech(
    clip: &Clip,
    next: usize,
    stream: &mut Stream,
    way: &mut Way<'_>,
    (at, level): (Duration, Option<u8>),
    mark: Mark,
) {
    const VOICE: u8 = 0x80;
    let Some(packet) = clip.speech.get(next) else {
        return;
    };
    let frames = clip.speech_frame.as_millis().div_ceil(20) as usize;
    let voice = packet.len() > VOICE_BYTES_PER_20_MS * frames;
    let padded = opus::pad(packet, &mark.to_bytes());
    // RFC 6464: the voice bit, then the level below overload in dB.
    let heard = if voice { VOICE | 30 } else { 90 };
    let level = level.map_or(heard, |level| VOICE | level);
    stream.send_audio(way, at, level, padded.as_deref().unwrap_or(packet));
}

/// How a picture is taken apart.
struct Pieces {
    mark: Mark,
    /// Every packet carries the mark, not only the last.
    each: bool,
}

impl Pieces {
    fn send(&self, frame: &Frame, stream: &mut Stream, way: &mut Way<'_>, at: Duration) {
        const ROOM: usize = MAX_PAYLOAD - vp8::DESCRIPTOR;
        let mark = self.mark.to_bytes();
        if way.spec.codec == Codec::H264 {
            let mut payloads = h264::split(&frame.data, MAX_PAYLOAD - mark.len());
            for payload in payloads.iter_mut().filter(|_| self.each) {
                payload.extend(mark);
            }
            stream.send_h264(way, at, &payloads);
        } else if self.each {
            let pieces = vp8::split(&frame.data, ROOM - mark.len());
            stream.send_vp8(way, at, pieces, &mark);
        } else {
            let mut data = frame.data.to_vec();
            data.extend(mark);
            stream.send_vp8(way, at, vp8::split(&data, ROOM), &[]);
        }
    }
}

#[cfg(test)]
mod tests;
