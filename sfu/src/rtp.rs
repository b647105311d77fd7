//! RTP and RTCP headers read and written in place (RFC 3550 §5.1, RFC 8285). No codec, no state.

use crate::id::{Pt, Ssrc};

/// Length of an RTP header without CSRCs and extensions, in bytes.
pub const HEADER: usize = 12;

/// Where the parts of one RTP packet lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Marker bit: for video, the last packet of a frame.
    pub marker: bool,
    /// Payload type.
    pub pt: Pt,
    /// Sequence number as on the wire.
    pub sequence: u16,
    /// Timestamp in units of the codec's clock.
    pub timestamp: u32,
    /// Source.
    pub ssrc: Ssrc,
    /// Offset of the payload, in bytes.
    pub payload: usize,
    /// Whether the last byte of the (decrypted) packet counts padding.
    pub padded: bool,
    /// The extension block, if any: its profile word and where its data lies.
    extension: Option<(u16, usize, usize)>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// The big-endian 32-bit word at `at`, if it is inside.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Header {
    /// Reads the header of an RTP packet, encrypted or not. `None` if it is malformed.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        let second = *packet.get(1)?;
        if first >> 6 != 2 {
            return None;
        }
        let mut payload = HEADER + usize::from(first & 0x0f) * 4;
        let mut extension = None;
        if first & 0x10 != 0 {
            let profile = u16_at(packet, payload)?;
            let length = usize::from(u16_at(packet, payload + 2)?) * 4;
            extension = Some((profile, payload + 4, length));
            payload += 4 + length;
        }
        if packet.len() < payload {
            return None;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            pt: Pt(second & 0x7f),
            sequence: u16_at(packet, 2)?,
            timestamp: u32_at(packet, 4)?,
            ssrc: Ssrc(u32_at(packet, 8)?),
            payload,
            padded: first & 0x20 != 0,
            extension,
        })
    }

    /// The data of the header extension with this id (RFC 8285 §4.2 and §4.3).
    pub fn extension<'p>(&self, packet: &'p [u8], id: u8) -> Option<&'p [u8]> {
        let (profile, start, length) = self.extension?;
        let block = packet.get(start..start + length)?;
        match profile {
            0xbede => one_byte_extension(block, id),
            two_byte if two_byte & 0xfff0 == 0x1000 => two_byte_extension(block, id),
            _ => None,
        }
    }

    /// The payload of a *decrypted* packet without its padding. `None` if the padding is malformed.
    pub fn payload<'p>(&self, packet: &'p [u8]) -> Option<&'p [u8]> {
        let payload = packet.get(self.payload..)?;
        if !self.padded {
            return Some(payload);
        }
        let padding = usize::from(*payload.last()?);
        if padding == 0 {
            return None;
        }
        payload.get(..payload.len().checked_sub(padding)?)
    }
}

fn one_byte_extension(block: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = block;
    while let Some((&head, tail)) = rest.split_first() {
        match head >> 4 {
            0 => rest = tail,
            15 => return None,
            id => {
                let length = usize::from(head & 0x0f) + 1;
                let data = tail.get(..length)?;
                if id == wanted {
                    return Some(data);
                }
                rest = tail.get(length..)?;
            }
        }
    }
    None
}

fn two_byte_extension(block: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = block;
    while let Some((&id, tail)) = rest.split_first() {
        if id == 0 {
            rest = tail;
            continue;
        }
        let (&length, tail) = tail.split_first()?;
        let data = tail.get(..usize::from(length))?;
        if id == wanted {
            return Some(data);
        }
        rest = tail.get(usize::from(length)..)?;
    }
    None
}

/// Whether a datagram in the RTP range of RFC 7983 is RTCP (RFC 5761 §4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet.get(1), Some(192..=223))
}

/// Extends a 16-bit RTP sequence number past its wraparound.
///
/// Returns the value closest to `reference` whose low 16 bits are `sequence`; `reference` should be
/// the highest number seen so far. Packets up to 32,767 behind or ahead are placed correctly. A
/// stream's first number should be given some distance from zero so that earlier packets, coming
/// late, stay positive.
pub fn extend_sequence(reference: u64, sequence: u16) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low 16 bits are wanted"
    )]
    let delta = sequence.wrapping_sub(reference as u16).cast_signed();
    reference.saturating_add_signed(i64::from(delta))
}

/// One packet of a compound RTCP datagram (RFC 3550 §6.4, RFC 4585 §6.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rtcp<'p> {
    /// Payload type: 200 SR, 201 RR, 205 transport feedback, 206 payload feedback, …
    pub kind: u8,
    /// The five bits beside the version: a count or a feedback message type.
    pub count: u8,
    /// The whole packet with its header.
    pub bytes: &'p [u8],
}

impl Rtcp<'_> {
    /// Sender report.
    pub const SR: u8 = 200;
    /// Receiver report.
    pub const RR: u8 = 201;
    /// Transport-layer feedback: with count 1 a generic NACK (RFC 4585 §6.2.1).
    pub const RTPFB: u8 = 205;
    /// Payload-specific feedback: 1 PLI (RFC 4585 §6.3.1), 4 FIR (RFC 5104 §4.3.1).
    pub const PSFB: u8 = 206;

    /// The 32-bit word at a byte offset.
    pub fn word(&self, at: usize) -> Option<u32> {
        u32_at(self.bytes, at)
    }
}

/// Walks the packets of a decrypted compound. Stops at the first malformed one.
pub fn rtcp_packets(compound: &[u8]) -> impl Iterator<Item = Rtcp<'_>> {
    let mut rest = compound;
    std::iter::from_fn(move || {
        let &first = rest.first()?;
        let &kind = rest.get(1)?;
        let length = (usize::from(u16_at(rest, 2)?) + 1) * 4;
        if first >> 6 != 2 {
            return None;
        }
        let bytes = rest.get(..length)?;
        rest = rest.get(length..)?;
        Some(Rtcp {
            kind,
            count: first & 0x1f,
            bytes,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_header_is_read() {
        let mut packet = vec![0x80, 0xe0, 1, 2, 0, 0, 0, 9, 0, 0, 0, 7];
        packet.extend([42; 5]);
        let header = Header::parse(&packet).expect("well formed");
        assert!(header.marker);
        assert_eq!(
            (header.pt, header.sequence, header.timestamp),
            (Pt(0x60), 0x0102, 9)
        );
        assert_eq!(header.payload(&packet), Some(&[42u8; 5][..]));
    }

    #[test]
    fn extensions_of_both_forms_are_found() {
        let one = [
            0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 7, 0x20, 8,
        ];
        let header = Header::parse(&one).expect("well formed");
        assert_eq!(header.extension(&one, 1), Some(&[7u8][..]));
        assert_eq!(header.extension(&one, 2), Some(&[8u8][..]));
        assert_eq!(header.extension(&one, 3), None);
        let two = [
            0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0, 1, 20, 2, b'h', b'i',
        ];
        let header = Header::parse(&two).expect("well formed");
        assert_eq!(header.extension(&two, 20), Some(&b"hi"[..]));
    }

    #[test]
    fn padding_is_cut_off_and_nonsense_refused() {
        let mut packet = vec![0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 5, 0, 2];
        let header = Header::parse(&packet).expect("well formed");
        assert_eq!(header.payload(&packet), Some(&[5u8, 5][..]));
        *packet.last_mut().expect("not empty") = 9;
        assert_eq!(header.payload(&packet), None);
        *packet.last_mut().expect("not empty") = 0;
        assert_eq!(header.payload(&packet), None);
    }

    #[test]
    fn extends_across_every_wraparound() {
        for start in [0x1_0000_u64, 0x1_7fff, 0x1_8000, 0x1_ffff, 0x5_0000] {
            for step in -5_i64..=5 {
                let want = start.saturating_add_signed(step);
                #[expect(clippy::cast_possible_truncation, reason = "the wire carries 16 bits")]
                let on_wire = want as u16;
                assert_eq!(
                    extend_sequence(start, on_wire),
                    want,
                    "from {start:#x} by {step}"
                );
            }
        }
    }

    #[test]
    fn a_compound_is_walked() {
        let mut compound = vec![0x80, 200, 0, 6];
        compound.resize(28, 0);
        compound.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        compound.extend([0x81, 206, 0, 9]);
        let kinds: Vec<_> = rtcp_packets(&compound).map(|p| (p.kind, p.count)).collect();
        assert_eq!(
            kinds,
            [(200, 0), (206, 1)],
            "the truncated third is not reported"
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), id in 1u8..255) {
            if let Some(header) = Header::parse(&bytes) {
                let _ = header.extension(&bytes, id);
                let _ = header.payload(&bytes);
            }
            let _ = rtcp_packets(&bytes).count();
        }

        #[test]
        fn extension_is_the_nearest(reference in 40_000u64..u64::MAX / 2, delta in -32_000i64..32_000) {
            let want = reference.saturating_add_signed(delta);
            #[expect(clippy::cast_possible_truncation, reason = "the wire carries 16 bits")]
            let on_wire = want as u16;
            prop_assert_eq!(extend_sequence(reference, on_wire), want);
        }
    }
}
