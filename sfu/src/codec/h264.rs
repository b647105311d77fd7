//! H.264 NAL units in RTP (RFC 6184 §5): where an IDR picture or its parameter sets begin.

mod parameters;

use super::{Seen, Size};

const NAL_TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Looks at one payload.
pub fn inspect(payload: &[u8]) -> Seen {
    Seen {
        keyframe: starts_keyframe(payload),
        size: size(payload),
        vp8: None,
    }
}

/// The size that a parameter set in this payload says.
fn size(payload: &[u8]) -> Option<Size> {
    let (&head, rest) = payload.split_first()?;
    match head & NAL_TYPE {
        SPS => parameters::size(rest),
        STAP_A => {
            let mut units = units(rest);
            let sps = units.find(|unit| unit.first().is_some_and(|head| head & NAL_TYPE == SPS));
            parameters::size(sps?.get(1..)?)
        }
        _ => None,
    }
}

/// Whether this payload is the first of a keyframe: parameter sets, an IDR slice, an aggregate
/// that holds one of these, or the first fragment of an IDR slice.
///
/// Encoders send SPS and PPS before the IDR slice with the same timestamp, so a stream is joined
/// at the SPS where there is one.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some((&head, rest)) = payload.split_first() else {
        return false;
    };
    match head & NAL_TYPE {
        IDR | SPS => true,
        STAP_A => units(rest).any(|unit| {
            let head = unit.first();
            head.is_some_and(|head| matches!(head & NAL_TYPE, IDR | SPS))
        }),
        FU_A => rest
            .first()
            .is_some_and(|fu| fu & 0x80 != 0 && fu & NAL_TYPE == IDR),
        _ => false,
    }
}

/// The units of an aggregate (§5.7.1), as far as it is well formed.
fn units(mut aggregate: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (size, rest) = aggregate.split_first_chunk()?;
        let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
        aggregate = rest;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_packetization_is_recognised() {
        let cases: [(&[u8], bool); 8] = [
            (&[0x67, 0x42], true),
            (&[0x65, 0x88], true),
            (&[0x41, 0x9a], false),
            (&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68], true),
            (&[0x78, 0, 2, 0x41, 0x9a], false),
            (&[0x7c, 0x85, 0x88], true),
            (&[0x7c, 0x45, 0x88], false),
            (&[], false),
        ];
        for (payload, keyframe) in cases {
            assert_eq!(starts_keyframe(payload), keyframe, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = inspect(&bytes);
        }
    }
}
