//! What a calendar tells at a glance: how much there is on each day, and which bookings there were of late.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use super::backend::{Query, query};
use super::error::StoreError;
use super::occurrences::{OccurrenceFilter, number, second};
use super::rows::parse;
use crate::booking::AudienceHash;
use crate::ids::BookingId;

/// How much there is on a day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DayCount {
    /// Which day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// How many conferences begin on it.
    pub count: u32,
}

/// A booking that had a day of late.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerBooking {
    /// Its id.
    pub id: BookingId,
    /// What people called its last day in that time.
    pub title: String,
    /// Which day that was.
    #[schema(value_type = String, format = Date)]
    pub occurrence: Date,
}

impl Store {
    /// How many days of bookings begin on each day of somebody's calendar, the first first; a day on which none
    /// does is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn days_counted(
        &self,
        filter: &OccurrenceFilter,
        zone: &TimeZone,
    ) -> Result<Vec<DayCount>, StoreError> {
        let audiences = self.audiences_seen(filter).await?;
        let select = "SELECT starts_at, COUNT(*) AS days FROM occurrences";
        let mut list = beginning(select, filter, audiences.as_deref());
        list.push(" GROUP BY starts_at");
        let mut days = BTreeMap::<Date, u32>::new();
        for row in list.fetch_all(&self.reader).await? {
            let date = zone.to_datetime(second(&row, "starts_at")?).date();
            let count = days.entry(date).or_default();
            *count = count.saturating_add(number(row.try_get("days")?));
        }
        let counted = days.into_iter();
        Ok(counted
            .map(|(date, count)| DayCount { date, count })
            .collect())
    }

    /// Bookings that were published and had a day in a time, that with the last day first; each once, and at
    /// most so many.
    ///
    /// # Errors
    /// When the database fails, or one cannot be read.
    pub async fn bookings_of_late(
        &self,
        filter: &OccurrenceFilter,
    ) -> Result<Vec<FormerBooking>, StoreError> {
        let audiences = self.audiences_seen(filter).await?;
        let select = "SELECT days.booking, days.title, days.day FROM occurrences AS days JOIN \
             (SELECT booking, MAX(starts_at) AS latest FROM occurrences";
        let mut list = beginning(select, filter, audiences.as_deref());
        list.push(" AND state <> 'draft' GROUP BY booking ORDER BY latest DESC, booking LIMIT ");
        list.push_bind(i64::from(filter.limit));
        list.push(
            ") AS late ON late.booking = days.booking AND late.latest = days.starts_at \
             ORDER BY days.starts_at DESC, days.booking, days.conference",
        );
        let (mut known, mut found) = (BTreeSet::new(), Vec::new());
        for row in list.fetch_all(&self.reader).await? {
            let id: BookingId = parse(row.try_get("booking")?)?;
            // Two of its days may begin at the same time.
            if known.insert(id.clone()) {
                found.push(FormerBooking {
                    id,
                    title: row.try_get("title")?,
                    occurrence: parse(row.try_get("day")?)?,
                });
            }
        }
        Ok(found)
    }

    /// The audiences that whoever asks may know of; all if `None`.
    async fn audiences_seen(
        &self,
        filter: &OccurrenceFilter,
    ) -> Result<Option<Vec<AudienceHash>>, StoreError> {
        match &filter.inviting {
            Some(sites) => Ok(Some(self.audiences_of(filter, sites).await?)),
            None => Ok(None),
        }
    }
}

/// `select` of the days that begin in a time, as far as these audiences let it be known.
fn beginning<'q>(
    select: &'static str,
    filter: &'q OccurrenceFilter,
    audiences: Option<&'q [AudienceHash]>,
) -> Query<'q> {
    let mut list = query(select);
    list.push(" WHERE starts_at >= ")
        .push_bind(filter.from.as_second());
    list.push(" AND starts_at < ")
        .push_bind(filter.to.as_second());
    match audiences {
        None => {}
        // A list of nothing is no SQL.
        Some([]) => {
            list.push(" AND 1 = 0");
        }
        Some(audiences) => {
            list.push(" AND state <> 'draft' AND audience IN ");
            list.push_list(audiences.iter().map(|hash| hash.as_str().into()));
        }
    }
    list
}
