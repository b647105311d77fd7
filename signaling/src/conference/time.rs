//! The time by which a conference waits: that of the wall clock, less what is known of its being
//! set. It follows from the log alone and does not jump with the clock.

use jiff::{SignedDuration, Timestamp};

/// A moment in the time of one conference. Not to be shown: nobody's clock says so.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ConferenceTime(Timestamp);

impl ConferenceTime {
    /// What a wall clock that was set by `shift` since the beginning of the log stands for.
    pub(super) fn new(wall: Timestamp, shift: SignedDuration) -> Self {
        let none = if shift.is_negative() {
            Timestamp::MAX
        } else {
            Timestamp::MIN
        };
        Self(wall.checked_sub(shift).unwrap_or(none))
    }

    /// How long after `earlier` it is.
    #[must_use]
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0.duration_since(earlier.0)
    }

    /// So much later.
    #[must_use]
    pub fn after(self, wait: SignedDuration) -> Self {
        Self(self.0.saturating_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// As a timestamp, to be reckoned with.
    #[must_use]
    pub const fn reckoned(self) -> Timestamp {
        self.0
    }
}
