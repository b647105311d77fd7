//! Whether a shared secret could be guessed.
//!
//! Nobody can measure how a secret was drawn; but one that was typed shows it, and then everybody
//! could sign tokens for administrators.

use std::collections::BTreeMap;

/// Shortest secret of an API key, in bytes: as long as the hash (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Fewest bits that the frequencies of a secret's bytes may account for. 32 random hexadecimal
/// digits have about 110; words have fewer for their length, a repeated letter none.
const MIN_BITS: f64 = 90.0;

/// Why a secret could be guessed; `None` if nothing speaks for it.
#[must_use]
pub fn weakness(secret: &[u8]) -> Option<&'static str> {
    if secret.len() < MIN_SECRET_BYTES {
        return Some("is shorter than 32 bytes");
    }
    let repeats = |period: &usize| {
        secret
            .iter()
            .zip(secret.iter().skip(*period))
            .all(|(a, b)| a == b)
    };
    if (1..=secret.len() / 2).any(|period| repeats(&period)) {
        return Some("repeats itself");
    }
    (bits(secret) < MIN_BITS).then_some("has too few different characters")
}

/// Shannon's entropy of the bytes, times their number.
fn bits(secret: &[u8]) -> f64 {
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for byte in secret {
        *counts.entry(*byte).or_default() += 1;
    }
    let length = f64::from(u32::try_from(secret.len()).unwrap_or(u32::MAX));
    counts
        .values()
        .map(|count| f64::from(*count))
        .map(|count| count * (length / count).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_were_typed_are_found_and_drawn_ones_are_not() {
        let typed: [&[u8]; 5] = [
            b"short",
            &[b'a'; 32],
            b"abababababababababababababababab",
            b"0123456789abcdef0123456789abcdef",
            b"1111111111222222222233333333334444",
        ];
        for secret in typed {
            assert!(
                weakness(secret).is_some(),
                "{}",
                String::from_utf8_lossy(secret)
            );
        }
        let drawn: [&[u8]; 3] = [
            b"9f86d081884c7d659a2feaa0c55ad015",
            b"4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a",
            b"uW8x3kQz0rT5bN1mLpE7vYc2HsJd9GfA",
        ];
        for secret in drawn {
            assert_eq!(
                weakness(secret),
                None,
                "{}",
                String::from_utf8_lossy(secret)
            );
        }
    }
}
