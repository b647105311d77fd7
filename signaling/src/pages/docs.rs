//! The documentation site, built by `make docs` and embedded as the web client is.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use rust_embed::RustEmbed;

use super::{ASK_AGAIN, guard, not_found, serve};

/// The built files. Missing ones are allowed, so that the server builds without the builder of books.
#[derive(RustEmbed)]
#[folder = "../docs/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "The documentation is not part of this build: `make docs`, and then the server \
    again.\nIts text is in docs/src of the source.\n";

/// Its first page.
pub async fn first(headers: HeaderMap) -> Response {
    serve::<Files>(&headers, "index.html", ASK_AGAIN).unwrap_or_else(|| {
        let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        guard((StatusCode::SERVICE_UNAVAILABLE, kind, NOT_BUILT).into_response())
    })
}

/// Any other page, or what it looks like.
pub async fn page(headers: HeaderMap, Path(path): Path<String>) -> Response {
    serve::<Files>(&headers, &path, ASK_AGAIN).unwrap_or_else(|| not_found(&headers))
}
