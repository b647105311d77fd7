//! One day of a booking: the conference that it becomes.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audience::AudienceHash;
use super::details::{Details, Kind};
use super::doors::{Doors, before};
use super::error::BookingError;
use super::lifecycle::Booking;
use super::{series, time};
use crate::ids::{BookingId, ConferenceId, SiteCode};

/// How it stands with one day of a booking.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::Display,
    strum::EnumString,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OccurrenceState {
    /// Nobody is told of it yet.
    Draft,
    /// It takes place.
    Published,
    /// It was to take place and does not.
    Cancelled,
}

/// One day of a booking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Occurrence {
    /// Of which booking.
    pub booking: BookingId,
    /// The day on which the series puts it, by which it is known; it may be held on another.
    pub date: Date,
    /// The conference that it becomes.
    pub conference: ConferenceId,
    /// How it stands with it.
    pub state: OccurrenceState,
    /// What people call it.
    pub title: String,
    /// What is done in it.
    pub kind: Kind,
    /// By whose clocks it is announced.
    pub zone: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it should be over.
    pub ends_at: Timestamp,
    /// When it opens.
    pub opens_at: Timestamp,
    /// Who may come in when.
    pub doors: Doors,
    /// The hall from which it is held.
    pub hall: Option<SiteCode>,
    /// By which whoever leads it is known.
    pub chair: Option<String>,
    /// Whom it invites.
    pub audience: AudienceHash,
    /// The version of the booking with which that last changed of which those who are invited are told:
    /// whoever was told at an earlier one must be told again.
    pub notice: u32,
}

/// What is to be kept of a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The booking as it is from now on.
    pub booking: Booking,
    /// The version that it replaces; none if it is new.
    pub replaces: Option<u32>,
    /// Its days: in place of those that were drafts, and of those of the same conference.
    pub occurrences: Vec<Occurrence>,
}

impl Booking {
    /// All days on which it is to take place, in their order.
    pub(super) fn occurrences(&self) -> Result<Vec<Occurrence>, BookingError> {
        let days = self.details.days()?;
        let zone = time::zone(&self.details.zone)?;
        let mut occurrences = Vec::with_capacity(days.len());
        for date in days {
            let exception = self.exceptions.get(&date).cloned().unwrap_or_default();
            if exception.is_left_out {
                continue;
            }
            let hour = self.details.starts_at_local.time();
            let local = exception
                .starts_at_local
                .unwrap_or_else(|| date.to_datetime(hour));
            let starts_at = time::moment(local, &zone)?;
            let minutes = exception
                .duration_minutes
                .unwrap_or(self.details.duration_minutes);
            let ends_at = starts_at.saturating_add(SignedDuration::from_mins(minutes.into()));
            occurrences.push(Occurrence {
                booking: self.id.clone(),
                date,
                conference: self.conference(date),
                state: self.state.of_days(),
                title: exception
                    .title
                    .unwrap_or_else(|| self.details.title.clone()),
                kind: self.details.kind,
                zone: self.details.zone.clone(),
                starts_at,
                ends_at: ends_at.unwrap_or(Timestamp::MAX),
                opens_at: before(starts_at, self.details.opens_minutes_before),
                doors: self.details.doors,
                hall: exception.hall.or_else(|| self.details.hall.clone()),
                chair: self.details.chair.as_ref().and_then(|chair| chair.key()),
                audience: self.audience.clone(),
                notice: self.notice,
            });
        }
        Ok(occurrences)
    }

    /// The conference of a day: always the same, so that links can be made before there is one.
    fn conference(&self, date: Date) -> ConferenceId {
        let id = match self.details.rule {
            None => self.id.to_string(),
            Some(_) => format!("{}-{}", self.id, date.strftime("%Y%m%d")),
        };
        id.parse()
            .expect("a booking's id has 32 letters at most, a day 8 digits")
    }
}

impl Details {
    pub(super) fn days(&self) -> Result<Vec<Date>, BookingError> {
        let zone = time::zone(&self.zone)?;
        series::days(self.starts_at_local, &zone, self.rule.as_deref())
    }
}

impl Occurrence {
    /// Whether those who are invited are told the same of both.
    fn tells_the_same(&self, other: &Self) -> bool {
        let told = |it: &Self| {
            let when = (it.starts_at, it.ends_at, it.zone.clone());
            (
                it.title.clone(),
                it.kind,
                when,
                it.hall.clone(),
                it.chair.clone(),
            )
        };
        told(self) == told(other)
    }
}

/// A day that has begun, if it goes on and invites others from now on.
fn inviting_others(before: &Occurrence, day: &Occurrence, now: Timestamp) -> Option<Occurrence> {
    let goes_on = before.state == OccurrenceState::Published && before.ends_at > now;
    (goes_on && before.audience != day.audience).then(|| Occurrence {
        audience: day.audience.clone(),
        ..before.clone()
    })
}

/// The days of a booking that was published, as they become with this version of it. What has begun is
/// left as it was, but for whom it invites; what is to take place no longer is said to be cancelled.
pub(super) fn renew(
    former: &[Occurrence],
    days: Vec<Occurrence>,
    (version, all_are_told): (u32, bool),
    now: Timestamp,
) -> Vec<Occurrence> {
    let mut former: BTreeMap<_, _> = former
        .iter()
        .filter(|day| day.state != OccurrenceState::Draft)
        .map(|day| (&day.conference, day))
        .collect();
    let mut renewed = Vec::new();
    for mut day in days {
        let before = former.remove(&day.conference);
        let has_begun = before.is_some_and(|day| day.starts_at <= now);
        if has_begun || before.is_none() && day.starts_at <= now {
            // To what has begun others may be invited until it is over.
            renewed.extend(before.and_then(|before| inviting_others(before, &day, now)));
            continue;
        }
        day.notice = match before {
            Some(before)
                if before.state == OccurrenceState::Published
                    && before.tells_the_same(&day)
                    && !all_are_told =>
            {
                before.notice
            }
            _ => version,
        };
        renewed.push(day);
    }
    for day in former.into_values() {
        if day.state == OccurrenceState::Published && day.starts_at > now {
            renewed.push(Occurrence {
                state: OccurrenceState::Cancelled,
                notice: version,
                ..day.clone()
            });
        }
    }
    renewed
}
