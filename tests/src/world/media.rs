//! Made-up sound and pictures whose packets say where they come from.

use bytes::Bytes;
use sfu::kind::{Codec, MediaKind};

/// What a payload says about itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Who made it.
    pub source: u8,
    /// Number of the frame.
    pub frame: u32,
    /// The frame can be decoded by itself.
    pub keyframe: bool,
    /// Number of the packet in its frame.
    pub part: u8,
    /// Picture id (RFC 7741 §4.2), 15 bits; 0 for sound.
    pub picture: u16,
}

/// Bytes of a mark.
const MARK: usize = 6;

/// Bytes of a packet of a picture.
pub const PACKET: usize = 1_000;

/// Bytes before a mark in H.264: unit, and what would follow.
const UNIT: usize = 3;

/// Bytes of the VP8 payload descriptor used here: X, S; I; 15-bit picture id.
const DESCRIPTOR: usize = 4;

impl Mark {
    fn write(self, payload: &mut Vec<u8>) {
        payload.push(self.source);
        payload.extend(self.frame.to_be_bytes());
        payload.push(self.part);
    }

    /// Reads the mark of a payload made here.
    pub fn read(kind: MediaKind, payload: &[u8]) -> Option<Self> {
        let (picture, keyframe, rest) = match kind {
            MediaKind::Audio => (0, true, payload.get(1..)?),
            // The first bit of a VP8 descriptor is set here, that of an H.264 unit never.
            MediaKind::Video if payload.first()? & 0x80 == 0 => {
                let unit = payload.first_chunk::<UNIT>()?;
                let keyframe = unit[0] != 0x7c || unit[1] & 0x1f == 5;
                (0, keyframe, payload.get(UNIT..)?)
            }
            MediaKind::Video => {
                let descriptor = payload.get(..DESCRIPTOR)?;
                let picture = u16::from_be_bytes([descriptor[2] & 0x7f, descriptor[3]]);
                (
                    picture,
                    payload.get(DESCRIPTOR)? & 1 == 0,
                    payload.get(DESCRIPTOR + 1..)?,
                )
            }
        };
        let mark = rest.get(..MARK)?;
        Some(Self {
            source: mark[0],
            frame: u32::from_be_bytes([mark[1], mark[2], mark[3], mark[4]]),
            keyframe,
            part: mark[5],
            picture,
        })
    }
}

/// One Opus frame of 20 ms.
pub fn audio(source: u8, frame: u32) -> Bytes {
    let mut payload = vec![0x78];
    Mark {
        source,
        frame,
        keyframe: true,
        part: 0,
        picture: 0,
    }
    .write(&mut payload);
    payload.resize(80, 0x55);
    payload.into()
}

/// The packets of one H.264 picture: a key picture's parameter sets are packets of their own, and
/// its slice comes in fragments (RFC 6184 §5.8).
fn h264(source: u8, frame: u32, keyframe: bool, parts: u8) -> Vec<Bytes> {
    let head = |part: u8| match (keyframe, part) {
        (true, 0) => [0x67, 0x42, 0xe0],
        (true, 1) => [0x68, 0xce, 0x3c],
        (true, 2) => [0x7c, 0x85, 0x88],
        (true, _) => [0x7c, 0x05, 0xaa],
        (false, 0) => [0x7c, 0x81, 0x9a],
        (false, _) => [0x7c, 0x01, 0xaa],
    };
    (0..parts)
        .map(|part| {
            let mut payload = head(part).to_vec();
            Mark {
                source,
                frame,
                keyframe,
                part,
                picture: 0,
            }
            .write(&mut payload);
            payload.resize(PACKET, 0xaa);
            payload.into()
        })
        .collect()
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
    /// Packets of a keyframe, and of any other picture.
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

    /// Whether it repairs on SSRCs of their own. Encoders for H.264 have none, nor number packets
    /// for the whole transport.
    pub fn has_rtx(self) -> bool {
        self.codec != Codec::H264
    }

    /// The packets of one picture.
    pub fn encode(self, source: u8, frame: u32, keyframe: bool) -> Vec<Bytes> {
        let parts = self.packets[usize::from(!keyframe)];
        match self.codec {
            Codec::H264 => h264(source, frame, keyframe, parts),
            Codec::Vp8 | Codec::Opus => vp8(source, frame, keyframe, parts),
        }
    }
}

/// The packets of one VP8 frame.
pub fn video(source: u8, frame: u32, keyframe: bool) -> Vec<Bytes> {
    Encoder::BROWSER.encode(source, frame, keyframe)
}

fn vp8(source: u8, frame: u32, keyframe: bool, parts: u8) -> Vec<Bytes> {
    (0..parts)
        .map(|part| {
            let [high, low] = ((frame & 0x7fff) as u16).to_be_bytes();
            let start = if part == 0 { 0x90 } else { 0x80 };
            let mut payload = vec![start, 0x80, 0x80 | high, low];
            // The first byte of the frame says whether it is a keyframe (RFC 6386 §9.1); other
            // packets repeat it here so that every mark is complete.
            payload.push(u8::from(!keyframe));
            Mark {
                source,
                frame,
                keyframe,
                part,
                picture: 0,
            }
            .write(&mut payload);
            payload.resize(PACKET, 0xaa);
            payload.into()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark::read(MediaKind::Audio, &audio(3, 70_000)).unwrap();
        assert_eq!((mark.source, mark.frame), (3, 70_000));
        let packets = video(4, 70_000, true);
        let mark = Mark::read(MediaKind::Video, &packets[5]).unwrap();
        assert_eq!(
            (mark.source, mark.frame, mark.keyframe, mark.part),
            (4, 70_000, true, 5)
        );
        assert_eq!(mark.picture, (70_000 & 0x7fff) as u16);
    }
}
