//! `/conferences/{conference}/participants`: who is there, muting and sending away.

use axum::extract::State;
use axum::http::StatusCode;

use super::conferences::readable;
use super::{ApiError, ErrorBody, Json, Path};
use crate::app::App;
use crate::auth::Grant;
use crate::conference::{Actor, Command};
use crate::ids::{ConferenceId, ParticipantId};
use crate::protocol::server::ParticipantEntry;

/// Everybody who is present or lost.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/participants",
    tag = "participants",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = Vec<ParticipantEntry>),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Vec<ParticipantEntry>>, ApiError> {
    Ok(Json(
        readable(&app, &grant, &conference)
            .await?
            .participants()
            .await?,
    ))
}

/// Send a participant away.
#[utoipa::path(
    delete,
    path = "/conferences/{conference}/participants/{participant}",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(&app, grant, &conference, Command::Remove { participant }).await
}

/// Refuse a participant's media, whatever its page does.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/mute",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn mute(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        &conference,
        Command::Mute {
            participant,
            muted: true,
        },
    )
    .await
}

/// Accept a participant's media again.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/unmute",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn unmute(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        &conference,
        Command::Mute {
            participant,
            muted: false,
        },
    )
    .await
}

async fn changed(
    app: &App,
    grant: Grant,
    conference: &ConferenceId,
    command: Command,
) -> Result<StatusCode, ApiError> {
    let conference = readable(app, &grant, conference).await?;
    conference.change(Actor::Bearer(grant), command).await?;
    Ok(StatusCode::NO_CONTENT)
}
