//! `/conferences/{conference}/floor`: who has it, who asks for it, and the verbs around it.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::conferences::{reachable, readable};
use super::{ApiError, ErrorBody, Json, Path};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::{Actor, Command, FloorCommand};
use crate::conference_task::ConferenceHandle;
use crate::ids::{ConferenceId, ParticipantId};
use crate::protocol::server::Floor;

/// Somebody in the conference.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Somebody {
    /// Who.
    participant: ParticipantId,
}

/// Who has the floor and who asks for it.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/floor",
    tag = "floor",
    params(("conference" = ConferenceId, Path)),
    responses((status = OK, body = Floor))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Floor>, ApiError> {
    Ok(Json(
        readable(&app, &grant, &conference)
            .await?
            .snapshot()
            .await?
            .floor,
    ))
}

/// Ask for the floor on behalf of a participant, as after a telephone call.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/floor/requests",
    tag = "floor",
    params(("conference" = ConferenceId, Path)),
    request_body = Somebody,
    responses(
        (status = OK, body = Floor),
        (status = CONFLICT, body = ErrorBody, description = "it already asks for it or has it"),
    )
)]
pub(super) async fn request(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(Somebody { participant }): Json<Somebody>,
) -> Result<Json<Floor>, ApiError> {
    let actor = Actor::bearer(grant.clone()).on_behalf_of(participant);
    let conference = reachable(&app, &grant, Verb::ActFor, &conference).await?;
    changed(&conference, actor, FloorCommand::Request).await
}

/// Give the floor to a participant, whoever has it.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/floor/grant",
    tag = "floor",
    params(("conference" = ConferenceId, Path)),
    request_body = Somebody,
    responses(
        (status = OK, body = Floor),
        (status = CONFLICT, body = ErrorBody, description = "the conference does not run"),
    )
)]
pub(super) async fn grant(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(Somebody { participant }): Json<Somebody>,
) -> Result<Json<Floor>, ApiError> {
    let conference = reachable(&app, &grant, Verb::GrantFloor, &conference).await?;
    let command = FloorCommand::Grant { participant };
    changed(&conference, Actor::bearer(grant), command).await
}

/// Take the floor from a participant. If somebody else has it by now, that one keeps it.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/floor/revoke",
    tag = "floor",
    params(("conference" = ConferenceId, Path)),
    request_body = Somebody,
    responses(
        (status = OK, body = Floor),
        (status = CONFLICT, body = ErrorBody, description = "it does not have it"),
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(Somebody { participant }): Json<Somebody>,
) -> Result<Json<Floor>, ApiError> {
    let conference = reachable(&app, &grant, Verb::RevokeFloor, &conference).await?;
    let command = FloorCommand::Revoke { participant };
    changed(&conference, Actor::bearer(grant), command).await
}

/// Give the floor back on behalf of the participant that has it.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/floor/yield",
    tag = "floor",
    params(("conference" = ConferenceId, Path)),
    request_body = Somebody,
    responses(
        (status = OK, body = Floor),
        (status = CONFLICT, body = ErrorBody, description = "it does not have it"),
    )
)]
pub(super) async fn yield_floor(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(Somebody { participant }): Json<Somebody>,
) -> Result<Json<Floor>, ApiError> {
    let actor = Actor::bearer(grant.clone()).on_behalf_of(participant);
    let conference = reachable(&app, &grant, Verb::ActFor, &conference).await?;
    changed(&conference, actor, FloorCommand::Yield).await
}

async fn changed(
    conference: &ConferenceHandle,
    actor: Actor,
    command: impl Into<Command>,
) -> Result<Json<Floor>, ApiError> {
    conference.change(actor, command).await?;
    Ok(Json(conference.snapshot().await?.floor))
}
