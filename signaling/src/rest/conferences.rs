//! `/conferences`: making, starting, ending and reading conferences.

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
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, Scope, Verb};
use crate::conference::{Actor, Command, PhaseCommand};
use crate::conference_task::ConferenceHandle;
use crate::directory::NewConference;
use crate::fresh;
use crate::ids::{ConferenceId, SiteCode};
use crate::protocol::Snapshot;
use crate::refusal::ErrorCode;
use crate::store::ConferenceRow;

/// A conference to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateConference {
    /// Its id; generated if it has none.
    id: Option<ConferenceId>,
    /// What people call it.
    #[schema(example = "Giao ban toàn quốc")]
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
    reachable(app, grant, Verb::ReadConference, id).await
}

/// The conference, for somebody who may do that with it.
pub(super) async fn reachable(
    app: &App,
    grant: &Grant,
    verb: Verb,
    id: &ConferenceId,
) -> Result<ConferenceHandle, ApiError> {
    may(grant, verb, id)?;
    Ok(app.directory.find(id).await?)
}

/// Whether somebody may look at a conference.
pub(super) fn may_read(grant: &Grant, id: &ConferenceId) -> Result<(), ApiError> {
    may(grant, Verb::ReadConference, id).map(|_| ())
}

/// Whether somebody may do that with a conference, and how much of it that reaches.
pub(super) fn may(grant: &Grant, verb: Verb, id: &ConferenceId) -> Result<Scope, ApiError> {
    let scope = grant.permit(verb)?;
    if scope == Scope::Conference && !grant.is_for(id) {
        return Err(ApiError::not_permitted(match grant.account() {
            Some(_) => "this account is not the chair of that conference",
            None => "the token is for another conference",
        }));
    }
    Ok(scope)
}

/// Make a conference.
#[utoipa::path(
    post,
    path = "/conferences",
    tag = "conferences",
    request_body = CreateConference,
    responses(
        (status = CREATED, body = Snapshot, headers(("location" = String))),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such site."),
        (status = CONFLICT, body = ErrorBody, description = "the id is taken"),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    grant: Grant,
    Json(body): Json<CreateConference>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::CreateConference)?;
    let CreateConference {
        id,
        title,
        starts_at,
        sites,
    } = body;
    let id = id.unwrap_or_else(fresh::conference_id);
    let location = format!("/api/v1/conferences/{id}");
    let new = NewConference {
        id,
        title,
        starts_at,
        sites,
    };
    let conference = app.directory.create(Actor::bearer(grant), new).await?;
    let snapshot = conference.snapshot().await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(snapshot)))
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConferencesQuery {
    /// Those that come after this one in the list.
    after: Option<ConferenceId>,
    /// Most conferences of the answer.
    #[param(default = 10_000, minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// Every conference, the latest first: all of them for an administrator, else the token's own.
#[utoipa::path(
    get,
    path = "/conferences",
    tag = "conferences",
    params(ConferencesQuery),
    responses(
        (status = OK, body = Vec<ConferenceRow>, headers(("link" = Option<String>))),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no conference `after`."),
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(ConferencesQuery { after, limit }): Query<ConferencesQuery>,
    uri: OriginalUri,
) -> Result<Page<ConferenceRow>, ApiError> {
    // Whose scope leaves that out is told so, and not that there are none.
    if grant.account().is_none() && grant.conference().is_none() {
        grant.permit(Verb::ReadConference)?;
    }
    let rows = app.store.conferences().await?;
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|row| grant.is_for(&row.id))
        .collect();
    if let Some(after) = after {
        let place = rows.iter().position(|row| row.id == after);
        let place = place.ok_or_else(|| unknown(&after))?;
        rows.drain(..=place);
    }
    page(&uri, limit, rows, |row| row.id.to_string())
}

/// There is no such conference.
pub(super) fn unknown(id: &ConferenceId) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::ConferenceUnknown,
        format!("there is no conference {id}"),
    )
}

/// One conference: its presence, floor and stage.
#[utoipa::path(
    get,
    path = "/conferences/{conference}",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses((status = OK, body = Snapshot))
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
        (status = CONFLICT, body = ErrorBody, description = "it has ended"),
    )
)]
pub(super) async fn start(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Snapshot>, ApiError> {
    let verb = Verb::StartConference;
    changed(&app, grant, verb, &conference, PhaseCommand::Start).await
}

/// End, for good. Everybody is sent away.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/end",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses((status = OK, body = Snapshot))
)]
pub(super) async fn end(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Snapshot>, ApiError> {
    let verb = Verb::EndConference;
    changed(&app, grant, verb, &conference, PhaseCommand::End).await
}

/// Changes a conference, which needs that right, and shows it.
pub(super) async fn changed(
    app: &App,
    grant: Grant,
    verb: Verb,
    id: &ConferenceId,
    command: impl Into<Command>,
) -> Result<Json<Snapshot>, ApiError> {
    let conference = reachable(app, &grant, verb, id).await?;
    conference.change(Actor::bearer(grant), command).await?;
    Ok(Json(conference.snapshot().await?))
}
