//! The IVF container: a 32-byte header, then frames with a 12-byte header each, little-endian.

use std::time::Duration;

use bytes::Bytes;

use super::Frame;
use super::vp8::is_key_frame;

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// The size of the picture and its frames.
///
/// # Errors
/// What is wrong with the file, as a sentence.
pub fn read(bytes: &[u8]) -> Result<((u16, u16), Vec<Frame>), String> {
    let (header, mut rest) = bytes
        .split_at_checked(FILE_HEADER)
        .ok_or("it is shorter than an IVF header")?;
    if !header.starts_with(b"DKIF") {
        return Err("it is not an IVF file".to_owned());
    }
    if header.get(8..12) != Some(b"VP80") {
        return Err("it does not hold VP8".to_owned());
    }
    let u16_at = |at| array(header, at).map_or(0, u16::from_le_bytes);
    let u32_at = |at| array(header, at).map_or(0, u32::from_le_bytes);
    let (rate, scale) = (u32_at(16), u32_at(20));
    if rate == 0 || scale == 0 {
        return Err("its time base is zero".to_owned());
    }
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (frame, body) = rest
            .split_at_checked(FRAME_HEADER)
            .ok_or("it ends inside a frame header")?;
        let size = array(frame, 0).map_or(0, u32::from_le_bytes) as usize;
        let pts = array(frame, 4).map_or(0, u64::from_le_bytes);
        let (data, after) = body
            .split_at_checked(size)
            .ok_or("it ends inside a frame")?;
        let nanos = u128::from(pts) * u128::from(scale) * 1_000_000_000 / u128::from(rate);
        frames.push(Frame {
            key: is_key_frame(data),
            at: Duration::from_nanos(u64::try_from(nanos).map_err(|_| "a time is out of range")?),
            data: Bytes::copy_from_slice(data),
        });
        rest = after;
    }
    Ok(((u16_at(12), u16_at(14)), frames))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"DKIF\0\0\x20\0VP80".to_vec();
        bytes.extend([64, 0, 48, 0, 30, 0, 0, 0, 1, 0, 0, 0]);
        bytes.resize(FILE_HEADER, 0);
        for (n, frame) in frames.iter().enumerate() {
            bytes.extend((frame.len() as u32).to_le_bytes());
            bytes.extend((n as u64).to_le_bytes());
            bytes.extend(*frame);
        }
        bytes
    }

    #[test]
    fn frames_come_out_with_time_and_kind() {
        let (size, frames) = read(&file(&[&[0x10, 1], &[0x11]])).unwrap();
        assert_eq!(size, (64, 48));
        assert_eq!(frames.len(), 2);
        assert!(frames[0].key && !frames[1].key);
        assert_eq!(frames[1].at, Duration::from_nanos(33_333_333));
    }

    #[test]
    fn a_truncated_file_is_refused_at_every_length() {
        let whole = file(&[&[0x10, 1], &[0x11]]);
        let frame_ends = [FILE_HEADER, FILE_HEADER + FRAME_HEADER + 2];
        for len in 0..whole.len() {
            assert_eq!(
                read(&whole[..len]).is_ok(),
                frame_ends.contains(&len),
                "{len}"
            );
        }
    }
}
