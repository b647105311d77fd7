//! The web client, built by `web-client` and embedded here.

mod packed;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::app::App;
use crate::rest::refusals;

/// The built files. Missing ones are allowed, so that the server builds without Node.
#[derive(RustEmbed)]
#[folder = "../web-client/dist"]
#[allow_missing = true]
struct Files;

/// The page that all paths of people share; what it shows, it decides by the path.
const INDEX: &str = "index.html";

/// Paths at which people arrive.
pub const PATHS: [&str; 5] = ["/", "/operator", "/hall", "/site", "/observer"];

/// Only our own files, no plug-ins, no frames; nothing inline but styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; \
    worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Camera, microphone and screen for our own page only.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self)";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// For files whose name has a hash of their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For files whose content may change under their name.
const ASK_AGAIN: &str = "no-cache";

const NOT_BUILT: &str = "The web client is not part of this build.\n\n\
    Build it and then the server again:\n\n    \
    npm --prefix web-client ci\n    npm --prefix web-client run build\n    cargo build\n\n\
    The interfaces for programs work without it: /api/openapi.json describes them.\n";

/// One of [`PATHS`].
pub async fn page(headers: HeaderMap) -> Response {
    Files::get(INDEX).map_or_else(not_built, |file| serve(&headers, INDEX, &file, ASK_AGAIN))
}

/// A file with a hash in its name.
pub async fn asset(headers: HeaderMap, Path(path): Path<String>) -> Response {
    let path = format!("assets/{path}");
    Files::get(&path).map_or_else(
        || not_found(&headers),
        |file| serve(&headers, &path, &file, FOR_EVER),
    )
}

/// Any other file of the client, such as its icon.
pub async fn file(headers: HeaderMap, Path(name): Path<String>) -> Response {
    Files::get(&name).map_or_else(
        || not_found(&headers),
        |file| serve(&headers, &name, &file, ASK_AGAIN),
    )
}

fn serve(headers: &HeaderMap, path: &str, file: &EmbeddedFile, cache: &'static str) -> Response {
    let hash = hex::encode(file.metadata.sha256_hash());
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let packed = if packed::is_accepted(headers) {
        packed::packed(path, kind.essence_str(), &file.data)
    } else {
        None
    };
    // One tag for each form (RFC 9110 §8.8.3.3).
    let form = if packed.is_some() { "-gzip" } else { "" };
    let etag = format!("\"{hash}{form}\"");
    let cached = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let kind = [(CONTENT_TYPE, kind.to_string())];
    let mut response = match packed {
        _ if cached => StatusCode::NOT_MODIFIED.into_response(),
        Some(packed) => (kind, [(CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (kind, file.data.clone().into_owned()).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    guard(response)
}

fn not_built() -> Response {
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    guard((StatusCode::SERVICE_UNAVAILABLE, kind, NOT_BUILT).into_response())
}

/// Whoever is led astray by a person's hand reads a page, with what to do; a program a sentence.
fn not_found(headers: &HeaderMap) -> Response {
    let wants_page = headers.get_all(ACCEPT).iter().any(|kinds| {
        kinds
            .to_str()
            .is_ok_and(|kinds| kinds.contains("text/html"))
    });
    let page = Files::get(INDEX).filter(|_| wants_page);
    let Some(page) = page else {
        return guard((StatusCode::NOT_FOUND, "there is no such page\n").into_response());
    };
    let mut response = serve(headers, INDEX, &page, ASK_AGAIN);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Neither a page nor a file nor an interface.
pub async fn nothing(headers: HeaderMap, uri: Uri) -> Response {
    const PROGRAMS: [&str; 4] = ["/api", "/whip", "/whep", "/ws"];
    if PROGRAMS.iter().any(|path| uri.path().starts_with(path)) {
        return refusals::no_address(uri).await.into_response();
    }
    let mut response = not_found(&headers);
    if !is_html(&response) {
        response = refusals::no_address(uri).await.into_response();
    }
    response
}

fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// How to reach the organisers, for the sentences that send people to them.
pub async fn contact(State(app): State<App>) -> Response {
    let contact = app.config.conferences.organiser.as_str();
    let organiser = (!contact.is_empty()).then_some(contact);
    let cache = [(CACHE_CONTROL, ASK_AGAIN)];
    let body = Json(serde_json::json!({ "organiser": organiser }));
    guard((cache, body).into_response())
}

/// What a browser must not do with our pages.
fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (PERMISSIONS_POLICY, PERMISSIONS),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
