//! RTP headers (RFC 3550 §5.1) with one-byte extensions (RFC 8285 §4.2): read in place, written to a buffer.

/// Bytes of the fixed header.
pub const FIXED: usize = 12;
/// The bit of the first byte that says that padding follows the payload.
pub const PADDED: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const ONE_BYTE_PROFILE: [u8; 2] = [0xbe, 0xde];

/// The header of one packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Last packet of a frame.
    pub marker: bool,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub seq: u16,
    /// Media time.
    pub timestamp: u32,
    /// Stream.
    pub ssrc: u32,
    /// Padding follows the payload.
    pub padded: bool,
    /// Length of the header with CSRCs and extensions, in bytes.
    pub len: usize,
    /// Where the extension elements lie, if they have the one-byte form.
    extensions: (usize, usize),
}

impl Header {
    /// Reads a header. `None`: not RTP version 2, or shorter than it says.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (fixed, _) = packet.split_first_chunk::<FIXED>()?;
        let &[first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = fixed;
        if first >> 6 != 2 {
            return None;
        }
        let mut len = FIXED + 4 * usize::from(first & 0x0f);
        let mut extensions = (len, len);
        if first & EXTENSION_BIT != 0 {
            let (head, _) = packet.get(len..)?.split_first_chunk::<4>()?;
            let [p0, p1, w0, w1] = *head;
            let bytes = 4 * usize::from(u16::from_be_bytes([w0, w1]));
            let start = len + 4;
            len = start + bytes;
            if [p0, p1] == ONE_BYTE_PROFILE {
                extensions = (start, len);
            }
        }
        (packet.len() >= len).then_some(Self {
            marker: second & 0x80 != 0,
            pt: second & 0x7f,
            seq: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            padded: first & PADDED != 0,
            len,
            extensions,
        })
    }

    /// The value of one extension of the packet that this header was read from.
    pub fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        let mut rest = packet.get(self.extensions.0..self.extensions.1)?;
        loop {
            let (&tag, after) = rest.split_first()?;
            match tag >> 4 {
                0 => rest = after,
                15 => return None,
                found => {
                    let (value, after) = after.split_at_checked(usize::from(tag & 0x0f) + 1)?;
                    if found == id {
                        return Some(value);
                    }
                    rest = after;
                }
            }
        }
    }
}

/// Payload without its padding (RFC 3550 §5.1). `None`: the padding is longer than the payload.
pub fn unpad(payload: &[u8], padded: bool) -> Option<&[u8]> {
    if !padded {
        return Some(payload);
    }
    let count = usize::from(*payload.last()?);
    payload.get(..payload.len().checked_sub(count)?)
}

/// What a new header says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NewHeader {
    /// Last packet of a frame.
    pub marker: bool,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub seq: u16,
    /// Media time.
    pub timestamp: u32,
    /// Stream.
    pub ssrc: u32,
}

/// Appends a header with these extensions (id 1–14, value 1–16 bytes; others are left out).
pub fn write(header: &NewHeader, extensions: &[(u8, &[u8])], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(0x80);
    out.push(if header.marker { 0x80 } else { 0 } | header.pt);
    out.extend(header.seq.to_be_bytes());
    out.extend(header.timestamp.to_be_bytes());
    out.extend(header.ssrc.to_be_bytes());
    let usable =
        |&&(id, value): &&(u8, &[u8])| (1..=14).contains(&id) && (1..=16).contains(&value.len());
    let bytes: usize = extensions
        .iter()
        .filter(usable)
        .map(|(_, value)| value.len() + 1)
        .sum();
    if bytes == 0 {
        return;
    }
    if let Some(first) = out.get_mut(start) {
        *first |= EXTENSION_BIT;
    }
    let words = u16::try_from(bytes.div_ceil(4)).unwrap_or(u16::MAX);
    out.extend(ONE_BYTE_PROFILE);
    out.extend(words.to_be_bytes());
    for (id, value) in extensions.iter().filter(usable) {
        out.push(id << 4 | (value.len() as u8 - 1));
        out.extend_from_slice(value);
    }
    out.resize(out.len() + bytes.next_multiple_of(4) - bytes, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let header = NewHeader {
            marker: true,
            pt: 96,
            seq: 0xfffe,
            timestamp: 7,
            ssrc: 0xdead_beef,
        };
        let mut packet = Vec::new();
        write(
            &header,
            &[(4, b"12"), (3, &[0xab, 0xcd]), (0, b"no"), (15, b"no")],
            &mut packet,
        );
        packet.extend(b"payload");
        packet
    }

    #[test]
    fn what_is_written_is_read_back() {
        let packet = sample();
        let header = Header::parse(&packet).unwrap();
        assert!(header.marker && !header.padded);
        assert_eq!((header.pt, header.seq, header.timestamp), (96, 0xfffe, 7));
        assert_eq!(header.ssrc, 0xdead_beef);
        assert_eq!(header.extension(&packet, 4), Some(&b"12"[..]));
        assert_eq!(header.extension(&packet, 3), Some(&[0xab, 0xcd][..]));
        assert_eq!(header.extension(&packet, 5), None);
        assert_eq!(&packet[header.len..], b"payload");
    }

    #[test]
    fn a_header_longer_than_its_packet_is_refused() {
        let packet = sample();
        let len = Header::parse(&packet).unwrap().len;
        for short in 0..len {
            assert_eq!(Header::parse(&packet[..short]), None, "{short}");
        }
    }

    #[test]
    fn padding_is_taken_off_and_a_lie_refused() {
        assert_eq!(unpad(&[1, 2, 3, 2], true), Some(&[1, 2][..]));
        assert_eq!(unpad(&[1, 2, 3, 2], false), Some(&[1, 2, 3, 2][..]));
        assert_eq!(unpad(&[9], true), None);
        assert_eq!(unpad(&[], true), None);
    }
}
