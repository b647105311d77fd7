//! What forwarding must see of Opus: for how long a packet sounds.

/// Samples per millisecond, which are the ticks of its RTP clock (RFC 7587 §4.1).
const PER_MS: u32 = 48;

/// Longest that one packet may sound (RFC 6716 §3.2.5).
const MAX_MS: u32 = 120;

/// How long a packet sounds, in ticks of the RTP clock (RFC 6716 §3.1). `None` for what is no Opus.
pub fn duration(payload: &[u8]) -> Option<u32> {
    let head = *payload.first()?;
    let frames = match head & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    let step = usize::from(head >> 3 & 3);
    let frame = match head >> 3 {
        0..12 => [10, 20, 40, 60].get(step)? * PER_MS,
        12..16 => [10, 20].get(step % 2)? * PER_MS,
        _ => *[120, 240, 480, 960].get(step)?,
    };
    let all = frames * frame;
    (1..=MAX_MS * PER_MS).contains(&all).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_sounds_as_long_as_its_first_bytes_say() {
        let cases: [(&[u8], Option<u32>); 9] = [
            (&[0x78], Some(960)),
            (&[1 << 3 | 1], Some(2 * 960)),
            (&[3 << 3], Some(2_880)),
            (&[14 << 3], Some(480)),
            (&[16 << 3], Some(120)),
            (&[31 << 3 | 3, 6], Some(6 * 960)),
            (&[31 << 3 | 3, 7], None),
            (&[31 << 3 | 3], None),
            (&[], None),
        ];
        for (payload, expected) in cases {
            assert_eq!(duration(payload), expected, "{payload:?}");
        }
    }
}
