//! `/conferences/{conference}/stage`: what everybody sees.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::conferences::{reachable, readable};
use super::{ApiError, ErrorBody, Json, Path};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::{Actor, StageCommand};
use crate::ids::{ConferenceId, ParticipantId};
use crate::protocol::Place;
use crate::protocol::server::Stage;

/// Whom a place shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetStage {
    /// Which place.
    place: Place,
    /// Whom; `null` returns the place to its rule.
    participant: Option<ParticipantId>,
}

/// What everybody sees and hears.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/stage",
    tag = "stage",
    params(("conference" = ConferenceId, Path)),
    responses((status = OK, body = Stage))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Stage>, ApiError> {
    Ok(Json(
        readable(&app, &grant, &conference)
            .await?
            .snapshot()
            .await?
            .stage,
    ))
}

/// Put somebody on a place of the stage, or return the place to its rule.
#[utoipa::path(
    put,
    path = "/conferences/{conference}/stage",
    tag = "stage",
    params(("conference" = ConferenceId, Path)),
    request_body = SetStage,
    responses(
        (status = OK, body = Stage),
        (status = CONFLICT, body = ErrorBody, description = "the conference has ended"),
    )
)]
pub(super) async fn set(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(SetStage { place, participant }): Json<SetStage>,
) -> Result<Json<Stage>, ApiError> {
    let conference = reachable(&app, &grant, Verb::SetStage, &conference).await?;
    conference
        .change(
            Actor::bearer(grant),
            StageCommand::Set { place, participant },
        )
        .await?;
    Ok(Json(conference.snapshot().await?.stage))
}
