//! H.264 in RTP (RFC 6184, packetization mode 1): units whole, or in fragments.

/// What stands before each unit of a picture (H.264 Annex B).
pub const START: [u8; 4] = [0, 0, 0, 1];
/// Type of a sequence parameter set: a picture that can be decoded by itself begins with it.
const PARAMETERS: u8 = 7;
/// Type of several units in one packet.
const AGGREGATE: u8 = 24;
/// Type of a fragment.
const FRAGMENT: u8 = 28;
const TYPE: u8 = 0x1f;

/// The payloads of a picture whose units stand behind start codes, none over `max_bytes` (at least
/// 3).
pub fn split(picture: &[u8], max_bytes: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for unit in units(picture) {
        let Some((&head, body)) = unit.split_first() else {
            continue;
        };
        if unit.len() <= max_bytes {
            payloads.push(unit.to_vec());
            continue;
        }
        let pieces = body.chunks(max_bytes.saturating_sub(2).max(1));
        let last = pieces.len().saturating_sub(1);
        for (n, piece) in pieces.enumerate() {
            let start = u8::from(n == 0) << 7;
            let end = u8::from(n == last) << 6;
            let mut payload = vec![head & !TYPE | FRAGMENT, start | end | head & TYPE];
            payload.extend_from_slice(piece);
            payloads.push(payload);
        }
    }
    payloads
}

/// Whether a payload begins a picture that can be decoded by itself: with its parameter sets.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    match payload {
        [head, ..] if head & TYPE == PARAMETERS => true,
        [head, _, _, inner, ..] if head & TYPE == AGGREGATE => inner & TYPE == PARAMETERS,
        _ => false,
    }
}

fn units(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let unit = rest.strip_prefix(&START)?;
        let next = unit.windows(START.len()).position(|at| at == START);
        let (unit, after) = unit.split_at(next.unwrap_or(unit.len()));
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_units_are_packets_and_a_large_one_comes_in_fragments() {
        let slice: Vec<u8> = std::iter::once(0x65).chain(1..=250).collect();
        let picture = [&START[..], &[0x67, 1], &START, &[0x68, 2], &START, &slice].concat();
        let payloads = split(&picture, 102);
        let heads: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..2]).collect();
        assert_eq!(
            heads,
            [
                [0x67, 1],
                [0x68, 2],
                [0x7c, 0x85],
                [0x7c, 0x05],
                [0x7c, 0x45]
            ]
        );
        let body: Vec<u8> = payloads[2..]
            .iter()
            .flat_map(|one| &one[2..])
            .copied()
            .collect();
        assert_eq!(body, slice[1..]);
        assert!(payloads.iter().all(|payload| payload.len() <= 102));
        let starts: Vec<bool> = payloads.iter().map(|one| starts_key_frame(one)).collect();
        assert_eq!(starts, [true, false, false, false, false]);
        assert!(starts_key_frame(&[0x78, 0, 2, 0x67, 1]), "an aggregate");
        assert!(!starts_key_frame(&[]));
    }
}
