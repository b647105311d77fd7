//! `/bookings`: conferences that are planned, from draft to calendar.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::corrections::written;
use super::page::{Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::booking::{
    AgendaItem, Booking, BookingState, Chair, DatedException, Details, Doors, Kind, Language,
    Selection, Standing,
};
use crate::ids::{BookingId, ConferenceId, SiteCode};
use crate::inviting::enrol_soon;
use crate::listener::ClientAddress;
use crate::object;
use crate::schedule::Schedule;
use crate::sites::SiteFilter;
use crate::store::{OccurrenceFilter, OccurrenceRow};
use crate::whole;

/// Most days of one page: with titles of usual length they are 80 KB.
const MAX_DAYS: u32 = 250;

/// A conference that is planned, or a series of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Booking)]
#[serde(rename_all = "camelCase")]
pub(super) struct BookingView {
    /// Its id.
    id: BookingId,
    /// From 1; each change makes it one more, and names the one that it changes.
    version: u32,
    /// How it stands with it.
    state: Standing,
    /// What people call it.
    title: String,
    /// What is done in it.
    kind: Kind,
    /// When it begins by the clocks of its zone; the first of a series.
    #[schema(value_type = String, example = "2026-11-30T08:00:00")]
    starts_at_local: jiff::civil::DateTime,
    /// Whose clocks.
    zone: String,
    /// How long it takes.
    duration_minutes: u32,
    /// On which days it takes place (RFC 5545 §3.3.10); once if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What is another on single days of the series.
    exceptions: Vec<DatedException>,
    /// The hall from which it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    hall: Option<SiteCode>,
    /// Who leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chair: Option<Chair>,
    /// Ids of the accounts of those who run it.
    operators: Vec<String>,
    /// Whom it invites.
    audience: Selection,
    /// How many sites that comes to.
    invited: u32,
    /// What is spoken of.
    agenda: Vec<AgendaItem>,
    /// How many minutes before the beginning it opens by itself.
    opens_minutes_before: u32,
    /// Who may come in how long before the beginning.
    doors: Doors,
    /// The language in which sites are written to.
    language: Language,
    /// The version with which that last changed of which those who are invited are told: whoever was
    /// told at an earlier one must be told again.
    notice: u32,
    /// The version that was published last.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u32>,
    /// When its last day should be over.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it.
    created_by: String,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// Who changed it last.
    changed_by: String,
    /// Why it is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl BookingView {
    pub(super) fn new(booking: Booking, now: Timestamp) -> Self {
        let state = booking.standing(now);
        let exceptions = booking.exceptions.into_iter();
        let details = booking.details;
        Self {
            id: booking.id,
            version: booking.version,
            state,
            title: details.title,
            kind: details.kind,
            starts_at_local: details.starts_at_local,
            zone: details.zone,
            duration_minutes: details.duration_minutes,
            rule: details.rule,
            exceptions: exceptions
                .map(|(date, exception)| DatedException { date, exception })
                .collect(),
            hall: details.hall,
            chair: details.chair,
            operators: details.operators,
            audience: details.audience,
            invited: booking.invited,
            agenda: details.agenda,
            opens_minutes_before: details.opens_minutes_before,
            doors: details.doors,
            language: details.language,
            notice: booking.notice,
            published: booking.published,
            ends_at: booking.ends_at,
            created_at: booking.created_at,
            created_by: booking.created_by,
            changed_at: booking.changed_at,
            changed_by: booking.changed_by,
            reason: booking.reason,
        }
    }
}

/// Where bookings are kept, for somebody.
pub(super) fn schedule<'s>(app: &'s App, grant: &'s Grant) -> Schedule<'s> {
    Schedule {
        store: &app.store,
        by: grant.subject(),
        now: app.clock.now().wall,
    }
}

/// The sites of which somebody may know what they are invited to; all if `None`.
pub(super) async fn own_sites(
    app: &App,
    grant: &Grant,
) -> Result<Option<BTreeSet<SiteCode>>, ApiError> {
    let Some(province) = grant.within(Verb::ReadBookings)? else {
        return Ok(None);
    };
    let filter = SiteFilter {
        within: Some(province.clone()),
        ..SiteFilter::everything()
    };
    let sites = app.store.sites(&filter).await?;
    Ok(Some(sites.into_iter().map(|site| site.code).collect()))
}

/// The booking of this id, for somebody who may know of it: within a province what is no draft and
/// invites one of its sites.
pub(super) async fn readable(
    app: &App,
    grant: &Grant,
    id: &BookingId,
) -> Result<Booking, ApiError> {
    let own = own_sites(app, grant).await?;
    let booking = schedule(app, grant).find(id).await?;
    if let Some(own) = own {
        let audience = app.store.audience(&booking.audience).await?;
        if booking.state == BookingState::Draft || !audience.invites(&own) {
            return Err(grant.role().out_of_reach(Verb::ReadBookings).into());
        }
    }
    Ok(booking)
}

/// Plan a conference: a draft, of which nobody is told.
#[utoipa::path(
    post,
    path = "/bookings",
    tag = "bookings",
    request_body = Details,
    responses(
        (status = CREATED, body = BookingView, headers(("location" = String))),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no booking `audience.sameAs`."),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Json(details): Json<Details>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let booking = schedule.draft(details).await?;
    AccessLog::changed(client, &grant, &format!("booking {} made", booking.id));
    let location = format!("/api/v1/bookings/{}", booking.id);
    let view = BookingView::new(booking, schedule.now);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)))
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DaysQuery {
    /// Those that are not over then; all until `to` if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Those that begin before; all from `from` on if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Of this booking only.
    booking: Option<BookingId>,
    /// Those that come after this one in the list.
    after: Option<ConferenceId>,
    /// Most days of the answer.
    #[param(default = 250, minimum = 1, maximum = 250)]
    limit: Option<u32>,
}

/// The days of bookings in a time, the first first.
#[utoipa::path(
    get,
    path = "/bookings",
    tag = "bookings",
    params(DaysQuery),
    responses(
        (status = OK, body = Vec<OccurrenceRow>, headers(("link" = Option<String>))),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no day `after`."),
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(query): Query<DaysQuery>,
    uri: OriginalUri,
) -> Result<Page<OccurrenceRow>, ApiError> {
    let inviting = own_sites(&app, &grant).await?;
    let most = checked(query.limit, MAX_DAYS)?;
    let filter = OccurrenceFilter {
        from: query.from.unwrap_or(Timestamp::MIN),
        to: query.to.unwrap_or(Timestamp::MAX),
        booking: query.booking,
        after: query.after.clone(),
        // One more than is asked for, which tells whether there is another page.
        limit: most.saturating_add(1),
        now: app.clock.now().wall,
        inviting,
    };
    let Some(days) = app.store.occurrences_between(&filter).await? else {
        let message = "there is no day `after` in the list any more: begin anew";
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            crate::refusal::ErrorCode::NotFound,
            message,
        ));
    };
    page(&uri, Some(most), days, |day| day.place.to_string())
}

/// One booking.
#[utoipa::path(
    get,
    path = "/bookings/{booking}",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    responses((status = OK, body = BookingView))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<BookingId>,
) -> Result<Json<BookingView>, ApiError> {
    let booking = readable(&app, &grant, &id).await?;
    Ok(Json(BookingView::new(booking, app.clock.now().wall)))
}

/// What of a booking is to be another; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReviseBooking {
    /// The version that is changed.
    #[serde(deserialize_with = "whole::whole")]
    version: u32,
    /// What people should call it.
    title: Option<String>,
    /// What is done in it.
    kind: Option<Kind>,
    /// When it begins by the clocks of its zone; the first of a series.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", example = "2026-11-30T08:00:00")]
    starts_at_local: Option<jiff::civil::DateTime>,
    /// Whose clocks: a name of the IANA database.
    zone: Option<String>,
    /// How long it takes.
    #[serde(default, deserialize_with = "whole::or_nothing")]
    #[schema(minimum = 5, maximum = 1440)]
    duration_minutes: Option<u32>,
    /// On which days it takes place; `null`: once.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    rule: Option<Option<String>>,
    /// The hall from which it is held; `null`: none.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<SiteCode>)]
    hall: Option<Option<SiteCode>>,
    /// Who leads it; `null`: nobody yet.
    #[serde(default, deserialize_with = "object::written")]
    #[schema(value_type = Option<Chair>)]
    chair: Option<Option<Chair>>,
    /// Ids of the accounts of those who run it.
    #[schema(max_items = 50)]
    operators: Option<Vec<String>>,
    /// Whom it invites.
    #[serde(default, deserialize_with = "object::or_nothing")]
    audience: Option<Selection>,
    /// What is spoken of, in order.
    #[schema(max_items = 100)]
    agenda: Option<Vec<AgendaItem>>,
    /// How many minutes before the beginning it opens by itself.
    #[serde(default, deserialize_with = "whole::or_nothing")]
    #[schema(minimum = 0, maximum = 1440)]
    opens_minutes_before: Option<u32>,
    /// Who may come in how long before the beginning.
    #[serde(default, deserialize_with = "object::or_nothing")]
    doors: Option<Doors>,
    /// The language in which sites are written to.
    language: Option<Language>,
}

impl ReviseBooking {
    fn of(self, old: Details) -> Details {
        Details {
            title: self.title.unwrap_or(old.title),
            kind: self.kind.unwrap_or(old.kind),
            starts_at_local: self.starts_at_local.unwrap_or(old.starts_at_local),
            zone: self.zone.unwrap_or(old.zone),
            duration_minutes: self.duration_minutes.unwrap_or(old.duration_minutes),
            rule: self.rule.unwrap_or(old.rule),
            hall: self.hall.unwrap_or(old.hall),
            chair: self.chair.unwrap_or(old.chair),
            operators: self.operators.unwrap_or(old.operators),
            audience: self.audience.unwrap_or(old.audience),
            agenda: self.agenda.unwrap_or(old.agenda),
            opens_minutes_before: self
                .opens_minutes_before
                .unwrap_or(old.opens_minutes_before),
            doors: self.doors.unwrap_or(old.doors),
            language: self.language.unwrap_or(old.language),
        }
    }
}

/// Change a booking. One that is published takes place as is said from then on; what has begun stays as
/// it was.
#[utoipa::path(
    patch,
    path = "/bookings/{booking}",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    request_body = ReviseBooking,
    responses(
        (status = OK, body = BookingView),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version, cancelled or over"),
    )
)]
pub(super) async fn revise(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
    Json(body): Json<ReviseBooking>,
) -> Result<Json<BookingView>, ApiError> {
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let version = body.version;
    let booking = schedule.revise(&id, version, |old| body.of(old)).await?;
    AccessLog::changed(client, &grant, &format!("booking {id} changed"));
    enrol_soon(&app, &booking);
    Ok(Json(BookingView::new(booking, schedule.now)))
}

/// Delete a draft. What was published is cancelled instead.
#[utoipa::path(
    delete,
    path = "/bookings/{booking}",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ErrorBody, description = "it was published"),
    )
)]
pub(super) async fn delete(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::Book)?;
    schedule(&app, &grant).delete(&id).await?;
    AccessLog::changed(client, &grant, &format!("booking {id} deleted"));
    Ok(StatusCode::NO_CONTENT)
}
