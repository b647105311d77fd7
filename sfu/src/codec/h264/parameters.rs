//! The sequence parameter set of H.264 (ITU-T H.264 §7.3.2.1.1), read as far as the size.

use crate::codec::Size;

/// Profiles whose parameter sets say more about colours.
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Bits of a NAL unit, without the bytes that only prevent a start code (§7.4.1).
struct Bits<'u> {
    unit: &'u [u8],
    byte: u8,
    left: u8,
    zeros: u8,
}

impl<'u> Bits<'u> {
    const fn new(unit: &'u [u8]) -> Self {
        Self {
            unit,
            byte: 0,
            left: 0,
            zeros: 0,
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.unit.split_first()?;
        self.unit = rest;
        if self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            return self.next_byte();
        }
        self.zeros = if byte == 0 {
            self.zeros.saturating_add(1)
        } else {
            0
        };
        Some(byte)
    }

    fn bit(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.byte >> self.left & 1 == 1)
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.bit()?)))
    }

    /// Exp-Golomb (§9.1).
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros).wrapping_add(self.bits(zeros)?) - 1)
    }

    fn signed(&mut self) -> Option<i64> {
        let code = i64::from(self.unsigned()?);
        Some(if code % 2 == 0 {
            -code / 2
        } else {
            (code + 1) / 2
        })
    }

    fn skip_scaling_lists(&mut self, lists: usize) -> Option<()> {
        for list in 0..lists {
            if !self.bit()? {
                continue;
            }
            let (mut last, mut next) = (8i64, 8i64);
            for _ in 0..if list < 6 { 16 } else { 64 } {
                if next != 0 {
                    next = (last + self.signed()?) & 0xff;
                }
                last = if next == 0 { last } else { next };
            }
        }
        Some(())
    }
}

/// The size that a parameter set says, given the unit behind its first byte.
pub(super) fn size(unit: &[u8]) -> Option<Size> {
    let mut bits = Bits::new(unit);
    let profile = u8::try_from(bits.bits(8)?).ok()?;
    bits.bits(16)?;
    bits.unsigned()?;
    let chroma = chroma(&mut bits, profile)?;
    bits.unsigned()?;
    skip_order_count(&mut bits)?;
    bits.unsigned()?;
    bits.bit()?;
    let (columns, rows) = (bits.unsigned()?, bits.unsigned()?);
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.bit()?;
    }
    bits.bit()?;
    let fields = if frames_only { 1 } else { 2 };
    let (across, down) = cropped(&mut bits, chroma, fields)?;
    let width = columns.checked_add(1)?.checked_mul(16)?;
    let height = rows.checked_add(1)?.checked_mul(16)?.checked_mul(fields)?;
    Size::new(
        u16::try_from(width.checked_sub(across)?).ok()?,
        u16::try_from(height.checked_sub(down)?).ok()?,
    )
}

/// The format of colours (`chroma_format_idc`), 1 where it is not said.
fn chroma(bits: &mut Bits<'_>, profile: u8) -> Option<u32> {
    if !HIGH_PROFILES.contains(&profile) {
        return Some(1);
    }
    let chroma = bits.unsigned()?;
    if chroma == 3 {
        bits.bit()?;
    }
    bits.unsigned()?;
    bits.unsigned()?;
    bits.bit()?;
    if bits.bit()? {
        bits.skip_scaling_lists(if chroma == 3 { 12 } else { 8 })?;
    }
    Some(chroma)
}

/// How many columns and rows are not shown.
fn cropped(bits: &mut Bits<'_>, chroma: u32, fields: u32) -> Option<(u32, u32)> {
    if !bits.bit()? {
        return Some((0, 0));
    }
    let across = if chroma == 1 || chroma == 2 { 2 } else { 1 };
    let down = fields * if chroma == 1 { 2 } else { 1 };
    let mut both = |unit| {
        let sum = bits.unsigned()?.checked_add(bits.unsigned()?)?;
        sum.checked_mul(unit)
    };
    Some((both(across)?, both(down)?))
}

fn skip_order_count(bits: &mut Bits<'_>) -> Option<()> {
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.bit()?;
            bits.signed()?;
            bits.signed()?;
            let cycle = bits.unsigned()?;
            for _ in 0..cycle.min(255) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_size_is_read_whatever_the_profile() {
        let cases: [(&[u8], Option<Size>); 3] = [
            (
                // Constrained baseline, 1280×720.
                &[0x42, 0xe0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4],
                Size::new(1_280, 720),
            ),
            (
                // High, 1920×1080, cropped from 1088.
                &[
                    0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x9a, 0x80, 0x80,
                    0x80, 0xa0,
                ],
                Size::new(1_920, 1_080),
            ),
            (&[0x42, 0xe0], None),
        ];
        for (unit, wanted) in cases {
            assert_eq!(size(unit), wanted, "{unit:02x?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = size(&bytes);
        }
    }
}
