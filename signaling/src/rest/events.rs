//! `/conferences/{conference}/events`: the log from which everything else follows.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::conferences::readable;
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::app::App;
use crate::auth::Grant;
use crate::ids::ConferenceId;
use crate::store::StoredEvent;

/// Most events of one answer.
const MAX_LIMIT: u32 = 1_000;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Those that come after this number; from the first if left out.
    #[serde(default)]
    after: u64,
    /// Most events of the answer.
    #[param(default = 1_000, minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
}

/// What has happened, in order. Each event names the hash of the one before it, so that nothing
/// can be missed or altered unnoticed.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/events",
    tag = "events",
    params(("conference" = ConferenceId, Path), EventsQuery),
    responses(
        (status = OK, body = Vec<StoredEvent>),
        (status = BAD_REQUEST, body = ErrorBody),
        (status = UNAUTHORIZED, body = ErrorBody),
        (status = FORBIDDEN, body = ErrorBody),
        (status = NOT_FOUND, body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Query(EventsQuery { after, limit }): Query<EventsQuery>,
) -> Result<Json<Vec<StoredEvent>>, ApiError> {
    readable(&app, &grant, &conference).await?;
    let limit = limit.unwrap_or(MAX_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request(format!(
            "limit is {limit}, must be 1 to {MAX_LIMIT}"
        )));
    }
    Ok(Json(
        app.store.events_after(&conference, after, limit).await?,
    ))
}
