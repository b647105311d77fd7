//! `/bookings/days` and `/bookings/former`: what a calendar shows at a glance, in one answer.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use super::bookings::own_sites;
use super::page::checked;
use super::{ApiError, Json, Query};
use crate::app::App;
use crate::auth::Grant;
use crate::store::{DayCount, FormerBooking, OccurrenceFilter};

/// Longest time of which the days are counted: a year, and what the weeks at its ends have beyond.
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Most bookings of one answer.
const MAX_BOOKINGS: u32 = 250;

/// Of which time, and of whose calendar.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CountQuery {
    /// From then on; from now on if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until then, at most 400 days later; so many days if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Whose days: a zone of the IANA database. UTC if left out.
    #[param(example = "Asia/Ho_Chi_Minh")]
    zone: Option<String>,
}

/// How many conferences are planned for each day of a calendar, drafts and cancelled ones with them. A day on
/// which none begins is left out.
#[utoipa::path(
    get,
    path = "/bookings/days",
    tag = "bookings",
    params(CountQuery),
    responses((status = OK, body = Vec<DayCount>))
)]
pub(super) async fn days(
    State(app): State<App>,
    grant: Grant,
    Query(query): Query<CountQuery>,
) -> Result<Json<Vec<DayCount>>, ApiError> {
    let inviting = own_sites(&app, &grant).await?;
    let now = app.clock.now().wall;
    let from = query.from.unwrap_or(now);
    let latest = from.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
    let to = query.to.unwrap_or(latest);
    if to > latest {
        return Err(ApiError::bad_request(format!(
            "to is {to}, must be 400 days after `from` at most"
        )));
    }
    let name = query.zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(name)
        .map_err(|_| ApiError::bad_request(format!("zone is {name:?}, must be like Asia/Tokyo")))?;
    let filter = between(from, to, 0, now);
    let filter = OccurrenceFilter { inviting, ..filter };
    Ok(Json(app.store.days_counted(&filter, &zone).await?))
}

/// Which bookings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FormerQuery {
    /// With a day that begins then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// With a day that begins before; before now if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Most bookings of the answer.
    #[param(default = 250, minimum = 1, maximum = 250)]
    limit: Option<u32>,
}

/// Bookings that had a day in a time, each once, that with the last day first: to invite the same sites again.
/// Drafts are none.
#[utoipa::path(
    get,
    path = "/bookings/former",
    tag = "bookings",
    params(FormerQuery),
    responses((status = OK, body = Vec<FormerBooking>))
)]
pub(super) async fn former(
    State(app): State<App>,
    grant: Grant,
    Query(FormerQuery { from, to, limit }): Query<FormerQuery>,
) -> Result<Json<Vec<FormerBooking>>, ApiError> {
    let inviting = own_sites(&app, &grant).await?;
    let limit = checked(limit, MAX_BOOKINGS)?;
    let now = app.clock.now().wall;
    let (from, to) = (from.unwrap_or(Timestamp::MIN), to.unwrap_or(now));
    let filter = OccurrenceFilter {
        inviting,
        ..between(from, to, limit, now)
    };
    Ok(Json(app.store.bookings_of_late(&filter).await?))
}

/// Days of all bookings in a time.
const fn between(from: Timestamp, to: Timestamp, limit: u32, now: Timestamp) -> OccurrenceFilter {
    OccurrenceFilter {
        from,
        to,
        booking: None,
        after: None,
        limit,
        now,
        inviting: None,
    }
}
