//! Why a booking is not made, or not changed.

use crate::refusal::{ErrorCode, Refusal};

/// Why a booking is not made, or not changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BookingError {
    /// A value is wrong; names it, and what would be right.
    #[error("{0}")]
    Invalid(String),
    /// Somebody has changed it meanwhile.
    #[error(
        "the booking is at version {found}, not at {given}: somebody has changed it, look at it again"
    )]
    Stale {
        /// Its version.
        found: u32,
        /// The version that was to be changed.
        given: u32,
    },
    /// It is of a day that the series does not have.
    #[error("the series has no day {0}")]
    NoDay(jiff::civil::Date),
    /// How it stands with the booking does not allow it.
    #[error("{0}")]
    Closed(String),
}

impl BookingError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// Of which field it is, as far as its sentence begins with one.
    pub(super) fn field(&self) -> Option<String> {
        const FIELDS: [&str; 16] = [
            "title",
            "kind",
            "startsAtLocal",
            "zone",
            "durationMinutes",
            "rule",
            "hall",
            "chair",
            "operators",
            "audience",
            "agenda",
            "opensMinutesBefore",
            "doors",
            "language",
            "exceptions",
            "state",
        ];
        let message = match self {
            Self::Invalid(message) | Self::Closed(message) => message,
            Self::Stale { .. } | Self::NoDay(_) => return None,
        };
        let word = message.split_whitespace().next()?;
        let name = word.split('.').next()?;
        FIELDS.contains(&name).then(|| word.to_owned())
    }

    pub(super) fn closed(message: impl Into<String>) -> Self {
        Self::Closed(message.into())
    }
}

impl From<BookingError> for Refusal {
    fn from(error: BookingError) -> Self {
        let code = match error {
            BookingError::Invalid(_) => ErrorCode::BadMessage,
            BookingError::NoDay(_) => ErrorCode::NotFound,
            BookingError::Stale { .. } => ErrorCode::BookingStale,
            BookingError::Closed(_) => ErrorCode::BookingClosed,
        };
        Self::new(code, error.to_string())
    }
}
