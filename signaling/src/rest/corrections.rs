//! Correcting what was made: a conference's title and time, one that will not take place, a site
//! that is no more.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::conferences::changed;
use super::{ApiError, ErrorBody, Json, Path};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::{Actor, PhaseCommand};
use crate::ids::{ConferenceId, SiteCode};
use crate::listener::ClientAddress;
use crate::protocol::Snapshot;
use crate::refusal::ErrorCode;
use crate::store::SiteRemoval;

/// What of a conference is to be another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AmendConference {
    /// What people should call it; as it was if left out.
    title: Option<String>,
    /// When it should begin, `null` if that is not known; as it was if left out.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Timestamp>>,
}

/// A `null` that is written is another thing than nothing.
pub(super) fn written<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

/// Correct the title of a conference that has not ended, or the time of one that has not begun.
#[utoipa::path(
    patch,
    path = "/conferences/{conference}",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    request_body = AmendConference,
    responses(
        (status = OK, body = Snapshot),
        (status = CONFLICT, body = ErrorBody, description = "it has begun, or ended"),
    )
)]
pub(super) async fn amend(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(AmendConference { title, starts_at }): Json<AmendConference>,
) -> Result<Json<Snapshot>, ApiError> {
    changed(
        &app,
        grant,
        Verb::AmendConference,
        &conference,
        PhaseCommand::Amend { title, starts_at },
    )
    .await
}

/// Take back a conference that has not begun. Its log is kept, and its id is not used again.
#[utoipa::path(
    delete,
    path = "/conferences/{conference}",
    tag = "conferences",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ErrorBody, description = "it has begun"),
    )
)]
pub(super) async fn delete(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::DeleteConference)?;
    app.directory
        .delete(Actor::bearer(grant), &conference)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a site off the list. It must have none below it, and no conference that has not ended may
/// expect it.
#[utoipa::path(
    delete,
    path = "/sites/{site}",
    tag = "sites",
    params(("site" = SiteCode, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ErrorBody, description = "it is needed"),
    )
)]
pub(super) async fn delete_site(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(code): Path<SiteCode>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::RemoveSites)?;
    let in_use = |message| ApiError::new(StatusCode::CONFLICT, ErrorCode::SiteInUse, message);
    if let Some(conference) = app.directory.expecting(&code).await? {
        return Err(in_use(format!(
            "the conference {conference} expects the site {code}: change its roster first"
        )));
    }
    match app.store.remove_site(&code).await? {
        SiteRemoval::Done => {
            AccessLog::changed(client, &grant, "list of sites");
            Ok(StatusCode::NO_CONTENT)
        }
        SiteRemoval::HasChildren(below) => Err(in_use(format!(
            "{below} sites are below the site {code}: remove or move them first"
        ))),
        SiteRemoval::Unknown => Err(super::sites::unknown(&code)),
    }
}
