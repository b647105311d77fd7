//! What stands in a booking's way: another one at the same time with the same hall, the same chair, or
//! sites that cannot be in two conferences at once.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::audience::{AudienceHash, Audiences};
use crate::ids::{BookingId, SiteCode};

/// Most sites that a conflict names.
const SITES_NAMED: usize = 10;

/// A day of a booking, as far as it may be in another's way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Slot {
    /// Of which booking.
    pub booking: BookingId,
    /// The day by which it is known.
    pub date: Date,
    /// What people call it.
    pub title: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it should be over.
    pub ends_at: Timestamp,
    /// Where.
    pub hall: Option<SiteCode>,
    /// By which whoever leads it is known.
    pub chair: Option<String>,
    /// Whom it invites.
    pub audience: AudienceHash,
}

/// Something in the way of one day of a booking.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The day of the booking.
    #[schema(value_type = String, format = Date)]
    pub occurrence: Date,
    /// What is in its way.
    pub with: Clash,
    /// The hall, if both are held from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hall: Option<SiteCode>,
    /// Whether the same person leads both.
    pub same_chair: bool,
    /// How many sites are invited to both.
    pub sites: u32,
    /// The first of them.
    pub site_codes: Vec<SiteCode>,
}

/// A day of another booking.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clash {
    /// Which booking.
    pub booking: BookingId,
    /// Which day.
    #[schema(value_type = String, format = Date)]
    pub occurrence: Date,
    /// What people call it.
    pub title: String,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// When it should be over.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
}

/// What of those who meet at the same time is in each other's way.
#[must_use]
pub fn find(meetings: &[(Slot, Slot)], audiences: &Audiences) -> Vec<Conflict> {
    let mut common = std::collections::BTreeMap::new();
    let mut conflicts = Vec::new();
    for (own, other) in meetings {
        if own.starts_at >= other.ends_at || other.starts_at >= own.ends_at {
            continue;
        }
        let pair = (&own.audience, &other.audience);
        let (sites, site_codes) = common.entry(pair).or_insert_with(|| {
            match (audiences.get(pair.0), audiences.get(pair.1)) {
                (Some(own), Some(other)) => own.common(other, SITES_NAMED),
                _ => (0, Vec::new()),
            }
        });
        let hall = own
            .hall
            .clone()
            .filter(|hall| other.hall.as_ref() == Some(hall));
        let same_chair = own.chair.is_some() && own.chair == other.chair;
        if hall.is_none() && !same_chair && *sites == 0 {
            continue;
        }
        conflicts.push(Conflict {
            occurrence: own.date,
            with: Clash {
                booking: other.booking.clone(),
                occurrence: other.date,
                title: other.title.clone(),
                starts_at: other.starts_at,
                ends_at: other.ends_at,
            },
            hall,
            same_chair,
            sites: *sites,
            site_codes: site_codes.clone(),
        });
    }
    conflicts
}
