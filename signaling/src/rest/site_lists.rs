//! `/sites/import` and `/sites/export`: the directory as files that spreadsheets read and write.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ApiError, Body, ErrorBody, Json, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::sites::document::SitesDocument;
use crate::sites::export::FileFormat;
use crate::sites::preview::{MAX_ENTRIES, Preview};
use crate::sites::{
    Encoding, ImportError, ImportSummary, Mapping, Missing, Reading, SiteFilter, Wish, export,
};
use crate::store::{Consent, ImportFailure};

/// How a list is read, and what is done with it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PreviewQuery {
    /// What becomes of known sites that are not in the list: they stay, which is so if this is left
    /// out, or are hidden, which keeps them for the records alone, or are removed.
    #[param(inline)]
    missing: Option<Missing>,
    /// Which sheet of a workbook; the first if left out.
    sheet: Option<String>,
    /// How a text is written that is neither UTF-8 nor UTF-16.
    #[param(inline)]
    encoding: Option<Encoding>,
    /// What the list calls its columns, as a JSON object: `{"code":"Ký hiệu","seats":""}`, where an
    /// empty header is none. Columns that are not here are found by the names that lists usually have.
    columns: Option<String>,
    /// Of each part of the preview the entries from this one on, from 0.
    #[param(value_type = Option<u64>, default = 0, minimum = 0, maximum = 4_294_967_295_u64)]
    from: Option<u32>,
    /// Most entries of each part; there are fewer where they would be too long.
    #[param(default = 100, minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What a list would change, and what is wrong with it: the worst first. Nothing is changed. Where no
/// line names the columns, `begins` is how the list begins.
#[utoipa::path(
    post,
    path = "/sites/import/preview",
    tag = "sites",
    params(PreviewQuery),
    request_body(
        content(
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (SitesDocument<'_> = "application/json"),
        ),
        description = "As for the import."
    ),
    responses((status = OK, body = Preview))
)]
pub(super) async fn preview(
    State(app): State<App>,
    grant: Grant,
    Query(query): Query<PreviewQuery>,
    Body(body): Body,
) -> Result<Json<Preview>, ApiError> {
    grant.permit(Verb::ImportSites)?;
    let PreviewQuery {
        missing,
        sheet,
        encoding,
        columns,
        from,
        limit,
    } = query;
    let wish = wish(missing, sheet, encoding, columns.as_deref())?;
    let limit = super::page::checked(limit, MAX_ENTRIES)?;
    let window = (from.unwrap_or_default(), limit);
    match app.store.preview_sites(&body, &wish, window).await {
        Err(ImportFailure::List(ImportError::Header(begins))) => {
            Ok(Json(Preview::without_header(*begins)))
        }
        other => other.map(Json).map_err(refused),
    }
}

/// How a list is read, and what is done with it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// As for the preview.
    #[param(inline)]
    missing: Option<Missing>,
    /// As for the preview.
    sheet: Option<String>,
    /// As for the preview.
    #[param(inline)]
    encoding: Option<Encoding>,
    /// As for the preview.
    columns: Option<String>,
    /// That of a preview: what it has shown is done, or nothing.
    digest: Option<String>,
    /// What looks wrong is meant so.
    #[param(default = false)]
    confirm: Option<bool>,
}

/// Import a list of sites: all of it or nothing.
#[utoipa::path(
    post,
    path = "/sites/import",
    tag = "sites",
    params(ImportQuery),
    request_body(
        content(
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (SitesDocument<'_> = "application/json"),
        ),
        description = "A text with commas, semicolons or tabs, in UTF-8 or UTF-16, or a workbook: at \
            most 250,000 rows and 16 MiB. One of the first 20 rows names the columns in any order: \
            `code` and any of `name`, `level`, `parent_code`, `contact_name`, `contact_phone`, \
            `contact_email`, `seats`, `line_profile`, `stand_by_device`, `groups`, or what \
            Vietnamese and English lists usually call them. One site is `central`, `province`s are \
            below it, `commune`s below those; `school`, `hospital`, `company` and `place` are below \
            any other site, to any depth. A level that is left out follows from those above. A \
            column that is left out leaves what is known as it is. Or a JSON document of version 1, \
            with what `GET /sites` has of each site: what is left out of one stays as it is known, \
            `null` takes it away."
    ),
    responses(
        (status = OK, body = ImportSummary),
        (status = CONFLICT, body = ErrorBody, description = "it is not what the preview has shown"),
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Query(query): Query<ImportQuery>,
    Body(body): Body,
) -> Result<Json<ImportSummary>, ApiError> {
    grant.permit(Verb::ImportSites)?;
    let ImportQuery {
        missing,
        sheet,
        encoding,
        columns,
        digest,
        confirm,
    } = query;
    let wish = wish(missing, sheet, encoding, columns.as_deref())?;
    if wish.missing == Missing::Remove {
        grant.permit(Verb::RemoveSites)?;
    }
    let consent = Consent {
        confirmed: confirm.unwrap_or_default(),
        digest,
    };
    let summary = app.store.import_sites(&body, &wish, &consent).await;
    let summary = summary.map_err(refused)?;
    AccessLog::changed(client, &grant, "list of sites");
    Ok(Json(summary))
}

fn wish(
    missing: Option<Missing>,
    sheet: Option<String>,
    encoding: Option<Encoding>,
    columns: Option<&str>,
) -> Result<Wish, ApiError> {
    let columns = columns.map_or_else(|| Ok(Mapping::new()), serde_json::from_str);
    let columns = columns.map_err(|error| ApiError::bad_request(format!("columns: {error}")))?;
    Ok(Wish {
        missing: missing.unwrap_or_default(),
        reading: Reading {
            sheet,
            encoding,
            columns,
        },
    })
}

fn refused(failure: ImportFailure) -> ApiError {
    match failure {
        ImportFailure::List(error) => ApiError::bad_request(error.to_string()),
        stale @ ImportFailure::Stale(_) => ApiError::new(
            StatusCode::CONFLICT,
            ErrorCode::PreviewStale,
            stale.to_string(),
        ),
        ImportFailure::Store(error) => error.into(),
    }
}

/// As what to export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExportQuery {
    /// The kind of file; CSV if left out.
    #[param(inline)]
    format: Option<FileFormat>,
}

/// All known sites as a file that can be imported again. A text has a mark by which Excel knows UTF-8,
/// and what a spreadsheet would compute begins with an apostrophe, which the import leaves out.
#[utoipa::path(
    get,
    path = "/sites/export",
    tag = "sites",
    params(ExportQuery),
    responses(
        (status = OK, content(
            (String = "text/csv"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (SitesDocument<'_> = "application/json"),
        ))
    )
)]
pub(super) async fn export(
    State(app): State<App>,
    grant: Grant,
    Query(ExportQuery { format }): Query<ExportQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let filter = SiteFilter {
        within: grant.within(Verb::ReadSites)?.cloned(),
        ..SiteFilter::default()
    };
    let format = format.unwrap_or_default();
    let sites = app.store.sites(&filter).await?;
    let made = tokio::task::spawn_blocking(move || export::export(&sites, format));
    let file = match made.await {
        Ok(Ok(file)) => file,
        Ok(Err(error)) => return Err(not_made(&error)),
        Err(error) => return Err(not_made(&error)),
    };
    let (kind, name) = match format {
        FileFormat::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"sites.csv\"",
        ),
        FileFormat::Xlsx => (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "attachment; filename=\"sites.xlsx\"",
        ),
        FileFormat::Json => ("application/json", "attachment; filename=\"sites.json\""),
    };
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], file))
}

fn not_made(cause: &dyn std::error::Error) -> ApiError {
    tracing::error!(%cause, "the list of sites could not be exported");
    let message = "the list could not be made into a file; it is in the server's log";
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Internal,
        message,
    )
}
