//! `/sites`: the places that conferences expect.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{MAX_LIMIT, Page, checked, page};
use super::{ApiError, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::ids::SiteCode;
use crate::refusal::ErrorCode;
use crate::sites::{Level, Site, SiteFilter};
use crate::store::SiteGroup;

/// Most groups of an answer, which nobody reads in parts: with names of usual length they are 50 KB.
const MAX_GROUPS: usize = 1_000;

/// Longest list of codes, in characters: an address takes it, and a few hundred codes are in it.
const MAX_CODES_CHARS: usize = 4_000;

/// Which sites to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SitesQuery {
    /// Of this level.
    level: Option<Level>,
    /// Directly below this site.
    parent: Option<SiteCode>,
    /// With one of these codes, between commas. What no site is called finds none.
    #[param(max_length = 4_000, example = "00004,00008")]
    codes: Option<String>,
    /// Whose name or code contains this, whatever its case and diacritics.
    search: Option<String>,
    /// Also those that are kept for the records alone.
    #[param(default = false)]
    hidden: Option<bool>,
    /// Those that come after this one in the list.
    after: Option<SiteCode>,
    /// Most sites of the answer.
    #[param(default = 10_000, minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// Known sites, by code.
#[utoipa::path(
    get,
    path = "/sites",
    tag = "sites",
    params(SitesQuery),
    responses((status = OK, body = Vec<Site>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(SitesQuery {
        level,
        parent,
        codes,
        search,
        hidden,
        after,
        limit,
    }): Query<SitesQuery>,
    uri: OriginalUri,
) -> Result<Page<Site>, ApiError> {
    let most = checked(limit, MAX_LIMIT)?;
    let filter = SiteFilter {
        level,
        parent,
        codes: codes.as_deref().map(codes_in).transpose()?,
        search,
        hidden: hidden.unwrap_or_default(),
        within: grant.within(Verb::ReadSites)?.cloned(),
        after,
        // One more than is asked for, which tells whether there is another page.
        limit: Some(most.saturating_add(1)),
    };
    let sites = app.store.sites(&filter).await?;
    page(&uri, Some(most), sites, |site| site.code.to_string())
}

/// Those of a list that may be a site's.
fn codes_in(list: &str) -> Result<Vec<SiteCode>, ApiError> {
    let length = list.chars().count();
    if length > MAX_CODES_CHARS {
        return Err(ApiError::bad_request(format!(
            "codes has {length} characters, must have {MAX_CODES_CHARS} at most"
        )));
    }
    let codes = list.split(',').filter_map(|code| code.trim().parse().ok());
    Ok(codes.collect())
}

/// The groups that sites belong to, by name: the first 1,000.
#[utoipa::path(
    get,
    path = "/sites/groups",
    tag = "sites",
    responses((status = OK, body = Vec<SiteGroup>))
)]
pub(super) async fn groups(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<Vec<SiteGroup>>, ApiError> {
    let within = grant.within(Verb::ReadSites)?;
    let mut groups = app.store.site_groups(within).await?;
    groups.truncate(MAX_GROUPS);
    Ok(Json(groups))
}

/// One site.
#[utoipa::path(
    get,
    path = "/sites/{site}",
    tag = "sites",
    params(("site" = SiteCode, Path)),
    responses((status = OK, body = Site))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(code): Path<SiteCode>,
) -> Result<Json<Site>, ApiError> {
    if let Some(province) = grant.within(Verb::ReadSites)?
        && !app.store.is_within(&code, province).await?
    {
        return Err(grant.role().out_of_reach(Verb::ReadSites).into());
    }
    let site = app.store.site(&code).await?;
    site.map(Json).ok_or_else(|| unknown(&code))
}

/// There is no such site.
pub(super) fn unknown(code: &SiteCode) -> ApiError {
    let message = format!("there is no site {code}");
    ApiError::new(
        axum::http::StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        message,
    )
}
