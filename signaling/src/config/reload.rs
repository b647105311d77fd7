//! Times in which a running server keeps the settings that it has.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When settings that have changed are not put in force.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// Times in which nothing is reloaded.
    pub frozen: Vec<Window>,
}

impl Reload {
    /// Until when nothing is reloaded, if it is frozen at this time.
    #[must_use]
    pub fn frozen_until(&self, now: Timestamp) -> Option<Timestamp> {
        let windows = self.frozen.iter().filter(|window| window.contains(now));
        windows.map(|window| window.until).max()
    }
}

/// From one time to another, as ISO 8601 writes it: `2026-11-30T06:00+07:00/2026-11-30T18:00+07:00`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    fn contains(&self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// A text that is no window.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no time from one to a later one: write \
     2026-11-30T06:00+07:00/2026-11-30T18:00+07:00"
)]
pub struct WindowError(String);

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let error = || WindowError(text.to_owned());
        let (from, until) = text.split_once('/').ok_or_else(error)?;
        let time = |text: &str| text.trim().parse::<Timestamp>().map_err(|_| error());
        let window = Self {
            from: time(from)?,
            until: time(until)?,
        };
        if window.from < window.until {
            Ok(window)
        } else {
            Err(error())
        }
    }
}

impl TryFrom<String> for Window {
    type Error = WindowError;

    fn try_from(text: String) -> Result<Self, WindowError> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_reloaded_within_a_window_and_everything_from_its_end_on() {
        let window = "2026-11-30T06:00+07:00/2026-11-30T18:00+07:00".parse();
        let reload = Reload {
            frozen: vec![window.unwrap()],
        };
        let until = time("2026-11-30T11:00:00Z");
        assert_eq!(reload.frozen_until(time("2026-11-29T22:59:59Z")), None);
        assert_eq!(
            reload.frozen_until(time("2026-11-29T23:00:00Z")),
            Some(until)
        );
        assert_eq!(reload.frozen_until(until), None);
    }

    #[test]
    fn a_window_that_cannot_be_is_refused_with_one_that_can() {
        for text in [
            "2026-11-30T06:00+07:00",
            "2026-11-30T06:00/2026-11-30T18:00",
            "2026-11-30T18:00+07:00/2026-11-30T06:00+07:00",
        ] {
            let error = text.parse::<Window>().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
