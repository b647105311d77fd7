//! What a receiver tells of the way to it by RTCP, read where it lies: nothing is allocated.

use crate::rtp::Rtcp;

/// Unit in which arrivals are told, in microseconds.
pub const TICK: i64 = 250;

/// Units of 250 µs in one of the reference time, which counts 64 ms.
const TICKS_PER_REFERENCE: i64 = 256;

/// Bytes before the first chunk of statuses.
const HEAD: usize = 20;

/// What became of a packet, as far as a report says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It has arrived.
    Came,
    /// It had not when later ones had.
    Lost,
}

/// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'p> {
    base: u16,
    count: u16,
    reference: u32,
    chunks: &'p [u8],
    deltas: &'p [u8],
}

impl<'p> TransportFeedback<'p> {
    /// Reads an RTCP packet of that kind. `None` where its statuses are cut off.
    pub fn parse(packet: &Rtcp<'p>) -> Option<Self> {
        let (numbers, reference) = (packet.word(12)?, packet.word(16)?);
        let (base, count) = (high(numbers), low(numbers));
        let mut covered = 0usize;
        let mut end = HEAD;
        while covered < usize::from(count) {
            let chunk = *packet.bytes.get(end..)?.first_chunk()?;
            covered += usize::from(Chunk::new(u16::from_be_bytes(chunk)).left);
            end += 2;
        }
        Some(Self {
            base,
            count,
            reference: reference >> 8,
            chunks: packet.bytes.get(HEAD..end)?,
            deltas: packet.bytes.get(end..)?,
        })
    }

    /// The first number that is reported.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// When the first arrival is counted from, in units of [`TICK`], modulo [`WRAP`](Self::WRAP).
    pub fn reference(&self) -> i64 {
        i64::from(self.reference) * TICKS_PER_REFERENCE
    }

    /// After so many units reference times begin anew.
    pub const WRAP: i64 = (1 << 24) * TICKS_PER_REFERENCE;

    /// The packets, each with the units of [`TICK`] between the reference and its arrival, if it
    /// has arrived. Ends early where arrivals are cut off.
    pub fn packets(&self) -> Packets<'p> {
        Packets {
            number: self.base,
            left: self.count,
            chunks: self.chunks,
            chunk: Chunk::default(),
            deltas: self.deltas,
            at: 0,
        }
    }
}

/// Statuses that one chunk holds.
#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    bits: u16,
    left: u16,
    /// 0 in a run, where all are the same; else bits of one status.
    width: u16,
}

impl Chunk {
    const fn new(word: u16) -> Self {
        match word >> 14 {
            0 | 1 => Self {
                bits: word >> 13 & 0b11,
                left: word & 0x1fff,
                width: 0,
            },
            2 => Self {
                bits: word << 2,
                left: 14,
                width: 1,
            },
            _ => Self {
                bits: word << 2,
                left: 7,
                width: 2,
            },
        }
    }

    fn next(&mut self) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        if self.width == 0 {
            return Some(self.bits);
        }
        let status = self.bits >> (16 - self.width);
        self.bits <<= self.width;
        Some(status)
    }
}

/// The packets of a [`TransportFeedback`].
#[derive(Clone, Debug)]
pub struct Packets<'p> {
    number: u16,
    left: u16,
    chunks: &'p [u8],
    chunk: Chunk,
    deltas: &'p [u8],
    at: i64,
}

impl Packets<'_> {
    fn status(&mut self) -> Option<u16> {
        loop {
            if let Some(status) = self.chunk.next() {
                return Some(status);
            }
            let (word, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            self.chunk = Chunk::new(u16::from_be_bytes(*word));
        }
    }
}

impl Iterator for Packets<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let number = self.number;
        self.number = number.wrapping_add(1);
        match self.status()? {
            1 => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                self.at += i64::from(*delta);
            }
            2 => {
                let (delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                self.at += i64::from(i16::from_be_bytes(*delta));
            }
            _ => return Some((number, None)),
        }
        Some((number, Some(self.at)))
    }
}

/// The bits per second that a receiver estimates (draft-alvestrand-rmcat-remb-03 §2.2).
pub fn remb(packet: &Rtcp<'_>) -> Option<u32> {
    if packet.word(12)? != u32::from_be_bytes(*b"REMB") {
        return None;
    }
    let word = packet.word(16)?;
    let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3_ffff));
    let rate = if exponent < 40 {
        mantissa << exponent
    } else {
        u64::MAX
    };
    Some(u32::try_from(rate).unwrap_or(u32::MAX))
}

const fn high(word: u32) -> u16 {
    (word >> 16) as u16
}

const fn low(word: u32) -> u16 {
    (word & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::rtcp_packets;
    use proptest::prelude::*;

    fn packet(base: u16, count: u16, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend(base.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 1, 2, 9]);
        for chunk in chunks {
            bytes.extend(chunk.to_be_bytes());
        }
        bytes.extend(deltas);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let words = u16::try_from(bytes.len() / 4 - 1).expect("short");
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Vec<(u16, Option<i64>)>> {
        let part = rtcp_packets(bytes).next()?;
        Some(TransportFeedback::parse(&part)?.packets().collect())
    }

    #[test]
    fn runs_and_vectors_of_statuses_are_read() {
        let run = packet(65_534, 3, &[0x2003], &[4, 0, 200]);
        assert_eq!(
            read(&run).expect("whole"),
            [(65_534, Some(4)), (65_535, Some(4)), (0, Some(204))]
        );
        let one_bit = packet(7, 4, &[0x8000 | 0b1011 << 10], &[1, 2, 3]);
        assert_eq!(
            read(&one_bit).expect("whole"),
            [(7, Some(1)), (8, None), (9, Some(3)), (10, Some(6))]
        );
        let two_bits = packet(7, 3, &[0xc000 | 0b10_0001 << 8], &[255, 250, 9]);
        assert_eq!(
            read(&two_bits).expect("whole"),
            [(7, Some(-6)), (8, None), (9, Some(3))]
        );
        let part = rtcp_packets(&run).next().expect("one");
        let feedback = TransportFeedback::parse(&part).expect("whole");
        assert_eq!(feedback.reference(), (1 << 8 | 2) * 256);
    }

    #[test]
    fn what_is_cut_off_is_refused_or_ends_early() {
        assert_eq!(read(&packet(7, 20, &[0x8000], &[])), None);
        let short = packet(7, 8, &[0x2008], &[1, 1, 1, 1, 1, 1]);
        assert_eq!(read(&short).expect("chunks are whole").len(), 6);
    }

    #[test]
    fn an_estimate_of_the_receiver_is_read() {
        let mut bytes = vec![0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0];
        bytes.extend(b"REMB");
        bytes.extend((1u32 << 24 | 3 << 18 | 100_000).to_be_bytes());
        bytes.extend([0, 0, 0, 2]);
        let part = rtcp_packets(&bytes).next().expect("one");
        assert_eq!(remb(&part), Some(800_000));
        bytes[17] = 0xff;
        let part = rtcp_packets(&bytes).next().expect("one");
        assert_eq!(remb(&part), Some(u32::MAX));
    }

    proptest! {
        #[test]
        fn garbage_ends(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut framed = packet(0, 0, &[], &[]);
            framed.truncate(12);
            framed.extend(bytes);
            framed.resize(framed.len().next_multiple_of(4), 0);
            let words = u16::try_from(framed.len() / 4 - 1).expect("short");
            framed[2..4].copy_from_slice(&words.to_be_bytes());
            if let Some(packets) = read(&framed) {
                prop_assert!(packets.len() <= usize::from(u16::MAX));
            }
        }
    }
}
