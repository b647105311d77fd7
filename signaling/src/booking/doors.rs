//! Who may come in how long before the beginning.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check;
use super::error::BookingError;
use crate::whole;

/// How many minutes before the beginning doors open; with the conference where nothing is said.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Doors {
    /// The chair's. Operators come in as soon as it is open.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole::or_nothing"
    )]
    #[schema(minimum = 0, maximum = 1440)]
    pub chair: Option<u32>,
    /// The hall's.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole::or_nothing"
    )]
    #[schema(minimum = 0, maximum = 1440)]
    pub hall: Option<u32>,
    /// The provinces'.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole::or_nothing"
    )]
    #[schema(minimum = 0, maximum = 1440)]
    pub provinces: Option<u32>,
    /// Everybody else's.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole::or_nothing"
    )]
    #[schema(minimum = 0, maximum = 1440)]
    pub sites: Option<u32>,
}

/// Who comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    /// Whoever runs it: as soon as it is there.
    Operator,
    /// Whoever leads it.
    Chair,
    /// The hall.
    Hall,
    /// A province.
    Province,
    /// Another site, or somebody who watches.
    Site,
}

impl Doors {
    pub(super) fn check(&self, opening: u32) -> Result<(), BookingError> {
        let doors = [
            ("doors.chair", self.chair),
            ("doors.hall", self.hall),
            ("doors.provinces", self.provinces),
            ("doors.sites", self.sites),
        ];
        for (field, minutes) in doors {
            let Some(minutes) = minutes else { continue };
            check::range(field, minutes, &check::OPENING)?;
            if minutes > opening {
                return Err(BookingError::invalid(format!(
                    "{field} is {minutes}, and the conference opens {opening} minutes before it begins"
                )));
            }
        }
        Ok(())
    }

    /// When a door opens of a conference that begins and opens then.
    #[must_use]
    pub fn opens_at(&self, door: Door, starts_at: Timestamp, opens_at: Timestamp) -> Timestamp {
        let minutes = match door {
            Door::Operator => None,
            Door::Chair => self.chair,
            Door::Hall => self.hall,
            Door::Province => self.provinces,
            Door::Site => self.sites,
        };
        minutes.map_or(opens_at, |minutes| before(starts_at, minutes))
    }
}

/// So many minutes earlier.
pub(super) fn before(at: Timestamp, minutes: u32) -> Timestamp {
    let earlier = at.saturating_sub(SignedDuration::from_mins(minutes.into()));
    earlier.unwrap_or(Timestamp::MIN)
}

/// Whoever is so near, in seconds, comes back when the door opens. Higher: a longer crowd at the door.
const NEAR_SECONDS: u32 = 15;

/// The longest until somebody who came too early asks again, in seconds: the time may have become
/// another. Higher: fewer ask. Lower: whoever waits learns sooner that it was brought forward.
const FAR_SECONDS: u32 = 300;

/// When to come back who stands before a door that opens in so long, in seconds. Pages add up to half of
/// it, each another part, so nobody is told more than two thirds of a long wait.
#[must_use]
pub fn come_back_in(until_open: SignedDuration) -> u32 {
    let seconds = u32::try_from(until_open.as_secs())
        .unwrap_or(0)
        .saturating_add(1);
    if seconds <= NEAR_SECONDS {
        return seconds;
    }
    (seconds / 3)
        .saturating_mul(2)
        .clamp(NEAR_SECONDS / 3 * 2, FAR_SECONDS)
}
