//! `/conferences/{conference}/events`: the log from which everything else follows.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::conferences::may_read;
use super::page::checked;
use super::{ApiError, Json, Path, Query};
use crate::app::App;
use crate::auth::Grant;
use crate::ids::ConferenceId;
use crate::refusal::ErrorCode;
use crate::store::StoredEvent;

/// Most events of one answer.
const MAX_LIMIT: u32 = 1_000;

/// Largest number of an event: the largest integer that JavaScript holds exactly.
const MAX_AFTER: u64 = (1 << 53) - 1;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Those that come after this number; from the first if left out.
    #[param(default = 0, minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    #[serde(default)]
    after: u64,
    /// Most events of the answer.
    #[param(default = 1_000, minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
}

/// What has happened, in order.
///
/// Of a damaged record this is what comes before the damage, then `record_damaged`.
///
/// Each event names the hash of the one before it, so that nothing can be missed or altered
/// unnoticed. The first names 64 zeros. `hash` is the SHA-256 of the 32 bytes of `prev` and then
/// the text `{"at":…,"conference":…,"event":…,"seq":…}`: JSON without spaces, with `at`, `event`
/// and `seq` as they stand here, the fields of `event` in the order of its text, and `conference`
/// the conference's id. A page with as many events as `limit` says may have a successor: ask for
/// those after its last `seq`.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/events",
    tag = "events",
    params(("conference" = ConferenceId, Path), EventsQuery),
    responses((status = OK, body = Vec<StoredEvent>))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Query(EventsQuery { after, limit }): Query<EventsQuery>,
) -> Result<Json<Vec<StoredEvent>>, ApiError> {
    may_read(&grant, &conference)?;
    match app.directory.find(&conference).await {
        // What comes before the damage can be read.
        Err(refusal) if refusal.code == ErrorCode::RecordDamaged => {}
        found => drop(found?),
    }
    let limit = checked(limit, MAX_LIMIT)?;
    if after > MAX_AFTER {
        return Err(ApiError::bad_request(format!(
            "after is {after}, must be 0 to {MAX_AFTER}"
        )));
    }
    Ok(Json(
        app.store.events_after(&conference, after, limit).await?,
    ))
}
