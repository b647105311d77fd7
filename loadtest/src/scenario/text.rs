//! How values are written, in scenario files as on the command line.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::{Decryption, Ramp, Transport};

/// How sites come: `340/s`, `all` or `200 every 10s`.
///
/// # Errors
/// When it is none of these.
pub fn ramp(text: &str) -> Result<Ramp, String> {
    let wrong = || "write a number a second such as 20/s, all, or waves such as 200 every 10s";
    if text == "all" {
        return Ok(Ramp::AtOnce);
    }
    if let Some((sites, every)) = text.split_once(" every ") {
        let sites = sites.trim().parse().map_err(|_| wrong())?;
        let every = duration(every.trim())?;
        if sites == 0 || every.is_zero() {
            return Err("a wave needs a site and time until the next".to_owned());
        }
        return Ok(Ramp::Waves { sites, every });
    }
    let rate: f64 = text.trim_end_matches("/s").parse().map_err(|_| wrong())?;
    if rate.is_finite() && rate > 0.0 {
        Ok(Ramp::PerSecond(rate))
    } else {
        Err("the rate must be more than 0".to_owned())
    }
}

/// Which packets are decrypted: `all` or `sample:N`.
///
/// # Errors
/// When it is neither.
pub fn decryption(text: &str) -> Result<Decryption, String> {
    if text == "all" {
        return Ok(Decryption::All);
    }
    let every = text
        .strip_prefix("sample:")
        .and_then(|number| number.parse().ok());
    every
        .filter(|&every| every > 0)
        .map(Decryption::Sample)
        .ok_or_else(|| "write all or sample:N, with N from 1".to_owned())
}

/// A time: `500ms`, `30s`, `5m` or `1h`.
///
/// # Errors
/// When it is not written so.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 500ms, 30s or 5m".to_owned();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// `udp`, `tcp` or `turn`.
///
/// # Errors
/// When it is none of them.
pub fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        "turn" => Ok(Transport::Turn),
        _ => Err("write udp, tcp or turn".to_owned()),
    }
}

/// A value that a scenario file holds as text.
macro_rules! from_text {
    ($name:ident: $value:ty = $read:path) => {
        #[doc = concat!("See [`", stringify!($read), "`].")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name(pub $value);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $read(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }
    };
}

from_text!(Span: Duration = duration);
from_text!(RampText: Ramp = ramp);
from_text!(DecryptionText: Decryption = decryption);
from_text!(TransportText: Transport = transport);
