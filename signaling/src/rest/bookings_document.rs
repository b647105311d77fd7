//! `/bookings/export` and `/bookings/import`: what is planned as a document, for other systems.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::bookings::schedule;
use super::{ApiError, Body, ErrorBody, Json, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::booking::document::BookingsDocument;
use crate::exchanging::{BookingsImported, BookingsPreview};
use crate::listener::ClientAddress;

/// What is planned, as a document that can be imported here or on another server: without what is over or
/// cancelled. A choice `sameAs` a booking that is not in it is told as the sites that it comes to.
#[utoipa::path(
    get,
    path = "/bookings/export",
    tag = "bookings",
    responses((status = OK, body = BookingsDocument))
)]
pub(super) async fn export(
    State(app): State<App>,
    grant: Grant,
) -> Result<impl IntoResponse, ApiError> {
    if grant.within(Verb::ReadBookings)?.is_some() {
        return Err(grant.role().out_of_reach(Verb::ReadBookings).into());
    }
    let document = schedule(&app, &grant).document().await?;
    let name = "attachment; filename=\"bookings.json\"";
    Ok(([(CONTENT_DISPOSITION, name)], Json(document)))
}

/// What a document would change, and what is wrong with it, entry by entry. Nothing is changed.
#[utoipa::path(
    post,
    path = "/bookings/import/preview",
    tag = "bookings",
    request_body(content = BookingsDocument, description = "As for the import."),
    responses((status = OK, body = BookingsPreview))
)]
pub(super) async fn preview(
    State(app): State<App>,
    grant: Grant,
    Body(body): Body,
) -> Result<Json<BookingsPreview>, ApiError> {
    grant.permit(Verb::Book)?;
    let exchange = schedule(&app, &grant).exchange(&body).await?;
    Ok(Json(exchange.preview))
}

/// How a document is imported.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// That of a preview: what it has shown is done, or nothing.
    digest: Option<String>,
}

/// Make and change bookings as a document says: all of it or nothing. Bookings that it does not name stay as
/// they are. What is published by it needs the right to publish.
#[utoipa::path(
    post,
    path = "/bookings/import",
    tag = "bookings",
    params(ImportQuery),
    request_body(
        content = BookingsDocument,
        description = "At most 5,000 bookings and 16 MiB. Each entry says all of a booking as `POST \
            /bookings` does, and what it leaves out is as there; besides it says its `id`, its \
            `exceptions`, and in `state` whether it is published. One of an id that is known is changed, \
            another one made. `sameAs` names a booking that is here or in the document."
    ),
    responses(
        (status = OK, body = BookingsImported),
        (status = CONFLICT, body = ErrorBody, description = "it is not what the preview has shown"),
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Query(ImportQuery { digest }): Query<ImportQuery>,
    Body(body): Body,
) -> Result<(StatusCode, Json<BookingsImported>), ApiError> {
    grant.permit(Verb::Book)?;
    let schedule = schedule(&app, &grant);
    let exchange = schedule.exchange(&body).await?;
    if exchange.publishes {
        grant.permit(Verb::PublishBooking)?;
    }
    let (imported, _) = schedule.import(exchange, digest.as_deref()).await?;
    AccessLog::changed(client, &grant, "bookings imported");
    Ok((StatusCode::OK, Json(imported)))
}
