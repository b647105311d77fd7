//! The code of a link: what stands in it instead of a token.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// 80 random bits, given out once and kept by us only as a hash. Too many to be guessed by asking,
/// and few enough to be read out.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct LinkCode([u8; 10]);

/// SHA-256 of a code, in hex: enough to recognise the code, useless to whoever reads the database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeHash(String);

/// A text that is no code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a link's code has 16 letters and digits: copy the whole link")]
pub struct CodeError;

/// Digits of base 32 that cannot be taken for each other (Crockford's).
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Digits of a code.
const LENGTH: usize = 16;

impl LinkCode {
    /// From 80 random bits.
    pub const fn new(random: [u8; 10]) -> Self {
        Self(random)
    }

    /// The text that stands in the link, in groups of four.
    #[must_use]
    pub fn reveal(&self) -> String {
        let bits = self
            .0
            .iter()
            .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let digit = |index: usize| {
            let shift = 5 * (LENGTH - 1 - index);
            let value = usize::try_from(bits >> shift & 31).unwrap_or_default();
            DIGITS.get(value).copied().map_or('0', char::from)
        };
        let digits: Vec<char> = (0..LENGTH).map(digit).collect();
        let groups = digits
            .chunks(4)
            .map(|group| group.iter().collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> CodeHash {
        CodeHash(hex::encode(Sha256::digest(self.0)))
    }
}

impl CodeHash {
    /// The hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkCode {
    type Err = CodeError;

    /// Forgives what people do to a code that they copy: small letters, no dashes, O for 0.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut bits = 0_u128;
        let mut length = 0;
        for letter in text.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = DIGITS.iter().position(|digit| char::from(*digit) == letter);
            bits = bits << 5 | value.ok_or(CodeError)? as u128;
            length += 1;
            if length > LENGTH {
                return Err(CodeError);
            }
        }
        if length < LENGTH {
            return Err(CodeError);
        }
        let [.., a, b, c, d, e, f, g, h, i, j] = bits.to_be_bytes();
        Ok(Self([a, b, c, d, e, f, g, h, i, j]))
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_what_it_shows_however_it_was_copied() {
        for bytes in [[0; 10], [255; 10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            let code = LinkCode::new(bytes);
            let text = code.reveal();
            assert_eq!(text.len(), 19, "{text}");
            for copied in [text.clone(), text.to_lowercase(), text.replace('-', "")] {
                assert_eq!(copied.parse::<LinkCode>(), Ok(code), "{copied}");
            }
        }
        let code = LinkCode::new([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(code.reveal(), "0000-0000-0000-0001");
        assert_eq!("oooo-oooo-oooo-oool".parse(), Ok(code));
    }

    #[test]
    fn anything_else_is_no_code() {
        for bad in [
            "",
            "0000-0000-0000-000",
            "0000-0000-0000-00000",
            "0000-0000-0000-000U",
            "é",
        ] {
            assert_eq!(bad.parse::<LinkCode>(), Err(CodeError), "{bad:?}");
        }
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", LinkCode::new([7; 10])), "LinkCode(…)");
    }
}
