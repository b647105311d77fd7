//! `/conferences/{conference}/roster`: the sites that this conference expects.

use std::collections::BTreeSet;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::conferences::{reachable, readable};
use super::{ApiError, ErrorBody, Json, Path};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::{Actor, RosterCommand};
use crate::ids::{ConferenceId, SiteCode};
use crate::protocol::RosterView;

/// The sites that should be here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetRoster {
    /// Codes of the sites that should be here; all that are known if left out.
    sites: Option<BTreeSet<SiteCode>>,
}

/// The sites that this conference expects, as they were called when that was said.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/roster",
    tag = "roster",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = RosterView),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<RosterView>, ApiError> {
    let conference = readable(&app, &grant, &conference).await?;
    Ok(Json(conference.roster().await?))
}

/// Expect these sites, and no others. Names and provinces are taken anew from the list of sites.
#[utoipa::path(
    put,
    path = "/conferences/{conference}/roster",
    tag = "roster",
    params(("conference" = ConferenceId, Path)),
    request_body = SetRoster,
    responses(
        (status = OK, body = RosterView),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such site."),
        (status = CONFLICT, body = ErrorBody, description = "the conference has ended"),
    )
)]
pub(super) async fn set(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(SetRoster { sites }): Json<SetRoster>,
) -> Result<Json<RosterView>, ApiError> {
    let conference = reachable(&app, &grant, Verb::SetRoster, &conference).await?;
    let roster = app.directory.roster(sites).await?;
    let command = RosterCommand::Set { roster };
    conference.change(Actor::bearer(grant), command).await?;
    Ok(Json(conference.roster().await?))
}
