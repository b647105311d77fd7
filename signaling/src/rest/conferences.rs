//! `/conferences`: making, starting, ending and reading conferences.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Json, Path};
use crate::app::{self, App};
use crate::auth::Grant;
use crate::conference::view::Snapshot;
use crate::conference::{Actor, Command};
use crate::conference_task::ConferenceHandle;
use crate::directory::NewConference;
use crate::ids::{ConferenceId, SiteCode};
use crate::store::ConferenceRow;

/// A conference to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateConference {
    /// Its id; generated if it has none.
    id: Option<ConferenceId>,
    /// What people call it.
    title: String,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Codes of the sites that should be here; all that are known if left out.
    sites: Option<BTreeSet<SiteCode>>,
}

/// The conference, for somebody who may look at it.
pub(super) async fn readable(
    app: &App,
    grant: &Grant,
    id: &ConferenceId,
) -> Result<ConferenceHandle, ApiError> {
    if !grant.is_for(id) {
        return Err(ApiError::not_permitted(
            "the token is for another conference",
        ));
    }
    if !grant.may_moderate() {
        return Err(ApiError::not_permitted(format!(
            "{} may not do this: it needs an operator, a chair or an administrator",
            grant.role()
        )));
    }
    Ok(app.directory.find(id).await?)
}

/// Make a conference.
#[utoipa::path(
    post,
    path = "/conferences",
    tag = "conferences",
    request_body = CreateConference,
    responses(
        (status = CREATED, body = Snapshot, headers(("location" = String))),
        (status = BAD_REQUEST, body = ErrorBody, description = "a value is wrong"),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody, description = "not an administrator"),
        (status = CONFLICT, body = ErrorBody, description = "the id is taken"),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "too many, or restarting"),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    grant: Grant,
    Json(body): Json<CreateConference>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_not_draining()?;
    if !grant.may_administer() {
        return Err(ApiError::not_permitted(
            "only an administrator may create a conference",
        ));
    }
    let CreateConference {
        id,
        title,
        starts_at,
        sites,
    } = body;
    let id = id.unwrap_or_else(app::new_conference_id);
    let location = format!("/api/v1/conferences/{id}");
    let new = NewConference {
        id,
        title,
        starts_at,
        sites,
    };
    let conference = app.directory.create(Actor::Bearer(grant), new).await?;
    let snapshot = conference.snapshot().await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(snapshot)))
}

/// Every conference, the latest first: all of them for an administrator, else the token's own.
#[utoipa::path(
    get,
    path = "/conferences",
    tag = "conferences",
    responses((status = OK, body = Vec<ConferenceRow>), (status = UNAUTHORIZED, body = ErrorBody))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<Vec<ConferenceRow>>, ApiError> {
    let rows = app.store.conferences().await?;
    Ok(Json(
        rows.into_iter()
            .filter(|row| grant.is_for(&row.id))
            .collect(),
    ))
}

/// One conference: its presence, floor and stage.
#[utoipa::path(
    get,
    path = "/conferences/{conference}",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = Snapshot),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Snapshot>, ApiError> {
    Ok(Json(
        readable(&app, &grant, &conference)
            .await?
            .snapshot()
            .await?,
    ))
}

/// Begin. Once it runs, the floor may be asked for.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/start",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = Snapshot),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
        (status = CONFLICT, body = ErrorBody, description = "it has ended"),
    )
)]
pub(super) async fn start(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Snapshot>, ApiError> {
    changed(&app, grant, &conference, Command::Start).await
}

/// End, for good. Everybody is sent away.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/end",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = Snapshot),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn end(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Snapshot>, ApiError> {
    changed(&app, grant, &conference, Command::End).await
}

/// Changes a conference and shows it.
pub(super) async fn changed(
    app: &App,
    grant: Grant,
    id: &ConferenceId,
    command: Command,
) -> Result<Json<Snapshot>, ApiError> {
    let conference = readable(app, &grant, id).await?;
    conference.change(Actor::Bearer(grant), command).await?;
    Ok(Json(conference.snapshot().await?))
}
