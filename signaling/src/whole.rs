//! Whole numbers in JSON, also one that is written `60.0`: that is an integer to JSON Schema.

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A whole number.
pub(crate) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    from.deserialize_u64(Digits)
}

/// A whole number, or `null`.
pub(crate) fn or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<Whole>::deserialize(from)?;
    Ok(number.map(|Whole(number)| number))
}

#[derive(serde::Deserialize)]
struct Whole(#[serde(deserialize_with = "whole")] u32);

struct Digits;

impl Visitor<'_> for Digits {
    type Value = u32;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u32, E> {
        let text = number.to_string();
        text.parse()
            .map_err(|_| E::custom(format!("{text} is not a whole number up to {}", u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text: &str| whole(&mut serde_json::Deserializer::from_str(text));
        assert_eq!((read("60").unwrap(), read("60.0").unwrap()), (60, 60));
        for wrong in ["60.5", "-1", "-1.0", "4294967296", "1e300", "\"60\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_that_may_be_left_out_may_be_nothing() {
        let read = |text: &str| or_nothing(&mut serde_json::Deserializer::from_str(text));
        assert_eq!(
            (read("7.0").unwrap(), read("null").unwrap()),
            (Some(7), None)
        );
        assert!(read("-7").is_err());
    }
}
