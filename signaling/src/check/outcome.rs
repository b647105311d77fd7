//! What came of a check, as operators see it, and the code by which they find it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::cause::Cause;
use super::judge::Measured;
use crate::ids::SiteCode;

/// Digits that cannot be taken for each other (Crockford's).
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Digits of a code: few enough to be said, and enough for the checks that are kept.
const LENGTH: usize = 4;

/// By which an operator finds a check whose code is read out. No secret.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CheckCode([u8; LENGTH]);

/// A text that is no code of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the code of a check has four letters and digits, like K7QM or U1-K7QM")]
pub struct CheckCodeError;

impl CheckCode {
    /// From 20 random bits.
    #[must_use]
    pub fn new(random: u32) -> Self {
        let mut digits = [b'0'; LENGTH];
        for (index, digit) in digits.iter_mut().enumerate() {
            let value = random >> (5 * index) & 31;
            let value = usize::try_from(value).unwrap_or_default();
            *digit = DIGITS.get(value).copied().unwrap_or(b'0');
        }
        Self(digits)
    }

    /// What is read out: what is in the way, and where to find it.
    #[must_use]
    pub fn reference(&self, cause: Cause) -> String {
        format!("{}-{self}", cause.code())
    }
}

impl fmt::Display for CheckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl FromStr for CheckCode {
    type Err = CheckCodeError;

    /// Forgives what people do to a code that they hear: small letters, O for 0, the cause before it.
    fn from_str(text: &str) -> Result<Self, CheckCodeError> {
        let digits = match text.trim_matches(' ').as_bytes() {
            [letter, number, b'-' | b' ', digits @ ..]
                if letter.is_ascii_alphabetic() && number.is_ascii_digit() =>
            {
                digits
            }
            digits => digits,
        };
        let letters: Option<Vec<u8>> = digits.iter().copied().map(digit).collect();
        letters
            .and_then(|letters| letters.try_into().ok())
            .map(Self)
            .ok_or(CheckCodeError)
    }
}

fn digit(letter: u8) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    DIGITS.contains(&letter).then_some(letter)
}

impl Serialize for CheckCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// By which it is found.
    pub code: CheckCode,
    /// When.
    pub at: Timestamp,
    /// Of which site, if the check was opened with its link.
    pub site: Option<SiteCode>,
    /// From which address.
    pub address: String,
    /// What is in the way.
    pub cause: Cause,
    /// What was measured.
    pub measured: Measured,
}

impl Outcome {
    /// Of whom only the last is kept: a site, or an address without one.
    #[must_use]
    pub fn of_whom(&self) -> String {
        match &self.site {
            Some(site) => format!("site {site}"),
            None => format!("address {}", self.address),
        }
    }
}

/// Which checks to list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OutcomeFilter {
    /// With this code.
    pub code: Option<CheckCode>,
    /// Of this site.
    pub site: Option<SiteCode>,
    /// Newer than this.
    pub since: Option<Timestamp>,
    /// Of this site and those below it.
    pub within: Option<SiteCode>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_was_heard() {
        let code = CheckCode::new(0xb_1234);
        let text = code.to_string();
        assert_eq!(text.len(), LENGTH);
        for heard in [
            text.clone(),
            text.to_lowercase(),
            code.reference(Cause::UdpBlocked),
            format!(" u1 {text} "),
        ] {
            assert_eq!(heard.parse(), Ok(code), "{heard}");
        }
        assert_eq!("oil0".parse(), "0110".parse::<CheckCode>());
        for wrong in ["", "U1-", "K7Q", "K7QMM", "K7QU", "x-K7QM"] {
            assert_eq!(wrong.parse::<CheckCode>(), Err(CheckCodeError), "{wrong}");
        }
    }
}
