//! The header of an RTP packet of ours (RFC 3550 §5.1) and its extensions (RFC 8285 §4.2).

use crate::id::Ssrc;

/// Bytes before the extensions.
const FIXED: usize = 12;

/// Most bytes of extensions, each with its byte of id and length: a transport-wide number (3), and
/// room for one that describes a picture.
const MAX_EXTENSIONS: usize = 32;

/// Bytes before the extensions' data: profile and length.
const BLOCK: usize = 4;

/// Longest header, in bytes.
pub const MAX: usize = FIXED + BLOCK + MAX_EXTENSIONS;

/// What a header says beside its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// The last byte of the packet counts padding.
    pub padded: bool,
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub pt: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Source.
    pub ssrc: Ssrc,
}

/// Extensions of one packet in one-byte form.
#[derive(Clone, Copy, Debug)]
pub struct Extensions {
    bytes: [u8; MAX_EXTENSIONS],
    length: usize,
}

impl Extensions {
    /// None at all.
    pub const NONE: Self = Self {
        bytes: [0; MAX_EXTENSIONS],
        length: 0,
    };

    /// Adds one, unless the form cannot say it (ids 1 to 14, 1 to 16 bytes) or there is no room.
    /// Returns whether it was added.
    pub fn push(&mut self, id: u8, data: &[u8]) -> bool {
        let Ok(length) = u8::try_from(data.len().wrapping_sub(1)) else {
            return false;
        };
        let place = self.bytes.get_mut(self.length..);
        let Some((head, rest)) = place.and_then(|place| place.split_first_mut()) else {
            return false;
        };
        let Some(room) = rest.get_mut(..data.len()) else {
            return false;
        };
        if !(1..=14).contains(&id) || length > 15 {
            return false;
        }
        *head = id << 4 | length;
        room.copy_from_slice(data);
        self.length += 1 + data.len();
        true
    }
}

impl Fields {
    /// Writes the header to the beginning of `out`. Returns its length, or `None` when `out` is too
    /// short.
    #[inline]
    pub fn write(self, extensions: &Extensions, out: &mut [u8]) -> Option<usize> {
        let extended = if extensions.length > 0 { 0x10 } else { 0 };
        let padded = if self.padded { 0x20 } else { 0 };
        let marker = if self.marker { 0x80 } else { 0 };
        let fixed = out.first_chunk_mut::<FIXED>()?;
        fixed[0] = 0x80 | padded | extended;
        fixed[1] = marker | self.pt;
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..].copy_from_slice(&self.ssrc.0.to_be_bytes());
        if extended == 0 {
            return Some(FIXED);
        }
        let words = extensions.length.div_ceil(4);
        let end = FIXED + BLOCK + 4 * words;
        let (block, data) = out.get_mut(FIXED..end)?.split_first_chunk_mut::<BLOCK>()?;
        block[..2].copy_from_slice(&[0xbe, 0xde]);
        block[2..].copy_from_slice(&u16::try_from(words).ok()?.to_be_bytes());
        // What lies behind the last extension is 0, which is padding.
        data.copy_from_slice(extensions.bytes.get(..4 * words)?);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Header;

    const FIELDS: Fields = Fields {
        padded: false,
        marker: true,
        pt: 96,
        sequence: 0x1234,
        timestamp: 7,
        ssrc: Ssrc(9),
    };

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let mut out = [0xff; MAX];
        let length = FIELDS.write(&Extensions::NONE, &mut out).expect("room");
        let read = Header::parse(&out[..length]).expect("well formed");
        assert_eq!(
            (
                length,
                read.payload,
                read.marker,
                read.sequence,
                read.timestamp,
                read.ssrc
            ),
            (12, 12, true, 0x1234, 7, Ssrc(9))
        );
        assert!(FIELDS.write(&Extensions::NONE, &mut out[..11]).is_none());
    }

    #[test]
    fn extensions_are_read_as_they_were_written() {
        let mut extensions = Extensions::NONE;
        assert!(extensions.push(3, &[1, 2]));
        assert!(extensions.push(14, &[5; 16]));
        let mut out = [0xff; MAX];
        let length = FIELDS.write(&extensions, &mut out).expect("room");
        assert_eq!(length, 12 + 4 + 20);
        let read = Header::parse(&out[..length]).expect("well formed");
        assert_eq!(read.payload, length);
        assert_eq!(read.extension(&out, 3), Some(&[1u8, 2][..]));
        assert_eq!(read.extension(&out, 14), Some(&[5u8; 16][..]));
        assert!(FIELDS.write(&extensions, &mut out[..35]).is_none());
    }

    #[test]
    fn what_the_one_byte_form_cannot_say_is_left_out() {
        let mut extensions = Extensions::NONE;
        for (id, data) in [
            (0, &[1u8][..]),
            (15, &[1]),
            (3, &[]),
            (3, &[0; 17]),
            (3, &[0; 300]),
        ] {
            assert!(!extensions.push(id, data), "{id} {}", data.len());
        }
        assert!(extensions.push(1, &[0; 16]) && !extensions.push(2, &[0; 16]));
        assert_eq!(extensions.length, 17);
    }
}
