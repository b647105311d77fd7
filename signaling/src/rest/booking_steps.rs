//! `/bookings/{booking}/…`: what is done with a booking besides correcting it, and what is known of it.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bookings::{BookingView, own_sites, readable, schedule};
use super::page::{Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::booking::{Conflict, Exception};
use crate::conference::Actor;
use crate::ids::{BookingId, ConferenceId, IdError, SiteCode};
use crate::inviting::{enrol_soon, tell_cancelled};
use crate::listener::ClientAddress;
use crate::refusal::{ErrorCode, Refusal};
use crate::sites::{Level, Provinces};
use crate::store::StoreError;
use crate::whole;

/// Most sites of one page: with names of usual length they are 90 KB.
const MAX_SITES: u32 = 1_000;

/// The version of the booking that is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AtVersion {
    /// The version that is published.
    #[serde(deserialize_with = "whole::whole")]
    version: u32,
}

/// Publish a draft: it takes place from now on, and its conferences have their ids. Once more after it
/// was changed: all who are invited were told.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/publish",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    request_body = AtVersion,
    responses(
        (status = OK, body = BookingView),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version, cancelled or over"),
    )
)]
pub(super) async fn publish(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
    Json(AtVersion { version }): Json<AtVersion>,
) -> Result<Json<BookingView>, ApiError> {
    grant.permit(Verb::PublishBooking)?;
    let schedule = schedule(&app, &grant);
    let booking = schedule.publish(&id, version).await?;
    AccessLog::changed(client, &grant, &format!("booking {id} published"));
    enrol_soon(&app, &booking);
    Ok(Json(BookingView::new(booking, schedule.now)))
}

/// Why a booking is cancelled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CancelBooking {
    /// The version that is cancelled.
    #[serde(deserialize_with = "whole::whole")]
    version: u32,
    /// Why, for those who are invited.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Cancel a published booking: what has not begun does not take place. It is kept, and whoever was invited
/// by mail is told by mail.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/cancel",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    request_body = CancelBooking,
    responses(
        (status = OK, body = BookingView),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version, a draft, cancelled or over"),
    )
)]
pub(super) async fn cancel(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
    Json(CancelBooking { version, reason }): Json<CancelBooking>,
) -> Result<Json<BookingView>, ApiError> {
    grant.permit(Verb::PublishBooking)?;
    let schedule = schedule(&app, &grant);
    let booking = schedule.cancel(&id, version, reason).await?;
    AccessLog::changed(client, &grant, &format!("booking {id} cancelled"));
    app.tasks.spawn({
        let (app, booking) = (App::clone(&app), booking.clone());
        let by = grant.subject().to_owned();
        async move { tell_cancelled(&app, booking, &by).await }
    });
    Ok(Json(BookingView::new(booking, schedule.now)))
}

/// What of a copy is to be another.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CopyBooking {
    /// When it begins: then it takes place once.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", example = "2026-12-07T08:00:00")]
    starts_at_local: Option<DateTime>,
    /// What people should call it.
    title: Option<String>,
}

/// Make a draft like this booking.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/copy",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    request_body = CopyBooking,
    responses((status = CREATED, body = BookingView, headers(("location" = String))))
)]
pub(super) async fn copy(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
    Json(body): Json<CopyBooking>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let copied = schedule.copy(&id, body.starts_at_local, body.title).await?;
    AccessLog::changed(client, &grant, &format!("booking {} made", copied.id));
    let location = format!("/api/v1/bookings/{}", copied.id);
    let view = BookingView::new(copied, schedule.now);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)))
}

/// What is another on one day of a series; what is left out is as in the series.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MakeException {
    /// The version of the booking that is changed.
    #[serde(deserialize_with = "whole::whole")]
    version: u32,
    /// It does not take place on this day.
    #[serde(default)]
    #[schema(default = false)]
    is_left_out: bool,
    /// When it begins instead, by the clocks of the series' zone; another day as well.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", example = "2026-12-01T14:00:00")]
    starts_at_local: Option<DateTime>,
    /// How long it takes.
    #[serde(default, deserialize_with = "whole::or_nothing")]
    #[schema(minimum = 5, maximum = 1440)]
    duration_minutes: Option<u32>,
    /// What people should call it.
    title: Option<String>,
    /// The hall from which it is held.
    hall: Option<SiteCode>,
}

/// Make one day of a series another: leave it out, move it, or give it another hall or title.
#[utoipa::path(
    put,
    path = "/bookings/{booking}/occurrences/{date}",
    tag = "bookings",
    params(("booking" = BookingId, Path), ("date" = String, Path, format = Date, description = "the day on which the series puts it")),
    request_body = MakeException,
    responses(
        (status = OK, body = BookingView),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version, no series, cancelled or over"),
    )
)]
pub(super) async fn except(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((id, date)): Path<(BookingId, Date)>,
    Json(body): Json<MakeException>,
) -> Result<Json<BookingView>, ApiError> {
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let exception = Exception {
        is_left_out: body.is_left_out,
        starts_at_local: body.starts_at_local,
        duration_minutes: body.duration_minutes,
        title: body.title,
        hall: body.hall,
    };
    let changed = schedule.except(&id, body.version, date, Some(exception));
    let booking = changed.await?;
    AccessLog::changed(client, &grant, &format!("booking {id} changed on {date}"));
    Ok(Json(BookingView::new(booking, schedule.now)))
}

/// The version of the booking that is changed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VersionQuery {
    /// The version of the booking that is changed.
    version: u32,
}

/// Take an exception back: the day is as in the series again.
#[utoipa::path(
    delete,
    path = "/bookings/{booking}/occurrences/{date}",
    tag = "bookings",
    params(("booking" = BookingId, Path), ("date" = String, Path, format = Date, description = "the day on which the series puts it"), VersionQuery),
    responses(
        (status = OK, body = BookingView),
        (status = CONFLICT, body = ErrorBody, description = "it is at another version, no series, cancelled or over"),
    )
)]
pub(super) async fn restore(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((id, date)): Path<(BookingId, Date)>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Json<BookingView>, ApiError> {
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let booking = schedule.except(&id, version, date, None).await?;
    AccessLog::changed(client, &grant, &format!("booking {id} changed on {date}"));
    Ok(Json(BookingView::new(booking, schedule.now)))
}

/// A conference that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenedConference {
    /// Its id.
    conference: ConferenceId,
}

/// Open the conference of a published day before its time: whoever runs it may come in, others when
/// their doors open or it begins. One that is open stays so.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/occurrences/{date}/open",
    tag = "bookings",
    params(("booking" = BookingId, Path), ("date" = String, Path, format = Date, description = "the day on which the series puts it")),
    responses(
        (status = OK, body = OpenedConference),
        (status = CONFLICT, body = ErrorBody, description = "it is cancelled"),
    )
)]
pub(super) async fn open(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((id, date)): Path<(BookingId, Date)>,
) -> Result<Json<OpenedConference>, ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::PublishBooking)?;
    let days = app.store.occurrences_of(&id).await?;
    let day = days.into_iter().find(|day| day.date == date);
    let Some(day) = day else {
        let message = format!("there is no booking {id} with a day {date}");
        return Err(Refusal::new(ErrorCode::NotFound, message).into());
    };
    let conference = day.conference;
    let opened = app
        .directory
        .open(Actor::bearer(grant.clone()), &conference);
    match opened.await {
        Ok(_) => AccessLog::changed(client, &grant, &format!("conference {conference} opened")),
        Err(refusal) if refusal.code == ErrorCode::ConferenceExists => {}
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(Json(OpenedConference { conference }))
}

/// What stands in a booking's way: others at the same time with the same hall, the same chair, or sites
/// that are invited to both. At most 200.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/conflicts",
    tag = "bookings",
    params(("booking" = BookingId, Path)),
    responses((status = OK, body = Vec<Conflict>))
)]
pub(super) async fn conflicts(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<BookingId>,
) -> Result<Json<Vec<Conflict>>, ApiError> {
    if grant.within(Verb::ReadBookings)?.is_some() {
        return Err(grant.role().out_of_reach(Verb::ReadBookings).into());
    }
    Ok(Json(schedule(&app, &grant).conflicts(&id).await?))
}

/// Which of the sites.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AudienceQuery {
    /// Those that come after this one.
    after: Option<SiteCode>,
    /// Most sites of the answer.
    #[param(default = 1_000, minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
}

/// A site that is invited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AudienceSite {
    /// Its code.
    code: SiteCode,
    /// Its name; its code if it is not known any more.
    name: String,
    /// Where it stands in the country.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    /// The province it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<SiteCode>,
}

/// The sites that a booking invites, by code, as its audience came to when it was changed last.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/audience",
    tag = "bookings",
    params(("booking" = BookingId, Path), AudienceQuery),
    responses((status = OK, body = Vec<AudienceSite>, headers(("link" = Option<String>))))
)]
pub(super) async fn audience(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<BookingId>,
    Query(AudienceQuery { after, limit }): Query<AudienceQuery>,
    uri: OriginalUri,
) -> Result<Page<AudienceSite>, ApiError> {
    let most = checked(limit, MAX_SITES)?;
    let booking = readable(&app, &grant, &id).await?;
    let text = app.store.audience_text(&booking.audience).await?;
    let own = own_sites(&app, &grant).await?;
    let mut codes: Vec<SiteCode> = Vec::new();
    for code in text.lines() {
        if after.as_ref().is_some_and(|after| code <= after.as_str()) {
            continue;
        }
        let code = code.parse();
        let code = code.map_err(|error: IdError| StoreError::Unreadable(error.to_string()))?;
        if own.as_ref().is_none_or(|own| own.contains(&code)) {
            codes.push(code);
        }
        // One more than is asked for, which tells whether there is another page.
        if codes.len() > most as usize {
            break;
        }
    }
    let sites = app.store.sites_and_above(&codes).await?;
    let provinces = Provinces::of(&sites);
    let invited = codes.into_iter().map(|code| {
        let site = sites.binary_search_by(|site| site.code.cmp(&code)).ok();
        let site = site.and_then(|at| sites.get(at));
        AudienceSite {
            name: site.map_or_else(|| code.to_string(), |site| site.name.clone()),
            level: site.map(|site| site.level),
            province: site.and_then(|site| provinces.province(site)).cloned(),
            code,
        }
    });
    page(&uri, Some(most), invited, |site| site.code.to_string())
}
