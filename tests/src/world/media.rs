//! Made-up sound and pictures whose packets say where they come from.

use std::time::Duration;

use bytes::Bytes;
use loadtest::clip::{Clip, Frame, Layer, h264, opus, vp8};
use loadtest::endpoint::Packet;
use loadtest::{marker, publish};
use sfu::kind::{Codec, MediaKind};

/// From one picture to the next.
pub const PICTURE: Duration = Duration::from_millis(40);
/// What one packet of sound plays.
pub const SOUND: Duration = Duration::from_millis(20);

/// Bytes of a piece of a picture: small enough that a mark fits behind it.
const PIECE: usize = 1_000;

/// What a payload says about itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Who made it; layers count on from their source's number.
    pub source: u8,
    /// When it was made, from the beginning of the world.
    pub sent: Duration,
    /// It begins a keyframe.
    pub keyframe: bool,
    /// Picture id (RFC 7741 §4.2), 15 bits; 0 for sound and H.264.
    pub picture: u16,
}

impl Mark {
    /// Of what an endpoint has seen.
    pub fn of(packet: &Packet) -> Option<Self> {
        let mark = packet.mark?;
        Some(Self {
            source: mark.sender as u8 + mark.layer,
            sent: mark.sent,
            keyframe: packet.starts_key_frame,
            picture: packet.picture.unwrap_or_default(),
        })
    }

    /// Of a payload made here.
    pub fn read(kind: MediaKind, payload: &[u8]) -> Option<Self> {
        let mark = marker::Mark::find(payload)?;
        let vp8 = match kind {
            MediaKind::Audio => None,
            MediaKind::Video => Some(vp8::parse(payload)?),
        };
        Some(Self {
            source: mark.sender as u8 + mark.layer,
            sent: mark.sent,
            keyframe: vp8.is_some_and(|payload| payload.starts_key_frame),
            picture: vp8
                .and_then(|payload| payload.picture_id)
                .map_or(0, |(id, _)| id),
        })
    }

    /// How many pictures it was made before another one; fewer than none if it was made later.
    pub fn pictures_before(&self, other: &Self) -> i64 {
        let between = other.sent.as_secs_f64() - self.sent.as_secs_f64();
        (between / PICTURE.as_secs_f64()).round() as i64
    }
}

/// How a light client encodes its picture.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    /// VP8 or H.264.
    pub codec: Codec,
    /// Pictures from one keyframe to the next; 0 for none but those that are asked for.
    pub group: u32,
    /// Makes a keyframe when asked.
    pub answers: bool,
    /// Thousands of bytes of a keyframe, and of any other picture: so many packets, or nearly.
    pub packets: [u8; 2],
}

impl Encoder {
    /// A browser's: a keyframe whenever one is asked for.
    pub const BROWSER: Self = Self {
        codec: Codec::Vp8,
        group: 0,
        answers: true,
        packets: [6, 2],
    };

    /// What the other side notices of it.
    pub(super) const fn habits(self) -> publish::Encoder {
        publish::Encoder {
            codec: self.codec,
            answers: self.answers,
        }
    }

    /// What it makes in layers with these RIDs: one group again and again, or ten minutes with a
    /// keyframe at their begin, so that a further one comes only for who asks. Nothing for who
    /// sends nothing.
    pub(super) fn clip(self, rids: Option<&[&'static str]>) -> Clip {
        let pictures = if self.group == 0 { 15_000 } else { self.group };
        let duration = PICTURE * pictures;
        let layers: &[&str] = match rids {
            None => &[],
            Some([]) => &["h"],
            Some(rids) => rids,
        };
        let layer = |(number, rid): (usize, &&'static str)| {
            let weight = weight(layers, number);
            let size = if are_numbers(layers) {
                (320 * weight as u16, 180 * weight as u16)
            } else {
                (320 << number, 180 << number)
            };
            let key = Bytes::from(self.picture(weight, Some(size)));
            let other = Bytes::from(self.picture(weight, None));
            let frames = (0..pictures).map(|number| Frame {
                key: number == 0,
                at: PICTURE * number,
                data: if number == 0 { &key } else { &other }.clone(),
            });
            Layer {
                rid,
                size,
                frames: frames.collect(),
            }
        };
        let sounds = rids.map_or(0, |_| duration.as_millis() / SOUND.as_millis());
        Clip {
            duration,
            layers: layers.iter().enumerate().map(layer).collect(),
            speech: vec![Bytes::from(sound()); sounds as usize],
            speech_frame: SOUND,
            made_up: true,
        }
    }

    /// One picture: a keyframe of this size, or one that follows.
    fn picture(self, weight: usize, key: Option<(u16, u16)>) -> Vec<u8> {
        let packets = self.packets[usize::from(key.is_none())];
        let bytes = usize::from(packets) * weight * PIECE;
        match self.codec {
            Codec::H264 => h264(bytes, key.is_some()),
            Codec::Vp8 | Codec::Opus => vp8(bytes, key),
        }
    }
}

/// How much larger a layer is than the smallest. An encoder that numbers its layers begins with the
/// largest, as OBS does; of the others all are alike.
fn weight(rids: &[&str], number: usize) -> usize {
    if are_numbers(rids) {
        1 << (rids.len() - 1 - number)
    } else {
        1
    }
}

fn are_numbers(rids: &[&str]) -> bool {
    let is_number = |rid: &&str| rid.bytes().all(|letter| letter.is_ascii_digit());
    rids.iter().all(is_number)
}

/// One Opus frame of 20 ms.
fn sound() -> Vec<u8> {
    let mut packet = vec![0x78];
    packet.resize(64, 0x55);
    packet
}

/// RFC 6386 §9.1.
fn vp8(bytes: usize, key: Option<(u16, u16)>) -> Vec<u8> {
    let mut frame = vec![u8::from(key.is_none()) | 0x10, 0, 0];
    if let Some((width, height)) = key {
        frame.extend([0x9d, 0x01, 0x2a]);
        frame.extend(width.to_le_bytes());
        frame.extend(height.to_le_bytes());
    }
    frame.resize(bytes, 0xaa);
    frame
}

/// The parameter sets of a keyframe and its slice, or another slice.
fn h264(bytes: usize, key: bool) -> Vec<u8> {
    const SETS: [&[u8]; 2] = [&[0x67, 0x42, 0xe0], &[0x68, 0xce, 0x3c]];
    let slice: &[u8] = if key { &[0x65, 0x88] } else { &[0x41, 0x9a] };
    let sets: &[&[u8]] = if key { &SETS } else { &[] };
    let units = sets.iter().chain([&slice]);
    let mut picture: Vec<u8> = units
        .flat_map(|unit| [&h264::START, *unit].concat())
        .collect();
    picture.resize(bytes, 0xaa);
    picture
}

/// The payload of a packet of sound with its mark.
///
/// # Panics
/// Never: it takes padding.
pub fn audio(source: u8, sent: Duration) -> Bytes {
    let padded = opus::pad(&sound(), &mark(source, sent));
    padded.expect("it takes padding").into()
}

/// The payloads of a picture as browsers make it, each with its mark.
pub fn video(source: u8, sent: Duration, number: u16, key: bool) -> Vec<Bytes> {
    let frame = Encoder::BROWSER.picture(1, key.then_some((640, 360)));
    let pieces = vp8::split(&frame, PIECE).enumerate();
    let payload = |(part, piece): (usize, &[u8])| {
        let descriptor = vp8::descriptor(part == 0, number & 0x7fff);
        [&descriptor[..], piece, &mark(source, sent)]
            .concat()
            .into()
    };
    pieces.map(payload).collect()
}

fn mark(source: u8, sent: Duration) -> [u8; marker::LEN] {
    let mark = marker::Mark {
        sender: source.into(),
        layer: 0,
        sent,
    };
    mark.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let sent = Duration::from_millis(70_000);
        let mark = Mark::read(MediaKind::Audio, &audio(3, sent)).unwrap();
        assert_eq!((mark.source, mark.sent), (3, sent));
        let packets = video(4, sent, 0x8007, true);
        assert_eq!(packets.len(), 6);
        for (part, packet) in packets.iter().enumerate() {
            let mark = Mark::read(MediaKind::Video, packet).unwrap();
            assert_eq!((mark.source, mark.sent, mark.picture), (4, sent, 7));
            assert_eq!(mark.keyframe, part == 0);
        }
    }

    #[test]
    fn pictures_are_as_large_as_their_encoder_says() {
        for codec in [Codec::Vp8, Codec::H264] {
            let encoder = Encoder {
                codec,
                group: 50,
                ..Encoder::BROWSER
            };
            let clip = encoder.clip(Some(&["0", "1"]));
            let bytes = clip.layers.iter().map(|layer| {
                let frames = layer.frames.iter().map(|frame| frame.data.len());
                frames.take(2).collect::<Vec<_>>()
            });
            let bytes: Vec<_> = bytes.collect();
            assert_eq!(bytes, [[12_000, 4_000], [6_000, 2_000]], "{codec:?}");
        }
    }
}
