//! The web client, built by `web-client` and embedded here.

mod coding;
pub mod contact;
pub mod docs;

use axum::extract::Path;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use self::coding::Coding;
use crate::rest::refusals;

/// The built files. Missing ones are allowed, so that the server builds without Node.
#[derive(RustEmbed)]
#[folder = "../web-client/dist"]
#[allow_missing = true]
struct Files;

/// The page that all paths of people share; what it shows, it decides by the path.
const INDEX: &str = "index.html";

/// The page for people with accounts, a build of its own.
const OFFICE_INDEX: &str = "office.html";

/// The page behind a site's short link, a build of its own.
const LINK_INDEX: &str = "m.html";

/// Paths at which people arrive in a conference, or check their line.
pub const PATHS: [&str; 6] = ["/", "/operator", "/hall", "/site", "/observer", "/check"];

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
    serve::<Files>(&headers, INDEX, ASK_AGAIN).unwrap_or_else(not_built)
}

/// The path of the pages for people with accounts.
pub const OFFICE: &str = "/office";

/// The page at [`OFFICE`]; what it shows, it decides by what is behind the `#`.
pub async fn office(headers: HeaderMap) -> Response {
    serve::<Files>(&headers, OFFICE_INDEX, ASK_AGAIN).unwrap_or_else(not_built)
}

/// A site's short link: what it is invited to, its reply, and the way in.
pub const LINK: &str = "/m/{code}";

/// The page at [`LINK`]; of whom it speaks, it asks by the code.
pub async fn link(headers: HeaderMap) -> Response {
    serve::<Files>(&headers, LINK_INDEX, ASK_AGAIN).unwrap_or_else(not_built)
}

/// A file with a hash in its name.
pub async fn asset(headers: HeaderMap, Path(path): Path<String>) -> Response {
    serve::<Files>(&headers, &format!("assets/{path}"), FOR_EVER)
        .unwrap_or_else(|| not_found(&headers))
}

/// Any other file of the client, such as its icon.
pub async fn file(headers: HeaderMap, Path(name): Path<String>) -> Response {
    serve::<Files>(&headers, &name, ASK_AGAIN).unwrap_or_else(|| not_found(&headers))
}

/// A file in the smallest form that is there and that the client reads; `None` if there is no such
/// file.
fn serve<F: RustEmbed>(headers: &HeaderMap, path: &str, cache: &'static str) -> Option<Response> {
    let plain = F::get(path)?;
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let packed = |coding: Coding| Some((coding, F::get(&format!("{path}{}", coding.suffix()))?));
    let (coding, file) = Coding::accepted(headers)
        .find_map(packed)
        .map_or((None, plain), |(coding, file)| (Some(coding), file));
    // Each form has a tag of its own (RFC 9110 §8.8.3.3).
    let etag = etag(&file);
    let is_known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, kind.to_string())], file.data.into_owned()).into_response()
    };
    let headers = response.headers_mut();
    if let Some(coding) = coding.filter(|_| !is_known) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    Some(guard(response))
}

fn etag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", hex::encode(file.metadata.sha256_hash()))
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
    let page = wants_page
        .then(|| serve::<Files>(headers, INDEX, ASK_AGAIN))
        .flatten();
    let Some(mut response) = page else {
        return guard((StatusCode::NOT_FOUND, "there is no such page\n").into_response());
    };
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
