//! `/events`: what happens in all conferences.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{checked, link_to};
use super::{ApiError, Json, Query};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::store::JournalEntry;

/// Most events of one answer.
const MAX_LIMIT: u32 = 200;

/// Most bytes of a page, before it is compressed, but for one event that alone is larger. Higher: fewer
/// requests. Lower: a page is there sooner on a slow line.
const MOST_BYTES: u64 = 256 * 1024;

/// Largest number: the largest integer that JavaScript holds exactly.
const MAX_AFTER: u64 = (1 << 53) - 1;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JournalQuery {
    /// Those that come after this number; from the first if left out.
    #[param(default = 0, minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    #[serde(default)]
    after: u64,
    /// Most events of the answer.
    #[param(default = 200, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Whether there may be such a number.
pub(super) fn check_after(after: u64) -> Result<(), ApiError> {
    if after <= MAX_AFTER {
        return Ok(());
    }
    let message = format!("after is {after}, must be 0 to {MAX_AFTER}");
    Err(ApiError::bad_request(message))
}

/// What has happened anywhere, in the order in which it was stored.
///
/// Each has a `number` over all conferences, higher than all before; who asks for what comes after the
/// last number that it has seen misses nothing. Numbers may be missing: of a damaged record only what
/// comes before the damage is here. An event of a conference names it and its `seq` there, where its
/// hashes are; what stands in no conference's record names none.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(JournalQuery),
    responses((status = OK, body = Vec<JournalEntry>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(JournalQuery { after, limit }): Query<JournalQuery>,
    uri: OriginalUri,
) -> Result<(HeaderMap, Json<Vec<JournalEntry>>), ApiError> {
    grant.permit(Verb::ReadEvents)?;
    let limit = checked(limit, MAX_LIMIT)?;
    check_after(after)?;
    let page = app.store.journal_within(after, limit, MOST_BYTES).await?;
    let next = page.is_full.then(|| page.last.to_string());
    Ok((link_to(&uri, limit, next.as_deref()), Json(page.entries)))
}
