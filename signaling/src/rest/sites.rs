//! `/sites`: the places that conferences expect.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{Page, page};
use super::{ApiError, Body, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::ids::SiteCode;
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::sites::{ImportSummary, Level, Site, SiteFilter};
use crate::store::ImportFailure;

/// Which sites to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SitesQuery {
    /// Of this level.
    level: Option<Level>,
    /// Directly below this site.
    parent: Option<SiteCode>,
    /// Whose name or code contains this, whatever its case and diacritics.
    search: Option<String>,
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
        search,
        after,
        limit,
    }): Query<SitesQuery>,
    uri: OriginalUri,
) -> Result<Page<Site>, ApiError> {
    grant.role().permit(Verb::ReadSites)?;
    let filter = SiteFilter {
        level,
        parent,
        search,
    };
    let mut sites = app.store.sites(&filter).await?;
    sites.retain(|site| after.as_ref().is_none_or(|after| site.code > *after));
    page(&uri, limit, sites, |site| site.code.to_string())
}

/// Import a list of sites: all of it or nothing. Sites that are not in it stay.
#[utoipa::path(
    post,
    path = "/sites/import",
    tag = "sites",
    request_body(
        content = String,
        content_type = "text/csv",
        description = "`code,name,level,parent_code` in any order, in UTF-8 or marked UTF-16; at \
            most 250,000 lines and 16 MiB. One site is `central`, `province`s are below it, \
            `commune`s below those. `contact_name` and `contact_phone` may say whom to call; a \
            list without them leaves them as they are."
    ),
    responses((status = OK, body = ImportSummary))
)]
pub(super) async fn import(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Body(body): Body,
) -> Result<Json<ImportSummary>, ApiError> {
    grant.role().permit(Verb::ImportSites)?;
    match app.store.import_sites(&body).await {
        Ok(summary) => {
            AccessLog::changed(client, &grant, "list of sites");
            Ok(Json(summary))
        }
        Err(ImportFailure::List(error)) => Err(ApiError::bad_request(error.to_string())),
        Err(ImportFailure::Store(error)) => Err(error.into()),
    }
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
    grant.role().permit(Verb::ReadSites)?;
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
