//! `/conferences/{conference}/participants`: who is there, muting and sending away.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::conferences::{reachable, readable};
use super::page::{Page, page};
use super::{ApiError, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::{Actor, Command, PeopleCommand, SourcesCommand};
use crate::ids::{ConferenceId, ParticipantId};
use crate::protocol::server::{BarredEntry, ParticipantEntry};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ParticipantsQuery {
    /// Those that come after this one in the list.
    after: Option<ParticipantId>,
    /// Most participants of the answer.
    #[param(default = 10_000, minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// Everybody who is present or lost, by id.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/participants",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ParticipantsQuery),
    responses((status = OK, body = Vec<ParticipantEntry>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Query(ParticipantsQuery { after, limit }): Query<ParticipantsQuery>,
    uri: OriginalUri,
) -> Result<Page<ParticipantEntry>, ApiError> {
    let conference = readable(&app, &grant, &conference).await?;
    let mut everybody = conference.participants().await?;
    everybody.retain(|entry| after.is_none_or(|after| entry.participant > after));
    everybody.sort_unstable_by_key(|entry| entry.participant);
    page(&uri, limit, everybody, |entry| {
        entry.participant.to_string()
    })
}

/// Send a participant away, with every device of its place, and for good: it comes in again when it
/// is readmitted.
#[utoipa::path(
    delete,
    path = "/conferences/{conference}/participants/{participant}",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn remove(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        Verb::Remove,
        &conference,
        PeopleCommand::Remove { participant },
    )
    .await
}

/// Refuse a participant's sound and picture, whatever its page does.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/mute",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn mute(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        Verb::Mute,
        &conference,
        SourcesCommand::Mute {
            participant,
            muted: true,
        },
    )
    .await
}

/// Refuse a participant's sound, whatever its page does; its picture goes on.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/mute-sound",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn mute_sound(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        Verb::Mute,
        &conference,
        SourcesCommand::MuteSound { participant },
    )
    .await
}

/// Accept a participant's media again.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/unmute",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn unmute(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        Verb::Mute,
        &conference,
        SourcesCommand::Mute {
            participant,
            muted: false,
        },
    )
    .await
}

/// Let somebody in again who was sent away.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/participants/{participant}/readmit",
    tag = "participants",
    params(("conference" = ConferenceId, Path), ("participant" = ParticipantId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn readmit(
    State(app): State<App>,
    grant: Grant,
    Path((conference, participant)): Path<(ConferenceId, ParticipantId)>,
) -> Result<StatusCode, ApiError> {
    changed(
        &app,
        grant,
        Verb::Readmit,
        &conference,
        PeopleCommand::Readmit { participant },
    )
    .await
}

/// Everybody who was sent away and may not come in.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/barred",
    tag = "participants",
    params(("conference" = ConferenceId, Path)),
    responses((status = OK, body = Vec<BarredEntry>))
)]
pub(super) async fn barred(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Vec<BarredEntry>>, ApiError> {
    Ok(Json(
        readable(&app, &grant, &conference).await?.barred().await?,
    ))
}

async fn changed(
    app: &App,
    grant: Grant,
    verb: Verb,
    conference: &ConferenceId,
    command: impl Into<Command>,
) -> Result<StatusCode, ApiError> {
    let conference = reachable(app, &grant, verb, conference).await?;
    conference.change(Actor::bearer(grant), command).await?;
    Ok(StatusCode::NO_CONTENT)
}
