//! H.264 NAL units in RTP (RFC 6184 §5): where an IDR picture or its parameter sets begin.

mod parameters;

use super::{Seen, Size};

const NAL_TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Looks at one payload. Of a slice it says only that a keyframe could begin with it:
/// [`Beginnings`] knows what came before.
pub fn inspect(payload: &[u8]) -> Seen {
    Seen {
        keyframe: starts_keyframe(payload),
        size: size(payload),
        vp8: None,
    }
}

/// Where the keyframes of one stream begin: at the parameter sets, if it has any before each, or
/// its viewers could decode nothing; else at the first slice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginnings {
    /// Parameter sets came since the last IDR picture.
    has_parameters: bool,
    /// IDR pictures in a row without; `None` until there are parameter sets at all.
    without: Option<u8>,
    /// Time of the newest IDR picture.
    picture: Option<u32>,
}

/// IDR pictures in a row without parameter sets after which a stream counts as one that does not
/// repeat them. One may have lost them on the way.
const WITHOUT: u8 = 2;

impl Beginnings {
    /// Whether a keyframe begins with this packet.
    pub fn begins(&mut self, payload: &[u8], timestamp: u32) -> bool {
        if has_parameters(payload) {
            self.has_parameters = true;
            self.without = Some(0);
            return true;
        }
        if !starts_keyframe(payload) || self.picture == Some(timestamp) {
            return false;
        }
        self.picture = Some(timestamp);
        if std::mem::take(&mut self.has_parameters) {
            return false;
        }
        self.without = self.without.map(|without| without.saturating_add(1));
        self.without.is_none_or(|without| without >= WITHOUT)
    }
}

/// Whether a sequence parameter set lies in this payload.
fn has_parameters(payload: &[u8]) -> bool {
    let is_sps = |head: &u8| head & NAL_TYPE == SPS;
    match payload.split_first() {
        Some((head, rest)) if head & NAL_TYPE == STAP_A => {
            units(rest).any(|unit| unit.first().is_some_and(is_sps))
        }
        Some((head, _)) => is_sps(head),
        None => false,
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
        SPS => true,
        IDR => is_first_slice(rest),
        STAP_A => units(rest).any(|unit| match unit.split_first() {
            Some((head, slice)) if head & NAL_TYPE == IDR => is_first_slice(slice),
            Some((head, _)) => head & NAL_TYPE == SPS,
            None => false,
        }),
        FU_A => rest.split_first().is_some_and(|(fu, slice)| {
            fu & 0x80 != 0 && fu & NAL_TYPE == IDR && is_first_slice(slice)
        }),
        _ => false,
    }
}

/// Whether a slice is the first of its picture: `first_mb_in_slice`, Exp-Golomb, is 0 (ITU-T H.264
/// §7.3.3).
fn is_first_slice(slice: &[u8]) -> bool {
    slice.first().is_some_and(|byte| byte & 0x80 != 0)
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

    /// Which packets of a stream, each with its time, a keyframe begins with.
    fn beginnings(stream: &[(u32, &[u8])]) -> Vec<usize> {
        let mut beginnings = Beginnings::default();
        let mut found = Vec::new();
        for (index, (timestamp, payload)) in stream.iter().enumerate() {
            if beginnings.begins(payload, *timestamp) {
                found.push(index);
            }
        }
        found
    }

    #[test]
    fn a_keyframe_begins_at_its_parameter_sets_however_they_are_packed() {
        let (sps, pps, sei): (&[u8], &[u8], &[u8]) = (&[0x67, 0x42], &[0x68, 0xce], &[0x06, 5]);
        let (first, second, delta): (&[u8], &[u8], &[u8]) =
            (&[0x65, 0x88], &[0x65, 0x40], &[0x41, 0x9a]);
        let (begin, middle): (&[u8], &[u8]) = (&[0x7c, 0x85, 0x88], &[0x7c, 0x05, 0x88]);
        let both: &[u8] = &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce];
        let all: &[u8] = &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x65, 0x88];
        let single = [
            (1, sei),
            (1, sps),
            (1, pps),
            (1, first),
            (1, second),
            (2, delta),
        ];
        assert_eq!(beginnings(&single), [1]);
        let fragments = [
            (1, both),
            (1, begin),
            (1, middle),
            (2, delta),
            (3, both),
            (3, begin),
        ];
        assert_eq!(beginnings(&fragments), [0, 4]);
        assert_eq!(beginnings(&[(1, all), (2, delta), (3, all)]), [0, 2]);
        // Parameter sets that come with the description only.
        assert_eq!(
            beginnings(&[(1, first), (1, second), (2, delta), (3, begin)]),
            [0, 3]
        );
        // The second picture's are lost; from the fourth on they are not repeated.
        let lost = [
            (1, sps),
            (1, first),
            (2, first),
            (3, sps),
            (3, first),
            (4, first),
            (5, first),
        ];
        assert_eq!(beginnings(&lost), [0, 3, 6]);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = inspect(&bytes);
            let _ = Beginnings::default().begins(&bytes, 1);
        }
    }
}
