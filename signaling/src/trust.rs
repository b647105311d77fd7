//! `/trust`: what the server's own authority is, and how its root is installed. Also in the clear:
//! who has not installed it yet reads it without a warning.

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::pages;
use crate::tls::Root;

/// Both languages, without a script.
const PAGE: &str = include_str!("trust.html");

/// Where the fingerprint stands in it.
const FINGERPRINT: &str = "{fingerprint}";

/// Nothing but its own words.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The page; as any address that leads nowhere where there is no such authority.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Response {
    let Some(root) = root_of(&app) else {
        return pages::nothing(headers, uri).await;
    };
    let page = PAGE.replace(FINGERPRINT, &root.fingerprint());
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}

/// The root, as systems install it.
pub(crate) async fn root(State(app): State<App>) -> Response {
    let Some(root) = root_of(&app) else {
        return (
            StatusCode::NOT_FOUND,
            "this server has no authority of its own\n",
        )
            .into_response();
    };
    let headers = [
        (CONTENT_TYPE, "application/x-x509-ca-cert"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"dinh-root.crt\"",
        ),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, root.der().to_vec()).into_response()
}

fn root_of(app: &App) -> Option<&Root> {
    app.tls.as_ref()?.root()
}
