//! Opus packets (RFC 6716 §3): out of an Ogg file (RFC 7845), their duration, and padding that carries a mark.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use ogg::PacketReader;

/// The Opus packets of an Ogg file, headers left out.
///
/// # Errors
/// What is wrong with the file, as a sentence.
pub fn read_ogg(bytes: &[u8]) -> Result<Vec<Bytes>, String> {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let mut packets = Vec::new();
    while let Some(packet) = reader.read_packet().map_err(|error| error.to_string())? {
        packets.push(Bytes::from(packet.data));
    }
    if !packets
        .first()
        .is_some_and(|head| head.starts_with(b"OpusHead"))
    {
        return Err("it does not hold Opus".to_owned());
    }
    Ok(packets.split_off(packets.len().min(2)))
}

/// What a packet plays, read from its TOC byte (RFC 6716 §3.1). `None`: not an Opus packet.
pub fn duration(packet: &[u8]) -> Option<Duration> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let micros = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000],
        12..16 => [10_000, 20_000, 10_000, 20_000],
        _ => [2_500, 5_000, 10_000, 20_000],
    };
    let one = *micros.get(usize::from(config & 3))?;
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3f),
    };
    Some(Duration::from_micros(one * count))
}

/// Appends `mark` (at most 254 bytes) to a packet as Opus padding, which every decoder skips
/// (RFC 6716 §3.2.5). `None`: the packet is malformed or is padded already.
pub fn pad(packet: &[u8], mark: &[u8]) -> Option<Vec<u8>> {
    const VBR: u8 = 0x80;
    const PADDED: u8 = 0x40;
    let (&toc, frames) = packet.split_first()?;
    let length = u8::try_from(mark.len())
        .ok()
        .filter(|&length| length < 255)?;
    let (count, frames) = match toc & 3 {
        0 => (1, frames),
        1 => (2, frames),
        2 => (2 | VBR, frames),
        _ => {
            let (&count, frames) = frames.split_first()?;
            if count & PADDED != 0 {
                return None;
            }
            (count, frames)
        }
    };
    let mut padded = Vec::with_capacity(packet.len() + mark.len() + 2);
    padded.extend([toc | 3, count | PADDED, length]);
    padded.extend_from_slice(frames);
    padded.extend_from_slice(mark);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_the_rfc() {
        let ms = |toc: u8, count: u8| duration(&[toc, count]).unwrap().as_micros();
        assert_eq!(ms(1 << 3, 0), 20_000, "SILK narrowband 20 ms");
        assert_eq!(ms(11 << 3, 0), 60_000, "SILK wideband 60 ms");
        assert_eq!(ms(15 << 3 | 3, 3), 60_000, "three hybrid frames of 20 ms");
        assert_eq!(ms(28 << 3, 0), 2_500, "CELT fullband 2.5 ms");
        assert_eq!(ms(31 << 3 | 1, 0), 40_000, "two CELT frames of 20 ms");
        assert_eq!(duration(&[]), None);
    }

    #[test]
    fn padding_keeps_frames_and_duration_for_every_packing() {
        for (packet, frames) in [
            (vec![0x08, 1, 2, 3], 1..4),
            (vec![0x09, 1, 2, 3, 4], 1..5),
            (vec![0x0a, 1, 9, 8, 7], 1..5),
            (vec![0x0b, 3, 5, 6, 7], 2..5),
        ] {
            let padded = pad(&packet, b"mark").unwrap();
            assert_eq!(duration(&padded), duration(&packet), "{packet:?}");
            assert_eq!(padded[3..padded.len() - 4], packet[frames], "{packet:?}");
            assert!(padded.ends_with(b"mark"));
            assert_eq!(padded[2], 4, "the length of the padding");
        }
    }

    #[test]
    fn a_padded_packet_is_not_padded_again() {
        let once = pad(&[0x08, 1], b"m").unwrap();
        assert_eq!(pad(&once, b"m"), None);
    }
}
