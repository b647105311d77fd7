//! The days of bookings: by conference, by booking, in a time, and those that meet others.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use super::backend::{Query, Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::booking::{AudienceHash, Kind, Occurrence, OccurrenceState, Slot, Standing};
use crate::conference::Phase;
use crate::ids::{BookingId, ConferenceId, SiteCode};

/// The longest that a conference may take: what began earlier cannot last until now.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// All of a day that is read back.
macro_rules! columns {
    () => {
        "occurrences.conference, occurrences.booking, occurrences.day, occurrences.state, \
         occurrences.title, occurrences.kind, occurrences.zone, occurrences.starts_at, \
         occurrences.ends_at, occurrences.opens_at, occurrences.doors, occurrences.hall, \
         occurrences.chair, occurrences.audience, occurrences.notice"
    };
}

pub(super) use columns;

/// A day of a booking in a list.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OccurrenceRow {
    /// Of which booking.
    pub booking: BookingId,
    /// The day on which the series puts it, by which it is known.
    #[schema(value_type = String, format = Date)]
    pub occurrence: jiff::civil::Date,
    /// The conference that it becomes, once it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conference: Option<ConferenceId>,
    /// What people call it.
    pub title: String,
    /// What is done in it.
    pub kind: Kind,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// How long it takes.
    pub duration_minutes: u32,
    /// By whose clocks it is announced.
    pub zone: String,
    /// How it stands with it.
    pub state: Standing,
    /// How it stands with its conference, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The hall from which it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hall: Option<SiteCode>,
    /// How many sites are invited.
    pub invited: u32,
    /// Where it stands in the list: what the next page comes after.
    #[serde(skip)]
    pub place: ConferenceId,
}

/// Which days to list.
#[derive(Clone, Debug)]
pub struct OccurrenceFilter {
    /// Those that are not over then.
    pub from: Timestamp,
    /// Those that begin before.
    pub to: Timestamp,
    /// Of one booking only.
    pub booking: Option<BookingId>,
    /// Those behind this one in the list.
    pub after: Option<ConferenceId>,
    /// At most so many.
    pub limit: u32,
    /// Which of them are over is judged by this time.
    pub now: Timestamp,
    /// Only what is no draft and invites one of these sites.
    pub inviting: Option<BTreeSet<SiteCode>>,
}

impl Store {
    /// The day that becomes this conference.
    ///
    /// # Errors
    /// When the database fails, or it cannot be read.
    pub async fn occurrence(
        &self,
        conference: &ConferenceId,
    ) -> Result<Option<Occurrence>, StoreError> {
        let row = query(concat!(
            "SELECT ",
            columns!(),
            " FROM occurrences WHERE conference = $1"
        ))
        .bind(conference.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(occurrence).transpose()
    }

    /// The days of a booking, the first first.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn occurrences_of(&self, booking: &BookingId) -> Result<Vec<Occurrence>, StoreError> {
        let rows = query(concat!(
            "SELECT ",
            columns!(),
            " FROM occurrences WHERE booking = $1 ORDER BY starts_at, conference"
        ))
        .bind(booking.as_str())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(occurrence).collect()
    }

    /// Days in a time, the first first; `None` if the one behind which to go on is not known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn occurrences_between(
        &self,
        filter: &OccurrenceFilter,
    ) -> Result<Option<Vec<OccurrenceRow>>, StoreError> {
        let mut place = (i64::MIN, "");
        if let Some(after) = &filter.after {
            let row = query("SELECT starts_at FROM occurrences WHERE conference = $1")
                .bind(after.as_str())
                .fetch_optional(&self.reader)
                .await?;
            let Some(row) = row else { return Ok(None) };
            place = (row.try_get("starts_at")?, after.as_str());
        }
        let audiences = match &filter.inviting {
            Some(sites) => Some(self.audiences_of(filter, sites).await?),
            None => None,
        };
        if audiences.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Some(Vec::new()));
        }
        let earliest = filter.earliest();
        let mut list = query(concat!(
            "SELECT ",
            columns!(),
            ", bookings.published, audiences.sites, conferences.state AS phase FROM occurrences \
             JOIN bookings ON bookings.id = occurrences.booking \
             JOIN audiences ON audiences.hash = occurrences.audience \
             LEFT JOIN conferences ON conferences.id = occurrences.conference \
             WHERE occurrences.starts_at >= "
        ));
        list.push_bind(earliest.as_second().max(place.0));
        list.push(" AND occurrences.starts_at < ")
            .push_bind(filter.to.as_second());
        list.push(" AND occurrences.ends_at > ")
            .push_bind(filter.from.as_second());
        list.push(" AND (occurrences.starts_at > ")
            .push_bind(place.0);
        list.push(" OR occurrences.conference > ")
            .push_bind(place.1)
            .push(")");
        if let Some(booking) = &filter.booking {
            list.push(" AND occurrences.booking = ")
                .push_bind(booking.as_str());
        }
        if let Some(audiences) = &audiences {
            list.push(" AND occurrences.state <> 'draft' AND occurrences.audience IN ");
            list.push_list(audiences.iter().map(|hash| hash.as_str().into()));
        }
        list.push(" ORDER BY occurrences.starts_at, occurrences.conference LIMIT ");
        list.push_bind(i64::from(filter.limit));
        let rows = list.fetch_all(&self.reader).await?;
        // One that is not as this program writes it must not hide all others.
        let readable = |row: &Row| {
            listed(row, filter.now)
                .inspect_err(|cause| tracing::error!(%cause, "a day of a booking is left out"))
                .ok()
        };
        Ok(Some(rows.iter().filter_map(readable).collect()))
    }

    /// The audiences of days in a time to which one of these sites belongs.
    pub(super) async fn audiences_of(
        &self,
        filter: &OccurrenceFilter,
        sites: &BTreeSet<SiteCode>,
    ) -> Result<Vec<AudienceHash>, StoreError> {
        let rows = query(
            "SELECT DISTINCT audience FROM occurrences \
             WHERE starts_at >= $1 AND starts_at < $2 AND ends_at > $3",
        )
        .bind(filter.earliest().as_second())
        .bind(filter.to.as_second())
        .bind(filter.from.as_second())
        .fetch_all(&self.reader)
        .await?;
        let mut audiences = Vec::new();
        for row in &rows {
            let hash = parse(row.try_get("audience")?)?;
            if self.audience(&hash).await?.invites(sites) {
                audiences.push(hash);
            }
        }
        Ok(audiences)
    }

    /// Pairs of days that meet: one of this booking that is not over, and one of another, at most so
    /// many.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn meetings(
        &self,
        booking: &BookingId,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<(Slot, Slot)>, StoreError> {
        let meeting: Query<'_> = query(
            "SELECT own.conference AS own, other.conference AS other FROM occurrences AS own \
             JOIN occurrences AS other ON other.starts_at < own.ends_at \
             AND other.starts_at > own.starts_at - $4 AND other.ends_at > own.starts_at \
             WHERE own.booking = $1 AND other.booking <> $1 AND own.ends_at > $2 \
             AND own.state <> 'cancelled' AND other.state <> 'cancelled' \
             ORDER BY own.starts_at, other.starts_at, other.conference LIMIT $3",
        )
        .bind(booking.as_str())
        .bind(now.as_second())
        .bind(i64::from(most))
        .bind(LONGEST.as_secs());
        let mut meetings = Vec::new();
        for row in meeting.fetch_all(&self.reader).await? {
            let (own, other) = (parse(row.try_get("own")?)?, parse(row.try_get("other")?)?);
            let (own, other) = (self.occurrence(&own).await?, self.occurrence(&other).await?);
            if let (Some(own), Some(other)) = (own, other) {
                meetings.push((own.into(), other.into()));
            }
        }
        Ok(meetings)
    }
}

impl OccurrenceFilter {
    /// What began earlier is over.
    fn earliest(&self) -> Timestamp {
        self.from.saturating_sub(LONGEST).unwrap_or(Timestamp::MIN)
    }
}

impl From<Occurrence> for Slot {
    fn from(day: Occurrence) -> Self {
        Self {
            booking: day.booking,
            date: day.date,
            title: day.title,
            starts_at: day.starts_at,
            ends_at: day.ends_at,
            hall: day.hall,
            chair: day.chair,
            audience: day.audience,
        }
    }
}

pub(super) fn second(row: &Row, column: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_second(row.try_get(column)?)
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn occurrence(row: &Row) -> Result<Occurrence, StoreError> {
    let hall: Option<&str> = row.try_get("hall")?;
    let doors = serde_json::from_str(row.try_get("doors")?)
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Occurrence {
        booking: parse(row.try_get("booking")?)?,
        date: parse(row.try_get("day")?)?,
        conference: parse(row.try_get("conference")?)?,
        state: parse(row.try_get("state")?)?,
        title: row.try_get("title")?,
        kind: parse(row.try_get("kind")?)?,
        zone: row.try_get("zone")?,
        starts_at: second(row, "starts_at")?,
        ends_at: second(row, "ends_at")?,
        opens_at: second(row, "opens_at")?,
        doors,
        hall: hall.map(parse).transpose()?,
        chair: row.try_get("chair")?,
        audience: parse(row.try_get("audience")?)?,
        notice: number(row.try_get("notice")?),
    })
}

pub(super) fn number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn listed(row: &Row, now: Timestamp) -> Result<OccurrenceRow, StoreError> {
    let day = occurrence(row)?;
    let phase: Option<&str> = row.try_get("phase")?;
    let phase: Option<Phase> = phase
        .map(|text| serde_json::from_value(text.into()))
        .transpose()
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let published: Option<i64> = row.try_get("published")?;
    let is_over = match phase {
        Some(Phase::Ended) => true,
        Some(Phase::Running) => false,
        Some(Phase::Scheduled) | None => day.ends_at <= now,
    };
    let state = match day.state {
        OccurrenceState::Draft => Standing::Draft,
        OccurrenceState::Cancelled => Standing::Cancelled,
        OccurrenceState::Published if is_over => Standing::Past,
        OccurrenceState::Published if published.is_some_and(|at| number(at) < day.notice) => {
            Standing::Changed
        }
        OccurrenceState::Published => Standing::Published,
    };
    let minutes = day.ends_at.duration_since(day.starts_at).as_mins();
    Ok(OccurrenceRow {
        booking: day.booking,
        occurrence: day.date,
        conference: Some(day.conference.clone()).filter(|_| state != Standing::Draft),
        title: day.title,
        kind: day.kind,
        starts_at: day.starts_at,
        duration_minutes: u32::try_from(minutes).unwrap_or_default(),
        zone: day.zone,
        state,
        phase,
        hall: day.hall,
        invited: number(row.try_get("sites")?),
        place: day.conference,
    })
}
